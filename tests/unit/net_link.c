/* SPDX-License-Identifier: MIT */
/*
 * net_link.c: received frames: the states of ARP and neighbour discovery over time, by a fake
 * clock, and random frames that must do no harm.
 * SOURCES: kernel/net/link/eth.c kernel/net/neigh/arp.c kernel/net/neigh/neigh.c
 * SOURCES: kernel/net/neigh/neigh_table.c kernel/net/neigh/ndisc.c kernel/net/neigh/ndisc_ra.c
 * SOURCES: kernel/net/inet/frag.c kernel/net/route/flow.c kernel/net/route/pmtu.c
 * SOURCES: kernel/net/inet/addr_gen.c kernel/lib/siphash.c kernel/net/socket/skb.c
 * SOURCES: kernel/net/inet/addrs.c kernel/net/inet/addr_find.c kernel/net/route/prefix.c
 * SOURCES: kernel/net/route/route.c kernel/net/route/route_list.c kernel/lib/rbtree.c
 * SOURCES: kernel/lib/string.c
 */
#include "net_world.h"

/* ---- ARP ---- */

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
	assert_int_equal(frames(), 1); /* one request for both */
	f = take();
	assert_int_equal(skb_len(f), 14 + 28);
	assert_memory_equal(f->room + f->head, "\xff\xff\xff\xff\xff\xff", 6);
	kfree_skb(f);
	arp_from_him(2, &his, &mine, PKT_HOST);
	assert_int_equal(state_of(&his), NUD_REACHABLE);
	assert_int_equal(frames(), 2); /* the queued packets, in order */
	f = take();
	assert_memory_equal(f->room + f->head, his_mac, 6);
	assert_memory_equal(skb_payload(f), "one", 3);
	kfree_skb(f);
}

static void test_times(void **state)
{
	u64 t = now;

	/* a request makes its sender known, and is answered */
	arp_from_him(1, &his, &mine, PKT_BROADCAST);
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
	assert_int_equal(state_of(&his), NUD_FAILED); /* below gc_thresh1 */
	neigh_gc[0].thresh1 = 0;
	run_to(t + 240 * NSEC_PER_SEC);
	assert_int_equal(state_of(&his), 0);
	neigh_gc[0].thresh1 = 128;
}

/*
 * An unused neighbour is forgotten after gc_stale_time, by a collector that runs every gc_interval.
 */
static void test_collector(void **state)
{
	u64 t = 1000 * 30 * NSEC_PER_SEC; /* when the collector runs */

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
	neigh_gc[0].thresh1 = 2; /* now one entry may stay */
	arp_from_him(1, &his, &mine, PKT_BROADCAST);
	run_to(t + 200 * NSEC_PER_SEC);
	assert_int_equal(state_of(&his), NUD_STALE);
	neigh_gc[0] = (struct neigh_gc){ 128, 512, 1024, 30 };
}

/* Probes go to the neighbour itself, then to user programs (app_probes), then to all. */
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
	/* a gratuitous ARP names its sender in both addresses */
	if (ip_equal(sip, tip))
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

/*
 * Of several replies only the first is accepted, for a second (locktime). A gratuitous announcement
 * is accepted at once.
 */
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
	neigh_confirm(&card, &his); /* does not restart locktime */
	says_mac(&his, &mine, 8);
	assert_int_equal(last_of(&his), 8);
	says_mac(&his, &his, 9);
	assert_int_equal(last_of(&his), 9);
	card.conf.v4[CONF4_NEIGH + NEIGH_LOCK] = 0;
	says_mac(&his, &mine, 8);
	assert_int_equal(last_of(&his), 8);
}

/* Proxy ARP: replies for another host are delayed (proxy_delay), and at most proxy_qlen wait. */
static void test_proxy(void **state)
{
	struct route r = { .dev = &lo, .table = 254, .type = 1, .dst = ip_v4(0), .prefix = 96 };
	ip_addr far = ip_v4(htonl(0x0c000001));
	int *words = card.conf.v4 + CONF4_NEIGH;

	lo.flags = IFF_UP;
	assert_int_equal(route_add(&net, &r), 0);
	card.conf.v4[CONF4_PROXY_ARP] = card.conf.v4[CONF4_FORWARDING] = 1;
	arp_from_him(1, &his, &far, PKT_HOST); /* a unicast request */
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

/* A neighbour follows the sysctls of its device, within bounds. */
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
	words[NEIGH_ASK_ALL] = 0; /* no request is sent */
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
	assert_int_equal(frames(), 3); /* requests */
	assert_int_equal(unreachable, 64);
	card.conf.v4[CONF4_NEIGH + NEIGH_QUEUE] = 0; /* the last one waits anyway */
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
	arp_from_him(2, &his, &mine, PKT_HOST); /* a permanent entry stays */
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
	assert_true(fake_allocations <= 1024 + 7 /* address, route, hashes */);
}

static int count(const struct neigh_info *info, void *n)
{
	(*(u32 *)n)++;
	return 0;
}

static u32 known(void)
{
	u32 n = 0;

	assert_int_equal(neigh_each(&net, count, &n), 0);
	return n;
}

static void he_asks(u32 n)
{
	ip_addr a = ip_v4(htonl(0x0b000000 + n));

	arp_from_him(1, &a, &mine, PKT_BROADCAST);
}

/*
 * Above gc_thresh2 entries are removed that were not used for a while, and there are never more
 * than gc_thresh3 entries.
 */
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
	/* the removed entry is 30, the last but two to be added */
	he_asks(32);
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
	assert_int_equal(frames(), 1); /* the probe (DAD) */
	run_to(now + 1100 * NSEC_PER_MSEC);
	assert_int_equal(addr_state(&card, &local), ADDR_VALID);
	run_to(now + 20 * NSEC_PER_SEC);
	/* and three router solicitations, after 1, 5 and 13 seconds */
	assert_int_equal(frames(), 4);
	/* the fourth after 29 seconds, or a few more or less */
	run_to(now + 13 * NSEC_PER_SEC);
	assert_int_equal(frames(), 5);
}

/* The device's sysctls determine how many probes and router solicitations are sent, and when. */
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
	words[CONF6_FORWARDING] = 1; /* a router sends none */
	ndisc_up(&card);
	run_to(now + 10 * NSEC_PER_SEC);
	assert_int_equal(frames(), 5);
	ndisc_down(&card);
	words[CONF6_FORWARDING] = 0;
	ndisc_up(&card);
	/* at last every two seconds, 10 % more or less */
	run_to(now + 100 * NSEC_PER_SEC);
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

/*
 * Our own probe that comes back does not mean that another host has the address. A probe without
 * our nonce does.
 */
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
	run_to(now + 60 * NSEC_PER_SEC); /* the prefix has expired */
	assert_int_equal(addr_state(&card, &got), ADDR_NONE);
	run_to(now + 60 * NSEC_PER_SEC); /* the router has expired, too */
	f = (struct flow){ .daddr = far };
	assert_int_not_equal(route_output(&net, &f), 0);
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

UNIT_MAIN(T(test_resolution), T(test_times), T(test_collector), T(test_words), T(test_whom_to_ask),
	T(test_lock), T(test_proxy), T(test_thresholds), T(test_nobody), T(test_announcements),
	T(test_flood), T(test_own_address), T(test_questions), T(test_own_question),
	T(test_address_taken), T(test_router), T(test_random_frames), T(test_texts))
