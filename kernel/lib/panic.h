/* SPDX-License-Identifier: MIT */
/* panic.h: what is done besides when the kernel gives up. */
#ifndef NESTLING_LIB_PANIC_H
#define NESTLING_LIB_PANIC_H

/* NULL, or called by panic() when all has been said, instead of ending (drivers/core): does not return. */
extern void (*panic_core)(void);
/* What tells the host's user of trouble; drivers/mconsole registers it. Called anywhere: takes no lock of the kernel's. */
struct trouble_ops {
	void (*panic)(const char *text); /* before the end, or before panic_core */
	void (*hang)(const char *text);  /* the watchdog was not fed: the instance starts anew */
};
extern const struct trouble_ops *trouble_ops;

#endif
