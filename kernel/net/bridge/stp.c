/* SPDX-License-Identifier: MIT */
/*
 * stp.c: the spanning tree: where bridges form loops, it blocks enough ports to break each loop.
 * Source: IEEE 802.1D-1998, 8.
 *
 * The bridge with the lowest identifier is the root and sends a configuration message on each port
 * every hello time. The other bridges pass on, by their designated ports, what arrives at their
 * root port, the port with the cheapest path to the root. On each LAN the port that offers the
 * cheapest path is the designated one. A port that is neither root nor designated port is blocked.
 *
 *     DISABLED -> BLOCKING -> LISTENING -> LEARNING -> FORWARDING
 *	root and designated ports go right, with the forward delay between the last three
 *	other ports go back to BLOCKING; a port without link is DISABLED
 *
 * A bridge whose port begins to forward, or ceases to, notifies the root, which sets the change
 * flag for a while: addresses then age fast. With the tree switched off every port is designated,
 * no message is sent, and BLOCKING leads to FORWARDING at once.
 *
 * Invariants:
 * 1. The best message of a designated port is the one that this bridge itself sends there.
 * 2. root_port is not a designated port.
 *
 * Locks: br->lock is held during each event. finish() releases it, sends frames and notifications
 * without it, and updates the bridge's carrier.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/bridge/bridge.h"

#define BPDU_HZ 256U
#define HOLD_TIME NSEC_PER_SEC
/* each bridge adds this to a message's age; in 1/256 s */
#define AGE_STEP 1U
#define LEAST_DELAY 200U
#define MOST_DELAY 3000U

static bool is_root(const struct bridge *br)
{
	u8 id[8];

	br_id(br, id);
	return !memcmp(br->stp.root, id, sizeof(id));
}

static bool is_designated(const struct br_port *p)
{
	u8 id[8];

	br_id(p->br, id);
	return !memcmp(p->stp.best.bridge, id, sizeof(id)) && p->stp.best.port == br_port_id(p);
}

static struct br_port *root_port(struct bridge *br)
{
	struct br_port *p;

	list_for_each_entry(p, &br->ports, list)
		if (p->no == br->stp.root_port)
			return p;
	return NULL;
}

static u64 in_ticks(u32 ticks)
{
	return ktime_get() + ticks * BR_TICK;
}

u64 br_ticks_until(u64 at)
{
	u64 now = ktime_get();

	return at > now ? (at - now) / BR_TICK : 0;
}

static u16 ticks_to_bpdu(u32 ticks)
{
	return (u16)min((u64)ticks * BPDU_HZ / 100, 0xffffUL);
}

static u32 bpdu_to_ticks(u32 v)
{
	return (v * 100 + BPDU_HZ - 1) / BPDU_HZ;
}

static void set_state(struct br_port *p, u8 state)
{
	u8 was;

	if (p->state == state || p->gone)
		return;
	was = p->state;
	WRITE_ONCE(p->state, state);
	if (state == BR_STATE_DISABLED)
		br_snoop_port_down(p, false);
	else if (was == BR_STATE_DISABLED || was == BR_STATE_BLOCKING)
		br_snoop_port_up(p);
	p->stp.notify_due = true;
	p->stp.flush |= state == BR_STATE_DISABLED;
}

/* ---- vectors ---- */

static int compare_without_port(const struct br_vector *a, const struct br_vector *b)
{
	int c = memcmp(a->root, b->root, sizeof(a->root));

	if (!c)
		c = a->cost < b->cost ? -1 : a->cost > b->cost;
	return c ? c : memcmp(a->bridge, b->bridge, sizeof(a->bridge));
}

static int compare(const struct br_vector *a, const struct br_vector *b)
{
	int c = compare_without_port(a, b);

	return c ? c : a->port - b->port;
}

/* Fills in the vector of the messages that this bridge sends by @p. */
static void own_vector(const struct br_port *p, struct br_vector *v)
{
	memcpy(v->root, p->br->stp.root, sizeof(v->root));
	v->cost = p->br->stp.root_cost;
	br_id(p->br, v->bridge);
	v->port = br_port_id(p);
}

/* Fills in the vector of the path to the root by @p. */
static void vector_by(const struct br_port *p, struct br_vector *v)
{
	*v = p->stp.best;
	v->cost = (u32)min((u64)v->cost + p->cost, 0xffffffffUL);
}

/* ---- sending ---- */

static void send(struct br_port *p, const struct br_bpdu *b)
{
	struct sk_buff *skb = br_bpdu_frame(p, b);

	if (skb)
		list_add_tail(&skb->list, &p->br->stp.out);
}

/* Returns the age of the root's information, in 1/256 s. */
static u32 message_age(struct bridge *br)
{
	const struct br_port *p = is_root(br) ? NULL : root_port(br);
	u64 left, all = br->stp.max_age * BR_TICK, now = ktime_get();

	if (!p)
		return 0;
	left = p->stp.age_at > now ? p->stp.age_at - now : 0;
	return (u32)((all > left ? all - left : 0) * BPDU_HZ / NSEC_PER_SEC) + AGE_STEP;
}

static void send_config(struct br_port *p)
{
	struct bridge *br = p->br;
	u32 age = message_age(br);
	struct br_bpdu b = { .change = br->stp.change, .change_ack = p->stp.change_ack };

	if (!br->stp.on)
		return;
	if (p->stp.hold_at) {
		p->stp.pending = true;
		return;
	}
	b.max_age = ticks_to_bpdu(br->stp.max_age);
	if (age >= b.max_age)
		return;
	own_vector(p, &b.v);
	b.age = (u16)age;
	b.hello = ticks_to_bpdu(br->stp.hello);
	b.forward_delay = ticks_to_bpdu(br->stp.forward_delay);
	send(p, &b);
	p->stp.change_ack = p->stp.pending = false;
	p->stp.hold_at = ktime_get() + HOLD_TIME;
}

static void send_configs(struct bridge *br)
{
	struct br_port *p;

	list_for_each_entry(p, &br->ports, list)
		if (p->state != BR_STATE_DISABLED && is_designated(p))
			send_config(p);
}

static void send_notification(struct bridge *br)
{
	struct br_port *p = root_port(br);

	if (p && br->stp.on)
		send(p, &(struct br_bpdu){ .notification = true });
}

/* ---- changes of topology ---- */

static void change_seen(struct bridge *br)
{
	if (!br->stp.on)
		return;
	if (is_root(br)) {
		br->stp.change = true;
		br->stp.change_at = in_ticks(br->forward_delay) + br->max_age * BR_TICK;
	} else if (!br->stp.change_detected) {
		send_notification(br);
		br->stp.tcn_at = in_ticks(br->hello);
	}
	br->stp.change_detected = true;
}

/* ---- roles ---- */

static void become_designated(struct br_port *p)
{
	own_vector(p, &p->stp.best);
}

static void keep_back(struct br_port *p)
{
	if (p->state == BR_STATE_DISABLED || p->state == BR_STATE_BLOCKING)
		return;
	if (p->state == BR_STATE_FORWARDING || p->state == BR_STATE_LEARNING)
		change_seen(p->br);
	set_state(p, BR_STATE_BLOCKING);
	p->stp.forward_at = 0;
}

static void let_forward(struct br_port *p)
{
	struct bridge *br = p->br;

	if (p->state != BR_STATE_BLOCKING)
		return;
	if (!br->stp.on || !br->stp.forward_delay) {
		set_state(p, BR_STATE_FORWARDING);
		change_seen(br);
	} else {
		set_state(p, BR_STATE_LISTENING);
	}
	p->stp.forward_at = br->stp.forward_delay ? in_ticks(br->stp.forward_delay) : 0;
}

/*
 * True if the path to the root by @p is better than the path by @than (NULL: there is none), and
 * the root is better than this bridge.
 */
static bool is_better_way(const struct br_port *p, const struct br_port *than)
{
	struct br_vector a, b;
	u8 id[8];
	int c;

	br_id(p->br, id);
	if (p->state == BR_STATE_DISABLED || is_designated(p) ||
		memcmp(p->stp.best.root, id, sizeof(id)) >= 0)
		return false;
	if (!than)
		return true;
	vector_by(p, &a);
	vector_by(than, &b);
	c = compare(&a, &b);
	return c < 0 || (!c && br_port_id(p) < br_port_id(than));
}

/* Chooses the root port, and takes over the root and its cost from it. br->lock held. */
static void select_root(struct bridge *br)
{
	struct br_port *p, *best = NULL;
	struct br_vector v;

	list_for_each_entry(p, &br->ports, list) {
		if (!is_better_way(p, best))
			continue;
		if (p->flags & BIT(BRP_PROTECT)) { /* the port must not become root port */
			set_state(p, BR_STATE_LISTENING);
			p->stp.forward_at = in_ticks(br->stp.forward_delay);
		} else {
			best = p;
		}
	}
	br->stp.root_port = best ? best->no : 0;
	if (best) {
		vector_by(best, &v);
		memcpy(br->stp.root, v.root, sizeof(v.root));
		br->stp.root_cost = v.cost;
	} else {
		br_id(br, br->stp.root);
		br->stp.root_cost = 0;
	}
}

static void select_designated(struct bridge *br)
{
	struct br_port *p;

	list_for_each_entry(p, &br->ports, list) {
		struct br_vector own;

		own_vector(p, &own);
		if (p->state != BR_STATE_DISABLED &&
			(is_designated(p) ||
				memcmp(p->stp.best.root, own.root, sizeof(own.root)) != 0 ||
				compare(&own, &p->stp.best) < 0))
			become_designated(p);
	}
}

static void update(struct bridge *br)
{
	select_root(br);
	select_designated(br);
}

static void select_states(struct bridge *br)
{
	struct br_port *p;

	list_for_each_entry(p, &br->ports, list) {
		if (p->state == BR_STATE_DISABLED)
			continue;
		if (p->no == br->stp.root_port) {
			p->stp.pending = p->stp.change_ack = false;
			let_forward(p);
		} else if (is_designated(p)) {
			p->stp.age_at = 0;
			let_forward(p);
		} else {
			p->stp.pending = p->stp.change_ack = false;
			keep_back(p);
		}
	}
}

static void take_own_times(struct bridge *br)
{
	br->stp.hello = br->hello;
	br->stp.max_age = br->max_age;
	br->stp.forward_delay = br->forward_delay;
}

/* Starts the hello timer, with at least a tick: the root may have announced a hello time of 0. */
static void start_hello(struct bridge *br)
{
	br->stp.hello_at = br->stp.on && READ_ONCE(br->dev->flags) & IFF_UP ?
				   in_ticks(max(br->stp.hello, 1U)) :
				   0;
}

/* Starts to act as root. */
static void become_root(struct bridge *br)
{
	take_own_times(br);
	change_seen(br);
	br->stp.tcn_at = 0;
	if (!(READ_ONCE(br->dev->flags) & IFF_UP))
		return;
	send_configs(br);
	start_hello(br);
}

/* Selects all roles again. @was_root: the bridge was root before the event. */
static void select_all(struct bridge *br, bool was_root)
{
	update(br);
	select_states(br);
	if (!was_root && is_root(br))
		become_root(br);
}

/* ---- received messages; br->lock held ---- */

static bool supersedes(const struct br_port *p, const struct br_vector *v)
{
	int c = compare_without_port(v, &p->stp.best);
	u8 id[8];

	if (c)
		return c < 0;
	br_id(p->br, id);
	return memcmp(v->bridge, id, sizeof(id)) != 0 || v->port <= p->stp.best.port;
}

static void record(struct br_port *p, const struct br_bpdu *b)
{
	p->stp.best = b->v;
	p->stp.age_at = ktime_get() + (b->max_age - b->age) * (NSEC_PER_SEC / BPDU_HZ);
}

static void take_roots_word(struct bridge *br, const struct br_bpdu *b)
{
	br->stp.max_age = bpdu_to_ticks(b->max_age);
	br->stp.hello = bpdu_to_ticks(b->hello);
	br->stp.forward_delay = bpdu_to_ticks(b->forward_delay);
	br->stp.change = b->change;
	send_configs(br);
	if (b->change_ack) {
		br->stp.change_detected = false;
		br->stp.tcn_at = 0;
	}
}

/* Handles a configuration message. br->lock held. */
static void heard_config(struct br_port *p, const struct br_bpdu *b)
{
	struct bridge *br = p->br;
	bool was_root = is_root(br);

	if (b->age > b->max_age)
		return;
	if (!supersedes(p, &b->v)) {
		if (is_designated(p))
			send_config(p);
		return;
	}
	record(p, b);
	update(br);
	select_states(br);
	if (was_root && !is_root(br)) {
		br->stp.hello_at = 0;
		if (br->stp.change_detected) {
			br->stp.change_at = 0;
			send_notification(br);
			br->stp.tcn_at = in_ticks(br->hello);
		}
	}
	if (p->no == br->stp.root_port)
		take_roots_word(br, b);
}

static void heard_notification(struct br_port *p)
{
	if (!is_designated(p))
		return;
	change_seen(p->br);
	p->stp.change_ack = true;
	send_config(p);
}

/* ---- events: br->lock held from the event to finish() ---- */

static void sooner(u64 *at, u64 than)
{
	if (than && (!*at || than < *at))
		*at = than;
}

static void arm(struct bridge *br)
{
	u64 at = br->stp.hello_at;
	struct br_port *p;

	sooner(&at, br->stp.tcn_at);
	sooner(&at, br->stp.change_at);
	list_for_each_entry(p, &br->ports, list) {
		sooner(&at, p->stp.age_at);
		sooner(&at, p->stp.forward_at);
		sooner(&at, p->stp.hold_at);
	}
	if (at && !br->closing)
		timer_start(&br->stp.timer, at);
	else
		timer_cancel(&br->stp.timer);
}

/*
 * Returns a port whose notification is pending, and marks it as no longer pending. *flush: the
 * entries learnt from the port must be dropped. Returns NULL if there is no such port. br->lock
 * held.
 */
static struct br_port *take_news(struct bridge *br, bool *flush)
{
	struct br_port *p;

	list_for_each_entry(p, &br->ports, list) {
		if (!p->stp.notify_due)
			continue;
		p->stp.notify_due = false;
		*flush = p->stp.flush;
		p->stp.flush = false;
		return p;
	}
	return NULL;
}

/*
 * Ends an event: sends the pending notifications, each with br->lock released, then releases it for
 * good (br_snoop_finish()) and sends the pending frames.
 */
static void finish(struct bridge *br)
{
	struct list_head out;
	struct sk_buff *skb, *next;
	struct br_port *p;
	bool flush, news = false;

	arm(br);
	INIT_LIST_HEAD(&out);
	list_splice_tail_init(&br->stp.out, &out);
	while ((p = take_news(br, &flush))) {
		spin_unlock(&br->lock);
		if (flush)
			br_fdb_flush(br, p, BR_FLUSH_LEARNED);
		/* @p is not freed before this vCPU's next quiescent state */
		br_notify_port(p);
		news = true;
		spin_lock(&br->lock);
	}
	br_snoop_finish(br);
	list_for_each_entry_safe(skb, next, &out, list) {
		list_del_init(&skb->list);
		if (READ_ONCE(skb->dev->flags) & IFF_UP)
			dev_xmit(skb->dev, skb);
		else
			kfree_skb(skb);
	}
	if (news)
		br_follow_states(br);
}

static bool is_due(u64 *at, u64 now)
{
	if (!*at || now < *at)
		return false;
	*at = 0;
	return true;
}

static void forward_delay_over(struct br_port *p)
{
	struct bridge *br = p->br;
	bool designated = false;
	struct br_port *o;

	if (p->state == BR_STATE_LISTENING) {
		set_state(p, BR_STATE_LEARNING);
		p->stp.forward_at = in_ticks(br->stp.forward_delay);
		return;
	}
	if (p->state != BR_STATE_LEARNING)
		return;
	set_state(p, BR_STATE_FORWARDING);
	list_for_each_entry(o, &br->ports, list)
		designated |= o->state != BR_STATE_DISABLED && is_designated(o);
	if (designated)
		change_seen(br);
}

static void port_times(struct br_port *p, u64 now)
{
	struct bridge *br = p->br;

	if (is_due(&p->stp.hold_at, now) && p->stp.pending)
		send_config(p);
	if (is_due(&p->stp.forward_at, now))
		forward_delay_over(p);
	if (is_due(&p->stp.age_at, now) && p->state != BR_STATE_DISABLED) {
		bool was_root = is_root(br);

		become_designated(p);
		select_all(br, was_root);
	}
}

static void times(struct ktimer *t)
{
	struct bridge *br = container_of(t, struct bridge, stp.timer);
	u64 now = ktime_get();
	struct br_port *p;

	spin_lock(&br->lock);
	if (is_due(&br->stp.hello_at, now) && READ_ONCE(br->dev->flags) & IFF_UP) {
		send_configs(br);
		start_hello(br);
	}
	if (is_due(&br->stp.tcn_at, now) && !is_root(br) && READ_ONCE(br->dev->flags) & IFF_UP) {
		send_notification(br);
		br->stp.tcn_at = in_ticks(br->hello);
	}
	if (is_due(&br->stp.change_at, now))
		br->stp.change = br->stp.change_detected = false;
	list_for_each_entry(p, &br->ports, list)
		port_times(p, now);
	finish(br);
	net_rx_flush();
}

static void disable(struct br_port *p)
{
	bool was_root = is_root(p->br);

	become_designated(p);
	set_state(p, BR_STATE_DISABLED);
	p->stp.change_ack = p->stp.pending = false;
	p->stp.age_at = p->stp.forward_at = p->stp.hold_at = 0;
	select_all(p->br, was_root);
}

static void enable(struct br_port *p)
{
	become_designated(p);
	p->stp.change_ack = p->stp.pending = false;
	set_state(p, BR_STATE_BLOCKING);
	select_states(p->br);
}

void br_stp_heard(struct br_port *p, const struct br_bpdu *b)
{
	struct bridge *br = p->br;

	spin_lock(&br->lock);
	if (!br->stp.on || !(READ_ONCE(br->dev->flags) & IFF_UP) || p->state == BR_STATE_DISABLED)
		goto out;
	if (p->flags & BIT(BRP_GUARD)) {
		pr_warn("%s: BPDU received on port %u(%s)\n", br->dev->name, p->no, p->dev->name);
		disable(p);
	} else if (b->notification) {
		heard_notification(p);
	} else {
		heard_config(p, b);
	}
out:
	finish(br);
}

static bool has_link(const struct br_port *p)
{
	return READ_ONCE(p->br->dev->flags) & IFF_UP && READ_ONCE(p->dev->flags) & IFF_UP &&
	       READ_ONCE(p->dev->carrier);
}

static void settle(struct bridge *br)
{
	struct br_port *p;

	list_for_each_entry(p, &br->ports, list) {
		bool on = has_link(p);

		if (on && p->state == BR_STATE_DISABLED)
			enable(p);
		else if (!on && p->state != BR_STATE_DISABLED)
			disable(p);
	}
}

void br_stp_settle(struct bridge *br)
{
	spin_lock(&br->lock);
	settle(br);
	finish(br);
}

void br_stp_up(struct bridge *br)
{
	spin_lock(&br->lock);
	start_hello(br);
	settle(br);
	finish(br);
}

void br_stp_down(struct bridge *br)
{
	spin_lock(&br->lock);
	settle(br);
	br->stp.change = br->stp.change_detected = false;
	br->stp.hello_at = br->stp.tcn_at = br->stp.change_at = 0;
	finish(br);
}

void br_stp_switch(struct bridge *br, bool on)
{
	spin_lock(&br->lock);
	if (on && !br->stp.on) {
		br->forward_delay = min(max(br->forward_delay, LEAST_DELAY), MOST_DELAY);
		if (is_root(br))
			take_own_times(br);
		br->stp.on = true;
		start_hello(br);
		select_states(br);
	} else if (!on) {
		br->stp.on = br->stp.change = br->stp.change_detected = false;
		br->stp.hello_at = br->stp.tcn_at = br->stp.change_at = 0;
	}
	finish(br);
}

void br_stp_set_id(struct bridge *br, u16 priority, const u8 *mac)
{
	struct br_port *p;
	u8 old[8], id[8];
	bool was_root;

	spin_lock(&br->lock);
	was_root = is_root(br);
	br_id(br, old);
	br->priority = priority;
	memcpy(br->id_mac, mac, ETH_ALEN);
	br_id(br, id);
	list_for_each_entry(p, &br->ports, list) {
		if (!memcmp(p->stp.best.bridge, old, sizeof(old)))
			memcpy(p->stp.best.bridge, id, sizeof(id));
		if (!memcmp(p->stp.best.root, old, sizeof(old)))
			memcpy(p->stp.best.root, id, sizeof(id));
	}
	select_all(br, was_root);
	finish(br);
}

void br_stp_times_changed(struct bridge *br)
{
	spin_lock(&br->lock);
	if (is_root(br))
		take_own_times(br);
	finish(br);
}

int br_stp_set_state(struct br_port *p, u8 state)
{
	struct bridge *br = p->br;
	int err = 0;

	spin_lock(&br->lock);
	if (br->stp.on) {
		err = -EBUSY;
	} else {
		set_state(p, state);
		select_states(br);
	}
	finish(br);
	return err;
}

void br_stp_set_priority(struct br_port *p, u16 priority)
{
	struct bridge *br = p->br;
	bool was_designated;
	u8 id[8];

	spin_lock(&br->lock);
	was_designated = is_designated(p);
	p->priority = priority;
	br_id(br, id);
	if (was_designated) {
		p->stp.best.port = br_port_id(p);
	} else if (!memcmp(p->stp.best.bridge, id, sizeof(id)) &&
		   br_port_id(p) < p->stp.best.port) {
		become_designated(p);
		select_states(br);
	}
	finish(br);
}

void br_stp_set_cost(struct br_port *p, u32 cost)
{
	struct bridge *br = p->br;

	spin_lock(&br->lock);
	p->cost = cost;
	select_all(br, is_root(br));
	finish(br);
}

void br_stp_port_left(struct bridge *br)
{
	spin_lock(&br->lock);
	select_all(br, is_root(br));
	finish(br);
}

void br_stp_init_port(struct br_port *p)
{
	p->state = BR_STATE_DISABLED;
	become_designated(p);
}

void br_stp_init(struct bridge *br)
{
	INIT_LIST_HEAD(&br->stp.out);
	timer_setup(&br->stp.timer, times);
	br_id(br, br->stp.root);
	take_own_times(br);
}

void br_stp_end(struct bridge *br)
{
	timer_cancel_sync(&br->stp.timer);
}
