/* SPDX-License-Identifier: MIT */
/*
 * model.h: random operations whose results are summed up, so that two runs with one seed can be
 * compared: on the host's file system and in a guest. Every STEP operations a line is printed. If
 * two runs differ, MODEL_TRACE=FROM-TO prints each operation of that range.
 */
#ifndef NESTLING_MODEL_H
#define NESTLING_MODEL_H

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
	uint64_t rng, sum;
	/* @n: operations so far. [from, to): operations that are traced. */
	long n, from, to;
	const char *who;
};

/* Returns a random number below @below, or 0 if @below is 0. */
static uint32_t rnd(struct run *r, uint32_t below)
{
	r->rng ^= r->rng << 13;
	r->rng ^= r->rng >> 7;
	r->rng ^= r->rng << 17;
	return below ? (uint32_t)(r->rng >> 20) % below : 0;
}

static uint64_t hash(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t h = 1469598103934665603ULL;

	while (n--)
		h = (h ^ *b++) * 1099511628211ULL;
	return h;
}

/* Adds the outcome of an operation to the sum: a text with everything that is to be compared. */
__attribute__((format(printf, 2, 3), unused)) static void outcome(
	struct run *r, const char *form, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, form);
	vsnprintf(text, sizeof(text), form, ap);
	va_end(ap);
	r->sum = (r->sum ^ hash(text, strlen(text))) * 1099511628211ULL;
	if (r->n >= r->from && r->n < r->to)
		printf("%s %ld: %s\n", r->who, r->n, text);
}

/* Begins a run. @who begins each line and is kept. */
static void run_begin(struct run *r, const char *who, uint64_t seed)
{
	const char *trace = getenv("MODEL_TRACE");

	*r = (struct run){ .rng = seed * 0x9e3779b97f4a7c15ULL + 12345, .who = who };
	if (trace && sscanf(trace, "%ld-%ld", &r->from, &r->to) != 2)
		exit(2);
	rnd(r, 2);
}

/* Ends an operation, which has called outcome(). */
#define STEP 250
__attribute__((unused)) static void step_done(struct run *r)
{
	if (++r->n % STEP == 0)
		printf("%s %ld %016llx\n", r->who, r->n, (unsigned long long)r->sum);
}

#endif
