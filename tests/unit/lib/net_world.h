/* SPDX-License-Identifier: MIT */
/*
 * net_world.h: a card, its namespace and a clock for tests of the layers below IP. A test runs
 * timers and work itself, and sent frames are kept in a list.
 */
#ifndef TESTS_UNIT_NET_WORLD_H
#define TESTS_UNIT_NET_WORLD_H

#include <linux/ip.h>
#include <linux/ipv6.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/net/inet/frag.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/link/vlan.h"
#include "unit.h"

u32 packet_taps; /* no packet socket listens */
struct net init_net;
/* the time of ktime_get(), ns; run_to() advances it */
static u64 now = 1000;
/* all timers that were set up; a test must not set up more than 8 */
static struct ktimer *timers[8];
/* @net: the card's namespace. @other: a further one, without cards. */
static struct net net, other;
static struct net_device card, lo;
static LIST_HEAD(sent); /* frames that the card has sent */
/* the last packet that the card gave to the layers above; tear_down() frees it */
static struct sk_buff *received;
/* how many packets had a destination that did not answer (icmp_no_host()) */
static int unreachable;

bool vlan_strip(struct sk_buff *skb)
{
	return false;
}
u64 ktime_get(void)
{
	return now;
}
void timer_setup(struct ktimer *t, void (*func)(struct ktimer *t))
{
	t->func = func;
	for (int i = 0; i < 8; i++) {
		if (!timers[i] || timers[i] == t) {
			timers[i] = t;
			return;
		}
	}
}
void timer_start(struct ktimer *t, u64 expires)
{
	t->expires = expires;
	t->armed = true;
}
void timer_cancel_sync(struct ktimer *t)
{
	t->armed = false;
}

bool timer_armed(const struct ktimer *t)
{
	return t->armed;
}

/* The work that was queued last, and how often the test has run any work. */
static struct work *queued;
static int works_done;

void work_setup(struct work *w, void (*func)(struct work *w))
{
	w->func = func;
}
bool work_queue(struct work *w)
{
	bool fresh = !queued;

	queued = w;
	return fresh;
}
void ns_put(struct ns_common *ns)
{
	assert_false(atomic_dec_and_test(&ns->count));
}
/* Runs the queued work, and work that it queues, until there is none. */
static void do_works(void)
{
	while (queued) {
		struct work *w = queued;

		queued = NULL;
		works_done++;
		w->func(w);
	}
}

/* Advances the clock to @until (ns), and runs all timers and all work that is due. */
static void run_to(u64 until)
{
	for (;;) {
		struct ktimer *next = NULL;

		for (int i = 0; i < 8 && timers[i]; i++)
			if (timers[i]->armed && timers[i]->expires <= until &&
				(!next || timers[i]->expires < next->expires))
				next = timers[i];
		if (!next)
			break;
		now = max(now, next->expires);
		next->armed = false;
		next->func(next);
		do_works();
	}
	now = until;
}
void rtnl_notify_addr(struct net *n, const struct ifaddr *a, u16 type)
{
}
void rtnl_notify_route(struct net *n, const struct route *r, u16 type)
{
}
void mcast_have_address(struct net_device *dev)
{
}

void mcast_join(struct net_device *dev, const ip_addr *group)
{
}

void mcast_leave(struct net_device *dev, const ip_addr *group)
{
}

/* how many neighbour questions went to programs */
static int apps_asked;
void rtnl_notify_neigh(struct net *n, const struct neigh_info *info, u16 type)
{
	apps_asked += type == RTM_GETNEIGH;
}
void arch_random(void *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((u8 *)buf)[i] = (u8)fake_random();
}
void net_rx_flush(void)
{
}
void ip4_opts_later(u8 *o, u32 n)
{
}
void nf_fill_checksum(struct sk_buff *skb)
{
	fail(); /* no packet has a partial checksum here */
}
int rules_route(
	struct net *n, struct flow *f, int (*look)(struct net *net, struct flow *f, u32 table))
{
	int err = look(n, f, 255); /* table local; 254: main */

	return err == -ENETUNREACH ? look(n, f, 254) : err;
}
int dev_xmit(struct net_device *dev, struct sk_buff *skb)
{
	list_add_tail(&skb->list, &sent);
	return 0;
}
void netif_rx(struct net_device *dev, struct sk_buff *skb)
{
	skb->dev = dev;
	received = skb;
}
void icmp_no_host(struct net *net, struct net_device *dev, struct sk_buff *skb)
{
	unreachable++;
}
int ip_send(struct net *n, struct sk_buff *skb, const struct flow *f)
{
	skb->ip.daddr = f->daddr;
	list_add_tail(&skb->list, &sent);
	return 0;
}
struct net_device *netdev_by_index(struct net *n, int ifindex)
{
	return &card;
}
void ip_rewind(struct sk_buff *skb)
{
}
void icmp_error(struct net *n, struct sk_buff *skb, u8 type, u8 code, u32 word)
{
}
struct net_device *netdev_find_index(struct net *n, int ifindex)
{
	return &card;
}
bool addr4_matches(const struct ifaddr *a, const struct addr4_match *m)
{
	return false;
}
struct net_device *netdev_by_name(struct net *n, const char *name)
{
	return &card;
}
void seq_printf(struct seq *s, const char *fmt, ...)
{
}
void seq_puts(struct seq *s, const char *text)
{
}
size_t copy_to_iter(const void *p, size_t n, struct iov_iter *i)
{
	return 0;
}
size_t copy_from_iter(void *p, size_t n, struct iov_iter *i)
{
	return 0;
}

static const struct netdev_ops card_ops = { .driver = "card", .max_mtu = 65480 };
static const u8 my_mac[6] = { 2, 0, 0, 0, 0, 1 }, his_mac[6] = { 2, 0, 0, 0, 0, 2 };
/* @mine: the card's address, 10.0.0.1. @his: 10.0.0.2. */
static ip_addr mine, his;

/* Returns the number of sent frames. */
static __unused int frames(void)
{
	struct sk_buff *s;
	int n = 0;

	list_for_each_entry(s, &sent, list)
		n++;
	return n;
}

/* Removes the first sent frame from the list and returns it. The caller frees it. Fails without. */
static struct sk_buff *take(void)
{
	struct sk_buff *s = list_first_entry_or_null(&sent, struct sk_buff, list);

	assert_non_null(s);
	list_del_init(&s->list);
	return s;
}

extern const struct initcall __start_initcalls[], __stop_initcalls[];

/* Makes the card, with the address @mine, anew. For cmocka. */
static int set_up(void **state)
{
	struct ifaddr a = { .prefix = 24 };

	if (!net.devs.list.next) {
		for (const struct initcall *c = __start_initcalls; c != __stop_initcalls; c++)
			c->fn();
		INIT_LIST_HEAD(&net.devs.list);
		INIT_LIST_HEAD(&net.addr.list);
		INIT_LIST_HEAD(&net.route.list);
		atomic_set(&net.ns.count, 1);
		ndisc_net_init(&net);
		addr_net_init(&net);
		frags_net_init(&net);
		frags_net_init(&other);
	}
	net.lo = &lo;
	lo = (struct net_device){ .net = &net, .ifindex = 1, .flags = IFF_LOOPBACK | IFF_UP };
	card = (struct net_device){
		.net = &net,
		.name = "eth0",
		.ifindex = 2,
		.mtu = 1500,
		.conf.v6 = { [CONF6_ACCEPT_RA] = 1,
			[CONF6_ACCEPT_DAD] = 1,
			[CONF6_AUTOCONF] = 1,
			[CONF6_DAD_TRANSMITS] = 1,
			[CONF6_ENHANCED_DAD] = 1,
			[CONF6_MAX_ADDRESSES] = 16,
			[CONF6_RS_COUNT] = -1,
			[CONF6_RS_DELAY] = 1000,
			[CONF6_RS_INTERVAL] = 4000,
			[CONF6_RS_MAX_INTERVAL] = 3600000,
			[CONF6_RA_DEFRTR] = 1,
			[CONF6_RA_METRIC] = 1024,
			[CONF6_RA_RTR_PREF] = 1,
			[CONF6_RA_PINFO] = 1,
			[CONF6_RA_MTU] = 1,
			[CONF6_RA_MIN_HOP_LIMIT] = 1 },
		.type = ARPHRD_ETHER,
		.flags = IFF_UP | IFF_BROADCAST | IFF_MULTICAST,
		.ops = &card_ops,
		.carrier = true,
	};
	for (u32 v6 = 0; v6 < 2; v6++) {
		int *words = v6 ? card.conf.v6 + CONF6_NEIGH : card.conf.v4 + CONF4_NEIGH;

		words[NEIGH_ASK_ALL] = words[NEIGH_ASK_ONE] = 3;
		words[NEIGH_RETRANS] = 1000;
		words[NEIGH_REACHABLE] = 30000;
		words[NEIGH_DELAY] = 5000;
		words[NEIGH_STALE] = 60000;
		words[NEIGH_QUEUE] = 212992;
		words[NEIGH_LOCK] = v6 ? 0 : 100;
	}
	memcpy(card.addr, my_mac, 6);
	mine = ip_v4(htonl(0x0a000001));
	his = ip_v4(htonl(0x0a000002));
	a.addr = mine;
	addr_add(&card, &a);
	return 0;
}

/* Frees what a test has left, and fails if an object of memory remains. For cmocka. */
static int tear_down(void **state)
{
	ndisc_down(&card);
	neigh_forget(&card);
	routes_forget(&card, true);
	addr_del(&card, &mine, -1);
	route_tables_free(&net);
	prefix_free(&net.addr.hash);
	frags_forget(&net);
	frags_forget(&other);
	skb_free_list(&sent);
	kfree_skb(received);
	received = NULL;
	unreachable = 0;
	assert_int_equal(fake_allocations, 0);
	return 0;
}

/* Returns a packet with the @n bytes at @p, as if it came from the card. The caller frees it. */
static struct sk_buff *packet_of(const void *p, u32 n, u16 protocol)
{
	struct sk_buff *skb = skb_alloc(max(n, 1U), GFP_ATOMIC);

	memcpy(skb->buf->data, p, n);
	skb->len = n;
	skb->protocol = protocol;
	skb->dev = &card;
	return skb;
}

/* Row of a test for UNIT_MAIN(). */
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
