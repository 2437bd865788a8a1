/* SPDX-License-Identifier: MIT */
/* cow.h: shared by the files of `nestctl cow`. */
#ifndef NESTLING_NESTCTL_COW_H
#define NESTLING_NESTCTL_COW_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/ubd/image_host.h"

/* Formats of a disk's file. V3 and V4: versions of layers (docs/cow.md). NONE: not chosen. */
enum format { FORMAT_NONE, FORMAT_RAW, FORMAT_V3, FORMAT_V4 };

/* ---- cow.c ---- */

/*
 * Opens an image, for the caller to close with image_close(). Dies with a message on an error, and
 * if the file is read-only and IMAGE_RDONLY is not in @flags (IMAGE_* of image_host.h). @backing:
 * NULL, or a backing file in place of the header's.
 */
struct image *image_must_open(const char *file, const char *backing, uint32_t flags);
/*
 * Records that the user has made the layer @file over @backing, so that it is trusted
 * (trust_host.h). Errors are ignored.
 */
void layer_remember(const char *file, const char *backing);
/* True if the file is raw: neither a backing file nor tables. Dies on an error. */
bool image_is_raw(const char *file);
/*
 * Returns the paths of an image's backing files, the uppermost first, and NULL at the end. They are
 * never freed. Dies on an error.
 */
const char **image_backings(const char *file);
/* Reads @n bytes from byte @off. Bytes beyond the image's end are zeros. Dies on an error. */
void image_must_read(struct image *im, uint64_t off, void *p, uint64_t n);

/* ---- cow_convert.c ---- */

/*
 * Converts an image into the new file @out. @flat: with the data of all backing files. Otherwise
 * @out has only the first file's data, over the same backing file. Shows a progress bar. Dies on an
 * error, and if @out exists.
 */
void convert(struct image *im, enum format to, bool flat, const char *out);
/* As convert(), into the empty file @fd, which stays open. @out: the file's name, for messages. */
void convert_into(struct image *im, enum format to, bool flat, int fd, const char *out);
/*
 * Writes an empty layer over @backing (NULL: none) into the empty file @fd, which stays open.
 * @file: the layer's name, for messages. @size: bytes of the disk; 0: those of the backing file.
 * FORMAT_NONE: version 3 if the backing file is raw and of this size, or else version 4. Dies on an
 * error, and if the backing file is larger than @size.
 */
void write_empty(int fd, const char *file, const char *backing, enum format format, uint64_t size);
/*
 * Finds the next piece with data in the bytes [from, size), and sets *off and *len. With @top only
 * the first file's data counts, else that of all files. A piece has at most @max bytes and crosses
 * no multiple of @max. Returns false at the end. Dies on an error.
 */
bool next_piece(
	struct image *im, uint64_t from, uint64_t max, bool top, uint64_t *off, uint64_t *len);

/* ---- cow_merge.c ---- */

/*
 * Merges the layer @name into its backing file, and replaces the layer by an empty one. @backing:
 * see image_must_open(). @yes: writes without asking. Returns the exit status, or dies.
 */
int cow_commit(const char *name, const char *backing, bool yes);
/*
 * Moves the layer @file, which is over @from (NULL: the header's backing file), onto @backing:
 * copies into it what differs. @unsafe: changes only the header. Returns the exit status, or dies.
 */
int cow_rebase(const char *file, const char *from, const char *backing, bool unsafe);

#endif
