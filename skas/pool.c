/* SPDX-License-Identifier: MIT */
/*
 * pool.c: keeps spaces between two guests. Making a space costs a fork and a runner; keeping one
 * costs a proof that its runners have stopped.
 *
 *    space_put()        its runners are proved stopped and wiped (or ended, if that fails), then it
 *                       goes to the pool, or is ended if it is dead or the pool is full
 *    space_get_like()   takes a space out, preferably one whose last owner was like the next, or
 *                       makes one
 *    space_get()        takes or makes one, and queues an order that unmaps everything
 *
 * A pooled space still maps what its last guest had, and its last orders may still be queued. That
 * is harmless: nothing in it runs, and its next owner removes unwanted mappings before anything
 * runs. So giving a space back wakes no mapper, and a similar guest finds most of its mappings in
 * place.
 *
 * A space with an LDT, or where rdtsc traps, does not go to the pool: its next guest would inherit
 * that.
 *
 * Locks: pool_lock (spin) for the list. A space in the pool has no owner.
 */
#include <asm/unistd.h>

#include "kernel/lib/string.h"
#include "skas/internal.h"

#define POOL_MAX 32
/* below this number of pooled spaces, a guest whose key has missed before gets a new space */
#define POOL_SPREAD 8
#define MISSED 16

static DEFINE_SPINLOCK(pool_lock);
static LIST_HEAD(pool); /* the newest first */
static int pool_size;
/*
 * recent keys for which the pool had no space with an equal key; the oldest at next_missed;
 * protected by pool_lock
 */
static u64 missed[MISSED];
static u32 next_missed;

/*
 * Returns how well a space suits, 4 for the best: a runner on @cpu saves a clone, an image with
 * @key saves many orders.
 * Among spaces with a runner and without the key, one without an image comes first, since the
 * others may suit the next guest.
 */
static int fitness(const struct space *s, int cpu, u64 key)
{
	bool ready = cpu >= 0 && s->runner[cpu].state != RUNNER_NONE;

	if (key && s->image.key == key)
		return ready ? 4 : 1;
	return ready ? (s->image.nr ? 2 : 3) : 0;
}

/* Returns the fittest space, or NULL if the pool is empty. pool_lock held. */
static struct space *find(int cpu, u64 key)
{
	struct space *s, *best = NULL;
	int fit, best_fit = -1;

	list_for_each_entry(s, &pool, list) {
		fit = fitness(s, cpu, key);
		if (fit > best_fit ||
			/* of equals the oldest; of those with key and runner (4) the newest */
			(fit == best_fit && fit < 4)) {
			best = s;
			best_fit = fit;
		}
	}
	return best;
}

/*
 * True if the key has missed before (missed[]); otherwise records that it has now. pool_lock held.
 */
static bool missed_before(u64 key)
{
	for (u32 i = 0; i < MISSED; i++)
		if (missed[i] == key)
			return true;
	missed[next_missed++ % MISSED] = key;
	return false;
}

/*
 * Takes a space from the pool. Returns NULL if the pool is empty. Without @any also returns NULL,
 * so that the caller makes a new space, if the pool is small, its fittest space has the image of
 * another key, and @key has missed before. A shell's children and the programs that they execute
 * would otherwise take each other's spaces in turn, and neither would find its own old mappings.
 */
static struct space *take(int cpu, u64 key, bool any)
{
	struct space *best;

	spin_lock(&pool_lock);
	best = find(cpu, key);
	if (best && !any && best->image.key != key && best->image.nr && pool_size < POOL_SPREAD &&
		missed_before(key))
		best = NULL;
	if (best) {
		list_del(&best->list);
		pool_size--;
	}
	spin_unlock(&pool_lock);
	return best;
}

/* Puts a space into the pool. Returns false if the pool is full. */
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

struct space_image *space_image(struct space *s)
{
	return &s->image;
}

u32 space_kin(int cpu, u64 key, struct space_run *run, u32 max)
{
	struct space *s;
	u32 n = 0;

	spin_lock(&pool_lock);
	s = find(cpu, key);
	if (s && s->image.key == key) {
		n = min(s->image.nr, max);
		memcpy(run, s->image.run, n * sizeof(*run));
	}
	spin_unlock(&pool_lock);
	return n;
}

struct space *space_get_like(int cpu, u64 key)
{
	struct space *s = take(cpu, key, !key), *made;

	if (!s) {
		made = space_make();
		if (!IS_ERR(made))
			return made;
		s = take(cpu, key, true); /* the host allows no further space */
		if (!s)
			return made;
	}
	stat_inc(pooled);
	return s;
}

struct space *space_get(void)
{
	struct space *s;

	while (!IS_ERR(s = space_get_like(-1, 0))) {
		s->image.nr = 0;
		if (!space_unmap(s, 0, skas.base))
			break;
		space_end(s);
	}
	return s;
}

static void stop_runner(struct runner *r)
{
	if (r->state == RUNNER_NONE)
		return;
	fpu_evict(r);
	if (skas.ops->stop(r))
		runner_end(r);
}

/*
 * Ends the runners that are no longer parked, and returns how many. By now the control pages belong
 * to no guest and order runners to sleep. If one of several runners no longer sleeps, it may have
 * written to wiped pages: it is ended, and the pages are wiped again.
 */
static int end_moved(struct space *s)
{
	int moved = 0;

	for (int cpu = 0; cpu < skas.cfg.ncpus; cpu++) {
		struct runner *r = &s->runner[cpu];

		if (r->state == RUNNER_NONE || skas.ops->is_stopped(r))
			continue;
		runner_end(r);
		moved++;
	}
	return moved;
}

static int wipe_pages(struct space *s)
{
	int n = 0;

	for (int cpu = 0; cpu < skas.cfg.ncpus; cpu++)
		if (s->runner[cpu].state != RUNNER_NONE) {
			runner_wipe_page(&s->runner[cpu]);
			n++;
		}
	return n;
}

/*
 * Stops all runners. Their control pages can be wiped only after that: until the last runner has
 * stopped, it could write to the pages of all runners, even of parked ones. A runner that a process
 * of the host has stopped and continued (runner_is_parked()) may have read the turn word before its
 * page was wiped, and found that it has the turn. So if there are several runners, all are checked
 * again after the wiping. A runner that is still parked then has slept since before the wiping.
 */
static void stop_runners(struct space *s)
{
	for (int cpu = 0; cpu < skas.cfg.ncpus; cpu++)
		stop_runner(&s->runner[cpu]);
	while (wipe_pages(s) > 1 && skas.ops->is_stopped && end_moved(s))
		;
}

void space_put(struct space *s)
{
	if (!s->dead)
		stop_runners(s);
	if (s->dead || s->segs || s->tsc_traps || !keep(s))
		space_end(s);
}

void pool_empty(void)
{
	struct space *s;

	while ((s = take(-1, 0, true)))
		space_end(s);
}

void skas_trim(void)
{
	pool_empty();
}

void skas_forget_images(void)
{
	struct space *s;

	spin_lock(&pool_lock);
	list_for_each_entry(s, &pool, list)
		s->image.nr = 0;
	spin_unlock(&pool_lock);
}
