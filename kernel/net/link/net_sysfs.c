/* SPDX-License-Identifier: MIT */
/*
 * net_sysfs.c: /sys/class/net/NAME, a link to /sys/devices/virtual/net/NAME, and the table of names
 * for which there are folders there and in /proc/sys/net (netname.h). A folder shows the device of
 * its name in the reader's namespace.
 * Locks: names_mutex for the table of names; net->lock, inside, while a device is shown.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/fs/sysfs/device.h"
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/link/link.h"
#include "kernel/net/link/net_sysfs.h"
#include "kernel/net/netname.h"
#include "kernel/net/netlink/rtnl.h"

#define NAMES_MAX 512

/* A file of a device or queue. */
struct entry {
	const struct netname *n;
	const struct net_attribute *a;
};

static void show_address(struct seq *s, const struct net_device *d)
{
	const u8 *m = d->addr;

	seq_printf(s, "%02x:%02x:%02x:%02x:%02x:%02x\n", m[0], m[1], m[2], m[3], m[4], m[5]);
}
static void show_broadcast(struct seq *s, const struct net_device *d)
{
	seq_puts(s, d->flags & IFF_LOOPBACK ? "00:00:00:00:00:00\n" : "ff:ff:ff:ff:ff:ff\n");
}
static void show_mtu(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "%u\n", d->mtu);
}
static void show_flags(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "0x%x\n", netdev_shown_flags(d) & 0xffff & ~(u32)IFF_RUNNING);
}
static void show_ifindex(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "%d\n", d->ifindex);
}
static void show_type(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "%u\n", d->type);
}
static void show_txqlen(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "%u\n", d->txqlen);
}
static void show_carrier(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "%d\n", d->carrier);
}
static void show_operstate(struct seq *s, const struct net_device *d)
{
	static const char *const names[] = { "unknown", "notpresent", "down", "lowerlayerdown",
		"testing", "dormant", "up" };

	seq_printf(s, "%s\n", names[netdev_operstate(d)]);
}
static void show_iflink(struct seq *s, const struct net_device *d)
{
	const struct net_device *peer = link_peer(d);

	seq_printf(s, "%d\n", peer ? peer->ifindex : d->ifindex);
}
static void show_ifalias(struct seq *s, const struct net_device *d)
{
	if (d->alias[0])
		seq_printf(s, "%s\n", d->alias);
}
static void show_netdev_group(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "%u\n", d->group);
}
static void show_name_assign(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "%u\n", d->ops->poll ? 1 : 3);
}
static void show_carrier_changes(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "%u\n", d->carrier_changes);
}
static void show_addr_assign(struct seq *s, const struct net_device *d)
{
	seq_printf(s, "%u\n", d->addr_assign);
}
static void show_addr_len(struct seq *s, const struct net_device *d)
{
	seq_puts(s, "6\n");
}
static void show_zero(struct seq *s, const struct net_device *d)
{
	seq_puts(s, "0\n");
}
static void show_speed(struct seq *s, const struct net_device *d)
{
	seq_puts(s, "10000\n");
}
static void show_duplex(struct seq *s, const struct net_device *d)
{
	seq_puts(s, "full\n");
}
static void show_uevent(struct seq *s, const struct net_device *d)
{
	const char *kind = link_kind(d);

	if (kind && strcmp(kind, "veth") != 0 && strcmp(kind, "dummy") != 0)
		seq_printf(s, "DEVTYPE=%s\n", kind);
	seq_printf(s, "INTERFACE=%s\nIFINDEX=%d\n", d->name, d->ifindex);
}
#define SHOW_STAT(field)                                                                           \
	static void show_##field(struct seq *s, const struct net_device *d)                        \
	{                                                                                          \
		struct netdev_stats sum;                                                           \
                                                                                                   \
		netdev_sum(d, &sum);                                                               \
		seq_printf(s, "%lu\n", sum.field);                                                 \
	}
SHOW_STAT(rx_packets)
SHOW_STAT(tx_packets)
SHOW_STAT(rx_bytes)
SHOW_STAT(tx_bytes)
SHOW_STAT(rx_errors)
SHOW_STAT(tx_errors)
SHOW_STAT(rx_dropped)
SHOW_STAT(tx_dropped)
SHOW_STAT(multicast)

/* ---- writing ---- */

static int unsigned_of(const char *text, u32 *v)
{
	u64 n;

	if (kstrtou64(text, 0, &n) || n > ~0U)
		return -EINVAL;
	*v = (u32)n;
	return 0;
}

static int store_mtu(struct net_device *d, const char *text)
{
	u32 v;
	int err = unsigned_of(text, &v);

	if (err)
		return err;
	link_lock();
	err = netdev_set_mtu(d, v);
	link_unlock();
	return err;
}
static int store_flags(struct net_device *d, const char *text)
{
	u32 v;
	int err = unsigned_of(text, &v);

	if (err)
		return err;
	link_lock();
	err = netdev_change_flags(d, v, NETDEV_USERS_FLAGS);
	link_unlock();
	return err;
}
static int store_txqlen(struct net_device *d, const char *text)
{
	u32 v;
	int err = unsigned_of(text, &v);

	if (!err)
		d->txqlen = v;
	return err;
}
static int store_group(struct net_device *d, const char *text)
{
	u32 v;
	int err = unsigned_of(text, &v);

	if (!err)
		d->group = v;
	return err;
}
static int store_ifalias(struct net_device *d, const char *text)
{
	return netdev_set_alias(d, text, (u32)strlen(text));
}
/* Sends the uevent that a program requests (udevadm trigger). */
static int store_uevent(struct net_device *d, const char *text)
{
	char asked[256], synth[512];
	int err = strscpy(asked, text, sizeof(asked)) < 0 ? -EINVAL : 0;

	if (!err)
		err = uevent_parse(asked, synth, sizeof(synth));
	if (!err)
		netdev_uevent(d, asked, NULL, synth);
	return err;
}

static const struct net_attribute attributes[] = {
	{ "address", show_address, NULL, NULL },
	{ "broadcast", show_broadcast, NULL, NULL },
	{ "mtu", show_mtu, store_mtu, NULL },
	{ "flags", show_flags, store_flags, NULL },
	{ "ifindex", show_ifindex, NULL, NULL },
	{ "iflink", show_iflink, NULL, NULL },
	{ "ifalias", show_ifalias, store_ifalias, NULL },
	{ "netdev_group", show_netdev_group, store_group, NULL },
	{ "type", show_type, NULL, NULL },
	{ "tx_queue_len", show_txqlen, store_txqlen, NULL },
	{ "carrier", show_carrier, NULL, NULL },
	{ "carrier_changes", show_carrier_changes, NULL, NULL },
	{ "operstate", show_operstate, NULL, NULL },
	{ "addr_len", show_addr_len, NULL, NULL },
	{ "addr_assign_type", show_addr_assign, NULL, NULL },
	{ "name_assign_type", show_name_assign, NULL, NULL },
	{ "dev_id", show_zero, NULL, NULL },
	{ "dev_port", show_zero, NULL, NULL },
	{ "dormant", show_zero, NULL, NULL },
	{ "testing", show_zero, NULL, NULL },
	{ "link_mode", show_zero, NULL, NULL },
	{ "proto_down", show_zero, NULL, NULL },
	{ "speed", show_speed, NULL, NULL },
	{ "duplex", show_duplex, NULL, NULL },
	{ "uevent", show_uevent, store_uevent, NULL },
	{ "statistics/rx_packets", show_rx_packets, NULL, NULL },
	{ "statistics/tx_packets", show_tx_packets, NULL, NULL },
	{ "statistics/rx_bytes", show_rx_bytes, NULL, NULL },
	{ "statistics/tx_bytes", show_tx_bytes, NULL, NULL },
	{ "statistics/rx_errors", show_rx_errors, NULL, NULL },
	{ "statistics/tx_errors", show_tx_errors, NULL, NULL },
	{ "statistics/rx_dropped", show_rx_dropped, NULL, NULL },
	{ "statistics/tx_dropped", show_tx_dropped, NULL, NULL },
	{ "statistics/multicast", show_multicast, NULL, NULL },
	{ "statistics/collisions", show_zero, NULL, NULL },
};

static int show_entry(struct seq *s, void *arg)
{
	const struct entry *e = arg;
	struct net *net = current_net();
	struct net_device *d;

	seq_reserve(s, 512);
	spin_lock(&net->lock);
	d = netdev_by_name(net, e->n->name);
	if (d)
		e->a->show(s, d);
	spin_unlock(&net->lock);
	return d ? 0 : -ENODEV;
}

static int store_entry(char *text, size_t n, void *arg)
{
	const struct entry *e = arg;
	struct net *net = current_net();
	struct net_device *d;

	if (!net_capable(net, CAP_NET_ADMIN))
		return -EPERM;
	d = netdev_find(net, e->n->name);
	return d ? e->a->store(d, text) : -ENODEV;
}

static bool is_there(void *arg)
{
	const struct netname *n = arg;
	struct net *net = current_net();
	struct net_device *d;

	d = netdev_find(net, n->name);
	return d;
}

/* True if the device of this name has the entry, which only some kinds of devices have. */
static bool is_meant(void *arg)
{
	const struct entry *e = arg;
	struct net *net = current_net();
	struct net_device *d;
	bool yes;

	spin_lock(&net->lock);
	d = netdev_by_name(net, e->n->name);
	yes = d && e->a->when(d);
	spin_unlock(&net->lock);
	return yes;
}

/* ---- names ---- */

static DEFINE_MUTEX(names_mutex);
static struct netname *names[NAMES_MAX]; /* under names_mutex, like nr_names */
static u32 nr_names;
/* /sys exists, so entries can be added */
static bool ready;

static int add_attribute(const struct netname *n, struct entry *e)
{
	char path[112], *slash;
	int err;

	snprintf(path, sizeof(path), "devices/virtual/net/%s/%s", n->name, e->a->file);
	err = sysfs_create_rw(
		path, e->a->store ? 0644 : 0444, show_entry, e->a->store ? store_entry : NULL, e);
	if (err || !e->a->when)
		return err;
	slash = strrchr(path, '/');
	if (strchr(e->a->file, '/'))
		/* the whole folder is shown or hidden */
		*slash = 0;
	return sysfs_show_when(path, is_meant, e);
}

static int add_attributes(const struct netname *n, const struct net_attribute *a, u32 nr)
{
	struct entry *e = kcalloc(nr, sizeof(*e), GFP_KERNEL);
	int err = e ? 0 : -ENOMEM;

	for (u32 i = 0; i < nr && !err; i++) {
		e[i] = (struct entry){ n, &a[i] };
		err = add_attribute(n, &e[i]);
	}
	return err;
}

/* The folders of a name: four in /proc, two in /sys. */
static const char *const conf_dirs[] = { "sys/net/ipv4/conf/%s", "sys/net/ipv6/conf/%s",
	"sys/net/ipv4/neigh/%s", "sys/net/ipv6/neigh/%s" };
static const char *const sys_dirs[] = { "devices/virtual/net/%s", "class/net/%s" };

/* Returns the master of a device, and the master's name in @name (may be NULL). */
static struct net_device *shown_master(const struct netname *n, char *name)
{
	struct net *net = current_net();
	struct net_device *d, *master;

	spin_lock(&net->lock);
	d = netdev_by_name(net, n->name);
	master = d ? d->master : NULL;
	if (master && name)
		memcpy(name, master->name, IFNAMSIZ);
	spin_unlock(&net->lock);
	return master;
}

static bool has_master(void *arg)
{
	return shown_master(arg, NULL);
}

static int show_master(struct seq *s, void *arg)
{
	char name[IFNAMSIZ];

	if (!shown_master(arg, name))
		return -ENOENT;
	seq_printf(s, "../%s", name);
	return 0;
}

static int show_port_of(struct seq *s, void *arg)
{
	char name[IFNAMSIZ];

	if (!shown_master(arg, name))
		return -ENOENT;
	seq_printf(s, "../../%s", name);
	return 0;
}

static int add_master_links(struct netname *n)
{
	char path[80];
	int err;

	snprintf(path, sizeof(path), "devices/virtual/net/%s/master", n->name);
	err = sysfs_symlink_shown(path, show_master, n);
	if (!err)
		err = sysfs_show_when(path, has_master, n);
	snprintf(path, sizeof(path), "devices/virtual/net/%s/brport/bridge", n->name);
	return err ? err : sysfs_symlink_shown(path, show_port_of, n);
}

/*
 * Makes the files of a new entry in /sys/class/net and /proc/sys/net. names_mutex held. Returns 0
 * or -errno.
 */
static int add_files(struct netname *n)
{
	char path[80];
	int err = add_attributes(n, attributes, ARRAY_SIZE(attributes));

	for (u32 i = 0; i < NET_ATTRIBUTE_GROUPS && !err; i++)
		err = add_attributes(n, net_attribute_groups[i]->a, net_attribute_groups[i]->n);
	if (!err)
		err = netname_add_queues(n, 1, 1);
	if (!err)
		err = add_master_links(n);
	snprintf(path, sizeof(path), "devices/virtual/net/%s/subsystem", n->name);
	if (!err)
		err = sysfs_symlink(path, "../../../../class/net");
	snprintf(path, sizeof(path), "class/net/%s", n->name);
	if (!err)
		err = sysfs_symlink(path, n->target);
	for (u32 i = 0; i < ARRAY_SIZE(sys_dirs) && !err; i++) {
		snprintf(path, sizeof(path), sys_dirs[i], n->name);
		err = sysfs_show_when(path, is_there, n);
		if (!err)
			err = sysfs_rename(path, n->name);
	}
	if (!err)
		err = netconf_files(n);
	for (u32 i = 0; i < ARRAY_SIZE(conf_dirs) && !err; i++) {
		snprintf(path, sizeof(path), conf_dirs[i], n->name);
		err = proc_show_when(path, n->name, is_there, n);
	}
	return err;
}

static void set_name(struct netname *n, const char *name)
{
	strscpy(n->name, name, sizeof(n->name));
	snprintf(n->target, sizeof(n->target), "../../devices/virtual/net/%s", name);
}

static struct netname *find_name(const char *name)
{
	for (u32 i = 0; i < nr_names; i++)
		if (!strcmp(names[i]->name, name))
			return names[i];
	return NULL;
}

/* Returns an unused entry of names[] for @name, or a new one. */
static struct netname *new_name(const char *name)
{
	struct netname *n;

	for (u32 i = 0; i < nr_names; i++) {
		if (!names[i]->users) {
			set_name(names[i], name);
			return names[i];
		}
	}
	n = nr_names < NAMES_MAX ? kzalloc(sizeof(*n), GFP_KERNEL) : NULL;
	if (!n)
		return NULL;
	set_name(n, name);
	if (add_files(n)) /* files that were added are kept */
		return NULL;
	names[nr_names++] = n;
	return n;
}

/* Adds a name. A device whose name is beyond NAMES_MAX works, but is not shown. */
void netname_get(const char *name)
{
	struct netname *n;

	mutex_lock(&names_mutex);
	n = ready ? find_name(name) : NULL;
	if (ready && !n)
		n = new_name(name);
	if (n)
		n->users++;
	mutex_unlock(&names_mutex);
}

void netname_put(const char *name)
{
	struct netname *n;

	mutex_lock(&names_mutex);
	n = find_name(name);
	if (n && n->users)
		n->users--;
	mutex_unlock(&names_mutex);
}

/*
 * Logs @what once, since a program that renames devices all the time would fill the log. Under
 * names_mutex.
 */
static void say_once(bool *said, const char *what)
{
	if (!*said)
		pr_warn("%s\n", what);
	*said = true;
}

void netname_queues(const char *name, u32 rx, u32 tx)
{
	static bool said;
	struct netname *n;

	if (rx <= 1 && tx <= 1)
		return;
	mutex_lock(&names_mutex);
	n = find_name(name);
	if (n && netname_add_queues(n, rx, tx))
		say_once(&said, "net: /sys/class/net does not show all queues of all devices");
	mutex_unlock(&names_mutex);
}

/* ---- brif/PORT of a bridge ---- */

#define PAIRS_MAX 4096U

/* Two names: a device of the name @port has been a port of a device of the name @master. */
struct pair {
	struct list_head list;
	const struct netname *master, *port;
};
static LIST_HEAD(pairs); /* under names_mutex, like nr_pairs */
static u32 nr_pairs;

static bool is_pair(void *arg)
{
	const struct pair *p = arg;
	char name[IFNAMSIZ];

	return shown_master(p->port, name) && !strncmp(name, p->master->name, IFNAMSIZ);
}

static int show_pair(struct seq *s, void *arg)
{
	seq_printf(s, "../../%s/brport", ((const struct pair *)arg)->port->name);
	return 0;
}

static int add_pair(struct netname *master, struct netname *port)
{
	struct pair *p;
	char path[96];
	int err;

	list_for_each_entry(p, &pairs, list)
		if (p->master == master && p->port == port)
			return 0;
	p = nr_pairs < PAIRS_MAX ? kzalloc(sizeof(*p), GFP_KERNEL) : NULL;
	if (!p)
		return -ENOMEM;
	p->master = master;
	p->port = port;
	nr_pairs++;
	list_add_tail(&p->list, &pairs);
	snprintf(path, sizeof(path), "devices/virtual/net/%s/brif/%s", master->name, port->name);
	err = sysfs_symlink_shown(path, show_pair, p);
	if (!err)
		err = sysfs_show_when(path, is_pair, p);
	return err ? err : sysfs_rename(path, port->name);
}

void netname_is_port(const char *master, const char *port)
{
	static bool said;
	struct netname *m, *p;

	mutex_lock(&names_mutex);
	m = find_name(master);
	p = find_name(port);
	if (m && p && add_pair(m, p))
		say_once(&said, "net: /sys/class/net does not show all ports of all bridges");
	mutex_unlock(&names_mutex);
}

static int show_seqnum(struct seq *s, void *arg)
{
	seq_printf(s, "%lu\n", uevent_seqnum());
	return 0;
}

static int net_sysfs_init(void)
{
	struct net_device *d;

	sysfs_mkdir("class/net");
	uevent_init();
	sysfs_create("kernel/uevent_seqnum", show_seqnum, NULL);
	ready = true;
	list_for_each_entry(d, &init_net.devs.list, list) {
		netname_get(d->name);
		netname_queues(d->name, d->real_rx, d->real_tx);
	}
	return 0;
}
INITCALL(5, net_sysfs_init);
