/* SPDX-License-Identifier: MIT */
/*
 * decompress_host.c: zlib, zstd, xz, lz4 and lzo, each of them if the build found its header
 * (mk/decompress.mk).
 *
 * Blocks: each host thread (a vCPU's) has its own state for a library. It is allocated at the first
 * call and kept, so a block needs no allocation and no lock. All libraries limit their output to
 * the given size, and none recurses. The largest frame on the host stack is zstd's, some KiB.
 *
 * Streams (gzip, zstd, xz) have a state of their own, and their windows are bounded by WINDOW_MAX.
 */
#include <errno.h>
#include <stdbool.h>
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

/* ---- streams ---- */

#define WINDOW_LOG_MAX 27 /* 128 MiB, which zstd --ultra needs */
#define WINDOW_MAX (1UL << WINDOW_LOG_MAX)
/* for inflateInit2(): the largest window, in gzip's format */
#define GZIP_WINDOW (16 + MAX_WBITS)

struct decompress_host_stream {
	uint32_t kind;
	z_stream gzip;
#ifdef HAVE_ZSTD
	ZSTD_DCtx *zstd;
#endif
#ifdef HAVE_LZMA
	lzma_stream xz;
#endif
};

static bool stream_init(struct decompress_host_stream *s)
{
	switch (s->kind) {
	case DECOMPRESS_HOST_ZLIB: return inflateInit2(&s->gzip, GZIP_WINDOW) == Z_OK;
#ifdef HAVE_ZSTD
	case DECOMPRESS_HOST_ZSTD:
		s->zstd = ZSTD_createDCtx();
		return s->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(
					  s->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX));
#endif
#ifdef HAVE_LZMA
	case DECOMPRESS_HOST_XZ: return lzma_stream_decoder(&s->xz, WINDOW_MAX, 0) == LZMA_OK;
#endif
	default: return false;
	}
}

struct decompress_host_stream *decompress_host_begin(uint32_t kind)
{
	struct decompress_host_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->kind = kind;
	if (stream_init(s))
		return s;
	decompress_host_end(s);
	return NULL;
}

static int gzip_step(z_stream *z, struct decompress_host_piece *p)
{
	int r;

	z->next_in = (Bytef *)p->in;
	z->avail_in = (uInt)p->n;
	z->next_out = p->out;
	z->avail_out = (uInt)p->room;
	r = inflate(z, Z_NO_FLUSH);
	p->used = p->n - z->avail_in;
	p->made = p->room - z->avail_out;
	if (r == Z_STREAM_END)
		return 1;
	return r == Z_OK ? 0 : r == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
}

#ifdef HAVE_ZSTD
static int zstd_step(ZSTD_DCtx *z, struct decompress_host_piece *p)
{
	ZSTD_inBuffer in = { p->in, p->n, 0 };
	ZSTD_outBuffer out = { p->out, p->room, 0 };
	size_t r = ZSTD_decompressStream(z, &out, &in);

	p->used = in.pos;
	p->made = out.pos;
	return ZSTD_isError(r) ? -EINVAL : !r;
}
#endif

#ifdef HAVE_LZMA
static int xz_step(lzma_stream *x, struct decompress_host_piece *p)
{
	lzma_ret r;

	x->next_in = p->in;
	x->avail_in = p->n;
	x->next_out = p->out;
	x->avail_out = p->room;
	r = lzma_code(x, LZMA_RUN);
	p->used = p->n - x->avail_in;
	p->made = p->room - x->avail_out;
	if (r == LZMA_STREAM_END)
		return 1;
	return r == LZMA_OK                                    ? 0 :
	       r == LZMA_MEM_ERROR || r == LZMA_MEMLIMIT_ERROR ? -ENOMEM :
								 -EINVAL;
}
#endif

/* Returns 1 at the end of the stream, 0 before it, or -errno. */
static int step(struct decompress_host_stream *s, struct decompress_host_piece *p)
{
	switch (s->kind) {
#ifdef HAVE_ZSTD
	case DECOMPRESS_HOST_ZSTD: return zstd_step(s->zstd, p);
#endif
#ifdef HAVE_LZMA
	case DECOMPRESS_HOST_XZ: return xz_step(&s->xz, p);
#endif
	default: return gzip_step(&s->gzip, p);
	}
}

int decompress_host_step(struct decompress_host_stream *s, struct decompress_host_piece *p)
{
	int r;

	p->used = p->made = 0;
	if (p->n > INT32_MAX)
		p->n = INT32_MAX;
	if (p->room > INT32_MAX)
		p->room = INT32_MAX;
	r = step(s, p);
	/* without progress the input is truncated */
	return !r && !p->used && !p->made ? -EINVAL : r;
}

void decompress_host_end(struct decompress_host_stream *s)
{
	inflateEnd(&s->gzip); /* ignores a stream that was not begun */
#ifdef HAVE_ZSTD
	ZSTD_freeDCtx(s->zstd);
#endif
#ifdef HAVE_LZMA
	lzma_end(&s->xz);
#endif
	free(s);
}
