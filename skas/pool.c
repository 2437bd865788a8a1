/* SPDX-License-Identifier: MIT */
/*
 * pool.c: spaces between two guests. A space costs a fork and a runner to make, a proof of stop to
 * keep.
 *
 *	space_put()   its runners are proved stopped and wiped (one that cannot be is ended), then it goes to the pool
 *	space_get()   takes one out, with an order queued that unmaps everything; or makes one
 *
 * A pooled space still maps what its last guest had. That is harmless: nothing in it runs, and the
 * unmapping is applied before anything does. So giving a space back wakes no mapper.
 *
 * Locks: pool_lock (spin) for the list. A space in the pool belongs to nobody.
 */
#include <asm/unistd.h>

#include "skas/internal.h"

#define POOL_MAX 32

static DEFINE_SPINLOCK(pool_lock);
static LIST_HEAD(pool); /* the newest first */
static int pool_size;

static struct space *take(void)
{
	struct space *s;

	spin_lock(&pool_lock);
	s = list_first_entry_or_null(&pool, struct space, list);
	if (s) {
		list_del(&s->list);
		pool_size--;
	}
	spin_unlock(&pool_lock);
	return s;
}

static bool keep(struct space *s)
{
	bool kept;

	spin_lock(&pool_lock);
	kept = pool_size < POOL_MAX;
	if (kept) {
		list_add(&s->list, &pool);
		pool_size++;
	}
	spin_unlock(&pool_lock);
	return kept;
}

/* Emptied by the first order of its new life. */
static int renew(struct space *s)
{
	s->nr_maps = 0;
	return space_unmap(s, 0, skas.base);
}

struct space *space_get(void)
{
	struct space *s;

	while ((s = take())) {
		if (!renew(s)) {
			stat_inc(pooled);
			return s;
		}
		space_end(s);
	}
	return space_make();
}

static void stop_runner(struct runner *r)
{
	if (r->state == RUNNER_NONE)
		return;
	fpu_evict(r);
	if (skas.ops->stop(r))
		runner_end(r);
}

void space_put(struct space *s)
{
	s->queued = 0;
	if (!s->dead)
		for (int cpu = 0; cpu < skas.cfg.ncpus; cpu++)
			stop_runner(&s->runner[cpu]);
	if (s->dead || !keep(s))
		space_end(s);
}

void pool_empty(void)
{
	struct space *s;

	while ((s = take()))
		space_end(s);
}
