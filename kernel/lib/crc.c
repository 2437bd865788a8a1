/* SPDX-License-Identifier: MIT */
/*
 * crc.c: table-driven checksums, eight bytes a step for the 32-bit ones (slicing, after Kounavis
 * and Berry, 2005). crc32c uses the processor's crc32 instruction if there is one. The instruction
 * has a latency of three cycles, and one can start each cycle. So three lanes of the data are
 * processed side by side. Their sums are joined by a table of the effect of LANE zero bytes on a
 * sum. Two vCPUs that build the tables at one time write equal values, so no lock is needed.
 */
#include "kernel/lib/crc.h"

#define POLY_IEEE 0xedb88320U
#define POLY_CASTAGNOLI 0x82f63b78U

struct crc_tables {
	u32 ready;
	u32 t[8][256];
};
static struct crc_tables ieee, castagnoli;

static void build(struct crc_tables *c, u32 poly)
{
	u32 i, k, v;

	for (i = 0; i < 256; i++) {
		for (v = i, k = 0; k < 8; k++)
			v = v & 1 ? (v >> 1) ^ poly : v >> 1;
		c->t[0][i] = v;
	}
	for (i = 0; i < 256; i++)
		for (v = c->t[0][i], k = 1; k < 8; k++)
			c->t[k][i] = v = (v >> 8) ^ c->t[0][v & 0xff];
	__atomic_store_n(&c->ready, 1, __ATOMIC_RELEASE);
}

static u32 run(struct crc_tables *c, u32 poly, u32 crc, const u8 *p, size_t n)
{
	if (!__atomic_load_n(&c->ready, __ATOMIC_ACQUIRE))
		build(c, poly);
	for (; n >= 8; n -= 8, p += 8) {
		u32 lo, hi;

		__builtin_memcpy(&lo, p, 4);
		__builtin_memcpy(&hi, p + 4, 4);
		lo ^= crc;
		crc = c->t[7][lo & 0xff] ^ c->t[6][(lo >> 8) & 0xff] ^ c->t[5][(lo >> 16) & 0xff] ^
		      c->t[4][lo >> 24] ^ c->t[3][hi & 0xff] ^ c->t[2][(hi >> 8) & 0xff] ^
		      c->t[1][(hi >> 16) & 0xff] ^ c->t[0][hi >> 24];
	}
	while (n--)
		crc = (crc >> 8) ^ c->t[0][(crc ^ *p++) & 0xff];
	return crc;
}

u32 crc32_le(u32 crc, const void *p, size_t n)
{
	return run(&ieee, POLY_IEEE, crc, p, n);
}

/* Bytes of a lane: three lanes are nearly 1 KiB, twelve nearly a page. */
#define LANE 336

static struct {
	u32 ready;
	u32 t[4][256];
} lane;

static inline u64 crc_word(u64 crc, const u8 *p)
{
	u64 v;

	__builtin_memcpy(&v, p, 8);
	__asm__("crc32q %1,%0" : "+r"(crc) : "r"(v));
	return crc;
}

/*
 * Builds the table of the effect of LANE zero bytes on a sum. The effect is linear, so the effects
 * on single bits determine that on a byte.
 */
static void build_lane(void)
{
	static const u8 zeros[8];

	for (u32 bit = 0; bit < 32; bit++) {
		u64 v = 1UL << bit;

		for (u32 i = 0; i < LANE; i += 8)
			v = crc_word(v, zeros);
		lane.t[bit / 8][1U << bit % 8] = (u32)v;
	}
	for (u32 k = 0; k < 4; k++)
		for (u32 i = 1; i < 256; i++)
			lane.t[k][i] = lane.t[k][i & (i - 1)] ^ lane.t[k][i & -i];
	__atomic_store_n(&lane.ready, 1, __ATOMIC_RELEASE);
}

static inline u32 shift_lane(u32 crc)
{
	return lane.t[0][crc & 0xff] ^ lane.t[1][(crc >> 8) & 0xff] ^
	       lane.t[2][(crc >> 16) & 0xff] ^ lane.t[3][crc >> 24];
}

static u32 three_lanes(u32 crc, const u8 *p)
{
	u64 a = crc, b = 0, c = 0;

	for (const u8 *end = p + LANE; p < end; p += 8) {
		a = crc_word(a, p);
		b = crc_word(b, p + LANE);
		c = crc_word(c, p + 2 * LANE);
	}
	return shift_lane(shift_lane((u32)a) ^ (u32)b) ^ (u32)c;
}

static bool have_sse42(void)
{
	static s8 known; /* CPU has crc32: 1 yes, -1 no, 0 unknown */
	u32 a = 1, b, c = 0, d;

	if (!known) {
		__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
		known = c & (1U << 20) ? 1 : -1;
	}
	return known > 0;
}

u32 crc32c(u32 crc, const void *data, size_t n)
{
	const u8 *p = data;
	u64 wide;

	if (!have_sse42())
		return run(&castagnoli, POLY_CASTAGNOLI, crc, p, n);
	if (n >= 3 * LANE && !__atomic_load_n(&lane.ready, __ATOMIC_ACQUIRE))
		build_lane();
	for (; n >= 3 * LANE; n -= 3 * LANE, p += 3 * LANE)
		crc = three_lanes(crc, p);
	for (wide = crc; n >= 8; n -= 8, p += 8)
		wide = crc_word(wide, p);
	crc = (u32)wide;
	while (n--)
		__asm__("crc32b %1,%0" : "+r"(crc) : "rm"(*p++));
	return crc;
}

u16 crc16(u16 crc, const void *data, size_t n)
{
	const u8 *p = data;
	int k;

	while (n--) {
		crc ^= *p++;
		for (k = 0; k < 8; k++)
			crc = crc & 1 ? (u16)((crc >> 1) ^ 0xa001) : (u16)(crc >> 1);
	}
	return crc;
}
