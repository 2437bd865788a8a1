/* SPDX-License-Identifier: MIT */
/* panic.h: hooks of panic(). */
#ifndef NESTLING_LIB_PANIC_H
#define NESTLING_LIB_PANIC_H

/* A core of the kernel's process at a panic; drivers/core registers it while core=on. */
struct panic_core_ops {
	/* Called by panic() at its end instead of ending the process. Does not return. */
	void (*leave)(void);
};
extern const struct panic_core_ops *panic_core_ops; /* or NULL */
/*
 * Tells the host's user of trouble; drivers/mconsole registers it. Called anywhere: takes no lock
 * of the kernel.
 */
struct trouble_ops {
	/* Reports a panic, before the end or panic_core_ops. */
	void (*panic)(const char *text);
	/* Reports a watchdog that was not fed: the instance restarts. */
	void (*hang)(const char *text);
};
extern const struct trouble_ops *trouble_ops;

#endif
