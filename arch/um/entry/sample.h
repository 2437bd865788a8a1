/* SPDX-License-Identifier: MIT */
/* sample.h: what the profiler (drivers/perf) asks of the machine. */
#ifndef NESTLING_ARCH_SAMPLE_H
#define NESTLING_ARCH_SAMPLE_H

struct task;

/*
 * NULL, or called on the way back into guest code when a kick has brought @t, current, out of it:
 * its registers are in t->arch.regs. May sleep. Other ways into the kernel do not look at it.
 */
extern void (*arch_guest_sampler)(struct task *t);

#endif
