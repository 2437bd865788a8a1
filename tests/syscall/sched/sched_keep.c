/* SPDX-License-Identifier: MIT */
/*
 * sched_keep: sched_setattr(2) with SCHED_FLAG_KEEP_POLICY and SCHED_FLAG_KEEP_PARAMS: what stays,
 * and what is checked, for root and for a user.
 */
#include "sched_attr.h"

#define RESET 1 /* SCHED_FLAG_RESET_ON_FORK */
#define POLICY 8
#define PARAMS 16

static void set(uint32_t policy, uint64_t flags, int nice, uint32_t priority)
{
	struct attr a = { sizeof(a), policy, flags, nice, priority }, now = { 0 };
	long err = syscall(SYS_sched_setattr, 0, &a, 0);

	say("policy %u, flags %lu, nice %d, priority %u: %s", policy, flags, nice, priority,
		err ? strerror(errno) : "0");
	NEED(syscall(SYS_sched_getattr, 0, &now, sizeof(now), 0));
	say("    policy %u, flags %lu, nice %d, priority %u", now.policy, now.flags, now.nice,
		now.priority);
}

static void ordinary(uid_t user)
{
	set(SCHED_OTHER, RESET, 0, 0);
	NEED(setresuid(user, user, user));
	set(SCHED_OTHER, POLICY, 5, 0);
	set(SCHED_OTHER, POLICY | PARAMS, 6, 0);
	set(SCHED_OTHER, POLICY | PARAMS | RESET, 6, 0);
	set(SCHED_OTHER, PARAMS | RESET, 7, 0);
	set(SCHED_BATCH, PARAMS | RESET, 7, 0);
	set(SCHED_OTHER, PARAMS, 7, 0);
	set(SCHED_BATCH, PARAMS, 7, 0);
	set(SCHED_IDLE, PARAMS, 7, 0);
	set(SCHED_FIFO, PARAMS, 7, 0);
	set(SCHED_FIFO, PARAMS, 7, 5);
	set(77, PARAMS, 7, 0);
	set(77, POLICY, 7, 0);
	set(SCHED_OTHER, POLICY, 7, 3);
	set(SCHED_OTHER, POLICY | PARAMS, 7, 3);
	set(SCHED_OTHER, 0, 8, 0);
	set(SCHED_OTHER, POLICY | RESET, 9, 0);
}

static void realtime(void)
{
	set(SCHED_FIFO, RESET, 0, 3);
	set(SCHED_OTHER, POLICY | PARAMS, 0, 0);
	set(SCHED_OTHER, POLICY, 0, 4);
	set(SCHED_OTHER, PARAMS, 0, 0);
	set(SCHED_RR, PARAMS | RESET, 0, 7);
	set(SCHED_RR, PARAMS, 0, 7);
}

TEST(sched_keep)
{
	CHILD(ordinary(0));
	CHILD(ordinary(54321));
	realtime();
}
