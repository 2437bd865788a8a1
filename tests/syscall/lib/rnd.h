/* SPDX-License-Identifier: MIT */
/* rnd.h: a repeatable sequence of random numbers, by a linear congruential generator. */
#ifndef TESTS_SYSCALL_RND_H
#define TESTS_SYSCALL_RND_H

#include "t.h"

static uint64_t rnd_seed;

/* Returns a number from 0 to @n - 1. */
static T_UNUSED unsigned rnd(unsigned n)
{
	rnd_seed = rnd_seed * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(rnd_seed >> 33) % n;
}

#endif
