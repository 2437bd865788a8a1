/* SPDX-License-Identifier: MIT */
/*
 * iogroup.c: counts each group's reads and writes of each disk, and slows down groups over a limit.
 *
 * A group and all groups above it have a node for each disk that they used or are limited on. Nodes
 * stay until the group is freed, so the list is read without a lock. The root group is not counted:
 * its figures are those of the disks.
 *
 * A read, or a write that bypasses the cache, is charged to the submitter's group. Cached pages are
 * written by kernel threads or by a task that syncs, long after they became dirty. Such a request
 * is counted for the group that pays for the memory of its first page. Its bytes are charged to a
 * limit earlier, when a page becomes dirty: to the limit of the group whose task made it dirty.
 * While pages have no owners (io_pages_unowned) the submitter pays for cached pages, too.
 *
 * A limit is a rate. paid_at is the time at which the rate is within the limit again. Each request
 * adds its size divided by the limit to paid_at, or to the present time if that is later. Requests
 * are never held back in a queue, where they would keep locked pages and the journal from other
 * tasks. Instead, a task that has begun more than its limit waits until paid_at in io_pause(),
 * where it holds nothing but the file that it reads or writes: between the pieces of a call, and on
 * its way to user mode. So the first piece of a call (a readahead window) and the page of a fault
 * are not delayed, and the mean rate is the limit.
 *
 * Locks: limits_lock for limits and times, and for additions to a group's list of nodes. No other
 * lock is taken inside it.
 */
#include <asm/errno.h>

#include "kernel/mm/internal.h"
#include "kernel/mm/group/iogroup.h"
#include "kernel/mm/group/memcg.h"

#define SECOND_NS 1000000000UL
#define SHORT_NS 1000000UL /* ns; a shorter wait is put off */
#define DISCARD_COST 512   /* bytes; a discard transfers no data */

u32 io_nr_limits;
bool io_pages_unowned;
static DEFINE_SPINLOCK(limits_lock);
/* incremented when limits change; tasks that wait by older limits continue */
static u32 generation;
static DECLARE_WAIT_QUEUE_HEAD(changed);

/* ---- nodes ---- */

struct io_node *io_group_node(const struct io_group *g, dev_t dev)
{
	struct io_node *n;

	for (n = __atomic_load_n(&g->nodes, __ATOMIC_ACQUIRE); n; n = n->next)
		if (n->dev == dev)
			return n;
	return NULL;
}

/*
 * Returns the node, made if missing; NULL: no memory. If two tasks make one at once, the second
 * task frees its node and returns that of the first.
 */
static struct io_node *get_node(struct io_group *g, dev_t dev, gfp_t gfp)
{
	struct io_node *n = io_group_node(g, dev), *fresh;

	if (likely(n))
		return n;
	fresh = kzalloc(sizeof(*fresh), gfp);
	if (!fresh)
		return NULL;
	fresh->dev = dev;
	for (u32 i = 0; i < IO_LIMITS; i++)
		fresh->limit[i] = IO_NO_LIMIT;
	spin_lock(&limits_lock);
	n = io_group_node(g, dev);
	if (!n) {
		fresh->next = g->nodes;
		__atomic_store_n(&g->nodes, fresh, __ATOMIC_RELEASE);
		n = fresh;
		fresh = NULL;
	}
	spin_unlock(&limits_lock);
	kfree(fresh);
	return n;
}

void io_group_init(struct io_group *g, struct io_group *parent)
{
	g->parent = parent;
	g->nodes = NULL;
}

void io_group_free(struct io_group *g)
{
	while (g->nodes) {
		struct io_node *n = g->nodes;

		g->nodes = n->next;
		kfree(n);
	}
}

/* ---- limits ---- */

static bool is_limited(const struct io_node *n)
{
	for (u32 i = 0; i < IO_LIMITS; i++)
		if (n->limit[i] != IO_NO_LIMIT)
			return true;
	return false;
}

static void set_limits(struct io_node *n, const u64 *limit)
{
	bool was = is_limited(n);

	for (u32 i = 0; i < IO_LIMITS; i++) {
		WRITE_ONCE(n->limit[i], limit ? limit[i] : IO_NO_LIMIT);
		n->paid_at[i] = 0;
	}
	WRITE_ONCE(io_nr_limits, io_nr_limits + is_limited(n) - was);
	WRITE_ONCE(generation, generation + 1);
}

int io_group_limit(struct io_group *g, dev_t dev, const u64 *limit)
{
	struct io_node *n = get_node(g, dev, GFP_KERNEL);

	if (!n)
		return -ENOMEM;
	spin_lock(&limits_lock);
	set_limits(n, limit);
	spin_unlock(&limits_lock);
	wake_up_all(&changed);
	return 0;
}

void io_group_reset(struct io_group *g)
{
	bool any = false;

	spin_lock(&limits_lock);
	for (struct io_node *n = g->nodes; n; n = n->next)
		if (is_limited(n)) {
			set_limits(n, NULL);
			any = true;
		}
	spin_unlock(&limits_lock);
	if (any)
		wake_up_all(&changed);
}

/* ---- charging and waiting ---- */

/* Charges @cost to one of the group's limits. Returns the new paid_at (ktime), or 0: no limit. */
static u64 pay_one(struct io_node *n, u32 which, u64 cost, u64 now)
{
	u64 limit = n->limit[which];

	if (limit == IO_NO_LIMIT)
		return 0;
	n->paid_at[which] = max(n->paid_at[which], now) + cost * SECOND_NS / limit;
	return n->paid_at[which];
}

/*
 * Charges @bytes and @ios of a request that has begun. @wait: current has to wait until the latest
 * paid_at.
 */
static void pay(struct io_group *g, dev_t dev, bool write, u64 bytes, u64 ios, bool wait)
{
	u64 now = ktime_get(), paid = 0;

	spin_lock(&limits_lock);
	for (; g; g = g->parent) {
		struct io_node *n = io_group_node(g, dev);

		if (!n)
			continue;
		if (bytes)
			paid = max(paid, pay_one(n, write ? IO_WBPS : IO_RBPS, bytes, now));
		if (ios)
			paid = max(paid, pay_one(n, write ? IO_WIOPS : IO_RIOPS, ios, now));
	}
	if (wait && paid > max(now + SHORT_NS, current->io_paid_at)) {
		current->io_paid_at = paid;
		current->io_generation = generation;
		set_bit(TIF_CGROUP, &current->work_flags);
	}
	spin_unlock(&limits_lock);
}

void io_charge_dirty(dev_t dev)
{
	if (!READ_ONCE(io_pages_unowned))
		pay(current->io_group, dev, true, PAGE_SIZE, 0, true);
}

static bool let_go(void)
{
	return READ_ONCE(generation) != current->io_generation ||
	       ktime_get() >= current->io_paid_at;
}

void io_wait_until_paid(void)
{
	struct wait_queue_entry e;

	if (frees_memory(current) || spin_depth())
		return;
	init_wait_entry(&e);
	for (;;) {
		prepare_to_wait(&changed, &e, TASK_KILLABLE);
		if (let_go() || current->flags & PF_EXITING || wait_interrupted(TASK_KILLABLE))
			break;
		current->in_iowait = true;
		schedule_deadline(current->io_paid_at);
		current->in_iowait = false;
	}
	finish_wait(&changed, &e);
	current->io_paid_at = 0;
}

/* ---- counting ---- */

/*
 * Returns the group to charge for the I/O: the one that pays for the cached page to write, or
 * current's.
 */
static struct io_group *payer(u32 kind, const struct page *p, bool *cached)
{
	*cached = kind == IO_WRITE && p && PageWriteback(p) && !READ_ONCE(io_pages_unowned);
	if (*cached)
		return p->memcg ? p->memcg->io : NULL;
	return current->io_group;
}

void io_account(dev_t dev, u32 kind, u64 bytes, const struct page *page)
{
	bool cached;
	struct io_group *own = payer(kind, page, &cached), *g;

	if (likely(!own))
		return;
	for (g = own; g; g = g->parent) {
		struct io_node *n = get_node(g, dev, GFP_ATOMIC);

		if (!n)
			continue; /* no memory: not counted */
		__atomic_add_fetch(&n->bytes[kind], bytes, __ATOMIC_RELAXED);
		__atomic_add_fetch(&n->ios[kind], 1, __ATOMIC_RELAXED);
	}
	if (likely(!READ_ONCE(io_nr_limits)))
		return;
	if (kind == IO_DISCARD)
		bytes = DISCARD_COST;
	pay(own, dev, kind != IO_READ, cached ? 0 : bytes, 1, !cached);
}
