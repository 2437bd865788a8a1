/* SPDX-License-Identifier: MIT */
/*
 * snoop.c: multicast groups, their members and routers by a bridge's ports, and the one timer that
 * expires them.
 *
 *     member  joins by a report, and each later report renews the membership. A leave message, or a
 *             query for its group, shortens its time; an answer to that query renews it
 *     router  a port at which queries or PIM hello messages arrive, until none has arrived for a
 *             while; or a port set by hand
 *
 * Invariants:
 * 1. A group has members or the host, else it is freed.
 * 2. A bridge has at most hash_max groups. At one more its snooping is switched off, so that frames
 *    reach all ports.
 * 3. All bridges together have at most SNOOP_MEMBERS_MAX_ALL members, including hosts. At one more
 *    the snooping of that bridge is switched off, too.
 *
 * Locks: snoop.h.
 */
#include <asm/errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/bridge/bridge.h"

#define SECOND 100UL
#define LONGEST (1UL << 40) /* the longest interval, in ticks */
/* shortest time between two runs of the timer */
#define REST (20 * NSEC_PER_MSEC)

static atomic_t nr_members_all;

struct news {
	struct list_head list;
	struct br_mdb_info info;
	u16 type;
};

static u64 after(u64 ticks)
{
	return ktime_get() + ticks * BR_TICK;
}

static int family_of(const ip_addr *a)
{
	return ip_is_v4(a) ? SNOOP_V4 : SNOOP_V6;
}

void br_snoop_at(struct bridge *br, u64 at)
{
	/* each run visits all groups and ports */
	at = max(at, br->snoop.looked + REST);
	if (br->closing || (br->snoop.next && br->snoop.next <= at))
		return;
	br->snoop.next = at;
	timer_start(&br->snoop.timer, at);
}

/* ---- notifications ---- */

void br_member_info(const struct bridge *br, const struct br_group *g, const struct br_member *m,
	struct br_mdb_info *info)
{
	*info = (struct br_mdb_info){
		.ifindex = m ? m->port->dev->ifindex : br->dev->ifindex,
		.master = br->dev->ifindex,
		.group = g->addr,
		.state = m && !m->until ? MDB_PERMANENT : MDB_TEMPORARY,
		.flags = m && m->fast_leave ? MDB_FLAGS_FAST_LEAVE : 0,
		.protocol = !m         ? 0 :
			    m->by_hand ? RTPROT_STATIC :
					 RTPROT_KERNEL,
		.until = m ? m->until : g->host_until,
	};
}

static void notify_mdb(
	struct bridge *br, const struct br_group *g, const struct br_member *m, u16 type)
{
	struct news *n = kmalloc(sizeof(*n), GFP_ATOMIC);

	if (!n)
		return;
	br_member_info(br, g, m, &n->info);
	n->type = type;
	list_add_tail(&n->list, &br->snoop.news);
}

void br_snoop_finish(struct bridge *br)
{
	struct list_head out, news;
	struct sk_buff *skb, *next;
	struct news *n, *after_n;

	INIT_LIST_HEAD(&out);
	INIT_LIST_HEAD(&news);
	list_splice_tail_init(&br->snoop.out, &out);
	list_splice_tail_init(&br->snoop.news, &news);
	spin_unlock(&br->lock);
	list_for_each_entry_safe(n, after_n, &news, list) {
		br_mdb_notify(br, &n->info, n->type);
		kfree(n);
	}
	list_for_each_entry_safe(skb, next, &out, list) {
		list_del_init(&skb->list);
		if (skb->dev == br->dev)
			eth_rx(br->dev, skb);
		else if (READ_ONCE(skb->dev->flags) & IFF_UP)
			dev_xmit(skb->dev, skb);
		else
			kfree_skb(skb);
	}
}

/* ---- groups and members; br->lock held ---- */

static struct hlist_head *bucket(struct bridge *br, const ip_addr *a)
{
	return &br->snoop.hash[ip_hash(a) >> (32 - SNOOP_HASH_BITS)];
}

struct br_group *br_group_find(struct bridge *br, const ip_addr *addr)
{
	struct br_group *g;

	hlist_for_each_entry(g, bucket(br, addr), node)
		if (ip_equal(&g->addr, addr))
			return g;
	return NULL;
}

/*
 * Switches snooping off, so that frames reach all ports, and logs the reason: there are more than
 * @most of @what. Returns -E2BIG.
 */
static int give_up(struct bridge *br, u32 most, const char *what)
{
	if (br->snoop.on)
		pr_warn("%s: more than %u %s: snooping is switched off\n", br->dev->name, most,
			what);
	br->snoop.on = false;
	return -E2BIG;
}

/* Returns the group of @addr, which is made if there is none; ERR_PTR(-E2BIG or -ENOMEM). */
static struct br_group *get_group(struct bridge *br, const ip_addr *addr)
{
	struct br_group *g = br_group_find(br, addr);

	if (g)
		return g;
	/* the snooping was switched off by an earlier record of the report that is being read */
	if (!br->snoop.on || br->closing)
		return ERR_PTR(-E2BIG);
	if (br->snoop.nr_groups >= br->snoop.hash_max)
		return ERR_PTR(give_up(br, br->snoop.hash_max, "groups"));
	g = kzalloc(sizeof(*g), GFP_ATOMIC);
	if (!g)
		return ERR_PTR(-ENOMEM);
	g->addr = *addr;
	INIT_LIST_HEAD(&g->members);
	hlist_add_head(&g->node, bucket(br, addr));
	list_add(&g->list, &br->snoop.groups);
	br->snoop.nr_groups++;
	return g;
}

/* Frees a group that has no members. */
static void put_group(struct bridge *br, struct br_group *g)
{
	if (g->host || !list_empty(&g->members))
		return;
	hlist_del_init(&g->node);
	list_del(&g->list);
	br->snoop.nr_groups--;
	kfree(g);
}

/*
 * Returns 0 if @g may have one more member; else switches snooping off, frees @g if it has no
 * members, and returns -E2BIG.
 */
static int find_room(struct bridge *br, struct br_group *g)
{
	if (atomic_read(&nr_members_all) < (int)SNOOP_MEMBERS_MAX_ALL)
		return 0;
	put_group(br, g);
	return give_up(br, SNOOP_MEMBERS_MAX_ALL, "members of groups of all bridges");
}

static struct br_member *find_member(const struct br_group *g, const struct br_port *p)
{
	struct br_member *m;

	list_for_each_entry(m, &g->members, list)
		if (m->port == p)
			return m;
	return NULL;
}

static struct br_member *add_member(struct bridge *br, struct br_group *g, struct br_port *p)
{
	struct br_member *m;

	if (p->gone)
		return NULL;
	m = kzalloc(sizeof(*m), GFP_ATOMIC);
	if (!m)
		return NULL;
	m->port = p;
	list_add(&m->list, &g->members);
	atomic_inc(&nr_members_all);
	assert_spin_held(&br->lock);
	return m;
}

static void drop_member(struct bridge *br, struct br_group *g, struct br_member *m)
{
	notify_mdb(br, g, m, RTM_DELMDB);
	list_del(&m->list);
	kfree(m);
	atomic_dec(&nr_members_all);
}

static void drop_host(struct bridge *br, struct br_group *g)
{
	notify_mdb(br, g, NULL, RTM_DELMDB);
	g->host = false;
	g->host_until = 0;
	atomic_dec(&nr_members_all);
}

static bool may_listen(const struct br_port *p)
{
	return !p || (p->state != BR_STATE_DISABLED && p->state != BR_STATE_BLOCKING);
}

/* Makes the host a member, or renews its membership. Returns 0 or -E2BIG. */
static int join_host(struct bridge *br, struct br_group *g)
{
	bool news = !g->host;
	int err = news ? find_room(br, g) : 0;

	if (err)
		return err;
	g->host = true;
	g->host_until = after(br->snoop.membership_interval);
	br_snoop_at(br, g->host_until);
	if (news) {
		atomic_inc(&nr_members_all);
		notify_mdb(br, g, NULL, RTM_NEWMDB);
	}
	return 0;
}

int br_group_join(struct bridge *br, struct br_port *p, const ip_addr *group)
{
	struct br_member *m, *old;
	struct br_group *g;
	int err;

	if (!may_listen(p))
		return 0;
	g = get_group(br, group);
	if (IS_ERR(g))
		return (int)PTR_ERR(g);
	if (!p)
		return join_host(br, g);
	old = find_member(g, p);
	err = old ? 0 : find_room(br, g);
	if (err)
		return err;
	m = old ? old : add_member(br, g, p);
	if (!m) {
		put_group(br, g);
		return -ENOMEM;
	}
	if (!old || m->until) { /* a permanent member does not expire */
		m->until = after(br->snoop.membership_interval);
		br_snoop_at(br, m->until);
	}
	if (!old)
		notify_mdb(br, g, m, RTM_NEWMDB);
	return 0;
}

static void end_sooner(struct bridge *br, u64 *until, u64 at)
{
	if (*until > at)
		*until = at;
	br_snoop_at(br, at);
}

void br_group_leave(struct bridge *br, struct br_port *p, const ip_addr *group)
{
	struct br_group *g = br_group_find(br, group);
	const struct br_snoop *s = &br->snoop;
	u64 at = after(s->last_member_count * s->last_member_interval);
	struct br_member *m;

	if (!g || !may_listen(p))
		return;
	m = p ? find_member(g, p) : NULL;
	if (m && m->until && p->flags & BIT(BRP_FAST_LEAVE)) {
		m->fast_leave = true;
		drop_member(br, g, m);
		put_group(br, g);
		return;
	}
	if (s->family[family_of(group)].other_until)
		/* the other querier will query the group */
		return;
	br_query_group(br, p, group);
	if (!p && g->host)
		end_sooner(br, &g->host_until, at);
	else if (m && m->until)
		end_sooner(br, &m->until, at);
}

int br_group_add(struct bridge *br, struct br_port *p, const ip_addr *group, u8 state)
{
	struct br_group *g = get_group(br, group);
	struct br_member *m;
	int err;

	if (IS_ERR(g))
		return (int)PTR_ERR(g);
	if (p ? find_member(g, p) != NULL : g->host)
		return -EEXIST;
	if (!p)
		return join_host(br, g);
	err = find_room(br, g);
	if (err)
		return err;
	m = add_member(br, g, p);
	if (!m) {
		put_group(br, g);
		return -ENOMEM;
	}
	m->by_hand = true;
	m->until = state == MDB_PERMANENT ? 0 : after(br->snoop.membership_interval);
	if (m->until)
		br_snoop_at(br, m->until);
	notify_mdb(br, g, m, RTM_NEWMDB);
	return 0;
}

int br_group_del(struct bridge *br, struct br_port *p, const ip_addr *group)
{
	struct br_group *g = br_group_find(br, group);
	struct br_member *m = g && p ? find_member(g, p) : NULL;

	if (!g || (p ? !m : !g->host))
		return -EINVAL;
	if (m)
		drop_member(br, g, m);
	else
		drop_host(br, g);
	put_group(br, g);
	return 0;
}

bool br_is_member(const struct br_group *g, const struct br_port *p)
{
	return g && find_member(g, p);
}

/* ---- queriers and routers; br->lock held ---- */

bool br_has_querier(const struct bridge *br, int family)
{
	const struct br_snoop_family *f = &br->snoop.family[family];
	bool own = br->snoop.querier && (family == SNOOP_V4 || !ip_is_any(&f->source));

	return !f->unsure_until && (own || f->other_until);
}

bool br_is_router(const struct bridge *br, int family)
{
	return br->snoop.router == MDB_RTR_TYPE_PERM ||
	       (br->snoop.router == MDB_RTR_TYPE_TEMP_QUERY &&
		       br->snoop.family[family].router_until);
}

bool br_leads_to_router(const struct br_port *p, int family)
{
	return p->snoop.router == MDB_RTR_TYPE_PERM || p->snoop.router_until[family];
}

void br_heard_router(struct bridge *br, struct br_port *p, int family)
{
	u64 at = after(br->snoop.querier_interval);
	u64 *until = p ? &p->snoop.router_until[family] : &br->snoop.family[family].router_until;
	u8 type = p ? p->snoop.router : br->snoop.router;

	if (type != MDB_RTR_TYPE_TEMP_QUERY && type != MDB_RTR_TYPE_TEMP)
		return;
	*until = at;
	br_snoop_at(br, at);
}

/*
 * True if @source, which has sent a query, becomes or remains the querier. The lowest address wins.
 */
static bool is_elected(struct bridge *br, const ip_addr *source, int family)
{
	struct br_snoop_family *f = &br->snoop.family[family];

	if ((f->own.at || f->other_until) && !ip_is_any(&f->querier) &&
		memcmp(source, &f->querier, sizeof(*source)) > 0)
		return false;
	f->querier = *source;
	return true;
}

void br_heard_query(struct bridge *br, struct br_port *p, const ip_addr *source, int family,
	const ip_addr *group, u64 delay)
{
	struct br_snoop_family *f = &br->snoop.family[family];
	struct br_member *m;
	struct br_group *g;
	u64 at;

	if (!may_listen(p))
		return;
	if (ip_is_any(group)) {
		if (!is_elected(br, source, family))
			return;
		if (!f->other_until)
			f->unsure_until = ktime_get() + delay;
		f->other_until = after(br->snoop.querier_interval);
		br_snoop_at(br, f->unsure_until ? f->unsure_until : f->other_until);
		br_heard_router(br, p, family);
		return;
	}
	g = br_group_find(br, group);
	if (!g)
		return;
	at = ktime_get() + delay * br->snoop.last_member_count;
	if (g->host)
		end_sooner(br, &g->host_until, at);
	list_for_each_entry(m, &g->members, list)
		if (m->until)
			end_sooner(br, &m->until, at);
}

/* ---- the timer ---- */

static bool is_over(u64 *at, u64 now)
{
	if (!*at || now < *at)
		return false;
	*at = 0;
	return true;
}

static void sooner(struct bridge *br, u64 at)
{
	if (at)
		br_snoop_at(br, at);
}

static void look_at_groups(struct bridge *br, u64 now)
{
	struct br_group *g, *next_g;
	struct br_member *m, *next_m;

	list_for_each_entry_safe(g, next_g, &br->snoop.groups, list) {
		list_for_each_entry_safe(m, next_m, &g->members, list) {
			if (m->until && now >= m->until)
				drop_member(br, g, m);
			else
				sooner(br, m->until);
		}
		if (g->host && now >= g->host_until)
			drop_host(br, g);
		else if (g->host)
			sooner(br, g->host_until);
		put_group(br, g);
	}
}

static void look_at_family(struct bridge *br, int family, u64 now)
{
	struct br_snoop_family *f = &br->snoop.family[family];
	struct br_port *p;

	is_over(&f->unsure_until, now);
	is_over(&f->router_until, now);
	if (is_over(&f->other_until, now)) {
		f->querier = IP_ANY;
		br_query_start(br, NULL);
	}
	sooner(br, f->unsure_until);
	sooner(br, f->router_until);
	sooner(br, f->other_until);
	br_query_due(br, NULL, family, now);
	list_for_each_entry(p, &br->ports, list) {
		is_over(&p->snoop.router_until[family], now);
		sooner(br, p->snoop.router_until[family]);
		br_query_due(br, p, family, now);
	}
}

static void times(struct ktimer *t)
{
	struct bridge *br = container_of(t, struct bridge, snoop.timer);
	u64 now = ktime_get();

	br_query_sources(br);
	spin_lock(&br->lock);
	br->snoop.next = 0;
	br->snoop.looked = now;
	look_at_groups(br, now);
	for (int f = 0; f < SNOOP_FAMILIES; f++)
		look_at_family(br, f, now);
	br_snoop_finish(br);
	net_rx_flush();
}

/* ---- ports and the bridge ---- */

void br_snoop_init_port(struct br_port *p)
{
	p->snoop.router = MDB_RTR_TYPE_TEMP_QUERY;
}

void br_snoop_port_up(struct br_port *p)
{
	br_query_start(p->br, p);
}

void br_snoop_port_down(struct br_port *p, bool gone)
{
	struct bridge *br = p->br;
	struct br_group *g, *next;
	struct br_member *m;

	list_for_each_entry_safe(g, next, &br->snoop.groups, list) {
		m = find_member(g, p);
		if (m && (gone || m->until))
			drop_member(br, g, m);
		put_group(br, g);
	}
	for (int f = 0; f < SNOOP_FAMILIES; f++)
		p->snoop.router_until[f] = p->snoop.query[f].at = 0;
}

int br_snoop_set_router(struct br_port *p, u64 type)
{
	struct bridge *br = p->br;

	if (type > MDB_RTR_TYPE_TEMP)
		return -EINVAL;
	spin_lock(&br->lock);
	p->snoop.router = (u8)type;
	for (int f = 0; f < SNOOP_FAMILIES; f++) {
		p->snoop.router_until[f] = 0;
		if (type == MDB_RTR_TYPE_TEMP)
			br_heard_router(br, p, f);
	}
	br_snoop_finish(br);
	return 0;
}

static void set_on(struct bridge *br, bool on)
{
	struct br_port *p;

	spin_lock(&br->lock);
	if (on != br->snoop.on) {
		br->snoop.on = on;
		list_for_each_entry(p, &br->ports, list)
			if (!on)
				br_snoop_port_down(p, false);
		br_query_start(br, NULL);
	}
	br_snoop_finish(br);
	br_snoop_up(br, on && READ_ONCE(br->dev->flags) & IFF_UP);
}

static void set_querier(struct bridge *br, bool on)
{
	br_query_sources(br);
	spin_lock(&br->lock);
	if (on != br->snoop.querier) {
		br->snoop.querier = on;
		for (int f = 0; f < SNOOP_FAMILIES && on; f++)
			if (!br->snoop.family[f].other_until) {
				br->snoop.family[f].unsure_until =
					after(br->snoop.response_interval);
				br_snoop_at(br, br->snoop.family[f].unsure_until);
			}
		br_query_start(br, NULL);
	}
	br_snoop_finish(br);
}

static int set_router(struct bridge *br, u64 type)
{
	if (type > MDB_RTR_TYPE_PERM)
		return -EINVAL;
	br->snoop.router = (u8)type;
	return 0;
}

/* Rounds @v ticks down to a multiple of 4 ms, like a Linux with HZ=250. */
static u64 in_steps(u64 v)
{
	return min(v, LONGEST) * 5 / 2 * 2 / 5;
}

static u64 *interval_of(struct bridge *br, u16 attr)
{
	struct br_snoop *s = &br->snoop;

	switch (attr) {
	case IFLA_BR_MCAST_LAST_MEMBER_INTVL: return &s->last_member_interval;
	case IFLA_BR_MCAST_MEMBERSHIP_INTVL: return &s->membership_interval;
	case IFLA_BR_MCAST_QUERIER_INTVL: return &s->querier_interval;
	case IFLA_BR_MCAST_QUERY_INTVL: return &s->query_interval;
	case IFLA_BR_MCAST_QUERY_RESPONSE_INTVL: return &s->response_interval;
	case IFLA_BR_MCAST_STARTUP_QUERY_INTVL: return &s->startup_interval;
	}
	return NULL;
}

int br_snoop_set(struct bridge *br, u16 attr, u64 v)
{
	u64 *interval = interval_of(br, attr);

	if (attr == IFLA_BR_MCAST_QUERY_INTVL || attr == IFLA_BR_MCAST_STARTUP_QUERY_INTVL)
		v = max(v, SECOND);
	if (interval) {
		WRITE_ONCE(*interval, in_steps(v));
		return 0;
	}
	switch (attr) {
	case IFLA_BR_MCAST_SNOOPING: set_on(br, v); return 0;
	case IFLA_BR_MCAST_QUERIER: set_querier(br, v); return 0;
	case IFLA_BR_MCAST_ROUTER: return set_router(br, v);
	case IFLA_BR_MCAST_QUERY_USE_IFADDR: br->snoop.use_ifaddr = v; return 0;
	case IFLA_BR_MCAST_HASH_MAX: br->snoop.hash_max = (u32)v; return 0;
	case IFLA_BR_MCAST_HASH_ELASTICITY: return 0; /* has no effect on Linux either */
	case IFLA_BR_MCAST_LAST_MEMBER_CNT: br->snoop.last_member_count = (u32)v; return 0;
	case IFLA_BR_MCAST_STARTUP_QUERY_CNT: br->snoop.startup_count = (u32)v; return 0;
	}
	return -ENOENT;
}

u64 br_snoop_value(const struct bridge *br, u16 attr)
{
	const struct br_snoop *s = &br->snoop;
	const u64 *interval = interval_of((struct bridge *)br, attr);

	if (interval)
		return *interval;
	switch (attr) {
	case IFLA_BR_MCAST_SNOOPING: return s->on;
	case IFLA_BR_MCAST_QUERIER: return s->querier;
	case IFLA_BR_MCAST_ROUTER: return s->router;
	case IFLA_BR_MCAST_QUERY_USE_IFADDR: return s->use_ifaddr;
	case IFLA_BR_MCAST_HASH_MAX: return s->hash_max;
	case IFLA_BR_MCAST_HASH_ELASTICITY: return 16;
	case IFLA_BR_MCAST_LAST_MEMBER_CNT: return s->last_member_count;
	case IFLA_BR_MCAST_STARTUP_QUERY_CNT: return s->startup_count;
	}
	return 0;
}

void br_snoop_up(struct bridge *br, bool up)
{
	ip_addr v4 = ip_v4(htonl(0xe000006a)), v6 = { { htonl(0xff020000), 0, 0, htonl(0x6a) } };

	if (up == br->in_snoopers[SNOOP_V4])
		return;
	br->in_snoopers[SNOOP_V4] = up;
	if (up) {
		mcast_join(br->dev, &v4);
		br->in_snoopers[SNOOP_V6] = !READ_ONCE(br->dev->conf.v6[CONF6_DISABLE]);
		if (br->in_snoopers[SNOOP_V6])
			mcast_join(br->dev, &v6);
		br_query_sources(br);
		spin_lock(&br->lock);
		br_query_start(br, NULL);
		br_snoop_finish(br);
	} else {
		mcast_leave(br->dev, &v4);
		if (br->in_snoopers[SNOOP_V6])
			mcast_leave(br->dev, &v6);
	}
}

void br_snoop_init(struct bridge *br)
{
	br->snoop = (struct br_snoop){
		.on = true,
		.router = MDB_RTR_TYPE_TEMP_QUERY,
		.hash_max = 4096,
		.last_member_count = 2,
		.startup_count = 2,
		.last_member_interval = SECOND,
		.membership_interval = 260 * SECOND,
		.querier_interval = 255 * SECOND,
		.query_interval = 125 * SECOND,
		.response_interval = 10 * SECOND,
		.startup_interval = in_steps(125 * SECOND / 4),
	};
	INIT_LIST_HEAD(&br->snoop.groups);
	INIT_LIST_HEAD(&br->snoop.out);
	INIT_LIST_HEAD(&br->snoop.news);
	timer_setup(&br->snoop.timer, times);
}

void br_snoop_end(struct bridge *br)
{
	struct br_group *g, *next;

	timer_cancel_sync(&br->snoop.timer);
	spin_lock(&br->lock);
	list_for_each_entry_safe(g, next, &br->snoop.groups, list) {
		if (g->host)
			drop_host(br, g);
		put_group(br, g);
	}
	br_snoop_finish(br);
}
