/* SPDX-License-Identifier: MIT */
/*
 * blob.h: a part of a file to import, read as an archive whose digest is checked on the way.
 *
 *      struct blob_reader *r = blob_open(&blob, true);
 *      while ((entry = blob_next(r))) ... archive_read_data_block(blob_archive(r), ...)
 *      blob_close(r);
 *
 * Every failure dies with a line that begins with the blob's name.
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
	/* expected digest, 64 digits in lower case, or NULL */
	const char *sha256;
};

struct blob_reader;

/* Opens a tar, plain or compressed (gzip, bzip2, xz, zstd), whatever its name. */
struct blob_reader *blob_open(const struct blob *b);
struct archive *blob_archive(struct blob_reader *r);
/* Returns the text of libarchive's last error, or a substitute. */
const char *archive_why(struct archive *a);
/* Returns the next entry, valid until the next call, or NULL at the end. */
struct archive_entry *blob_next(struct blob_reader *r);
/* Reads to the end of the file and compares its digest. */
void blob_close(struct blob_reader *r);
/* Returns the whole of a small blob, with a NUL behind it, after checking its digest. */
char *blob_text(const struct blob *b, size_t max);
/* True if it begins with plain bytes, not with a compressor's. */
bool blob_is_plain(const struct blob *b);

/*
 * Begins a pass over blobs that together may unpack to 1 GiB and 32 times @packed, the bytes of the
 * archive @name, or to four times the image's size @size (0: the user has given none). More is
 * taken for a bomb: the reader dies.
 */
void blob_bound(const char *name, uint64_t packed, uint64_t size);
/* Begins another pass with these bounds. */
void blob_again(void);
/* Returns the bound, in bytes; without blob_bound() there is none. */
uint64_t blob_most(void);
/* Dies unless @bytes more can be unpacked. */
void blob_expect(const struct blob_reader *r, uint64_t bytes);

/* Sets the total of the progress bar, which counts bytes read from blobs. */
void blob_progress(uint64_t total);

#endif
