/* SPDX-License-Identifier: MIT */
/*
 * watch.c: finds runners that compute while no vCPU drives them.
 *
 * A stay ends when the control page shows it, but a guest can write that and compute on: its task
 * sleeps, its runner uses the host's CPU, and no task is charged. So now and then each runner's CPU
 * time is compared with the stays that its vCPU has given it. The runner may also use a little time
 * after each stay: it wakes the vCPU, spins, and falls asleep. The rest is excess.
 *
 * An excess alone is no proof: any program on a vCPU may wake the vCPU's other runners without
 * need, and each such wake-up costs the woken runner some time in the host's kernel. So the excess
 * has to be spent mostly in user mode (a runner that is woken without need only reads its turn
 * word), and it has to appear in most of several checks. Then the runner is killed, and its program
 * ends with its next stay.
 *
 * One thread at a time checks, without a lock: numbers of a present stay may be stale, which the
 * limits allow for. ends_lock protects the mark of a runner that is being ended (ending), so that a
 * kill cannot hit the next runner with the same handle.
 */
#include "skas/internal.h"

#define SPACES_AT_ONCE 64
/* CPU time since the last check that counts as computing */
#define ACTIVE_NS NSEC_PER_MSEC
/* excess above which judge() is called */
#define DOUBT_NS (200 * NSEC_PER_MSEC)
#define LEAK_NS (20 * NSEC_PER_MSEC) /* excess forgiven at each check */
#define DOUBTS 6                     /* more doubts are proof */

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
		pr_notice("skas: a guest computes while no vCPU drives it\n");
	r->watched.doubts = 0;
}

static void begin(struct watched *w, u64 used, u64 allowed)
{
	w->used = used;
	w->allowed = allowed;
}

/*
 * Judges a runner with an excess (ns). The first excess makes one doubt. Each later one adds a
 * doubt; or removes a doubt, but not the first, if the runner is asleep now or has spent more than
 * half of the excess in the host's kernel. With more than DOUBTS doubts the runner is ended.
 */
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
	if (state == RUNNER_RUNNING) { /* driven: its vCPU is charged for it */
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
