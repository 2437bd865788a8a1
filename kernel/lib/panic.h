/* SPDX-License-Identifier: MIT */
/* panic.h: hooks of panic(). */
#ifndef NESTLING_LIB_PANIC_H
#define NESTLING_LIB_PANIC_H

/*
 * NULL, or called by panic() at its end instead of ending the process (drivers/core). Does not
 * return.
 */
extern void (*panic_core)(void);
/*
 * Tells the host's user of trouble; drivers/mconsole registers it. Called anywhere: takes no lock
 * of the kernel.
 */
struct trouble_ops {
	/* Reports a panic, before the end or panic_core. */
	void (*panic)(const char *text);
	/* Reports a watchdog that was not fed: the instance restarts. */
	void (*hang)(const char *text);
};
extern const struct trouble_ops *trouble_ops;

#endif
