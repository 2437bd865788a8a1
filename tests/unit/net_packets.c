/* SPDX-License-Identifier: MIT */
/*
 * net_packets.c: packets are fragmented and reassembled in any order, and random fragments do no
 * harm. Also tests path MTUs, and addresses whose lifetime ends.
 * SOURCES: kernel/net/link/eth.c kernel/net/neigh/arp.c kernel/net/neigh/neigh.c
 * SOURCES: kernel/net/neigh/neigh_table.c kernel/net/neigh/ndisc.c kernel/net/neigh/ndisc_ra.c
 * SOURCES: kernel/net/inet/frag.c kernel/net/route/flow.c kernel/net/route/pmtu.c
 * SOURCES: kernel/net/inet/addr_gen.c kernel/lib/siphash.c kernel/net/socket/skb.c
 * SOURCES: kernel/net/inet/addrs.c kernel/net/inet/addr_find.c kernel/net/route/prefix.c
 * SOURCES: kernel/net/route/route.c kernel/net/route/route_list.c kernel/lib/rbtree.c
 * SOURCES: kernel/lib/string.c
 */
#include <linux/ip.h>

#include "net_world.h"

/* ---- fragments ---- */

static int keep(struct sk_buff *skb, const struct flow *f)
{
	list_add_tail(&skb->list, &sent);
	return 0;
}

/* Sets the fields of @skb that ip.c reads from the header of an IPv4 fragment. */
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
			if (n > 1 && fake_random() % 4 == 0) /* a duplicate */
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

/*
 * Many fragments evict other fragments of their own network namespace, and none of another
 * namespace. With a limit of 0 no fragment is kept.
 */
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
	kfree_skb(take()); /* @other still has the first fragment */
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

/*
 * Random fragments of many packets, which overlap or lie beyond the end: memory stays bounded, and
 * each reassembled packet has the length in its header.
 */
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

static void test_pmtu(void **state)
{
	ip_addr his6 = { { htonl(0x20010db8), 0, 0, htonl(2) } };

	net.ipv4.min_pmtu = 552;
	net.ipv4.mtu_expires = 600;
	pmtu_learn(&net, &his, 1400);
	assert_int_equal(pmtu_of(&net, &his, 1500), 1400);
	assert_int_equal(pmtu_of(&net, &mine, 1500), 1500);
	pmtu_learn(&net, &his, 10);
	assert_int_equal(pmtu_of(&net, &his, 1500), 552);
	run_to(now + 601 * NSEC_PER_SEC);
	assert_int_equal(pmtu_of(&net, &his, 1500), 1500);
	/* IPv6's path MTU expires by its own sysctl */
	net.ipv6.mtu_expires = 7;
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

	list_for_each_entry(i, &net.addr.list, list)
		n += i->dev == &card;
	return n - 1;
}

/*
 * A timer's function blocks all programs of the vCPU. So it only queues a work, and each run of the
 * work removes some addresses.
 */
static void test_addresses_end_bit_by_bit(void **state)
{
	int before;

	for (u32 n = 0; n < CROWD; n++)
		add_for(n, NSEC_PER_SEC);
	run_to(now + NSEC_PER_SEC / 2);
	assert_int_equal(crowd(), CROWD);
	now += NSEC_PER_SEC;
	net.addr.timer.armed = false;
	net.addr.timer.func(&net.addr.timer);
	assert_int_equal(crowd(), CROWD);
	assert_ptr_equal(queued, &net.addr.work);
	assert_int_equal(atomic_read(&net.ns.count), 2);
	before = works_done;
	do_works();
	assert_int_equal(crowd(), 0);
	assert_in_range(works_done - before, CROWD / 64, CROWD);
	assert_int_equal(atomic_read(&net.ns.count), 1);
}

/*
 * The timer fires again while the work is queued: only one reference is taken. If the namespace is
 * ending, no work is queued.
 */
static void test_addresses_and_references(void **state)
{
	add_for(1, NSEC_PER_SEC);
	run_to(now + 1);
	now += 2 * NSEC_PER_SEC;
	net.addr.timer.func(&net.addr.timer);
	net.addr.timer.func(&net.addr.timer);
	assert_int_equal(atomic_read(&net.ns.count), 2);
	do_works();
	assert_int_equal(crowd(), 0);
	assert_int_equal(atomic_read(&net.ns.count), 1);
	add_for(1, NSEC_PER_SEC);
	atomic_set(&net.ns.count, 0);
	net.addr.timer.func(&net.addr.timer);
	assert_null(queued);
	atomic_set(&net.ns.count, 1);
	run_to(now + 2 * NSEC_PER_SEC);
	assert_int_equal(crowd(), 0);
}

UNIT_MAIN(T(test_any_order), T(test_incomplete), T(test_memory_of_others), T(test_random_pieces),
	T(test_pmtu), T(test_addresses_end_bit_by_bit), T(test_addresses_and_references))
