/* SPDX-License-Identifier: MIT */
/*
 * tag.c: the tag of a program: the first eight bytes of the SHA-1 of its instructions (FIPS 180-4,
 * section 6.1). It identifies programs for users and tools. Nothing depends on its security.
 */
#include "kernel/bpf/internal.h"
#include "kernel/lib/string.h"

#define BLOCK 64

static u32 rotate(u32 v, u32 by)
{
	return v << by | v >> (32 - by);
}

static void mix(u32 h[5], const u8 block[BLOCK])
{
	u32 w[16], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f, k, next;

	for (u32 t = 0; t < 80; t++) {
		if (t < 16) {
			memcpy(&w[t], block + t * 4, 4);
			w[t] = __builtin_bswap32(w[t]);
		} else {
			w[t % 16] = rotate(
				w[(t + 13) % 16] ^ w[(t + 8) % 16] ^ w[(t + 2) % 16] ^ w[t % 16],
				1);
		}
		if (t < 20) {
			f = (b & c) | (~b & d);
			k = 0x5a827999;
		} else if (t < 40) {
			f = b ^ c ^ d;
			k = 0x6ed9eba1;
		} else if (t < 60) {
			f = (b & c) | (b & d) | (c & d);
			k = 0x8f1bbcdc;
		} else {
			f = b ^ c ^ d;
			k = 0xca62c1d6;
		}
		next = rotate(a, 5) + f + e + k + w[t % 16];
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

void ebpf_tag(const struct bpf_insn *insn, u32 n, u8 tag[BPF_TAG_SIZE])
{
	u32 h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	const u8 *data = (const u8 *)insn;
	size_t left = n * sizeof(*insn);
	u64 bits = __builtin_bswap64(left * 8);
	u8 last[BLOCK] = {};

	for (; left >= BLOCK; left -= BLOCK, data += BLOCK)
		mix(h, data);
	/*
	 * Instructions have 8 bytes, so the end mark and the length fit into this block unless
	 * seven instructions are left.
	 */
	memcpy(last, data, left);
	last[left] = 0x80;
	if (left > BLOCK - 9) {
		mix(h, last);
		memset(last, 0, sizeof(last));
	}
	memcpy(last + BLOCK - 8, &bits, 8);
	mix(h, last);
	for (u32 i = 0; i < 2; i++) {
		h[i] = __builtin_bswap32(h[i]);
		memcpy(tag + i * 4, &h[i], 4);
	}
}
