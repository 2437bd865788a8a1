/* SPDX-License-Identifier: MIT */
/*
 * numbers.h: shared by script.c and agent.c: addresses and ports of a script by its number, 1 to
 * MAX_ID, and the bytes of a stream.
 */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MAX_ID 999
#define PEER_PORT 4000

static inline int our_port(int id)
{
	return 2000 + id;
}

static inline void peer_address(int id, bool v6, char *text, size_t size)
{
	if (v6)
		snprintf(text, size, "fd07::1:%x", id);
	else
		snprintf(text, size, "10.7.%d.%d", 1 + id / 250, 1 + id % 250);
}

/* Returns byte @i of a stream. */
static inline unsigned char pattern(unsigned long i)
{
	return (unsigned char)('a' + i % 26);
}

#endif
