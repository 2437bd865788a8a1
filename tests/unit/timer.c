/* SPDX-License-Identifier: MIT */
/*
 * timer.c: timers run in the order of their deadlines, never early, only once, and not at all if
 * they were cancelled.
 * SOURCES: kernel/sched/timer.c kernel/lib/rbtree.c
 */
#include <asm/errno.h>

#include "kernel/sched/internal.h"
#include "unit.h"

/* ---- fakes for timer.c ---- */

static struct task me;
struct task *unit_current = &me;
int nr_cpus = 1;
static u64 now;
struct rq runqueues[MAX_CPUS];
struct boundary boundaries[MAX_CPUS];
u64 idle_mask;
const struct sched_timer_ops *sched_timer_ops;

u64 ktime_get(void)
{
	return now;
}
int smp_processor_id(void)
{
	return me.cpu;
}
void arch_kick_cpu(int cpu)
{
}
bool rcu_waiting(int cpu)
{
	return false;
}
u64 rcu_next(int cpu)
{
	return ~0UL;
}
void rcu_check(int cpu)
{
}
void sched_tick(void)
{
}
u64 sched_next(void)
{
	return ~0UL;
}
void schedule(void)
{
	now = timers_next();
	timers_run(now);
}
void yield(void)
{
}
static u32 woken;
bool wake_up_state(struct task *t, u32 states)
{
	woken++;
	return true;
}
void spin_lock_raw(spinlock_t *l)
{
	spin_lock(l);
}
void spin_unlock_raw(spinlock_t *l)
{
	spin_unlock(l);
}

/* ---- tests ---- */

#define N 300
static struct ktimer timers[N];
static u64 fired_at[N], last;
static u32 fired;

static void record(struct ktimer *t)
{
	assert_true(t->expires <= now);
	assert_true(t->expires >= last);
	assert_false(timer_armed(t));
	last = t->expires;
	fired_at[t - timers] = now;
	fired++;
}

static int setup(void **state)
{
	me.cpu_timer_at = ~0UL;
	me.cpu = 0;
	now = 1000;
	last = 0;
	fired = 0;
	for (u32 i = 0; i < N; i++) {
		timer_setup(&timers[i], record);
		fired_at[i] = 0;
	}
	return 0;
}

static void in_order(void **state)
{
	for (u32 i = 0; i < N; i++)
		timer_start(&timers[i], now + fake_random() % 5000);
	while (timers_next() != ~0UL) {
		now = timers_next();
		timers_run(now);
	}
	assert_int_equal(fired, N);
	for (u32 i = 0; i < N; i++)
		assert_int_equal(fired_at[i], timers[i].expires);
}

static void cancelled_and_moved(void **state)
{
	u32 cancelled = 0;

	for (u32 i = 0; i < N; i++)
		timer_start(&timers[i], now + fake_random() % 5000);
	for (u32 i = 0; i < N; i += 3) {
		assert_true(timer_cancel(&timers[i]));
		assert_false(timer_cancel(&timers[i]));
		cancelled++;
	}
	for (u32 i = 1; i < N; i += 3)
		timer_start(&timers[i], now + 10000 + i);
	now += 20000;
	timers_run(now);
	assert_int_equal(fired, N - cancelled);
	assert_true(timers_next() == ~0UL);
	for (u32 i = 0; i < N; i += 3)
		assert_int_equal(fired_at[i], 0);
}

static u32 rounds;
static void again(struct ktimer *t)
{
	if (++rounds < 10)
		timer_start(t, t->expires + 100);
}

static void periodic(void **state)
{
	struct ktimer t;

	rounds = 0;
	timer_setup(&t, again);
	timer_start(&t, 2000);
	while (timers_next() != ~0UL) {
		assert_int_equal(timers_next(), 2000 + rounds * 100);
		now = timers_next();
		timers_run(now);
	}
	assert_int_equal(rounds, 10);
}

/* A timer that is armed on one vCPU and then on another runs only on the second. */
static void other_cpu(void **state)
{
	timer_start(&timers[0], 5000);
	me.cpu = 1;
	timer_start(&timers[0], 6000);
	me.cpu = 0;
	assert_true(timers_next() == ~0UL);
	now = 7000;
	timers_run(now);
	assert_int_equal(fired, 0);
	me.cpu = 1;
	assert_int_equal(timers_next(), 6000);
	timers_run(now);
	assert_int_equal(fired, 1);
}

static void sleeping(void **state)
{
	woken = 0;
	assert_int_equal(schedule_deadline(9000), -ETIMEDOUT);
	assert_int_equal(woken, 1);
	assert_true(now >= 9000);
	assert_true(timers_next() == ~0UL);
}

UNIT_MAIN(cmocka_unit_test_setup(in_order, setup),
	cmocka_unit_test_setup(cancelled_and_moved, setup), cmocka_unit_test_setup(periodic, setup),
	cmocka_unit_test_setup(other_cpu, setup), cmocka_unit_test_setup(sleeping, setup))
