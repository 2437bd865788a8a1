/* SPDX-License-Identifier: MIT */
/*
 * sched_slice: sched_setattr(2): slices of ordinary tasks: bounds, policies, inheritance, and calls
 * that leave them alone.
 */
#include "sched_attr.h"

#define RESET_ON_FORK 1
#define KEEP_POLICY 8
#define KEEP_PARAMS 16

static uint64_t usual;

static void show(const char *when)
{
	struct attr a = { .size = sizeof(a) };

	syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0);
	if (a.runtime == usual)
		say("%s: policy %u, the usual", when, a.policy);
	else
		say("%s: policy %u, %lu", when, a.policy, a.runtime);
}

static void set(const char *what, uint32_t policy, uint64_t flags, uint64_t runtime)
{
	struct attr a = { .size = sizeof(a), .policy = policy, .flags = flags, .runtime = runtime };

	if (policy == SCHED_FIFO)
		a.priority = 3;
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	show(what);
}

TEST(sched_slice)
{
	static const uint64_t ns[] = { 1, 99999, 100000, 100001, 20000000, 100000000, 100000001,
		~0UL, 0 };
	struct sched_param none = { 0 };
	struct attr a = { .size = sizeof(a) };
	char text[40];

	syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0);
	usual = a.runtime;
	say("usual: %d", usual >= 100000 && usual <= 100000000);
	for (unsigned i = 0; i < sizeof(ns) / sizeof(ns[0]); i++) {
		snprintf(text, sizeof(text), "asked for %lu", ns[i]);
		set(text, SCHED_OTHER, 0, ns[i]);
	}
	set("batch", SCHED_BATCH, 0, 5000000);
	CHILD(show("child"));
	set("idle", SCHED_IDLE, 0, 7000000);
	set("normal", SCHED_OTHER, 0, 6000000);
	set("kept parameters", SCHED_OTHER, KEEP_PARAMS, 9000000);
	set("kept policy", SCHED_BATCH, KEEP_POLICY, 8000000);
	T(setpriority(PRIO_PROCESS, 0, 3));
	show("nice");
	T(sched_setscheduler(0, SCHED_BATCH, &none));
	show("sched_setscheduler");
	T(sched_setparam(0, &none));
	show("sched_setparam");
	set("fifo", SCHED_FIFO, 0, 7000000);
	T(sched_setscheduler(0, SCHED_OTHER, &none));
	show("and back");
	set("reset on fork", SCHED_OTHER, RESET_ON_FORK, 11000000);
	CHILD(show("child, reset"));
	set("none", SCHED_OTHER, RESET_ON_FORK, 0);
}
