/* SPDX-License-Identifier: MIT */
/*
 * context.h: the folder of a build, whose files COPY and ADD take. Paths are resolved within it: a
 * symbolic link on the way may lead anywhere in the context, and none leads out. Every failure dies
 * with a line.
 */
#ifndef NESTLING_NESTCTL_BUILD_CONTEXT_H
#define NESTLING_NESTCTL_BUILD_CONTEXT_H

#include "tools/nestctl/build/ignore.h"
#include "tools/nestctl/build/send.h"

struct context {
	const char *path;
	int dir;
	struct ignore *ignore; /* or NULL */
};

/* @file: the Containerfile, beside which FILE.dockerignore may lie. */
struct context context_open(const char *path, const char *file);
/*
 * Returns the paths that a source of COPY means, which may be a pattern: relative to the context,
 * "" for all of it; sorted. Dies if there is none. @at: for messages.
 */
struct instruction;
char **context_find(const struct context *c, const struct instruction *at, const char *source);
/* Sends what lies at @path: a file, or the contents of a folder. @at: as above. */
void context_send(
	const struct context *c, const struct instruction *at, const char *path, struct send *s);
/* Opens a file of the context for reading; -1 if it is a folder. */
int context_open_file(const struct context *c, const struct instruction *at, const char *path);
/* Returns the host's full path of what lies at @path, without symbolic links. */
const char *context_real(const struct context *c, const struct instruction *at, const char *path);

#endif
