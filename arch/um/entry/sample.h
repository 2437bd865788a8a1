/* SPDX-License-Identifier: MIT */
/* sample.h: what the profiler (drivers/perf) needs from the machine. */
#ifndef NESTLING_ARCH_SAMPLE_H
#define NESTLING_ARCH_SAMPLE_H

struct task;

/* Samples of guest code; drivers/perf registers the table while it samples. */
struct arch_sample_ops {
	/*
	 * Called before the boundary work of @t, current, on the way back into guest code: after a
	 * kick, when work has put off the entry, after a wait for the host, and for a call to
	 * restart. It is not called after other calls and faults. The registers are in
	 * t->arch.regs. May sleep. @first: a kick came, and the task had executed no instruction
	 * since its last call or fault.
	 */
	void (*guest)(struct task *t, bool first);
};
extern const struct arch_sample_ops *arch_sample_ops; /* or NULL */

#endif
