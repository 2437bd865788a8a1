/* SPDX-License-Identifier: MIT */
/*
 * blob.h: a part of a file that is to be imported, and reading it as an archive, whose digest is checked on the way.
 *
 *	struct blob_reader *r = blob_open(&blob, true);
 *	while ((entry = blob_next(r))) ... archive_read_data_block(blob_archive(r), ...)
 *	blob_close(r);
 *
 * All of it dies with a line that begins with the blob's name.
 */
#ifndef NESTLING_NESTCTL_BLOB_H
#define NESTLING_NESTCTL_BLOB_H

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob {
	const char *name; /* for messages */
	int fd;           /* a regular file */
	uint64_t off, size;
	const char *sha256; /* what it must have, 64 digits in lower case; or NULL */
};

struct blob_reader;

/* A tar, plain or compressed (gzip, bzip2, xz, zstd, whatever it is called). */
struct blob_reader *blob_open(const struct blob *b);
struct archive *blob_archive(struct blob_reader *r);
/* Of libarchive's last error, which does not always have a text. */
const char *archive_why(struct archive *a);
/* The next entry, until the next call; NULL: the end. */
struct archive_entry *blob_next(struct blob_reader *r);
/* Reads to the end of the file and compares its digest. */
void blob_close(struct blob_reader *r);
/* All of a small one, with a NUL behind it; its digest is right. */
char *blob_text(const struct blob *b, size_t max);
/* Plain bytes at its begin, no compressor's. */
bool blob_is_plain(const struct blob *b);

/* The bar counts the bytes that are read from blobs: how many there will be. */
void blob_progress(uint64_t total);

#endif
