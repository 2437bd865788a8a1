/* SPDX-License-Identifier: MIT */
/*
 * epoll_nest.c: limits for epoll files that watch epoll files: no cycles, a limited depth, and a
 * limited number of paths.
 *
 * A walk visits each file once (eventpoll.walk), however many paths lead to it. nest_lock is held
 * throughout, so no cycle can form. A walk down holds the mutexes on its path. A walk up holds the
 * f_locks on its path, which keep the items there and their eventpolls. Epoll files may be closed
 * during a walk up, but their struct file is not freed: the walk passes no boundary (call_rcu()).
 */
#include "kernel/event/epoll.h"

#define MAX_NEST 4

static u64 walks; /* number of walks so far */

/*
 * Returns the depth of nested epoll files below @ep, which may exceed MAX_NEST, or -ELOOP if
 * @target is among them.
 */
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

/*
 * Returns the length of the longest chain of epoll files above @ep, in which each watches the epoll
 * file below it.
 */
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
 * The number of paths allowed from the watchers of a file up to epoll files that are not watched
 * themselves, indexed by the length of the path. The number of paths of length 0 is not limited.
 * The limits hold for each epoll file too, as if a file were watched by it alone. (Linux limits
 * only the paths from files that are no epoll files.)
 */
static const int max_paths[MAX_NEST + 1] = { 0, 500, 100, 50, 10 };

/* Adds the paths upwards from @ep to @counts. Returns true if there are too many. */
static bool too_many_paths(struct eventpoll *ep, int steps, int *counts)
{
	struct file *f = READ_ONCE(ep->file);
	struct epoll_item *it;
	bool many = false;

	if (steps > MAX_NEST)
		return true;
	if (!f)
		return false;
	spin_lock(&f->f_lock); /* see depth_above() */
	if (list_empty(&f->f_ep))
		many = steps && ++counts[steps] > max_paths[steps];
	list_for_each_entry(it, &f->f_ep, file_link) {
		many = too_many_paths(it->ep, steps + 1, counts);
		if (many)
			break;
	}
	spin_unlock(&f->f_lock);
	return many;
}

bool epoll_file_crowded(struct file *f)
{
	int counts[MAX_NEST + 1] = { 0 };
	struct epoll_item *it;
	bool many = false;

	spin_lock(&f->f_lock); /* see depth_above() */
	/* The paths from a single watcher have been checked already. */
	if (!list_is_singular(&f->f_ep))
		list_for_each_entry(it, &f->f_ep, file_link) {
			many = too_many_paths(it->ep, 0, counts);
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
		struct file *f = rb_entry(n, struct epoll_item, node)->file;
		struct eventpoll *child = file_ep(f);

		if (!child)
			many = epoll_file_crowded(f);
		else if (child->walk != walks)
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
