/* SPDX-License-Identifier: MIT */
/*
 * lists_proc.c: /proc/net/unix, netlink and packet: sockets without ports; ptype: receivers of
 * packets, by protocol; softnet_stat: counters of the vCPUs. Columns are Linux's (proc(5)).
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/net/packet/packet.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/net/unix/unix.h"
#include "kernel/sched/sched.h"

#define LIST_TEXT 65536 /* bytes shown; the rest is omitted */
#define BATCH 4096U
#define NETLINK_BATCH 256U /* lines read with the lock held */
#define PAUSE 64           /* lines between two cond_resched() */

static void show_one_unix(struct seq *s, const struct unix_sock *u)
{
	bool listening = u->state == UNIX_LISTEN;
	const struct sockaddr_buf *name = u->name;

	seq_printf(s, "%016lx: %08X %08X %08X %04X %02X %5lu", 0UL, (u32)atomic_read(&u->refs) + 1,
		0, listening ? 0x10000 : 0, u->c.type, u->state == UNIX_CONNECTED ? 3 : 1,
		u->c.ino);
	if (name && name->len > sizeof(u16)) {
		seq_puts(s, " ");
		for (u32 i = 2; i < name->len && (name->data[i] || !name->data[2]); i++)
			seq_printf(s, "%c", name->data[i] ? name->data[i] : '@');
	}
	seq_puts(s, "\n");
}

/*
 * Shows /proc/net/unix. Each batch is searched from the start of the list, so batches are large.
 * Other tasks may run between the lines.
 */
static int show_unix(struct seq *s, void *arg)
{
	struct unix_sock **all = kmalloc(BATCH * sizeof(*all), GFP_KERNEL);
	u32 done = 0, n;

	if (!all)
		return -ENOMEM;
	seq_puts(s, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	do {
		n = unix_list(current_net(), all, BATCH, done);
		for (u32 k = 0; k < n; k++) {
			show_one_unix(s, all[k]);
			unix_put(all[k]);
			if (k % PAUSE == 0)
				cond_resched();
		}
		done += n;
		cond_resched();
	} while (n == BATCH && !s->full);
	kfree(all);
	return 0;
}

static void show_one_netlink(const struct nl_sock *n, void *arg)
{
	if (n->c.net == current_net())
		seq_printf(arg, "%016lx %-3d %-10u %08x %-8d %-8d %-5d %-8d %-8u %-8lu\n", 0UL,
			n->proto->protocol, n->portid, (u32)n->groups, (int)n->queued, 0, 0, 2, 0U,
			n->c.ino);
}

static int show_netlink(struct seq *s, void *arg)
{
	struct nl_sock *mark = nl_walk_begin();
	bool more;

	if (!mark)
		return -ENOMEM;
	seq_puts(s, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    "
		    "Drops    Inode\n");
	do {
		seq_reserve(s, (NETLINK_BATCH + 1) * 256);
		more = !s->full && nl_walk(mark, NETLINK_BATCH, show_one_netlink, s);
		cond_resched();
	} while (more);
	nl_walk_end(mark);
	return 0;
}

#define PACKETS_MAX 16384U /* sockets shown; the rest is omitted */

/* Sockets of a namespace, copied while packet_taps_lock is held, and shown afterwards. */
struct packet_list {
	u32 nr, room;
	struct packet_line {
		int type, ifindex;
		u32 rmem;
		u16 proto;
		bool running;
		u64 ino;
	} at[];
};

static void note_packet(const struct packet_sock *p, void *arg)
{
	struct packet_list *l = arg;

	if (p->c.net == current_net() && l->nr < l->room)
		l->at[l->nr++] = (struct packet_line){ p->c.type, p->ifindex, p->rmem, p->proto,
			p->running, p->c.ino };
}

static int show_packet(struct seq *s, void *arg)
{
	u32 room = min(READ_ONCE(packet_taps) + 16, PACKETS_MAX);
	struct packet_list *l = kmalloc(sizeof(*l) + room * sizeof(l->at[0]), GFP_KERNEL);

	if (!l)
		return -ENOMEM;
	l->nr = 0;
	l->room = room;
	packet_for_each(current_net(), note_packet, l);
	seq_puts(s, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
	for (u32 k = 0; k < l->nr && !s->full; k++) {
		const struct packet_line *p = &l->at[k];

		seq_printf(s, "%016lx %-6d %-4d %04x   %-5d %1d %-6u %-6u %-6lu\n", 0UL, 3, p->type,
			p->proto, p->ifindex, p->running, p->rmem, 0U, p->ino);
		cond_resched();
	}
	kfree(l);
	return 0;
}

static void show_ptype_line(struct seq *s, u16 proto, const char *dev, const char *function)
{
	if (proto == ETH_P_ALL)
		seq_printf(s, "ALL  %-8s %s\n", dev, function);
	else
		seq_printf(s, "%04x %-8s %s\n", proto, dev, function);
}

#define PTYPES_MAX 4096U /* entries shown; the rest is omitted */

/*
 * Receivers of a namespace, copied while packet_taps_lock is held. Names are looked up afterwards.
 */
struct ptype_list {
	u32 nr;
	struct ptype {
		int ifindex;
		u16 proto;
	} at[PTYPES_MAX];
};

static void note_packet_type(const struct packet_sock *p, void *arg)
{
	struct ptype_list *l = arg;

	if (p->c.net == current_net() && p->running && p->proto && l->nr < PTYPES_MAX)
		l->at[l->nr++] = (struct ptype){ p->ifindex, p->proto };
}

static void show_packet_type(struct seq *s, const struct ptype *t)
{
	struct net *net = current_net();
	struct net_device *d;
	char name[IFNAMSIZ] = "";

	if (t->ifindex) {
		spin_lock(&net->lock);
		d = netdev_by_index(net, t->ifindex);
		if (d)
			strscpy(name, d->name, sizeof(name));
		spin_unlock(&net->lock);
		cond_resched();
	}
	show_ptype_line(s, t->proto, name, "packet_rcv");
}

/* Shows ptype, beginning with the taps of all protocols. */
static int show_ptype(struct seq *s, void *arg)
{
	struct ptype_list *l = kmalloc(sizeof(*l), GFP_KERNEL);

	if (!l)
		return -ENOMEM;
	l->nr = 0;
	packet_for_each(current_net(), note_packet_type, l);
	seq_puts(s, "Type Device      Function\n");
	for (int all = 1; all >= 0; all--)
		for (u32 i = 0; i < l->nr && !s->full; i++)
			if ((l->at[i].proto == ETH_P_ALL) == all)
				show_packet_type(s, &l->at[i]);
	kfree(l);
	show_ptype_line(s, ETH_P_IP, "", "ip_rcv");
	show_ptype_line(s, ETH_P_ARP, "", "arp_rcv");
	show_ptype_line(s, ETH_P_IPV6, "", "ipv6_rcv");
	return 0;
}

static int show_softnet(struct seq *s, void *arg)
{
	struct net_io_counts c;

	for (u32 cpu = 0; cpu < (u32)nr_cpus; cpu++) {
		net_io_counts(cpu, &c);
		seq_printf(s,
			"%08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x "
			"%08x %08x\n",
			c.processed, c.dropped, c.squeezed, 0, 0, 0, 0, 0, 0, 0, 0, c.waiting, cpu,
			c.waiting, 0);
	}
	return 0;
}

/*
 * Shows column headings only, of files that have no lines: a cache that no longer exists but that
 * programs still read, and leases.
 */
static int show_head(struct seq *s, void *arg)
{
	seq_puts(s, arg);
	return 0;
}

/* ---- protocols ---- */

/* Counts the AF_UNIX sockets of the namespace: streams, or all others. */
static u32 count_unix(bool streams)
{
	struct unix_sock **all = kmalloc(BATCH * sizeof(struct unix_sock *), GFP_KERNEL);
	u32 done = 0, count = 0, n = 0;

	do {
		n = all ? unix_list(current_net(), all, BATCH, done) : 0;
		for (u32 k = 0; k < n; k++) {
			count += (all[k]->c.type == SOCK_STREAM) == streams;
			unix_put(all[k]);
		}
		done += n;
		cond_resched();
	} while (n == BATCH);
	kfree(all);
	return count;
}

/*
 * Shows the protocols whose sockets are counted. The columns behind the size show which of Linux's
 * operations each protocol has, in the order of the headings.
 */
static int show_protocols(struct seq *s, void *arg)
{
	static const struct {
		const char *name, *calls;
		struct port_table *ports; /* NULL: AF_UNIX */
		u16 size;
		bool v6, stream;
	} all[] = {
		{ "RAWv6", "yyynyyynyyyyyyyynn", &raw_socks, sizeof(struct inet_sock), true,
			false },
		{ "UDPLITEv6", "yyynyyynyyyynnyyyn", &udplite_ports, sizeof(struct inet_sock), true,
			false },
		{ "UDPv6", "yyynyyynyyyynnyyyn", &udp_ports, sizeof(struct inet_sock), true,
			false },
		{ "TCPv6", "yyyyyyyyyyyynyyyyy", &tcp_ports, sizeof(struct tcp_sock), true, true },
		{ "UNIX-STREAM", "ynnnnnnnnnnnnnnnnn", NULL, sizeof(struct unix_sock), false,
			true },
		{ "UNIX", "ynnnnnnnnnnnnnnnnn", NULL, sizeof(struct unix_sock), false, false },
		{ "UDP-Lite", "yyynyyynyyyynnyyyn", &udplite_ports, sizeof(struct inet_sock), false,
			false },
		{ "RAW", "yyynyyynyyyyyyyynn", &raw_socks, sizeof(struct inet_sock), false, false },
		{ "UDP", "yyynyyynyyyynnyyyn", &udp_ports, sizeof(struct inet_sock), false, false },
		{ "TCP", "yyyyyyyyyyyynyyyyy", &tcp_ports, sizeof(struct tcp_sock), false, true },
	};

	seq_puts(s, "protocol  size sockets  memory press maxhdr  slab module     "
		    "cl co di ac io in de sh ss gs se re bi br ha uh gp em\n");
	for (u32 k = 0; k < ARRAY_SIZE(all); k++) {
		bool tcp = all[k].ports == &tcp_ports;
		u32 n = all[k].ports ? net_count_socks(all[k].ports, all[k].v6) :
				       count_unix(all[k].stream);

		seq_printf(s, "%-9s %4u %6u  %6d   %-3s %6u   yes  kernel     ", all[k].name,
			all[k].size, n, tcp ? tcp_mem_used() : -1,
			!tcp               ? "NI" :
			tcp_mem_pressure() ? "yes" :
					     "no",
			tcp ? 192 : 0);
		for (u32 c = 0; all[k].calls[c]; c++)
			seq_printf(s, " %c%s", all[k].calls[c], all[k].calls[c + 1] ? " " : "\n");
	}
	return 0;
}

static const struct {
	const char *path;
	show_fn show;
	const char *head;
} files[] = {
	{ ".net/unix", show_unix, NULL },
	{ ".net/netlink", show_netlink, NULL },
	{ ".net/packet", show_packet, NULL },
	{ ".net/ptype", show_ptype, NULL },
	{ ".net/protocols", show_protocols, NULL },
	{ ".net/softnet_stat", show_softnet, NULL },
	{ ".net/anycast6", show_head, "" },
	{ ".net/connector", show_head, "Name            ID\ncn_proc         1:1\n" },
	{ ".net/rt_cache", show_head,
		"Iface\tDestination\tGateway "
		"\tFlags\t\tRefCnt\tUse\tMetric\tSource\t\tMTU\tWindow\t"
		"IRTT\tTOS\tHHRef\tHHUptod\tSpecDst                          \n" },
	{ ".net/ip6_flowlabel", flowlabel_show, NULL },
};

static int lists_proc_init(void)
{
	int err = 0;

	for (u32 i = 0; !err && i < ARRAY_SIZE(files); i++)
		err = proc_create(files[i].path, 0444, files[i].show, NULL, (void *)files[i].head);
	return err;
}
INITCALL(3, lists_proc_init);
