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

/*
 * Counters of an instance since it began. @cpu: seconds. Disks and network: bytes of the ubd disks
 * and of all cards but lo. Without @answered only @pid and @cpu are valid.
 */
struct counts {
	pid_t pid;
	double cpu;
	bool answered;
	uint64_t total, available; /* memory of the guest, in bytes */
	uint64_t disk_read, disk_written, net_in, net_out;
	unsigned int threads; /* threads in the guest */
};

/* The counters of all @n instances at one moment, @when in seconds of CLOCK_MONOTONIC. */
struct round {
	double when;
	struct instance *in;
	struct counts *counts;
	size_t n;
};

/* Rates per second: percent of a CPU, and bytes of disks and network. */
struct rates {
	double cpu, disk_read, disk_written, net_in, net_out;
};

/*
 * An instance of a round, with its rates since the round before. @key: the number by which rows are
 * sorted; 0: sorted by name.
 */
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
/* Returns the order BY_* that @word names. Dies if there is none. */
int order_of(const char *word);

/*
 * Takes the counters of all instances, or of @only if it is not NULL. Asks each instance for them.
 * The caller frees them by round_release().
 */
struct round round_take(const char *only);
void round_release(struct round *s);
/*
 * Returns the rows for the new->n instances of @new, sorted by @order (BY_*), in an array that the
 * caller frees. Rows point into @new. Rates are since @old, which may have no instances.
 */
struct row *rows_sorted(const struct round *old, const struct round *new, int order, bool reverse);

#endif
