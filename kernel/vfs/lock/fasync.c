/* SPDX-License-Identifier: MIT */
/*
 * fasync.c: sends signals for events to the owners of files with O_ASYNC, and of files for which
 * one event was requested.
 *
 *	fasync_helper() -> idle
 *	idle -> kill_fasync_list() -> due -> the owner is signalled -> idle
 *	idle, due -> fasync_helper() -> off the list
 *
 * A guest chooses how many files are on a list and how many processes an owner stands for, and
 * events are reported with locks held. So at most SIGNALS_NOW files and tasks are handled at once,
 * and a worker signals the rest. An event that comes while files of a list are due is signalled
 * together with the earlier one.
 *
 * Locks: fasync_lock for all lists, outside of f_lock; signals are sent without it.
 */
#include <linux/eventpoll.h>

#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"
#include "kernel/vfs/process_ops.h"
#include "kernel/vfs/lock/fasync.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/landlock/landlock.h"

#define SIGNALS_NOW 64
#define SIGNALS_BATCH 256

/* ---- an owner ---- */

/*
 * True if the task that set the owner may signal @t, by the credentials and the Landlock domain
 * that the setter had then. A setter may always signal its own process.
 */
static bool owner_may_signal(const struct fown *o, struct task *t)
{
	const struct cred *c = get_task_cred(t);
	bool ok = o->euid == 0 || o->euid == c->suid || o->euid == c->uid || o->uid == c->suid ||
		  o->uid == c->uid;

	if (o->landlock && t->signal->pids[PIDTYPE_TGID] != o->setter)
		ok = ok && landlock_may_signal(o->landlock, c->landlock);
	put_cred(c);
	return ok;
}

struct owner_signal {
	const struct fown *to;
	const siginfo_t *info;
	int sig;
	u32 asked; /* number of tasks visited so far */
};

static void signal_process(struct task *t, void *arg)
{
	struct owner_signal *what = arg;

	what->asked++;
	if (!owner_may_signal(what->to, t))
		return;
	if (what->to->type == PIDTYPE_PGID)
		process_ops->send_sig_one_of_many(what->sig, t, what->info);
	else
		process_ops->send_sig_group(what->sig, t, what->info);
}

static void signal_thread(const struct owner_signal *what)
{
	struct task *t = pid_get_task(what->to->pid, PIDTYPE_PID);

	if (!t)
		return;
	if (owner_may_signal(what->to, t))
		process_ops->send_sig(what->sig, t, what->info);
	put_task(t);
}

/* Sets si_code and si_band for the event @band (EPOLL*). */
static void set_reason(siginfo_t *info, int band)
{
	if (band & EPOLLMSG) {
		info->si_code = POLL_MSG;
		info->si_band = EPOLLIN | EPOLLRDNORM | EPOLLMSG;
	} else if (band & EPOLLHUP) {
		info->si_code = POLL_HUP;
		info->si_band = EPOLLHUP | EPOLLERR;
	} else if (band & EPOLLIN) {
		info->si_code = POLL_IN;
		info->si_band = EPOLLIN | EPOLLRDNORM;
	} else {
		info->si_code = POLL_OUT;
		info->si_band = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	}
}

/* Copies the file's owner into *o, with references. Returns false if the file has none. */
static bool get_owner(struct file *f, struct fown *o)
{
	spin_lock(&f->f_lock);
	*o = f->f_owner;
	get_pid(o->pid);
	get_pid(o->setter);
	landlock_get(o->landlock);
	spin_unlock(&f->f_lock);
	return o->pid;
}

/*
 * Signals the tasks that the owner stands for. Returns about how many tasks it visited, at least 1.
 */
static u32 signal_owner(const struct fown *o, int sig, const siginfo_t *info)
{
	struct owner_signal what = { o, info, sig, 1 };

	if (o->type == PIDTYPE_PID)
		signal_thread(&what);
	else
		for_each_in_pid(o->pid, o->type, signal_process, &what);
	return what.asked;
}

static u32 signal_event(const struct fown *o, int fd, int band)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = o->signum ? o->signum : SIGIO;
	set_reason(&info, band);
	info.si_fd = fd;
	return signal_owner(o, info.si_signo, o->signum ? &info : SEND_SIG_PRIV);
}

void kill_fasync(struct file *f, int fd, int band)
{
	struct fown o;

	if (get_owner(f, &o))
		signal_event(&o, fd, band);
	fown_put(&o);
}

void file_sigurg(struct file *f)
{
	struct fown o;

	if (get_owner(f, &o))
		signal_owner(&o, SIGURG, SEND_SIG_PRIV);
	fown_put(&o);
}

/* ---- lists ---- */

struct fasync_entry {
	struct list_head list;
	const struct fasync_list *on;
	struct file *file;
	/* The file's next entry. A file is on at most two lists. */
	struct fasync_entry *next;
	/* The descriptor for which the signal was requested, for siginfo. */
	int fd;
};
static DEFINE_SPINLOCK(fasync_lock);
/* Lists with due files, which the worker serves; under fasync_lock. */
static LIST_HEAD(late_lists);
static void signal_late(struct work *w);
static struct work late_work = { .func = signal_late };

/*
 * Returns the pointer to the file's entry for @l, or the pointer to set for a new entry. The search
 * goes through the file's entries and not the list, since a guest chooses how long the list is.
 */
static struct fasync_entry **fasync_find(const struct fasync_list *l, struct file *f)
{
	struct fasync_entry **at = &f->f_fasync;

	assert_spin_held(&fasync_lock);
	while (*at && (*at)->on != l)
		at = &(*at)->next;
	return at;
}

/* Unlinks an entry. The list's owner may free the list when its last entry is gone. */
static void fasync_unlink(struct fasync_list *l, struct fasync_entry **at)
{
	struct fasync_entry *e = *at;

	assert_spin_held(&fasync_lock);
	list_del(&e->list);
	WRITE_ONCE(*at, e->next);
	WRITE_ONCE(l->nr, l->nr - 1);
	if (list_empty(&l->due))
		list_del_init(&l->late);
}

void fasync_list_init(struct fasync_list *l)
{
	INIT_LIST_HEAD(&l->idle);
	INIT_LIST_HEAD(&l->due);
	INIT_LIST_HEAD(&l->late);
	l->nr = 0;
}

int fasync_helper(int fd, struct file *f, bool on, struct fasync_list *l)
{
	struct fasync_entry *fresh = NULL, **at;

	if (on) {
		fresh = kmalloc(sizeof(*fresh), GFP_KERNEL);
		if (!fresh)
			return -ENOMEM;
		*fresh = (struct fasync_entry){ .on = l, .file = f, .fd = fd };
	}
	spin_lock(&fasync_lock);
	at = fasync_find(l, f);
	if (on && !*at) {
		list_add(&fresh->list, &l->idle);
		WRITE_ONCE(*at, fresh);
		WRITE_ONCE(l->nr, l->nr + 1);
		fresh = NULL;
	} else if (on) {
		(*at)->fd = fd;
	} else if (*at) {
		fresh = *at;
		fasync_unlink(l, at);
	}
	spin_unlock(&fasync_lock);
	kfree(fresh);
	return 0;
}

static int reason_of(int band)
{
	if (band & EPOLLHUP)
		return EPOLLHUP;
	return band & EPOLLIN ? EPOLLIN : EPOLLOUT;
}

/* Makes all files of the list due, and adds this event to the list's due events. */
static void all_due(struct fasync_list *l, int band)
{
	assert_spin_held(&fasync_lock);
	if (list_empty(&l->due))
		l->bands = 0;
	l->bands |= reason_of(band);
	list_splice_tail_init(&l->idle, &l->due);
}

/*
 * Signals the owner of the next due entry. Returns the number of tasks visited. Drops and retakes
 * fasync_lock.
 */
static u32 signal_next(struct fasync_list *l)
{
	static const int each[] = { EPOLLHUP, EPOLLIN, EPOLLOUT };
	struct fasync_entry *e = list_first_entry(&l->due, struct fasync_entry, list);
	int fd = e->fd, bands = l->bands;
	struct fown o;
	u32 n = 1;

	list_move_tail(&e->list, &l->idle);
	if (list_empty(&l->due))
		list_del_init(&l->late);
	get_owner(e->file, &o);
	spin_unlock(&fasync_lock);
	for (u32 i = 0; o.pid && i < ARRAY_SIZE(each); i++)
		if (bands & each[i])
			n += signal_event(&o, fd, each[i]);
	fown_put(&o);
	spin_lock(&fasync_lock);
	return n;
}

static void signal_late(struct work *w)
{
	u32 n = 0;

	spin_lock(&fasync_lock);
	while (!list_empty(&late_lists)) {
		struct fasync_list *l = list_first_entry(&late_lists, struct fasync_list, late);

		list_move_tail(&l->late, &late_lists);
		n += signal_next(l);
		if (n < SIGNALS_BATCH)
			continue;
		spin_unlock(&fasync_lock);
		cond_resched();
		n = 0;
		spin_lock(&fasync_lock);
	}
	spin_unlock(&fasync_lock);
}

void kill_fasync_list(struct fasync_list *l, int band)
{
	u32 n = 0;

	if (fasync_none(l))
		return;
	spin_lock(&fasync_lock);
	all_due(l, band);
	while (n < SIGNALS_NOW && !list_empty(&l->due) && list_empty(&l->late))
		n += signal_next(l);
	if (!list_empty(&l->due) && list_empty(&l->late)) {
		list_add_tail(&l->late, &late_lists);
		work_queue(&late_work);
	}
	spin_unlock(&fasync_lock);
}
