/* SPDX-License-Identifier: MIT */
/*
 * mcast_report.c: builds the packets by which a device reports its groups: reports of IGMPv3 and
 * MLDv2, which differ only in the size of an address (RFC 3376, 4.2; RFC 3810, 5.2), and those of
 * older versions.
 *
 * The packets have no network header and no checksum yet. A record that does not fit is continued
 * in the next packet, but a record that lists excluded sources is truncated (RFC 3376, 4.2.16).
 * Locks: net->lock is held.
 */
#include <linux/in.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/mcast/mcast.h"
#include "kernel/net/net.h"
#include "kernel/net/socket/skb.h"

#define IGMP_V1_REPORT 0x12
#define IGMP_V2_REPORT 0x16
#define IGMP_LEAVE 0x17
#define IGMP_V3_REPORT 0x22
#define MLD_V1_REPORT 131
#define MLD_DONE 132
#define MLD_V2_REPORT 143
#define HEADS 48U /* room in front for network headers */

enum record { IS_IN = 1, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK };

struct report {
	struct net_device *dev;
	bool v6;
	struct list_head *out;
	struct sk_buff *skb; /* the packet being built, or NULL */
	u32 most;            /* limit of the packet's bytes */
	u8 *record;          /* the record being built */
	u16 sources;         /* number of sources in the record */
	u16 records;
};

static u32 addr_size(const struct report *r)
{
	return r->v6 ? 16 : 4;
}

static void put16(u8 *p, u32 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

static struct sk_buff *packet(struct net_device *dev, struct list_head *out, u32 size, ip_addr to)
{
	struct sk_buff *skb = skb_alloc(size, GFP_ATOMIC);

	if (!skb)
		return NULL;
	memset(skb->buf->data, 0, size);
	skb->dev = dev;
	skb->ip.daddr = to;
	list_add_tail(&skb->list, out);
	return skb;
}

static void begin(struct report *r)
{
	ip_addr to = r->v6 ? (ip_addr){ { htonl(0xff020000), 0, 0, htonl(0x16) } } :
			     ip_v4(htonl(0xe0000016));

	r->skb = packet(r->dev, r->out, r->most, to);
	r->records = 0;
	if (!r->skb)
		return;
	r->skb->buf->data[0] = r->v6 ? MLD_V2_REPORT : IGMP_V3_REPORT;
	r->skb->len = 8;
}

static u8 *put_bytes(struct report *r, const void *from, u32 n)
{
	u8 *p = r->skb->buf->data + r->skb->len;

	memcpy(p, from, n);
	r->skb->len += n;
	return p;
}

static void put_addr(struct report *r, const ip_addr *a)
{
	put_bytes(r, r->v6 ? (const void *)a : &a->w[3], addr_size(r));
}

/* Begins a record. Returns false if there is no memory. */
static bool open_record(struct report *r, const struct mc_group *g, enum record type)
{
	u8 head[4] = { (u8)type };

	if (r->skb && r->most - r->skb->len < 4 + 2 * addr_size(r))
		r->skb = NULL;
	if (!r->skb)
		begin(r);
	if (!r->skb)
		return false;
	r->record = put_bytes(r, head, 4);
	put_addr(r, &g->addr);
	r->sources = 0;
	put16(r->skb->buf->data + 6, ++r->records);
	return true;
}

static bool belongs(const struct mc_group *g, const struct mc_source *s, enum record type)
{
	switch (type) {
	case IS_IN: return s->listed && (!g->asked || s->asked);
	case IS_EX:
	case TO_IN:
	case TO_EX: return s->listed;
	case ALLOW: return s->changes && s->listed != g->excludes;
	case BLOCK: return s->changes && s->listed == g->excludes;
	}
	return false;
}

static void add_record(struct report *r, const struct mc_group *g, enum record type)
{
	const struct mc_source *s;
	bool open = false;

	if (type == TO_IN || type == TO_EX || type == IS_EX)
		open = open_record(r, g, type);
	list_for_each_entry(s, &g->sources, list) {
		if (!belongs(g, s, type))
			continue;
		if (open && r->most - r->skb->len < addr_size(r)) {
			if (type == TO_EX || type == IS_EX)
				return;
			r->skb = NULL;
			open = false;
		}
		if (!open)
			open = open_record(r, g, type);
		if (!open)
			return;
		put_addr(r, &s->addr);
		put16(r->record + 2, ++r->sources);
	}
}

static struct report report_of(struct net_device *dev, bool v6, struct list_head *out)
{
	u32 mtu = min(READ_ONCE(dev->mtu), 1U << 14);

	return (struct report){
		.dev = dev, .v6 = v6, .out = out, .most = max(mtu, HEADS + 64) - HEADS
	};
}

/* ---- the kinds of reports ---- */

static void report_state(struct report *r, struct mc_group *g)
{
	struct mc_source *s;

	add_record(r, g, g->excludes ? IS_EX : IS_IN);
	g->asked = false;
	list_for_each_entry(s, &g->sources, list)
		s->asked = false;
}

static void report_change(struct report *r, struct mc_group *g)
{
	struct mc_source *s;

	add_record(r, g, g->excludes ? BLOCK : ALLOW);
	add_record(r, g, g->excludes ? ALLOW : BLOCK);
	if (g->changes) {
		add_record(r, g, g->excludes ? TO_EX : TO_IN);
		g->changes--;
	}
	list_for_each_entry(s, &g->sources, list)
		s->changes -= s->changes != 0;
}

static void report_changes(struct net_device *dev, struct mc_if *m, bool v6, struct list_head *out)
{
	struct report r = report_of(dev, v6, out);
	struct mc_group *g, *next;

	for (int wanted = 0; wanted < 2; wanted++) { /* first the groups without members */
		list_for_each_entry_safe(g, next, &m->groups, list) {
			if (!!g->users != wanted)
				continue;
			report_change(&r, g);
			mcast_drop_idle(m, g);
		}
	}
}

static void report_all(struct net_device *dev, struct mc_if *m, bool v6, struct list_head *out)
{
	struct report r = report_of(dev, v6, out);
	struct mc_group *g;

	list_for_each_entry(g, &m->groups, list)
		if (g->users && mcast_is_reported(dev, g))
			report_state(&r, g);
}

/*
 * Makes the message for a querier of an older version: a report that the group has members, or a
 * leave message that it has none.
 */
static void report_old(
	struct net_device *dev, struct mc_group *g, u8 version, struct list_head *out)
{
	bool v6 = !ip_is_v4(&g->addr), leave = !g->users;
	ip_addr routers =
		v6 ? (ip_addr){ { htonl(0xff020000), 0, 0, htonl(2) } } : ip_v4(htonl(0xe0000002));
	struct sk_buff *skb;

	if (leave && version == 1 && !v6)
		return; /* version 1 has no message for leaving */
	skb = packet(dev, out, v6 ? 24 : 8, leave ? routers : g->addr);
	if (!skb)
		return;
	skb->len = v6 ? 24 : 8;
	if (v6) {
		skb->buf->data[0] = leave ? MLD_DONE : MLD_V1_REPORT;
		memcpy(skb->buf->data + 8, &g->addr, 16);
	} else {
		skb->buf->data[0] = leave        ? IGMP_LEAVE :
				    version == 1 ? IGMP_V1_REPORT :
						   IGMP_V2_REPORT;
		memcpy(skb->buf->data + 4, &g->addr.w[3], 4);
	}
}

/*
 * Returns the interval in which unsolicited reports are repeated, in ns, for the newest version
 * (IGMPv3, MLDv2) or an older one.
 */
static u64 interval(const struct net_device *dev, bool v6, bool newest)
{
	int ms = v6 ? CONF6(dev, newest ? CONF6_MLDV2_INTERVAL : CONF6_MLDV1_INTERVAL) :
		      CONF4(dev, newest ? CONF4_IGMP3_INTERVAL : CONF4_IGMP2_INTERVAL);

	return (u64)max(ms, 1) * NSEC_PER_MSEC;
}

/* Reports @g, whose report_at has passed. */
static void report_group(struct net_device *dev, struct mc_group *g, u64 now, struct list_head *out)
{
	bool v6 = !ip_is_v4(&g->addr);
	u8 version = mcast_version(dev, v6, now);
	struct report r = report_of(dev, v6, out);

	g->report_at = 0;
	if (version == (v6 ? 2 : 3))
		report_state(&r, g);
	else
		report_old(dev, g, version, out);
	g->reporter = true;
	if (g->unsolicited && --g->unsolicited)
		g->report_at = now + mcast_random(interval(dev, v6, false)) + 1;
}

u64 mcast_due(struct net_device *dev, bool v6, u64 now, struct list_head *out)
{
	struct mc_if *m = &dev->mc[v6];
	struct mc_group *g, *next;
	u64 then = ~0UL;

	if (m->general_at && m->general_at <= now) {
		m->general_at = 0;
		report_all(dev, m, v6, out);
	}
	if (m->change_at && m->change_at <= now) {
		report_changes(dev, m, v6, out);
		m->change_left -= m->change_left != 0;
		m->change_latest = 0;
		m->change_at = m->change_left ? now + mcast_random(interval(dev, v6, true)) + 1 : 0;
	}
	list_for_each_entry_safe(g, next, &m->groups, list) {
		if (g->report_at && g->report_at <= now)
			report_group(dev, g, now, out);
		if (g->report_at)
			then = min(then, g->report_at);
		mcast_drop_idle(m, g);
	}
	if (m->general_at)
		then = min(then, m->general_at);
	return m->change_at ? min(then, m->change_at) : then;
}
