/* SPDX-License-Identifier: MIT */
/*
 * table.c: chooses the entry that makes room in a full table of the switch. A guest may
 * invent any number of MAC addresses. These must not displace those of other ports: frames for an
 * unknown address go to all ports, and the network address of a forgotten host may be given to
 * another one.
 *
 * The port with most entries loses its least recently used entry, if it has at least two more than
 * the port that needs one. Otherwise the latter replaces an entry of its own. So each of N ports
 * keeps an Nth of the table, and may use more as long as no other port needs it.
 */
#include <stddef.h>

#include "tools/nestctl/switch/switch.h"

static uint64_t clock_now;

void table_use(struct seen *s, int port)
{
	s->port = port + 1;
	s->used = ++clock_now;
}

int table_place(const void *table, size_t stride, unsigned int n, int port)
{
	unsigned int count[PORTS_MAX] = { 0 };
	int oldest[PORTS_MAX] = { 0 }, most = port;

	for (unsigned int i = 0; i < n; i++) {
		const struct seen *s = (const struct seen *)((const char *)table + i * stride),
				  *old;
		int p = s->port - 1;

		if (p < 0)
			return (int)i;
		old = (const struct seen *)((const char *)table + (size_t)oldest[p] * stride);
		if (!count[p]++ || s->used < old->used)
			oldest[p] = (int)i;
	}
	for (int p = 0; p < PORTS_MAX; p++)
		if (count[p] > count[most])
			most = p;
	if (count[most] > count[port] + 1)
		return oldest[most];
	return count[port] ? oldest[port] : -1;
}
