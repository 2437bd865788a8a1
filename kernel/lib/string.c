/* SPDX-License-Identifier: MIT */
/*
 * string.c: memory and string functions of the kernel world.
 *
 * The kernel world has no FPU, so copies use 8-byte words up to WORDS_MAX bytes and `rep movsb`
 * above. CPUs execute `rep movsb` in whole cache lines, but with a start-up cost of 10 ns, or 20 ns
 * if source and destination are aligned differently (144 bytes by words: 3 ns). If the destination
 * is a few bytes behind the source modulo a page, a CPU may assume that each load needs the data of
 * the last store, and wait: AMD's Zen then copies 2 to 3 GB/s instead of 40 (by words 30). So such
 * copies use words, too.
 *
 * The shortest copies load everything before they store, so that they serve memmove as well. This
 * file is compiled without loop-to-memcpy conversion (mk/objects.mk). Faults are not fixed up:
 * memory that may be unmapped meanwhile is copied by arch/um.
 */
#include "kernel/lib/alloc.h"
#include "kernel/lib/debug/asan.h"
#include "kernel/lib/string.h"

typedef u64 word_t __attribute__((may_alias, aligned(1)));
typedef u32 half_t __attribute__((may_alias, aligned(1)));
typedef u16 short_t __attribute__((may_alias, aligned(1)));

#define W(p, off) (*(const word_t *)((const char *)(p) + (off)))
#define SET_W(p, off, v) (*(word_t *)((char *)(p) + (off)) = (v))

#define WORDS_MAX 512  /* bytes; larger copies use rep movsb */
#define STORES_MAX 256 /* bytes; larger areas use rep stosb */
#define ALIAS 32       /* bytes; see aliases() */

/*
 * Copies up to 16 bytes, overlapping or not, as a first and a last word, which may share bytes in
 * the middle.
 */
static inline void copy_upto16(char *d, const char *s, size_t n)
{
	if (n >= 8) {
		u64 a = W(s, 0), b = W(s, n - 8);

		SET_W(d, 0, a);
		SET_W(d, n - 8, b);
	} else if (n >= 4) {
		u32 a = *(const half_t *)s, b = *(const half_t *)(s + n - 4);

		*(half_t *)d = a;
		*(half_t *)(d + n - 4) = b;
	} else if (n >= 2) {
		u16 a = *(const short_t *)s, b = *(const short_t *)(s + n - 2);

		*(short_t *)d = a;
		*(short_t *)(d + n - 2) = b;
	} else if (n) {
		*d = *s;
	}
}

static inline void copy_upto32(char *d, const char *s, size_t n)
{
	u64 a = W(s, 0), b = W(s, 8), x = W(s, n - 16), y = W(s, n - 8);

	SET_W(d, 0, a);
	SET_W(d, 8, b);
	SET_W(d, n - 16, x);
	SET_W(d, n - 8, y);
}

/* Copies more than 32 bytes that do not overlap; the last four words may be copied twice. */
static inline void copy_words(char *d, const char *s, size_t n)
{
	size_t i;

	for (i = 0; i + 32 < n; i += 32) {
		u64 a = W(s, i), b = W(s, i + 8), x = W(s, i + 16), y = W(s, i + 24);

		SET_W(d, i, a);
		SET_W(d, i + 8, b);
		SET_W(d, i + 16, x);
		SET_W(d, i + 24, y);
	}
	copy_upto32(d + n - 32, s + n - 32, 32);
}

/* True if @dst is behind @src, modulo a page, by less than ALIAS bytes. */
static inline bool aliases(const void *dst, const void *src)
{
	return (((u64)dst - (u64)src) & (PAGE_SIZE - 1)) - 1 < ALIAS - 1;
}

void *memcpy(void *dst, const void *src, size_t n)
{
	void *d = dst;

	if (n <= 16) {
		copy_upto16(dst, src, n);
		return dst;
	}
	if (n <= 32) {
		copy_upto32(dst, src, n);
		return dst;
	}
	if (n <= WORDS_MAX) {
		copy_words(dst, src, n);
		return dst;
	}
	asan_check(src, n, false);
	asan_check(dst, n, true);
	if (aliases(dst, src))
		copy_words(dst, src, n);
	else
		__asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n) : : "memory");
	return dst;
}

static void copy_backward(char *d, const char *s, size_t n)
{
	while (n >= 8) {
		u64 v = W(s, n - 8);

		SET_W(d, n - 8, v);
		n -= 8;
	}
	while (n--)
		d[n] = s[n];
}

void *memmove(void *dst, const void *src, size_t n)
{
	char *d = dst;
	const char *s = src;

	if (n <= 16) {
		copy_upto16(d, s, n);
	} else if (n <= 32) {
		copy_upto32(d, s, n);
	} else if ((u64)(d - s) >= n) {
		void *p = dst;

		asan_check(src, n, false);
		asan_check(dst, n, true);
		__asm__ volatile("rep movsb" : "+D"(p), "+S"(s), "+c"(n) : : "memory");
	} else {
		copy_backward(d, s, n);
	}
	return dst;
}

void *memset(void *p, int c, size_t n)
{
	char *d = p;
	u64 v = (u8)c * 0x0101010101010101UL;

	if (n < 8) {
		while (n--)
			*d++ = (char)c;
		return p;
	}
	if (n <= STORES_MAX) {
		size_t i;

		for (i = 0; i + 32 < n; i += 32) {
			SET_W(d, i, v);
			SET_W(d, i + 8, v);
			SET_W(d, i + 16, v);
			SET_W(d, i + 24, v);
		}
		for (; i + 8 < n; i += 8)
			SET_W(d, i, v);
		SET_W(d, n - 8, v);
		return p;
	}
	asan_check(d, n, true);
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return p;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	while (n >= 8 && W(x, 0) == W(y, 0)) {
		x += 8;
		y += 8;
		n -= 8;
	}
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void *memchr(const void *p, int c, size_t n)
{
	const u8 *s = p;

	for (; n; n--, s++)
		if (*s == (u8)c)
			return (void *)s;
	return NULL;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	return 0;
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : (u8)c;
}

int strcasecmp(const char *a, const char *b)
{
	while (*a && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) - lower(*b);
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)found;
	}
}

char *strstr(const char *s, const char *what)
{
	size_t n = strlen(what);

	for (; strncmp(s, what, n); s++)
		if (!*s)
			return NULL;
	return (char *)s;
}

char *strsep(char **s, const char *delim)
{
	char *start = *s, *end;

	if (!start)
		return NULL;
	end = start + strcspn(start, delim);
	*s = *end ? end + 1 : NULL;
	*end = 0;
	return start;
}

size_t strspn(const char *s, const char *accept)
{
	size_t n = 0;

	while (s[n] && strchr(accept, s[n]))
		n++;
	return n;
}

char *strim(char *s)
{
	size_t n = strlen(s);

	while (n && strchr(" \t\n", s[n - 1]))
		s[--n] = 0;
	return s + strspn(s, " \t\n");
}

size_t strcspn(const char *s, const char *reject)
{
	size_t n = 0;

	while (s[n] && !strchr(reject, s[n]))
		n++;
	return n;
}

ssize_t strscpy(char *dst, const char *src, size_t size)
{
	size_t n;

	if (!size)
		return -E2BIG;
	n = strnlen(src, size);
	if (n < size) {
		memcpy(dst, src, n + 1);
		return (ssize_t)n;
	}
	memcpy(dst, src, size - 1);
	dst[size - 1] = 0;
	return -E2BIG;
}

char *kstrdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = kmalloc(n, 0);

	return p ? memcpy(p, s, n) : NULL;
}

/*
 * Hashes bytes. Word-wise FNV-1a would have weak low bits, so each word is mixed by a
 * multiplication and a fold.
 */
u32 hash_bytes(const void *p, size_t n, u32 seed)
{
	const char *s = p;
	u64 h = seed ^ (n * 0x9e3779b97f4a7c15UL);

	for (; n >= 8; n -= 8, s += 8) {
		h = (h ^ W(s, 0)) * 0xff51afd7ed558ccdUL;
		h ^= h >> 32;
	}
	for (; n; n--, s++)
		h = (h ^ (u8)*s) * 0x100000001b3UL;
	return hash_u64(h);
}
