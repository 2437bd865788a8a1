/* SPDX-License-Identifier: MIT */
/*
 * inflate.h: decompression of gzip (RFC 1952) and of raw deflate streams (RFC 1951). Pure.
 */
#ifndef NESTLING_LIB_INFLATE_H
#define NESTLING_LIB_INFLATE_H

#include "kernel/lib/types.h"

/*
 * Receives decompressed bytes, in order. A result other than 0 ends the decompression, which then
 * returns that result.
 */
typedef int (*inflate_sink_t)(void *arg, const u8 *data, size_t n);

/* Memory of one decompression, from the caller (about 40 KiB). */
struct inflate;
size_t inflate_size(void);

/*
 * Decompresses a raw deflate stream at @in. Returns 0, with *used set to the bytes of input
 * consumed; -EINVAL: damaged or truncated; or the sink's result.
 */
int inflate_raw(
	struct inflate *z, const u8 *in, size_t n, size_t *used, inflate_sink_t sink, void *arg);
/*
 * Decompresses a gzip member with header and checks. Returns like inflate_raw(), and -EBADMSG if
 * the CRC or the length does not match.
 */
int inflate_gzip(
	struct inflate *z, const u8 *in, size_t n, size_t *used, inflate_sink_t sink, void *arg);
bool is_gzip(const u8 *in, size_t n);

#endif
