/* SPDX-License-Identifier: MIT */
/*
 * vrandom.c: __vdso_getrandom(): random bytes without a system call, from a state that the caller
 * provides. As in Linux 6.11, a state length of ~0 queries the size of a state and how to map it.
 *
 * A state is a ChaCha20 key (RFC 8439's block function, with a counter of 64 bits) and a batch of
 * bytes made in advance. The key comes from the kernel. Each time bytes are made, the first 32
 * become the next key, and bytes are wiped when they are returned. So a later reader of the state
 * learns nothing about returned bytes.
 *
 * The kernel may drop a state's page at any moment, and a fork's child begins without it. The page
 * then reads as zeros, and its generation differs from the kernel's, which is never 0. So the
 * generation is written before the key is requested, and read again once the bytes are made. If it
 * has changed, the bytes may come from a key of zeros, and the work is repeated. The kernel starts
 * another generation to invalidate all keys. A state that has derived REFILLS_MAX keys from the
 * kernel's key requests a new one from the kernel.
 *
 * A signal handler that finds the state in use makes the system call, and so does a caller with
 * arguments that this file does not handle.
 */
#include <asm/errno.h>
#include <asm/mman.h>
#include <asm/unistd.h>
#include <linux/random.h>
#include <stdbool.h>
#include <stddef.h>

#include "arch/um/vdso/vdso.h"

#define PAGE 4096UL
#define EXPORT __attribute__((visibility("default")))
#define MAP_DROPPABLE_ 0x08
#define BLOCK 64
#define KEY_WORDS 8
#define BATCH 96 /* two blocks without the key */
#define LEN_MAX (0x7fffffffUL & ~(PAGE - 1))
/* keys that a state derives from one key of the kernel */
#define REFILLS_MAX 65536U
/* blocks that are made with one key */
#define WHOLE_BLOCKS 64

typedef uint32_t vec __attribute__((vector_size(16)));

extern const struct vdso_data vdso_page __attribute__((visibility("hidden")));

struct vrandom_state {
	uint64_t generation;
	uint32_t key[KEY_WORDS];
	/* bytes from @used on are still unused */
	uint8_t batch[BATCH];
	uint32_t refills;
	uint8_t used, in_use;
	uint8_t unused[2];
};

_Static_assert(sizeof(struct vrandom_state) == 144, "no holes");

struct vrandom_params {
	uint32_t size, prot, flags, reserved[13];
};

#define barrier() __asm__ volatile("" : : : "memory")

static long call3(long nr, void *a, size_t b, long c)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return ret;
}

typedef uint64_t word __attribute__((aligned(1), may_alias));

static inline void wipe(void *p, size_t n)
{
	uint8_t *b = p;

	for (; n >= sizeof(word); n -= sizeof(word), b += sizeof(word))
		*(volatile word *)b = 0;
	for (; n; n--, b++)
		*(volatile uint8_t *)b = 0;
}

static inline void copy(void *to, const void *from, size_t n)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	for (; n >= sizeof(word); n -= sizeof(word), t += sizeof(word), f += sizeof(word))
		*(word *)t = *(const word *)f;
	for (; n; n--)
		*t++ = *f++;
}

/* ---- ChaCha20, a row of the matrix in each register ---- */

static inline vec rotate(vec v, int n)
{
	return v << n | v >> (32 - n);
}

static inline void quarter_rounds(vec r[4])
{
	r[0] += r[1];
	r[3] = rotate(r[3] ^ r[0], 16);
	r[2] += r[3];
	r[1] = rotate(r[1] ^ r[2], 12);
	r[0] += r[1];
	r[3] = rotate(r[3] ^ r[0], 8);
	r[2] += r[3];
	r[1] = rotate(r[1] ^ r[2], 7);
}

/* Rotates the rows so that the diagonals become columns. */
static inline void turn(vec r[4])
{
	r[1] = __builtin_shufflevector(r[1], r[1], 1, 2, 3, 0);
	r[2] = __builtin_shufflevector(r[2], r[2], 2, 3, 0, 1);
	r[3] = __builtin_shufflevector(r[3], r[3], 3, 0, 1, 2);
}

/* Rotates the rows back. */
static inline void turn_back(vec r[4])
{
	r[1] = __builtin_shufflevector(r[1], r[1], 3, 0, 1, 2);
	r[2] = __builtin_shufflevector(r[2], r[2], 2, 3, 0, 1);
	r[3] = __builtin_shufflevector(r[3], r[3], 1, 2, 3, 0);
}

/* Makes blocks @counter to @counter + n - 1 under @key. */
static void make_blocks(uint8_t *out, const uint32_t key[KEY_WORDS], uint64_t counter, size_t n)
{
	const vec constants = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
	vec k0, k1;

	__builtin_memcpy(&k0, key, sizeof(k0));
	__builtin_memcpy(&k1, key + 4, sizeof(k1));
	for (; n; n--, counter++, out += BLOCK) {
		const vec count = { (uint32_t)counter, (uint32_t)(counter >> 32), 0, 0 };
		vec r[4] = { constants, k0, k1, count };

		for (int i = 0; i < 10; i++) {
			quarter_rounds(r);
			turn(r);
			quarter_rounds(r);
			turn_back(r);
		}
		r[0] += constants;
		r[1] += k0;
		r[2] += k1;
		r[3] += count;
		__builtin_memcpy(out, r, BLOCK);
	}
}

/* ---- the state ---- */

/*
 * Gets a new key from the kernel if the present key is not of generation @generation, or if
 * REFILLS_MAX keys were derived. Returns 0, or -errno of getrandom(2).
 */
static long refresh(struct vrandom_state *s, uint64_t generation)
{
	volatile uint64_t *now = &s->generation;
	long n;

	if (*now == generation && s->refills < REFILLS_MAX)
		return 0;
	/* written before the key: if the page is dropped in between, this word is dropped, too */
	*now = generation;
	s->refills = 0;
	s->used = BATCH;
	barrier();
	n = call3(__NR_getrandom, s->key, sizeof(s->key), 0);
	return n == sizeof(s->key) ? 0 : n < 0 ? n : -EINTR;
}

/* Makes the next key and a new batch. */
static void refill(struct vrandom_state *s)
{
	uint8_t made[2 * BLOCK];

	make_blocks(made, s->key, 0, 2);
	copy(s->key, made, sizeof(s->key));
	copy(s->batch, made + sizeof(s->key), BATCH);
	wipe(made, sizeof(made));
	s->used = 0;
	s->refills++;
}

/*
 * Makes whole blocks directly in @to, without a batch: WHOLE_BLOCKS, or fewer if @len is smaller.
 * They are block 1 and up; the next key comes from block 0. Returns the number of bytes.
 */
static size_t make_many(struct vrandom_state *s, uint8_t *to, size_t len)
{
	size_t blocks = len / BLOCK;
	uint8_t next[BLOCK];

	if (blocks > WHOLE_BLOCKS)
		blocks = WHOLE_BLOCKS;
	make_blocks(to, s->key, 1, blocks);
	make_blocks(next, s->key, 0, 1);
	copy(s->key, next, sizeof(s->key));
	wipe(next, sizeof(next));
	s->refills++;
	return blocks * BLOCK;
}

static size_t take(struct vrandom_state *s, uint8_t *to, size_t len)
{
	uint8_t used = *(volatile uint8_t *)&s->used; /* 0 if the page was dropped: in bounds */
	size_t n = BATCH - used;

	if (n > len)
		n = len;
	copy(to, s->batch + used, n);
	wipe(s->batch + used, n);
	s->used = (uint8_t)(used + n);
	return n;
}

static void give(struct vrandom_state *s, uint8_t *to, size_t len)
{
	while (len) {
		size_t n;

		if (len >= 2 * BLOCK) {
			n = make_many(s, to, len);
		} else {
			if (*(volatile uint8_t *)&s->used >= BATCH)
				refill(s);
			n = take(s, to, len);
		}
		to += n;
		len -= n;
	}
}

static long put_params(struct vrandom_params *p)
{
	p->size = sizeof(struct vrandom_state);
	p->prot = PROT_READ | PROT_WRITE;
	p->flags = MAP_DROPPABLE_ | MAP_ANONYMOUS;
	wipe(p->reserved, sizeof(p->reserved));
	return 0;
}

static bool is_usable(const struct vrandom_state *s, size_t size, unsigned flags)
{
	return size == sizeof(*s) && !(flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) &&
	       !*(const volatile uint8_t *)&s->in_use &&
	       *(const volatile uint64_t *)&vdso_page.generation;
}

EXPORT long __vdso_getrandom(void *buf, size_t len, unsigned flags, void *state, size_t size)
{
	struct vrandom_state *s = state;
	uint64_t generation;
	long err;

	if (len > LEN_MAX)
		len = LEN_MAX;
	if (size == ~0UL && !buf && !len && !flags)
		return put_params(state);
	if (((uintptr_t)state & (PAGE - 1)) + sizeof(*s) > PAGE)
		return -EFAULT;
	if (!is_usable(s, size, flags))
		return call3(__NR_getrandom, buf, len, flags);
	do {
		*(volatile uint8_t *)&s->in_use = 1;
		barrier();
		generation = *(const volatile uint64_t *)&vdso_page.generation;
		err = refresh(s, generation);
		barrier();
		if (!err)
			give(s, buf, len);
		barrier();
	} while (!err && *(volatile uint64_t *)&s->generation != generation);
	*(volatile uint8_t *)&s->in_use = 0;
	return err ? call3(__NR_getrandom, buf, len, flags) : (long)len;
}

long getrandom(void *buf, size_t len, unsigned flags, void *state, size_t size)
	__attribute__((weak, alias("__vdso_getrandom"), visibility("default")));
