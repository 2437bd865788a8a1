/* SPDX-License-Identifier: MIT */
/* cow.h: what the files of `nestctl cow` share. */
#ifndef NESTLING_NESTCTL_COW_H
#define NESTLING_NESTCTL_COW_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/ubd/image_host.h"

enum format { FORMAT_NONE, FORMAT_RAW, FORMAT_V3, FORMAT_V4 };

/* ---- cow.c ---- */

/* An open image; dies with a line when it cannot be. @backing: NULL or another one than the file says. */
struct image *image_must_open(const char *file, const char *backing, uint32_t flags);
/* It has no backing file and no tables. Dies. */
bool image_is_raw(const char *file);
/* All of it; past the end of the image zeros. Dies. */
void image_must_read(struct image *im, uint64_t off, void *p, uint64_t n);

/* ---- cow_convert.c ---- */

/* @flat: with all of its backing files; else what the first file holds, over the same backing file. */
void convert(struct image *im, enum format to, bool flat, const char *out);
/*
 * An empty layer into an empty file. @size 0: the backing file's. FORMAT_NONE: version 3 where that can be, over a raw file, else 4.
 */
void write_empty(int fd, const char *file, const char *backing, enum format format, uint64_t size);
/* output_as_private() for a layer that is to stand over @backing, of all its files. Dies. */
void output_as_private_as(int fd, const char *backing);
/*
 * Walks over [from, size) in pieces of at most @max bytes that do not cross a multiple of it: the next one that has something in it (it is
 * held by the first file when @top, by any when not; holes are skipped). False: none.
 */
bool next_piece(
	struct image *im, uint64_t from, uint64_t max, bool top, uint64_t *off, uint64_t *len);

/* ---- cow_merge.c ---- */

int cow_commit(const char *name);
int cow_rebase(const char *file, const char *backing, bool unsafe);

#endif
