/* SPDX-License-Identifier: MIT */
/*
 * mcast_sock.c: the multicast groups that a socket has joined, with the sources that it accepts or
 * refuses: setsockopt, getsockopt, and the test whether a multicast is for the socket.
 *
 * A membership belongs to a device, by ifindex and dev->id: a later device may get the ifindex, but
 * not the id. The sources of a membership are in the order in which they were added.
 * Locks: i->op for changes; i->c.lock while members change, since packets arrive meanwhile;
 * net->lock is taken inside i->op. The cost of memberships is bounded by their number
 * (igmp_max_memberships, igmp_max_msf) or by memory (net.core.optmem_max).
 * Sources: ip(7), ipv6(7), RFC 3678.
 */
#include <asm/errno.h>
#include <linux/in6.h>

#include "kernel/lib/string.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/mcast/mcast.h"

/*
 * sources of a group, at most: each is searched with net->lock held, and any user may set the limit
 * (sysctl) of an own namespace
 */
#define MSF_MAX 1024U

int sysctl_mld_max_msf = 64;

struct mc_member {
	struct list_head list;
	ip_addr group;
	int ifindex;
	u64 dev_id;
	/* the address of the device by which the group was joined, 0: none */
	u32 by_addr;
	u8 mode;
	/* calls have added single sources, so the mode cannot be changed */
	bool chosen;
	u32 n;
	ip_addr *sources; /* allocated; NULL: there are none */
};

struct mreqn {
	u32 group, iface;
	int ifindex;
};
struct mreq_source {
	u32 group, iface, source;
};
struct mreq6 {
	ip_addr group;
	u32 ifindex;
};
/* The parsed arguments of a call. */
struct request {
	bool v6;
	ip_addr group, source;
	int ifindex;
	u32 by_addr;
};

/* ---- packets ---- */

bool inet_wants_group(struct inet_sock *i, const struct sk_buff *skb)
{
	const ip_addr *group = &skb->ip.daddr;
	const struct mc_member *m, *found = NULL;
	bool wanted, v6 = skb->ip.v6;

	if (!ip_is_multicast(group))
		return true;
	spin_lock(&i->c.lock);
	list_for_each_entry(m, &i->mc.members, list)
		if (!found && ip_equal(&m->group, group) && (v6 || m->ifindex == skb->dev->ifindex))
			found = m;
	wanted = v6 ? i->mc.all6 : i->mc.all;
	if (found) {
		wanted = found->mode == MCAST_EXCLUDE;
		for (u32 k = 0; k < found->n; k++)
			if (ip_equal(&found->sources[k], &skb->ip.saddr))
				wanted = found->mode == MCAST_INCLUDE;
	}
	spin_unlock(&i->c.lock);
	return wanted;
}

/* ---- memberships ---- */

/*
 * Finds the device of a request by number, by address, or by the route to the group. *id becomes
 * its dev->id. Returns 0 or -ENODEV.
 */
int inet_mc_device(
	struct inet_sock *i, const ip_addr *group, int ifindex, u32 by_addr, int *out, u64 *id)
{
	struct flow f = { .daddr = *group };
	ip_addr want = ip_v4(by_addr);
	struct net_device *d = NULL;
	struct ifaddr *a;

	if (!ifindex && !by_addr) {
		if (route_output(i->net, &f))
			return -ENODEV;
		ifindex = f.dev->ifindex;
	}
	spin_lock(&i->net->lock);
	if (ifindex)
		d = netdev_by_index(i->net, ifindex);
	else
		list_for_each_entry(a, &i->net->addr.list, list)
			if (!d && ip_equal(&a->addr, &want))
				d = a->dev;
	*out = d ? d->ifindex : 0;
	*id = d ? d->id : 0;
	spin_unlock(&i->net->lock);
	return d ? 0 : -ENODEV;
}

/* Applies a change to the membership's device, unless that was removed. Returns 0 or -errno. */
static int update_device(struct inet_sock *i, const struct mc_member *m, const struct mc_want *was,
	const struct mc_want *now)
{
	struct net_device *d;
	int err = 0;

	spin_lock(&i->net->lock);
	d = netdev_by_index(i->net, m->ifindex);
	if (d && d->id == m->dev_id)
		err = mcast_change(d, &m->group, was, now);
	spin_unlock(&i->net->lock);
	return err;
}

static struct mc_want wants(const struct mc_member *m)
{
	return (struct mc_want){ .mode = m->mode, .n = m->n, .sources = m->sources };
}

/*
 * Returns the limit of the memory for a socket's memberships, bytes. It is at most 1 MiB, whatever
 * the sysctl is, since a list of sources is one block.
 */
static u32 memory_max(void)
{
	return (u32)min(READ_ONCE(sysctl_optmem_max), 1 << 20);
}

static bool has_room(const struct inet_sock *i, size_t more)
{
	const struct mc_member *m;
	size_t used = more;

	list_for_each_entry(m, &i->mc.members, list)
		used += sizeof(*m) + m->n * sizeof(ip_addr);
	return used <= memory_max();
}

static struct mc_member *find_member(struct inet_sock *i, const ip_addr *group, int ifindex)
{
	struct mc_member *m;

	list_for_each_entry(m, &i->mc.members, list)
		if (ip_equal(&m->group, group) && (!ifindex || m->ifindex == ifindex))
			return m;
	return NULL;
}

static u32 count4(const struct inet_sock *i)
{
	const struct mc_member *m;
	u32 n = 0;

	list_for_each_entry(m, &i->mc.members, list)
		n += ip_is_v4(&m->group);
	return n;
}

/*
 * Joins a group in @mode, MCAST_INCLUDE or MCAST_EXCLUDE without sources. op held. Returns 0 or
 * -errno.
 */
static int join(struct inet_sock *i, const struct request *r, u8 mode)
{
	struct mc_member *m;
	struct mc_want now = { .mode = mode };
	int err, ifindex = 0;
	u64 id;

	if (!ip_is_multicast(&r->group))
		return -EINVAL;
	if (r->v6 && find_member(i, &r->group, r->ifindex))
		return -EADDRINUSE;
	err = inet_mc_device(i, &r->group, r->ifindex, r->by_addr, &ifindex, &id);
	if (err)
		return err;
	m = find_member(i, &r->group, ifindex);
	if (!r->v6 && m && m->ifindex == (r->ifindex ?: ifindex))
		return -EADDRINUSE;
	if (!r->v6 && count4(i) >= (u32)max(READ_ONCE(i->net->mc.max_memberships), 0))
		return -ENOBUFS;
	m = has_room(i, sizeof(*m)) ? kzalloc(sizeof(*m), GFP_KERNEL | __GFP_ACCOUNT) : NULL;
	if (!m)
		return r->v6 ? -ENOMEM : -ENOBUFS;
	*m = (struct mc_member){ .group = r->group,
		.ifindex = ifindex,
		.dev_id = id,
		.by_addr = r->by_addr,
		.mode = mode };
	err = update_device(i, m, NULL, &now);
	if (err) {
		kfree(m);
		return err;
	}
	spin_lock(&i->c.lock);
	list_add(&m->list, &i->mc.members);
	spin_unlock(&i->c.lock);
	return 0;
}

/* Ends a membership and frees it. */
static void drop(struct inet_sock *i, struct mc_member *m)
{
	struct mc_want was = wants(m);

	spin_lock(&i->c.lock);
	list_del(&m->list);
	spin_unlock(&i->c.lock);
	update_device(i, m, &was, NULL);
	kfree(m->sources);
	kfree(m);
}

void inet_mc_drop(struct inet_sock *i)
{
	struct mc_member *m, *next;

	list_for_each_entry_safe(m, next, &i->mc.members, list)
		drop(i, m);
}

void inet_mc_drop_v6(struct inet_sock *i)
{
	struct mc_member *m, *next;

	list_for_each_entry_safe(m, next, &i->mc.members, list)
		if (!ip_is_v4(&m->group))
			drop(i, m);
}

static int leave(struct inet_sock *i, const struct request *r)
{
	struct mc_member *m;
	int ifindex;
	u64 id;

	if (r->v6 && !ip_is_multicast(&r->group))
		return -EINVAL;
	if (!r->v6 && !r->ifindex && !r->by_addr &&
		inet_mc_device(i, &r->group, 0, 0, &ifindex, &id))
		return -ENODEV;
	list_for_each_entry(m, &i->mc.members, list) {
		if (!ip_equal(&m->group, &r->group) || (r->ifindex && m->ifindex != r->ifindex))
			continue;
		if (!r->ifindex && r->by_addr && m->by_addr != r->by_addr)
			continue;
		drop(i, m);
		return 0;
	}
	return -EADDRNOTAVAIL;
}

/* ---- sources ---- */

/* Replaces the mode and the sources of a membership. Consumes @sources, also on error. */
static int replace(
	struct inet_sock *i, struct mc_member *m, u8 mode, u32 n, ip_addr *sources, bool chosen)
{
	struct mc_want was = wants(m), now = { .mode = mode, .n = n, .sources = sources };
	int err = update_device(i, m, &was, &now);
	ip_addr *old;

	if (!err) {
		spin_lock(&i->c.lock);
		old = m->sources;
		m->sources = sources;
		sources = old;
		m->n = n;
		m->mode = mode;
		m->chosen = chosen;
		spin_unlock(&i->c.lock);
	}
	kfree(sources);
	return err;
}

static u32 max_sources(const struct inet_sock *i, bool v6)
{
	int n = v6 ? READ_ONCE(sysctl_mld_max_msf) : READ_ONCE(i->net->mc.max_msf);

	return min((u32)max(n, 0), MSF_MAX);
}

/*
 * Adds a source to the filter of a membership, or removes it (@add false). An inclusive filter that
 * loses its last source ends the membership. op held. Returns 0 or -errno.
 */
static int change_source(
	struct inet_sock *i, struct mc_member *m, const struct request *r, u8 mode, bool add)
{
	ip_addr *sources;
	u32 at = 0, n = m->n + (add ? 1 : -1U);

	if (m->chosen && m->mode != mode)
		return -EINVAL;
	while (at < m->n && !ip_equal(&m->sources[at], &r->source))
		at++;
	if (!add && at == m->n)
		return -EADDRNOTAVAIL;
	/* an empty filter would accept no source */
	if (!add && !n && mode == MCAST_INCLUDE) {
		drop(i, m);
		return 0;
	}
	if (add && m->n >= max_sources(i, r->v6))
		return -ENOBUFS;
	if (add && at < m->n)
		return -EADDRNOTAVAIL;
	sources = NULL;
	if (n) {
		if (add && !has_room(i, sizeof(ip_addr)))
			return -ENOBUFS;
		sources = kcalloc(n, sizeof(ip_addr), GFP_KERNEL | __GFP_ACCOUNT);
		if (!sources)
			return -ENOBUFS;
		for (u32 from = 0, to = 0; from < m->n; from++)
			if (add || from != at)
				sources[to++] = m->sources[from];
		if (add)
			sources[m->n] = r->source;
	}
	return replace(i, m, mode, n, sources, true);
}

/*
 * Returns the membership that the request names, or NULL with *@err 0 if the socket has none, else
 * -errno. op held.
 */
static struct mc_member *member_of(struct inet_sock *i, const struct request *r, int *err)
{
	int ifindex;
	u64 id;

	*err = -EINVAL;
	if (!ip_is_multicast(&r->group))
		return NULL;
	*err = inet_mc_device(i, &r->group, r->ifindex, r->by_addr, &ifindex, &id);
	return *err ? NULL : find_member(i, &r->group, ifindex);
}

static int source_op(struct inet_sock *i, const struct request *r, int opt)
{
	bool include = opt == MCAST_JOIN_SOURCE_GROUP || opt == MCAST_LEAVE_SOURCE_GROUP;
	struct mc_member *m;
	int err;

	if (opt == MCAST_JOIN_SOURCE_GROUP) {
		err = join(i, r, MCAST_INCLUDE);
		if (err && err != -EADDRINUSE)
			return err;
	}
	m = member_of(i, r, &err);
	if (err || !m)
		return err ? err : -EINVAL;
	return change_source(i, m, r, include ? MCAST_INCLUDE : MCAST_EXCLUDE,
		opt == MCAST_JOIN_SOURCE_GROUP || opt == MCAST_BLOCK_SOURCE);
}

static int set_filter(
	struct inet_sock *i, const struct request *r, u32 mode, u32 n, ip_addr *sources)
{
	struct mc_member *m;
	int err;

	m = member_of(i, r, &err);
	if (!err && mode > MCAST_INCLUDE)
		err = -EINVAL;
	if (!err && mode == MCAST_INCLUDE && !n) {
		kfree(sources);
		return leave(i, r);
	}
	if (!err && !m)
		err = -EINVAL;
	if (!err && !has_room(i, n * sizeof(ip_addr)))
		err = -ENOBUFS;
	if (err) {
		kfree(sources);
		return err;
	}
	return replace(i, m, (u8)mode, n, sources, n);
}

/* ---- setsockopt ---- */

/* Reads a socket address of the level's family. Returns 0 or -EADDRNOTAVAIL. */
static int addr_of(const void *ss, bool v6, ip_addr *a)
{
	const struct sockaddr_in6 *in6 = ss;
	const struct sockaddr_in *in = ss;

	if (*(const u16 *)ss != (v6 ? AF_INET6 : AF_INET))
		return -EADDRNOTAVAIL;
	if (v6)
		memcpy(a, &in6->sin6_addr, sizeof(*a));
	else
		*a = ip_v4(in->sin_addr.s_addr);
	return 0;
}

static int membership4(struct inet_sock *i, int opt, uaddr_t val, u32 len)
{
	struct mreqn n = { 0 };
	struct request r = { 0 };

	if (i->c.type == SOCK_STREAM)
		return -EPROTO;
	if (len < 8)
		return -EINVAL;
	if (copy_from_user(&n, val, len >= sizeof(n) ? sizeof(n) : 8))
		return -EFAULT;
	r.group = ip_v4(n.group);
	r.by_addr = n.iface;
	r.ifindex = n.ifindex;
	return opt == IP_ADD_MEMBERSHIP ? join(i, &r, MCAST_EXCLUDE) : leave(i, &r);
}

static int membership6(struct inet_sock *i, int opt, uaddr_t val, u32 len)
{
	struct request r = { .v6 = true };
	struct mreq6 q;

	if (len < sizeof(q))
		return -EINVAL;
	if (i->c.type == SOCK_STREAM)
		return -EPROTO;
	if (get_user(q, val))
		return -EFAULT;
	r.group = q.group;
	r.ifindex = (int)q.ifindex;
	return opt == IPV6_ADD_MEMBERSHIP ? join(i, &r, MCAST_EXCLUDE) : leave(i, &r);
}

static int source4(struct inet_sock *i, int opt, uaddr_t val, u32 len)
{
	struct request r = { 0 };
	struct mreq_source q;

	if (len != sizeof(q))
		return -EINVAL;
	if (get_user(q, val))
		return -EFAULT;
	r.group = ip_v4(q.group);
	r.source = ip_v4(q.source);
	r.by_addr = q.iface;
	switch (opt) {
	case IP_BLOCK_SOURCE: return source_op(i, &r, MCAST_BLOCK_SOURCE);
	case IP_UNBLOCK_SOURCE: return source_op(i, &r, MCAST_UNBLOCK_SOURCE);
	case IP_ADD_SOURCE_MEMBERSHIP: return source_op(i, &r, MCAST_JOIN_SOURCE_GROUP);
	}
	return source_op(i, &r, MCAST_LEAVE_SOURCE_GROUP);
}

static int group_request(struct inet_sock *i, bool v6, int opt, uaddr_t val, u32 len)
{
	struct request r = { .v6 = v6 };
	struct group_req q;
	int err;

	if (len < sizeof(q))
		return -EINVAL;
	if (get_user(q, val))
		return -EFAULT;
	err = addr_of(&q.gr_group, v6, &r.group);
	if (err)
		return v6 ? err : -EINVAL;
	r.ifindex = (int)q.gr_interface;
	return opt == MCAST_JOIN_GROUP ? join(i, &r, MCAST_EXCLUDE) : leave(i, &r);
}

static int source_request(struct inet_sock *i, bool v6, int opt, uaddr_t val, u32 len)
{
	struct request r = { .v6 = v6 };
	struct group_source_req q;

	if (len < sizeof(q) || (!v6 && len != sizeof(q)))
		return -EINVAL;
	if (get_user(q, val))
		return -EFAULT;
	if (addr_of(&q.gsr_group, v6, &r.group) || addr_of(&q.gsr_source, v6, &r.source))
		return -EADDRNOTAVAIL;
	r.ifindex = (int)q.gsr_interface;
	return source_op(i, &r, opt);
}

/* bytes of struct ip_msfilter in front of the sources */
#define MSFILTER_HEAD 16U
#define GROUP_FILTER_HEAD offsetof(struct group_filter, gf_slist_flex)
#define STORAGE sizeof(struct __kernel_sockaddr_storage)

struct msfilter_head {
	u32 group, iface, mode, n;
};

/* Serves IP_MSFILTER of setsockopt(2). op held; may sleep. Returns 0 or -errno. */
static int msfilter4(struct inet_sock *i, uaddr_t val, u32 len)
{
	struct request r = { 0 };
	struct msfilter_head h;
	ip_addr *sources = NULL;
	u32 a;

	if (len < MSFILTER_HEAD)
		return -EINVAL;
	if (len > memory_max())
		return -ENOBUFS;
	if (get_user(h, val))
		return -EFAULT;
	if (h.n > max_sources(i, false))
		return -ENOBUFS;
	if (MSFILTER_HEAD + h.n * 4U > len)
		return -EINVAL;
	if (h.n)
		sources = kcalloc(h.n, sizeof(*sources), GFP_KERNEL | __GFP_ACCOUNT);
	if (h.n && !sources)
		return -ENOBUFS;
	for (u32 k = 0; k < h.n; k++) {
		if (get_user(a, uaddr_add(val, MSFILTER_HEAD + k * 4))) {
			kfree(sources);
			return -EFAULT;
		}
		sources[k] = ip_v4(a);
	}
	r.group = ip_v4(h.group);
	r.by_addr = h.iface;
	return set_filter(i, &r, h.mode, h.n, sources);
}

static int read_storage(uaddr_t from, bool v6, ip_addr *a)
{
	struct __kernel_sockaddr_storage ss;

	if (copy_from_user(&ss, from, sizeof(ss)))
		return -EFAULT;
	return addr_of(&ss, v6, a);
}

/* Serves MCAST_MSFILTER of setsockopt(2). op held; may sleep. Returns 0 or -errno. */
static int group_filter(struct inet_sock *i, bool v6, uaddr_t val, u32 len)
{
	struct request r = { .v6 = v6 };
	struct group_filter h;
	ip_addr *sources = NULL;
	int err;

	if (len < GROUP_FILTER_HEAD)
		return -EINVAL;
	if (len > memory_max())
		return -ENOBUFS;
	if (copy_from_user(&h, val, GROUP_FILTER_HEAD))
		return -EFAULT;
	if (h.gf_numsrc > max_sources(i, v6))
		return -ENOBUFS;
	if (GROUP_FILTER_HEAD + h.gf_numsrc * STORAGE > len)
		return -EINVAL;
	err = addr_of(&h.gf_group, v6, &r.group);
	if (err)
		return v6 ? -EINVAL : err;
	if (h.gf_numsrc)
		sources = kcalloc(h.gf_numsrc, sizeof(*sources), GFP_KERNEL | __GFP_ACCOUNT);
	if (h.gf_numsrc && !sources)
		return -ENOBUFS;
	for (u32 k = 0; k < h.gf_numsrc && !err; k++)
		err = read_storage(
			uaddr_add(val, GROUP_FILTER_HEAD + k * STORAGE), v6, &sources[k]);
	if (err) {
		kfree(sources);
		return err;
	}
	r.ifindex = (int)h.gf_interface;
	return set_filter(i, &r, h.gf_fmode, h.gf_numsrc, sources);
}

int inet_mc_set(struct inet_sock *i, bool v6, int opt, uaddr_t val, u32 len)
{
	switch (opt) {
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP: return group_request(i, v6, opt, val, len);
	case MCAST_JOIN_SOURCE_GROUP:
	case MCAST_LEAVE_SOURCE_GROUP:
	case MCAST_BLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE: return source_request(i, v6, opt, val, len);
	case MCAST_MSFILTER: return group_filter(i, v6, val, len);
	}
	if (v6)
		return opt == IPV6_ADD_MEMBERSHIP || opt == IPV6_DROP_MEMBERSHIP ?
			       membership6(i, opt, val, len) :
			       -ENOPROTOOPT;
	switch (opt) {
	case IP_ADD_MEMBERSHIP:
	case IP_DROP_MEMBERSHIP: return membership4(i, opt, val, len);
	case IP_BLOCK_SOURCE:
	case IP_UNBLOCK_SOURCE:
	case IP_ADD_SOURCE_MEMBERSHIP:
	case IP_DROP_SOURCE_MEMBERSHIP: return source4(i, opt, val, len);
	case IP_MSFILTER: return msfilter4(i, val, len);
	}
	return -ENOPROTOOPT;
}

/* ---- reading a filter: the answer overwrites the request ---- */

/*
 * Answers IP_MSFILTER. Sets *@len to the bytes of the answer, which may have fewer sources than the
 * filter. Returns 0, -EINVAL, -EFAULT, -EADDRNOTAVAIL or the errors of inet_mc_device().
 */
static int get_msfilter4(struct inet_sock *i, uaddr_t val, u32 *len)
{
	struct request r = { 0 };
	struct msfilter_head h;
	struct mc_member *m;
	u32 n;
	int err;

	if (*len < MSFILTER_HEAD)
		return -EINVAL;
	if (get_user(h, val))
		return -EFAULT;
	r.group = ip_v4(h.group);
	r.by_addr = h.iface;
	m = member_of(i, &r, &err);
	if (err || !m)
		return err ? err : -EADDRNOTAVAIL;
	n = min(h.n, m->n);
	h.mode = m->mode;
	h.n = m->n;
	*len = MSFILTER_HEAD + n * 4;
	if (put_user(h, val))
		return -EFAULT;
	for (u32 k = 0; k < n; k++)
		if (put_user(m->sources[k].w[3], uaddr_add(val, MSFILTER_HEAD + k * 4)))
			return -EFAULT;
	return 0;
}

static int put_source(uaddr_t to, const ip_addr *a)
{
	union {
		struct __kernel_sockaddr_storage ss;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u = { 0 };

	if (ip_is_v4(a)) {
		u.in.sin_family = AF_INET;
		u.in.sin_addr.s_addr = a->w[3];
	} else {
		u.in6.sin6_family = AF_INET6;
		memcpy(&u.in6.sin6_addr, a, sizeof(*a));
	}
	return copy_to_user(to, &u, sizeof(u.ss)) ? -EFAULT : 0;
}

/* Answers MCAST_MSFILTER, like get_msfilter4() for IP_MSFILTER. */
static int get_group_filter(struct inet_sock *i, bool v6, uaddr_t val, u32 *len)
{
	struct request r = { .v6 = v6 };
	struct group_filter h;
	struct mc_member *m;
	u32 n;
	int err;

	if (*len < GROUP_FILTER_HEAD)
		return -EINVAL;
	if (copy_from_user(&h, val, GROUP_FILTER_HEAD))
		return -EFAULT;
	err = addr_of(&h.gf_group, v6, &r.group);
	if (err)
		return err;
	r.ifindex = (int)h.gf_interface;
	m = member_of(i, &r, &err);
	if (err || !m)
		return err ? err : -EADDRNOTAVAIL;
	n = min(h.gf_numsrc, m->n);
	for (u32 k = 0; k < n; k++)
		if (put_source(uaddr_add(val, GROUP_FILTER_HEAD + k * STORAGE), &m->sources[k]))
			return -EFAULT;
	h.gf_fmode = m->mode;
	h.gf_numsrc = m->n;
	*len = (u32)(GROUP_FILTER_HEAD + n * STORAGE);
	return copy_to_user(val, &h, GROUP_FILTER_HEAD) ? -EFAULT : 0;
}

int inet_mc_get(struct socket *s, int level, int opt, uaddr_t val, u32 *len)
{
	struct inet_sock *i;
	bool v6 = level == SOL_IPV6;
	int err;

	if (s->sk->family != AF_INET && s->sk->family != AF_INET6)
		return -ENOPROTOOPT;
	if ((level != SOL_IP && !v6) || (v6 && s->sk->family != AF_INET6) ||
		(!v6 && s->sk->family == AF_INET6 && s->sk->type == SOCK_RAW))
		return -ENOPROTOOPT;
	if (opt != MCAST_MSFILTER && (v6 || opt != IP_MSFILTER))
		return -ENOPROTOOPT;
	i = INET(s);
	mutex_lock(&i->op);
	err = opt == IP_MSFILTER ? get_msfilter4(i, val, len) : get_group_filter(i, v6, val, len);
	mutex_unlock(&i->op);
	return err;
}
