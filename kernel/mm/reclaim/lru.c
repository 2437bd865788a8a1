/* SPDX-License-Identifier: MIT */
/*
 * lru.c: the order in which page cache is dropped under pressure.
 *
 * Each memory group with such pages has two lists, and so have the pages without a group. As in
 * Linux, a page enters at the head of the inactive list, and the second access moves it to the
 * active list. When the active list is the longer one, its tail moves to the inactive list. Pages
 * of memory-only mappings (tmpfs) and anonymous pages are on no list: they cannot simply be
 * dropped.
 *
 * A group over its limit has its own lists scanned, and those of the groups below, whatever other
 * groups have. When the machine is short of memory, all groups with pages are scanned in turns. In
 * each turn a group gives pages in proportion to its part of all pages: mem_lru.due, with the
 * remaining fraction in mem_lru.rest.
 *
 * Locks: lru_lock protects the lists, the counts and the flags PG_lru and PG_active. A page that
 * leaves its mapping first loses p->mapping and is then taken off its list: a task that isolates it
 * in between, or puts it back, sees one state or the other. The page's group does not change during
 * that time.
 */
#include "kernel/mm/internal.h"
#include "kernel/mm/group/memcg.h"

/* pages that all groups together give in one turn */
#define TURN 1024UL

static DEFINE_SPINLOCK(lru_lock);
static struct mem_lru nobodys = {
	.lists = { LIST_HEAD_INIT(nobodys.lists[0]), LIST_HEAD_INIT(nobodys.lists[1]) },
	.busy = LIST_HEAD_INIT(nobodys.busy),
};
static LIST_HEAD(busy); /* mem_lru of groups with pages; by busy */
static u64 nr_busy;
static u64 totals[2]; /* pages of all lists */

void mem_lru_init(struct mem_lru *l)
{
	INIT_LIST_HEAD(&l->lists[0]);
	INIT_LIST_HEAD(&l->lists[1]);
	INIT_LIST_HEAD(&l->busy);
}

static struct mem_lru *lru_of(const struct page *p)
{
	return p->memcg ? &p->memcg->lru : &nobodys;
}

static u64 pages_on(const struct mem_lru *l)
{
	return l->counts[0] + l->counts[1];
}

/* Puts a page on a list of its group; unlink_page() takes it off. lru_lock is held. */
static void link_page(struct page *p, bool active)
{
	struct mem_lru *l = lru_of(p);

	if (!pages_on(l)) {
		list_add_tail(&l->busy, &busy);
		nr_busy++;
	}
	list_add(&p->lru, &l->lists[active]);
	l->counts[active]++;
	WRITE_ONCE(totals[active], totals[active] + 1);
	set_bit(PG_lru, &p->flags);
	if (active)
		set_bit(PG_active, &p->flags);
}

static void unlink_page(struct page *p)
{
	bool active = test_bit(PG_active, &p->flags);
	struct mem_lru *l = lru_of(p);

	list_del(&p->lru);
	l->counts[active]--;
	WRITE_ONCE(totals[active], totals[active] - 1);
	clear_bit(PG_lru, &p->flags);
	clear_bit(PG_active, &p->flags);
	if (!pages_on(l)) {
		list_del_init(&l->busy);
		nr_busy--;
		l->due = l->rest = 0;
	}
}

/* Moves a page that is on a list to the head of its group's active or inactive list. */
static void move_page(struct page *p, bool active)
{
	bool was = test_bit(PG_active, &p->flags);
	struct mem_lru *l = lru_of(p);

	list_move(&p->lru, &l->lists[active]);
	l->counts[was]--;
	l->counts[active]++;
	WRITE_ONCE(totals[was], totals[was] - 1);
	WRITE_ONCE(totals[active], totals[active] + 1);
	if (active)
		set_bit(PG_active, &p->flags);
	else
		clear_bit(PG_active, &p->flags);
}

void lru_add(struct page *p)
{
	spin_lock(&lru_lock);
	link_page(p, false);
	spin_unlock(&lru_lock);
}

void lru_del(struct page *p)
{
	spin_lock(&lru_lock);
	if (test_bit(PG_lru, &p->flags))
		unlink_page(p);
	spin_unlock(&lru_lock);
}

void mark_page_accessed(struct page *p)
{
	if (!test_bit(PG_referenced, &p->flags)) {
		set_bit(PG_referenced, &p->flags);
		return;
	}
	if (test_bit(PG_active, &p->flags) || !test_bit(PG_lru, &p->flags))
		return;
	spin_lock(&lru_lock);
	if (test_bit(PG_lru, &p->flags) && !test_bit(PG_active, &p->flags)) {
		move_page(p, true);
		count_vm(pgactivate, 1);
	}
	spin_unlock(&lru_lock);
}

void lru_deactivate(struct page *p)
{
	clear_bit(PG_referenced, &p->flags);
	spin_lock(&lru_lock);
	if (test_bit(PG_lru, &p->flags) && test_bit(PG_active, &p->flags)) {
		move_page(p, false);
		count_vm(pgdeactivate, 1);
	}
	spin_unlock(&lru_lock);
}

u64 nr_lru_pages(bool active)
{
	return READ_ONCE(totals[active]);
}

/* ---- the cold end ---- */

static void balance(struct mem_lru *l, u64 nr)
{
	while (nr-- && l->counts[1] > l->counts[0]) {
		struct page *p = list_last_entry(&l->lists[1], struct page, lru);

		clear_bit(PG_referenced, &p->flags);
		move_page(p, false);
		count_vm(pgdeactivate, 1);
	}
}

/*
 * Takes up to @nr pages off the cold end of the group's lists, each with a reference. lru_lock is
 * held. Returns their number.
 */
static u32 take(struct mem_lru *l, struct page **pages, u64 nr)
{
	u32 n = 0;

	balance(l, nr * 2);
	while (n < nr && !list_empty(&l->lists[0])) {
		struct page *p = list_last_entry(&l->lists[0], struct page, lru);

		unlink_page(p);
		if (atomic_inc_not_zero(&p->refcount))
			pages[n++] = p;
	}
	return n;
}

/*
 * Takes pages of @l, the next group. @has: its pages; @all: the pages of all groups; @turn: the
 * pages of one turn. Takes at most @nr of the pages that are due.
 */
static u32 take_due(struct mem_lru *l, struct page **pages, u64 nr, u64 has, u64 all, u64 turn)
{
	u32 n;

	if (!all)
		return 0;
	if (!l->due) {
		l->rest += turn * has;
		l->due = l->rest / all;
		l->rest %= all;
	}
	nr = min(nr, l->due);
	l->due -= nr;
	n = nr ? take(l, pages, nr) : 0;
	if (!l->due && !list_empty(&l->busy))
		list_move_tail(&l->busy, &busy);
	return n;
}

/*
 * Returns the number of pages of one turn, large enough that in two turns each list gives a page,
 * even if its share is less than one.
 */
static u64 turn_of(u64 lists)
{
	return max(TURN, 4 * lists);
}

static struct mem_group *owner_of(struct mem_lru *l)
{
	return l == &nobodys ? NULL : container_of(l, struct mem_group, lru);
}

u32 lru_isolate(struct page **pages, u32 nr, bool whole, enum mem_spare spare)
{
	u32 n = 0;

	spin_lock(&lru_lock);
	for (u64 left = 2 * nr_busy + 1; left && n < nr && !list_empty(&busy); left--) {
		struct mem_lru *l = list_first_entry(&busy, struct mem_lru, busy);
		u64 all = totals[0] + totals[1];

		if (unlikely(mem_spared(owner_of(l), NULL, spare)))
			list_move_tail(&l->busy, &busy);
		else
			n += take_due(l, pages + n, nr - n, pages_on(l), all,
				whole ? all : turn_of(nr_busy));
	}
	spin_unlock(&lru_lock);
	return n;
}

/* True if the pages of @l belong to @top or to a group below. */
static bool is_below(struct mem_lru *l, const struct mem_group *top)
{
	const struct mem_group *g;

	if (!top->parent)
		return true; /* the root group has all pages */
	for (g = owner_of(l); g; g = g->parent)
		if (g == top)
			return true;
	return false;
}

/* True if all cached pages of the group and of groups below it are in its own lists. */
static bool has_all(const struct mem_group *g)
{
	return g->parent && pages_on(&g->lru) &&
	       (s64)pages_on(&g->lru) >= atomic_read(&g->file) - atomic_read(&g->shmem);
}

/*
 * Returns how many pages of @l may be taken for @top: those above the protected amount, so that a
 * group slightly above that amount gives few pages. 0: @l is not below @top.
 */
static u64 may_give(struct mem_lru *l, const struct mem_group *top, enum mem_spare spare)
{
	return is_below(l, top) ? min(pages_on(l), mem_overage(owner_of(l), top, spare)) : 0;
}

/* Takes pages of all groups below @top in turn. lru_lock is held. Returns their number. */
static u32 isolate_below(
	struct page **pages, u32 nr, const struct mem_group *top, enum mem_spare spare)
{
	u64 all = 0, lists = 0, left;
	struct mem_lru *l, *next;
	u32 n = 0;

	list_for_each_entry(l, &busy, busy) {
		u64 has = may_give(l, top, spare);

		all += has;
		lists += has != 0;
	}
	/* groups that have given pages were moved to the list's end */
	left = nr_busy;
	list_for_each_entry_safe(l, next, &busy, busy) {
		u64 has;

		if (!left-- || n >= nr)
			break;
		has = may_give(l, top, spare);
		if (has)
			n += take_due(l, pages + n, nr - n, has, all, turn_of(lists));
	}
	return n;
}

u32 lru_isolate_group(struct page **pages, u32 nr, struct mem_group *g, enum mem_spare spare)
{
	u32 n;

	spin_lock(&lru_lock);
	n = has_all(g) ? take(&g->lru, pages, nr) : isolate_below(pages, nr, g, spare);
	spin_unlock(&lru_lock);
	return n;
}

void lru_putback(struct page *p, bool active)
{
	spin_lock(&lru_lock);
	if (p->mapping && !test_bit(PG_lru, &p->flags))
		link_page(p, active);
	spin_unlock(&lru_lock);
}

void mem_group_lru(const struct mem_group *g, u64 *inactive, u64 *active)
{
	struct mem_lru *l;

	*inactive = *active = 0;
	spin_lock(&lru_lock);
	list_for_each_entry(l, &busy, busy)
		if (is_below(l, g)) {
			*inactive += l->counts[0];
			*active += l->counts[1];
		}
	spin_unlock(&lru_lock);
}
