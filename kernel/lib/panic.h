/* SPDX-License-Identifier: MIT */
/* panic.h: what is done besides when the kernel gives up. */
#ifndef NESTLING_LIB_PANIC_H
#define NESTLING_LIB_PANIC_H

/* NULL, or called by panic() when all has been said, instead of ending (drivers/core): does not return. */
extern void (*panic_core)(void);
/* NULL, or called by panic() with its text before that (drivers/mconsole). May be called anywhere: takes no lock of the kernel's. */
extern void (*panic_notify)(const char *text);

#endif
