/* SPDX-License-Identifier: MIT */
/*
 * answers.c: system calls that the stub answers itself, because the kernel knew the answer when it
 * gave the turn: calls for the identity of the thread, and sched_yield() while no task waits for
 * the vCPU. See docs/skas.md.
 *
 * No thread may see an old answer once a change has revoked the answers:
 * - Revoking: the generation is incremented, (full barrier) the control page of each vCPU's runner
 *   is marked as without answers.
 * - Running: answers are written under a generation, the runner is published, (full barrier) the
 *   generation is compared again. If it has changed, the page is marked as without answers. So
 *   either the vCPU sees the new generation, or the revoking vCPU sees the runner and marks its
 *   page.
 *
 * Answers themselves change only while the kernel has the turn. A marked page may belong to a
 * runner that has stopped or ended. That is harmless: all pages of the control file stay mapped,
 * and a page without answers is always correct.
 *
 * Locks: none. A runner's page is written by its own vCPU, except for the word C_KNOWN.
 */
#include <asm/unistd.h>

#include "skas/internal.h"

/*
 * Starts a new generation. Also needed in a restored instance: its tasks and vCPUs have answers of
 * an older generation, in other control pages.
 */
void answers_init(void)
{
	skas.answers_generation++;
	for (int cpu = 0; cpu < STUB_MAX_SLOTS; cpu++)
		skas.calls[cpu].ctl = NULL;
}

u64 skas_answers_now(void)
{
	return smp_load_acquire(&skas.answers_generation);
}

static void put(u32 *to, u32 value)
{
	if (READ_ONCE(*to) != value)
		WRITE_ONCE(*to, value);
}

void skas_answers_revoke(void)
{
	__atomic_fetch_add(&skas.answers_generation, 1, __ATOMIC_SEQ_CST);
	for (int cpu = 0; cpu < skas.cfg.ncpus; cpu++) {
		struct ctl_page *c = READ_ONCE(skas.calls[cpu].ctl);

		if (c)
			put(&c->known, 0);
	}
}

static void write_answers(struct runner *r, const struct answers *a)
{
	u32 *answers = r->ctl->answers;

	if (!r->answers_id)
		for (int i = 0; i < ANSWERS; i++)
			WRITE_ONCE(answers[i], NO_ANSWER);
	put(&answers[__NR_getpid], a->pid);
	put(&answers[__NR_gettid], a->tid);
	put(&answers[__NR_getppid], a->ppid);
	put(&answers[__NR_getuid], a->uid);
	put(&answers[__NR_geteuid], a->euid);
	put(&answers[__NR_getgid], a->gid);
	put(&answers[__NR_getegid], a->egid);
	put(&answers[__NR_sched_yield], 0);
	r->answers_id = a->id;
}

void skas_offer(struct space *s, int cpu, const struct answers *a, u64 now, bool self, bool yield)
{
	struct runner *r = &s->runner[cpu];
	u32 known = (self ? KNOWN_SELF : 0) | (yield ? KNOWN_YIELD : 0);

	if (self && unlikely(r->answers_id != a->id))
		write_answers(r, a);
	put(&r->ctl->known, known);
	r->offered_at = known ? now : 0;
}

/*
 * Drops answers that were revoked meanwhile. The guest then runs without answers, so frequent
 * changes elsewhere cannot keep it from running.
 */
void answers_settle(struct runner *r)
{
	if (r->offered_at && unlikely(r->offered_at != READ_ONCE(skas.answers_generation)))
		put(&r->ctl->known, 0);
}
