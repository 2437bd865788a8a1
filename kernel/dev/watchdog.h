/* SPDX-License-Identifier: MIT */
/* watchdog.h: who wants to hear that nobody has fed the watchdog. */
#ifndef NESTLING_DEV_WATCHDOG_H
#define NESTLING_DEV_WATCHDOG_H

/* NULL, or called before the instance starts anew; takes no lock of the kernel's. */
extern void (*watchdog_notify)(const char *text);

#endif
