/* SPDX-License-Identifier: MIT */
/*
 * hugetlb_group.c: charges groups of tasks for huge pages in use and for promised ones (the hugetlb
 * controller).
 *
 *	g = huge_charge(kind, n)          to current's group and all above; ERR_PTR(-ENOMEM): a
 *	                                  limit is in the way
 *	huge_uncharge(kind, g, n)
 *
 * A page in use is charged to the group of the task that touched it first, until it is free. A
 * promise is charged to the group of the task that made it: for a file until the page is dropped,
 * for a private mapping until it is unmapped, even if its pages were taken. A page taken without a
 * promise counts as a promise of its own.
 *
 * All charges of a group together hold one reference to it (mem_group.local), since a promise may
 * have more pages than a refcount can count. Counts are atomic; a limit that is set meanwhile
 * applies to the next charge.
 */
#include "kernel/mm/hugetlb/hugetlb_internal.h"
#include "kernel/mm/group/memcg.h"

/*
 * Counts a refused charge of @g, for @g and the groups above. The limit that refused it may be that
 * of any of them.
 */
static void note_refusal(struct mem_group *g)
{
	__atomic_add_fetch(&g->huge.refused_local, 1, __ATOMIC_RELAXED);
	for (; g->parent; g = g->parent) {
		__atomic_add_fetch(&g->huge.refused, 1, __ATOMIC_RELAXED);
		if (mem_group_ops)
			mem_group_ops->huge_event(g);
	}
}

static bool try_charge(struct mem_group *g, enum huge_kind kind, u64 n)
{
	struct mem_group *at, *undo;

	for (at = g; at->parent; at = at->parent) {
		u64 now = (u64)atomic_add_return((s64)n, &at->huge.pages[kind]);

		if (now > READ_ONCE(at->huge.max[kind]))
			goto err_undo;
		if (now > READ_ONCE(at->huge.peak[kind]))
			WRITE_ONCE(at->huge.peak[kind], now);
	}
	return true;

err_undo:
	__atomic_add_fetch(&at->huge.hits[kind], 1, __ATOMIC_RELAXED);
	for (undo = g;; undo = undo->parent) {
		atomic_sub((s64)n, &undo->huge.pages[kind]);
		if (undo == at)
			return false;
	}
}

struct mem_group *huge_charge(enum huge_kind kind, u64 n)
{
	struct mem_group *g = n && mem_group_ops ? mem_group_ops->huge_begin() : NULL;

	if (!g)
		return NULL;
	if (!try_charge(g, kind, n)) {
		note_refusal(g);
		mem_sock_end(g);
		return ERR_PTR(-ENOMEM);
	}
	if (atomic_add_return((s64)n, &g->local) == (s64)n && mem_group_ops)
		mem_group_ops->hold(g);
	mem_sock_end(g);
	return g;
}

void huge_uncharge(enum huge_kind kind, struct mem_group *g, u64 n)
{
	if (!g || !n)
		return;
	for (struct mem_group *at = g; at->parent; at = at->parent)
		atomic_sub((s64)n, &at->huge.pages[kind]);
	if (!atomic_sub_return((s64)n, &g->local) && mem_group_ops)
		mem_group_ops->release(g);
}

int huge_group_limit(struct mem_group *g, enum huge_kind kind, u64 pages)
{
	u64 old = xchg(&g->huge.max[kind], pages);

	if ((u64)atomic_read(&g->huge.pages[kind]) <= pages)
		return 0;
	WRITE_ONCE(g->huge.max[kind], old);
	return -EBUSY;
}

void huge_group_reset(struct mem_group *g)
{
	for (u32 i = 0; i < HUGE_KINDS; i++)
		g->huge.max[i] = HUGE_NO_LIMIT;
}
