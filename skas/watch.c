/* SPDX-License-Identifier: MIT */
/*
 * watch.c: who computes while nobody drives it.
 *
 * The end of a stay is what a control page says, and a guest can say it and compute on: its task sleeps, its runner has the host's CPU, and
 * nobody is charged. So once in a while each runner's CPU time is compared with the stays that its vCPU has given it. What is left over, but for
 * a little after each stay (it wakes us, spins, and falls asleep), nobody has allowed.
 *
 * That alone is no proof: any program of a vCPU may wake the runners of it for nothing, and each such wake-up costs the one that is woken
 * some time in the host's kernel. So what is left over has to be spent in the guest's own code for the most part (a runner that is woken
 * for nothing looks once at its turn word), and it has to be at it in most of several looks. Then the runner is killed, and its program with
 * its next stay.
 *
 * Who looks is one thread at a time, with no lock: numbers of a stay that is going on may be behind, and the slack is wide. A runner that is
 * being ended is told by ends_lock, which makes sure that a handle is not somebody else's by the time it is killed.
 */
#include "skas/internal.h"

#define SPACES_AT_ONCE 64
#define ACTIVE_NS NSEC_PER_MSEC        /* of CPU time since the last look: somebody is at work */
#define DOUBT_NS (200 * NSEC_PER_MSEC) /* so much that is not explained is a doubt, */
#define LEAK_NS (20 * NSEC_PER_MSEC)   /* less this for each look */
#define DOUBTS 6                       /* are no doubt any more */

static DEFINE_SPINLOCK(ends_lock);

void watch_ends(struct runner *r)
{
	spin_lock(&ends_lock);
	r->watched.ending = true;
	spin_unlock(&ends_lock);
}

static void end(struct runner *r, int task)
{
	bool ours;

	spin_lock(&ends_lock);
	ours = !r->watched.ending && r->task == task;
	if (ours)
		os_space_end(task);
	spin_unlock(&ends_lock);
	if (ours)
		pr_notice("skas: a guest computes while nobody drives it\n");
	r->watched.doubts = 0;
}

static void begin(struct watched *w, u64 used, u64 allowed)
{
	w->used = used;
	w->allowed = allowed;
}

/* There is reason to doubt. But who is asleep now, or has spent half of it in the host's kernel, has one to his credit. */
static void judge(struct runner *r, int task, u64 allowed, s64 excess)
{
	struct watched *w = &r->watched;
	u64 user = os_space_usertime(task);
	s64 computed = (s64)(user - w->user) - (s64)(allowed - w->allowed);

	if (!w->doubts)
		w->doubts = 1;
	else if (computed >= excess / 2 && !os_space_is_asleep(task))
		w->doubts++;
	else if (w->doubts > 1)
		w->doubts--;
	w->user = user;
	if (w->doubts > DOUBTS)
		end(r, task);
}

static void take_stock(struct runner *r, int task, u64 used, u64 allowed)
{
	struct watched *w = &r->watched;
	s64 excess = (s64)(used - w->used - LEAK_NS) - (s64)(allowed - w->allowed);

	if (READ_ONCE(w->fresh) || excess <= 0) {
		WRITE_ONCE(w->fresh, false);
		w->doubts = 0;
		begin(w, used, allowed);
	} else if (excess > (s64)DOUBT_NS) {
		judge(r, task, allowed, excess);
		begin(w, used, allowed);
	} else {
		w->used += LEAK_NS;
	}
}

static void look_at(struct runner *r, bool *active)
{
	u64 used, allowed = READ_ONCE(r->allowed);
	u32 state = READ_ONCE(r->state);
	int task = READ_ONCE(r->task);

	if (state == RUNNER_NONE || !task)
		return;
	if (state == RUNNER_RUNNING) { /* its vCPU is answerable for it */
		*active = true;
		return;
	}
	used = os_space_cputime(task);
	*active |= used > r->watched.used + ACTIVE_NS;
	take_stock(r, task, used, allowed);
}

u32 skas_look(u32 from, bool *active)
{
	u32 end = from + SPACES_AT_ONCE;

	if (skas.ops != &seccomp_ops)
		return 0;
	for (; from < end; from++) {
		struct space *s = space_next(&from);

		if (!s)
			return 0;
		for (int cpu = 0; cpu < skas.cfg.ncpus; cpu++)
			look_at(&s->runner[cpu], active);
	}
	return from;
}

void skas_stayed(struct space *s, int cpu, u64 ns)
{
	s->runner[cpu].allowed += ns;
}
