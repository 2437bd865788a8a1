/* SPDX-License-Identifier: MIT */
/* rates.h: what each instance has used since the round before, for `nestctl top` and `stats`. */
#ifndef NESTLING_NESTCTL_RATES_H
#define NESTLING_NESTCTL_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/nestctl/core/instance.h"

/* Counters of an instance since it began. */
struct counts {
	pid_t pid;
	double cpu;
	bool answered;
	uint64_t total, available; /* the guest's memory, bytes */
	uint64_t disk_read, disk_written, net_in, net_out;
	unsigned int threads; /* of the guest */
};

/* All instances at one moment. */
struct round {
	double when;
	struct instance *in;
	struct counts *counts;
	size_t n;
};

/* A second: percent of a CPU, and bytes. */
struct rates {
	double cpu, disk_read, disk_written, net_in, net_out;
};

struct row {
	const struct instance *in;
	const struct counts *n;
	struct rates r;
	double key;
};

/* A word of --sort, and its key on a terminal: its first letter, except for net. */
enum { BY_NAME, BY_CPU, BY_MEMORY, BY_DISK, BY_NET, NR_ORDERS };
struct order {
	const char *word;
	char key;
};
extern const struct order orders[NR_ORDERS];
/* Returns the order of a word; dies if there is none. */
int order_of(const char *word);

/* Asks all instances, or @only this one. round_release() frees it. */
struct round round_take(const char *only);
void round_release(struct round *s);
/* Returns the rows of @new, new->n, sorted, to be freed; they point into it. */
struct row *rows_sorted(const struct round *old, const struct round *new, int order, bool reverse);

#endif
