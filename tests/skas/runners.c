/* SPDX-License-Identifier: MIT */
/*
 * runners.c: when a runner may be believed to be where the kernel has it: a new one behind its filter. Kernel world, as harness.c.
 */
#include "kernel/lib/string.h"
#include "tests/skas/harness.h"

#define STARTS 150

/* Writes all the time until the space is killed. */
static void end_both(struct proc *a)
{
	skas_lock(&a->space->lock);
	space_kill(a->space);
	skas_unlock(&a->space->lock);
	second_wait();
	skas_fpu_drop(&proc_b.fpu);
	proc_end(a);
}

/* ---- a new runner ---- */

static const struct skas_ops *real_ops;
static struct skas_ops watched_ops;
static int bare;

/* Before it is given its turn. */
static void watched_run(
	struct runner *r, struct regs *regs, struct fpu *fpu, u64 deadline, struct skas_event *ev)
{
	bare += r->cpu == 0 && host_filters(r->task) != 2;
	real_ops->run(r, regs, fpu, deadline, ev);
}

/* Its slot is there already, as in a space from the pool; a sibling says hello for it before it has begun. */
static void start_under_forgery(struct proc *a)
{
	struct runner *r;

	frames_reset();
	proc_start(a, G_LOOP, 0, 0);
	a->slice = NSEC_PER_MSEC;
	proc_run(a, 0, 1);
	r = &a->space->runner[0];
	skas_fpu_save(&a->fpu);
	skas_lock(&a->space->lock);
	runner_end(r);
	skas_unlock(&a->space->lock);
	proc_start_beside(&proc_b, a, G_SAYS_HELLO, 0, 0);
	second_run(&proc_b);
	while (READ_ONCE(r->ctl->event) != EVT_HELLO)
		handoff_pause();
	skas.ops = &watched_ops;
	skas_run(a->space, 0, &a->regs, &a->fpu, os_clock_mono(), &a->last);
	skas.ops = real_ops;
	end_both(a);
}

static void test_new(void)
{
	real_ops = skas.ops;
	watched_ops = *real_ops;
	watched_ops.run = watched_run;
	bare = 0;
	for (int i = 0; i < STARTS; i++)
		start_under_forgery(&proc_a);
	check(!bare, "a new runner has its filter before it has a turn, whoever says hello");
	if (bare)
		host_print("# %d of %d had not\n", bare, STARTS);
}

void test_runners(void)
{
	if (skas.cfg.ncpus > 1)
		test_new();
}
