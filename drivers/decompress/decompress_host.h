/* SPDX-License-Identifier: MIT */
/*
 * decompress_host.h: the interface of decompress_host.c for decompress.c. Integers only, so that
 * both worlds can include it.
 */
#ifndef NESTLING_DECOMPRESS_HOST_H
#define NESTLING_DECOMPRESS_HOST_H

#include <stddef.h>
#include <stdint.h>

enum {
	DECOMPRESS_HOST_ZLIB,
	DECOMPRESS_HOST_ZSTD,
	DECOMPRESS_HOST_XZ,
	DECOMPRESS_HOST_LZ4,
	DECOMPRESS_HOST_LZO
};

/* True if a library for this kind (DECOMPRESS_HOST_*) is built in. */
int decompress_host_has(uint32_t kind);
/* Decompresses a block like decompress_block(). May run on several host threads at once. */
long decompress_host_block(uint32_t kind, void *out, size_t size, const void *in, size_t n);

/* ---- streams: gzip (DECOMPRESS_HOST_ZLIB), zstd, xz ---- */

struct decompress_host_stream;
struct decompress_host_piece {
	/* input, and its bytes */
	const void *in;
	size_t n;
	/* room for output, and its bytes */
	void *out;
	size_t room;
	/* results: bytes read from @in, and written to @out */
	size_t used, made;
};

/* Returns a stream for decompress_host_end(), or NULL: no memory, or no library for @kind. */
struct decompress_host_stream *decompress_host_begin(uint32_t kind);
/*
 * Decompresses the next piece of a stream. Returns 1 if the stream has ended, 0 if it has not,
 * -EINVAL if it is damaged or truncated, or -ENOMEM. A window above 128 MiB is refused: with
 * -EINVAL by zstd, with -ENOMEM by xz. p->used and p->made are set in all cases.
 */
int decompress_host_step(struct decompress_host_stream *s, struct decompress_host_piece *p);
void decompress_host_end(struct decompress_host_stream *s);

#endif
