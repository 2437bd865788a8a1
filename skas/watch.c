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
 * for nothing looks once at its turn word), in several looks one after the other. Then the runner is killed, and its program with its next stay.
 *
 * Who looks is one thread at a time, with no lock: numbers of a stay that is going on may be behind, and the slack is wide. A runner that is
 * being ended is told by ends_lock, which makes sure that a handle is not somebody else's by the time it is killed.
 */
#include "skas/internal.h"

#define SPACES_AT_ONCE 64
#define ACTIVE_NS NSEC_PER_MSEC        /* of CPU time since the last look: somebody is at work */
#define TAIL_NS (100 * NSEC_PER_USEC)  /* that a stay may cost after its end */
#define SLACK_NS (100 * NSEC_PER_MSEC) /* of a look */
#define LOOKS 3                        /* in a row, after one that has only raised doubts */

static DEFINE_SPINLOCK(ends_lock);

void watch_ends(struct runner *r)
{
	spin_lock(&ends_lock);
	r->watched.ending = true;
	spin_unlock(&ends_lock);
}

static void end(struct runner *r, int task)
{
	pr_notice("skas: a guest computes while nobody drives it\n");
	spin_lock(&ends_lock);
	if (!r->watched.ending && r->task == task)
		os_space_end(task);
	spin_unlock(&ends_lock);
}

/* @excess: CPU time since the last look that nobody has allowed. */
static void judge(struct runner *r, int task, u64 excess)
{
	struct watched *w = &r->watched;
	u64 user = os_space_usertime(task), grown = user - w->user;

	w->user = user;
	if (!w->doubts++)
		return;
	if (grown < excess / 2)
		w->doubts = 1;
	else if (w->doubts > LOOKS)
		end(r, task);
}

static void look_at(struct runner *r, bool *active)
{
	struct watched *w = &r->watched;
	u64 used, grown, allowed, stayed = READ_ONCE(r->stayed);
	u32 stays = READ_ONCE(r->stays), state = READ_ONCE(r->state);
	int task = READ_ONCE(r->task);

	if (state == RUNNER_NONE || !task)
		return;
	if (state ==
		RUNNER_RUNNING) { /* its vCPU is answerable for it, and the numbers will be right when it is back */
		*active = true;
		return;
	}
	used = os_space_cputime(task);
	grown = used > w->used ? used - w->used : 0;
	allowed = stayed - w->stayed + (u64)(stays - w->stays) * TAIL_NS + SLACK_NS;
	*active |= grown > ACTIVE_NS;
	w->used = used;
	w->stayed = stayed;
	w->stays = stays;
	if (READ_ONCE(w->fresh) || grown <= allowed)
		w->doubts = 0;
	else
		judge(r, task, grown - allowed);
	WRITE_ONCE(w->fresh, false);
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
	s->runner[cpu].stayed += ns;
}
