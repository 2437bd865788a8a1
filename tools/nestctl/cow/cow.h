/* SPDX-License-Identifier: MIT */
/* cow.h: what the files of `nestctl cow` share. */
#ifndef NESTLING_NESTCTL_COW_H
#define NESTLING_NESTCTL_COW_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/ubd/image_host.h"

enum format { FORMAT_NONE, FORMAT_RAW, FORMAT_V3, FORMAT_V4 };

/* ---- cow.c ---- */

/* Opens an image, or dies with a line. @backing: NULL, or a file that replaces the header's. */
struct image *image_must_open(const char *file, const char *backing, uint32_t flags);
/* Records that the user has made the layer @file over @backing (trust_host.h). */
void layer_remember(const char *file, const char *backing);
/* True if it has no backing file and no tables. Dies on an error. */
bool image_is_raw(const char *file);
/*
 * Returns the names of an image's backing files, the upper one first, then NULL. Dies on an error.
 */
const char **image_backings(const char *file);
/* Reads all bytes; past the end of the image zeros. Dies on an error. */
void image_must_read(struct image *im, uint64_t off, void *p, uint64_t n);

/* ---- cow_convert.c ---- */

/*
 * Converts an image. @flat: with all of its backing files; else what the first file holds, over
 * that backing file.
 */
void convert(struct image *im, enum format to, bool flat, const char *out);
/* Likewise, into the empty file @fd, which is left open. @out: its name, for messages. */
void convert_into(struct image *im, enum format to, bool flat, int fd, const char *out);
/*
 * Writes an empty layer into an empty file. @size 0: the backing file's. FORMAT_NONE: version 3 if
 * possible, over a raw file, else 4.
 */
void write_empty(int fd, const char *file, const char *backing, enum format format, uint64_t size);
/*
 * Walks over [from, size) in pieces of at most @max bytes that do not cross a multiple of @max.
 * Finds the next one with data (with @top in the first file, else in any; holes are skipped). False
 * at the end.
 */
bool next_piece(
	struct image *im, uint64_t from, uint64_t max, bool top, uint64_t *off, uint64_t *len);

/* ---- cow_merge.c ---- */

/* @backing: see image_must_open(). @yes: does not ask before it writes to the backing file. */
int cow_commit(const char *name, const char *backing, bool yes);
/*
 * Puts the layer, which is over @from (NULL: the header's), on @backing. @unsafe: copies nothing.
 */
int cow_rebase(const char *file, const char *from, const char *backing, bool unsafe);

#endif
