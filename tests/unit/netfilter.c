/* SPDX-License-Identifier: MIT */
/*
 * netfilter.c: parts of the packet filter: expressions on registers, lookups in sets, and NAT: the
 * ports that connections get, and packets that are rewritten in both directions with correct
 * checksums.
 * SOURCES: kernel/net/netfilter/nft_expr_data.c kernel/net/netfilter/nft_core.c
 * SOURCES: kernel/net/netfilter/nft_tree.c
 * SOURCES: kernel/net/netfilter/nat.c kernel/net/netfilter/conntrack.c
 * SOURCES: kernel/net/netfilter/ct_proto.c
 * SOURCES: kernel/net/netfilter/core.c kernel/net/netfilter/nfnetlink.c kernel/net/socket/skb.c
 * SOURCES: kernel/lib/rbtree.c kernel/lib/string.c
 */
#include <linux/ip.h>
#include <linux/netfilter/nf_nat.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/sysctl.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/nft_expr.h"
#include "unit.h"

/* ---- fakes ---- */

static struct net net;
static u64 now = 1;
struct net init_net;

static int add_sysctls(const struct sysctl *table, u32 n)
{
	return 0;
}
const struct sysctl_hooks sysctl_hooks = { .add = add_sysctls };
u64 ktime_get(void)
{
	return now;
}
u64 ktime_get_real(void)
{
	return now;
}
void nf_log_packet(const struct nf_state *s, u32 level, u32 flags, const char *prefix)
{
}
void arch_random(void *p, size_t n)
{
	static u8 next = 7;

	for (size_t i = 0; i < n; i++)
		((u8 *)p)[i] = next = (u8)(next * 13 + 5);
}
void call_rcu(struct rcu_head *h, void (*func)(struct rcu_head *h))
{
	func(h);
}
void synchronize_rcu(void)
{
}
bool addr_source(const struct net_device *dev, const ip_addr *dst, ip_addr *out)
{
	*out = ip_v4(htonl(0x01020304));
	return true;
}
void nf_addrs(const struct sk_buff *skb, bool v6, ip_addr *src, ip_addr *dst)
{
	u32 w[2];

	skb_copy(skb, 12, w, 8);
	*src = ip_v4(w[0]);
	*dst = ip_v4(w[1]);
}
void nf_ct_notify(const struct nf_conn *ct, u32 group)
{
}

void nf_send_copies(struct nft_pkt *p)
{
}

void nf_reject(struct nf_state *s, int type, int code)
{
}
void nft_net_end(struct net *n)
{
}
void nft_elem_deactivate(struct nft_elem *e)
{
}
void nft_elem_free(struct net *n, struct nft_elem *e)
{
	kfree(e);
}
struct nft_chain *nft_chain_find(const struct nft_table *t, nla_t name)
{
	return NULL;
}
int nft_serve(struct nfnl_req *r)
{
	return 0;
}
int ctnl_serve(struct nfnl_req *r)
{
	return 0;
}
int compat_serve(struct nfnl_req *r)
{
	return 0;
}
int nflog_serve(struct nfnl_req *r)
{
	return 0;
}
void nflog_sock_end(struct nl_sock *n)
{
}

int nft_batch_one(struct nfnl_req *r)
{
	return 0;
}
int nft_batch_begin(struct net *n, u32 genid)
{
	return 0;
}
int nft_commit(struct net *n, struct nl_sock *s, const struct nlmsghdr *begin)
{
	return 0;
}
void nft_abort(struct net *n)
{
}
int nl_queue_bytes(struct nl_sock *n, const void *data, u32 len, bool force)
{
	return 0;
}
int nl_done(struct nl_sock *n, const struct nlmsghdr *req)
{
	return 0;
}
int nl_error(struct nl_sock *n, const struct nlmsghdr *req, int err, const char *why, u32 offset)
{
	return 0;
}
void nl_broadcast_lost(struct net *n, int protocol, u32 group)
{
}

void nl_broadcast_but(struct net *n, int protocol, u32 group, const void *data, u32 len,
	const struct nl_sock *but)
{
}

bool ns_capable(struct user_namespace *ns, int cap)
{
	return true;
}
size_t copy_to_iter(const void *from, size_t n, struct iov_iter *i)
{
	return n;
}
size_t copy_from_iter(void *to, size_t n, struct iov_iter *i)
{
	return n;
}

/* ---- expressions ---- */

static struct nfb b;

static nla_t value(u16 type, const void *v, u32 n)
{
	u32 at = nfb_nest(&b, type);

	nfb_attr(&b, NFTA_DATA_VALUE, v, n);
	nfb_nest_end(&b, at);
	return (nla_t)(b.buf + at);
}

static nla_t number(u16 type, u32 v)
{
	u32 at = b.len;

	nfb_be32(&b, type, v);
	return (nla_t)(b.buf + at);
}

/* Begins a new buffer, with enough room that returned attributes never move. */
static void fresh(void)
{
	nfb_free(&b);
	nfb_attr(&b, 1, NULL, 0);
	b.len = 0;
}

static struct nft_expr *make(const struct nft_expr_type *type, nla_t *tb, int want)
{
	struct nft_expr *e = kzalloc(sizeof(*e) + type->size, GFP_KERNEL);
	struct nft_ctx c = { .net = &net };

	e->type = type;
	assert_int_equal(type->init(&c, e, tb), want);
	return e;
}

static void test_cmp(void **state)
{
	static const int want[][3] = { { 1, 0, 0 }, { 0, 1, 1 }, { 0, 1, 0 }, { 1, 1, 0 },
		{ 0, 0, 1 }, { 1, 0, 1 } };
	static const u8 values[3][2] = { { 1, 200 }, { 1, 199 }, { 2, 0 } }; /* equal, less, more */

	for (u32 op = 0; op <= NFT_CMP_GTE; op++) {
		nla_t tb[8] = { 0 };
		struct nft_expr *e;

		fresh();
		tb[NFTA_CMP_DATA] = value(NFTA_CMP_DATA, values[0], 2);
		tb[NFTA_CMP_OP] = number(NFTA_CMP_OP, op);
		tb[NFTA_CMP_SREG] = number(NFTA_CMP_SREG, NFT_REG32_15);
		e = make(&nft_cmp, tb, 0);
		for (u32 i = 0; i < 3; i++) {
			struct nft_regs r = { .code = NFT_CONTINUE };

			memcpy(&r.data[19], values[i], 2);
			e->type->eval(e, &r, NULL);
			assert_int_equal(r.code == NFT_CONTINUE, want[op][i]);
		}
		kfree(e);
	}
}

static void test_registers(void **state)
{
	static const u8 wide[8];
	nla_t tb[8] = { 0 };

	fresh();
	tb[NFTA_CMP_DATA] = value(NFTA_CMP_DATA, wide, 8);
	tb[NFTA_CMP_OP] = number(NFTA_CMP_OP, NFT_CMP_EQ);
	tb[NFTA_CMP_SREG] =
		number(NFTA_CMP_SREG, NFT_REG32_15); /* 8 bytes do not fit at the last word */
	kfree(make(&nft_cmp, tb, -ERANGE));
	for (u32 reg = 0; reg < 40; reg++) {
		bool good = (reg >= NFT_REG_1 && reg <= NFT_REG_4) ||
			    (reg >= NFT_REG32_00 && reg < NFT_REG32_15);

		fresh();
		tb[NFTA_CMP_DATA] = value(NFTA_CMP_DATA, wide, 8);
		tb[NFTA_CMP_OP] = number(NFTA_CMP_OP, NFT_CMP_EQ);
		tb[NFTA_CMP_SREG] = number(NFTA_CMP_SREG, reg);
		kfree(make(&nft_cmp, tb, good ? 0 : -ERANGE));
	}
}

static void test_bitwise_byteorder(void **state)
{
	static const u8 mask[6] = { 0xff, 0xf0, 0, 0xff, 1, 2 }, xor[6] = {
		1, 0, 7, 0, 0, 0
	};
	nla_t tb[10] = { 0 };
	struct nft_regs r = { .code = NFT_CONTINUE };
	struct nft_expr *e;

	fresh();
	tb[NFTA_BITWISE_LEN] = number(NFTA_BITWISE_LEN, 6);
	tb[NFTA_BITWISE_SREG] = number(NFTA_BITWISE_SREG, NFT_REG_1);
	tb[NFTA_BITWISE_DREG] = number(NFTA_BITWISE_DREG, NFT_REG_2);
	tb[NFTA_BITWISE_MASK] = value(NFTA_BITWISE_MASK, mask, 6);
	tb[NFTA_BITWISE_XOR] = value(NFTA_BITWISE_XOR, xor, 6);
	e = make(&nft_bitwise, tb, 0);
	memcpy(&r.data[4], "\x10\xab\x55\x66\x03\xff", 6);
	e->type->eval(e, &r, NULL);
	assert_memory_equal(&r.data[8], "\x11\xa0\x07\x66\x01\x02", 6);
	kfree(e);
	memset(tb, 0, sizeof(tb));
	fresh();
	tb[NFTA_BYTEORDER_LEN] = number(NFTA_BYTEORDER_LEN, 4);
	tb[NFTA_BYTEORDER_SIZE] = number(NFTA_BYTEORDER_SIZE, 2);
	tb[NFTA_BYTEORDER_OP] = number(NFTA_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	tb[NFTA_BYTEORDER_SREG] = number(NFTA_BYTEORDER_SREG, NFT_REG_1);
	tb[NFTA_BYTEORDER_DREG] = number(NFTA_BYTEORDER_DREG, NFT_REG_1);
	e = make(&nft_byteorder, tb, 0);
	memcpy(&r.data[4], "\1\2\3\4", 4);
	e->type->eval(e, &r, NULL);
	assert_memory_equal(&r.data[4], "\2\1\4\3", 4);
	kfree(e);
}

/* ---- invalid attributes ---- */

static void test_attributes(void **state)
{
	u8 buf[64];
	nla_t tb[9];
	u32 seed = 1;

	for (int i = 0; i < 20000; i++) {
		u32 len = seed % 64;

		for (u32 k = 0; k < sizeof(buf); k++) {
			seed = seed * 1103515245 + 12345;
			buf[k] = (u8)(seed >> 16) & (k % 2 ? 1 : 0x1f);
		}
		nla_parse(tb, 8, buf, len);
		for (u32 t = 0; t <= 8; t++)
			if (tb[t])
				assert_true((const u8 *)tb[t] >= buf &&
					    (const u8 *)tb[t] + tb[t]->nla_len <= buf + len);
	}
}

/* ---- sets ---- */

static struct nft_elem *put(struct nft_set *s, u32 key, bool end, int want)
{
	struct nft_elem *e = kzalloc(sizeof(*e), GFP_KERNEL);
	u32 be = htonl(key);

	e->set = s;
	e->end = end;
	memcpy(e->key, &be, 4);
	memcpy(e->key_end, &be, 4);
	assert_int_equal(nft_elem_insert(&net, s, e), want);
	if (!want)
		return e;
	kfree(e);
	return NULL;
}

static bool has(struct nft_set *s, u32 key)
{
	u32 be = htonl(key);

	return nft_set_lookup(s, &be);
}

static void clear(struct nft_set *s)
{
	struct rb_node *n;

	while ((n = rb_first(&s->elems))) {
		struct nft_elem *e = rb_entry(n, struct nft_elem, node);

		nft_elem_unlink(e);
		kfree(e);
	}
	assert_int_equal(s->nelems, 0);
}

static void test_intervals(void **state)
{
	struct nft_set s = { .key_len = 4, .flags = NFT_SET_INTERVAL };

	put(&s, 0, true, 0);
	put(&s, 10, false, 0);
	put(&s, 20, true, 0);
	put(&s, 20, false, 0); /* adjacent to the first interval */
	put(&s, 30, true, 0);
	put(&s, 10, false, -EEXIST);
	put(&s, 15, false, -ENOTEMPTY);
	for (u32 k = 0; k < 40; k++)
		assert_int_equal(has(&s, k), k >= 10 && k < 30);
	clear(&s);
}

static void test_states_and_times(void **state)
{
	struct nft_set s = { .key_len = 4, .flags = NFT_SET_TIMEOUT, .max = 2 };
	struct nft_elem *e = put(&s, 5, false, 0);

	put(&s, 6, false, 0);
	put(&s, 7, false, -ENFILE);
	assert_true(has(&s, 5));
	e->pend = NFT_NEW;
	assert_false(has(&s, 5));
	e->pend = NFT_DEL;
	assert_true(has(&s, 5));
	e->pend = 0;
	e->expires = now + 5;
	assert_true(has(&s, 5));
	now += 5;
	assert_false(has(&s, 5));
	nft_set_gc(&net, &s);
	assert_int_equal(s.nelems, 1);
	clear(&s);
}

/*
 * Intervals with timeouts come and go at random. A key is in the set if an interval that has not
 * expired contains it; ends of other intervals do not matter. In the end no `end` is left over.
 */
static void test_expired_intervals(void **state)
{
	struct nft_set s = { .key_len = 4, .flags = NFT_SET_INTERVAL | NFT_SET_TIMEOUT };
	u64 until[32] = { 0 };
	u32 seed = 1;

	for (u32 round = 0; round < 5000; round++) {
		u32 first, after, k;

		seed = seed * 1103515245 + 12345;
		first = seed >> 8 & 31;
		after = min(first + 1 + (seed >> 16 & 7), 32U);
		now += seed >> 24 & 3;
		if (!(seed >> 26 & 7))
			nft_set_gc(&net, &s);
		for (k = first; k < after && until[k] <= now; k++)
			;
		if (k == after) {
			put(&s, first, false, 0)->expires = now + 1 + (seed >> 20 & 15);
			put(&s, after, true, 0);
			for (k = first; k < after; k++)
				until[k] = now + 1 + (seed >> 20 & 15);
		}
		for (k = 0; k < 32; k++)
			assert_int_equal(has(&s, k), until[k] > now);
	}
	now += NSEC_PER_SEC + 16;
	nft_set_gc(&net, &s);
	assert_int_equal(s.nelems, 0);
}

/*
 * Two elements with one key, at any place in the tree: one that a batch deletes beside one that it
 * adds, and an expired element beside its successor.
 */
static void test_of_one_key(void **state)
{
	struct nft_set s = { .key_len = 4, .flags = NFT_SET_TIMEOUT };
	u32 be = htonl(50);

	for (u32 round = 0; round < 16; round++) {
		struct nft_elem *old, *fresh;

		for (u32 k = 0; k < round; k++)
			put(&s, k % 2 ? 60 + k : 40 - k, false, 0);
		old = put(&s, 50, false, 0);
		old->pend = NFT_DEL;
		fresh = put(&s, 50, false, 0);
		fresh->pend = NFT_NEW;
		for (u32 k = 0; k < 2 * round; k++)
			put(&s, k % 2 ? 100 + k : 70 + k, false, 0);
		assert_ptr_equal(nft_set_lookup(&s, &be), old);
		assert_ptr_equal(
			nft_elem_find_next(&s, (const u8 *)&be, (const u8 *)&be, false), fresh);
		put(&s, 50, false, -EEXIST);
		old->pend = fresh->pend = 0;
		(round % 2 ? old : fresh)->expires = now;
		assert_ptr_equal(nft_set_lookup(&s, &be), round % 2 ? fresh : old);
		clear(&s);
	}
}

static void test_ranges(void **state)
{
	struct nft_set s = { .key_len = 8,
		.flags = NFT_SET_INTERVAL | NFT_SET_CONCAT,
		.fields = 2,
		.field_len = { 4, 2 } };
	struct nft_elem *e = kzalloc(sizeof(*e), GFP_KERNEL);

	e->set = &s;
	memcpy(e->key, "\12\0\0\0\0\120\0\0", 8);
	memcpy(e->key_end, "\12\377\377\377\0\132\0\0", 8);
	assert_int_equal(nft_elem_insert(&net, &s, e), 0);
	assert_non_null(nft_set_lookup(&s, "\12\1\2\3\0\125\0\0"));
	assert_null(nft_set_lookup(&s, "\12\1\2\3\0\133\0\0"));
	assert_null(nft_set_lookup(&s, "\13\0\0\0\0\125\0\0"));
	clear(&s);
}

/* ---- NAT ---- */

static struct sk_buff *udp(u32 src, u16 sport, u32 dst, u16 dport)
{
	struct sk_buff *skb = skb_alloc(4, GFP_KERNEL);
	ip_addr s = ip_v4(htonl(src)), d = ip_v4(htonl(dst));
	struct iphdr *h;
	u16 *u;

	memcpy(skb->buf->data, "abcd", 4);
	skb->len = 4;
	u = skb_push(skb, 8);
	u[0] = htons(sport);
	u[1] = htons(dport);
	u[2] = htons(12);
	u[3] = 0;
	u[3] = csum_fold(skb_sum(skb, 0, 12, csum_pseudo(&s, &d, IPPROTO_UDP, 12)));
	h = skb_push(skb, sizeof(*h));
	*h = (struct iphdr){ .version = 4,
		.ihl = 5,
		.tot_len = htons(32),
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.saddr = htonl(src),
		.daddr = htonl(dst) };
	h->check = csum_fold(csum_partial(h, sizeof(*h), 0));
	skb->protocol = ETH_P_IP;
	return skb;
}

/*
 * Checks the addresses and ports of a packet, and its checksums. Stores the source port in *sport.
 */
static void expect(const struct sk_buff *skb, u32 src, u32 dst, u16 dport, u16 *sport)
{
	ip_addr s, d;
	u16 ports[2];

	nf_addrs(skb, false, &s, &d);
	skb_copy(skb, 20, ports, 4);
	assert_int_equal(ntohl(s.w[3]), src);
	assert_int_equal(ntohl(d.w[3]), dst);
	if (dport)
		assert_int_equal(ntohs(ports[1]), dport);
	if (sport)
		*sport = ntohs(ports[0]);
	assert_int_equal(csum_fold(skb_sum(skb, 0, 20, 0)), 0);
	assert_int_equal(csum_fold(skb_sum(skb, 20, 12, csum_pseudo(&s, &d, IPPROTO_UDP, 12))), 0);
}

static u32 masquerade(struct nf_state *s, void *priv)
{
	struct nf_range r = { 0 };

	return nf_nat_masquerade(s, &r);
}

static void pass(struct sk_buff *skb, u8 from, u8 to)
{
	static struct net_device dev;

	assert_int_equal(nf_hook(&net, from, skb, &dev, NULL), 0);
	assert_int_equal(nf_hook(&net, to, skb, NULL, &dev), 0);
}

static void test_masquerade(void **state)
{
	static const struct nf_hook_ops chain = {
		.fn = masquerade, .hook = NF_INET_POST_ROUTING, .priority = 100, .nat = true
	};
	u16 port[2];

	assert_int_equal(nf_nat_get(&net), 0);
	assert_int_equal(nf_register(&net, &chain), 0);
	for (u32 i = 0; i < 2; i++) { /* two clients with one port */
		struct sk_buff *skb = udp(0x0a000001 + i, 4000, 0x08080808, 53), *answer;

		pass(skb, NF_INET_PRE_ROUTING, NF_INET_POST_ROUTING);
		expect(skb, 0x01020304, 0x08080808, 53, &port[i]);
		answer = udp(0x08080808, 53, 0x01020304, port[i]);
		pass(answer, NF_INET_PRE_ROUTING, NF_INET_POST_ROUTING);
		expect(answer, 0x08080808, 0x0a000001 + i, 4000, NULL);
		kfree_skb(skb);
		kfree_skb(answer);
	}
	assert_int_equal(port[0], 4000);
	assert_int_not_equal(port[1], 4000);
	assert_int_equal(net.nf.ct->count, 2);
	nf_unregister(&net, &chain);
	nf_nat_put(&net);
	assert_int_equal(net.nf.hooks, 0);
	nf_net_end(&net);
}

/* ---- bytes of a packet ---- */

/*
 * After a write far behind the headers the checksum can be corrected at any place, and a clone that
 * shares the payload does not change.
 */
static void test_far_behind(void **state)
{
	static const u32 at[] = { 0, 6, 62, 126, 127, 128, 190, 397 };

	for (u32 i = 0; i < ARRAY_SIZE(at); i++) {
		struct sk_buff *skb = skb_alloc(400, GFP_KERNEL), *other;
		u8 was[440], other_is[440], new[2] = { 0xab, 0xcd };
		u32 head = i % 2 ? 40 : 0, sum = at[i] & ~1U, delta;
		u16 check = 0;

		skb->len = 400 - head;
		for (u32 k = 0; k < 400; k++)
			skb->buf->data[k] = (u8)(k * 5);
		if (head)
			memset(skb_push(skb, head), 7, head);
		skb_write(skb, sum, &check, 2);
		check = csum_fold(skb_sum(skb, 0, 400, 0));
		skb_write(skb, sum, &check, 2);
		other = skb_clone(skb, GFP_KERNEL);
		skb_copy(skb, 0, was, 400);
		delta = nf_csum_delta(was + 300, new, 2);
		assert_true(nf_write(skb, 300, new, 2));
		nf_fix_sum(skb, sum, delta, false);
		skb_copy(other, 0, other_is, 400);
		assert_memory_equal(was, other_is, 400);
		skb_copy(skb, 0, other_is, 400);
		assert_memory_equal(other_is + 300, new, 2);
		assert_int_equal(csum_fold(skb_sum(skb, 0, 400, 0)), 0);
		nf_fix_sum(skb, 399, delta, false); /* beyond the packet: no effect */
		nf_fix_sum(skb, ~0U, delta, false);
		assert_int_equal(csum_fold(skb_sum(skb, 0, 400, 0)), 0);
		kfree_skb(skb);
		kfree_skb(other);
	}
}

/*
 * Each call removes at most a few hundred expired elements, since it holds nn->lock and a set may
 * have a quarter of a million.
 */
static void test_many_expired(void **state)
{
	struct nft_set s = { .key_len = 4, .flags = NFT_SET_TIMEOUT };
	u32 before = 3000, calls = 0;

	for (u32 i = 0; i < before; i++)
		put(&s, i, false, 0)->expires = i % 3 ? 1 : ~0UL;
	for (; calls < 100 && s.nelems > before / 3; calls++) {
		u32 had = s.nelems;

		nft_set_gc(NULL, &s);
		assert_in_range(had - s.nelems, 1, 500);
	}
	assert_int_equal(s.nelems, before / 3);
	clear(&s);
}

UNIT_MAIN(cmocka_unit_test(test_cmp), cmocka_unit_test(test_registers),
	cmocka_unit_test(test_bitwise_byteorder), cmocka_unit_test(test_attributes),
	cmocka_unit_test(test_intervals), cmocka_unit_test(test_states_and_times),
	cmocka_unit_test(test_expired_intervals), cmocka_unit_test(test_ranges),
	cmocka_unit_test(test_of_one_key), cmocka_unit_test(test_masquerade),
	cmocka_unit_test(test_far_behind), cmocka_unit_test(test_many_expired))
