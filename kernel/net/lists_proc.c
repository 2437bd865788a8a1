/* SPDX-License-Identifier: MIT */
/* lists_proc.c: /proc/net/unix, netlink and packet: sockets that have no ports, column by column as Linux has them (proc(5)). */
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/net/netlink.h"
#include "kernel/net/packet.h"
#include "kernel/net/unix.h"

#define LIST_TEXT 65536 /* so much is told, the rest left out */
#define BATCH 64

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

static int show_unix(struct seq *s, void *arg)
{
	struct unix_sock *all[BATCH];
	u32 done = 0, n;

	seq_puts(s, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	do {
		n = unix_list(current_net(), all, BATCH, done);
		for (u32 k = 0; k < n; k++) {
			show_one_unix(s, all[k]);
			unix_put(all[k]);
		}
		done += n;
	} while (n == BATCH);
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
	seq_puts(s, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    "
		    "Drops    Inode\n");
	seq_reserve(s, LIST_TEXT);
	if (!s->full)
		nl_for_each(show_one_netlink, s);
	return 0;
}

static void show_one_packet(const struct packet_sock *p, void *arg)
{
	if (p->c.net == current_net())
		seq_printf(arg, "%016lx %-6d %-4d %04x   %-5d %1d %-6u %-6u %-6lu\n", 0UL, 3,
			p->c.type, p->proto, p->ifindex, p->running, p->rmem, 0U, p->c.ino);
}

static int show_packet(struct seq *s, void *arg)
{
	seq_puts(s, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
	seq_reserve(s, LIST_TEXT);
	if (!s->full)
		packet_for_each(show_one_packet, s);
	return 0;
}

static int lists_proc_init(void)
{
	int err = proc_create(".net/unix", 0444, show_unix, NULL, NULL);

	if (!err)
		err = proc_create(".net/netlink", 0444, show_netlink, NULL, NULL);
	return err ? err : proc_create(".net/packet", 0444, show_packet, NULL, NULL);
}
INITCALL(3, lists_proc_init);
