/* SPDX-License-Identifier: MIT */
/*
 * sha256.c: SHA-256 of FIPS 180-4 (sections 4.1.2, 4.2.2, 5.1.1, 5.3.3 and 6.2), and HMAC of RFC
 * 2104. Written here to avoid a dependency: in plain C, and with the CPU's SHA instructions if it
 * has them, which are ten times as fast. The file needs no libc, so that the kernel's unit tests
 * can use it.
 */
#include "tools/nestctl/image/sha256.h"

#include <cpuid.h>

int sha256_plain;

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t k[64] = { 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b,
	0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6,
	0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
	0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
	0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585,
	0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa,
	0xa4506ceb, 0xbef9a3f7, 0xc67178f2 };

static uint32_t rotate(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void schedule(const uint8_t *block, uint32_t w[64])
{
	for (int i = 0; i < 16; i++, block += 4)
		w[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
		       (uint32_t)block[2] << 8 | block[3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
		       (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
}

/* Vectors of four words, the lowest first. The compiler's built-in functions take @ints. */
typedef uint32_t words __attribute__((vector_size(16)));
typedef int ints __attribute__((vector_size(16)));

/*
 * Compresses a block with the CPU's instructions (Intel's "SHA Extensions", 2013), each of which
 * makes two rounds. They need the state as two vectors: f e b a and h g d c.
 */
static __attribute__((target("sha,sse4.1"))) void compress_by_cpu(
	uint32_t state[8], const uint8_t *block)
{
	uint32_t *s = state, in[16];
	words abef = { s[5], s[4], s[1], s[0] };
	words cdgh = { s[7], s[6], s[3], s[2] };
	const words old_abef = abef, old_cdgh = cdgh;
	words w[4];

	for (int i = 0; i < 16; i++, block += 4)
		in[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
			(uint32_t)block[2] << 8 | block[3];
	for (int i = 0; i < 4; i++)
		w[i] = (words){ in[4 * i], in[4 * i + 1], in[4 * i + 2], in[4 * i + 3] };
	for (int i = 0; i < 16; i++) {
		const uint32_t *c = k + 4 * i;
		words now = w[i % 4], next = w[(i + 1) % 4], third = w[(i + 2) % 4],
		      last = w[(i + 3) % 4];
		words msg = now + (words){ c[0], c[1], c[2], c[3] };

		cdgh = (words)__builtin_ia32_sha256rnds2((ints)cdgh, (ints)abef, (ints)msg);
		msg = (words){ msg[2], msg[3], msg[2], msg[3] };
		abef = (words)__builtin_ia32_sha256rnds2((ints)abef, (ints)cdgh, (ints)msg);
		next = (words)__builtin_ia32_sha256msg1((ints)now, (ints)next) +
		       (words){ third[1], third[2], third[3], last[0] };
		w[i % 4] = (words)__builtin_ia32_sha256msg2((ints)next, (ints)last);
	}
	abef += old_abef;
	cdgh += old_cdgh;
	for (int i = 0; i < 2; i++) {
		s[1 - i] = abef[2 + i];
		s[5 - i] = abef[i];
		s[3 - i] = cdgh[2 + i];
		s[7 - i] = cdgh[i];
	}
}

/* True if the CPU has SHA (CPUID.7.0:EBX[29]) and SSE4.1 (CPUID.1:ECX[19]). */
static int cpu_has_it(void)
{
	static int known; /* 1: yes, 2: no */
	unsigned int a, b, c, d, b7 = 0;

	if (!known) {
		int has = __get_cpuid_count(7, 0, &a, &b7, &c, &d) && (b7 >> 29 & 1);

		__cpuid(1, a, b, c, d);
		known = has && (c >> 19 & 1) ? 1 : 2;
	}
	return known == 1 && !sha256_plain;
}

static void compress(uint32_t state[8], const uint8_t *block)
{
	uint32_t w[64], v[8];

	if (cpu_has_it()) {
		compress_by_cpu(state, block);
		return;
	}

	schedule(block, w);
	for (int i = 0; i < 8; i++)
		v[i] = state[i];
	for (int i = 0; i < 64; i++) {
		uint32_t e = v[4], a = v[0];
		uint32_t t1 = v[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
			      ((e & v[5]) ^ (~e & v[6])) + k[i] + w[i];
		uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
			      ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

		for (int j = 7; j > 0; j--)
			v[j] = v[j - 1];
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		state[i] += v[i];
}

void sha256_begin(struct sha256 *s)
{
	*s = (struct sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
				      0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

void sha256_add(struct sha256 *s, const void *data, size_t size)
{
	const uint8_t *p = data;

	while (size) {
		size_t used = s->size % 64;

		if (!used && size >= 64) {
			compress(s->state, p);
			p += 64;
			size -= 64;
			s->size += 64;
			continue;
		}
		s->block[used] = *p++;
		size--;
		if (++s->size % 64 == 0)
			compress(s->state, s->block);
	}
}

/* Pads and ends the digest, which is then in s->state. */
static void finish(struct sha256 *s)
{
	static const uint8_t one = 0x80, zero;
	uint64_t bits = s->size * 8;
	uint8_t length[8];

	for (int i = 0; i < 8; i++)
		length[i] = (uint8_t)(bits >> (56 - 8 * i));
	sha256_add(s, &one, 1);
	while (s->size % 64 != 56)
		sha256_add(s, &zero, 1);
	sha256_add(s, length, 8);
}

void sha256_end(struct sha256 *s, char text[65])
{
	finish(s);
	for (int i = 0; i < 64; i++)
		text[i] = "0123456789abcdef"[s->state[i / 8] >> (28 - 4 * (i % 8)) & 15];
	text[64] = '\0';
}

/* ---- HMAC ---- */

static void digest_bytes(struct sha256 *s, uint8_t bytes[32])
{
	finish(s);
	for (int i = 0; i < 32; i++)
		bytes[i] = (uint8_t)(s->state[i / 4] >> (24 - 8 * (i % 4)));
}

void hmac_begin(struct hmac *h, const void *key, size_t size)
{
	uint8_t block[64] = { 0 };

	if (size > 64) {
		sha256_begin(&h->inner);
		sha256_add(&h->inner, key, size);
		digest_bytes(&h->inner, block);
	} else {
		for (size_t i = 0; i < size; i++)
			block[i] = ((const uint8_t *)key)[i];
	}
	for (int i = 0; i < 64; i++)
		block[i] ^= 0x36;
	sha256_begin(&h->inner);
	sha256_add(&h->inner, block, 64);
	for (int i = 0; i < 64; i++)
		block[i] ^= 0x36 ^ 0x5c;
	sha256_begin(&h->outer);
	sha256_add(&h->outer, block, 64);
}

void hmac_add(struct hmac *h, const void *data, size_t size)
{
	sha256_add(&h->inner, data, size);
}

void hmac_end(struct hmac *h, char text[65])
{
	uint8_t inner[32];

	digest_bytes(&h->inner, inner);
	sha256_add(&h->outer, inner, 32);
	sha256_end(&h->outer, text);
}
