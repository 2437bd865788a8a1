/* SPDX-License-Identifier: MIT */
/* watch.h: guests that compute while nobody drives them are looked for. */
#ifndef NESTLING_ARCH_WATCH_H
#define NESTLING_ARCH_WATCH_H

void watch_init(void);
void watch_stir(void); /* a guest will run on this vCPU */

#endif
