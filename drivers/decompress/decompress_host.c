/* SPDX-License-Identifier: MIT */
/*
 * decompress_host.c: zlib, zstd, xz, lz4 and lzo, each of them if the build found its header
 * (mk/decompress.mk).
 *
 * Each host thread (a vCPU's) has its own state for a library. It is allocated at the first call
 * and kept, so a block needs no allocation and no lock. All libraries limit their output to the
 * given size, and none recurses. The largest frame on the host stack is zstd's, some KiB.
 */
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#ifdef HAVE_ZSTD
#include <zstd.h>
#endif
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_LZ4
#include <lz4.h>
#endif
#ifdef HAVE_LZO
#include <lzo/lzo1x.h>
#endif

#include "drivers/decompress/decompress_host.h"

static long zlib_block(void *out, size_t size, const void *in, size_t n)
{
	static __thread z_stream z;
	static __thread int made;
	int r = Z_OK;

	if (!made)
		r = inflateInit(&z);
	else
		r = inflateReset(&z);
	if (r != Z_OK)
		return r == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
	made = 1;
	z.next_in = (Bytef *)in;
	z.avail_in = (uInt)n;
	z.next_out = out;
	z.avail_out = (uInt)size;
	r = inflate(&z, Z_FINISH);
	return r == Z_STREAM_END ? (long)(size - z.avail_out) : -EINVAL;
}

#ifdef HAVE_ZSTD
/* Decompresses a block. The output buffer serves as the window, so none is allocated. */
static long zstd_block(void *out, size_t size, const void *in, size_t n)
{
	static __thread ZSTD_DCtx *ctx;
	size_t r;

	if (!ctx)
		ctx = ZSTD_createDCtx();
	if (!ctx)
		return -ENOMEM;
	r = ZSTD_decompressDCtx(ctx, out, size, in, n);
	return ZSTD_isError(r) ? -EINVAL : (long)r;
}
#endif

#ifdef HAVE_LZMA
/* Limit of memory: streams whose dictionary is larger than a block are refused. */
#define XZ_MEMORY (8U << 20)

static long xz_block(void *out, size_t size, const void *in, size_t n)
{
	uint64_t limit = XZ_MEMORY;
	size_t from = 0, to = 0;
	lzma_ret r = lzma_stream_buffer_decode(&limit, 0, NULL, in, &from, n, out, &to, size);

	if (r == LZMA_MEM_ERROR)
		return -ENOMEM;
	return r == LZMA_OK ? (long)to : -EINVAL;
}
#endif

#ifdef HAVE_LZ4
static long lz4_block(void *out, size_t size, const void *in, size_t n)
{
	int r = LZ4_decompress_safe(in, out, (int)n, (int)size);

	return r < 0 ? -EINVAL : r;
}
#endif

#ifdef HAVE_LZO
static long lzo_block(void *out, size_t size, const void *in, size_t n)
{
	lzo_uint to = size;

	return lzo1x_decompress_safe(in, n, out, &to, NULL) == LZO_E_OK ? (long)to : -EINVAL;
}
#endif

typedef long (*block_fn)(void *out, size_t size, const void *in, size_t n);
static const block_fn blocks[] = {
	[DECOMPRESS_HOST_ZLIB] = zlib_block,
#ifdef HAVE_ZSTD
	[DECOMPRESS_HOST_ZSTD] = zstd_block,
#endif
#ifdef HAVE_LZMA
	[DECOMPRESS_HOST_XZ] = xz_block,
#endif
#ifdef HAVE_LZ4
	[DECOMPRESS_HOST_LZ4] = lz4_block,
#endif
#ifdef HAVE_LZO
	[DECOMPRESS_HOST_LZO] = lzo_block,
#endif
	[DECOMPRESS_HOST_LZO + 1] = NULL,
};

int decompress_host_has(uint32_t kind)
{
	return kind < sizeof(blocks) / sizeof(blocks[0]) && blocks[kind];
}

long decompress_host_block(uint32_t kind, void *out, size_t size, const void *in, size_t n)
{
	if (!decompress_host_has(kind))
		return -EOPNOTSUPP;
	if (n > INT32_MAX || size > INT32_MAX)
		return -EINVAL;
	return blocks[kind](out, size, in, n);
}
