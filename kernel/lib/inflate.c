/* SPDX-License-Identifier: MIT */
/*
 * inflate.c: decompression of deflate streams (RFC 1951) in gzip's wrapping (RFC 1952).
 *
 * Bits come from the low end of each byte. Codes are canonical Huffman codes, decoded by length:
 * with the counts of codes of each length and the symbols sorted by (length, symbol), a code of
 * length l with value v is a symbol if v - first[l] < count[l]. That is one step a bit: slower than
 * tables, but small, and an initrd is read once.
 *
 * Output goes to a window of 32 KiB, which is passed to the sink when it is full.
 *
 * Invariants:
 * 1. The input is never read beyond its end (a read past it sets @bad and gives zeros).
 * 2. A distance never reaches behind the first byte of output.
 * 3. Every loop ends, since each step consumes input or produces output.
 */
#include <asm/errno.h>

#include "kernel/lib/crc.h"
#include "kernel/lib/inflate.h"
#include "kernel/lib/string.h"

#define WINDOW 32768
#define MAX_BITS 15
#define MAX_LITERALS 288
#define MAX_DISTANCES 32

struct huffman {
	u16 count[MAX_BITS + 1]; /* codes of each length */
	u16 symbol[MAX_LITERALS];
};

struct inflate {
	const u8 *in;
	size_t n, at;
	u32 bits, nr_bits; /* read but not yet used */
	bool bad;          /* the input ended too early */
	inflate_sink_t sink;
	void *arg;
	int err;  /* result of the sink */
	u32 fill; /* bytes since the last flush */
	u64 total;
	u32 crc;
	struct huffman lit, dist;
	u8 lengths[MAX_LITERALS + MAX_DISTANCES];
	u8 window[WINDOW];
};

size_t inflate_size(void)
{
	return sizeof(struct inflate);
}

/* ---- bits in ---- */

/* Returns the next @n bits (at most 24) of the input; past its end sets z->bad and returns 0. */
static u32 get_bits(struct inflate *z, u32 n)
{
	u32 v;

	while (z->nr_bits < n) {
		if (z->at >= z->n) {
			z->bad = true;
			return 0;
		}
		z->bits |= (u32)z->in[z->at++] << z->nr_bits;
		z->nr_bits += 8;
	}
	v = z->bits & ((1U << n) - 1);
	z->bits >>= n;
	z->nr_bits -= n;
	return v;
}

/* ---- bytes out ---- */

static void flush(struct inflate *z)
{
	if (!z->fill || z->err)
		return;
	z->crc = crc32_le(z->crc, z->window, z->fill);
	z->err = z->sink(z->arg, z->window, z->fill);
	z->fill = 0;
}

static inline void put_byte(struct inflate *z, u8 b)
{
	z->window[z->fill++] = b;
	z->total++;
	if (z->fill == WINDOW)
		flush(z);
}

static int copy_match(struct inflate *z, u32 dist, u32 len)
{
	u32 from = (z->fill - dist) & (WINDOW - 1);

	if (dist > z->total || dist > WINDOW)
		return -EINVAL;
	while (len--) {
		put_byte(z, z->window[from]);
		from = (from + 1) & (WINDOW - 1);
	}
	return 0;
}

/* ---- Huffman codes ---- */

/*
 * Builds a code from the lengths of the symbols' codes. -EINVAL if the lengths allow no such code.
 */
static int build(struct huffman *h, const u8 *lengths, u32 n)
{
	u16 offset[MAX_BITS + 1];
	int left = 1;

	memset(h->count, 0, sizeof(h->count));
	for (u32 i = 0; i < n; i++)
		h->count[lengths[i]]++;
	for (u32 len = 1; len <= MAX_BITS; len++) {
		left = left * 2 - h->count[len];
		if (left < 0)
			return -EINVAL;
	}
	offset[1] = 0;
	for (u32 len = 1; len < MAX_BITS; len++)
		offset[len + 1] = offset[len] + h->count[len];
	for (u32 i = 0; i < n; i++)
		if (lengths[i])
			h->symbol[offset[lengths[i]]++] = i;
	return 0;
}

/*
 * Returns the next symbol, or -EINVAL. May read ahead by the longest code; inflate_raw() and
 * stored_block() return unused whole bytes to the input.
 */
static int decode(struct inflate *z, const struct huffman *h)
{
	int code = 0, first = 0, index = 0;
	u32 bits;

	while (z->nr_bits < MAX_BITS && z->at < z->n) {
		z->bits |= (u32)z->in[z->at++] << z->nr_bits;
		z->nr_bits += 8;
	}
	bits = z->bits;
	for (u32 len = 1; len <= MAX_BITS && len <= z->nr_bits; len++) {
		code |= bits & 1;
		bits >>= 1;
		if (code - first < h->count[len]) {
			z->bits = bits;
			z->nr_bits -= len;
			return h->symbol[index + code - first];
		}
		index += h->count[len];
		first = (first + h->count[len]) << 1;
		code <<= 1;
	}
	return -EINVAL;
}

/* ---- blocks; functions return 0, or -EINVAL for damaged input ---- */

static const u16 len_base[29] = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43,
	51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
static const u8 len_extra[29] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4,
	4, 4, 5, 5, 5, 5, 0 };
static const u16 dist_base[30] = { 1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257,
	385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577 };
static const u8 dist_extra[30] = { 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9,
	10, 10, 11, 11, 12, 12, 13, 13 };

static int read_match(struct inflate *z, int sym)
{
	u32 len, dist;

	sym -= 257;
	if (sym >= 29)
		return -EINVAL;
	len = len_base[sym] + get_bits(z, len_extra[sym]);
	sym = decode(z, &z->dist);
	if (sym < 0 || sym >= 30)
		return -EINVAL;
	dist = dist_base[sym] + get_bits(z, dist_extra[sym]);
	return z->bad ? -EINVAL : copy_match(z, dist, len);
}

static int coded_block(struct inflate *z)
{
	int sym, err = 0;

	while (!err && !z->err) {
		sym = decode(z, &z->lit);
		if (sym < 0 || z->bad)
			return -EINVAL;
		if (sym == 256)
			return 0;
		if (sym < 256)
			put_byte(z, sym);
		else
			err = read_match(z, sym);
	}
	return err;
}

static int stored_block(struct inflate *z)
{
	u32 len, nlen;

	/*
	 * Skip to the next byte boundary, and return whole bytes that were read ahead to the input.
	 */
	z->at -= z->nr_bits / 8;
	z->bits = z->nr_bits = 0;
	if (z->n - z->at < 4)
		return -EINVAL;
	len = z->in[z->at] | z->in[z->at + 1] << 8;
	nlen = z->in[z->at + 2] | z->in[z->at + 3] << 8;
	z->at += 4;
	if (len != (~nlen & 0xffff) || z->n - z->at < len)
		return -EINVAL;
	while (len-- && !z->err)
		put_byte(z, z->in[z->at++]);
	return 0;
}

static int fixed_block(struct inflate *z)
{
	memset(z->lengths, 8, 144);
	memset(z->lengths + 144, 9, 112);
	memset(z->lengths + 256, 7, 24);
	memset(z->lengths + 280, 8, 8);
	build(&z->lit, z->lengths, 288);
	memset(z->lengths, 5, 30);
	build(&z->dist, z->lengths, 30);
	return coded_block(z);
}

/*
 * Reads the code lengths of literals and distances, which are themselves Huffman-coded, with repeat
 * codes.
 */
static int read_lengths(struct inflate *z, u32 want)
{
	u32 have = 0;

	while (have < want) {
		int sym = decode(z, &z->lit);
		u8 value = 0;
		u32 repeat;

		if (sym < 0 || z->bad)
			return -EINVAL;
		if (sym < 16) {
			z->lengths[have++] = sym;
			continue;
		}
		if (sym == 16) {
			if (!have)
				return -EINVAL;
			value = z->lengths[have - 1];
			repeat = 3 + get_bits(z, 2);
		} else {
			repeat = sym == 17 ? 3 + get_bits(z, 3) : 11 + get_bits(z, 7);
		}
		if (have + repeat > want)
			return -EINVAL;
		memset(z->lengths + have, value, repeat);
		have += repeat;
	}
	return 0;
}

static int dynamic_block(struct inflate *z)
{
	static const u8 order[19] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1,
		15 };
	u32 nlit = get_bits(z, 5) + 257, ndist = get_bits(z, 5) + 1, ncode = get_bits(z, 4) + 4;
	int err;

	if (z->bad || nlit > 286 || ndist > 30)
		return -EINVAL;
	memset(z->lengths, 0, sizeof(z->lengths));
	for (u32 i = 0; i < ncode; i++)
		z->lengths[order[i]] = get_bits(z, 3);
	err = build(&z->lit, z->lengths, 19);
	if (!err)
		err = read_lengths(z, nlit + ndist);
	if (err || !z->lengths[256])
		return -EINVAL;
	err = build(&z->lit, z->lengths, nlit);
	if (!err)
		err = build(&z->dist, z->lengths + nlit, ndist);
	return err ? err : coded_block(z);
}

static int one_block(struct inflate *z, bool *last)
{
	*last = get_bits(z, 1);
	switch (get_bits(z, 2)) {
	case 0: return z->bad ? -EINVAL : stored_block(z);
	case 1: return fixed_block(z);
	case 2: return dynamic_block(z);
	default: return -EINVAL;
	}
}

int inflate_raw(
	struct inflate *z, const u8 *in, size_t n, size_t *used, inflate_sink_t sink, void *arg)
{
	bool last = false;
	int err = 0;

	memset(z, 0, offsetof(struct inflate, lit));
	z->in = in;
	z->n = n;
	z->sink = sink;
	z->arg = arg;
	z->crc = ~0U;
	while (!last && !err && !z->err)
		err = one_block(z, &last);
	flush(z);
	*used = z->at - z->nr_bits / 8;
	return z->err ? z->err : err;
}

/* ---- gzip ---- */

bool is_gzip(const u8 *in, size_t n)
{
	return n >= 10 && in[0] == 0x1f && in[1] == 0x8b && in[2] == 8;
}

/* Returns the position behind a zero-terminated text at @at, or n if it has no terminator. */
static size_t skip_text(const u8 *in, size_t n, size_t at)
{
	while (at < n && in[at])
		at++;
	return at < n ? at + 1 : n;
}

/* Returns the length of the gzip header, or 0 if @in has none. */
static size_t gzip_header(const u8 *in, size_t n)
{
	size_t at = 10;
	u8 flags;

	if (!is_gzip(in, n) || (in[3] & 0xe0))
		return 0;
	flags = in[3];
	if (flags & 4) {
		if (n - at < 2)
			return 0;
		at += 2 + (in[at] | in[at + 1] << 8);
	}
	if (at < n && (flags & 8))
		at = skip_text(in, n, at);
	if (at < n && (flags & 16))
		at = skip_text(in, n, at);
	if (flags & 2)
		at += 2;
	return at < n ? at : 0;
}

static u32 le32(const u8 *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24;
}

int inflate_gzip(
	struct inflate *z, const u8 *in, size_t n, size_t *used, inflate_sink_t sink, void *arg)
{
	size_t head = gzip_header(in, n), body;
	int err;

	if (!head)
		return -EINVAL;
	err = inflate_raw(z, in + head, n - head, &body, sink, arg);
	if (err)
		return err;
	if (n - head - body < 8)
		return -EINVAL;
	in += head + body;
	*used = head + body + 8;
	return le32(in) == ~z->crc && le32(in + 4) == (u32)z->total ? 0 : -EBADMSG;
}
