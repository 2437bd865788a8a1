/* SPDX-License-Identifier: MIT */
/*
 * inflate.h: decompression of gzip (RFC 1952) and of raw deflate streams (RFC 1951). Takes no
 * locks, allocates nothing, and sleeps only if the sink does.
 */
#ifndef NESTLING_LIB_INFLATE_H
#define NESTLING_LIB_INFLATE_H

#include "kernel/lib/types.h"

/*
 * Receives decompressed bytes, in order, 1 to 32768 a call; @data is valid until it returns. A
 * result other than 0 ends the decompression, which then returns that result.
 */
typedef int (*inflate_sink_t)(void *arg, const u8 *data, size_t n);

/*
 * Memory of one decompression: inflate_size() bytes (about 40 KiB) of the caller, which need no
 * initialisation.
 */
struct inflate;
size_t inflate_size(void);

/*
 * Decompresses a raw deflate stream at @in, of at most @n bytes. Sets *used to the bytes of input
 * consumed. Returns 0; -EINVAL: damaged or truncated; or the sink's result.
 */
int inflate_raw(
	struct inflate *z, const u8 *in, size_t n, size_t *used, inflate_sink_t sink, void *arg);
/*
 * Decompresses a gzip member with header and checks. Returns like inflate_raw(), -EINVAL also
 * without a valid header, and -EBADMSG if the CRC or the length does not match. Other failures
 * leave *used alone.
 */
int inflate_gzip(
	struct inflate *z, const u8 *in, size_t n, size_t *used, inflate_sink_t sink, void *arg);
/* True if @in begins with a gzip header, judged by its magic and method. */
bool is_gzip(const u8 *in, size_t n);

#endif
