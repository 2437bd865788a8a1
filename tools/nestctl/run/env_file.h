/* SPDX-License-Identifier: MIT */
/* env_file.h: --env-file of run and exec. */
#ifndef NESTLING_NESTCTL_ENV_FILE_H
#define NESTLING_NESTCTL_ENV_FILE_H

/*
 * Calls @take with each variable of a file: VAR=VALUE, or VAR. Empty lines and those that begin
 * with # are none. @text is not kept. Dies with a line of @command.
 */
void env_file_read(const char *path, const char *command, void (*take)(void *arg, const char *text),
	void *arg);

#endif
