/* SPDX-License-Identifier: MIT */
/* panic.h: hooks of panic(). */
#ifndef NESTLING_LIB_PANIC_H
#define NESTLING_LIB_PANIC_H

/* Writes a core of the kernel's process at a panic. drivers/core registers it if core=on. */
struct panic_core_ops {
	/* Called at the end of panic() instead of ending the process. Does not return. */
	void (*leave)(void);
};
/* NULL: no core is written. */
extern const struct panic_core_ops *panic_core_ops;
/*
 * Notifies the user on the host of a failure, by a terminated text. drivers/mconsole registers it.
 * Both functions are callable anywhere, since they take no lock of the kernel.
 */
struct trouble_ops {
	/* Reports a panic, before the process ends or panic_core_ops->leave() runs. */
	void (*panic)(const char *text);
	/* Reports that /dev/watchdog has expired: the instance restarts. */
	void (*hang)(const char *text);
};
/* NULL: the user on the host is not notified. */
extern const struct trouble_ops *trouble_ops;

#endif
