/* SPDX-License-Identifier: MIT */
/*
 * string.h: the kernel's own memory and string functions, and number parsing and formatting. A
 * function without a comment is that of POSIX. Only kstrdup() may sleep.
 */
#ifndef NESTLING_LIB_STRING_H
#define NESTLING_LIB_STRING_H

#include "kernel/lib/types.h"

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *p, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *p, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
int strcasecmp(const char *a, const char *b);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *what);
char *strsep(char **s, const char *delim);
size_t strspn(const char *s, const char *accept);
size_t strcspn(const char *s, const char *reject);

/*
 * Copies with truncation; @dst is terminated unless @size is 0. Returns the length copied, or
 * -E2BIG if @src did not fit.
 */
ssize_t strscpy(char *dst, const char *src, size_t size);

/*
 * printf family: %d %i %u %x %X %o %c %s %p %% with flags "-0+ #", width, precision, *, and lengths
 * hh h l ll z j t. No floating point. The result is terminated unless @size is 0. They return the
 * full length as in C99, sc* the length that was written, without the terminator.
 */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
/*
 * Writes a one-line message about a user's mistake to @why. Returns -EINVAL, so that callers can
 * return the call.
 */
int invalid(char *why, size_t size, const char *fmt, ...) __printf(3, 4);

/* Returns the string without surrounding white space, which it cuts off in place. */
char *strim(char *s);
/*
 * Parse a whole string as a number (base 0: by prefix; a leading + and a trailing newline are
 * allowed). Return 0, -EINVAL or -ERANGE; *out is set on success only.
 */
int kstrtou64(const char *s, unsigned base, u64 *out);
int kstrtos64(const char *s, unsigned base, s64 *out);

/*
 * Parses a size in bytes: "512M", "1g", "64k", "2T", plain bytes, with a number as by kstrtou64()
 * with base 0. Returns 0, -EINVAL or -ERANGE.
 */
int kstrtosize(const char *s, u64 *out);

/* Copies a string to memory of kmalloc(GFP_KERNEL). NULL: no memory. */
char *kstrdup(const char *s);

/* Returns a hash that a guest can predict: keyhash.h is for keys that a guest chooses. */
u32 hash_bytes(const void *p, size_t n, u32 seed);
static inline u32 hash_u64(u64 v)
{
	v ^= v >> 32;
	v *= 0x9e3779b97f4a7c15UL;
	return (u32)(v >> 32);
}

#endif
