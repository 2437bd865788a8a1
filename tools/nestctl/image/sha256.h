/* SPDX-License-Identifier: MIT */
/*
 * sha256.h: SHA-256 (FIPS 180-4), which names the blobs of an OCI image, and HMAC with it (RFC
 * 2104), which seals a state. Each struct is used for one digest: begin, add any number of times,
 * end.
 */
#ifndef NESTLING_NESTCTL_SHA256_H
#define NESTLING_NESTCTL_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
	uint32_t state[8];
	uint64_t size; /* bytes added so far */
	uint8_t block[64];
};

/* Not 0: the CPU's instructions for SHA are not used, even if it has them. */
extern int sha256_plain;

void sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t size);
/* Ends the digest and writes it in lower-case hexadecimal, terminated. */
void sha256_end(struct sha256 *s, char text[65]);

/* HMAC-SHA-256. Keys have any length. hmac_end() writes as sha256_end() does. */
struct hmac {
	struct sha256 inner, outer;
};
void hmac_begin(struct hmac *h, const void *key, size_t size);
void hmac_add(struct hmac *h, const void *data, size_t size);
void hmac_end(struct hmac *h, char text[65]);

#endif
