/* SPDX-License-Identifier: MIT */
/*
 * string.h: the kernel's own memory and string functions, and number parsing and formatting.
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

/* Copies with truncation, always terminated; the length copied, or -E2BIG when @src did not fit. */
ssize_t strscpy(char *dst, const char *src, size_t size);

/*
 * printf family: %d %i %u %x %X %o %c %s %p %% with flags "-0+ #", width, precision, *, and lengths hh h l ll z j t.
 * No floating point. Return what C99's return: the length that was wanted; sc* return what was written.
 */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
/* What is wrong with what a user wrote, one line into @why: -EINVAL, for the caller to return. */
int invalid(char *why, size_t size, const char *fmt, ...) __printf(3, 4);

/* Whole string as a number (base 0: by prefix; a trailing newline is allowed). 0, -EINVAL or -ERANGE. */
char *strim(char *s); /* without the white space around it; cuts in place */
int kstrtou64(const char *s, unsigned base, u64 *out);
int kstrtos64(const char *s, unsigned base, s64 *out);

/* "512M", "1g", "64k", plain bytes. 0, -EINVAL or -ERANGE. */
int kstrtosize(const char *s, u64 *out);

/* From the slab allocator (kernel/mm): NULL when out of memory; kfree. */
char *kstrdup(const char *s);

u32 hash_bytes(const void *p, size_t n, u32 seed);
static inline u32 hash_u64(u64 v)
{
	v ^= v >> 32;
	v *= 0x9e3779b97f4a7c15UL;
	return (u32)(v >> 32);
}

#endif
