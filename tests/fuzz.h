/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h: shared by fuzzers that run on the host: numbered executions, each with random numbers of
 * its own, so that it can be run again alone.
 */
#ifndef NESTLING_TESTS_FUZZ_H
#define NESTLING_TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>

static unsigned long execution; /* number of the present execution */
static uint64_t fuzz_state;

/* Returns the execution's next random number. */
static inline uint64_t rnd(void)
{
	fuzz_state ^= fuzz_state << 13;
	fuzz_state ^= fuzz_state >> 7;
	fuzz_state ^= fuzz_state << 17;
	return fuzz_state;
}

/* Begins execution number @execution: its random numbers depend on that and @seed only. */
static inline void rnd_begin(uint64_t seed)
{
	fuzz_state = (seed + 1) * 0x9e3779b97f4a7c15UL + execution * 0xd1342543de82ef95UL + 1;
	for (int i = 0; i < 8; i++)
		rnd();
}

/* Prints the number of the execution. Called from the sanitizers' death callbacks. */
static inline void say_where(void)
{
	dprintf(2, "execution %lu\n", execution);
}

#endif
