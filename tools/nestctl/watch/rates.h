/* SPDX-License-Identifier: MIT */
/*
 * rates.h: the rates at which instances use CPU, disks and network, for `nestctl top` and `stats`.
 */
#ifndef NESTLING_NESTCTL_RATES_H
#define NESTLING_NESTCTL_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/nestctl/core/instance.h"

/* Counters of an instance since it began. @cpu: seconds. */
struct counts {
	pid_t pid;
	double cpu;
	bool answered;
	uint64_t total, available; /* memory of the guest, in bytes */
	uint64_t disk_read, disk_written, net_in, net_out;
	unsigned int threads; /* threads in the guest */
};

/* The counters of all instances at one moment, @when in seconds. */
struct round {
	double when;
	struct instance *in;
	struct counts *counts;
	size_t n;
};

/* Rates per second: percent of a CPU, and bytes. */
struct rates {
	double cpu, disk_read, disk_written, net_in, net_out;
};

struct row {
	const struct instance *in;
	const struct counts *n;
	struct rates r;
	double key;
};

/* The orders of --sort. The key on a terminal is the word's first letter, but t for net. */
enum { BY_NAME, BY_CPU, BY_MEMORY, BY_DISK, BY_NET, NR_ORDERS };
struct order {
	const char *word;
	char key;
};
extern const struct order orders[NR_ORDERS];
/* Returns the order that @word names. Dies if there is none. */
int order_of(const char *word);

/* Takes the counters of all instances, or of @only. The caller frees them by round_release(). */
struct round round_take(const char *only);
void round_release(struct round *s);
/*
 * Returns the rows for the new->n instances of @new, sorted. The caller frees the array. Rows point
 * into @new.
 */
struct row *rows_sorted(const struct round *old, const struct round *new, int order, bool reverse);

#endif
