/* SPDX-License-Identifier: MIT */
/*
 * threads.c: kernel threads and locks for machine.c. The caller of world_use() and the threads of
 * kthread_run() have stacks of their own, and run in turn: a thread that waits calls schedule()
 * until its condition is true. A wait without end is found by counting.
 */
#include "kernel/lib/printk.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"
#include "kernel/ident/user_ns.h"
#include "tests/fsfuzz/machine.h"
#include "tests/fsfuzz/world.h"

#define THREADS 16
#define TURNS 20000 /* rescheduled so often: it hangs */

static struct thread {
	struct task *task;
	void *stack;
	int (*fn)(void *);
	void *arg;
	bool alive;
} threads[THREADS];
static int running;
static u64 turns;

static const struct cred root_cred = {
	.usage = { 1 }, .cap_effective = ~0UL, .cap_permitted = ~0UL, .user_ns = &init_user_ns
};

/* Returns a task of root without limits. */
static struct task *new_task(void)
{
	struct task *t = host_alloc(sizeof(struct task));

	t->cred = &root_cred;
	t->signal = host_alloc(sizeof(*t->signal));
	for (int i = 0; i < RLIM_NLIMITS; i++)
		t->signal->rlim[i].cur = ~0UL;
	return t;
}

static void go(int to)
{
	int from = running;

	running = to;
	unit_current = threads[to].task;
	host_switch(threads[from].stack, threads[to].stack);
	unit_current = threads[running].task;
}

const struct sched_plug_ops *sched_plug_ops;

void schedule(void)
{
	int to = running;

	if (unit_current->plug && sched_plug_ops->submit())
		return;
	machine_now += 50000;
	if (++turns > TURNS)
		host_die("a wait that nobody ends");
	do
		to = (to + 1) % THREADS;
	while (!threads[to].alive);
	if (to != running)
		go(to);
}

int schedule_deadline(u64 deadline)
{
	if (machine_now >= deadline)
		return -ETIMEDOUT;
	schedule();
	return 0;
}

static void thread_main(void *arg)
{
	struct thread *t = arg;

	unit_current = t->task;
	t->fn(t->arg);
	t->alive = false;
	for (;;)
		schedule();
}

struct task *kthread_run(int (*fn)(void *), void *arg, const char *name, ...)
{
	int i;

	for (i = 1; i < THREADS && threads[i].alive; i++)
		;
	if (i == THREADS)
		return NULL;
	if (threads[i].stack)
		host_stack_free(threads[i].stack);
	if (!threads[i].task)
		threads[i].task = new_task();
	threads[i].fn = fn;
	threads[i].arg = arg;
	threads[i].alive = true;
	threads[i].stack = host_stack(thread_main, &threads[i]);
	return threads[i].task;
}

void machine_step(void)
{
	turns = 0;
}

void threads_boot(void)
{
	threads[0].task = new_task();
	threads[0].alive = true;
	threads[0].stack = host_stack(NULL, NULL);
	unit_current = threads[0].task;
}

/* ---- locks: a thread that finds a lock held lets the others run ---- */

void mutex_lock(struct mutex *m)
{
	if (m->owner == unit_current)
		panic("mutex_lock: held already by the same task");
	while (m->owner)
		schedule();
	m->owner = unit_current;
}

bool mutex_trylock(struct mutex *m)
{
	if (m->owner)
		return false;
	m->owner = unit_current;
	return true;
}

void mutex_unlock(struct mutex *m)
{
	if (m->owner != unit_current)
		panic("mutex_unlock: not ours");
	m->owner = NULL;
}

void assert_mutex_held(const struct mutex *m)
{
	if (m->owner != unit_current)
		panic("a mutex is not held");
}

void down_read(struct rwsem *s)
{
	while (s->count < 0)
		schedule();
	s->count++;
}

bool down_read_trylock(struct rwsem *s)
{
	if (s->count < 0)
		return false;
	s->count++;
	return true;
}

void down_write(struct rwsem *s)
{
	while (s->count)
		schedule();
	s->count = -1;
}

void complete(struct completion *c)
{
	c->done++;
}

void init_completion(struct completion *c)
{
	c->done = 0;
}

void wait_for_completion(struct completion *c)
{
	while (!c->done)
		schedule();
	c->done--;
}

/* Frees at once, not after a grace period, so that a late reader fails. */
void call_rcu(struct rcu_head *h, void (*fn)(struct rcu_head *h))
{
	fn(h);
}
