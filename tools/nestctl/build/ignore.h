/* SPDX-License-Identifier: MIT */
/*
 * ignore.h: patterns for file names: in the sources of COPY, and in the lines of a .dockerignore.
 */
#ifndef NESTLING_NESTCTL_IGNORE_H
#define NESTLING_NESTCTL_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if the pattern matches all of @path, such as "a/b". * matches any characters except /, ?
 * matches one of them, [a-z] and [^a-z] match one of a set, and ** matches any number of folders. A
 * backslash makes the next character an ordinary one.
 */
bool pattern_fits(const char *pattern, const char *path);
/* True if @text has a special character of pattern_fits(). */
bool pattern_is(const char *text);

struct ignore;
/* Parses the lines of a .dockerignore. @text is NUL-terminated. The result is never freed. */
struct ignore *ignore_parse(const char *text);
/* True if @ig excludes the path, which is relative to the context. NULL excludes nothing. */
bool ignore_has(const struct ignore *ig, const char *path);
/* True if a line with "!" may include files of an excluded folder. */
bool ignore_has_exceptions(const struct ignore *ig);

#endif
