/* SPDX-License-Identifier: MIT */
/*
 * boundary.c: pending signals and queued work, which interrupt a task's sleep or its return to user
 * mode.
 *
 * kernel/task queues signals and sets TIF_SIGPENDING; this file only reads the flag. Work (struct
 * task_work) is a list per task, pushed by any task without a lock and taken as a whole by its
 * owner, which runs it oldest first.
 */
#include <asm/signal.h>

#include "kernel/sched/internal.h"

bool signal_pending(struct task *t)
{
	return test_bit(TIF_SIGPENDING, &t->work_flags);
}

bool fatal_signal_pending(struct task *t)
{
	return signal_pending(t) && t->pending &&
	       (READ_ONCE(t->pending->signal) & sigmask_of(SIGKILL));
}

void task_work_add(struct task *t, struct task_work *w)
{
	struct task_work *head = READ_ONCE(t->works);

	do {
		w->next = head;
	} while (!__atomic_compare_exchange_n(
		&t->works, &head, w, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	set_bit(TIF_NOTIFY, &t->work_flags);
	if (t != current)
		kick_process(t);
}

void task_work_run(void)
{
	clear_bit(TIF_NOTIFY, &current->work_flags);
	for (;;) {
		struct task_work *w = xchg(&current->works, NULL), *first = NULL;

		if (!w)
			return;
		while (w) { /* the newest is first: reverse the list */
			struct task_work *next = w->next;

			w->next = first;
			first = w;
			w = next;
		}
		while (first) {
			w = first;
			first = w->next;
			w->func(w);
		}
		cond_resched();
	}
}
