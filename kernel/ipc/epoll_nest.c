/* SPDX-License-Identifier: MIT */
/*
 * epoll_nest.c: epoll files that watch epoll files: without circles, not too deep, and not along too many ways.
 *
 * A walk looks at each file once (eventpoll.walk), however many ways lead to it. release_lock and nest_lock are held throughout.
 */
#include "kernel/ipc/epoll.h"

#define MAX_NEST 4

static u64 walks; /* how many there were */

/* How deep watching goes below @ep; above MAX_NEST, or -ELOOP when it reaches @target. */
static int depth_below(struct eventpoll *ep, const struct eventpoll *target, int level)
{
	struct rb_node *n;
	int deepest = 0;

	if (ep == target)
		return -ELOOP;
	if (level > MAX_NEST)
		return level;
	if (ep->walk == walks)
		return ep->found;
	mutex_lock(&ep->mutex);
	for (n = rb_first(&ep->items); n; n = rb_next(n)) {
		struct eventpoll *child = file_ep(rb_entry(n, struct epoll_item, node)->file);
		int d = child ? depth_below(child, target, level + 1) + 1 : 0;

		if (child && d <= 0) {
			deepest = -ELOOP;
			break;
		}
		deepest = max(deepest, d);
	}
	mutex_unlock(&ep->mutex);
	ep->walk = walks;
	ep->found = deepest;
	return deepest;
}

/* How many epoll files watch @ep, one above the other. */
static int depth_above(struct eventpoll *ep, int level)
{
	struct epoll_item *it;
	int deepest = 0;

	if (level > MAX_NEST)
		return level;
	if (ep->walk == walks)
		return ep->found;
	/* items of epoll files come and go under nest_lock or release_lock: the list is stable enough to walk with f_lock */
	spin_lock(&ep->file->f_lock);
	list_for_each_entry(it, &ep->file->f_ep, file_link) {
		struct eventpoll *up = it->ep;
		int d;

		spin_unlock(&ep->file->f_lock);
		d = depth_above(up, level + 1) + 1;
		spin_lock(&ep->file->f_lock);
		deepest = max(deepest, d);
	}
	spin_unlock(&ep->file->f_lock);
	ep->walk = walks;
	ep->found = deepest;
	return deepest;
}

/* release_lock and nest_lock held. */
long epoll_check_nesting(struct eventpoll *ep, struct eventpoll *child)
{
	int below;

	walks++;
	below = depth_below(child, ep, 0);
	if (below < 0)
		return below;
	walks++;
	return below + depth_above(ep, 0) + 1 > MAX_NEST ? -ELOOP : 0;
}

/* By how many steps: so many ways there may be to epoll files that nobody watches. (Linux has these numbers for each file.) */
static const int max_paths[MAX_NEST + 1] = { 1, 500, 100, 50, 10 };

/* Counts the ways from @ep up; true: there are too many. */
static bool too_many_paths(struct eventpoll *ep, int steps, int *counts)
{
	struct epoll_item *it;
	bool many = false;

	if (steps > MAX_NEST)
		return true;
	spin_lock(&ep->file->f_lock); /* as depth_above() */
	if (list_empty(&ep->file->f_ep))
		many = ++counts[steps] > max_paths[steps];
	list_for_each_entry(it, &ep->file->f_ep, file_link) {
		struct eventpoll *up = it->ep;

		spin_unlock(&ep->file->f_lock);
		many = too_many_paths(up, steps + 1, counts);
		spin_lock(&ep->file->f_lock);
		if (many)
			break;
	}
	spin_unlock(&ep->file->f_lock);
	return many;
}

static bool crowded_below(struct eventpoll *ep)
{
	int counts[MAX_NEST + 1] = { 0 };
	bool many = too_many_paths(ep, 0, counts);
	struct rb_node *n;

	ep->walk = walks;
	mutex_lock(&ep->mutex);
	for (n = rb_first(&ep->items); n && !many; n = rb_next(n)) {
		struct eventpoll *child = file_ep(rb_entry(n, struct epoll_item, node)->file);

		if (child && child->walk != walks)
			many = crowded_below(child);
	}
	mutex_unlock(&ep->mutex);
	return many;
}

bool epoll_crowded(struct eventpoll *ep)
{
	walks++;
	return crowded_below(ep);
}
