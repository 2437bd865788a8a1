/* SPDX-License-Identifier: MIT */
/*
 * mcast.c: the multicast groups of a device: their members, the state that follows from them, and
 * when changes are reported to the link.
 *
 * States of a group: it has members (users > 0) -> it has none (users 0), and is kept while reports
 * of leaving are pending -> freed.
 * Sources: RFC 2236, 3376 (3.2, 5), 2710, 3810.
 *
 * Invariants:
 * 1. After each mcast_change(), g->excludes and s->listed are the state that the counts imply.
 * 2. If g->changes or s->changes is not 0, m->change_at is set.
 * 3. While the device is up, its list of link addresses has that of each group with members, unless
 *    there was no room for it, or the group never leaves the machine (load()).
 */
#include <asm/errno.h>
#include <linux/in.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/mcast/mcast.h"
#include "kernel/net/net.h"
#include "kernel/net/socket/skb.h"

#define FIRST_DELAY (8 * NSEC_PER_MSEC) /* collects changes in one report */
/* longest delay of a report while changes continue */
#define LAST_DELAY (96 * NSEC_PER_MSEC)
/* between queries, until a querier announces another interval */
#define INTERVAL (125 * NSEC_PER_SEC)
#define OLD_RESPONSE (10 * NSEC_PER_SEC) /* the response interval of old queriers */
#define SOURCES_MAX 4096
#define MACS_MAX 8192
/* the largest number that a query can announce */
#define QRV_MAX 7

static const ip_addr all_hosts = { { 0, 0, htonl(0xffff), htonl(0xe0000001) } };
static const ip_addr all_nodes = { { htonl(0xff020000), 0, 0, htonl(1) } };
static const ip_addr all_nodes_here = { { htonl(0xff010000), 0, 0, htonl(1) } };
static const ip_addr all_routers[] = {
	{ { htonl(0xff020000), 0, 0, htonl(2) } },
	{ { htonl(0xff010000), 0, 0, htonl(2) } },
	{ { htonl(0xff050000), 0, 0, htonl(2) } },
};
static const struct mc_want everything = { .mode = MCAST_EXCLUDE };

int sysctl_mld_qrv = MCAST_QRV;

u64 mcast_random(u64 range)
{
	u64 r;

	arch_random(&r, sizeof(r));
	return range ? r % range : 0;
}

/*
 * Returns how often a change is reported. It is limited, since any user may set the sysctl in an
 * own namespace, and a group without members is kept until its leaving was reported that often.
 */
static u32 own_qrv(const struct net *net, bool v6)
{
	return min((u32)READ_ONCE(*(v6 ? &sysctl_mld_qrv : &net->mc.qrv)), (u32)QRV_MAX);
}

static u32 scope6(const ip_addr *a)
{
	return ntohl(a->w[0]) >> 16 & 0xf;
}

/* True if the group is reported to the link. */
bool mcast_is_reported(const struct net_device *dev, const struct mc_group *g)
{
	if (!ip_is_v4(&g->addr))
		return scope6(&g->addr) > 1 && !ip_equal(&g->addr, &all_nodes);
	if (ip_equal(&g->addr, &all_hosts))
		return false;
	return READ_ONCE(dev->net->mc.link_local) || ntohl(g->addr.w[3]) >> 8 != 0xe00000;
}

/* ---- link addresses ---- */

static struct mc_mac *find_mac(struct net_device *dev, const u8 *mac)
{
	struct mc_mac *m;

	list_for_each_entry(m, &dev->macs, list)
		if (!memcmp(m->mac, mac, ETH_ALEN))
			return m;
	return NULL;
}

int mcast_mac_add(struct net_device *dev, const u8 *mac, bool by_hand)
{
	struct mc_mac *m = find_mac(dev, mac);

	if (!m) {
		if (dev->nr_macs >= MACS_MAX)
			return -ENOBUFS;
		m = kzalloc(sizeof(*m), GFP_ATOMIC);
		if (!m)
			return -ENOMEM;
		memcpy(m->mac, mac, ETH_ALEN);
		list_add_tail(&m->list, &dev->macs);
		dev->nr_macs++;
	} else if (by_hand && m->by_hand) {
		return 0;
	}
	m->by_hand |= by_hand;
	m->users++;
	return 0;
}

int mcast_mac_del(struct net_device *dev, const u8 *mac, bool by_hand)
{
	struct mc_mac *m = find_mac(dev, mac);

	if (!m || (by_hand && !m->by_hand))
		return -ENOENT;
	if (by_hand)
		m->by_hand = false;
	if (!--m->users) {
		list_del(&m->list);
		dev->nr_macs--;
		kfree(m);
	}
	return 0;
}

/*
 * Adds or removes the group's link address. The device needs it while the group has members and the
 * device is up; for IPv6, also before the device is up for the first time.
 */
static void load(struct net_device *dev, struct mc_group *g)
{
	bool up = dev->flags & IFF_UP, want = g->users;
	u8 mac[ETH_ALEN];

	want &= ip_is_v4(&g->addr) ? up : scope6(&g->addr) > 1 && (up || !dev->mc_was_up);

	if (want == g->loaded)
		return;
	if (dev->type == ARPHRD_ETHER) {
		mcast_mac_of(&g->addr, mac);
		if (!want)
			mcast_mac_del(dev, mac, false);
		else if (mcast_mac_add(dev, mac, false))
			return;
	}
	g->loaded = want;
}

/* ---- groups ---- */

/* Finds a group by address, in a tree: there may be thousands. net->lock held. */
static struct mc_group *find_group(struct net_device *dev, const ip_addr *addr)
{
	struct rb_node *n = dev->mc[!ip_is_v4(addr)].by_addr.node;

	while (n) {
		struct mc_group *g = rb_entry(n, struct mc_group, node);
		int order = memcmp(addr, &g->addr, sizeof(*addr));

		if (!order)
			return g;
		n = order < 0 ? n->left : n->right;
	}
	return NULL;
}

static void enter_group(struct mc_if *m, struct mc_group *g)
{
	struct rb_node **link = &m->by_addr.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = memcmp(&g->addr, &rb_entry(parent, struct mc_group, node)->addr,
			       sizeof(g->addr)) < 0 ?
			       &parent->left :
			       &parent->right;
	}
	rb_link_node(&g->node, parent, link);
	rb_insert_color(&g->node, &m->by_addr);
	list_add(&g->list, &m->groups);
	m->kept++;
}

static struct mc_group *new_group(struct mc_if *m, const ip_addr *addr)
{
	struct mc_group *g;

	if (m->kept >= MCAST_GROUPS_MAX)
		return ERR_PTR(-ENOBUFS);
	g = kzalloc(sizeof(*g), GFP_ATOMIC | __GFP_ACCOUNT);
	if (!g)
		return ERR_PTR(-ENOMEM);
	g->addr = *addr;
	INIT_LIST_HEAD(&g->sources);
	enter_group(m, g);
	return g;
}

static void free_source(struct mc_group *g, struct mc_source *s)
{
	list_del(&s->list);
	rb_erase(&s->node, &g->by_addr);
	g->nr_sources--;
	kfree(s);
}

static void free_group(struct mc_if *m, struct mc_group *g)
{
	struct mc_source *s, *next;

	list_for_each_entry_safe(s, next, &g->sources, list)
		kfree(s);
	list_del(&g->list);
	rb_erase(&g->node, &m->by_addr);
	m->kept--;
	kfree(g);
}

void mcast_drop_idle(struct mc_if *m, struct mc_group *g)
{
	struct mc_source *s, *next;

	list_for_each_entry_safe(s, next, &g->sources, list)
		if (!s->n[0] && !s->n[1] && !s->changes)
			free_source(g, s);
	if (!g->users && !g->changes && !g->report_at && !g->nr_sources)
		free_group(m, g);
}

/*
 * Finds a source. If there is none, returns NULL, and *link (below *parent) is the position for a
 * new node.
 */
static struct mc_source *seek_source(
	struct mc_group *g, const ip_addr *addr, struct rb_node ***link, struct rb_node **parent)
{
	*link = &g->by_addr.node;
	*parent = NULL;
	while (**link) {
		struct mc_source *s = rb_entry(**link, struct mc_source, node);
		int order = memcmp(addr, &s->addr, sizeof(*addr));

		if (!order)
			return s;
		*parent = **link;
		*link = order < 0 ? &(*parent)->left : &(*parent)->right;
	}
	return NULL;
}

static struct mc_source *find_source(struct mc_group *g, const ip_addr *addr)
{
	struct rb_node **link, *parent;

	return seek_source(g, addr, &link, &parent);
}

static int count_source(struct mc_group *g, const ip_addr *addr, u8 mode)
{
	struct rb_node **link, *parent;
	struct mc_source *s = seek_source(g, addr, &link, &parent);

	if (!s) {
		if (g->nr_sources >= SOURCES_MAX)
			return -ENOBUFS;
		s = kzalloc(sizeof(*s), GFP_ATOMIC | __GFP_ACCOUNT);
		if (!s)
			return -ENOMEM;
		s->addr = *addr;
		rb_link_node(&s->node, parent, link);
		rb_insert_color(&s->node, &g->by_addr);
		list_add_tail(&s->list, &g->sources);
		g->nr_sources++;
	}
	s->n[mode]++;
	return 0;
}

static void discount_sources(struct mc_group *g, const struct mc_want *w, u32 n)
{
	for (u32 k = 0; k < n; k++) {
		struct mc_source *s = find_source(g, &w->sources[k]);

		if (s && s->n[w->mode])
			s->n[w->mode]--;
	}
}

static int count_in(struct mc_group *g, const struct mc_want *w)
{
	int err = 0;
	u32 k;

	for (k = 0; k < w->n && !err; k++)
		err = count_source(g, &w->sources[k], w->mode);
	if (err) {
		discount_sources(g, w, k - 1);
		return err;
	}
	g->users++;
	g->excl += w->mode == MCAST_EXCLUDE;
	return 0;
}

static void count_out(struct mc_group *g, const struct mc_want *w)
{
	discount_sources(g, w, w->n);
	g->users--;
	g->excl -= w->mode == MCAST_EXCLUDE;
}

/*
 * True if the source is in the list of the group's state, by the filters of its members (RFC 3376,
 * 3.2).
 */
static bool is_listed(const struct mc_group *g, const struct mc_source *s)
{
	if (g->excl)
		return s->n[MCAST_EXCLUDE] == g->excl && !s->n[MCAST_INCLUDE];
	return s->n[MCAST_INCLUDE];
}

/* ---- due reports ---- */

u8 mcast_version(const struct net_device *dev, bool v6, u64 now)
{
	const struct mc_if *m = &dev->mc[v6];
	u8 newest = v6 ? 2 : 3;
	int forced = v6 ? CONF6(dev, CONF6_FORCE_MLD) : CONF4_FIRST(dev, CONF4_FORCE_IGMP);

	if (forced > 0 && forced <= newest)
		return (u8)forced;
	for (u8 k = 0; k + 1 < newest; k++)
		if (m->old_until[k] > now)
			return (u8)(k + 1);
	return newest;
}

void mcast_at(struct net *net, u64 at)
{
	assert_spin_held(&net->lock);
	if (net->mc.next && net->mc.next <= at)
		return;
	net->mc.next = at;
	timer_start(&net->mc.timer, at);
}

static bool speaks_newest(const struct net_device *dev, bool v6)
{
	return mcast_version(dev, v6, ktime_get()) == (v6 ? 2 : 3);
}

/* Schedules a report, after a change of @g that the link must learn. */
static void announce(struct net_device *dev, struct mc_group *g)
{
	bool v6 = !ip_is_v4(&g->addr);
	struct mc_if *m = &dev->mc[v6];
	u64 now = ktime_get();

	if (speaks_newest(dev, v6)) {
		m->change_left = m->qrv;
		if (!m->change_latest)
			m->change_latest = now + LAST_DELAY;
		m->change_at = min(now + FIRST_DELAY, m->change_latest);
		mcast_at(dev->net, m->change_at);
		return;
	}
	/* another host has sent the last report, so the link need not learn that we leave */
	if (!g->users && !g->reporter) {
		g->report_at = 0;
		return;
	}
	g->unsolicited = g->users ? m->qrv : 1;
	g->report_at = now + FIRST_DELAY;
	mcast_at(dev->net, g->report_at);
}

/* Updates the group's state from the counts, and schedules reports of what has changed. */
static void settle(struct net_device *dev, struct mc_group *g)
{
	struct mc_if *m = &dev->mc[!ip_is_v4(&g->addr)];
	bool reported = dev->flags & IFF_UP && mcast_is_reported(dev, g), changed = false;
	u32 times = reported && speaks_newest(dev, !ip_is_v4(&g->addr)) ? m->qrv : 0;
	struct mc_source *s;

	if (g->excludes != !!g->excl) {
		g->excludes = g->excl;
		changed = true;
		list_for_each_entry(s, &g->sources, list) {
			s->listed = is_listed(g, s);
			s->changes = 0;
		}
		g->changes = times;
	} else {
		list_for_each_entry(s, &g->sources, list) {
			if (s->listed == is_listed(g, s))
				continue;
			s->listed = !s->listed;
			s->changes = times;
			changed = true;
		}
	}
	if (!g->users)
		g->report_at = 0;
	if (reported && changed)
		announce(dev, g);
	mcast_drop_idle(m, g);
}

int mcast_change(struct net_device *dev, const ip_addr *group, const struct mc_want *was,
	const struct mc_want *now)
{
	struct mc_if *m = &dev->mc[!ip_is_v4(group)];
	struct mc_group *g = find_group(dev, group);
	int err = 0;
	bool had;

	assert_spin_held(&dev->net->lock);
	if (!g && !now)
		return 0;
	if (!g)
		g = new_group(m, group);
	if (IS_ERR(g))
		return (int)PTR_ERR(g);
	had = g->users;
	if (!had) /* the group becomes the newest one */
		list_move(&g->list, &m->groups);
	if (now)
		err = count_in(g, now);
	if (!err && was)
		count_out(g, was);
	m->count += (u32)(g->users != 0) - had;
	load(dev, g);
	settle(dev, g);
	return err;
}

void mcast_join(struct net_device *dev, const ip_addr *group)
{
	netdev_lock_net(dev);
	mcast_change(dev, group, NULL, &everything);
	spin_unlock(&dev->net->lock);
}

void mcast_leave(struct net_device *dev, const ip_addr *group)
{
	struct mc_group *g;

	netdev_lock_net(dev);
	g = find_group(dev, group);
	if (g && g->users)
		mcast_change(dev, group, &everything, NULL);
	spin_unlock(&dev->net->lock);
}

bool mcast_accepts(struct net_device *dev, const ip_addr *group, const ip_addr *source, u8 proto)
{
	const struct mc_source *s;
	struct mc_group *g;
	bool yes = false;

	netdev_lock_net(dev);
	g = find_group(dev, group);
	if (g && g->users) {
		s = find_source(g, source);
		yes = s ? s->n[MCAST_INCLUDE] || s->n[MCAST_EXCLUDE] != g->excl : g->excl != 0;
		yes |= proto == IPPROTO_IGMP || ip_is_any(source);
	}
	spin_unlock(&dev->net->lock);
	return yes;
}

/* ---- received queries and reports ---- */

/* Marks the sources of a query that the answer must list. Returns false if no answer is needed. */
static bool mark_asked(struct mc_group *g, const struct mc_query *q)
{
	u32 size = q->v6 ? 16 : 4, hit = 0;
	struct mc_source *s;

	for (u32 k = 0; k < q->n; k++) {
		ip_addr a = IP_ANY;

		if (q->v6) {
			memcpy(&a, q->sources + k * size, 16);
		} else {
			a = ip_v4(0);
			memcpy(&a.w[3], q->sources + k * size, 4);
		}
		s = find_source(g, &a);
		if (!s || !s->listed)
			continue;
		hit++;
		if (!g->excludes)
			s->asked = true;
	}
	g->asked = !g->excludes && hit;
	return g->excludes ? hit < q->n : hit;
}

static void asked_about(
	struct net_device *dev, struct mc_group *g, const struct mc_query *q, u64 now)
{
	u64 at = now + mcast_random(q->max_delay) + 1;
	struct mc_source *s;
	bool more = q->n;

	if (g->report_at && !g->asked)
		/* the whole group is going to be reported */
		more = false;
	if (!more) {
		g->asked = false;
		list_for_each_entry(s, &g->sources, list)
			s->asked = false;
	} else if (!mark_asked(g, q)) {
		return;
	}
	if (!g->report_at || g->report_at > now + q->max_delay)
		g->report_at = at;
	mcast_at(dev->net, g->report_at);
}

/*
 * Switches to the protocol of an older querier. Pending reports of the newest protocol are dropped.
 */
static void speak_old(struct mc_if *m, const struct mc_query *q, u64 now)
{
	struct mc_group *g, *next;
	struct mc_source *s;

	m->old_until[q->version - 1] =
		now + m->qrv * m->interval + (q->v6 ? q->max_delay : OLD_RESPONSE);
	m->change_left = 0;
	m->change_at = m->change_latest = m->general_at = 0;
	list_for_each_entry_safe(g, next, &m->groups, list) {
		g->changes = 0;
		list_for_each_entry(s, &g->sources, list)
			s->changes = 0;
		mcast_drop_idle(m, g);
	}
}

void mcast_heard_query(struct net_device *dev, const struct mc_query *q)
{
	struct mc_if *m = &dev->mc[q->v6];
	u64 now = ktime_get();
	struct mc_group *g;
	bool all = ip_is_any(&q->group);
	u8 newest = q->v6 ? 2 : 3;

	netdev_lock_net(dev);
	if (q->version < newest)
		speak_old(m, q, now);
	else
		m->qrv = q->qrv ? q->qrv : own_qrv(dev->net, q->v6);
	if (q->version == newest)
		m->interval = q->interval || q->v6 ? q->interval : INTERVAL;
	if (all && mcast_version(dev, q->v6, now) == newest) {
		m->general_at = now + mcast_random(q->max_delay) + 1;
		mcast_at(dev->net, m->general_at);
	} else {
		list_for_each_entry(g, &m->groups, list)
			if (g->users && (all || ip_equal(&g->addr, &q->group)) &&
				mcast_is_reported(dev, g))
				asked_about(dev, g, q, now);
	}
	spin_unlock(&dev->net->lock);
}

void mcast_heard_report(struct net_device *dev, const ip_addr *group)
{
	struct mc_group *g;

	netdev_lock_net(dev);
	g = find_group(dev, group);
	if (g && g->users) {
		g->report_at = 0;
		g->unsolicited = 0;
		g->reporter = false;
	}
	spin_unlock(&dev->net->lock);
}

/* ---- devices ---- */

void mcast_register(struct net_device *dev)
{
	for (u32 f = 0; f < 2; f++) {
		dev->mc[f].qrv = own_qrv(dev->net, f);
		dev->mc[f].interval = INTERVAL;
	}
	mcast_join(dev, &all_nodes_here);
	mcast_join(dev, &all_nodes);
}

/* Reports the state of all groups as changes. net->lock held. */
static void report_all(struct net_device *dev, bool v6)
{
	struct mc_group *g, *next;
	struct mc_source *s;

	list_for_each_entry_safe(g, next, &dev->mc[v6].groups, list) {
		g->excludes = false;
		list_for_each_entry(s, &g->sources, list)
			s->listed = false;
		load(dev, g);
		settle(dev, g);
	}
}

void mcast_up(struct net_device *dev)
{
	netdev_lock_net(dev);
	dev->mc_was_up = true;
	dev->mc[1].qrv = own_qrv(dev->net, true);
	mcast_change(dev, &all_hosts, NULL, &everything);
	report_all(dev, false);
	report_all(dev, true);
	spin_unlock(&dev->net->lock);
}

void mcast_have_address(struct net_device *dev)
{
	netdev_lock_net(dev);
	report_all(dev, true);
	spin_unlock(&dev->net->lock);
}

void mcast_down(struct net_device *dev)
{
	struct mc_group *g, *next;
	struct mc_source *s;

	mcast_leave(dev, &all_hosts);
	netdev_lock_net(dev);
	for (u32 f = 0; f < 2; f++) {
		struct mc_if *m = &dev->mc[f];

		m->general_at = m->change_at = m->change_latest = 0;
		m->change_left = 0;
		list_for_each_entry_safe(g, next, &m->groups, list) {
			load(dev, g);
			g->changes = 0;
			g->report_at = 0;
			g->reporter = g->asked = false;
			list_for_each_entry(s, &g->sources, list)
				s->changes = 0;
			mcast_drop_idle(m, g);
		}
	}
	spin_unlock(&dev->net->lock);
}

void mcast_forget(struct net_device *dev)
{
	struct mc_mac *a, *na;

	netdev_lock_net(dev);
	for (u32 f = 0; f < 2; f++) {
		struct mc_if *m = &dev->mc[f];
		struct mc_group *g, *next;

		list_for_each_entry_safe(g, next, &m->groups, list)
			free_group(m, g);
		m->by_addr = RB_ROOT;
		memset(&m->count, 0, sizeof(*m) - offsetof(struct mc_if, count));
	}
	list_for_each_entry_safe(a, na, &dev->macs, list) {
		list_del(&a->list);
		kfree(a);
	}
	dev->nr_macs = 0;
	dev->mc_routers = dev->mc_was_up = false;
	spin_unlock(&dev->net->lock);
}

void mcast_forwarding(struct net_device *dev, bool on)
{
	netdev_lock_net(dev);
	if (dev->flags & IFF_MULTICAST && on != dev->mc_routers) {
		for (u32 k = 0; k < ARRAY_SIZE(all_routers); k++)
			mcast_change(dev, &all_routers[k], on ? NULL : &everything,
				on ? &everything : NULL);
		dev->mc_routers = on;
	}
	spin_unlock(&dev->net->lock);
}

/* ---- the namespace's timer ---- */

/* Sends the reports that are due, without net->lock, when the namespace's timer expires. */
static void tick(struct ktimer *t)
{
	struct net *net = container_of(t, struct net, mc.timer);
	u64 now = ktime_get(), next = ~0UL;
	struct sk_buff *skb, *after;
	struct net_device *dev;
	LIST_HEAD(out);

	spin_lock(&net->lock);
	net->mc.next = 0;
	list_for_each_entry(dev, &net->devs.list, list)
		for (u32 f = 0; f < 2; f++)
			next = min(next, mcast_due(dev, f, now, &out));
	if (next != ~0UL)
		mcast_at(net, next);
	spin_unlock(&net->lock);
	list_for_each_entry_safe(skb, after, &out, list) {
		list_del_init(&skb->list);
		if (ip_is_v4(&skb->ip.daddr))
			igmp_send(skb);
		else
			mld_send(skb);
	}
	net_rx_flush();
}

void mcast_net_init(struct net *net)
{
	net->mc.max_memberships = 20;
	net->mc.max_msf = 10;
	net->mc.qrv = MCAST_QRV;
	net->mc.link_local = 1;
	timer_setup(&net->mc.timer, tick);
}

void mcast_net_end(struct net *net)
{
	timer_cancel_sync(&net->mc.timer);
}
