/* SPDX-License-Identifier: MIT */
/*
 * netlink_group.c: netlink's groups: their members, and the messages to them.
 *
 *     nl_set_groups(n, mask, want)            joins and leaves
 *     nl_broadcast(net, protocol, group, ..)  sends a message to all members
 *
 * The sockets of a protocol in a namespace have a hub, with a list of each group's members. So a
 * message costs nothing without listeners, and sockets outside of the group are not visited.
 *
 * The sender may be a timer, an interrupt or a task with a lock, and may have a thousand messages.
 * Its time must not depend on the number of listeners, which is unbounded. If a group has at most
 * AT_ONCE members, they get a message directly. A message to a larger group is added to the hub's
 * log, and so are the messages behind it, to keep the order. A work item then delivers the log to
 * each listener, some messages at a time. A listener that reads or polls its queue, gets an answer,
 * or joins or leaves groups catches up by itself first. Programs notice the log only by the time at
 * which they are woken up.
 *
 *      sent -> in the log -> each listener's queue -> out of the log when all have it
 *
 * The log is bounded. A message for which there is no room is lost for its whole group, whose
 * members get ENOBUFS, as if their queues had been full. The newest entry of the log records the
 * loss, or hub->spare if the log is empty. Requests that cause many messages make room first
 * (nl_help()).
 *
 * Invariants:
 * 1. A socket is in the list of each group whose bit is set in groups, by an nl_member in its list
 *    `in', and in no other list.
 * 2. A socket that is in any group is in its hub's list of listeners, which is sorted by floor. No
 *    listener's `seen' is below its floor, so the log begins behind the first listener's floor.
 * 3. While the log is empty all listeners have seen the newest message.
 * 4. While it is not empty, the hub's work is queued or runs.
 *
 * Locks: nl_lock protects all lists and logs, and is held for a bounded time. Only the locks of
 * sockets' queues are taken inside it.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"

/* The membership of a socket in a group. */
struct nl_member {
	struct hlist_node node; /* in hub->groups */
	struct list_head own;   /* in nl_sock.in */
	struct nl_sock *n;
	u32 group;
};

/* members that get a message directly, at most */
#define AT_ONCE 32U
/* messages delivered with the lock held */
#define BATCH 64U
#define SLICE 128U           /* batches before the worker yields */
#define LOG_MAX 4096U        /* messages in a log, at most */
#define LOG_BYTES (4U << 20) /* bytes of these messages, at most */
/* limit of the logs of all hubs, as 1/n of the memory */
#define ALL_LOGS_PART 32

static LIST_HEAD(all_hubs);
static u64 all_logs; /* bytes */

/* ---- the log ---- */

static void overrun(struct nl_sock *n)
{
	if (n->options & 1U << NETLINK_NO_ENOBUFS)
		return;
	spin_lock(&n->c.lock);
	n->c.err = -ENOBUFS;
	spin_unlock(&n->c.lock);
	wake_up_common(&n->c.wait, TASK_NORMAL, 0, EPOLLIN | EPOLLRDNORM);
}

static void deliver(struct nl_sock *n, const struct nl_msg *m, u32 group)
{
	struct nl_msg *c;

	if (n->proto->wants && !n->proto->wants(n, m->data, m->len))
		return;
	c = nl_msg_new(m->data, m->len, GFP_ATOMIC);
	if (!c) {
		overrun(n);
		return;
	}
	c->from = m->from;
	c->cred = m->cred;
	c->group = group;
	nl_queue_msg(n, c, false);
}

static u64 last_of(const struct nl_copy *t)
{
	return max(t->seq, t->lost_seq);
}

static void free_copy(struct nl_hub *hub, struct nl_copy *t)
{
	list_del(&t->list);
	if (t == &hub->spare)
		return;
	hub->logged--;
	hub->log_bytes -= t->m->len;
	all_logs -= ksize(t->m);
	kfree(t->m);
	kfree(t);
}

/* Frees the messages that all listeners have seen. */
static void trim(struct nl_hub *hub)
{
	const struct nl_sock *last =
		list_first_entry_or_null(&hub->listeners, struct nl_sock, listening);
	struct nl_copy *t, *next;

	assert_spin_held(&nl_lock);
	list_for_each_entry_safe(t, next, &hub->log, list) {
		if (last && last_of(t) > last->floor)
			break;
		free_copy(hub, t);
	}
}

static void bring(struct nl_sock *n, const struct nl_copy *t)
{
	if (t->seq > n->seen) {
		n->seen = t->seq;
		if (n != t->but && n->groups >> (t->group - 1) & 1)
			deliver(n, t->m, t->group);
	}
	if (t->lost_seq > n->seen) {
		n->seen = t->lost_seq;
		if (t->lost & n->groups)
			overrun(n);
	}
}

/*
 * Returns the first entry of the log that the socket has not seen all of. Searches from the end,
 * where the entry of a socket that reads often is.
 */
static struct nl_copy *first_unseen(const struct nl_sock *n)
{
	struct nl_copy *t;

	list_for_each_entry_reverse(t, &n->hub->log, list)
		if (last_of(t) <= n->seen)
			break;
	return list_next_entry(t, list);
}

/*
 * Delivers at most *@left messages to a listener, and counts *@left down. Returns true if there are
 * more.
 */
static bool catch_up_some(struct nl_sock *n, u32 *left)
{
	struct nl_hub *hub = n->hub;
	struct nl_copy *t;

	assert_spin_held(&nl_lock);
	for (t = first_unseen(n); &t->list != &hub->log; t = list_next_entry(t, list)) {
		if (!*left)
			return true;
		(*left)--;
		bring(n, t);
	}
	n->seen = n->floor = hub->newest;
	list_move_tail(&n->listening, &hub->listeners);
	trim(hub);
	return false;
}

static bool is_behind(const struct nl_sock *n)
{
	return READ_ONCE(n->groups) && READ_ONCE(n->seen) != READ_ONCE(n->hub->newest);
}

void nl_catch_up_locked(struct nl_sock *n)
{
	u32 left = LOG_MAX;

	if (is_behind(n))
		catch_up_some(n, &left);
}

void nl_catch_up_some(struct nl_sock *n)
{
	u32 left = BATCH;

	if (!is_behind(n) || !list_empty(&n->queue))
		return;
	spin_lock(&nl_lock);
	if (is_behind(n))
		catch_up_some(n, &left);
	spin_unlock(&nl_lock);
}

bool nl_catch_up(struct nl_sock *n)
{
	bool more = is_behind(n), was = more;

	while (more) {
		u32 left = BATCH;

		spin_lock(&nl_lock);
		more = is_behind(n) && catch_up_some(n, &left);
		spin_unlock_yield(&nl_lock);
		cond_resched();
	}
	return was;
}

/* Delivers a batch to the listeners that are furthest behind. Returns true if the log has more. */
static bool work_some(struct nl_hub *hub)
{
	u32 left = BATCH;

	assert_spin_held(&nl_lock);
	while (left && !list_empty(&hub->log)) {
		catch_up_some(list_first_entry(&hub->listeners, struct nl_sock, listening), &left);
		/* A listener counts as one message even if none is for its groups. */
		left -= !!left;
	}
	return !list_empty(&hub->log);
}

static void work_on(struct work *w)
{
	struct nl_hub *hub = container_of(w, struct nl_hub, work);
	bool more = true, gone = false;

	for (u32 k = 0; more && k < SLICE; k++) {
		spin_lock(&nl_lock);
		more = work_some(hub);
		if (!more) {
			hub->working = false;
			gone = !hub->socks;
		}
		spin_unlock_yield(&nl_lock);
		cond_resched();
	}
	if (more)
		work_queue(&hub->work);
	else if (gone)
		kfree(hub);
}

void nl_help(struct nl_sock *n)
{
	struct nl_hub *hub = n->hub;

	while ((READ_ONCE(hub->logged) > LOG_MAX / 2 ||
		       READ_ONCE(hub->log_bytes) > LOG_BYTES / 2) &&
		!fatal_signal_pending(current)) {
		spin_lock(&nl_lock);
		work_some(hub);
		spin_unlock_yield(&nl_lock);
		cond_resched();
	}
}

static struct nl_copy *copy_new(const struct nl_hub *hub, const struct nl_msg *m)
{
	struct nl_copy *t;

	if (hub->logged >= LOG_MAX || hub->log_bytes + m->len > LOG_BYTES ||
		all_logs > nr_managed_frames() * (PAGE_SIZE / ALL_LOGS_PART))
		return NULL;
	t = kzalloc(sizeof(*t), GFP_ATOMIC);
	if (!t)
		return NULL;
	t->m = nl_msg_new(m->data, m->len, GFP_ATOMIC);
	if (!t->m) {
		kfree(t);
		return NULL;
	}
	t->m->from = m->from;
	t->m->cred = m->cred;
	return t;
}

static void append(struct nl_hub *hub, struct nl_copy *t)
{
	list_add_tail(&t->list, &hub->log);
	if (!hub->working) {
		hub->working = true;
		work_queue(&hub->work);
	}
}

/* Records that a message to @group is lost. */
static void lose(struct nl_hub *hub, u32 group)
{
	struct nl_copy *last =
		list_empty(&hub->log) ? NULL : list_last_entry(&hub->log, struct nl_copy, list);

	if (!last) {
		last = &hub->spare;
		*last = (struct nl_copy){ 0 };
		append(hub, last);
	}
	last->lost |= 1UL << (group - 1);
	last->lost_seq = ++hub->newest;
}

static void record(struct nl_hub *hub, u32 group, const struct nl_msg *m, const struct nl_sock *but)
{
	struct nl_copy *t = copy_new(hub, m);

	if (!t) {
		lose(hub, group);
		return;
	}
	t->seq = ++hub->newest;
	t->group = group;
	t->but = but;
	append(hub, t);
	hub->logged++;
	hub->log_bytes += m->len;
	all_logs += ksize(t->m);
}

/* ---- hubs ---- */

int nl_hub_enter(struct nl_sock *n)
{
	struct nl_hub *fresh = kzalloc(sizeof(*fresh), GFP_KERNEL), **at;

	BUILD_BUG_ON(NETLINK_GENERIC >= NL_PROTOCOLS);
	if (!fresh)
		return -ENOMEM;
	fresh->net = n->c.net;
	fresh->protocol = n->proto->protocol;
	INIT_LIST_HEAD(&fresh->listeners);
	INIT_LIST_HEAD(&fresh->log);
	work_setup(&fresh->work, work_on);
	INIT_LIST_HEAD(&n->in);
	INIT_LIST_HEAD(&n->listening);
	spin_lock(&nl_lock);
	at = &n->c.net->nl_hubs[n->proto->protocol];
	if (!*at) {
		*at = fresh;
		list_add_tail(&fresh->list, &all_hubs);
		fresh = NULL;
	}
	n->hub = *at;
	n->hub->socks++;
	spin_unlock(&nl_lock);
	kfree(fresh);
	return 0;
}

static void leave(struct nl_member *m)
{
	assert_spin_held(&nl_lock);
	hlist_del_init(&m->node);
	m->n->hub->members[m->group - 1]--;
	m->n->groups &= ~(1UL << (m->group - 1));
}

struct nl_hub *nl_hub_leave(struct nl_sock *n)
{
	struct nl_member *m, *next;
	struct nl_hub *hub = n->hub;

	assert_spin_held(&nl_lock);
	list_for_each_entry_safe(m, next, &n->in, own) {
		leave(m);
		list_del(&m->own);
		kfree(m);
	}
	list_del_init(&n->listening);
	trim(hub);
	if (--hub->socks)
		return NULL;
	n->c.net->nl_hubs[hub->protocol] = NULL;
	list_del(&hub->list);
	return hub->working ? NULL : hub; /* the hub's work will free the hub */
}

/* ---- joining and leaving ---- */

/* Makes a member for each bit of @groups. Returns false if there is no memory. */
static bool make_members(struct nl_sock *n, u64 groups, struct list_head *to)
{
	for (u32 g = 0; g < NL_GROUPS_MAX; g++) {
		struct nl_member *m;

		if (!(groups >> g & 1))
			continue;
		m = kzalloc(sizeof(*m), GFP_KERNEL);
		if (!m)
			return false;
		m->n = n;
		m->group = g + 1;
		list_add_tail(&m->own, to);
	}
	return true;
}

static void free_members(struct list_head *from)
{
	struct nl_member *m, *next;

	list_for_each_entry_safe(m, next, from, own)
		kfree(m);
}

/*
 * Joins and leaves groups. The caller frees the members in @spare: those that have left, and new
 * ones whose group was joined by another call meanwhile.
 */
static void change_groups(struct nl_sock *n, u64 mask, u64 want, struct list_head *spare)
{
	struct nl_hub *hub = n->hub;
	struct nl_member *m, *next;

	list_for_each_entry_safe(m, next, spare, own) {
		u64 bit = 1UL << (m->group - 1);

		if (n->groups & bit)
			continue;
		n->groups |= bit;
		list_move_tail(&m->own, &n->in);
		hlist_add_head(&m->node, &hub->groups[m->group - 1]);
		hub->members[m->group - 1]++;
	}
	list_for_each_entry_safe(m, next, &n->in, own) {
		if (!((mask & ~want) >> (m->group - 1) & 1))
			continue;
		leave(m);
		list_move_tail(&m->own, spare);
	}
	if (n->groups && list_empty(&n->listening)) {
		n->seen = n->floor = hub->newest;
		list_add_tail(&n->listening, &hub->listeners);
	} else if (!n->groups) {
		list_del_init(&n->listening);
		trim(hub);
	}
}

int nl_set_groups(struct nl_sock *n, u64 mask, u64 want)
{
	LIST_HEAD(spare);
	int err = 0;

	if (!make_members(n, want & ~READ_ONCE(n->groups), &spare))
		err = -ENOMEM;
	nl_catch_up(n);
	spin_lock(&nl_lock);
	nl_catch_up_locked(n);
	if (!err)
		change_groups(n, mask, want, &spare);
	n->has_groups |= !!n->groups;
	spin_unlock(&nl_lock);
	free_members(&spare);
	return err;
}

/* ---- sending to a group ---- */

/*
 * Sends @m to the members of @group except @but. @m NULL: there was no memory for the message, so
 * it counts as lost for all members.
 */
static void hub_send(
	struct nl_hub *hub, u32 group, const struct nl_msg *m, const struct nl_sock *but)
{
	struct nl_member *to;

	if (!hub->members[group - 1])
		return;
	if (hub->members[group - 1] > AT_ONCE || !list_empty(&hub->log)) {
		if (m)
			record(hub, group, m, but);
		else
			lose(hub, group);
		return;
	}
	hlist_for_each_entry(to, &hub->groups[group - 1], node) {
		if (!m)
			overrun(to->n);
		else if (to->n != but)
			deliver(to->n, m, group);
	}
}

void nl_to_group(
	struct net *net, int protocol, u32 group, const struct nl_msg *m, const struct nl_sock *but)
{
	struct nl_hub *hub;

	spin_lock(&nl_lock);
	if (net && net->nl_hubs[protocol])
		hub_send(net->nl_hubs[protocol], group, m, but);
	if (!net)
		list_for_each_entry(hub, &all_hubs, list)
			if (hub->protocol == protocol && hub->net->ns.owner == &init_user_ns)
				hub_send(hub, group, m, but);
	spin_unlock(&nl_lock);
}

bool nl_has_listeners(struct net *net, int protocol, u32 group)
{
	const struct nl_hub *hub;
	bool yes;

	spin_lock(&nl_lock);
	hub = net->nl_hubs[protocol];
	yes = hub && hub->members[group - 1];
	spin_unlock(&nl_lock);
	return yes;
}

void nl_broadcast_but(struct net *net, int protocol, u32 group, const void *data, u32 len,
	const struct nl_sock *but)
{
	struct nl_msg *m;

	if (net && !nl_has_listeners(net, protocol, group))
		return;
	/* GFP_ATOMIC, since timers call this function, too */
	m = nl_msg_new(data, len, GFP_ATOMIC);
	nl_to_group(net, protocol, group, m, but);
	kfree(m);
}

void nl_broadcast_lost(struct net *net, int protocol, u32 group)
{
	nl_to_group(net, protocol, group, NULL, NULL);
}

void nl_broadcast(struct net *net, int protocol, u32 group, const void *data, u32 len)
{
	nl_broadcast_but(net, protocol, group, data, len, NULL);
}
