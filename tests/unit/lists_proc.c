/* SPDX-License-Identifier: MIT */
/*
 * lists_proc.c: /proc/net/ptype looks up no device while it holds the lock of the packet sockets,
 * for which the receive path waits, and lists a bounded number of these sockets. /proc/net/unix
 * reschedules, and does not walk from the start of the list again for every few sockets.
 *
 * SOURCES: kernel/net/proc/lists_proc.c kernel/lib/string.c
 */
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/net/packet/packet.h"
#include "kernel/net/unix/unix.h"
#include "unit.h"

/* Fakes for /proc/net/protocols, which is not tested here. */
struct port_table tcp_ports, udp_ports, udplite_ports, raw_socks;
u32 net_count_socks(struct port_table *t, bool v6)
{
	return 0;
}
int tcp_mem_used(void)
{
	return 0;
}
bool tcp_mem_pressure(void)
{
	return false;
}

struct net init_net;
static struct packet_sock socks[3];
static u32 nr_socks, nr_lines, looked_up;
static bool held;
static char first[64];
static show_fn show_ptype, show_unix;

#define UNIX_SOCKS 20000U
static u32 steps, in_row, longest;

u32 unix_list(const struct net *net, struct unix_sock **to, u32 most, u32 skip)
{
	static struct unix_sock one;
	u32 n = min(most, UNIX_SOCKS - skip);

	steps += skip + n;
	for (u32 i = 0; i < n; i++)
		to[i] = &one;
	return n;
}
void unix_put(struct unix_sock *u)
{
	longest = max(longest, ++in_row);
}
void cond_resched(void)
{
	assert_false(held);
	in_row = 0;
}
struct nl_sock *nl_walk_begin(void)
{
	return NULL;
}
bool nl_walk(
	struct nl_sock *mark, u32 most, void (*fn)(const struct nl_sock *n, void *arg), void *arg)
{
	return false;
}
void nl_walk_end(struct nl_sock *mark)
{
}
void net_io_counts(u32 cpu, struct net_io_counts *c)
{
}
u32 packet_taps;
void packet_for_each(struct net *net, void (*fn)(const struct packet_sock *p, void *arg), void *arg)
{
	held = true;
	for (u32 i = 0; i < nr_socks; i++)
		fn(&socks[i % ARRAY_SIZE(socks)], arg);
	held = false;
}
struct net_device *netdev_by_index(struct net *net, int ifindex)
{
	static struct net_device dev = { .name = "eth0" };

	assert_false(held);
	looked_up++;
	return ifindex == 2 ? &dev : NULL;
}
void seq_puts(struct seq *s, const char *text)
{
}
void seq_reserve(struct seq *s, size_t n)
{
}
void seq_printf(struct seq *s, const char *fmt, ...)
{
	if (!nr_lines++)
		strscpy(first, fmt, sizeof(first));
}
int proc_create(const char *path, umode_t mode, show_fn show, store_fn store, void *arg)
{
	if (!strcmp(path, ".net/ptype"))
		show_ptype = show;
	if (!strcmp(path, ".net/unix"))
		show_unix = show;
	return 0;
}

extern const struct initcall __start_initcalls[], __stop_initcalls[];

static void ask(u32 n)
{
	struct seq s = { 0 };

	for (u32 i = 0; i < ARRAY_SIZE(socks); i++) {
		socks[i].c.net = &init_net;
		socks[i].running = true;
		socks[i].ifindex = 2;
		socks[i].proto = i == 1 ? ETH_P_ALL : ETH_P_IP;
	}
	for (const struct initcall *c = __start_initcalls; !show_ptype && c != __stop_initcalls;
		c++)
		c->fn();
	nr_socks = n;
	nr_lines = looked_up = 0;
	assert_int_equal(show_ptype(&s, NULL), 0);
	assert_int_equal(fake_allocations, 0);
}

static void test_order(void **state)
{
	ask(3);
	assert_int_equal(looked_up, 3);
	assert_int_equal(nr_lines, 3 + 3);
	assert_int_equal(strncmp(first, "ALL", 3), 0);
}

static void test_many(void **state)
{
	ask(1000000);
	assert_in_range(nr_lines, 1000, 10000);
}

static void test_unix(void **state)
{
	struct seq s = { 0 };

	ask(0);
	nr_lines = 0;
	assert_int_equal(show_unix(&s, NULL), 0);
	assert_in_range(nr_lines, UNIX_SOCKS, 3 * UNIX_SOCKS);
	assert_in_range(longest, 1, 64);
	assert_in_range(steps, UNIX_SOCKS, 10 * UNIX_SOCKS);
	assert_int_equal(fake_allocations, 0);
}

UNIT_MAIN(cmocka_unit_test(test_order), cmocka_unit_test(test_many), cmocka_unit_test(test_unix))
