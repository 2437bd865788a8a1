/* SPDX-License-Identifier: MIT */
/* ignore.h: patterns of names: those of COPY, and the lines of a .dockerignore. */
#ifndef NESTLING_NESTCTL_IGNORE_H
#define NESTLING_NESTCTL_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if the whole of @path, "a/b", fits. * and ? match any characters but /, [a-z] and [^a-z] for
 * one of them, ** for any number of folders; \ takes the meaning of the next character.
 */
bool pattern_fits(const char *pattern, const char *path);
/* True if @text has a character with a meaning for pattern_fits(). */
bool pattern_is(const char *text);

struct ignore;
/* Reads the lines of a .dockerignore. @text ends in NUL. The result is never freed. */
struct ignore *ignore_parse(const char *text);
/* True if the path is left out. @ig NULL: nothing is. */
bool ignore_has(const struct ignore *ig, const char *path);
/* True if files in a folder that is left out may be taken in by a line with "!". */
bool ignore_has_exceptions(const struct ignore *ig);

#endif
