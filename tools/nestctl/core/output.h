/* SPDX-License-Identifier: MIT */
/*
 * output.h: files that appear under their names when they are complete, or not at all; and temporary ones, which have no name.
 *
 *	int fd = output_open(path);
 *	... write ...
 *	output_finish(fd, path, false);
 */
#ifndef NESTLING_NESTCTL_OUTPUT_H
#define NESTLING_NESTCTL_OUTPUT_H

#include <stdbool.h>

/* A name that an output has before it is finished, where it must have one: its path, this, and eight digits. */
#define OUTPUT_MARK ".nestctl-"

/* An fd for reading and writing. Dies. Calls clean_up_when_ended(). */
int output_open(const char *path);
/* Reaches the disk and gets its name; the fd is closed. @replace: also where there is one of that name. Dies. */
void output_finish(int fd, const char *path, bool replace);
/* @fd is a copy of what is in @of: who may not read or write that may not read or write the copy. Several may be named. */
void output_as_private(int fd, int of);
/* It is to take the place of @old: it gets its mode, and its owner where that can be. */
void output_replaces(int fd, int old);
/* The file @path, which is there, belongs to @fd: it is removed where that is never finished. */
void output_companion(int fd, const char *path);

/*
 * What exit(), SIGINT, SIGTERM and SIGHUP do from now on: what spawn() started is ended, the names of outputs that were not finished
 * are removed, with their companions. SIGHUP that was ignored (nohup) stays so.
 */
void clean_up_when_ended(void);

/* A file without a name in $TMPDIR or /var/tmp, which children do not inherit. @what: for messages. Dies. */
int temporary_file(const char *what);

#endif
