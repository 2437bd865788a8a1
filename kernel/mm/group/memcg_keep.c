/* SPDX-License-Identifier: MIT */
/*
 * memcg_keep.c: how much of a group's memory memory.min and memory.low protect from reclaim.
 *
 *	mem_keeps_changed(g)          called when usage, min or low of g has changed
 *	mem_overage(g, top, spare)    how many of g's pages reclaim for top may take
 *
 * A group claims min (or low), but at most its usage. A group directly below the group that is
 * being reclaimed gets its min or low in full. Further down, the children of a group share the
 * protection of that group. If their claims exceed it, each child gets a part in proportion to its
 * claim. If they claim less, the rest is divided in proportion to the usage beyond the claims (only
 * with the mount option memory_recursiveprot). The group that is being reclaimed itself is not
 * protected.
 *
 * mem_group.claim is what a group claims; mem_group.below is the sum of the claims of its children.
 * They are racy: a sum may be outdated until the next change. If no group ever had min or low, a
 * call only tests a flag.
 */
#include "kernel/mm/internal.h"
#include "kernel/mm/group/memcg.h"

static bool any_keeps;
bool mem_keeps_recursive;

static u64 usage_of(const struct mem_group *g)
{
	s64 n = atomic_read(&g->usage);

	return n > 0 ? (u64)n : 0;
}

static u64 asked(const struct mem_group *g, enum mem_keep kind)
{
	return kind == KEEP_MIN ? READ_ONCE(g->min) : READ_ONCE(g->low);
}

void mem_keeps_update(struct mem_group *g)
{
	u64 usage = usage_of(g);

	for (int kind = 0; kind < KEEPS; kind++) {
		s64 now = (s64)min(usage, asked(g, kind));
		s64 old = (s64)xchg(&g->claim[kind], (u64)now);

		if (now != old)
			atomic_add(now - old, &g->parent->below[kind]);
	}
}

void mem_keeps_set(struct mem_group *g)
{
	if (!g->parent)
		return;
	WRITE_ONCE(any_keeps, true);
	WRITE_ONCE(g->keeps, true);
	mem_keeps_update(g);
}

/* Returns the group's share of its parent's protection, @parents. */
static u64 share(const struct mem_group *g, enum mem_keep kind, u64 parents)
{
	u64 usage = usage_of(g), own = min(usage, asked(g, kind)), above = usage_of(g->parent);
	s64 sum = atomic_read(&g->parent->below[kind]);
	u64 all = max_t(u64, own, sum > 0 ? (u64)sum : 0);

	parents = min(parents, above);
	if (all > parents)
		return parents * own / all;
	if (READ_ONCE(mem_keeps_recursive) && parents > all && above > all && usage > own)
		own += (parents - all) * (usage - own) / (above - all);
	return own;
}

static const struct mem_group *child_towards(const struct mem_group *top, const struct mem_group *g)
{
	while (g && g->parent != top)
		g = g->parent;
	return g;
}

/* Returns how many pages of @g reclaim for @top leaves alone, by memory.min or memory.low. */
static u64 kept(const struct mem_group *g, const struct mem_group *top, enum mem_keep kind)
{
	const struct mem_group *at = child_towards(top, g);
	u64 keep = at ? asked(at, kind) : 0;

	while (at && at != g && keep) {
		at = child_towards(at, g);
		keep = share(at, kind, keep);
	}
	return keep;
}

u64 mem_overage(const struct mem_group *g, const struct mem_group *top, enum mem_spare spare)
{
	u64 keep, usage;

	if (likely(!READ_ONCE(any_keeps)) || spare == SPARE_NONE || !g || !g->parent || g == top)
		return ~0UL;
	/* reclaim for the machine is reclaim for the root */
	for (const struct mem_group *at = g; !top; at = at->parent)
		top = at->parent ? NULL : at;
	keep = kept(g, top, KEEP_MIN);
	if (spare == SPARE_LOW)
		keep = max(keep, kept(g, top, KEEP_LOW));
	usage = usage_of(g);
	return usage > keep ? usage - keep : 0;
}

void mem_note_low(struct page **pages, u32 n, const struct mem_group *top)
{
	struct mem_group *last = NULL;

	if (likely(!READ_ONCE(any_keeps)))
		return;
	for (u32 i = 0; i < n; i++) {
		struct mem_group *g = pages[i]->memcg;

		if (g && g != last && mem_spared(g, top, SPARE_LOW))
			mem_group_count_low(g);
		last = g;
	}
}
