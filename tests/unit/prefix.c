/* SPDX-License-Identifier: MIT */
/*
 * prefix.c: networks in a hash: a lookup of an address finds the networks that a walk over all of
 * them finds, in their owner's order, while networks are added and removed and the hash grows. A
 * lookup is short, however many networks there are.
 * SOURCES: kernel/net/route/prefix.c
 */
#include "kernel/lib/string.h"
#include "kernel/net/route/prefix.h"
#include "unit.h"

#define N 3000
#define SPACES 3

struct net_of {
	struct prefix_node node;
	/* entries of one network are sorted by this number, the lowest first */
	u32 order;
	bool in;
};
static struct net_of all[N];
static struct prefix_hash hash;
static struct prefix_lens lens[SPACES];
static u32 orders;

void arch_random(void *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((u8 *)buf)[i] = (u8)fake_random();
}

/* Returns an address that has many bits in common with others, so that networks are nested. */
static ip_addr some_addr(void)
{
	ip_addr a = { { htonl(0x20010db8), 0, htonl(fake_random() % 4), 0 } };

	a.w[3] = htonl(fake_random() & 0xc0c00003);
	return a;
}

bool ip_prefix_equal(const ip_addr *a, const ip_addr *b, u32 bits)
{
	for (u32 i = 0; i < bits; i++)
		if ((((const u8 *)a)[i / 8] ^ ((const u8 *)b)[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static bool same_net(const struct prefix_node *a, const struct prefix_node *b)
{
	return a->space == b->space && a->bits == b->bits && ip_equal(&a->net, &b->net);
}

static void enter(struct net_of *n)
{
	ip_addr a = some_addr();
	struct net_of *before = NULL;

	prefix_set(&n->node, fake_random() % SPACES, &a, 96 + fake_random() % 33);
	n->order = fake_random() % 2 ? ++orders : (u32)(1000000000 - ++orders);
	for (u32 i = 0; i < N; i++)
		if (all[i].in && same_net(&all[i].node, &n->node) && all[i].order > n->order &&
			(!before || all[i].order < before->order))
			before = &all[i];
	prefix_add(&hash, &n->node, before ? &before->node : NULL);
	prefix_len_add(&lens[n->node.space], n->node.bits);
	n->in = true;
}

static void leave(struct net_of *n)
{
	prefix_del(&hash, &n->node);
	prefix_len_del(&lens[n->node.space], n->node.bits);
	n->in = false;
}

/*
 * Returns the network of @space with the longest prefix that contains @a, or NULL. Of equal
 * networks it returns the lowest order above @above. @bits: the length of the prefix, or -1: any.
 */
static struct net_of *walk(u32 space, const ip_addr *a, int bits, u32 above)
{
	struct net_of *best = NULL;

	for (u32 i = 0; i < N; i++) {
		struct net_of *n = &all[i];

		if (!n->in || n->node.space != space || n->order <= above ||
			(bits >= 0 && n->node.bits != bits) ||
			!ip_prefix_equal(&n->node.net, a, n->node.bits))
			continue;
		if (!best || n->node.bits > best->node.bits ||
			(n->node.bits == best->node.bits && n->order < best->order))
			best = n;
	}
	return best;
}

static void check(u32 space, const ip_addr *a)
{
	struct prefix_node *n = NULL;
	struct net_of *want = walk(space, a, -1, 0);
	int bits = prefix_longest(&lens[space], 128);

	for (; bits >= 0 && !n; bits = prefix_longest(&lens[space], bits - 1))
		n = prefix_first(&hash, space, (u32)bits, a);
	assert_ptr_equal(n ? container_of(n, struct net_of, node) : NULL, want);
	while (want) {
		want = walk(space, a, want->node.bits, want->order);
		n = prefix_next(&hash, n);
		assert_ptr_equal(n ? container_of(n, struct net_of, node) : NULL, want);
	}
}

static void test_as_a_walk(void **state)
{
	assert_true(prefix_ready(&hash));
	for (u32 turn = 0; turn < 4 * N; turn++) {
		struct net_of *n = &all[fake_random() % N];
		ip_addr a = some_addr();

		if (n->in)
			leave(n);
		else
			enter(n);
		if (turn % 4 == 0)
			check(fake_random() % SPACES, &a);
	}
	for (u32 i = 0; i < N; i++)
		if (all[i].in)
			leave(&all[i]);
	for (u32 s = 0; s < SPACES; s++)
		assert_int_equal(prefix_longest(&lens[s], 128), -1);
	assert_int_equal(hash.nr, 0);
	prefix_free(&hash);
	assert_int_equal(fake_allocations, 0);
}

/* With 3,000 networks of one length no bucket has many of them. */
static void test_short(void **state)
{
	u32 longest = 0;

	assert_true(prefix_ready(&hash));
	for (u32 i = 0; i < N; i++) {
		ip_addr a = ip_v4(htonl(0x0a000000 + i * 256));

		prefix_set(&all[i].node, 254, &a, 96 + 24);
		prefix_add(&hash, &all[i].node, NULL);
	}
	for (u32 i = 0; i < hash.size; i++) {
		struct prefix_node *n;
		u32 k = 0;

		list_for_each_entry(n, &hash.buckets[i], list)
			k++;
		longest = longest > k ? longest : k;
	}
	assert_true(hash.size >= N);
	assert_in_range(longest, 1, 12);
	prefix_free(&hash);
}

static void test_no_memory(void **state)
{
	ip_addr a = some_addr();

	fake_fail_after = 0;
	assert_false(prefix_ready(&hash));
	fake_fail_after = 1;
	assert_true(prefix_ready(&hash));
	for (u32 i = 0; i < 100; i++) {
		prefix_set(&all[i].node, i, &a, 128);
		fake_fail_after = 0;
		prefix_add(&hash, &all[i].node, NULL);
	}
	fake_fail_after = -1;
	for (u32 i = 0; i < 100; i++)
		assert_ptr_equal(prefix_first(&hash, i, 128, &a), &all[i].node);
	prefix_free(&hash);
}

static void test_lengths(void **state)
{
	struct prefix_lens l = { 0 };
	static const u8 bits[] = { 0, 1, 63, 64, 65, 127, 128 };

	assert_int_equal(prefix_longest(&l, 128), -1);
	for (u32 i = 0; i < sizeof(bits); i++)
		prefix_len_add(&l, bits[i]);
	prefix_len_add(&l, 64);
	prefix_len_del(&l, 64);
	for (int most = 128, i = sizeof(bits) - 1; most >= 0; most--) {
		while (i >= 0 && bits[i] > most)
			i--;
		assert_int_equal(prefix_longest(&l, most), bits[i]);
	}
	assert_int_equal(prefix_longest(&l, -1), -1);
	prefix_len_del(&l, 64);
	assert_int_equal(prefix_longest(&l, 64), 63);
}

UNIT_MAIN(cmocka_unit_test(test_as_a_walk), cmocka_unit_test(test_short),
	cmocka_unit_test(test_no_memory), cmocka_unit_test(test_lengths))
