/* SPDX-License-Identifier: MIT */
/*
 * hash.c: the hashes of directory indexes: legacy, half MD4 and TEA, each of which takes a name's
 * bytes as signed or unsigned.
 *
 * The results must equal the hashes on disk bit for bit. Half MD4 is three rounds of MD4 (RFC 1320)
 * over eight words. TEA is sixteen rounds of Wheeler and Needham's cipher. Source: linux-doc,
 * filesystems/ext4/directory; RFC 1320.
 */
#include "kernel/fs/ext4/dir.h"
#include "kernel/lib/string.h"

#define HASH_LEGACY 0
#define HASH_HALF_MD4 1
#define HASH_TEA 2
/* end of a directory: no name may have this hash */
#define HASH_EOF 0x7fffffffU

static u32 rol(u32 v, int n)
{
	return v << n | v >> (32 - n);
}

static u32 md4_f(u32 x, u32 y, u32 z)
{
	return (x & y) | (~x & z);
}

static u32 md4_g(u32 x, u32 y, u32 z)
{
	return (x & y) | (x & z) | (y & z);
}

static u32 md4_h(u32 x, u32 y, u32 z)
{
	return x ^ y ^ z;
}

/*
 * Does a round: eight steps, on the four words in turn. Inlined three times, with its function and
 * shifts as constants, for speed: listing a directory hashes each name.
 */
static inline __attribute__((always_inline)) void md4_round(u32 s[4], const u32 in[8],
	u32 (*fn)(u32, u32, u32), const u8 order[8], const int shift[4], u32 k)
{
	u32 a = s[0], b = s[1], c = s[2], d = s[3], t;
	int i;

	for (i = 0; i < 8; i++) {
		t = rol(a + fn(b, c, d) + in[order[i]] + k, shift[i % 4]);
		a = d;
		d = c;
		c = b;
		b = t;
	}
	s[0] = a;
	s[1] = b;
	s[2] = c;
	s[3] = d;
}

static void half_md4(u32 state[4], const u32 in[8])
{
	static const u8 order1[8] = { 0, 1, 2, 3, 4, 5, 6, 7 },
			order2[8] = { 1, 3, 5, 7, 0, 2, 4, 6 },
			order3[8] = { 3, 7, 2, 6, 1, 5, 0, 4 };
	static const int shift1[4] = { 3, 7, 11, 19 }, shift2[4] = { 3, 5, 9, 13 },
			 shift3[4] = { 3, 9, 11, 15 };
	u32 s[4];
	int i;

	memcpy(s, state, sizeof(s));
	md4_round(s, in, md4_f, order1, shift1, 0);
	md4_round(s, in, md4_g, order2, shift2, 0x5a827999);
	md4_round(s, in, md4_h, order3, shift3, 0x6ed9eba1);
	for (i = 0; i < 4; i++)
		state[i] += s[i];
}

static void tea(u32 state[4], const u32 in[4])
{
	u32 sum = 0, y = state[0], z = state[1];
	int n;

	for (n = 0; n < 16; n++) {
		sum += 0x9e3779b9;
		y += ((z << 4) + in[0]) ^ (z + sum) ^ ((z >> 5) + in[1]);
		z += ((y << 4) + in[2]) ^ (y + sum) ^ ((y >> 5) + in[3]);
	}
	state[0] += y;
	state[1] += z;
}

static u32 byte_value(char c, bool is_unsigned)
{
	return is_unsigned ? (u8)c : (u32)(s32)(s8)c;
}

static u32 legacy(const char *name, u32 len, bool is_unsigned)
{
	u32 now, last = 0x12a3fe2d, before = 0x37abe8f9;

	while (len--) {
		now = before + (last ^ (byte_value(*name++, is_unsigned) * 7152373));
		if (now & 0x80000000)
			now -= 0x7fffffff;
		before = last;
		last = now;
	}
	return last << 1;
}

/*
 * Fills @out with the name's bytes, at most @words words, and the rest with words made of its
 * length.
 */
static void fill(const char *name, int len, u32 *out, int words, bool is_unsigned)
{
	u32 pad = (u32)len | (u32)len << 8, val;
	int i, n = min(len, words * 4);

	pad |= pad << 16;
	val = pad;
	for (i = 0; i < n; i++) {
		val = byte_value(name[i], is_unsigned) + (val << 8);
		if (i % 4 == 3) {
			*out++ = val;
			val = pad;
			words--;
		}
	}
	if (--words >= 0)
		*out++ = val;
	while (--words >= 0)
		*out++ = pad;
}

int ext4_dirhash(
	const struct ext4_sb *sbi, u32 version, const char *name, u32 len, u32 *hash, u32 *minor)
{
	u32 state[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 }, in[8], i;
	bool is_unsigned = sbi->unsigned_hash;
	int left = (int)len, step = version == HASH_TEA ? 16 : 32;

	for (i = 0; i < 4; i++)
		if (sbi->disk.s_hash_seed[i]) {
			memcpy(state, sbi->disk.s_hash_seed, sizeof(state));
			break;
		}
	switch (version) {
	case HASH_LEGACY:
		*hash = legacy(name, len, is_unsigned);
		state[1] = 0;
		break;
	case HASH_HALF_MD4:
	case HASH_TEA:
		for (; left > 0; left -= step, name += step) {
			fill(name, left, in, step / 4, is_unsigned);
			if (version == HASH_TEA)
				tea(state, in);
			else
				half_md4(state, in);
		}
		if (version == HASH_HALF_MD4) {
			state[0] = state[1];
			state[1] = state[2];
		}
		*hash = state[0];
		break;
	default: return -EINVAL;
	}
	*hash &= ~1U;
	if (*hash == HASH_EOF << 1)
		*hash = (HASH_EOF - 1) << 1;
	if (minor)
		*minor = state[1];
	return 0;
}
