/* SPDX-License-Identifier: MIT */
/* siphash.c: SipHash-2-4. */
#include "kernel/lib/siphash.h"

static u64 rotl(u64 x, int n)
{
	return x << n | x >> (64 - n);
}

static void sip_rounds(u64 v[4], int n)
{
	while (n--) {
		v[0] += v[1];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[0] = rotl(v[0], 32);
		v[2] += v[3];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[2] = rotl(v[2], 32);
	}
}

u64 siphash(const u64 key[2], const u64 *words, u32 n)
{
	u64 v[4] = { key[0] ^ 0x736f6d6570736575UL, key[1] ^ 0x646f72616e646f6dUL,
		key[0] ^ 0x6c7967656e657261UL, key[1] ^ 0x7465646279746573UL };
	u64 len = (u64)n * 8 << 56;

	for (u32 i = 0; i <= n; i++) {
		u64 m = i < n ? words[i] : len;

		v[3] ^= m;
		sip_rounds(v, 2);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
