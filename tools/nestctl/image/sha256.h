/* SPDX-License-Identifier: MIT */
/*
 * sha256.h: the digest of FIPS 180-4 that names the blobs of an OCI image, and the code of RFC 2104
 * with it, which seals a state. A struct is begun once, fed, and ended once.
 */
#ifndef NESTLING_NESTCTL_SHA256_H
#define NESTLING_NESTCTL_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
	uint32_t state[8];
	uint64_t size; /* bytes so far */
	uint8_t block[64];
};

/* Not 0: no instructions for it are used, even if the CPU has them. */
extern int sha256_plain;

void sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t size);
/* Ends the digest and writes it in lower-case hexadecimal, terminated. */
void sha256_end(struct sha256 *s, char text[65]);

/* HMAC-SHA-256. */
struct hmac {
	struct sha256 inner, outer;
};
void hmac_begin(struct hmac *h, const void *key, size_t size);
void hmac_add(struct hmac *h, const void *data, size_t size);
void hmac_end(struct hmac *h, char text[65]);

#endif
