/* SPDX-License-Identifier: MIT */
/*
 * unix_gc.c: frees sockets that are kept alive only by references in each other's queues.
 *
 * A socket whose file is referenced only by messages in flight can still be reached, if it is in
 * the queue of a socket that is referenced otherwise. So the collector marks and sweeps the sockets
 * in flight. A socket is a candidate if all references to its file are in flight. From the count of
 * each candidate, the references from the queues of candidates are subtracted. A candidate with
 * references left is alive, and so are the sockets in its queue. The other candidates are garbage:
 * their queues are emptied, which closes them. All references to garbage are in queues of garbage,
 * and no task can send another one, so each queue is emptied once.
 *
 * Each step visits a socket once, so the time of a collection is linear in what is in flight. There
 * is none while sockets in flight cannot refer to each other in a cycle (maybe_cycle).
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
 * False only if no sockets in flight can refer to each other in a cycle, so that none is garbage;
 * written under unix_gc_lock. The descriptor that closes a cycle is sent to a socket in flight, or
 * to a connection that is not accepted, whose listener may be in flight.
 */
static bool maybe_cycle;

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

void unix_inflight(struct unix_msg *m, const struct unix_sock *to)
{
	bool locked = lock_unless_mine(), sockets = false;

	count_inflight(m);
	for (u32 i = 0; i < m->nr_files; i++) {
		struct unix_sock *u = unix_of_file(m->files[i]);

		if (!u)
			continue;
		u->file = m->files[i];
		if (!u->inflight++)
			list_add_tail(&u->inflight_link, &inflight_list);
		sockets = true;
	}
	if (sockets && (to->inflight || !READ_ONCE(to->file)))
		WRITE_ONCE(maybe_cycle, true);
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
	if (list_empty(&inflight_list))
		WRITE_ONCE(maybe_cycle, false);
	if (locked)
		mutex_unlock(&unix_gc_lock);
}

/* Calls @fn for each AF_UNIX socket in @u's queue. Takes c.lock. */
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
 * Returns the connection to the listener @u behind @srv, or the first one, that is not accepted yet
 * (an embryo); NULL: there is none. The listener @u is a candidate and unix_gc_lock is held, so no
 * task can accept from @u, and its embryos stay in the list. Takes c.lock.
 */
static struct unix_sock *next_embryo(struct unix_sock *u, struct unix_sock *srv)
{
	struct list_head *at;

	spin_lock(&u->c.lock);
	at = srv ? srv->pending_link.next : u->pending.next;
	spin_unlock(&u->c.lock);
	return at == &u->pending ? NULL : list_entry(at, struct unix_sock, pending_link);
}

/* Calls @fn for each AF_UNIX socket in the queues of the candidate @u and of its embryos. */
static void scan_queue(struct unix_sock *u, void (*fn)(struct unix_sock *child))
{
	struct unix_sock *srv = NULL;

	scan_one(u, fn);
	while ((srv = next_embryo(u, srv)))
		scan_one(srv, fn);
	cond_resched();
}

static void drop_one(struct unix_sock *child)
{
	if (child->gc_refs)
		child->gc_refs--;
}

/* sockets to visit, by gc_next; protected by unix_gc_lock */
static struct unix_sock *to_visit;

static void push(struct unix_sock *u)
{
	u->gc_next = to_visit;
	to_visit = u;
}

static struct unix_sock *pop(void)
{
	struct unix_sock *u = to_visit;

	if (u)
		to_visit = u->gc_next;
	return u;
}

/* Marks a socket that is not marked yet, which is a candidate, as live. */
static void mark_live(struct unix_sock *child)
{
	if (child->gc_live)
		return;
	child->gc_live = true;
	push(child);
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
	struct unix_sock *srv = NULL;

	empty_one(u);
	while ((srv = next_embryo(u, srv)))
		empty_one(srv);
	cond_resched();
}

/*
 * Sets gc_live of each socket in flight: true if a task can reach it. References from sockets that
 * are not candidates are not subtracted, so what they hold stays alive.
 */
static void mark(void)
{
	struct unix_sock *u;

	list_for_each_entry(u, &inflight_list, inflight_link) {
		bool candidate = (u32)atomic_read(&u->file->f_count) == u->inflight;

		u->gc_refs = candidate ? u->inflight : 0;
		u->gc_live = !candidate;
		cond_resched();
	}
	list_for_each_entry(u, &inflight_list, inflight_link)
		if (!u->gc_live)
			scan_queue(u, drop_one);
	list_for_each_entry(u, &inflight_list, inflight_link) {
		if (u->gc_refs)
			mark_live(u);
		cond_resched();
	}
	while ((u = pop()))
		scan_queue(u, mark_live);
}

/* Empties the queues of all garbage. A reference keeps each file open until its queue is empty. */
static void sweep(void)
{
	struct unix_sock *u;

	list_for_each_entry(u, &inflight_list, inflight_link) {
		if (!u->gc_live) {
			get_file(u->file);
			push(u);
		}
		cond_resched();
	}
	while ((u = pop())) {
		struct file *f = u->file;

		empty_queue(u);
		fput(f);
	}
}

void unix_gc(void)
{
	if (!READ_ONCE(maybe_cycle))
		return;
	mutex_lock(&unix_gc_lock);
	mark();
	sweep();
	mutex_unlock(&unix_gc_lock);
}
