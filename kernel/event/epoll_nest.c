/* SPDX-License-Identifier: MIT */
/*
 * epoll_nest.c: epoll files that watch epoll files: without circles, not too deep, and not along
 * too many ways.
 *
 * A walk looks at each file once (eventpoll.walk), however many ways lead to it. nest_lock is held
 * throughout, so no circle comes to be. A walk down holds the mutexes on its way; a walk up the
 * f_locks, in one stretch that frees no file (call_rcu): items may go meanwhile, and epoll files be
 * closed.
 */
#include "kernel/event/epoll.h"

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
	struct file *f = READ_ONCE(ep->file);
	struct epoll_item *it;
	int deepest = 0;

	if (level > MAX_NEST)
		return level;
	if (ep->walk == walks)
		return ep->found;
	if (!f)
		return 0;
	spin_lock(&f->f_lock);
	list_for_each_entry(it, &f->f_ep, file_link)
		deepest = max(deepest, depth_above(it->ep, level + 1) + 1);
	spin_unlock(&f->f_lock);
	ep->walk = walks;
	ep->found = deepest;
	return deepest;
}

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

/*
 * Limit, by number of steps, for the paths to epoll files that are not watched. (Linux has these
 * limits for each file.)
 */
static const int max_paths[MAX_NEST + 1] = { 1, 500, 100, 50, 10 };

/* Counts the ways from @ep up; true: there are too many. */
static bool too_many_paths(struct eventpoll *ep, int steps, int *counts)
{
	struct file *f = READ_ONCE(ep->file);
	struct epoll_item *it;
	bool many = false;

	if (steps > MAX_NEST)
		return true;
	if (!f)
		return false;
	spin_lock(&f->f_lock); /* as depth_above() */
	if (list_empty(&f->f_ep))
		many = ++counts[steps] > max_paths[steps];
	list_for_each_entry(it, &f->f_ep, file_link) {
		many = too_many_paths(it->ep, steps + 1, counts);
		if (many)
			break;
	}
	spin_unlock(&f->f_lock);
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
