/* SPDX-License-Identifier: MIT */
/*
 * decompress.c: connects kernel/lib/decompress.h with the host's compression libraries
 * (decompress_host.c).
 */
#include "kernel/lib/decompress.h"
#include "drivers/decompress/decompress_host.h"

_Static_assert((int)DECOMPRESS_ZLIB == (int)DECOMPRESS_HOST_ZLIB &&
		       (int)DECOMPRESS_LZO == (int)DECOMPRESS_HOST_LZO,
	"both worlds number the kinds alike");

static bool has(u32 kind)
{
	return decompress_host_has(kind);
}

static long block(u32 kind, void *out, size_t size, const void *in, size_t n)
{
	return decompress_host_block(kind, out, size, in, n);
}

static void *begin(u32 kind)
{
	return decompress_host_begin(kind);
}

static int step(void *stream, struct decompress_piece *p)
{
	struct decompress_host_piece piece = {
		.in = p->in, .n = p->n, .out = p->out, .room = p->room
	};
	int r = decompress_host_step(stream, &piece);

	p->used = piece.used;
	p->made = piece.made;
	return r;
}

static void end(void *stream)
{
	decompress_host_end(stream);
}

const struct decompress_ops decompress_ops = {
	.has = has, .block = block, .begin = begin, .step = step, .end = end
};
