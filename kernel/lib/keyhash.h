/* SPDX-License-Identifier: MIT */
/*
 * keyhash.h: a hash for tables whose keys a guest chooses: names, numbers of inodes, contents. Its
 * key is random, so a guest cannot choose many keys that share one chain, whose search would take
 * milliseconds. (Collisions of 31 * h + c, or of a product with a known number, are easy to
 * compute.)
 *
 *      keyhash_init -> keyhash_byte or keyhash_word, one of the two for a table -> keyhash_end
 *
 * Each word is multiplied by a secret, and the halves of the 128-bit product are folded. Which bits
 * of the result a change of the word flips depends on the secret, so the next word cannot undo it.
 * It is not cryptographic: a reader of the hashes could compute the key.
 */
#ifndef NESTLING_LIB_KEYHASH_H
#define NESTLING_LIB_KEYHASH_H

#include "kernel/lib/types.h"

/* All bits are random; immutable once a table uses it. */
struct hash_key {
	u64 start, factor;
};

struct keyhash {
	/* h: hash of the complete words so far. word: bytes that are no complete word yet. */
	u64 h, word;
	u32 n; /* bytes added by keyhash_byte() */
};

static inline u64 hash_fold(u64 v, u64 factor)
{
	unsigned __int128 x = (unsigned __int128)v * (factor | 1);

	return (u64)x ^ (u64)(x >> 64);
}

static inline void keyhash_init(struct keyhash *s, const struct hash_key *k)
{
	*s = (struct keyhash){ .h = k->start };
}

/* Adds eight bytes of a key at once. */
static inline void keyhash_word(struct keyhash *s, const struct hash_key *k, u64 word)
{
	s->h = hash_fold(s->h ^ word, k->factor);
}

static inline void keyhash_byte(struct keyhash *s, const struct hash_key *k, u8 c)
{
	s->word = s->word << 8 | c;
	if (!(++s->n & 7)) {
		keyhash_word(s, k, s->word);
		s->word = 0;
	}
}

/*
 * Ends a hash and returns it. Fewer than eight bytes are left over, so the number of all bytes,
 * modulo 256, fits beside them in a word.
 */
static inline u32 keyhash_end(struct keyhash *s, const struct hash_key *k)
{
	keyhash_word(s, k, s->word | (u64)s->n << 56);
	return (u32)(s->h ^ s->h >> 32);
}

static inline u32 keyhash_bytes(const struct hash_key *k, const void *p, size_t n)
{
	struct keyhash s;

	keyhash_init(&s, k);
	for (size_t i = 0; i < n; i++)
		keyhash_byte(&s, k, ((const u8 *)p)[i]);
	return keyhash_end(&s, k);
}

#endif
