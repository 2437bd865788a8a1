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

#endif
