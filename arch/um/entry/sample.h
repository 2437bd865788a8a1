/* SPDX-License-Identifier: MIT */
/* sample.h: what the profiler (drivers/perf) asks of the machine. */
#ifndef NESTLING_ARCH_SAMPLE_H
#define NESTLING_ARCH_SAMPLE_H

struct task;

/* Samples of guest code; drivers/perf registers the table while it samples. */
struct arch_sample_ops {
	/*
	 * Called on the way back into guest code when a kick has brought @t, current, out of it:
	 * its registers are in t->arch.regs. May sleep. Other ways into the kernel do not look at
	 * the table. @first: the kick has met the task at the instruction with which it went on
	 * after a call or a fault, so on its way into guest code.
	 */
	void (*guest)(struct task *t, bool first);
};
extern const struct arch_sample_ops *arch_sample_ops; /* or NULL */

#endif
