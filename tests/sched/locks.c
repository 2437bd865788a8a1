/* SPDX-License-Identifier: MIT */
/*
 * locks.c: tests of mutexes, semaphores, RCU, work queues and timers, and of what lockdep says of
 * them. scheduler.c starts them.
 */
#include "tests/sched/threads.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"

static DEFINE_MUTEX(mutex);
static u64 counter, inside;

static int locker(u64 me)
{
	u64 rnd = me + 99;

	for (int i = 0; i < 3000; i++) {
		mutex_lock(&mutex);
		check(!inside);
		inside = me + 1;
		counter++;
		if (random_next(&rnd) % 8 == 0)
			yield();
		check(inside == me + 1);
		inside = 0;
		mutex_unlock(&mutex);
		if (random_next(&rnd) % 16 == 0)
			cond_resched();
	}
	return 0;
}

void test_mutex(void)
{
	run(locker, 8);
	check(counter == 8 * 3000);
	say("counted %lu\n", counter, 0);
}

static DEFINE_RWSEM(sem);
static atomic_t readers, writers;

static int reader_writer(u64 me)
{
	u64 rnd = me + 5;

	for (int i = 0; i < 3000; i++) {
		if (random_next(&rnd) % 4) {
			down_read(&sem);
			atomic_inc(&readers);
			check(!atomic_read(&writers));
			if (random_next(&rnd) % 4 == 0)
				yield();
			check(!atomic_read(&writers));
			atomic_dec(&readers);
			up_read(&sem);
			continue;
		}
		down_write(&sem);
		check(atomic_inc_return(&writers) == 1 && !atomic_read(&readers));
		if (random_next(&rnd) % 4 == 0)
			yield();
		check(!atomic_read(&readers));
		atomic_dec(&writers);
		if (random_next(&rnd) % 2) {
			up_write(&sem);
		} else {
			downgrade_write(&sem);
			check(!atomic_read(&writers));
			up_read(&sem);
		}
	}
	return 0;
}

void test_rwsem(void)
{
	run(reader_writer, 8);
	check(sem.count == 0);
	say("read and written\n", 0, 0);
}

struct thing {
	struct rcu_head rcu;
	u64 alive;
};
static struct thing *shared_thing;
static atomic_t reclaimed;

static void reclaim(struct rcu_head *h)
{
	struct thing *t = container_of(h, struct thing, rcu);

	t->alive = 0;
	atomic_inc(&reclaimed);
	kfree(t);
}

static int rcu_user(u64 me)
{
	for (int i = 0; i < 3000; i++) {
		struct thing *t;

		if (me % 2) {
			struct thing *fresh = kmalloc(sizeof(*fresh), 0);

			fresh->alive = 1;
			t = xchg(&shared_thing, fresh);
			call_rcu(&t->rcu, reclaim);
			if (i % 8 == 0)
				cond_resched();
			continue;
		}
		t = READ_ONCE(shared_thing);
		for (int k = 0; k < 50; k++)
			check(READ_ONCE(t->alive) == 1);
		cond_resched();
	}
	return 0;
}

void test_rcu(void)
{
	shared_thing = kmalloc(sizeof(*shared_thing), 0);
	shared_thing->alive = 1;
	run(rcu_user, 8);
	for (int i = 0; i < 1000 && atomic_read(&reclaimed) != 4 * 3000; i++) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_deadline(ktime_get() + 1000000);
	}
	check(atomic_read(&reclaimed) == 4 * 3000);
	synchronize_rcu();
	say("%lu reclaimed\n", 4 * 3000, 0);
}

static atomic_t worked;
static struct work works[20];

static void do_work(struct work *w)
{
	u64 i = (u64)(w - works);
	static u32 busy[20];

	check(!xchg(&busy[i], 1));
	if (i % 3 == 0) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_deadline(ktime_get() + 200000);
	}
	atomic_inc(&worked);
	check(xchg(&busy[i], 0));
}

static int work_user(u64 me)
{
	for (int i = 0; i < 200; i++) {
		work_queue(&works[(me * 7 + (u64)i) % 20]);
		if (i % 20 == 0)
			work_flush(&works[(u64)i % 20]);
		cond_resched();
	}
	return 0;
}

void test_work(void)
{
	for (int i = 0; i < 20; i++)
		work_setup(&works[i], do_work);
	run(work_user, 4);
	for (int i = 0; i < 20; i++)
		work_flush(&works[i]);
	check(atomic_read(&worked) > 0);
	say("worked %lu times\n", (u64)atomic_read(&worked), 0);
}

static struct ktimer timers[16];
static atomic_t fired;

static void timer_fired(struct ktimer *t)
{
	atomic_inc(&fired);
	if (atomic_read(&fired) % 3 == 0)
		timer_start(t, ktime_get() + 50000);
}

static int timer_user(u64 me)
{
	u64 rnd = me + 7;

	for (int i = 0; i < 3000; i++) {
		struct ktimer *t = &timers[random_next(&rnd) % 16];

		switch (random_next(&rnd) % 4) {
		case 0: timer_cancel(t); break;
		case 1: timer_cancel_sync(t); break;
		default: timer_start(t, ktime_get() + random_next(&rnd) % 100000);
		}
		cond_resched();
	}
	return 0;
}

void test_timers(void)
{
	for (int i = 0; i < 16; i++)
		timer_setup(&timers[i], timer_fired);
	/* a fast machine ends a run before many timers are due */
	for (int i = 0; i < 100 && atomic_read(&fired) <= 100; i++)
		run(timer_user, 6);
	for (int i = 0; i < 16; i++)
		timer_cancel_sync(&timers[i]);
	say("fired %lu times\n", (u64)atomic_read(&fired), 0);
	check(atomic_read(&fired) > 100);
}

/* Debug builds report a lock order that closes a cycle. */
void test_lockdep(void)
{
	static spinlock_t a, b;

	spin_lock_init(&a);
	spin_lock_init(&b);
	spin_lock(&a);
	spin_lock(&b);
	spin_unlock(&b);
	spin_unlock(&a);
	spin_lock(&b);
	spin_lock(&a);
	spin_unlock(&a);
	spin_unlock(&b);
}

/* Debug builds name a timer function that takes a mutex, even if the mutex is free. */
static struct mutex free_mutex;

static void timer_that_locks(struct ktimer *t)
{
	mutex_lock(&free_mutex);
	mutex_unlock(&free_mutex);
}

void test_atomic(void)
{
	struct ktimer t;

	mutex_init(&free_mutex);
	timer_setup(&t, timer_that_locks);
	timer_start(&t, ktime_get());
	cond_resched();
}
