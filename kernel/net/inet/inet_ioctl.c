/* SPDX-License-Identifier: MIT */
/*
 * inet_ioctl.c: device ioctls on sockets (netdevice(7)), as ifconfig, glibc's if_nametoindex() and
 * many programs use them, and ioctls for IPv4 addresses and routes. IPv6 is in inet6_ioctl.c,
 * neighbours are in arp_ioctl.c.
 * Sources: netdevice(7), socket(7); rtnetlink(7) for the values that they set.
 */
#include <asm/errno.h>
#include <linux/ioctl.h>
#include <linux/net_tstamp.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/netlink/bridge_rtnl.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/ioctl.h"
#include "kernel/net/link/link.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/task/ns/nsfs.h"

struct sockaddr4 {
	u16 family, port;
	u32 addr;
	u8 zero[8];
};
struct ifmap {
	u64 mem_start, mem_end;
	u16 base;
	u8 irq, dma, port, pad[3];
};
/* struct ifreq and ifconf; <linux/if.h> needs libc. */
struct ifreq {
	char name[IFNAMSIZ];
	union {
		struct sockaddr4 addr;
		struct {
			u16 family;
			u8 data[14];
		} hw;
		s16 flags;
		int number;
		struct ifmap map;
		u64 data;
		char newname[IFNAMSIZ];
	};
};
BUILD_BUG_ON(sizeof(struct ifreq) != 40);
/* SIOCGSTAMP_NEW and SIOCGSTAMPNS_NEW; their definitions need libc's types. */
#define STAMP_NEW_USEC _IOR(SOCK_IOC_TYPE, 6, u64[2])
#define STAMP_NEW_NSEC _IOR(SOCK_IOC_TYPE, 7, u64[2])
struct ifconf {
	int len;
	int pad;
	u64 buf;
};

/*
 * Returns the device that a request names. The name may be the label of an alias, such as "eth0:1":
 * the part before the colon is the device's name. net->lock held.
 */
static struct net_device *device_of(struct net *net, const struct ifreq *r)
{
	char name[IFNAMSIZ];

	strscpy(name, r->name, sizeof(name));
	name[strcspn(name, ":")] = 0;
	return netdev_by_name(net, name);
}

static struct net_device *find_device_of(struct net *net, const struct ifreq *r)
{
	struct net_device *d;

	spin_lock(&net->lock);
	d = device_of(net, r);
	spin_unlock(&net->lock);
	return d;
}

static u32 netmask(u32 prefix)
{
	return prefix ? htonl(~0U << (32 - prefix)) : 0;
}

static void put_addr(struct ifreq *r, u32 addr)
{
	r->addr = (struct sockaddr4){ .family = AF_INET, .addr = addr };
}

/* ---- reading; net->lock held ---- */

/*
 * Reads a value of an address with the request's label. Prefers the address that equals the
 * request's address, else takes the first.
 */
static int get_addr(struct net_device *d, u32 cmd, struct ifreq *r)
{
	ip_addr wanted = ip_v4(r->addr.addr);
	struct ifaddr *a = NULL;

	if (r->addr.family == AF_INET)
		a = addr4_labelled(d, r->name, &wanted);
	if (!a)
		a = addr4_labelled(d, r->name, NULL);
	if (!a)
		return -EADDRNOTAVAIL;
	switch (cmd) {
	case SIOCGIFADDR: put_addr(r, a->addr.w[3]); break;
	case SIOCGIFDSTADDR: put_addr(r, a->peer.w[3]); break;
	case SIOCGIFBRDADDR: put_addr(r, a->broadcast.w[3]); break;
	default: put_addr(r, netmask(a->prefix));
	}
	return 0;
}

static int get_one(struct net_device *d, u32 cmd, struct ifreq *r)
{
	switch (cmd) {
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK: return get_addr(d, cmd, r);
	case SIOCGIFFLAGS: r->flags = (s16)netdev_shown_flags(d); return 0;
	case SIOCGIFINDEX: r->number = d->ifindex; return 0;
	case SIOCGIFMTU: r->number = (int)d->mtu; return 0;
	case SIOCGIFMETRIC: r->number = 0; return 0;
	case SIOCGIFTXQLEN: r->number = (int)d->txqlen; return 0;
	case SIOCGIFMAP: memset(&r->map, 0, sizeof(r->map)); return 0;
	case SIOCGIFSLAVE: return -EINVAL;
	case SIOCGIFHWADDR:
		memset(&r->hw, 0, sizeof(r->hw));
		r->hw.family = d->type;
		memcpy(r->hw.data, d->addr, sizeof(d->addr));
		return 0;
	}
	/* The other commands are for kinds of drivers that Nestling does not have. */
	return -EOPNOTSUPP;
}

static long read_device(struct net *net, u32 cmd, u64 arg)
{
	struct net_device *d;
	struct ifreq r;
	int err = -ENODEV;

	if (get_user(r, UADDR(arg)))
		return -EFAULT;
	r.name[IFNAMSIZ - 1] = 0;
	spin_lock(&net->lock);
	d = cmd == SIOCGIFNAME ? netdev_by_index(net, r.number) : device_of(net, &r);
	if (d && cmd == SIOCGIFNAME) {
		strscpy(r.name, d->name, sizeof(r.name));
		err = 0;
	} else if (d) {
		err = get_one(d, cmd, &r);
	}
	spin_unlock(&net->lock);
	return err ? err : put_user(r, UADDR(arg));
}

/*
 * Serves SIOCGIFCONF: lists the IPv4 addresses by their labels, as many as fit. Without a buffer
 * reports the length only. @arg: a struct ifconf of the program.
 */
static long read_all(struct net *net, u64 arg)
{
	struct ifreq *all = NULL;
	struct ifconf c;
	struct ifaddr *a;
	u32 n = 0, room;
	long err = 0;

	if (get_user(c, UADDR(arg)))
		return -EFAULT;
	room = min((u32)max(c.len, 0) / (u32)sizeof(*all), rtnl_room_for(net, &net->addr.list));
	if (c.buf && room) {
		all = kcalloc(room, sizeof(*all), GFP_KERNEL);
		if (!all)
			return -ENOMEM;
	}
	spin_lock(&net->lock);
	list_for_each_entry(a, &net->addr.list, list) {
		if (!ip_is_v4(&a->addr))
			continue;
		if (c.buf && n == room)
			break;
		if (all) {
			strscpy(all[n].name, a->label, IFNAMSIZ);
			put_addr(&all[n], a->addr.w[3]);
		}
		n++;
	}
	spin_unlock(&net->lock);
	c.len = (int)(n * sizeof(*all));
	if (all && copy_to_user(UADDR(c.buf), all, n * sizeof(*all)))
		err = -EFAULT;
	kfree(all);
	return err ? err : put_user(c, UADDR(arg));
}

/* ---- writing ---- */

/* True if the netmask @word, in network byte order, has a one bit behind a zero bit. */
static bool bad_mask(u32 word)
{
	u32 host = ~ntohl(word);

	return host & (host + 1);
}

/*
 * True if @a already has the value @word. As on Linux, the address is then not removed and added
 * again.
 */
static bool says_so(const struct ifaddr *a, u32 cmd, u32 word)
{
	switch (cmd) {
	case SIOCSIFADDR: return a->addr.w[3] == word;
	case SIOCSIFNETMASK: return !bad_mask(word) && a->prefix == __builtin_popcount(word);
	case SIOCSIFBRDADDR: return a->broadcast.w[3] == word;
	case SIOCSIFDSTADDR: return a->peer.w[3] == word;
	}
	return false;
}

/*
 * Returns the prefix length of the class of the address @word, in network byte order: 0 for
 * 0.0.0.0/8 and 255.255.255.255, -1 for multicast.
 */
static int class_prefix(u32 word)
{
	u32 a = ntohl(word), top = a >> 24;

	if (!top || a == ~0U)
		return 0;
	if (top < 192)
		return top < 128 ? 8 : 16;
	return top < 224 ? 24 : top < 240 ? -1 : 32;
}

/*
 * Returns the broadcast address of @a's network, or IP_ANY if the device or the network has none.
 */
static ip_addr network_broadcast(const struct net_device *d, const struct ifaddr *a)
{
	return d->flags & IFF_BROADCAST && a->prefix < 31 ?
		       ip_v4(a->addr.w[3] | ~netmask(a->prefix)) :
		       IP_ANY;
}

/*
 * Makes @a the new address @word. It keeps only the metric of the old address, and flags that do
 * not come from its lifetime.
 */
static void begin_addr(const struct net_device *d, struct ifaddr *a, u32 word)
{
	*a = (struct ifaddr){
		.flags = a->flags & (u16)~IFA_F_DEPRECATED, .metric = a->metric, .prefix = 32
	};
	a->addr = a->peer = ip_v4(word);
	a->scope = (ntohl(word) >> 24) == 127 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	if (d->flags & IFF_POINTOPOINT)
		return;
	a->prefix = (u8)class_prefix(word);
	a->broadcast = network_broadcast(d, a);
}

/* Sets the netmask, and the broadcast address if it followed from the old netmask. */
static void change_mask(const struct net_device *d, struct ifaddr *a, u32 mask)
{
	bool follows = a->broadcast.w[3] == (a->addr.w[3] | ~netmask(a->prefix));

	a->prefix = (u8)__builtin_popcount(mask);
	if (follows && d->flags & IFF_BROADCAST && a->prefix < 31)
		a->broadcast = network_broadcast(d, a);
}

/*
 * Replaces the IPv4 address with the request's label by one that differs in what @cmd sets.
 * SIOCSIFADDR of 0.0.0.0 only removes it. Returns 0 or -errno; after -EINVAL the old address is
 * still there.
 */
static int set_addr(struct net *net, struct net_device *d, u32 cmd, const struct ifreq *r)
{
	struct ifaddr now = { 0 }, *a;
	u32 addr = r->addr.addr;
	char label[IFNAMSIZ];
	ip_addr old;
	u8 old_prefix;
	bool had;

	spin_lock(&net->lock);
	a = addr4_labelled(d, r->name, NULL);
	had = a;
	if (a)
		now = *a;
	strscpy(label, a || strchr(r->name, ':') ? r->name : d->name, sizeof(label));
	spin_unlock(&net->lock);
	if (!had && cmd != SIOCSIFADDR)
		return -EADDRNOTAVAIL;
	if (had && says_so(&now, cmd, addr))
		return 0;
	if (cmd == SIOCSIFNETMASK && bad_mask(addr))
		return -EINVAL;
	if ((cmd == SIOCSIFADDR || cmd == SIOCSIFDSTADDR) && class_prefix(addr) < 0)
		return -EINVAL;
	old = now.addr;
	old_prefix = now.prefix;
	switch (cmd) {
	case SIOCSIFADDR: begin_addr(d, &now, addr); break;
	case SIOCSIFNETMASK: change_mask(d, &now, addr); break;
	case SIOCSIFBRDADDR: now.broadcast = addr ? ip_v4(addr) : IP_ANY; break;
	case SIOCSIFDSTADDR: now.peer = ip_v4(addr); break;
	}
	strscpy(now.label, label, sizeof(now.label));
	if (had)
		addr_del(d, &old, old_prefix);
	return cmd == SIOCSIFADDR && !addr ? 0 : addr_add(d, &now);
}

/* Adds a MAC address to the device's multicast filter for a program, or removes it. */
static long change_multicast(struct net *net, struct net_device *d, u32 cmd, const struct ifreq *r)
{
	int err;

	if (d->type != ARPHRD_ETHER || r->hw.family != AF_UNSPEC)
		return -EINVAL;
	spin_lock(&net->lock);
	err = cmd == SIOCADDMULTI ? mcast_mac_add(d, r->hw.data, true) :
				    mcast_mac_del(d, r->hw.data, true);
	spin_unlock(&net->lock);
	return err;
}

/* Checks a struct hwtstamp_config, and refuses hardware timestamps. */
static long set_stamping(u64 arg)
{
	u32 config[3];

	if (get_user(config, UADDR(arg)))
		return -EFAULT;
	if (config[0] & ~(u32)HWTSTAMP_FLAG_BONDED_PHC_INDEX)
		return -EINVAL;
	if (config[1] > HWTSTAMP_TX_ONESTEP_P2P || config[2] > HWTSTAMP_FILTER_NTP_ALL)
		return -ERANGE;
	return -EOPNOTSUPP;
}

/*
 * Checks that the program may change devices, reads the request into *@r, and sets *@d to the
 * device that it names. Returns 0 or -errno.
 */
static long device_to_change(struct net *net, u64 arg, struct ifreq *r, struct net_device **d)
{
	if (get_user(*r, UADDR(arg)))
		return -EFAULT;
	if (!net_capable(net, CAP_NET_ADMIN))
		return -EPERM;
	r->name[IFNAMSIZ - 1] = 0;
	*d = find_device_of(net, r);
	return *d ? 0 : -ENODEV;
}

/* Sets flags, MAC address or MTU of a device, which devices on top of it may follow. */
static long change_link(struct net_device *d, u32 cmd, const struct ifreq *r)
{
	long err = -EINVAL;

	link_lock();
	if (cmd == SIOCSIFFLAGS)
		err = netdev_change_flags(d, (u16)r->flags, NETDEV_USERS_FLAGS);
	else if (cmd == SIOCSIFHWADDR && r->hw.family == d->type)
		err = netdev_set_address(d, r->hw.data);
	else if (cmd == SIOCSIFMTU && r->number >= 0)
		err = netdev_set_mtu(d, (u32)r->number);
	link_unlock();
	return err;
}

/*
 * Serves the ioctls that change a device. @arg: a struct ifreq of the program. Returns 0 or -errno,
 * -EOPNOTSUPP for what no device has.
 */
static long write_device(struct net *net, u32 cmd, u64 arg)
{
	struct net_device *d;
	struct ifreq r;
	long err = device_to_change(net, arg, &r, &d);

	if (err)
		return err;
	switch (cmd) {
	case SIOCSIFFLAGS:
	case SIOCSIFHWADDR:
	case SIOCSIFMTU: return change_link(d, cmd, &r);
	case SIOCSIFNAME:
		r.newname[IFNAMSIZ - 1] = 0;
		return link_rename(net, d->ifindex, r.newname);
	case SIOCADDMULTI:
	case SIOCDELMULTI: return change_multicast(net, d, cmd, &r);
	case SIOCSIFTXQLEN:
		if (r.number < 0)
			return -EINVAL;
		d->txqlen = (u32)r.number;
		return 0;
	case SIOCSIFHWBROADCAST: return r.hw.family == d->type ? -EOPNOTSUPP : -EINVAL;
	/* no kind of device supports this command */
	case SIOCSIFSLAVE: return -EINVAL;
	case SIOCSHWTSTAMP: return set_stamping(r.data);
	}
	/* No device has a metric, a map or a transceiver (MII), and none is a bond. */
	return -EOPNOTSUPP;
}

static long write_addr(struct net *net, u32 cmd, u64 arg)
{
	struct net_device *d;
	struct ifreq r;
	long err = device_to_change(net, arg, &r, &d);

	if ((!err || err == -ENODEV) && r.addr.family != AF_INET)
		return -EINVAL;
	return err ? err : set_addr(net, d, cmd, &r);
}

/*
 * Serves SIOCSIFFLAGS for the label of an alias: removes the address unless IFF_UP is set. Returns
 * 0 or -errno, -ENOTTY if the request names a device.
 */
static long change_alias(struct net *net, u64 arg)
{
	struct addr4_match which = { 0 };
	struct net_device *d;
	struct ifreq r;
	long err = device_to_change(net, arg, &r, &d);
	bool found;

	if (err)
		return err;
	if (!strchr(r.name, ':'))
		return -ENOTTY;
	which.label = r.name;
	if (!(r.flags & IFF_UP))
		return addr4_del(d, &which);
	spin_lock(&net->lock);
	found = addr4_labelled(d, r.name, NULL);
	spin_unlock(&net->lock);
	return found ? 0 : -EADDRNOTAVAIL;
}

/* ---- routes: struct rtentry of route(8); <linux/route.h> needs libc ---- */

#define RTF_UP 1
#define RTF_GATEWAY 2
#define RTF_HOST 4
#define RTF_REJECT 0x200

struct rtentry {
	u64 pad1;
	struct sockaddr4 dst, gateway, mask;
	u16 flags;
	s16 pad2[3];
	u64 pad3;
	void *pad4;
	s16 metric;
	s16 pad5[3];
	u64 dev; /* pointer to the device's name */
	u64 mtu, window;
	u16 irtt;
};
BUILD_BUG_ON(sizeof(struct rtentry) != 120);

/*
 * Sets the device of a route that the label @name chooses. The label of an alias also chooses the
 * source address. Returns 0 or -ENODEV. Takes net->lock.
 */
static int route_by_label(struct net *net, const char name[IFNAMSIZ], struct route *r)
{
	const struct ifaddr *a = NULL;
	struct ifreq named;
	bool alias = strchr(name, ':');

	strscpy(named.name, name, sizeof(named.name));
	spin_lock(&net->lock);
	r->dev = device_of(net, &named);
	if (r->dev && alias)
		a = addr4_labelled(r->dev, name, NULL);
	if (a)
		r->prefsrc = a->addr;
	spin_unlock(&net->lock);
	return !r->dev || (alias && !a) ? -ENODEV : 0;
}

static int route_device(struct net *net, const struct rtentry *e, struct route *r)
{
	struct flow f = { .daddr = r->gateway };
	char name[IFNAMSIZ];
	long n;

	if (!e->dev) {
		if (!(e->flags & RTF_GATEWAY))
			return -ENODEV;
		if (route_output(net, &f) || f.local)
			return -ENETUNREACH;
		r->dev = f.dev;
		return 0;
	}
	n = strncpy_from_user(name, UADDR(e->dev), sizeof(name));
	if (n < 0)
		return -EFAULT;
	name[IFNAMSIZ - 1] = 0;
	return route_by_label(net, name, r);
}

/* Serves SIOCADDRT and SIOCDELRT of IPv4. @arg: a struct rtentry of the program. */
static long change_route(struct net *net, u32 cmd, u64 arg)
{
	struct rtentry e;
	struct route r = { .table = RT_TABLE_MAIN, .protocol = RTPROT_BOOT, .type = RTN_UNICAST };
	u32 mask;
	int err;

	if (!net_capable(net, CAP_NET_ADMIN))
		return -EPERM;
	if (get_user(e, UADDR(arg)))
		return -EFAULT;
	if (e.dst.family != AF_INET)
		return -EAFNOSUPPORT;
	mask = e.flags & RTF_HOST ? ~0U : ntohl(e.mask.addr);
	if (~mask & (~mask + 1) || e.dst.addr & ~htonl(mask))
		return -EINVAL;
	r.dst = ip_v4(e.dst.addr);
	r.prefix = (u8)(96 + __builtin_popcount(mask));
	r.metric = e.metric > 0 ? (u32)e.metric - 1 : 0;
	r.scope = e.flags & RTF_GATEWAY ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	if (e.flags & RTF_GATEWAY)
		r.gateway = ip_v4(e.gateway.addr);
	if (cmd == SIOCDELRT) {
		r.type = r.protocol = 0;
		r.scope = RT_SCOPE_NOWHERE;
	}
	if (e.flags & RTF_REJECT) {
		r.type = RTN_UNREACHABLE;
		r.scope = RT_SCOPE_HOST;
		r.gateway = IP_ANY;
		r.dev = net->lo;
		return cmd == SIOCADDRT ? route_add(net, &r) : route_del(net, &r);
	}
	if (cmd == SIOCDELRT && !e.dev)
		return route_del(net, &r);
	err = route_device(net, &e, &r);
	if (err)
		return err;
	return cmd == SIOCADDRT ? route_add(net, &r) : route_del(net, &r);
}

static long ethtool(struct net *net, u64 arg)
{
	struct net_device *d;
	struct ifreq r;
	u32 sub;

	if (get_user(r, UADDR(arg)) || get_user(sub, UADDR(r.data)))
		return -EFAULT;
	r.name[IFNAMSIZ - 1] = 0;
	d = find_device_of(net, &r);
	return d ? ethtool_ioctl(net, d, r.data) : -ENODEV;
}

static long dev_ioctl(struct net *net, u32 cmd, u64 arg)
{
	struct ifreq r;

	switch (cmd) {
	case SIOCGIFBR:
	case SIOCSIFBR:
	case SIOCBRADDBR:
	case SIOCBRDELBR:
	case SIOCBRADDIF:
	case SIOCBRDELIF:
	case SIOCDEVPRIVATE: return br_ioctl(net, cmd, arg);
	case SIOCGIFVLAN:
	case SIOCSIFVLAN: return -ENOPKG; /* VLANs are made by rtnetlink */
	case SIOCGIFCONF: return read_all(net, arg);
	case SIOCETHTOOL: return ethtool(net, arg);
	case SIOCGSKNS: return net_capable(net, CAP_NET_ADMIN) ? nsfs_fd(&net->ns) : -EPERM;
	case SIOCGIFNAME:
	case SIOCGIFFLAGS:
	case SIOCGIFINDEX:
	case SIOCGIFMTU:
	case SIOCGIFMETRIC:
	case SIOCGIFTXQLEN:
	case SIOCGIFMAP:
	case SIOCGIFSLAVE:
	case SIOCGIFHWADDR:
	case SIOCGHWTSTAMP:
	case SIOCWANDEV:
	case SIOCBONDSLAVEINFOQUERY:
	case SIOCBONDINFOQUERY:
	case SIOCDEVPRIVATE + 1 ... SIOCDEVPRIVATE + 15: return read_device(net, cmd, arg);
	case SIOCSIFFLAGS:
	case SIOCADDMULTI:
	case SIOCDELMULTI:
	case SIOCSIFMTU:
	case SIOCSIFMETRIC:
	case SIOCSIFTXQLEN:
	case SIOCSIFNAME:
	case SIOCSIFMAP:
	case SIOCSIFSLAVE:
	case SIOCSIFHWADDR:
	case SIOCSIFHWBROADCAST:
	case SIOCSHWTSTAMP:
	case SIOCGMIIPHY:
	case SIOCGMIIREG:
	case SIOCSMIIREG:
	case SIOCBONDENSLAVE:
	case SIOCBONDRELEASE:
	case SIOCBONDSETHWADDR:
	case SIOCBONDCHANGEACTIVE: return write_device(net, cmd, arg);
	}
	/* As on Linux, an unknown command in the sockets' range still reads its argument. */
	if (_IOC_TYPE(cmd) == SOCK_IOC_TYPE && get_user(r, UADDR(arg)))
		return -EFAULT;
	return -ENOTTY;
}

static long inet_ioctl(const struct sock_common *c, u32 cmd, u64 arg)
{
	struct ifreq r;

	switch (cmd) {
	case SIOCADDRT:
	case SIOCDELRT: return change_route(c->net, cmd, arg);
	case SIOCGARP:
	case SIOCSARP:
	case SIOCDARP: return arp_ioctl(c->net, cmd, arg);
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK: return read_device(c->net, cmd, arg);
	case SIOCSIFADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFBRDADDR:
	case SIOCSIFDSTADDR: return write_addr(c->net, cmd, arg);
	case SIOCSIFFLAGS: return change_alias(c->net, arg);
	case SIOCRTMSG: return c->family == AF_INET ? -EINVAL : -ENOTTY;
	case SIOCGIFPFLAGS:
	case SIOCSIFPFLAGS: /* no device has private flags */
		if (c->family != AF_INET)
			break;
		return get_user(r, UADDR(arg)) ? -EFAULT : -EINVAL;
	}
	return -ENOTTY;
}

/* Returns the timestamp of the last packet that was read without SO_TIMESTAMP. */
static long last_stamp(const struct sock_common *c, u32 cmd, u64 arg)
{
	u64 ns = c->rare.last_stamp;
	s64 t[2] = { (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC) };

	if (!ns)
		return -ENOENT;
	if (cmd == SIOCGSTAMP_OLD || cmd == STAMP_NEW_USEC)
		t[1] /= 1000;
	return copy_to_user(UADDR(arg), t, sizeof(t)) ? -EFAULT : 0;
}

long net_ioctl(const struct sock_common *c, u32 cmd, u64 arg)
{
	bool v4 = c->family == AF_INET || c->family == AF_PACKET, v6 = c->family == AF_INET6;
	long err = -ENOTTY;

	switch (cmd) {
	case SIOCGSTAMP_OLD:
	case SIOCGSTAMPNS_OLD:
	case STAMP_NEW_USEC:
	case STAMP_NEW_NSEC:
		if (v4 || v6)
			return last_stamp(c, cmd, arg);
	}
	if (v4)
		err = inet_ioctl(c, cmd, arg);
	else if (v6)
		err = inet6_ioctl(c->net, cmd, arg);
	return err == -ENOTTY ? dev_ioctl(c->net, cmd, arg) : err;
}
