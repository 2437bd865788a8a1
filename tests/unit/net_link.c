/* SPDX-License-Identifier: MIT */
/*
 * net_link.c: what comes from a card, and fragments: ARP's and neighbour discovery's states by a clock of our own, packets cut and put
 * together in any order, and random frames and fragments that must do no harm.
 * SOURCES: kernel/net/eth.c kernel/net/arp.c kernel/net/neigh.c kernel/net/neigh_table.c kernel/net/ndisc.c kernel/net/frag.c kernel/net/flow.c kernel/net/pmtu.c
 * SOURCES: kernel/net/addr_gen.c kernel/lib/siphash.c kernel/net/skb.c kernel/net/addrs.c kernel/net/route.c kernel/net/route_list.c kernel/lib/rbtree.c kernel/lib/string.c
 */
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/net/frag.h"
#include "kernel/net/ip.h"
#include "kernel/net/neigh.h"
#include "kernel/net/rtnl.h"
#include "kernel/net/vlan.h"
#include "unit.h"

/* ---- the world around ---- */

struct ip_stats ip_stats, ip6_stats;
u32 packet_taps; /* nobody listens */
struct net init_net;
static u64 now = 1000;
static struct ktimer *timers[8];
static struct net net, other;
static struct net_device card, lo;
static LIST_HEAD(sent); /* frames that the card has sent */
static struct sk_buff *received;
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

/* One work is enough: how often it ran. */
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
static void do_works(void)
{
	while (queued) {
		struct work *w = queued;

		queued = NULL;
		works_done++;
		w->func(w);
	}
}

/* Time goes on to @until, and what is due is done. */
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
void rtnl_tell_addr(struct net *n, const struct ifaddr *a, u16 type)
{
}
void rtnl_tell_route(struct net *n, const struct route *r, u16 type)
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

static int apps_asked;
void rtnl_tell_neigh(struct net *n, const struct neigh_info *info, u16 type)
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
	fail(); /* no packet here owes one */
}
int rules_route(
	struct net *n, struct flow *f, int (*look)(struct net *net, struct flow *f, u32 table))
{
	int err = look(n, f, 255); /* local */

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
static ip_addr mine, his;

static int frames(void)
{
	struct sk_buff *s;
	int n = 0;

	list_for_each_entry(s, &sent, list)
		n++;
	return n;
}

static struct sk_buff *take(void)
{
	struct sk_buff *s = list_first_entry_or_null(&sent, struct sk_buff, list);

	assert_non_null(s);
	list_del_init(&s->list);
	return s;
}

extern const struct initcall __start_initcalls[], __stop_initcalls[];

static int set_up(void **state)
{
	struct ifaddr a = { .prefix = 24 };

	if (!net.devices.next) {
		for (const struct initcall *c = __start_initcalls; c != __stop_initcalls; c++)
			c->fn();
		INIT_LIST_HEAD(&net.devices);
		INIT_LIST_HEAD(&net.addrs);
		INIT_LIST_HEAD(&net.routes);
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

static int tear_down(void **state)
{
	ndisc_down(&card);
	neigh_forget(&card);
	routes_forget(&card, true);
	addr_del(&card, &mine, -1);
	frags_forget(&net);
	frags_forget(&other);
	skb_free_list(&sent);
	kfree_skb(received);
	received = NULL;
	unreachable = 0;
	assert_int_equal(fake_allocations, 0);
	return 0;
}

/* ---- ARP ---- */

static struct sk_buff *packet_of(const void *p, u32 n, u16 protocol)
{
	struct sk_buff *skb = skb_alloc(max(n, 1U), GFP_ATOMIC);

	memcpy(skb->buf->data, p, n);
	skb->len = n;
	skb->protocol = protocol;
	skb->dev = &card;
	return skb;
}

static void arp_from_him(u8 op, const ip_addr *sip, const ip_addr *tip, u8 pkt_type)
{
	u8 p[28] = { 0, 1, 8, 0, 6, 4, 0, op };
	struct sk_buff *skb;

	memcpy(p + 8, his_mac, 6);
	memcpy(p + 14, &sip->w[3], 4);
	memcpy(p + 18, my_mac, 6);
	memcpy(p + 24, &tip->w[3], 4);
	skb = packet_of(p, sizeof(p), ETH_P_ARP);
	skb->pkt_type = pkt_type;
	arp_rcv(skb);
}

static u8 state_of(const ip_addr *a)
{
	struct neigh_info i;

	return neigh_get(&card, a, &i) ? 0 : i.state;
}

static void test_resolution(void **state)
{
	struct sk_buff *f;

	assert_int_equal(neigh_output(&card, &his, packet_of("one", 3, ETH_P_IP)), 0);
	assert_int_equal(neigh_output(&card, &his, packet_of("two", 3, ETH_P_IP)), 0);
	assert_int_equal(state_of(&his), NUD_INCOMPLETE);
	assert_int_equal(frames(), 1); /* the question, once */
	f = take();
	assert_int_equal(skb_len(f), 14 + 28);
	assert_memory_equal(f->room + f->head, "\xff\xff\xff\xff\xff\xff", 6);
	kfree_skb(f);
	arp_from_him(2, &his, &mine, PKT_HOST);
	assert_int_equal(state_of(&his), NUD_REACHABLE);
	assert_int_equal(frames(), 2); /* those that waited, in order */
	f = take();
	assert_memory_equal(f->room + f->head, his_mac, 6);
	assert_memory_equal(skb_payload(f), "one", 3);
	kfree_skb(f);
}

static void test_times(void **state)
{
	u64 t = now;

	arp_from_him(1, &his, &mine, PKT_BROADCAST); /* he asks: he is known, and gets an answer */
	assert_int_equal(state_of(&his), NUD_STALE);
	assert_int_equal(frames(), 1);
	neigh_output(&card, &his, packet_of("x", 1, ETH_P_IP));
	assert_int_equal(state_of(&his), NUD_DELAY);
	run_to(t + 6 * NSEC_PER_SEC);
	assert_int_equal(state_of(&his), NUD_PROBE);
	neigh_confirm(&card, &his);
	assert_int_equal(state_of(&his), NUD_REACHABLE);
	run_to(t + 40 * NSEC_PER_SEC);
	assert_int_equal(state_of(&his), NUD_STALE);
	neigh_output(&card, &his, packet_of("x", 1, ETH_P_IP));
	run_to(t + 60 * NSEC_PER_SEC);
	assert_int_equal(state_of(&his), NUD_FAILED);
	run_to(t + 200 * NSEC_PER_SEC);
	assert_int_equal(state_of(&his), NUD_FAILED); /* there are few */
	neigh_gc[0].thresh1 = 0;
	run_to(t + 240 * NSEC_PER_SEC);
	assert_int_equal(state_of(&his), 0);
	neigh_gc[0].thresh1 = 128;
}

/* Who is not used is forgotten after gc_stale_time, by a collector that comes every gc_interval. */
static void test_collector(void **state)
{
	u64 t = 1000 * 30 * NSEC_PER_SEC; /* the collector's turn */

	run_to(t + NSEC_PER_SEC);
	neigh_gc[0].thresh1 = 1;
	arp_from_him(1, &his, &mine, PKT_BROADCAST);
	run_to(t + 89 * NSEC_PER_SEC);
	assert_int_equal(state_of(&his), NUD_STALE);
	run_to(t + 90 * NSEC_PER_SEC);
	assert_int_equal(state_of(&his), 0);
	card.conf.v4[CONF4_NEIGH + NEIGH_STALE] = 5000;
	neigh_gc[0].interval = 10;
	arp_from_him(1, &his, &mine, PKT_BROADCAST);
	run_to(t + 99 * NSEC_PER_SEC);
	assert_int_equal(state_of(&his), NUD_STALE);
	run_to(t + 100 * NSEC_PER_SEC);
	assert_int_equal(state_of(&his), 0);
	neigh_gc[0].thresh1 = 2; /* the last one stays */
	arp_from_him(1, &his, &mine, PKT_BROADCAST);
	run_to(t + 200 * NSEC_PER_SEC);
	assert_int_equal(state_of(&his), NUD_STALE);
	neigh_gc[0] = (struct neigh_gc){ 128, 512, 1024, 30 };
}

/* After the machine itself programs are asked, then all. */
static void test_whom_to_ask(void **state)
{
	int *words = card.conf.v4 + CONF4_NEIGH;

	words[NEIGH_ASK_ONE] = 1;
	words[NEIGH_ASK_APP] = words[NEIGH_ASK_AGAIN] = 2;
	words[NEIGH_ASK_ALL] = 1;
	arp_from_him(1, &his, &mine, PKT_BROADCAST);
	skb_free_list(&sent);
	neigh_output(&card, &his, packet_of("x", 1, ETH_P_IP));
	skb_free_list(&sent);
	run_to(now + 5 * NSEC_PER_SEC + 1);
	assert_int_equal(frames(), 1);
	assert_int_equal(apps_asked, 0);
	kfree_skb(take());
	run_to(now + 2 * NSEC_PER_SEC);
	assert_int_equal(apps_asked, 2);
	assert_int_equal(frames(), 0);
	run_to(now + 2 * NSEC_PER_SEC);
	assert_int_equal(frames(), 2);
	assert_int_equal(state_of(&his), NUD_PROBE);
	run_to(now + NSEC_PER_SEC);
	assert_int_equal(state_of(&his), NUD_FAILED);
	skb_free_list(&sent);
	apps_asked = 0;
	neigh_output(&card, &his, packet_of("x", 1, ETH_P_IP));
	assert_int_equal(apps_asked, 1);
	run_to(now + 3 * NSEC_PER_SEC);
	assert_int_equal(apps_asked, 2);
	assert_int_equal(frames(), 1);
	assert_int_equal(state_of(&his), NUD_FAILED);
	apps_asked = 0;
}

static void says_mac(const ip_addr *sip, const ip_addr *tip, u8 last)
{
	u8 p[28] = { 0, 1, 8, 0, 6, 4, 0, 2, 2, [13] = last };
	struct sk_buff *skb;

	memcpy(p + 14, &sip->w[3], 4);
	memcpy(p + 24, &tip->w[3], 4);
	if (ip_equal(sip, tip)) /* who says it of himself names himself all through */
		memcpy(p + 18, p + 8, 6);
	skb = packet_of(p, sizeof(p), ETH_P_ARP);
	skb->pkt_type = PKT_HOST;
	arp_rcv(skb);
}

static u8 last_of(const ip_addr *a)
{
	struct neigh_info i;

	return neigh_get(&card, a, &i) ? 0 : i.mac[5];
}

/* Of several answers the first one counts, for a second; who says it unasked is believed at once. */
static void test_lock(void **state)
{
	neigh_output(&card, &his, packet_of("x", 1, ETH_P_IP));
	says_mac(&his, &mine, 7);
	assert_int_equal(last_of(&his), 7);
	run_to(now + NSEC_PER_SEC / 2);
	says_mac(&his, &mine, 8);
	assert_int_equal(last_of(&his), 7);
	assert_int_equal(state_of(&his), NUD_REACHABLE);
	run_to(now + NSEC_PER_SEC / 2 + 1);
	neigh_confirm(&card, &his); /* that is no change */
	says_mac(&his, &mine, 8);
	assert_int_equal(last_of(&his), 8);
	says_mac(&his, &his, 9);
	assert_int_equal(last_of(&his), 9);
	card.conf.v4[CONF4_NEIGH + NEIGH_LOCK] = 0;
	says_mac(&his, &mine, 8);
	assert_int_equal(last_of(&his), 8);
}

/* An answer for another waits a while, and as many as may. */
static void test_proxy(void **state)
{
	struct route r = { .dev = &lo, .table = 254, .type = 1, .dst = ip_v4(0), .prefix = 96 };
	ip_addr far = ip_v4(htonl(0x0c000001));
	int *words = card.conf.v4 + CONF4_NEIGH;

	lo.flags = IFF_UP;
	assert_int_equal(route_add(&net, &r), 0);
	card.conf.v4[CONF4_PROXY_ARP] = card.conf.v4[CONF4_FORWARDING] = 1;
	arp_from_him(1, &his, &far, PKT_HOST); /* we alone were asked */
	assert_int_equal(frames(), 1);
	words[NEIGH_PROXY] = 0;
	arp_from_him(1, &his, &far, PKT_BROADCAST);
	assert_int_equal(frames(), 2);
	words[NEIGH_PROXY] = 80;
	words[NEIGH_PROXIED] = 2;
	for (int i = 0; i < 10; i++)
		arp_from_him(1, &his, &far, PKT_BROADCAST);
	assert_int_equal(frames(), 2);
	run_to(now + 800 * NSEC_PER_MSEC);
	assert_int_equal(frames(), 5);
	arp_from_him(1, &his, &far, PKT_BROADCAST);
	neigh_forget(&card);
	run_to(now + 800 * NSEC_PER_MSEC);
	assert_int_equal(frames(), 5);
	routes_forget(&lo, true);
}

/* What its device's sysctls say, within bounds. */
static void test_words(void **state)
{
	int *words = card.conf.v4 + CONF4_NEIGH;
	u64 t = now;

	words[NEIGH_ASK_ALL] = 5;
	words[NEIGH_RETRANS] = 0;
	neigh_output(&card, &his, packet_of("x", 1, ETH_P_IP));
	run_to(t + 499 * NSEC_PER_MSEC);
	assert_int_equal(frames(), 5);
	assert_int_equal(state_of(&his), NUD_INCOMPLETE);
	run_to(t + NSEC_PER_SEC);
	assert_int_equal(state_of(&his), NUD_FAILED);
	assert_int_equal(frames(), 5);
	neigh_forget(&card);
	words[NEIGH_ASK_ALL] = 0; /* nobody is asked */
	neigh_output(&card, &his, packet_of("x", 1, ETH_P_IP));
	run_to(now + NSEC_PER_SEC);
	assert_int_equal(state_of(&his), NUD_FAILED);
	assert_int_equal(frames(), 5);
	neigh_forget(&card);
	words[NEIGH_DELAY] = words[NEIGH_ASK_ONE] = words[NEIGH_REACHABLE] = 0;
	arp_from_him(1, &his, &mine, PKT_BROADCAST);
	neigh_confirm(&card, &his);
	run_to(now + 1);
	assert_int_equal(state_of(&his), NUD_STALE);
	neigh_output(&card, &his, packet_of("x", 1, ETH_P_IP));
	run_to(now + 1);
	assert_int_equal(state_of(&his), NUD_FAILED);
}

static void test_nobody(void **state)
{
	u32 cost;
	struct sk_buff *one = packet_of("x", 1, ETH_P_IP);

	cost = skb_truesize(one);
	kfree_skb(one);
	card.conf.v4[CONF4_NEIGH + NEIGH_QUEUE] = (int)(64 * cost + cost - 1); /* 64 may wait */
	for (int i = 0; i < 100; i++)
		neigh_output(&card, &his, packet_of("x", 1, ETH_P_IP));
	run_to(now + 5 * NSEC_PER_SEC);
	assert_int_equal(state_of(&his), NUD_FAILED);
	assert_int_equal(frames(), 3); /* questions */
	assert_int_equal(unreachable, 64);
	card.conf.v4[CONF4_NEIGH + NEIGH_QUEUE] = 0; /* the last one does all the same */
	for (int i = 0; i < 3; i++)
		neigh_output(&card, &his, packet_of("x", 1, ETH_P_IP));
	run_to(now + 5 * NSEC_PER_SEC);
	assert_int_equal(unreachable, 65);
}

static void test_announcements(void **state)
{
	arp_from_him(1, &his, &his, PKT_BROADCAST); /* gratuitous: makes no entry */
	assert_int_equal(state_of(&his), 0);
	arp_from_him(2, &mine, &mine, PKT_BROADCAST);
	assert_int_equal(state_of(&mine), 0);
	neigh_set(&card, &his, my_mac, NUD_PERMANENT, 0, 0x400 /* NLM_F_CREATE */);
	arp_from_him(2, &his, &mine, PKT_HOST); /* what was set by hand stays */
	assert_int_equal(state_of(&his), NUD_PERMANENT);
	assert_int_equal(frames(), 0);
}

static void test_flood(void **state)
{
	for (u32 i = 0; i < 3000; i++) {
		ip_addr a = ip_v4(htonl(0x0b000000 + i));

		now++;
		arp_from_him(1, &a, &mine, PKT_BROADCAST);
	}
	assert_true(fake_allocations < 1024 + 3000 + 10);
	skb_free_list(&sent);
	assert_true(fake_allocations <= 1024 + 2 /* address, route */);
}

static u32 known(void)
{
	static struct neigh_info all[4096];

	return neigh_list(&net, all, ARRAY_SIZE(all));
}

static void he_asks(u32 n)
{
	ip_addr a = ip_v4(htonl(0x0b000000 + n));

	arp_from_him(1, &a, &mine, PKT_BROADCAST);
}

/* Above gc_thresh2 those go that were not used for a while, and there are never more than gc_thresh3. */
static void test_thresholds(void **state)
{
	neigh_gc[0] = (struct neigh_gc){ 0, 10, 20, 3600 };
	card.conf.v4[CONF4_NEIGH + NEIGH_STALE] = 3600000;
	for (u32 i = 0; i < 30; i++)
		he_asks(i);
	assert_int_equal(known(), 20);
	run_to(now + 4 * NSEC_PER_SEC);
	he_asks(30);
	assert_int_equal(known(), 20);
	run_to(now + 2 * NSEC_PER_SEC);
	he_asks(31);
	assert_int_equal(known(), 10);
	run_to(now + 4 * NSEC_PER_SEC);
	he_asks(32); /* that one was the last to be added but two */
	assert_int_equal(known(), 10);
	neigh_gc[0].thresh3 = 0;
	he_asks(33);
	assert_int_equal(known(), 0);
	neigh_gc[0] = (struct neigh_gc){ 128, 512, 1024, 30 };
	skb_free_list(&sent);
}

/* ---- IPv6 addresses of our own ---- */

static void test_own_address(void **state)
{
	ip_addr local = { { htonl(0xfe800000), 0, htonl(0x000000ff), htonl(0xfe000001) } };

	ndisc_up(&card);
	assert_int_equal(addr_state(&card, &local), ADDR_TENTATIVE);
	assert_int_equal(frames(), 1); /* has anybody got it? */
	run_to(now + 1100 * NSEC_PER_MSEC);
	assert_int_equal(addr_state(&card, &local), ADDR_VALID);
	run_to(now + 20 * NSEC_PER_SEC);
	assert_int_equal(frames(), 4); /* and three questions for routers, at 1, 5 and 13 seconds */
	run_to(now + 13 * NSEC_PER_SEC); /* the fourth at 29, or a few later or earlier */
	assert_int_equal(frames(), 5);
}

/* As many questions as the device's words say, and when. */
static void test_questions(void **state)
{
	ip_addr local = { { htonl(0xfe800000), 0, htonl(0x000000ff), htonl(0xfe000001) } };
	int *words = card.conf.v6;

	words[CONF6_DAD_TRANSMITS] = 3;
	words[CONF6_NEIGH + NEIGH_RETRANS] = 500;
	words[CONF6_RS_COUNT] = 2;
	words[CONF6_RS_DELAY] = 3000;
	words[CONF6_RS_INTERVAL] = 1000;
	ndisc_up(&card);
	run_to(now + 1400 * NSEC_PER_MSEC);
	assert_int_equal(frames(), 3);
	assert_int_equal(addr_state(&card, &local), ADDR_TENTATIVE);
	run_to(now + 200 * NSEC_PER_MSEC);
	assert_int_equal(addr_state(&card, &local), ADDR_VALID);
	run_to(now + 1300 * NSEC_PER_MSEC);
	assert_int_equal(frames(), 3);
	run_to(now + 200 * NSEC_PER_MSEC);
	assert_int_equal(frames(), 4);
	run_to(now + 100 * NSEC_PER_SEC);
	assert_int_equal(frames(), 5);
	ndisc_down(&card);
	words[CONF6_DAD_TRANSMITS] = words[CONF6_RS_COUNT] = 0;
	ndisc_up(&card);
	run_to(now + 10 * NSEC_PER_SEC);
	assert_int_equal(addr_state(&card, &local), ADDR_VALID);
	assert_int_equal(frames(), 5);
	ndisc_down(&card);
	words[CONF6_RS_COUNT] = -1;
	words[CONF6_RS_DELAY] = 0;
	words[CONF6_RS_MAX_INTERVAL] = 2000;
	words[CONF6_FORWARDING] = 1; /* a router asks none */
	ndisc_up(&card);
	run_to(now + 10 * NSEC_PER_SEC);
	assert_int_equal(frames(), 5);
	ndisc_down(&card);
	words[CONF6_FORWARDING] = 0;
	ndisc_up(&card);
	run_to(now + 100 * NSEC_PER_SEC); /* two seconds apart at most, a tenth more or less */
	assert_true(frames() > 5 + 43 && frames() < 5 + 58);
}

static void nd_from_him(const u8 *m, u32 n, const ip_addr *from, const ip_addr *to)
{
	struct sk_buff *skb = packet_of(m, n, ETH_P_IPV6);

	skb->ip = (struct ip_meta){ .saddr = *from, .daddr = *to, .ttl = 255, .v6 = true };
	ndisc_rcv(skb);
}

static void test_address_taken(void **state)
{
	ip_addr local = { { htonl(0xfe800000), 0, htonl(0x000000ff), htonl(0xfe000001) } };
	ip_addr all = { { htonl(0xff020000), 0, 0, htonl(1) } };
	u8 na[24] = { 136 };

	ndisc_up(&card);
	memcpy(na + 8, &local, 16);
	nd_from_him(na, sizeof(na), &local, &all);
	assert_int_equal(addr_state(&card, &local), ADDR_NONE);
}

/* Our own question that comes back is no sign that somebody has the address; one without our nonce is. */
static void test_own_question(void **state)
{
	ip_addr local = { { htonl(0xfe800000), 0, htonl(0x000000ff), htonl(0xfe000001) } };
	ip_addr group = mcast_solicited_node(&local);
	struct sk_buff *question;
	u8 ns[32];

	ndisc_up(&card);
	question = take();
	assert_int_equal(skb_len(question), sizeof(ns));
	skb_copy(question, 0, ns, sizeof(ns));
	kfree_skb(question);
	nd_from_him(ns, sizeof(ns), &IP_ANY, &group);
	assert_int_equal(addr_state(&card, &local), ADDR_TENTATIVE);
	ns[31] ^= 1;
	nd_from_him(ns, sizeof(ns), &IP_ANY, &group);
	assert_int_equal(addr_state(&card, &local), ADDR_NONE);
	ndisc_down(&card);
	card.conf.v6[CONF6_ENHANCED_DAD] = 0;
	ndisc_up(&card);
	question = take();
	assert_int_equal(skb_len(question), 24);
	kfree_skb(question);
	ns[31] ^= 1;
	nd_from_him(ns, sizeof(ns), &IP_ANY, &group);
	assert_int_equal(addr_state(&card, &local), ADDR_NONE);
}

static void test_router(void **state)
{
	ip_addr router = { { htonl(0xfe800000), 0, 0, htonl(2) } };
	ip_addr all = { { htonl(0xff020000), 0, 0, htonl(1) } };
	ip_addr got = { { htonl(0x20010db8), 0, htonl(0x000000ff), htonl(0xfe000001) } };
	ip_addr far = { { htonl(0x20010db9), 0, 0, htonl(1) } };
	struct flow f = { .daddr = far };
	u8 ra[16 + 32] = { 134, 0, 0, 0, 64, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 64, 0xc0, 0,
		0, 0, 50, 0, 0, 0, 50, 0, 0, 0, 0, 0x20, 0x01, 0x0d, 0xb8 };

	nd_from_him(ra, sizeof(ra), &router, &all);
	assert_int_equal(addr_state(&card, &got), ADDR_TENTATIVE);
	run_to(now + 2 * NSEC_PER_SEC);
	assert_int_equal(addr_state(&card, &got), ADDR_VALID);
	assert_int_equal(route_output(&net, &f), 0);
	assert_true(ip_equal(&f.next_hop, &router) && ip_equal(&f.saddr, &got));
	run_to(now + 60 * NSEC_PER_SEC); /* the prefix has ended */
	assert_int_equal(addr_state(&card, &got), ADDR_NONE);
	run_to(now + 60 * NSEC_PER_SEC); /* the router too */
	f = (struct flow){ .daddr = far };
	assert_int_not_equal(route_output(&net, &f), 0);
}

/* ---- fragments ---- */

static int keep(struct sk_buff *skb, const struct flow *f)
{
	list_add_tail(&skb->list, &sent);
	return 0;
}

/* What ip.c reads out of a fragment of IPv4. */
static struct sk_buff *parsed(struct sk_buff *skb)
{
	u8 tmp[20];
	const struct iphdr *h = skb_header(skb, 20, tmp);
	u16 off = ntohs(h->frag_off);

	skb->ip = (struct ip_meta){
		.saddr = ip_v4(h->saddr),
		.daddr = ip_v4(h->daddr),
		.proto = h->protocol,
		.hdr_len = 20,
		.is_frag = true,
		.frag_more = off & 0x2000,
		.frag_off = (u16)((off & 0x1fff) * 8),
		.frag_len = (u16)(ntohs(h->tot_len) - 20),
		.frag_id = h->id,
	};
	skb->dev = &card;
	return skb;
}

#define SIZE 20000
static u8 data[SIZE];

static struct sk_buff *large(u16 id)
{
	struct sk_buff *skb;
	struct iphdr *h;

	for (u32 i = 0; i < SIZE; i++)
		data[i] = (u8)fake_random();
	skb = packet_of(data, SIZE, ETH_P_IP);
	h = skb_push(skb, sizeof(*h));
	*h = (struct iphdr){ .version = 4,
		.ihl = 5,
		.tot_len = htons(SIZE + 20),
		.id = htons(id),
		.protocol = 17,
		.saddr = mine.w[3],
		.daddr = his.w[3] };
	return skb;
}

static void test_any_order(void **state)
{
	struct flow f = { .dev = &card };
	struct sk_buff *all[16], *whole = NULL;
	int n;

	for (int round = 0; round < 50; round++) {
		assert_int_equal(ip_fragment(large((u16)round), 1500, &f, keep), 0);
		for (n = 0; !list_empty(&sent); n++) {
			all[n] = take();
			assert_true(skb_len(all[n]) <= 1500);
		}
		assert_int_equal(n, (SIZE + 1479) / 1480);
		whole = NULL;
		while (n) {
			int i = (int)(fake_random() % (u32)n);

			assert_null(whole);
			if (n > 1 && fake_random() % 4 == 0) /* once more */
				assert_null(ip_defrag(&net, parsed(skb_clone(all[i], GFP_ATOMIC))));
			whole = ip_defrag(&net, parsed(all[i]));
			all[i] = all[--n];
		}
		assert_non_null(whole);
		assert_int_equal(skb_len(whole), SIZE + 20);
		assert_memory_equal(skb_payload(whole) + 20, data, SIZE);
		kfree_skb(whole);
	}
}

static void test_incomplete(void **state)
{
	struct flow f = { .dev = &card };
	u32 packets, memory;

	ip_fragment(large(1), 1500, &f, keep);
	kfree_skb(take());
	while (!list_empty(&sent))
		assert_null(ip_defrag(&net, parsed(take())));
	frag_usage(&packets, &memory);
	assert_int_equal(packets, 1);
	run_to(now + 31 * NSEC_PER_SEC);
	frag_usage(&packets, &memory);
	assert_int_equal(packets, 0);
	assert_int_equal(memory, 0);
}

/* Who sends many pieces pushes out its own, not another namespace's; nothing is kept where nothing may be. */
static void test_memory_of_others(void **state)
{
	struct flow f = { .dev = &card };
	struct sk_buff *whole = NULL;
	u32 packets, memory;

	ip_fragment(large(7), 1500, &f, keep);
	assert_null(ip_defrag(&other, parsed(take())));
	skb_free_list(&sent);
	for (int i = 0; i < 2000; i++) {
		ip_fragment(large((u16)i), 1500, &f, keep);
		assert_null(ip_defrag(&net, parsed(take())));
		skb_free_list(&sent);
	}
	assert_true(net.frags[0].packets <= 256 && net.frags[0].memory <= 4 << 20);
	assert_int_equal(other.frags[0].packets, 1);
	ip_fragment(large(7), 1500, &f, keep);
	kfree_skb(take()); /* the first is there */
	while (!list_empty(&sent)) {
		assert_null(whole);
		whole = ip_defrag(&other, parsed(take()));
	}
	assert_non_null(whole);
	kfree_skb(whole);
	frags_forget(&net);
	net.frags[0].high_thresh = 0;
	ip_fragment(large(8), 1500, &f, keep);
	while (!list_empty(&sent))
		assert_null(ip_defrag(&net, parsed(take())));
	frag_usage(&packets, &memory);
	assert_true(!packets && !memory);
	frags_net_init(&net);
}

/* Random pieces: overlapping, beyond the end, of many packets; memory stays bounded, what comes out is what its header says. */
static void test_random_pieces(void **state)
{
	for (int i = 0; i < 100000; i++) {
		u32 r = fake_random(), len = 20 + fake_random() % 3000, packets, memory;
		struct sk_buff *skb = packet_of(data, len, ETH_P_IP), *whole;
		struct iphdr *h = (struct iphdr *)skb_payload(skb);

		*h = (struct iphdr){ .version = 4,
			.ihl = 5,
			.tot_len = htons(len),
			.id = htons(r % 400),
			.protocol = 17,
			.frag_off = htons((fake_random() % 64) | (r & 0x1000 ? 0x2000 : 0)),
			.saddr = his.w[3],
			.daddr = mine.w[3] };
		if (r % 50 == 0)
			h->frag_off |= htons(0x1fff);
		whole = ip_defrag(&net, parsed(skb));
		if (whole) {
			assert_int_equal(ntohs(((struct iphdr *)skb_payload(whole))->tot_len),
				skb_len(whole));
			kfree_skb(whole);
		}
		frag_usage(&packets, &memory);
		assert_true(packets <= 256 && memory <= (4 << 20) + 8192);
		now += NSEC_PER_MSEC;
	}
}

/* ---- random frames ---- */

static void test_random_frames(void **state)
{
	static const u16 kinds[] = { ETH_P_ARP, ETH_P_IPV6, ETH_P_IP, 0x1234 };

	for (int i = 0; i < 200000; i++) {
		u8 f[128];
		u32 n = fake_random() % sizeof(f);
		u16 kind = kinds[fake_random() % 4];
		struct sk_buff *skb;

		for (u32 k = 0; k < sizeof(f); k++)
			f[k] = fake_random() % 3 ? (u8)(fake_random() % 4) : (u8)fake_random();
		memcpy(f, fake_random() % 2 ? my_mac : (const u8 *)"\xff\xff\xff\xff\xff\xff", 6);
		f[12] = (u8)(kind >> 8);
		f[13] = (u8)kind;
		eth_rx(&card, packet_of(f, n, 0));
		skb = received;
		received = NULL;
		if (skb && skb->protocol == ETH_P_ARP) {
			if (skb->len >= 8 && fake_random() % 2)
				memcpy(skb_payload(skb), "\0\1\x08\0\6\4\0\1", 8);
			arp_rcv(skb);
		} else if (skb && skb->protocol == ETH_P_IPV6) {
			skb->ip = (struct ip_meta){ .ttl = 255, .v6 = true };
			skb->ip.saddr.w[0] = htonl(0xfe800000);
			skb->ip.daddr.w[0] = htonl(0xff020000);
			if (skb->len)
				skb_payload(skb)[0] = (u8)(133 + fake_random() % 5);
			ndisc_rcv(skb);
		} else {
			kfree_skb(skb);
		}
		if (i % 64 == 0) {
			run_to(now + 10 * NSEC_PER_MSEC);
			skb_free_list(&sent);
		}
	}
	skb_free_list(&sent);
	assert_true(fake_allocations < 1024 * 66);
}

static void test_texts(void **state)
{
	u8 mac[6];

	assert_int_equal(eth_parse("02:00:aB:00:00:ff", mac), 0);
	assert_memory_equal(mac, "\x02\x00\xab\x00\x00\xff", 6);
	assert_int_not_equal(eth_parse("01:00:00:00:00:00", mac), 0);
	assert_int_not_equal(eth_parse("00:00:00:00:00:00", mac), 0);
	assert_int_not_equal(eth_parse("02:00:00:00:00", mac), 0);
	assert_int_not_equal(eth_parse("02:00:00:00:00:0g", mac), 0);
	assert_int_not_equal(eth_parse("02:00:00:00:00:001", mac), 0);
}

static void test_pmtu(void **state)
{
	ip_addr his6 = { { htonl(0x20010db8), 0, 0, htonl(2) } };

	net.min_pmtu = 552;
	net.mtu_expires = 600;
	pmtu_learn(&net, &his, 1400);
	assert_int_equal(pmtu_of(&net, &his, 1500), 1400);
	assert_int_equal(pmtu_of(&net, &mine, 1500), 1500);
	pmtu_learn(&net, &his, 10);
	assert_int_equal(pmtu_of(&net, &his, 1500), 552);
	run_to(now + 601 * NSEC_PER_SEC);
	assert_int_equal(pmtu_of(&net, &his, 1500), 1500);
	net.mtu_expires6 = 7; /* IPv6's lives as long as its namespace says */
	pmtu_learn(&net, &his6, 1300);
	run_to(now + 6 * NSEC_PER_SEC);
	assert_int_equal(pmtu_of(&net, &his6, 1500), 1300);
	run_to(now + 2 * NSEC_PER_SEC);
	assert_int_equal(pmtu_of(&net, &his6, 1500), 1500);
}

/* ---- lifetimes of addresses ---- */

#define CROWD 200

static void add_for(u32 last, u64 lasts)
{
	struct ifaddr a = { .addr = ip_v4(htonl(0x0a000100 + last)), .prefix = 32 };

	a.expires = now + lasts;
	assert_int_equal(addr_add(&card, &a), 0);
}

static u32 crowd(void)
{
	const struct ifaddr *i;
	u32 n = 0;

	list_for_each_entry(i, &net.addrs, list)
		n += i->dev == &card;
	return n - 1;
}

/* A timer's function keeps the vCPU from all programs: it says that there is something to do, and threads do it bit by bit. */
static void test_addresses_end_bit_by_bit(void **state)
{
	int before;

	for (u32 n = 0; n < CROWD; n++)
		add_for(n, NSEC_PER_SEC);
	run_to(now + NSEC_PER_SEC / 2);
	assert_int_equal(crowd(), CROWD);
	now += NSEC_PER_SEC;
	net.addr_timer.armed = false;
	net.addr_timer.func(&net.addr_timer);
	assert_int_equal(crowd(), CROWD);
	assert_ptr_equal(queued, &net.addr_work);
	assert_int_equal(atomic_read(&net.ns.count), 2);
	before = works_done;
	do_works();
	assert_int_equal(crowd(), 0);
	assert_in_range(works_done - before, CROWD / 64, CROWD);
	assert_int_equal(atomic_read(&net.ns.count), 1);
}

/* The timer comes again while the work waits; and one namespace has ended, whose addresses go with it. */
static void test_addresses_and_references(void **state)
{
	add_for(1, NSEC_PER_SEC);
	run_to(now + 1);
	now += 2 * NSEC_PER_SEC;
	net.addr_timer.func(&net.addr_timer);
	net.addr_timer.func(&net.addr_timer);
	assert_int_equal(atomic_read(&net.ns.count), 2);
	do_works();
	assert_int_equal(crowd(), 0);
	assert_int_equal(atomic_read(&net.ns.count), 1);
	add_for(1, NSEC_PER_SEC);
	atomic_set(&net.ns.count, 0);
	net.addr_timer.func(&net.addr_timer);
	assert_null(queued);
	atomic_set(&net.ns.count, 1);
	run_to(now + 2 * NSEC_PER_SEC);
	assert_int_equal(crowd(), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
UNIT_MAIN(T(test_resolution), T(test_times), T(test_collector), T(test_words), T(test_whom_to_ask),
	T(test_lock), T(test_proxy), T(test_thresholds), T(test_nobody), T(test_announcements),
	T(test_flood), T(test_own_address), T(test_questions), T(test_own_question),
	T(test_address_taken), T(test_router), T(test_any_order), T(test_incomplete),
	T(test_memory_of_others), T(test_random_pieces), T(test_random_frames), T(test_texts),
	T(test_pmtu), T(test_addresses_end_bit_by_bit), T(test_addresses_and_references))
