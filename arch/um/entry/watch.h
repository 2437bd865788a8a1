/* SPDX-License-Identifier: MIT */
/* watch.h: finds guests that compute while no vCPU drives them (watch.c). */
#ifndef NESTLING_ARCH_WATCH_H
#define NESTLING_ARCH_WATCH_H

/* Called once at boot. */
void watch_init(void);
/* Called when guest code will run on this vCPU. Does not sleep. */
void watch_stir(void);

#endif
