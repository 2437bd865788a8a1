/* SPDX-License-Identifier: MIT */
/*
 * nlfuzz.c: random messages of netlink: routes, generic, netfilter and sock_diag, mostly well
 * formed, with lengths that lie, bits turned, and attributes in attributes. It runs in a namespace
 * of its own.
 *
 *	nlfuzz NUMBER SEED	the same SEED makes the same messages
 *
 * It says how many were sent and how many of them were taken. The kernel's own checks find the
 * faults.
 */
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netlink.h>

#define MAX 6000
#define KINDS 4

static unsigned char m[MAX + 64];
static size_t len;
static uint64_t state;
static int sock[KINDS];
static const int protocols[KINDS] = { NETLINK_ROUTE, NETLINK_GENERIC, NETLINK_NETFILTER,
	NETLINK_SOCK_DIAG };

static uint32_t r(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return n ? (uint32_t)(state >> 16) % n : (uint32_t)(state >> 16);
}

static void put(const void *p, size_t n)
{
	if (len + n > MAX)
		n = MAX - len;
	memcpy(m + len, p, n);
	len += n;
}

static void put8(uint32_t v)
{
	unsigned char b = (unsigned char)v;

	put(&b, 1);
}

static void put32(uint32_t v)
{
	put(&v, 4);
}

static void pad(void)
{
	while (len & 3 && len < MAX)
		m[len++] = 0;
}

static uint32_t small(void)
{
	static const uint32_t odd[] = { 0, 1, 2, 7, 8, 31, 32, 33, 63, 64, 127, 128, 255, 256, 4095,
		65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff };

	return r(3) ? r(12) : odd[r(sizeof(odd) / sizeof(odd[0]))];
}

static const char *word(void)
{
	static const char *const words[] = { "lo", "d0", "d1", "va0", "vb0", "br0", "dummy", "veth",
		"bridge", "vlan", "t0", "t1", "c0", "c1", "s0", "m0", "meta", "cmp", "payload",
		"immediate", "lookup", "counter", "nat", "masq", "redir", "log", "ct", "limit",
		"bitwise", "range", "reject", "quota", "hash", "numgen", "fib", "dynset", "objref",
		"exthdr", "connlimit", "queue", "notrack", "byteorder", "rt", "socket", "tproxy",
		"match", "target", "filter", "route", "nlctrl", "",
		"a-name-that-is-longer-than-any-name-may-be" };

	return words[r(sizeof(words) / sizeof(words[0]))];
}

static void put_value(int depth);

static void put_attr(int depth)
{
	size_t at = len;
	uint32_t type = r(4) ? r(24) : r(70), n;
	uint16_t head[2];

	put32(0);
	put_value(depth);
	n = (uint32_t)(len - at);
	if (!r(60))
		n = r(2) ? r(12) : n + r(64) - 32;
	head[0] = (uint16_t)n;
	head[1] = (uint16_t)(type | (r(3) ? 0 : 0x8000) | (r(20) ? 0 : 0x4000));
	memcpy(m + at, head, 4);
	pad();
}

static void put_value(int depth)
{
	uint32_t k = r(depth > 0 ? 10 : 7);
	const char *w;

	switch (k) {
	case 0: put8(small()); break;
	case 1: put32(r(2) ? small() : __builtin_bswap32(small())); break;
	case 2:
		put32(r(2) ? small() : __builtin_bswap32(small()));
		put32(r(2) ? small() : __builtin_bswap32(small()));
		break;
	case 3:
		w = word();
		put(w, strlen(w) + (r(8) != 0));
		break;
	case 4: put32(r(3) ? 0x0100000a + (r(4) << 24) : r(0)); break; /* 10.0.0.x */
	case 5:
		for (uint32_t i = r(r(10) ? 20 : 300); i; i--)
			put8(r(256));
		break;
	case 6: break;
	default:
		for (uint32_t i = r(6); i; i--)
			put_attr(depth - 1);
	}
}

/* ---- what a sensible program would write ---- */

static size_t nest(uint32_t type)
{
	size_t at = len;

	put32(type << 16);
	return at;
}

static void nest_end(size_t at)
{
	uint16_t n = (uint16_t)(len - at);

	if (at + 2 <= MAX)
		memcpy(m + at, &n, 2);
	pad();
}

static void attr(uint32_t type, const void *p, size_t n)
{
	size_t at = nest(type);

	put(p, n);
	nest_end(at);
}

static void attr32(uint32_t type, uint32_t v)
{
	attr(type, &v, 4);
}

static void attr_word(uint32_t type, const char *w)
{
	attr(type, w, strlen(w) + 1);
}

static void attr_addr(uint32_t type, int v6)
{
	unsigned char a[16] = { 10, 0, 0, (unsigned char)r(4) };

	if (v6) {
		a[0] = 0xfd;
		a[15] = (unsigned char)r(4);
	}
	attr(type, a, v6 ? 16 : 4);
}

static const char *one_of(const char *const *all, uint32_t n)
{
	return r(20) ? all[r(n)] : word();
}

static void some_attrs(void)
{
	for (uint32_t n = r(4); n; n--)
		put_attr(2);
}

static void put_link(void)
{
	static const char *const names[] = { "d0", "d1", "d2", "d3" };
	static const char *const what[] = { "dummy", "veth", "bridge", "vlan" };
	size_t info, data;

	put32(0);
	put32(r(2) ? 0 : r(8));
	put32(r(3) ? 0 : r(2));
	put32(r(3) ? 0 : 1);
	if (r(4))
		attr_word(3, one_of(names, 4));
	if (!r(4))
		attr32(r(2) ? 4 : 10, r(4) ? r(8) : small());
	info = nest(18);
	attr_word(1, one_of(what, 4));
	data = nest(2);
	some_attrs();
	nest_end(data);
	nest_end(info);
}

static void put_way(uint32_t type)
{
	int v6 = !r(3);
	size_t at;

	put8(v6 ? 10 : 2);
	if (type < 24) { /* an address */
		put8(r(33));
		put8(r(2) ? 0 : r(256));
		put8(r(2) ? 0 : 253);
		put32(1 + r(4));
		attr_addr(2, v6);
		attr_addr(1, v6);
		return;
	}
	if (type >= 28) { /* a neighbour */
		put8(0);
		put8(0);
		put8(0);
		put32(1 + r(4));
		put32(1u << r(8));
		attr_addr(1, v6);
		attr(2, "\2\0\0\0\0\1", 6);
		return;
	}
	put8(r(33));
	put8(0);
	put8(0);
	put8(r(3) ? 254 : r(256));
	put8(3);
	put8(r(3) ? 0 : 253);
	put8(r(3) ? 1 : r(12));
	put32(0);
	attr_addr(1, v6);
	if (r(3)) {
		attr32(4, 1 + r(4));
	} else {
		at = nest(9);
		for (uint32_t n = r(4); n; n--) {
			put32((r(10) ? 16 : r(40)) | r(4) << 24);
			put32(1 + r(4));
			attr_addr(5, v6);
		}
		nest_end(at);
	}
	if (!r(3))
		attr_addr(5, v6);
	if (!r(4))
		attr32(r(2) ? 6 : 30, r(5));
}

static void put_stats(void)
{
	put32(r(3) ? 0 : small());
	put32(r(4) ? r(5) : small());
	put32(r(3) ? 1 : small());
}

/* Writes a rule of policy routing with random attributes. */
static void put_rule(void)
{
	static const unsigned char attrs[] = { 4, 13, 14, 15, 20, 22, 23, 24, 10, 16, 3, 17, 12,
		19 };
	uint32_t type;

	put8(r(3) ? 2 : 10);
	put8(0);
	put8(0);
	put8(r(4) ? 0 : r(256));
	put8(r(2) ? 254 : r(256));
	put8(0);
	put8(0);
	put8(r(8) ? 1 + r(3) : r(12));
	put32(r(3) ? 0 : r(32));
	attr32(6, 100 + r(60));
	for (uint32_t n = r(5); n; n--) {
		type = attrs[r(sizeof(attrs))];
		if (type == 3 || type == 17)
			attr_word(type, word());
		else if (type == 20)
			attr(type, (uint32_t[]){ r(3), r(3) ? 5 : small() }, 8);
		else if (type == 22)
			attr(type, "\6", 1);
		else
			attr32(type, type == 4 ? 100 + r(80) : small());
	}
}

static void put_filter(uint32_t type)
{
	static const char *const tables[] = { "t0", "t1" }, *const chains[] = { "c0", "c1" },
				 *const sets[] = { "s0", "m0" };
	size_t list, elem, data;

	attr_word(1, one_of(tables, 2));
	switch (type & 255) {
	case 3:
		attr_word(3, one_of(chains, 2));
		list = nest(4);
		attr32(1, __builtin_bswap32(r(5)));
		attr32(2, __builtin_bswap32(r(4)));
		nest_end(list);
		attr_word(7, r(3) ? "filter" : "nat");
		break;
	case 6:
		attr_word(2, one_of(chains, 2));
		list = nest(4);
		for (uint32_t n = r(5); n; n--) {
			elem = nest(1);
			attr_word(1, word());
			data = nest(2);
			for (uint32_t k = 1 + r(6); k; k--)
				r(2) ? attr32(1 + r(8), __builtin_bswap32(small())) : put_attr(2);
			nest_end(data);
			nest_end(elem);
		}
		nest_end(list);
		break;
	case 9:
		attr_word(2, one_of(sets, 2));
		attr32(3, __builtin_bswap32(r(4) ? r(16) : small()));
		attr32(5, __builtin_bswap32(r(4) ? 4 : small()));
		attr32(10, __builtin_bswap32(r(4)));
		break;
	case 12:
		attr_word(2, one_of(sets, 2));
		list = nest(3);
		for (uint32_t n = r(5); n; n--) {
			elem = nest(1);
			data = nest(1);
			attr32(1, r(6));
			nest_end(data);
			if (!r(3))
				some_attrs();
			nest_end(elem);
		}
		nest_end(list);
	}
}

/* Writes a well-formed body of a message of @type. Returns 0 if there is none for it. */
static int sensible(int kind, uint32_t type)
{
	if (kind == 0 && type < 20) {
		put_link();
		return 1;
	}
	if (kind == 0 && type < 31) {
		put_way(type);
		return 1;
	}
	if (kind == 0 && type == 94) {
		put_stats();
		return 1;
	}
	if (kind == 0 && type >= 32 && type < 35) {
		put_rule();
		return 1;
	}
	if (kind == 2 && type >> 8 == 10) {
		put32(2);
		put_filter(type);
		return 1;
	}
	return 0;
}

static uint32_t family(void)
{
	static const unsigned char all[] = { 0, 1, 2, 2, 2, 5, 7, 10, 10, 16, 17 };

	return r(12) ? all[r(sizeof(all))] : r(256);
}

static void body(int kind, uint32_t type)
{
	uint32_t n;

	switch (kind) {
	case 0:
		put8(family());
		n = type >= 28 && type < 31 ? 11 :
		    type >= 24 && type < 28 ? 11 :
		    type >= 20 && type < 24 ? 7 :
					      15;
		if (!r(30))
			n = r(30);
		for (uint32_t i = 0; i < n; i++)
			put8(r(3) ? (r(2) ? 0 : r(8)) : r(256));
		break;
	case 1:
		put8(r(2) ? 3 : r(20));
		put8(r(3));
		put8(0);
		put8(0);
		break;
	case 2:
		put8(family());
		put8(0);
		put8(0);
		put8(r(3) ? 0 : 10);
		break;
	default:
		put8(family());
		put8(r(2) ? 6 : r(260));
		for (uint32_t i = r(3) ? 54 : r(80); i; i--)
			put8(r(3) ? 0 : r(256));
	}
	pad();
}

static uint32_t type_of(int kind)
{
	static const unsigned char systems[] = { 1, 2, 10, 10, 10, 10, 11, 8 };

	switch (kind) {
	case 0: return r(10) ? 16 + r(24) : r(4) ? r(130) : 94;
	case 1: return r(8) ? 16 : 16 + r(20);
	case 2: return (uint32_t)(r(12) ? systems[r(sizeof(systems))] : r(16)) << 8 | r(28);
	}
	return r(8) ? 20 : r(30);
}

static void message(int kind)
{
	size_t at = len;
	struct nlmsghdr h = { 0 };

	h.nlmsg_type = (uint16_t)type_of(kind);
	h.nlmsg_flags = NLM_F_REQUEST | (r(2) ? NLM_F_ACK : 0) | (r(4) ? 0 : 0x300) |
			(r(3) ? 0 : NLM_F_CREATE) | (r(4) ? 0 : (uint16_t)(r(16) << 8));
	h.nlmsg_seq = r(0);
	put(&h, sizeof(h));
	if (r(2) || !sensible(kind, h.nlmsg_type)) {
		body(kind, h.nlmsg_type);
		for (uint32_t n = r(9); n; n--)
			put_attr(4);
	}
	h.nlmsg_len = (uint32_t)(len - at);
	if (!r(50))
		h.nlmsg_len = r(2) ? r(40) : h.nlmsg_len + r(64) - 32;
	memcpy(m + at, &h, sizeof(h) < MAX - at ? sizeof(h) : MAX - at);
	pad();
}

static void mark_batch(uint32_t type)
{
	struct nlmsghdr h = {
		.nlmsg_len = 20, .nlmsg_type = (uint16_t)type, .nlmsg_flags = NLM_F_REQUEST
	};

	put(&h, sizeof(h));
	put32(0x0a000000);
}

/* Makes a datagram: a message, several messages, or a batch of nf_tables. */
static void datagram(int kind)
{
	int batch = kind == 2 && r(4);

	len = 0;
	if (batch)
		mark_batch(16);
	for (uint32_t n = r(4) ? 1 : 1 + r(6); n && len < MAX - 1500; n--)
		message(kind);
	if (batch && r(10))
		mark_batch(17);
	for (uint32_t n = r(8) ? 0 : 1 + r(4); n && len; n--)
		m[r((uint32_t)len)] ^= (unsigned char)(1u << r(8));
	if (!r(50))
		len = r((uint32_t)len + 1);
}

static void reopen(int k)
{
	if (sock[k] > 0)
		close(sock[k]);
	sock[k] = socket(AF_NETLINK, SOCK_RAW, protocols[k]);
	if (!r(2))
		setsockopt(sock[k], SOL_NETLINK, NETLINK_GET_STRICT_CHK, &(int){ 1 }, 4);
	if (!r(2))
		setsockopt(sock[k], SOL_NETLINK, NETLINK_EXT_ACK, &(int){ 1 }, 4);
	for (uint32_t n = r(4); n; n--)
		setsockopt(
			sock[k], SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &(int){ 1 + (int)r(35) }, 4);
}

static unsigned long drain(int k)
{
	static unsigned char in[65536];
	unsigned long taken = 0;
	ssize_t n;

	while ((n = recv(sock[k], in, sizeof(in), MSG_DONTWAIT)) > 0) {
		struct nlmsghdr *h = (void *)in;

		for (; NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n))
			taken += h->nlmsg_type != NLMSG_ERROR || !*(int *)NLMSG_DATA(h);
	}
	return taken;
}

int main(int argc, char **argv)
{
	unsigned long number = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000, taken = 0, sent = 0;

	state = 88172645463325252ULL +
		(argc > 2 ? strtoull(argv[2], NULL, 0) : 1) * 0x9e3779b97f4a7c15ULL;
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		perror("nlfuzz: unshare");
		return 1;
	}
	for (unsigned long i = 0; i < number; i++) {
		int k = (int)r(KINDS);

		if (!sock[k] || !r(500))
			reopen(k);
		datagram(k);
		sent += send(sock[k], m, len, MSG_DONTWAIT) > 0;
		if (!r(4) || errno == ENOBUFS)
			taken += drain(k);
		errno = 0;
	}
	printf("%lu sent, %lu taken\n", sent, taken);
	return 0;
}
