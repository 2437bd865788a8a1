/* SPDX-License-Identifier: MIT */
/* sample.h: what the profiler (drivers/perf) needs from the machine. */
#ifndef NESTLING_ARCH_SAMPLE_H
#define NESTLING_ARCH_SAMPLE_H

struct task;

/* Samples of guest code; drivers/perf registers the table while it samples. */
struct arch_sample_ops {
	/*
	 * Called on the way back into guest code after a kick has interrupted @t, current, whose
	 * registers are in t->arch.regs. May sleep. It is not called for other entries into the
	 * kernel. @first: the task had executed no instruction since its last call or fault when
	 * the kick came.
	 */
	void (*guest)(struct task *t, bool first);
};
extern const struct arch_sample_ops *arch_sample_ops; /* or NULL */

#endif
