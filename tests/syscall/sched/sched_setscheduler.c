/* SPDX-License-Identifier: MIT */
/* The scheduler's calls: policies, parameters, priorities, affinity, attributes, yields. */
#include "sched_attr.h"

static void policies(void)
{
	struct sched_param p = { 0 };
	struct timespec ts;
	char text[64];
	int i;

	T(sched_getscheduler(0));
	T(sched_getparam(0, &p));
	say("%d", p.sched_priority);
	for (i = -1; i < 8; i++) {
		if (i == 4 || i == 6 || i == 7)
			continue; /* reserved, deadline, extensible */
		snprintf(text, sizeof(text), "max of policy %d", i);
		TN(text, sched_get_priority_max(i));
		snprintf(text, sizeof(text), "min of policy %d", i);
		TN(text, sched_get_priority_min(i));
	}
	p.sched_priority = 10;
	T(sched_setscheduler(0, SCHED_FIFO, &p));
	T(sched_getscheduler(0));
	p.sched_priority = 20;
	T(sched_setparam(0, &p));
	p.sched_priority = 0;
	T(sched_getparam(0, &p));
	say("%d", p.sched_priority);
	T(sched_setparam(0, &(struct sched_param){ 0 }));
	T(sched_setparam(0, &(struct sched_param){ 100 }));
	T(sched_rr_get_interval(0, &ts));
	say("FIFO has none: %d", ts.tv_sec == 0 && ts.tv_nsec == 0);
	T(sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &(struct sched_param){ 5 }));
	T(sched_getscheduler(0));
	T(sched_rr_get_interval(0, &ts));
	say("RR has one: %d", ts.tv_sec || ts.tv_nsec);
	CHILD(T(sched_getscheduler(0)));
	T(sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ 0 }));
	T(sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){ 0 }));
	T(sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 1 }));
	T(sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 }));
	T(sched_setscheduler(0, 99, &(struct sched_param){ 0 }));
	T(sched_setscheduler(-1, SCHED_OTHER, &(struct sched_param){ 0 }));
	T(sched_setscheduler(1 << 29, SCHED_OTHER, &(struct sched_param){ 0 }));
	T(sched_setscheduler(0, SCHED_OTHER, BAD));
	T(sched_setscheduler(0, SCHED_OTHER, NULL));
	T(sched_getparam(0, NULL));
	T(sched_getparam(-1, &p));
	T(sched_getscheduler(1 << 29));
	T(sched_rr_get_interval(0, BAD));
	T(sched_rr_get_interval(-1, &ts));
	CHILD({
		NEED(setuid(65534));
		T(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ 1 }));
		T(sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ 0 }));
		T(sched_setscheduler(getppid(), SCHED_OTHER, &(struct sched_param){ 0 }));
	});
}

static void attributes(void)
{
	struct attr a = { sizeof(a), SCHED_OTHER, 0, 7, 0, 0, 0, 0 }, b;

	T(syscall(SYS_sched_setattr, 0, &a, 0));
	memset(&b, 0, sizeof(b));
	T(syscall(SYS_sched_getattr, 0, &b, sizeof(b), 0));
	say("size %u policy %u nice %d", b.size >= 48, b.policy, b.nice);
	a = (struct attr){ sizeof(a), SCHED_RR, 0, 0, 3, 0, 0, 0 };
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	T(syscall(SYS_sched_getattr, 0, &b, sizeof(b), 0));
	say("policy %u priority %u", b.policy, b.priority);
	a.priority = 0;
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){ sizeof(a), 99, 0, 0, 0, 0, 0, 0 };
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){ 8, 0, 0, 0, 0, 0, 0, 0 };
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){ sizeof(a), 0, 0, 0, 0, 0, 0, 0 };
	T(syscall(SYS_sched_setattr, 0, &a, 1));
	T(syscall(SYS_sched_setattr, 0, NULL, 0));
	T(syscall(SYS_sched_setattr, 0, BAD, 0));
	T(syscall(SYS_sched_getattr, 0, &b, 8, 0));
	T(syscall(SYS_sched_getattr, 0, &b, sizeof(b), 1));
	T(syscall(SYS_sched_getattr, 1 << 29, &b, sizeof(b), 0));
	T(syscall(SYS_sched_setattr, 0, &a, 0));
}

/*
 * If the caller's structure is larger than the kernel's, the call returns the kernel's size, unless
 * the rest is zero.
 */
static void larger(void)
{
	union {
		struct attr a;
		char bytes[300];
	} u = { { 200, SCHED_OTHER, 0, 0, 0, 0, 0, 0 } };

	T(syscall(SYS_sched_setattr, 0, &u, 0));
	u.bytes[199] = 1;
	T(syscall(SYS_sched_setattr, 0, &u, 0));
	say("told %u", u.a.size);
	u.a.size = 5000;
	T(syscall(SYS_sched_setattr, 0, &u, 0));
	say("told %u", u.a.size);
	u.a.size = 47;
	T(syscall(SYS_sched_setattr, 0, &u, 0));
	say("told %u", u.a.size);
}

static void affinity(void)
{
	unsigned long mask[16] = { 0 }, one[16] = { 1 }, none[16] = { 0 };
	long n = syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);

	say("length is in words: %d", n > 0 && n % 8 == 0);
	say("some processor: %d", mask[0] != 0);
	T(syscall(SYS_sched_getaffinity, 0, 4, mask));
	T(syscall(SYS_sched_getaffinity, 0, 9, mask));
	T(syscall(SYS_sched_getaffinity, 0, sizeof(mask), BAD));
	T(syscall(SYS_sched_getaffinity, -1, sizeof(mask), mask));
	T(syscall(SYS_sched_getaffinity, 1 << 29, sizeof(mask), mask));
	CHILD({
		T(syscall(SYS_sched_setaffinity, 0, sizeof(one), one));
		NEED(syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask));
		say("%lx on processor %d", mask[0], sched_getcpu());
		CHILD({
			NEED(syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask));
			say("inherited %lx", mask[0]);
		});
	});
	T(syscall(SYS_sched_setaffinity, 0, sizeof(none), none));
	T(syscall(SYS_sched_setaffinity, 0, sizeof(one), BAD));
	T(syscall(SYS_sched_setaffinity, 1 << 29, sizeof(one), one));
	T(syscall(SYS_sched_setaffinity, 0, 1, one)); /* the rest counts as zeros */
	T(syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask));
	CHILD({
		pid_t parent = getppid();

		NEED(setuid(65534));
		T(syscall(SYS_sched_setaffinity, parent, sizeof(one), one));
	});
}

TEST(sched_setscheduler)
{
	policies();
	attributes();
	larger();
	affinity();
	T(sched_yield());
}
