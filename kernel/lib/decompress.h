/* SPDX-License-Identifier: MIT */
/*
 * decompress.h: blocks that a library of the host decompresses, for the file systems of images.
 *
 * The libraries are in the host world (drivers/decompress), which is linked with those that were there at the build. A call does not sleep and
 * takes the vCPU for its length: a block is at most a MiB.
 */
#ifndef NESTLING_LIB_DECOMPRESS_H
#define NESTLING_LIB_DECOMPRESS_H

#include "kernel/lib/types.h"

enum {
	DECOMPRESS_ZLIB,
	DECOMPRESS_ZSTD,
	DECOMPRESS_XZ,
	DECOMPRESS_LZ4,
	DECOMPRESS_LZO,
	DECOMPRESS_KINDS
};

/* Is @kind built in? */
bool decompress_has(u32 kind);
/*
 * The whole of @in, one stream of @kind, into @out: the bytes it makes, at most @size; -EINVAL: damaged, or it wants to make more than
 * @size; -ENOMEM; -EOPNOTSUPP: not built in. Both buffers lie in the direct map; what is behind the result in @out may be anything.
 */
long decompress_block(u32 kind, void *out, size_t size, const void *in, size_t n);

#endif
