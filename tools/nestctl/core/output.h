/* SPDX-License-Identifier: MIT */
/*
 * output.h: files that appear under their names complete or not at all; and temporary files, which
 * have no name.
 *
 *      int fd = output_open(path);
 *      ... write ...
 *      output_finish(fd, path, false);
 */
#ifndef NESTLING_NESTCTL_OUTPUT_H
#define NESTLING_NESTCTL_OUTPUT_H

#include <stdbool.h>

/*
 * Mark of the name that an unfinished output has if it needs one: its path, this, and eight digits.
 */
#define OUTPUT_MARK ".nestctl-"

/*
 * Opens an output for reading and writing, of mode 0600: it has a guest's secrets. Dies on an
 * error. Calls clean_up_when_ended().
 */
int output_open(const char *path);
/*
 * Brings the file to the disk, gives it its name and closes the fd. @replace: replaces an existing
 * file. Dies on an error.
 */
void output_finish(int fd, const char *path, bool replace);
/* Gives the file the mode that other programs give to theirs: of an archive to pass on. */
void output_by_umask(int fd);
/* Gives @fd the mode of @old, which it is to replace, and its owner if possible. */
void output_replaces(int fd, int old);
/* Makes the existing file @path a companion of @fd: it is removed if @fd is never finished. */
void output_companion(int fd, const char *path);

/*
 * Sets what exit(), SIGINT, SIGTERM and SIGHUP do from now on: end the child of spawn(), remove
 * names of unfinished outputs and their companions. An ignored SIGHUP (nohup) stays ignored.
 */
void clean_up_when_ended(void);

/*
 * Opens a file without a name in $TMPDIR or /var/tmp, which children do not inherit. @what: for
 * messages. Dies on an error.
 */
int temporary_file(const char *what);
/*
 * Makes a folder for this process's files, in the same places, and returns its path. The folder is
 * removed with its contents, as clean_up_when_ended() describes. Dies on an error.
 */
const char *temporary_folder(const char *what);

#endif
