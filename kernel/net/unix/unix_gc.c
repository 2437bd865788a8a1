/* SPDX-License-Identifier: MIT */
/*
 * unix_gc.c: frees sockets that are kept alive only by references in each other's queues.
 *
 * A socket whose file is referenced only by messages in flight can still be reached, if it is in
 * the queue of a socket that is referenced otherwise. So the collector marks and sweeps the sockets
 * in flight. A socket is a candidate if all references to its file are in flight. From the count of
 * each candidate, the references from the queues of candidates are subtracted. A candidate with
 * references left is alive, and so are the sockets in its queue. The other candidates are garbage:
 * their queues are emptied, which closes them.
 *
 * Lock: unix_gc_lock (mutex) for all counts, and for taking descriptors out of a message. So no
 * reader receives a descriptor while the collector marks. Messages are queued without it: files
 * that are counted, but are in no queue yet, keep references, and so are alive.
 */
#include "kernel/lib/printk.h"
#include "kernel/net/unix/unix.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"

static DEFINE_MUTEX(unix_gc_lock);
/* sockets in flight, by inflight_link; protected by unix_gc_lock */
static LIST_HEAD(inflight_list);
/*
 * the task that collects; it may enter unix_gc() again by freeing messages, and then returns at
 * once
 */
static struct task *gc_owner;

void unix_gc_lock_queue(void)
{
	mutex_lock(&unix_gc_lock);
}

void unix_gc_unlock_queue(void)
{
	mutex_unlock(&unix_gc_lock);
}

static bool lock_unless_mine(void)
{
	if (unix_gc_lock.owner == current)
		return false;
	mutex_lock(&unix_gc_lock);
	return true;
}

/*
 * True if current's user has too many files in flight. Without this limit a task that closes files
 * after sending them could have any number of them open.
 */
bool unix_too_many_inflight(void)
{
	return (u64)atomic_read(&current_cred()->user->unix_inflight) > rlimit(RLIMIT_NOFILE) &&
	       !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN);
}

static void count_inflight(struct unix_msg *m)
{
	m->payer = current_cred()->user;
	atomic_inc(&m->payer->usage);
	atomic_add((s64)m->nr_files, &m->payer->unix_inflight);
}

static void uncount_inflight(struct unix_msg *m)
{
	atomic_sub((s64)m->nr_files, &m->payer->unix_inflight);
	put_uid_user(m->payer);
	m->payer = NULL;
}

void unix_inflight(struct unix_msg *m)
{
	bool locked = lock_unless_mine();

	count_inflight(m);
	for (u32 i = 0; i < m->nr_files; i++) {
		struct unix_sock *u = unix_of_file(m->files[i]);

		if (!u)
			continue;
		u->file = m->files[i];
		if (!u->inflight++)
			list_add_tail(&u->inflight_link, &inflight_list);
	}
	if (locked)
		mutex_unlock(&unix_gc_lock);
}

void unix_notinflight(struct unix_msg *m)
{
	bool locked = lock_unless_mine();

	uncount_inflight(m);
	for (u32 i = 0; i < m->nr_files; i++) {
		struct unix_sock *u = unix_of_file(m->files[i]);

		if (u && !--u->inflight)
			list_del_init(&u->inflight_link);
	}
	if (locked)
		mutex_unlock(&unix_gc_lock);
}

static void scan_one(struct unix_sock *u, void (*fn)(struct unix_sock *child))
{
	struct unix_msg *m;
	u32 i;

	spin_lock(&u->c.lock);
	list_for_each_entry(m, &u->queue, list)
		for (i = 0; i < m->nr_files; i++) {
			struct unix_sock *child = unix_of_file(m->files[i]);

			if (child)
				fn(child);
		}
	spin_unlock(&u->c.lock);
}

/*
 * Returns the connections to a listener that are not accepted yet (embryos), with references. The
 * listener keeps them alive. NULL: there are none, or no memory.
 */
static struct unix_sock **embryos(struct unix_sock *u, u32 *n)
{
	u32 room = READ_ONCE(u->nr_pending) + 8;
	struct unix_sock **all, *srv;

	*n = 0;
	if (list_empty(&u->pending))
		return NULL;
	all = kcalloc(room, sizeof(struct unix_sock *), GFP_KERNEL);
	if (!all)
		return NULL;
	spin_lock(&u->c.lock);
	list_for_each_entry(srv, &u->pending, pending_link) {
		if (*n == room)
			break;
		unix_get(srv);
		all[(*n)++] = srv;
	}
	spin_unlock(&u->c.lock);
	return all;
}

static void scan_queue(struct unix_sock *u, void (*fn)(struct unix_sock *child))
{
	struct unix_sock **all;
	u32 n;

	scan_one(u, fn);
	all = embryos(u, &n);
	while (n) {
		scan_one(all[--n], fn);
		unix_put(all[n]);
	}
	kfree(all);
}

static void drop_one(struct unix_sock *child)
{
	if (child->gc_refs)
		child->gc_refs--;
}

static bool marked_more;
static void mark_live(struct unix_sock *child)
{
	if (!child->gc_live) {
		child->gc_live = true;
		marked_more = true;
	}
}

static void empty_one(struct unix_sock *u)
{
	struct unix_msg *m, *next;
	LIST_HEAD(garbage);

	spin_lock(&u->c.lock);
	list_splice_tail_init(&u->queue, &garbage);
	u->queued = 0;
	u->nr_queued = 0;
	u->oob = NULL;
	spin_unlock(&u->c.lock);
	list_for_each_entry_safe(m, next, &garbage, list)
		unix_msg_free(m);
}

static void empty_queue(struct unix_sock *u)
{
	struct unix_sock **all;
	u32 n;

	empty_one(u);
	all = embryos(u, &n);
	while (n) {
		empty_one(all[--n]);
		unix_put(all[n]);
	}
	kfree(all);
}

static bool holds_something;
static void note_child(struct unix_sock *child)
{
	holds_something = true;
}

/* True if @u's queue is empty, and the queues of its embryos have no descriptors. */
static bool is_emptied(struct unix_sock *u)
{
	holds_something = false;
	scan_queue(u, note_child);
	return !holds_something && list_empty(&u->queue);
}

static void mark(void)
{
	struct unix_sock *u;

	list_for_each_entry(u, &inflight_list, inflight_link) {
		bool candidate = (u32)atomic_read(&u->file->f_count) == u->inflight;

		u->gc_refs = candidate ? u->inflight : 0;
		u->gc_live = !candidate;
	}
	list_for_each_entry(u, &inflight_list, inflight_link)
		if (!u->gc_live)
			scan_queue(u, drop_one);
	list_for_each_entry(u, &inflight_list, inflight_link)
		if (u->gc_refs)
			u->gc_live = true;
	do {
		marked_more = false;
		list_for_each_entry(u, &inflight_list, inflight_link)
			if (u->gc_live)
				scan_queue(u, mark_live);
	} while (marked_more);
}

void unix_gc(void)
{
	struct unix_sock *u;

	if (list_empty(&inflight_list) || gc_owner == current)
		return;
	mutex_lock(&unix_gc_lock);
	gc_owner = current;
	mark();
again:
	list_for_each_entry(u, &inflight_list, inflight_link)
		if (!u->gc_live && !is_emptied(u)) {
			struct file *f = get_file(u->file);

			empty_queue(u);
			fput(f);
			goto again; /* inflight_list has changed */
		}
	gc_owner = NULL;
	mutex_unlock(&unix_gc_lock);
}
