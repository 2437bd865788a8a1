/* SPDX-License-Identifier: MIT */
/*
 * scheduler.c: kernel/sched on the real machine layer, with kernel threads only. fakes.c replaces
 * mm, task and skas. The word test=NAME selects the test that the first kernel thread runs;
 * tests/sched/scheduler builds and starts it.
 */
#include <linux/sched.h>

#include "arch/um/internal.h"
#include "arch/um/machine/timetravel.h"
#include "arch/um/vdso/vdso.h"
#include "kernel/init.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/internal.h"
#include "kernel/task/process.h"
#include "tests/sched/fakes.h"
#include "tests/sched/threads.h"

static const char *wanted = "";
static int set_test(const char *value)
{
	wanted = value;
	return 0;
}
PARAM("test=", set_test, NULL);

static int switcher(u64 me)
{
	for (int i = 0; i < 2000; i++)
		yield();
	return 0;
}

static void test_switch(void)
{
	u64 t = ktime_get(), n = nr_context_switches();

	run(switcher, 20);
	n = nr_context_switches() - n;
	say("%lu switches, %lu ns each\n", n, elapsed(t) / max(n, 1UL));
}

static int sleeper(u64 me)
{
	u64 rnd = me * 77777 + 1;

	for (int i = 0; i < 100; i++) {
		u64 deadline = ktime_get() + random_next(&rnd) % 3000000;

		set_current_state(TASK_UNINTERRUPTIBLE);
		check(schedule_deadline(deadline) == -ETIMEDOUT);
		check(ktime_get() >= deadline);
	}
	return 0;
}

static bool sleep_round(void)
{
	u64 t = ktime_get();

	run(sleeper, 50);
	t = elapsed(t);
	say("slept for %lu us (%lu at best)\n", t / 1000, 150000UL);
	return t < 3000000000UL;
}

static void test_sleep(void)
{
	some_round(sleep_round);
}

#define PINGS 50000
static DECLARE_WAIT_QUEUE_HEAD(turn_wait);
static u64 turn;

static int player(u64 me)
{
	for (u64 i = 0; i < PINGS; i++) {
		wait_event(&turn_wait, READ_ONCE(turn) % 2 == me);
		WRITE_ONCE(turn, turn + 1);
		wake_up(&turn_wait);
	}
	return 0;
}

static void test_pingpong(void)
{
	u64 t = ktime_get(), n = nr_context_switches();

	run(player, 2);
	n = nr_context_switches() - n;
	say("%lu ns a turn, %lu switches for 100 turns\n", elapsed(t) / (2 * PINGS),
		n * 100 / (2 * PINGS));
	check(n < 3 * 2 * PINGS);
}

static int wanderer(u64 me)
{
	u64 rnd = me + 31;

	for (int i = 0; i < 500; i++) {
		int cpu = (int)(random_next(&rnd) % (u64)nr_cpus);

		check(!sched_setaffinity(current, BIT(cpu)));
		check(smp_processor_id() == cpu);
		yield();
		check(smp_processor_id() == cpu);
		if (i % 8 == 0) {
			set_current_state(TASK_UNINTERRUPTIBLE);
			schedule_deadline(ktime_get() + 20000);
			check(smp_processor_id() == cpu);
		}
	}
	return 0;
}

static void test_affinity(void)
{
	run(wanderer, 10);
	say("moved\n", 0, 0);
}

/*
 * A task that is to join another vCPU moves there if its affinity permits it, and else stays. No
 * waiting task is lost.
 */
static int joiner(u64 me)
{
	for (int i = 0; i < 500; i++) {
		int here = smp_processor_id(), to = (here + 1) % nr_cpus;
		u64 moves = current->nr_moves;

		sched_join(to);
		check(need_resched());
		cond_resched();
		check(current->nr_moves > moves);
		here = smp_processor_id();
		check(!sched_setaffinity(current, BIT(here)));
		moves = current->nr_moves;
		sched_join((here + 1) % nr_cpus);
		cond_resched();
		check(smp_processor_id() == here && current->nr_moves == moves);
		check(!sched_setaffinity(current, ~0UL));
	}
	return 0;
}

static void test_join(void)
{
	run(joiner, 6);
	say("joined\n", 0, 0);
}

static u64 fair_end, fair_ran[8];

static int spinner(u64 me)
{
	sched_setaffinity(current, 1);
	set_user_nice(current, me % 2 ? 5 : 0);
	while (ktime_get() < fair_end)
		cond_resched();
	fair_ran[me] = task_sched_runtime(current);
	return 0;
}

static bool fair_round(void)
{
	u64 sum[2] = { 0, 0 };

	fair_end = ktime_get() + 1500000000;
	run(spinner, 4);
	for (int i = 0; i < 4; i++)
		sum[i % 2] += fair_ran[i];
	say("nice 0 ran %lu us, nice 5 %lu us\n", sum[0] / 1000, sum[1] / 1000);
	/*
	 * 3 to 1 by their weights, less exact on a host that takes its CPU away for 50 ms at a time
	 */
	return 2 * sum[0] > 3 * sum[1] && sum[0] < 6 * sum[1] &&
	       fair_ran[0] < fair_ran[2] * 17 / 10 && fair_ran[2] < fair_ran[0] * 17 / 10;
}

static void test_fair(void)
{
	some_round(fair_round);
}

static int both_spinner(u64 me)
{
	while (ktime_get() < fair_end)
		cond_resched();
	fair_ran[me] = task_sched_runtime(current);
	return 0;
}

/*
 * Returns true if spinning threads that start on the same vCPU spread: each ran for most of the
 * time.
 */
static bool spread_round(void)
{
	u64 least = ~0UL;

	fair_end = ktime_get() + 300000000;
	run(both_spinner, (u64)nr_cpus);
	for (int i = 0; i < nr_cpus; i++)
		least = min(least, fair_ran[i]);
	say("the least ran %lu us of 300000\n", least / 1000, 0);
	return least > 200000000;
}

static void test_spread(void)
{
	some_round(spread_round);
}

/*
 * Task 0 is bound to vCPU 1. All others start on vCPU 0 and must move to vCPU 1, since idle vCPUs
 * take no tasks of guests.
 */
static int even_spinner(u64 me)
{
	sched_setaffinity(current, me ? 1 : 2);
	current->mm = (struct mm *)8; /* of a guest */
	if (me)
		sched_setaffinity(current, ~0UL);
	while (ktime_get() < fair_end)
		cond_resched();
	current->mm = NULL;
	fair_ran[me] = task_sched_runtime(current);
	return 0;
}

static bool even_round(void)
{
	u64 others = 0;

	fair_end = ktime_get() + 300000000;
	share_idle = true;
	run(even_spinner, 5);
	share_idle = false;
	for (int i = 1; i < 5; i++)
		others += fair_ran[i];
	say("one ran %lu us, four others %lu us\n", fair_ran[0] / 1000, others / 1000);
	/* finally half a vCPU and one and a half; at first one vCPU each */
	return 3 * fair_ran[0] < 2 * others;
}

static void test_even(void)
{
	some_round(even_round);
}

/* A light task does not wait beside a heavy task while another vCPU is idle. */
static int light_spinner(u64 me)
{
	sched_setaffinity(current, 1);
	set_user_nice(current, me ? 19 : 0);
	current->mm = (struct mm *)8;
	sched_setaffinity(current, ~0UL);
	while (ktime_get() < fair_end)
		cond_resched();
	current->mm = NULL;
	fair_ran[me] = task_sched_runtime(current);
	return 0;
}

static bool light_round(void)
{
	fair_end = ktime_get() + 300000000;
	share_idle = true;
	run(light_spinner, 2);
	share_idle = false;
	say("nice 0 ran %lu us, nice 19 %lu us\n", fair_ran[0] / 1000, fair_ran[1] / 1000);
	return fair_ran[1] > 50000000;
}

static void test_light(void)
{
	some_round(light_round);
}

static bool rt_stop;
static u64 rt_latest, rt_late;

static int rt_waker(u64 me)
{
	sched_setaffinity(current, 1);
	sched_setscheduler(current, SCHED_FIFO, 10);
	for (int i = 0; i < 50; i++) {
		u64 deadline = ktime_get() + 2000000;

		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_deadline(deadline);
		rt_late += ktime_get() - deadline;
		rt_latest = max(rt_latest, ktime_get() - deadline);
	}
	WRITE_ONCE(rt_stop, true);
	return 0;
}

static int rt_load(u64 me)
{
	if (!me)
		return rt_waker(me);
	sched_setaffinity(current, 1);
	while (!READ_ONCE(rt_stop))
		cond_resched();
	return 0;
}

static void test_rt(void)
{
	run(rt_load, 4);
	say("a FIFO task was late by %lu us at most, %lu on average\n", rt_latest / 1000,
		rt_late / 50000);
}

static bool hog_runs, hog_may_stop, hog_gave_up;

static int rt_hog(void)
{
	u64 last = ktime_get(), ran = 0;

	sched_setscheduler(current, SCHED_FIFO, 10);
	WRITE_ONCE(hog_runs, true);
	while (!READ_ONCE(hog_may_stop) && !hog_gave_up) {
		cond_resched();
		ran += had(&last);
		hog_gave_up = ran > 20000000000;
	}
	return 0;
}

static int hog_and_victim(u64 me)
{
	sched_setaffinity(current, 1);
	if (!me)
		return rt_hog();
	while (!READ_ONCE(hog_runs)) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_deadline(ktime_get() + 1000000);
	}
	WRITE_ONCE(hog_may_stop, true); /* the hog left time for it */
	return 0;
}

/*
 * A loop at a real-time priority leaves fair tasks a twentieth of the time, also where the host
 * gives the vCPU only half of it.
 */
static void test_throttle(void)
{
	u64 start = ktime_get();

	WRITE_ONCE(steal_half, true);
	run(hog_and_victim, 2);
	WRITE_ONCE(steal_half, false);
	say("a fair task came through after %lu ms\n", elapsed(start) / 1000000, 0);
	check(!hog_gave_up);
}

#define MEETINGS 50
static atomic_t met[MEETINGS], rt_ready, rt_done;
static u64 missed;

/*
 * Waits without sleep until all tasks are in meeting @k: they must all run at once. Counts it as
 * missed after 5 seconds.
 */
static void meet(int k)
{
	u64 last = ktime_get(), waited = 0;

	atomic_inc(&met[k]);
	while (atomic_read(&met[k]) < nr_cpus) {
		cond_resched();
		waited += had(&last);
		if (waited > 5000000000) {
			__atomic_fetch_add(&missed, 1, __ATOMIC_RELAXED);
			return;
		}
	}
}

static int meeting(u64 me)
{
	if (me < (u64)nr_cpus) { /* a fair task on each vCPU */
		sched_setaffinity(current, BIT(me));
		while (atomic_read(&rt_done) < nr_cpus)
			cond_resched();
		return 0;
	}
	sched_setscheduler(current, SCHED_FIFO, 1 + (int)me);
	atomic_inc(&rt_ready);
	while (atomic_read(&rt_ready) < nr_cpus) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_deadline(ktime_get() + 1000000);
	}
	for (int k = 0; k < MEETINGS && !READ_ONCE(missed); k++) {
		meet(k);
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_deadline(ktime_get() + 20000 * (me + (u64)k % 3));
	}
	atomic_inc(&rt_done);
	return 0;
}

/* As many real-time tasks as vCPUs each have a vCPU, wherever they wake up. */
static void test_rt_places(void)
{
	sysctl_sched_rt_runtime_us = -1; /* throttling moves no task */
	run(meeting, 2 * (u64)nr_cpus);
	say("real-time tasks missed %lu of their meetings\n", missed, 0);
	check(!missed);
}

static int short_life(u64 me)
{
	return 0;
}

static void test_lives(void)
{
	s64 before;

	run(short_life, 100);
	synchronize_rcu();
	before = allocated;
	for (int i = 0; i < 50; i++)
		run(short_life, 50);
	for (int i = 0; i < 20000 && allocated > before + 10; i++) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_deadline(ktime_get() + 1000000);
	}
	say("2500 lives, %lu more allocations\n", (u64)(allocated - before), 0);
	check(allocated <= before + 10);
}

static const struct {
	const char *name;
	void (*fn)(void);
} tests[] = {
	{ "switch", test_switch },
	{ "sleep", test_sleep },
	{ "mutex", test_mutex },
	{ "rwsem", test_rwsem },
	{ "pingpong", test_pingpong },
	{ "rcu", test_rcu },
	{ "work", test_work },
	{ "affinity", test_affinity },
	{ "join", test_join },
	{ "fair", test_fair },
	{ "spread", test_spread },
	{ "even", test_even },
	{ "light", test_light },
	{ "rt", test_rt },
	{ "throttle", test_throttle },
	{ "rt_places", test_rt_places },
	{ "lives", test_lives },
	{ "timers", test_timers },
	{ "lockdep", test_lockdep },
	{ "atomic", test_atomic },
};

static void stderr_write(struct console *con, const char *s, size_t n)
{
	arch_early_write(s, n);
}

extern const struct initcall __start_initcalls[], __stop_initcalls[];

void kernel_main(void)
{
	static struct console con = { .name = "stderr", .write = stderr_write };

	console_register(&con);
	for (const struct initcall *c = __start_initcalls; c < __stop_initcalls; c++)
		if (c->fn())
			panic("%s failed", c->name);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		if (strcmp(tests[i].name, wanted))
			continue;
		tests[i].fn();
		arch_power_off(0);
	}
	refuse("test=%s: unknown", wanted);
}
