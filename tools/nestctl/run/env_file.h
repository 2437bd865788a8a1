/* SPDX-License-Identifier: MIT */
/* env_file.h: --env-file of run and exec. */
#ifndef NESTLING_NESTCTL_ENV_FILE_H
#define NESTLING_NESTCTL_ENV_FILE_H

/*
 * Calls @take(@arg, text) with each variable of a file: VAR=VALUE, or VAR. Skips empty lines and
 * those that begin with #, and blanks in front of a line. The text is valid during the call only.
 * Dies with a message that begins with @command if the file cannot be read, or if a line begins
 * with "=" or has more than 64 KiB.
 */
void env_file_read(const char *path, const char *command, void (*take)(void *arg, const char *text),
	void *arg);

#endif
