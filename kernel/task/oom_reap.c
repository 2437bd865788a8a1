/* SPDX-License-Identifier: MIT */
/*
 * oom_reap.c: frees the memory of a victim of the OOM killer that does not end by itself.
 *
 * A victim may sleep, and take no signal, for a lock whose holder waits for memory: then neither
 * goes on. A task that waits for a victim asks for a reap when the victim is overdue. The kernel
 * thread oom_reaper drops the private pages of the victim, whose tasks use them no more. After that
 * the victim counts as gone, whether it could be reaped or not, so that another one is chosen.
 *
 * A program that the signal ends normally is much faster than REAP_AFTER. The time is needed, since
 * the end of a process reads its memory once more (robust futexes).
 *
 * Locks: tasklist_lock (read) over the choice; the victim's mmap_lock by trylock only, since its
 * holder may wait for memory. Below it only the pmap's lock and locks that spin, whose holders do
 * not wait for memory. The reaper has a reference to the struct mm alone: the last mmput() would
 * wait for files and asynchronous I/O in the only thread that lets others go on.
 */
#include "kernel/mm/vm.h"
#include "kernel/lib/printk.h"
#include "kernel/task/internal.h"

#define REAP_AFTER 2000000000UL /* ns after the kill */
#define REAP_TRIES 10
#define REAP_PAUSE 100000000UL /* ns between two tries */

static DECLARE_WAIT_QUEUE_HEAD(reaper_wait);
static u32 asked; /* 1: the reaper is to look for victims */

static bool is_overdue(const struct signal_struct *s)
{
	u64 since = READ_ONCE(s->oom_since);

	return since && !READ_ONCE(s->oom_skip) && ktime_get() - since > REAP_AFTER;
}

void oom_reap_overdue(const struct task *victim)
{
	if (is_overdue(victim->signal) && !xchg(&asked, 1))
		wake_up(&reaper_wait);
}

/* Returns the leader of an overdue victim, with a reference, or NULL. */
static struct task *next_overdue(void)
{
	struct task *p, *found = NULL;

	read_lock(&tasklist_lock);
	for_each_process(p)
		if (is_overdue(p->signal)) {
			found = p;
			get_task(p);
			break;
		}
	read_unlock(&tasklist_lock);
	return found;
}

/* Returns the mm of a process, with mmgrab(), or NULL if no thread has it any more. */
static struct mm *mm_of_process(struct task *p)
{
	struct mm *mm = NULL;
	struct task *t;

	read_lock(&tasklist_lock);
	for_each_thread(p->signal, t) {
		spin_lock(&t->alloc_lock);
		if (!mm && t->mm) {
			mm = t->mm;
			mmgrab(mm);
		}
		spin_unlock(&t->alloc_lock);
	}
	read_unlock(&tasklist_lock);
	return mm;
}

/* Drops the victim's private pages, unless it ends by itself meanwhile. Logs the result. */
static void reap(struct task *p)
{
	bool done = false;
	struct mm *mm;

	for (int i = 0; i < REAP_TRIES && !done; i++) {
		if (i) {
			set_current_state(TASK_IDLE);
			schedule_deadline(ktime_get() + REAP_PAUSE);
		}
		mm = mm_of_process(p);
		if (!mm)
			return;
		done = mm_users_are_dying(mm) && mm_reap_try(mm);
		mmdrop(mm);
	}
	pr_info("oom_reaper: %s process %d (%s)\n", done ? "reaped" : "unable to reap", p->tgid,
		p->comm);
}

static int reaper(void *unused)
{
	struct task *p;

	current->flags |= PF_MEMALLOC;
	for (;;) {
		wait_event_idle(&reaper_wait, xchg(&asked, 0));
		while ((p = next_overdue())) {
			reap(p);
			WRITE_ONCE(p->signal->oom_skip, true);
			put_task(p);
		}
	}
	return 0;
}

static int oom_reap_init(void)
{
	return kthread_run(reaper, NULL, "oom_reaper") ? 0 : -ENOMEM;
}
INITCALL(5, oom_reap_init);
