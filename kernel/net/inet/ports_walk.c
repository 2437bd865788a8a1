/* SPDX-License-Identifier: MIT */
/*
 * ports_walk.c: walks all sockets of a table for listings, some at a time: ports_walk(),
 * ports_walk_end(). Sockets enter and leave between the steps, so the walk orders each list by the
 * time of entry.
 * Locks: table->lock, dropped between the steps.
 */
#include "kernel/net/inet/inet.h"

/*
 * Returns the list that the walk is in: a bucket of by_port, or after the last one the list of raw
 * sockets.
 */
static struct hlist_head *walk_list(const struct port_walk *w)
{
	return w->bucket == TABLE_SIZE ? &w->table->raw : &w->table->by_port[w->bucket];
}

static struct inet_sock *next_of(const struct inet_sock *i)
{
	return hlist_entry_safe(i->in.port_node.next, struct inet_sock, in.port_node);
}

/*
 * Returns the socket at which the walk continues: after its last socket, or after the place where
 * that socket was. Returns NULL if the list has no more.
 */
static struct inet_sock *resume(const struct port_walk *w)
{
	struct inet_sock *i;

	if (w->at && w->at->in.in_table && w->at->in.entered == w->behind)
		return next_of(w->at);
	hlist_for_each_entry(i, walk_list(w), in.port_node)
		if (!w->behind || i->in.entered < w->behind)
			return i;
	return NULL;
}

static struct inet_sock *next_bucket(struct port_walk *w)
{
	struct inet_sock *i = NULL;

	while (!i && w->bucket < TABLE_SIZE) {
		w->bucket++;
		i = hlist_entry_safe(walk_list(w)->first, struct inet_sock, in.port_node);
	}
	w->behind = 0;
	return i;
}

bool ports_walk(
	struct port_walk *w, u32 most, void (*fn)(struct inet_sock *i, void *arg), void *arg)
{
	struct inet_sock *was = w->at, *last = NULL, *i;

	spin_lock(&w->table->lock);
	if (!w->newest)
		w->newest = w->table->entered;
	for (i = resume(w); i || (i = next_bucket(w)); i = next_of(i)) {
		if (!most--)
			break;
		if (i->in.entered <= w->newest)
			fn(i, arg);
		w->behind = i->in.entered;
		last = i;
	}
	w->at = i ? last : NULL;
	if (w->at)
		inet_get(w->at);
	spin_unlock(&w->table->lock);
	if (was)
		inet_put(was);
	return i;
}

void ports_walk_end(struct port_walk *w)
{
	if (w->at)
		inet_put(w->at);
	w->at = NULL;
}
