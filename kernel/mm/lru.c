/* SPDX-License-Identifier: MIT */
/*
 * lru.c: in which order pages of files are dropped under pressure. Two lists, as Linux has them: a page enters at the head of the
 * inactive list; the second access moves it to the active one; when the active list is the longer, its tail goes back. Pages of
 * memory-only mappings (tmpfs) and anonymous pages are on none: they cannot be dropped.
 *
 * Lock: lru_lock for lists, counts and the flags PG_lru and PG_active. A page that leaves its mapping loses p->mapping first and is
 * taken off its list then: who isolates it in between, or puts it back, sees one or the other.
 */
#include "kernel/mm/internal.h"

static DEFINE_SPINLOCK(lru_lock);
static struct list_head lists[2] = { LIST_HEAD_INIT(lists[0]), LIST_HEAD_INIT(lists[1]) };
static u64 counts[2];

static void link_page(struct page *p, bool active)
{
	list_add(&p->lru, &lists[active]);
	counts[active]++;
	set_bit(PG_lru, &p->flags);
	if (active)
		set_bit(PG_active, &p->flags);
}

static void unlink_page(struct page *p)
{
	list_del(&p->lru);
	counts[test_bit(PG_active, &p->flags)]--;
	clear_bit(PG_lru, &p->flags);
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
		unlink_page(p);
		link_page(p, true);
		count_vm(pgactivate, 1);
	}
	spin_unlock(&lru_lock);
}

void lru_deactivate(struct page *p)
{
	clear_bit(PG_referenced, &p->flags);
	spin_lock(&lru_lock);
	if (test_bit(PG_lru, &p->flags) && test_bit(PG_active, &p->flags)) {
		unlink_page(p);
		link_page(p, false);
		count_vm(pgdeactivate, 1);
	}
	spin_unlock(&lru_lock);
}

u64 nr_lru_pages(bool active)
{
	return READ_ONCE(counts[active]);
}

static void balance(u32 nr)
{
	while (nr-- && counts[1] > counts[0]) {
		struct page *p = list_last_entry(&lists[1], struct page, lru);

		unlink_page(p);
		clear_bit(PG_referenced, &p->flags);
		link_page(p, false);
		count_vm(pgdeactivate, 1);
	}
}

u32 lru_isolate(struct page **pages, u32 nr)
{
	u32 n = 0;

	spin_lock(&lru_lock);
	balance(nr * 2);
	while (n < nr && !list_empty(&lists[0])) {
		struct page *p = list_last_entry(&lists[0], struct page, lru);

		unlink_page(p);
		if (atomic_inc_not_zero(&p->refcount))
			pages[n++] = p;
	}
	spin_unlock(&lru_lock);
	return n;
}

/* The same of those that @chosen takes, of both lists: it is called under lru_lock. */
u32 lru_isolate_chosen(
	struct page **pages, u32 nr, bool (*chosen)(const struct page *p, void *arg), void *arg)
{
	u32 n = 0;

	spin_lock(&lru_lock);
	for (int active = 0; active < 2 && n < nr; active++) {
		struct list_head *at = lists[active].prev;

		while (at != &lists[active] && n < nr) {
			struct page *p = list_entry(at, struct page, lru);

			at = at->prev;
			if (!chosen(p, arg))
				continue;
			unlink_page(p);
			if (atomic_inc_not_zero(&p->refcount))
				pages[n++] = p;
		}
	}
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
