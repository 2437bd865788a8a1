/* SPDX-License-Identifier: MIT */
/*
 * runners.c: checks the kernel's knowledge of runners: that a new one is behind its filter, and
 * that a stopped one is asleep. Kernel world, as harness.c.
 */
#include <linux/mman.h>

#include "kernel/lib/string.h"
#include "tests/skas/harness.h"

#define STARTS 150

/* Kills the space, in which both tasks run, and frees it. */
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

/* Counts runners that get a turn before they have their filter, then runs as usual. */
static void watched_run(
	struct runner *r, struct regs *regs, struct fpu *fpu, u64 deadline, struct skas_event *ev)
{
	bare += r->cpu == 0 && host_filters(r->task) != 2;
	real_ops->run(r, regs, fpu, deadline, ev);
}

/*
 * Starts a runner whose slot exists already, as in a space from the pool. A sibling reports
 * EVT_HELLO for it before it has begun.
 */
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
	check(!bare, "a new runner has its filter before it has a turn, whichever task says hello");
	if (bare)
		host_print("# %d of %d had not\n", bare, STARTS);
}

/* ---- a stopped runner ---- */

/*
 * Writes what a sibling can write: an order to continue behind the gate, with registers of its
 * choice.
 */
static void invite(struct runner *r)
{
	struct ctl_page *c = r->ctl;

	c->rip = GUEST_BASE;
	c->rsp = GUEST_STACK_TOP - GUEST_STACK_SIZE / 2;
	c->rdi = G_COUNT;
	c->cs = USER_CS;
	c->ss = USER_SS;
	c->eflags = 0x202;
	c->exit = EXIT_IRET;
	xchg(&c->turn, TURN_RUN);
}

/*
 * A tracer stops and continues a parked runner, as for debug registers. The host then repeats the
 * runner's system call with the values of its memory. If a program of its vCPU wakes it up then, it
 * finds the orders of a sibling. Meanwhile the space is given back.
 */
static void test_thrown_back(void)
{
	static const u64 none[4];
	struct proc *p = &proc_a;
	struct runner *r;
	u64 frame, *word, then;

	if (skas.ops != &seccomp_ops)
		return;
	frames_reset();
	proc_start(p, G_LOOP, 0, 0);
	frame = frames(1) * 4096UL;
	word = (u64 *)(PHYS + frame);
	*word = 0;
	space_map(p->space, GUEST_ANON, 4096, PROT_READ | PROT_WRITE, 0, frame, true);
	p->slice = NSEC_PER_MSEC;
	proc_run(p, 0, 1);
	r = &p->space->runner[0];
	skas_fpu_save(&p->fpu);
	check(!skas.ops->stop(r), "a runner is stopped");
	invite(r);
	os_space_debug_set(r->task, none, 0);
	for (int i = 0; i < 1000 && !READ_ONCE(*word); i++) {
		runner_wake(r);
		os_sleep_until(os_clock_mono() + NSEC_PER_MSEC);
	}
	check(READ_ONCE(*word), "one that a tracer has stopped goes on when a sibling says so");
	proc_end(p);
	then = READ_ONCE(*word);
	os_sleep_until(os_clock_mono() + 20 * NSEC_PER_MSEC);
	check(READ_ONCE(*word) == then,
		"and is not believed to be stopped when its space is given back");
}

void test_runners(void)
{
	if (skas.cfg.ncpus > 1 && skas.caps & OS_SPACE_SECCOMP)
		test_new();
	test_thrown_back();
}
