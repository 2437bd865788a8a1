/* SPDX-License-Identifier: MIT */
/*
 * jail.h: the calls that the kernel process makes after its start, as data (jail_table.c).
 * jail_filter.c makes the filter of it, `nestling --jail` prints it, docs/security.md has it.
 */
#ifndef NESTLING_OS_JAIL_H
#define NESTLING_OS_JAIL_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#define JAIL_VALUES 24
#define JAIL_CHECKS 3
#define JAIL_FILTER_MAX 1024 /* instructions */

/*
 * The low half of argument @arg, ANDed with @mask, is one of the @n values. The host's calls with
 * such arguments look at no more than that half.
 */
struct jail_check {
	uint8_t arg, n;
	uint32_t mask;
	uint32_t value[JAIL_VALUES];
};

enum jail_action {
	JAIL_ALLOW,  /* if all checks hold */
	JAIL_ABSENT, /* -ENOSYS */
};

struct jail_row {
	const char *name;
	int nr;
	enum jail_action action;
	const char *rule, *why;
	struct jail_check check[JAIL_CHECKS];
};

/*
 * Rows of calls with checks may come more than once: one of them has to admit the call. A call that
 * has no row ends the process.
 */
extern const struct jail_row jail_table[];
extern const size_t jail_rows;

/*
 * Writes the filter of the table to @insn, JAIL_FILTER_MAX of them, with the process number @self.
 * What it does not admit is @otherwise. Returns the number of
 * instructions, or -E2BIG.
 */
int jail_filter(struct sock_filter *insn, uint32_t self, uint32_t otherwise);
/* In a check of the table: the number of this process. */
#define JAIL_SELF 0xfffffffeU

/* ---- jail=log: the calls that the jail would stop (jail_log.c) ---- */

/*
 * Starts the process that hears of the calls: it writes a line for each call and place that it has
 * not seen before to standard error, or to $NESTLING_JAIL_LOG, and lets the call pass. Returns
 * where the caller writes the number of the filter's listener as soon as it has it, since each of
 * its calls waits from then on; -1 if there is none. The process has it when the number is 0 again.
 * NULL with errno: no process.
 */
int *jail_log_start(void);

#endif
