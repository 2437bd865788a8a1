/* SPDX-License-Identifier: MIT */
/*
 * context.h: the context of a build: the folder from which COPY and ADD take files. Paths are
 * resolved beneath it: symbolic links on the way may lead anywhere in the context, but not out of
 * it. Every failure dies with a message. @at is an instruction for messages. Texts are never freed.
 */
#ifndef NESTLING_NESTCTL_BUILD_CONTEXT_H
#define NESTLING_NESTCTL_BUILD_CONTEXT_H

#include "tools/nestctl/build/ignore.h"
#include "tools/nestctl/build/send.h"

struct context {
	/* absolute, without symbolic links; NULL if there is no context */
	const char *path;
	int dir;               /* its descriptor, or -1 */
	struct ignore *ignore; /* or NULL */
};

/*
 * Opens the context at @path. @file: the path of the Containerfile, beside which there may be a
 * FILE.dockerignore.
 */
struct context context_open(const char *path, const char *file);
/* Returns a context without files: a use of one dies with a message. */
struct context context_none(void);
/*
 * Returns the paths that a source of COPY, which may be a pattern, selects, sorted and relative to
 * the context. The list ends in NULL. "" is the whole context. Dies if it selects none.
 */
struct instruction;
char **context_find(const struct context *c, const struct instruction *at, const char *source);
/* Sends the file at @path, or the contents of the folder, without what .dockerignore excludes. */
void context_send(
	const struct context *c, const struct instruction *at, const char *path, struct send *s);
/*
 * Opens a regular file of the context for reading. Returns its descriptor, which is close-on-exec,
 * or -1 if @path is a folder.
 */
int context_open_file(const struct context *c, const struct instruction *at, const char *path);
/* Returns the host's absolute path of @path, without symbolic links. */
const char *context_real(const struct context *c, const struct instruction *at, const char *path);

#endif
