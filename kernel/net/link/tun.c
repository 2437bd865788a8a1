/* SPDX-License-Identifier: MIT */
/*
 * tun.c: the file /dev/net/tun and the devices that it makes (tun.h). Source: the semantics of
 * Linux's Documentation/networking/tuntap.
 *
 * To make a device a program needs CAP_NET_ADMIN in the namespace of the file's opener. To attach
 * to an existing device it needs CAP_NET_ADMIN, or must match the device's owner and group, as far
 * as these are set (TUNSETOWNER, TUNSETGROUP): any program may attach to a device without either.
 * NAPI flags are kept and shown but change nothing: a written frame is received at once, and is not
 * joined with others; with IFF_NAPI_FRAGS a frame's pieces are checked, each of which but the first
 * must fit into a page. Not supported: filters, programs that choose a queue (EOPNOTSUPP).
 */
#include "kernel/fs/devtmpfs/devtmpfs.h"
#include "kernel/net/link/tun.h"

#include <asm/errno.h>
#include <linux/if_link.h>
#include <linux/ioctl.h>
#include <linux/major.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/link/net_sysfs.h"
#include "kernel/net/netlink/rtnl.h"

#define TUN_MINOR 200
#define FEATURES                                                                                   \
	(IFF_TUN | IFF_TAP | IFF_NO_PI | IFF_ONE_QUEUE | IFF_VNET_HDR | IFF_MULTI_QUEUE |          \
		IFF_NO_CARRIER | IFF_NAPI | IFF_NAPI_FRAGS)
#define SNDBUF_DEFAULT 0x7fffffff

/* struct ifreq with the members used in this file; <linux/if.h> needs libc. */
struct tun_ifreq {
	char name[IFNAMSIZ];
	union {
		u16 flags;
		struct {
			u16 family;
			u8 data[14];
		} hw;
		u8 pad[24];
	};
};
BUILD_BUG_ON(sizeof(struct tun_ifreq) != 40);

static struct tun *TUN(const struct net_device *dev)
{
	return READ_ONCE(*(struct tun *const *)&dev->private);
}

/* ---- the device ---- */

/* link_type.setup: makes the struct tun of a new device. @data: its TUN_SHAPE flags. */
static int setup(struct net_device *dev, struct net_device *lower, const void *data, u32 len)
{
	struct tun *t = kzalloc(sizeof(*t), GFP_KERNEL | __GFP_ACCOUNT);

	if (!t)
		return -ENOMEM;
	t->dev = dev;
	t->flags = *(const u32 *)data;
	t->sndbuf = SNDBUF_DEFAULT;
	t->vnet_len = TUN_VNET_MIN;
	if (tun_queues_setup(t)) {
		kfree(t);
		return -ENOMEM;
	}
	if (t->flags & IFF_MULTI_QUEUE)
		dev->num_tx = dev->num_rx = TUN_QUEUES;
	if (t->flags & IFF_TUN) {
		dev->flags = IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST;
		dev->mtu = ETH_DATA_LEN;
		dev->txqlen = 500;
	}
	dev->oper_known = true;
	dev->private = t;
	return 0;
}

static void free_tun(struct rcu_head *h)
{
	struct tun *t = container_of(h, struct tun, rcu);

	tun_queues_free(t);
	kfree(t);
}

static void remove(struct net_device *dev)
{
	struct tun *t = TUN(dev);

	while (t->nr)
		tun_leave(t->files[t->nr - 1]);
	while (!list_empty(&t->disabled))
		tun_leave(list_first_entry(&t->disabled, struct tun_file, link));
	call_rcu(&t->rcu, free_tun);
}

static void fill(struct nl_builder *b, const struct net_device *dev)
{
	const struct tun *t = TUN(dev);

	if (!t)
		return;
	nl_attr(b, IFLA_TUN_TYPE, &(u8){ t->flags & IFF_TUN ? IFF_TUN : IFF_TAP }, 1);
	if (t->has_owner)
		nl_attr_u32(b, IFLA_TUN_OWNER, from_kuid(&init_user_ns, t->owner));
	if (t->has_group)
		nl_attr_u32(b, IFLA_TUN_GROUP, from_kgid(&init_user_ns, t->group));
	nl_attr(b, IFLA_TUN_PI, &(u8){ !(t->flags & IFF_NO_PI) }, 1);
	nl_attr(b, IFLA_TUN_VNET_HDR, &(u8){ !!(t->flags & IFF_VNET_HDR) }, 1);
	nl_attr(b, IFLA_TUN_PERSIST, &(u8){ !!(t->flags & IFF_PERSIST) }, 1);
	nl_attr(b, IFLA_TUN_MULTI_QUEUE, &(u8){ !!(t->flags & IFF_MULTI_QUEUE) }, 1);
	if (!(t->flags & IFF_MULTI_QUEUE))
		return;
	nl_attr_u32(b, IFLA_TUN_NUM_QUEUES, t->nr);
	nl_attr_u32(b, IFLA_TUN_NUM_DISABLED_QUEUES, t->nr_disabled);
}

static const struct link_type tun_link, tap_link;

static const struct netdev_ops tun_ops = {
	.type = &tun_link,
	.driver = "tun",
	.qdisc = "pfifo_fast",
	.max_mtu = 65535,
	.cuts_nothing = true,
	.xmit = tun_xmit,
};

static const struct netdev_ops tap_ops = {
	.type = &tap_link,
	.driver = "tun",
	.qdisc = "pfifo_fast",
	.max_mtu = 65535 - ETH_HLEN,
	.cuts_nothing = true,
	.xmit = tun_xmit,
};

static const struct link_type tun_link = {
	.kind = "tun",
	.ops = &tun_ops,
	.type = ARPHRD_NONE,
	.setup = setup,
	.remove = remove,
	.fill = fill,
};

static const struct link_type tap_link = {
	.kind = "tun",
	.ops = &tap_ops,
	.setup = setup,
	.remove = remove,
	.fill = fill,
};

/* ---- TUNSETIFF; link.c's mutex held ---- */

static bool may_attach(const struct tun *t, const struct net *net)
{
	const struct cred *c = current_cred();

	if (net_capable(net, CAP_NET_ADMIN))
		return true;
	if (!t->has_owner && !t->has_group)
		return true;
	if (t->has_owner && t->owner != c->euid)
		return false;
	return !t->has_group || in_egroup(t->group);
}

static int find_device(struct tun_file *tf, const struct tun_ifreq *r, struct net_device **dev)
{
	struct net *net = tf->net;
	struct net_device *d;
	struct tun *t;

	*dev = NULL;
	spin_lock(&net->lock);
	d = r->name[0] ? netdev_by_name(net, r->name) : NULL;
	spin_unlock(&net->lock);
	if (!d)
		return 0;
	if (r->flags & IFF_TUN_EXCL)
		return -EBUSY;
	if (d->ops != (r->flags & IFF_TUN ? &tun_ops : &tap_ops))
		return -EINVAL;
	t = TUN(d);
	if ((r->flags ^ t->flags) & IFF_MULTI_QUEUE)
		return -EINVAL;
	if (!may_attach(t, net))
		return -EPERM;
	*dev = d;
	return 0;
}

/* Returns the flags of the requested device; a request for both kinds makes a tun. */
static u32 shape(const struct tun_ifreq *r)
{
	u32 flags = r->flags & TUN_SHAPE;

	return flags & IFF_TUN ? flags & ~(u32)IFF_TAP : flags;
}

static int make_device(struct tun_file *tf, const struct tun_ifreq *r, struct net_device **dev)
{
	u32 flags = shape(r);
	const char *name = r->name;

	if (!net_capable(tf->net, CAP_NET_ADMIN))
		return -EPERM;
	if (!*name)
		name = flags & IFF_TUN ? "tun%d" : "tap%d";
	return link_make(
		tf->net, flags & IFF_TUN ? &tun_link : &tap_link, name, &flags, sizeof(flags), dev);
}

/*
 * Attaches the file to the device that @r names, or to a new one; writes the device's name to @r.
 * link.c's mutex held. Returns 0 or -errno.
 */
static int attach(struct tun_file *tf, struct tun_ifreq *r)
{
	struct net_device *dev;
	struct tun *t;
	bool first;
	int err;

	if (tf->tun)
		return -EEXIST;
	if (r->flags & IFF_NAPI_FRAGS && !capable(CAP_NET_ADMIN))
		return -EPERM;
	if (r->flags & IFF_NAPI_FRAGS &&
		(r->flags & (IFF_NAPI | IFF_TUN | IFF_TAP)) != (IFF_NAPI | IFF_TAP))
		return -EINVAL;
	if (!(r->flags & (IFF_TUN | IFF_TAP)))
		return -EINVAL;
	err = find_device(tf, r, &dev);
	if (!err && !dev)
		err = make_device(tf, r, &dev);
	if (err)
		return err;
	t = TUN(dev);
	first = !t->nr && !t->nr_disabled;
	if (first)
		t->flags = (t->flags & IFF_PERSIST) | shape(r);
	tf->flags = t->flags & TUN_SHAPE;
	tf->pieces = r->flags & IFF_NAPI_FRAGS;
	err = tun_enter(t, tf);
	if (err)
		return err;
	if (first)
		netdev_set_carrier(dev, !(r->flags & IFF_NO_CARRIER));
	else
		rtnl_notify_link(dev, RTM_NEWLINK, 0);
	strscpy(r->name, dev->name, sizeof(r->name));
	return 0;
}

static long set_iff(struct tun_file *tf, u64 arg)
{
	struct tun_ifreq r;
	int err;

	if (get_user(r, UADDR(arg)))
		return -EFAULT;
	r.name[IFNAMSIZ - 1] = 0;
	link_lock();
	err = attach(tf, &r);
	link_unlock();
	if (err)
		return err;
	return put_user(r, UADDR(arg)) ? -EFAULT : 0;
}

static long set_queue(struct tun_file *tf, u64 arg)
{
	struct tun_ifreq r;
	int err;

	if (get_user(r, UADDR(arg)))
		return -EFAULT;
	link_lock();
	err = tun_set_queue(tf, r.flags);
	link_unlock();
	return err;
}

/* ---- the other ioctls ---- */

/*
 * The argument of an ioctl. It is read before link.c's mutex is taken and written after its
 * release, since its pages may belong to a slow or hostile file system.
 */
union tun_arg {
	struct tun_ifreq r;
	int n;
};

static u32 arg_size(u32 cmd)
{
	switch (cmd) {
	case TUNGETIFF:
	case SIOCGIFHWADDR:
	case SIOCSIFHWADDR: return sizeof(struct tun_ifreq);
	case TUNGETVNETHDRSZ:
	case TUNSETVNETHDRSZ:
	case TUNGETSNDBUF:
	case TUNSETSNDBUF:
	case TUNGETVNETLE:
	case TUNSETVNETLE:
	case TUNSETCARRIER: return sizeof(int);
	}
	return 0;
}

static bool is_question(u32 cmd)
{
	return cmd == TUNGETIFF || cmd == SIOCGIFHWADDR || cmd == TUNGETVNETHDRSZ ||
	       cmd == TUNGETSNDBUF || cmd == TUNGETVNETLE;
}

static long get_iff(const struct tun_file *tf, struct tun_ifreq *r)
{
	const struct tun *t = tf->tun;

	strscpy(r->name, t->dev->name, sizeof(r->name));
	r->flags = (u16)(t->flags | IFF_NOFILTER | (tf->disabled ? IFF_DETACH_QUEUE : 0));
	return 0;
}

static long set_owner(struct tun *t, u32 cmd, u64 arg)
{
	kuid_t u = make_kuid(current_user_ns(), (u32)arg);
	kgid_t g = make_kgid(current_user_ns(), (u32)arg);

	if (cmd == TUNSETOWNER) {
		if (!uid_valid(u))
			return -EINVAL;
		t->owner = u;
		t->has_owner = true;
	} else {
		if (!uid_valid(g))
			return -EINVAL;
		t->group = g;
		t->has_group = true;
	}
	return 0;
}

/*
 * Sets the offloads that the program can process. TCP packets are passed uncut and without
 * checksums only if the program accepts this of IPv4 and IPv6.
 */
static long set_offload(struct tun *t, u64 arg)
{
	u64 all = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
	bool uncut = (arg & all) == all;

	if (arg & TUN_F_CSUM) {
		arg &= ~(u64)TUN_F_CSUM;
		if (arg & (TUN_F_TSO4 | TUN_F_TSO6))
			arg &= ~(u64)(TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN);
		arg &= ~(u64)TUN_F_UFO;
		if ((arg & 0x60) == 0x60) /* TUN_F_USO4, USO6 */
			arg &= ~0x60UL;
	}
	if (arg)
		return -EINVAL;
	WRITE_ONCE(t->dev->csum_out, uncut);
	return 0;
}

/* Gets or sets the size of the header, which all queues share. */
static long header_size(struct tun *t, u32 cmd, int *n)
{
	struct tun_file *tf;

	if (cmd == TUNGETVNETHDRSZ) {
		*n = (int)t->vnet_len;
		return 0;
	}
	if (*n < (int)TUN_VNET_MIN || *n > 4096)
		return -EINVAL;
	t->vnet_len = (u32)*n;
	for (u32 i = 0; i < t->nr; i++)
		WRITE_ONCE(t->files[i]->vnet_len, t->vnet_len);
	list_for_each_entry(tf, &t->disabled, link)
		WRITE_ONCE(tf->vnet_len, t->vnet_len);
	return 0;
}

static long sndbuf(struct tun *t, u32 cmd, int *n)
{
	if (cmd == TUNGETSNDBUF) {
		*n = t->sndbuf;
		return 0;
	}
	if (*n <= 0)
		return -EINVAL;
	t->sndbuf = *n;
	return 0;
}

/*
 * Gets or sets the byte order of virtio_net_hdr. The machine is little-endian, so either value has
 * the same effect.
 */
static long little_endian(struct tun *t, u32 cmd, int *n)
{
	if (cmd == TUNGETVNETLE)
		*n = t->vnet_le;
	else
		t->vnet_le = *n;
	return 0;
}

static long hwaddr(struct tun *t, u32 cmd, struct tun_ifreq *r)
{
	if (cmd == SIOCSIFHWADDR)
		return r->hw.family == t->dev->type ? netdev_set_address(t->dev, r->hw.data) :
						      -EINVAL;
	memset(&r->hw, 0, sizeof(r->hw));
	r->hw.family = t->dev->type;
	memcpy(r->hw.data, t->dev->addr, ETH_ALEN);
	return 0;
}

static long set_carrier(struct tun *t, int on)
{
	netdev_set_carrier(t->dev, on);
	return 0;
}

/*
 * Serves the ioctls of an attached device. link.c's mutex held. @a: the data at @arg, if arg_size()
 * is not 0.
 */
static long of_device(struct tun_file *tf, u32 cmd, u64 arg, union tun_arg *a)
{
	struct tun *t = tf->tun;

	if (!t)
		return -EBADFD;
	switch (cmd) {
	case TUNGETIFF: return get_iff(tf, &a->r);
	/* Has no effect: checksums are neither made nor checked, in either direction. */
	case TUNSETNOCSUM: return 0;
	case TUNSETPERSIST:
		t->flags = arg ? t->flags | IFF_PERSIST : t->flags & ~(u32)IFF_PERSIST;
		return 0;
	case TUNSETOWNER:
	case TUNSETGROUP: return set_owner(t, cmd, arg);
	case TUNSETLINK: return t->dev->flags & IFF_UP ? -EBUSY : arg == t->dev->type ? 0 : -EINVAL;
	case TUNSETOFFLOAD: return set_offload(t, arg);
	case TUNGETVNETHDRSZ:
	case TUNSETVNETHDRSZ: return header_size(t, cmd, &a->n);
	case TUNGETSNDBUF:
	case TUNSETSNDBUF: return sndbuf(t, cmd, &a->n);
	case TUNGETVNETLE:
	case TUNSETVNETLE: return little_endian(t, cmd, &a->n);
	case TUNSETCARRIER: return set_carrier(t, a->n);
	case SIOCGIFHWADDR:
	case SIOCSIFHWADDR: return hwaddr(t, cmd, &a->r);
	case TUNSETTXFILTER:
	case TUNATTACHFILTER:
	case TUNDETACHFILTER:
	case TUNGETFILTER:
	case TUNSETSTEERINGEBPF:
	case TUNSETFILTEREBPF:
	case TUNGETDEVNETNS: return -EOPNOTSUPP;
	}
	return -EINVAL;
}

static long tun_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct tun_file *tf = f->private_data;
	u32 features = FEATURES, size = arg_size(cmd);
	union tun_arg a = { .n = 0 };
	long err;

	switch (cmd) {
	case TUNGETFEATURES: return put_user(features, UADDR(arg)) ? -EFAULT : 0;
	case TUNSETIFF: return set_iff(tf, arg);
	case TUNSETQUEUE: return set_queue(tf, arg);
	}
	if (!READ_ONCE(tf->tun))
		return -EBADFD;
	if (size && (size > sizeof(int) || !is_question(cmd)) &&
		copy_from_user(&a, UADDR(arg), size))
		return -EFAULT;
	link_lock();
	err = of_device(tf, cmd, arg, &a);
	link_unlock();
	if (!err && is_question(cmd) && copy_to_user(UADDR(arg), &a, size))
		err = -EFAULT;
	return err;
}

/* ---- the file ---- */

static int tun_open(struct inode *inode, struct file *f)
{
	struct tun_file *tf = kzalloc(sizeof(*tf), GFP_KERNEL | __GFP_ACCOUNT);

	if (!tf)
		return -ENOMEM;
	tf->net = net_get(current_net());
	init_waitqueue_head(&tf->wait);
	fasync_list_init(&tf->async);
	INIT_LIST_HEAD(&tf->queue);
	spin_lock_init(&tf->lock);
	f->private_data = tf;
	return 0;
}

static void free_file(struct rcu_head *h)
{
	struct tun_file *tf = container_of(h, struct tun_file, rcu);

	/* After this every sender by the device has queued its last frame. */
	tun_purge(tf);
	kfree(tf);
}

static int tun_release(struct inode *inode, struct file *f)
{
	struct tun_file *tf = f->private_data;
	struct tun *t;

	fasync_helper(-1, f, false, &tf->async);
	link_lock();
	t = tf->tun;
	if (t) {
		tun_leave(tf);
		if (t->nr || t->nr_disabled)
			rtnl_notify_link(t->dev, RTM_NEWLINK, 0);
		else if (t->flags & IFF_PERSIST)
			netdev_set_carrier(t->dev, false);
		else
			link_remove(t->dev);
	}
	link_unlock();
	net_put(tf->net);
	call_rcu(&tf->rcu, free_file);
	return 0;
}

static int tun_fasync(int fd, struct file *f, bool on)
{
	struct tun_file *tf = f->private_data;

	return fasync_helper(fd, f, on, &tf->async);
}

static int tun_fdinfo(struct file *f, char *buf, size_t size)
{
	const struct tun_file *tf = f->private_data;
	int n;

	link_lock();
	n = scnprintf(buf, size, "iff:\t%s\n", tf->tun ? tf->tun->dev->name : "");
	link_unlock();
	return n;
}

static const struct file_operations tun_fops = {
	.llseek = no_llseek,
	.open = tun_open,
	.release = tun_release,
	.read_iter = tun_read,
	.write_iter = tun_write,
	.poll = tun_poll,
	.ioctl = tun_ioctl,
	.fasync = tun_fasync,
	.show_fdinfo = tun_fdinfo,
};

/* ---- /sys/class/net/NAME ---- */

static bool is_tun(const struct net_device *d)
{
	return d->ops->type == &tun_link || d->ops->type == &tap_link;
}

static void show_flags(struct seq *s, const struct net_device *d)
{
	const struct tun *t = TUN(d);

	seq_printf(s, "0x%x\n", t ? t->flags : 0);
}

static void show_owner(struct seq *s, const struct net_device *d)
{
	const struct tun *t = TUN(d);

	seq_printf(s, "%d\n", t && t->has_owner ? (int)from_kuid(&init_user_ns, t->owner) : -1);
}

static void show_group(struct seq *s, const struct net_device *d)
{
	const struct tun *t = TUN(d);

	seq_printf(s, "%d\n", t && t->has_group ? (int)from_kgid(&init_user_ns, t->group) : -1);
}

static const struct net_attribute attrs[] = {
	{ "tun_flags", show_flags, NULL, is_tun },
	{ "owner", show_owner, NULL, is_tun },
	{ "group", show_group, NULL, is_tun },
};
const struct net_attribute_group tun_attributes = { attrs, ARRAY_SIZE(attrs) };

static int tun_init(void)
{
	int err = register_chrdev(MISC_MAJOR, TUN_MINOR, 1, "misc", &tun_fops);

	return err ? err : devtmpfs_create("net/tun", S_IFCHR | 0600, MKDEV(MISC_MAJOR, TUN_MINOR));
}
INITCALL(4, tun_init);
