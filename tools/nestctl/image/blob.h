/* SPDX-License-Identifier: MIT */
/*
 * blob.h: a blob is a part of a file to import. It is read as an archive, and its digest is checked
 * in the same pass.
 *
 *      struct blob_reader *r = blob_open(&blob);
 *      while ((entry = blob_next(r))) ... archive_read_data_block(blob_archive(r), ...)
 *      blob_close(r);
 *
 * Every failure dies with a message that begins with the blob's name.
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
	/* where in @fd the blob is, in bytes */
	uint64_t off, size;
	/* expected digest, 64 digits in lower case, or NULL */
	const char *sha256;
};

struct blob_reader;

/*
 * Opens a tar, plain or compressed with gzip, bzip2, xz or zstd. The content decides which, not the
 * name. @b and its descriptor must stay until blob_close().
 */
struct blob_reader *blob_open(const struct blob *b);
/* Returns the archive for calls of libarchive, which the reader owns. */
struct archive *blob_archive(struct blob_reader *r);
/* Returns the text of libarchive's last error, or a general text. The archive owns it. */
const char *archive_why(struct archive *a);
/* Returns the next entry, which is valid until the next call, or NULL at the end. */
struct archive_entry *blob_next(struct blob_reader *r);
/* Reads to the end of the file, compares its digest and frees the reader. */
void blob_close(struct blob_reader *r);
/*
 * Returns the content of a small blob as a string, after checking its digest, for the caller to
 * free. Dies if it has more than @max bytes.
 */
char *blob_text(const struct blob *b, size_t max);
/* True if the blob is not compressed by one of blob_open()'s compressors, or cannot be read. */
bool blob_is_plain(const struct blob *b);

/*
 * Begins a pass over blobs and limits the bytes to which they may together unpack. The limit is 1
 * GiB plus 32 times @packed, the bytes of the archive @name; the text @name must stay valid. If the
 * user has given the image's size @size in bytes (else 0), the limit is at least four times that. A
 * reader that would unpack more takes this for an attack and dies.
 */
void blob_bound(const char *name, uint64_t packed, uint64_t size);
/* Begins another pass with the same limit. */
void blob_again(void);
/* Returns the limit in bytes, or INT64_MAX without blob_bound(). */
uint64_t blob_most(void);
/* Dies unless the limit of blob_bound() allows to unpack @bytes more of this blob. */
void blob_expect(const struct blob_reader *r, uint64_t bytes);

/* Sets the total of the progress bar in bytes, which shows those read from blobs. 0: no bar. */
void blob_progress(uint64_t total);

#endif
