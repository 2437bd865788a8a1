/* SPDX-License-Identifier: MIT */
/*
 * sort.c: heap sort. It needs no memory and no recursion, and at most n log n steps, whatever the
 * input. The compiler makes a copy of heap_sort() for each kind of element.
 */
#include "kernel/lib/sort.h"

#include "kernel/lib/string.h"

#define ELEMENT_MAX sizeof(struct sort_pair)

typedef bool before_fn(const void *a, const void *b);

/* Sifts element @i down to its place in a heap of @n elements. */
static inline __attribute__((always_inline)) void sift(
	char *v, s64 i, s64 n, size_t size, before_fn *before)
{
	char moving[ELEMENT_MAX];
	s64 child;

	memcpy(moving, v + i * (s64)size, size);
	for (; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && before(v + child * (s64)size, v + (child + 1) * (s64)size))
			child++;
		if (!before(moving, v + child * (s64)size))
			break;
		memcpy(v + i * (s64)size, v + child * (s64)size, size);
	}
	memcpy(v + i * (s64)size, moving, size);
}

static inline __attribute__((always_inline)) void heap_sort(
	char *v, s64 n, size_t size, before_fn *before)
{
	char last[ELEMENT_MAX];
	s64 i;

	for (i = n / 2; i-- > 0;)
		sift(v, i, n, size, before);
	for (i = n - 1; i > 0; i--) {
		memcpy(last, v + i * (s64)size, size);
		memcpy(v + i * (s64)size, v, size);
		memcpy(v, last, size);
		sift(v, 0, i, size, before);
	}
}

static inline bool number_before(const void *a, const void *b)
{
	return *(const s32 *)a < *(const s32 *)b;
}

void sort_numbers(s32 *v, s64 n)
{
	heap_sort((char *)v, n, sizeof(*v), number_before);
}

static inline bool pair_before(const void *a, const void *b)
{
	return sort_pair_before(a, b);
}

void sort_pairs(struct sort_pair *v, s64 n)
{
	heap_sort((char *)v, n, sizeof(*v), pair_before);
}
