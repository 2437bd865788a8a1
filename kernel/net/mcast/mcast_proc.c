/* SPDX-License-Identifier: MIT */
/*
 * mcast_proc.c: /proc/net/igmp, igmp6, mcfilter, mcfilter6 and dev_mcast, which `ip maddr`,
 * `netstat -g` and others parse; and the multicast sysctls in /proc/sys/net whose values each
 * namespace has for itself.
 */
#include <asm/errno.h>
#include <linux/in.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/mcast/mcast.h"

#define LIST_TEXT (1U << 20) /* bytes shown; the rest is omitted */
#define TICK (NSEC_PER_SEC / 100)
#define LOADED 4
#define NOT_REPORTED 8

typedef void (*show_group_fn)(
	struct seq *s, const struct net_device *d, const struct mc_group *g, u64 now);

static u64 ticks_left(const struct mc_group *g, u64 now)
{
	return g->report_at > now ? (g->report_at - now) / TICK : 0;
}

static void show_addr6(struct seq *s, const ip_addr *a)
{
	seq_printf(s, "%08x%08x%08x%08x", ntohl(a->w[0]), ntohl(a->w[1]), ntohl(a->w[2]),
		ntohl(a->w[3]));
}

static void show_igmp(struct seq *s, const struct net_device *d, const struct mc_group *g, u64 now)
{
	seq_printf(s, "\t\t\t\t%08X %5d %d:%08lX\t\t%d\n", g->addr.w[3], g->users, !!g->report_at,
		ticks_left(g, now), g->reporter);
}

static void show_igmp6(struct seq *s, const struct net_device *d, const struct mc_group *g, u64 now)
{
	u32 flags = (g->report_at ? 1 : 0) | (g->reporter ? 2 : 0) | (g->asked ? 16 : 0);

	flags |= g->loaded ? LOADED : 0;
	flags |= mcast_is_reported(d, g) ? 0 : NOT_REPORTED;
	seq_printf(s, "%-4d %-15s ", d->ifindex, d->name);
	show_addr6(s, &g->addr);
	seq_printf(s, " %5d %08X %ld\n", g->users, flags, ticks_left(g, now));
}

static void show_filter(
	struct seq *s, const struct net_device *d, const struct mc_group *g, u64 now)
{
	const struct mc_source *p;

	list_for_each_entry(p, &g->sources, list)
		seq_printf(s, "%3d %6.6s 0x%08x 0x%08x %6u %6u\n", d->ifindex, d->name,
			ntohl(g->addr.w[3]), ntohl(p->addr.w[3]), p->n[MCAST_INCLUDE],
			p->n[MCAST_EXCLUDE]);
}

static void show_filter6(
	struct seq *s, const struct net_device *d, const struct mc_group *g, u64 now)
{
	const struct mc_source *p;

	list_for_each_entry(p, &g->sources, list) {
		seq_printf(s, "%3d %6.6s ", d->ifindex, d->name);
		show_addr6(s, &g->addr);
		seq_puts(s, " ");
		show_addr6(s, &p->addr);
		seq_printf(s, " %6u %6u\n", p->n[MCAST_INCLUDE], p->n[MCAST_EXCLUDE]);
	}
}

static const struct listing {
	const char *path, *head;
	bool v6;
	show_group_fn show;
} listings[] = {
	{ ".net/igmp", "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n", false,
		show_igmp },
	{ ".net/igmp6", "", true, show_igmp6 },
	{ ".net/mcfilter", "Idx Device        MCA        SRC    INC    EXC\n", false, show_filter },
	{ ".net/mcfilter6",
		"Idx Device                Multicast Address                   Source Address    "
		"INC    EXC\n",
		true, show_filter6 },
};

static int show_groups(struct seq *s, void *arg)
{
	static const char *const versions[] = { "", "V1", "V2", "V3" };
	const struct listing *l = arg;
	struct net *net = current_net();
	const struct mc_group *g;
	struct net_device *d;
	u64 now = ktime_get();

	seq_puts(s, l->head);
	seq_reserve(s, LIST_TEXT);
	spin_lock(&net->lock);
	list_for_each_entry(d, &net->devs.list, list) {
		if (l->show == show_igmp && d->mc[0].count)
			seq_printf(s, "%d\t%-10s: %5d %7s\n", d->ifindex, d->name, d->mc[0].count,
				versions[mcast_version(d, false, now)]);
		list_for_each_entry(g, &d->mc[l->v6].groups, list)
			if (g->users)
				l->show(s, d, g, now);
	}
	spin_unlock(&net->lock);
	return 0;
}

static int show_dev_mcast(struct seq *s, void *arg)
{
	struct net *net = current_net();
	const struct mc_mac *m;
	struct net_device *d;

	seq_reserve(s, LIST_TEXT);
	spin_lock(&net->lock);
	list_for_each_entry(d, &net->devs.list, list)
		list_for_each_entry(m, &d->macs, list)
			seq_printf(s, "%-4d %-15s %-5d %-5d %02x%02x%02x%02x%02x%02x\n", d->ifindex,
				d->name, m->users, m->by_hand, m->mac[0], m->mac[1], m->mac[2],
				m->mac[3], m->mac[4], m->mac[5]);
	spin_unlock(&net->lock);
	return 0;
}

/* ---- sysctls of a namespace ---- */

static const struct number {
	const char *path;
	size_t at; /* offset in struct net */
	int min, max;
} numbers[] = {
	{ "sys/net/ipv4/igmp_max_memberships", offsetof(struct net, mc.max_memberships), INT32_MIN,
		INT32_MAX },
	{ "sys/net/ipv4/igmp_max_msf", offsetof(struct net, mc.max_msf), INT32_MIN, INT32_MAX },
	{ "sys/net/ipv4/igmp_qrv", offsetof(struct net, mc.qrv), 1, INT32_MAX },
	{ "sys/net/ipv4/igmp_link_local_mcast_reports", offsetof(struct net, mc.link_local),
		INT32_MIN, INT32_MAX },
};

static int *word(const struct number *n)
{
	return (int *)((char *)current_net() + n->at);
}

static int show_number(struct seq *s, void *arg)
{
	seq_printf(s, "%d\n", READ_ONCE(*word(arg)));
	return 0;
}

static int store_number(char *text, size_t len, void *arg)
{
	const struct number *n = arg;
	s64 v;

	text += strspn(text, " \t");
	text[strcspn(text, " \t\n")] = 0;
	if (kstrtos64(text, 0, &v) || v < n->min || v > n->max)
		return -EINVAL;
	WRITE_ONCE(*word(n), (int)v);
	return 0;
}

static const struct sysctl ints[] = {
	SYSCTL_NUM("net/ipv6/mld_max_msf", sysctl_mld_max_msf, 0, 4096),
	SYSCTL_NUM("net/ipv6/mld_qrv", sysctl_mld_qrv, 1, INT32_MAX),
};

static int mcast_proc_init(void)
{
	int err = 0;

	for (u32 i = 0; i < ARRAY_SIZE(listings) && !err; i++)
		err = proc_create(listings[i].path, 0444, show_groups, NULL, (void *)&listings[i]);
	if (!err)
		err = proc_create(".net/dev_mcast", 0444, show_dev_mcast, NULL, NULL);
	for (u32 i = 0; i < ARRAY_SIZE(numbers) && !err; i++) {
		err = proc_create(
			numbers[i].path, 0644, show_number, store_number, (void *)&numbers[i]);
		if (!err)
			err = proc_let(numbers[i].path, net_sysctl_may);
	}
	return err ? err : sysctl_register(ints, ARRAY_SIZE(ints));
}
INITCALL(3, mcast_proc_init);
