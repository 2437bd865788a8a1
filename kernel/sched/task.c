/* SPDX-License-Identifier: MIT */
/*
 * task.c: the memory of tasks, and kernel threads.
 *
 * References: the reference of task_alloc() belongs to the scheduler, which drops it after the last
 * switch (finish_switch). Others are taken with get_task(). The last put_task() frees the task
 * after a grace period, so a lock-free reader may read a task that it found.
 */
#include "arch/um/machine/arch.h"
#include "kernel/lib/alloc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/internal.h"

struct task *task_alloc(void)
{
	struct task *t = kzalloc(sizeof(*t), 0);

	if (!t)
		return NULL;
	if (arch_task_alloc(t)) {
		kfree(t);
		return NULL;
	}
	atomic_set(&t->usage, 1);
	spin_lock_init(&t->alloc_lock);
	t->policy = SCHED_NORMAL;
	t->se.slice = 0;
	t->cpus_allowed = t->cpus_wish = t->cpus_bound = ~0UL;
	t->cpu_timer_at = ~0UL;
	INIT_LIST_HEAD(&t->rt_node);
	INIT_LIST_HEAD(&t->children);
	INIT_LIST_HEAD(&t->sibling);
	INIT_LIST_HEAD(&t->tasks);
	INIT_LIST_HEAD(&t->thread_node);
	INIT_LIST_HEAD(&t->ptraced);
	INIT_LIST_HEAD(&t->ptrace_entry);
	return t;
}

static void task_free(struct rcu_head *h)
{
	struct task *t = container_of(h, struct task, rcu);

	task_hooks.free(t);
	arch_task_free(t);
	kfree(t);
}

void put_task(struct task *t)
{
	if (atomic_dec_and_test(&t->usage))
		call_rcu(&t->rcu, task_free);
}

/* ---- kernel threads ---- */

struct kthread_start {
	int (*fn)(void *arg);
	void *arg;
};

static void kthread_main(void *p)
{
	struct kthread_start s = *(struct kthread_start *)p;

	kfree(p);
	task_hooks.kthread_exit(s.fn(s.arg));
}

/* Resets the properties that a kernel thread must not inherit from its creator. */
static void kthread_properties(struct task *t)
{
	t->flags = PF_KTHREAD;
	t->policy = SCHED_NORMAL;
	t->nice = 0;
	t->rt_priority = 0;
	t->cpus_allowed = t->cpus_wish = t->cpus_bound = ~0UL;
	t->cpu_timer_at = ~0UL;
}

struct task *kthread_run(int (*fn)(void *), void *arg, const char *name, ...)
{
	struct kthread_start *s;
	struct task *t = task_alloc();
	va_list ap;

	if (!t)
		return NULL;
	s = kzalloc(sizeof(*s), 0);
	if (!s)
		goto err_free_task;
	s->fn = fn;
	s->arg = arg;
	sched_fork(t);
	kthread_properties(t);
	va_start(ap, name);
	vsnprintf(t->comm, sizeof(t->comm), name, ap);
	va_end(ap);
	if (task_hooks.init_kthread(t)) {
		kfree(s);
		put_task(t);
		return NULL;
	}
	arch_task_start(t, kthread_main, s);
	wake_up_new_task(t);
	return t;
err_free_task:
	arch_task_free(t);
	kfree(t);
	return NULL;
}
