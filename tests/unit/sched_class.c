/* SPDX-License-Identifier: MIT */
/*
 * sched_class.c: tasks get the CPU in proportion to their weights, tasks that wake up run soon but
 * get no CPU time for their sleep, and real-time tasks run first.
 * SOURCES: kernel/sched/class.c kernel/sched/steal.c kernel/sched/account.c kernel/sched/deadline.c
 * SOURCES: kernel/lib/rbtree.c
 */
#include "kernel/sched/internal.h"
#include "unit.h"

struct task *unit_current;
struct rq runqueues[MAX_CPUS];
struct boundary boundaries[MAX_CPUS];
u64 idle_mask;
int nr_cpus = 1;

#define N 6
static struct rq *rq = &runqueues[0];
static struct task idle, tasks[N];
/* ns: the time, and what the host has stolen since the last look */
static u64 now, taken;

int smp_processor_id(void)
{
	return 0;
}

u64 arch_cpu_clock(void)
{
	return now;
}

bool spin_trylock_raw(spinlock_t *l)
{
	spin_lock_raw(l);
	return true;
}

u64 arch_cpu_clock_local(void)
{
	return now;
}

void arch_cpu_waited_for_disk(int cpu, u64 ns)
{
}

struct rq *task_rq_lock(struct task *t)
{
	return rq;
}

u64 arch_cpu_stolen(int cpu)
{
	u64 ns = taken;

	taken = 0;
	return ns;
}

/* fakes for deadline.c: no task waits for its next period */
u64 ktime_get(void)
{
	return now;
}
void init_wait_entry(struct wait_queue_entry *e)
{
}
void prepare_to_wait(struct wait_queue_head *q, struct wait_queue_entry *e, u32 state)
{
}
void prepare_to_wait_exclusive(struct wait_queue_head *q, struct wait_queue_entry *e, u32 state)
{
}
void finish_wait(struct wait_queue_head *q, struct wait_queue_entry *e)
{
}
bool wait_interrupted(u32 state)
{
	return true;
}
int schedule_deadline(u64 deadline)
{
	return -ETIMEDOUT;
}
void sched_change(struct task *t, void (*change)(struct task *t, int a, int b), int a, int b)
{
	change(t, a, b);
}

static int setup(void **state)
{
	*rq = (struct rq){ .idle = &idle, .curr = &idle };
	idle.flags = PF_IDLE;
	class_init(rq);
	now = 1000000;
	sysctl_sched_rt_runtime_us = -1; /* no real-time throttling */
	for (u32 i = 0; i < N; i++)
		tasks[i] = (struct task){ .policy = SCHED_NORMAL };
	return 0;
}

/* Does what schedule() does, then advances the clock by @ns. Returns the task that runs. */
static struct task *step(u64 ns)
{
	struct task *prev = rq->curr, *next;

	class_update_curr(rq, now);
	if (prev != &idle && prev->se.on_rq)
		class_put_curr(rq, prev, false);
	next = class_pick(rq);
	if (!next)
		next = &idle;
	rq->curr = next;
	next->se.exec_start = now;
	next->se.slice_start = next->se.sum_exec;
	now += ns;
	return next;
}

static void leave(struct task *t)
{
	class_update_curr(rq, now);
	class_sleep_curr(rq, t);
	rq->curr = &idle;
}

static void by_weight(void **state)
{
	static const int nice[N] = { 0, 0, 5, -5, 10, 19 };
	u64 sum = 0, weights = 0;

	for (u32 i = 0; i < N; i++) {
		tasks[i].nice = nice[i];
		class_enqueue(rq, &tasks[i], false);
		weights += class_weight(&tasks[i]);
	}
	for (u32 i = 0; i < 100000; i++)
		step(1000000);
	class_update_curr(rq, now);
	for (u32 i = 0; i < N; i++)
		sum += tasks[i].se.sum_exec;
	for (u32 i = 0; i < N; i++) {
		u64 share = tasks[i].se.sum_exec * 10000 / sum;
		u64 want = class_weight(&tasks[i]) * 10000UL / weights;

		assert_in_range(share, want - want / 20 - 2, want + want / 20 + 2);
	}
	assert_int_equal(class_weight(&tasks[0]), 1024);
	assert_int_equal(rq->load, weights);
}

static void sleeper(void **state)
{
	class_enqueue(rq, &tasks[0], false);
	class_enqueue(rq, &tasks[1], false);
	for (u32 i = 0; i < 100; i++)
		step(1000000);
	/* a task that has slept all the time gets the CPU at once, but not for long */
	class_enqueue(rq, &tasks[2], true);
	assert_true(class_should_preempt(rq, &tasks[2]));
	assert_ptr_equal(step(1000000), &tasks[2]);
	for (u32 i = 0; i < 30; i++)
		step(1000000);
	class_update_curr(rq, now);
	assert_true(tasks[2].se.sum_exec < 16 * 1000000);
}

/* Two tasks that wake each other up do not preempt: the waker runs until it sleeps. */
static void pair(void **state)
{
	class_enqueue(rq, &tasks[0], true);
	step(10000);
	for (u32 i = 0; i < 100; i++) {
		struct task *waker = rq->curr, *woken = waker == &tasks[0] ? &tasks[1] : &tasks[0];

		class_update_curr(rq, now);
		class_enqueue(rq, woken, true);
		if (i > 10)
			assert_false(class_should_preempt(rq, woken));
		leave(waker);
		assert_ptr_equal(step(10000), woken);
	}
}

/*
 * A task that wakes up another task, which has had much less CPU time, runs for another
 * WAKER_RUNS_NS and is then preempted, long before its slice ends.
 */
static void stream(void **state)
{
	class_enqueue(rq, &tasks[0], false);
	for (u32 i = 0; i < 100; i++)
		step(1000000);
	class_update_curr(rq, now);
	rq->curr->se.slice_start = rq->curr->se.sum_exec;
	class_enqueue(rq, &tasks[1], true);
	assert_false(class_should_preempt(rq, &tasks[1]));
	assert_true(rq->hurried);
	assert_int_equal(class_slice_left(rq, now), WAKER_RUNS_NS);
	now += WAKER_RUNS_NS;
	assert_int_equal(class_slice_left(rq, now), 0);
	assert_true(class_should_preempt(rq, &tasks[1]));
}

/*
 * Time that the host has stolen is not charged to a task: it is subtracted at once or from the time
 * used next. Time stolen while the vCPU was idle does not count.
 */
static void stolen(void **state)
{
	struct task *t = &tasks[0];

	rq->steal_looked = now;
	class_enqueue(rq, t, false);
	step(0);
	now += 10000000;
	taken = 6000000;
	class_update_curr(rq, now);
	assert_int_equal(t->se.sum_exec, 4000000);
	assert_int_equal(t->se.run_delay, 6000000);
	assert_int_equal(rq->stolen, 6000000);
	now += 3000000; /* too early for a look at @taken */
	taken = 3000000;
	class_update_curr(rq, now);
	assert_int_equal(t->se.sum_exec, 7000000);
	now += 2000000;
	class_update_curr(rq, now);
	assert_int_equal(t->se.sum_exec, 7000000);
	now += 2000000;
	class_update_curr(rq, now);
	assert_int_equal(t->se.sum_exec, 8000000);
	taken = 1000000000; /* more than has passed */
	now += 5000000;
	class_update_curr(rq, now);
	assert_int_equal(t->se.sum_exec, 8000000);
	leave(t);
	now += 50000000;
	taken = 20000000;
	steal_after_idle_locked(rq, now);
	class_enqueue(rq, t, true);
	step(5000000);
	class_update_curr(rq, now);
	assert_int_equal(t->se.sum_exec, 13000000);
	assert_int_equal(rq->stolen, 16000000);
}

static void run_for(u64 user, u64 kernel)
{
	struct task *t = rq->curr;

	unit_current = t;
	now += user;
	account_user_exit();
	now += kernel;
	account_user_enter(now);
}

/* Switches to @next, with the accounting. @next NULL: to the idle task. */
static void turn_to(struct task *next)
{
	struct task *prev = rq->curr;

	class_update_curr(rq, now);
	account_switch(rq, prev, next ? next : &idle, now);
	if (prev != &idle)
		leave(prev);
	if (next) {
		steal_after_idle_locked(rq, now);
		class_enqueue(rq, next, true);
		step(0);
	}
}

/*
 * Stolen time is subtracted from user and kernel time as it is from sum_exec. A task does not lose
 * time for a theft that was found before it ran.
 */
static void both_sums(void **state)
{
	struct task *a = &tasks[0], *b = &tasks[1];

	rq->steal_looked = now;
	turn_to(a);
	for (u32 i = 0; i < 20; i++)
		run_for(1900000, 100000);
	assert_int_equal(a->utime + a->stime, 40000000);
	taken = 35000000;
	turn_to(NULL);
	assert_int_equal(a->se.sum_exec, 5000000);
	now += 1000000;
	turn_to(b);
	for (u32 i = 0; i < 20; i++)
		run_for(1500000, 500000);
	turn_to(NULL);
	assert_int_equal(b->se.sum_exec, 40000000);
	assert_int_equal(b->utime, 30000000);
	assert_int_equal(b->stime, 10000000);
	turn_to(a); /* its utime and stime are 35 ms too high */
	for (u32 i = 0; i < 20; i++)
		run_for(1000000, 1000000);
	turn_to(NULL);
	assert_int_equal(a->se.sum_exec, 45000000);
	assert_int_equal(a->utime + a->stime, 45000000);
	assert_int_equal(rq->times.steal, 35000000);
}

/*
 * Runs for @ns with @running runnable tasks and @asleep uninterruptible ones. Returns the
 * one-minute load average in hundredths.
 */
static u64 load_after(u64 ns, u32 running, s64 asleep)
{
	u64 avg[3];

	account_active(rq, now);
	rq->nr_running = running;
	rq->nr_uninterruptible = asleep;
	now += ns;
	sched_loadavg(avg);
	return (avg[0] * 100 + 1024) >> 11;
}

static void load_average(void **state)
{
	struct task *t = &tasks[0];
	u64 avg[3];

	sched_loadavg(avg); /* the first sample begins here */
	assert_int_equal(load_after(600 * NSEC_PER_SEC, 0, 0), 0);
	assert_in_range(load_after(600 * NSEC_PER_SEC, 1, 1), 199, 201);
	/* a task that reads the load average and runs for 1 ms each second hardly adds to it */
	for (u32 i = 0; i < 1200; i++) {
		load_after(999000000, 0, 0);
		load_after(1000000, 1, 0);
	}
	sched_loadavg(avg);
	assert_in_range(avg[0], 0, 20);
	/* the average of 15 minutes still contains earlier load */
	assert_in_range(avg[2], 0, 1100);
	for (u32 i = 0; i < 7200; i++)
		load_after(NSEC_PER_SEC, 0, 0);
	sched_loadavg(avg);
	assert_int_equal(avg[0] + avg[1] + avg[2], 0);
	t->state = TASK_IDLE;
	assert_false(task_is_load(t));
	t->state = TASK_KILLABLE;
	assert_true(task_is_load(t));
	t->state = TASK_INTERRUPTIBLE;
	assert_false(task_is_load(t));
}

static void realtime(void **state)
{
	for (u32 i = 0; i < 4; i++)
		class_enqueue(rq, &tasks[i], false);
	tasks[4].policy = SCHED_FIFO;
	tasks[4].rt_priority = 10;
	tasks[5].policy = SCHED_RR;
	tasks[5].rt_priority = 80;
	step(1000000);
	class_enqueue(rq, &tasks[4], true);
	assert_true(class_should_preempt(rq, &tasks[4]));
	assert_ptr_equal(step(1000000), &tasks[4]);
	class_enqueue(rq, &tasks[5], true);
	assert_true(class_should_preempt(rq, &tasks[5]));
	assert_ptr_equal(step(1000000), &tasks[5]);
	assert_ptr_equal(step(1000000), &tasks[5]);
	leave(&tasks[5]);
	assert_ptr_equal(step(1000000), &tasks[4]);
	assert_true(class_slice_left(rq, now) == ~0UL);
	leave(&tasks[4]);
	assert_true(step(1000000)->policy == SCHED_NORMAL);
	assert_int_equal(rq->nr_running, 4);
}

static void round_robin(void **state)
{
	for (u32 i = 0; i < 3; i++) {
		tasks[i].policy = SCHED_RR;
		tasks[i].rt_priority = 5;
		class_enqueue(rq, &tasks[i], false);
	}
	for (u32 i = 0; i < 9; i++)
		assert_ptr_equal(step(RR_SLICE_NS), &tasks[i % 3]);
	/* a task that has not used up its slice keeps its place */
	step(1000);
	assert_ptr_equal(step(RR_SLICE_NS), &tasks[0]);
}

UNIT_MAIN(cmocka_unit_test_setup(by_weight, setup), cmocka_unit_test_setup(sleeper, setup),
	cmocka_unit_test_setup(stream, setup), cmocka_unit_test_setup(pair, setup),
	cmocka_unit_test_setup(stolen, setup), cmocka_unit_test_setup(load_average, setup),
	cmocka_unit_test_setup(both_sums, setup), cmocka_unit_test_setup(realtime, setup),
	cmocka_unit_test_setup(round_robin, setup))
