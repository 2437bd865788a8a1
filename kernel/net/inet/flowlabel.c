/* SPDX-License-Identifier: MIT */
/*
 * flowlabel.c: leases of IPv6 flow labels: IPV6_FLOWLABEL_MGR, /proc/net/ip6_flowlabel. Source: RFC
 * 6437; results are those of Linux.
 *
 *     flowlabel_set()       leases a label (GET), gives it back (PUT) or extends the lease (RENEW).
 *                           A label can be shared with all sockets, with those of a user or a
 *                           process, or with none
 *     flowlabel_may_send()  while the namespace has a label that is not shared with all (an
 *                           exclusive label), a socket may send only labels that it has leased
 *
 * A lease whose last socket has gone lingers: until it expires, its label is not given to a socket
 * that may not share it. An expired lease is freed when a lookup meets it, or when a new lease
 * needs its place. The machine has at most LEASES_MAX leases; programs without CAP_NET_ADMIN are
 * refused before the last of them are used up.
 * Lock: lock (spin) protects all leases, and inet_sock.leases.
 */
#include <asm/errno.h>
#include <linux/in6.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

#define BUCKETS 256
#define LEASES_MAX 4096
#define PER_SOCK 32
#define LINGER_MIN 6 /* seconds */
/* longest linger and expiry time without CAP_NET_ADMIN, seconds */
#define LINGER_MAX 150
#define LABEL_MASK 0xfffffU
#define LABEL_STATELESS 0x80000U

struct lease {
	struct hlist_node node;
	struct net *net; /* no reference: leases end with @net */
	u32 label;
	ip_addr dst;
	u8 share;
	u32 users; /* sockets that hold it; 0: lingering */
	/* IPV6_FL_S_USER: the effective uid that leased the label; IPV6_FL_S_PROCESS: the thread */
	u32 owner;
	/* ns from `used` until the lease may expire */
	u64 linger;
	u64 used, expires; /* ktime_get(); used: of the last PUT */
};

/* A socket's share in a lease. */
struct lease_hold {
	struct hlist_node node; /* of inet_sock.leases */
	struct lease *lease;
};

static DEFINE_SPINLOCK(lock);
static struct hlist_head table[BUCKETS];
static u32 count;

/* ---- the table ---- */

static struct hlist_head *bucket(const struct net *net, u32 label)
{
	return &table[(label ^ label >> 8 ^ (u32)((u64)net >> 8)) % BUCKETS];
}

static bool is_exclusive(const struct lease *l)
{
	return l->share != IPV6_FL_S_ANY;
}

static bool is_over(struct lease *l, u64 now)
{
	l->expires = max(l->expires, l->used + l->linger);
	return !l->users && l->expires <= now;
}

static void forget(struct lease *l)
{
	hlist_del_init(&l->node);
	count--;
	if (is_exclusive(l))
		l->net->ipv6.exclusive_labels--;
	kfree(l);
}

static void sweep(struct hlist_head *h, u64 now)
{
	struct lease *l;
	struct hlist_node *next;

	hlist_for_each_entry_safe(l, next, h, node)
		if (is_over(l, now))
			forget(l);
}

static void sweep_all(void)
{
	for (u32 k = 0; k < BUCKETS; k++)
		sweep(&table[k], ktime_get());
}

static struct lease *find(const struct net *net, u32 label)
{
	struct hlist_head *h = bucket(net, label);
	struct lease *l;

	sweep(h, ktime_get());
	hlist_for_each_entry(l, h, node)
		if (l->net == net && l->label == label)
			return l;
	return NULL;
}

static struct lease_hold *hold_of(const struct inet_sock *i, u32 label)
{
	struct lease_hold *h;

	hlist_for_each_entry(h, &i->leases, node)
		if (h->lease->label == label)
			return h;
	return NULL;
}

static void let_go(struct lease *l)
{
	l->used = ktime_get();
	l->users--;
}

static void hold(struct inet_sock *i, struct lease_hold *h, struct lease *l)
{
	l->users++;
	h->lease = l;
	hlist_add_head(&h->node, &i->leases);
}

/* ---- requests ---- */

/*
 * Converts seconds to nanoseconds, at least LINGER_MIN. Returns 0 if the program may not request so
 * long a time.
 */
static u64 seconds(const struct inet_sock *i, u32 s)
{
	if (s > LINGER_MAX && !net_capable(i->net, CAP_NET_ADMIN))
		return 0;
	return max(s, (u32)LINGER_MIN) * NSEC_PER_SEC;
}

static int renew(const struct inet_sock *i, struct lease *l, const struct in6_flowlabel_req *r)
{
	u64 linger = seconds(i, r->flr_linger), expires = seconds(i, r->flr_expires);

	if (!linger || !expires)
		return -EPERM;
	l->used = ktime_get();
	l->linger = max(l->linger, linger);
	l->expires = max(l->expires, l->used + max(expires, l->linger));
	return 0;
}

static int set_owner(struct lease *l)
{
	switch (l->share) {
	case IPV6_FL_S_EXCL:
	case IPV6_FL_S_ANY: return 0;
	case IPV6_FL_S_PROCESS: l->owner = (u32)current->pid; return 0;
	case IPV6_FL_S_USER: l->owner = current_euid(); return 0;
	}
	return -EINVAL;
}

static int describe(const struct inet_sock *i, struct lease *l, const struct in6_flowlabel_req *r)
{
	int err = renew(i, l, r);

	if (err)
		return err;
	memcpy(&l->dst, &r->flr_dst, sizeof(l->dst));
	l->net = i->net;
	l->label = ntohl(r->flr_label);
	l->share = r->flr_share;
	if (ip_is_any(&l->dst) || ip_is_v4(&l->dst))
		return -EINVAL;
	return set_owner(l);
}

/* True if @i may get one more lease. */
static bool has_room(const struct inet_sock *i)
{
	bool may = net_capable(i->net, CAP_NET_ADMIN) && capable(CAP_NET_ADMIN);
	const struct lease_hold *h;
	u32 held = 0, room;

	if (count > LEASES_MAX / 2)
		sweep_all();
	room = LEASES_MAX - count;
	if (room > LEASES_MAX - PER_SOCK)
		return true;
	hlist_for_each_entry(h, &i->leases, node)
		held++;
	if (!room || may)
		return room;
	return held < PER_SOCK && !(held && room < LEASES_MAX / 2) && room >= LEASES_MAX / 4;
}

static bool shares(const struct lease *have, const struct lease *want)
{
	if (have->share == IPV6_FL_S_EXCL || have->share != want->share)
		return false;
	return have->share == IPV6_FL_S_ANY || have->owner == want->owner;
}

/* Adds the socket to a lease that exists, also one that lingers. */
static int join(struct inet_sock *i, struct lease_hold *h, struct lease *have,
	const struct lease *want, u16 flags)
{
	if (flags & IPV6_FL_F_EXCL)
		return -EEXIST;
	if (!shares(have, want))
		return -EPERM;
	have->linger = max(have->linger, want->linger);
	have->expires = max(have->expires, want->expires);
	hold(i, h, have);
	return 0;
}

/* Returns a label other than 0 that has no lease. */
static u32 random_label(const struct inet_sock *i)
{
	bool ranges = READ_ONCE(i->net->ipv6.label_ranges);
	u32 r;

	do {
		arch_random(&r, sizeof(r));
		r &= LABEL_MASK & ~(ranges ? LABEL_STATELESS : 0);
	} while (!r || find(i->net, r));
	return r;
}

/*
 * Leases a label for @i, by joining a lease or by entering *@l as a new one. Sets *@h and *@l to
 * NULL if it has used them. lock held.
 */
static int take(struct inet_sock *i, struct lease_hold **h, struct lease **l, u16 flags)
{
	struct lease *want = *l, *have = want->label ? find(i->net, want->label) : NULL;
	int err;

	if (have && (have->users || flags & IPV6_FL_F_CREATE)) {
		err = join(i, *h, have, want, flags);
		if (!err)
			*h = NULL;
		return err;
	}
	if (!(flags & IPV6_FL_F_CREATE))
		return -ENOENT;
	if (!has_room(i))
		return -ENOBUFS;
	if (!want->label)
		want->label = random_label(i);
	hlist_add_head(&want->node, bucket(i->net, want->label));
	count++;
	i->net->ipv6.exclusive_labels += is_exclusive(want);
	hold(i, *h, want);
	*l = NULL;
	*h = NULL;
	return 0;
}

static int get(struct inet_sock *i, const struct in6_flowlabel_req *r, u32 *label)
{
	struct lease_hold *h = kzalloc(sizeof(*h), GFP_KERNEL | __GFP_ACCOUNT);
	struct lease *l = kzalloc(sizeof(*l), GFP_KERNEL | __GFP_ACCOUNT), *kept = l;
	int err = h && l ? describe(i, l, r) : -ENOMEM;

	if (!err) {
		spin_lock(&lock);
		err = take(i, &h, &l, r->flr_flags);
		*label = kept->label;
		spin_unlock(&lock);
	}
	kfree(h);
	kfree(l);
	return err;
}

static int get_checked(struct inet_sock *i, const struct in6_flowlabel_req *r, uaddr_t val)
{
	u32 asked = ntohl(r->flr_label), label;
	int err;

	if (r->flr_flags & IPV6_FL_F_REFLECT) {
		if (READ_ONCE(i->net->ipv6.label_consistency))
			return -EPERM;
		if (!inet_is_tcp(&i->c))
			return -ENOPROTOOPT;
		i->opts.reflects_label = true;
		return 0;
	}
	if (asked & ~LABEL_MASK)
		return -EINVAL;
	if (READ_ONCE(i->net->ipv6.label_ranges) && asked & LABEL_STATELESS)
		return -ERANGE;
	err = get(i, r, &label);
	/* the lease stays even if this copy fails */
	if (!err && !asked)
		(void)put_user(htonl(label),
			uaddr_add(val, offsetof(struct in6_flowlabel_req, flr_label)));
	return err;
}

/*
 * Gives back the socket's lease of a label, or ends the socket's reflection of labels. op held.
 * Returns 0, -ESRCH or -ENOPROTOOPT.
 */
static int put(struct inet_sock *i, const struct in6_flowlabel_req *r)
{
	struct lease_hold *h;

	if (r->flr_flags & IPV6_FL_F_REFLECT) {
		if (!inet_is_tcp(&i->c))
			return -ENOPROTOOPT;
		if (!i->opts.reflects_label)
			return -ESRCH;
		i->opts.reflects_label = false;
		i->opts.flowinfo = 0;
		return 0;
	}
	spin_lock(&lock);
	h = hold_of(i, ntohl(r->flr_label));
	if (h) {
		hlist_del_init(&h->node);
		let_go(h->lease);
		if (h->lease->label == (i->opts.flowinfo & LABEL_MASK))
			i->opts.flowinfo &= ~LABEL_MASK;
	}
	spin_unlock(&lock);
	kfree(h);
	return h ? 0 : -ESRCH;
}

static int longer(struct inet_sock *i, const struct in6_flowlabel_req *r)
{
	bool may = r->flr_share == IPV6_FL_S_NONE && net_capable(i->net, CAP_NET_ADMIN);
	struct lease_hold *h;
	struct lease *l = NULL;
	int err = -ESRCH;

	spin_lock(&lock);
	h = hold_of(i, ntohl(r->flr_label));
	if (h)
		l = h->lease;
	else if (may)
		l = find(i->net, ntohl(r->flr_label));
	if (l && l->users)
		err = renew(i, l, r);
	spin_unlock(&lock);
	return err;
}

int flowlabel_set(struct inet_sock *i, uaddr_t val, u32 len)
{
	struct in6_flowlabel_req r;

	if (len < sizeof(r))
		return -EINVAL;
	if (get_user(r, val))
		return -EFAULT;
	switch (r.flr_action) {
	case IPV6_FL_A_PUT: return put(i, &r);
	case IPV6_FL_A_RENEW: return longer(i, &r);
	case IPV6_FL_A_GET: return get_checked(i, &r, val);
	}
	return -EINVAL;
}

static int read_lease(const struct inet_sock *i, struct in6_flowlabel_req *r)
{
	u64 now = ktime_get();
	struct lease_hold *h;

	spin_lock(&lock);
	h = hold_of(i, i->opts.flowinfo & LABEL_MASK);
	if (h) {
		struct lease *l = h->lease;

		memcpy(&r->flr_dst, &l->dst, sizeof(l->dst));
		r->flr_label = htonl(l->label);
		r->flr_share = l->share;
		r->flr_linger = (u16)(l->linger / NSEC_PER_SEC);
		r->flr_expires = (u16)(l->expires > now ? (l->expires - now) / NSEC_PER_SEC : 0);
	}
	spin_unlock(&lock);
	return h ? 0 : -ENOENT;
}

int flowlabel_get(const struct inet_sock *i, void *val, u32 *len)
{
	struct in6_flowlabel_req r;
	int err = 0;

	if (*len < sizeof(r))
		return -EINVAL;
	memcpy(&r, val, sizeof(r));
	if (r.flr_action != IPV6_FL_A_GET)
		return -EINVAL;
	if (r.flr_flags & IPV6_FL_F_REMOTE)
		r.flr_label =
			htonl(i->heard_syn.ifindex ? i->heard_syn.label : i->heard_last.label);
	else if (i->opts.reflects_label)
		r.flr_label = htonl(i->opts.flowinfo & LABEL_MASK);
	else
		err = read_lease(i, &r);
	if (err)
		return err;
	*len = sizeof(r);
	memcpy(val, &r, sizeof(r));
	return 0;
}

/* ---- sending ---- */

int flowlabel_may_send(const struct inet_sock *i, u32 label)
{
	bool may;

	if (!label || likely(!READ_ONCE(i->net->ipv6.exclusive_labels)))
		return 0;
	spin_lock(&lock);
	may = hold_of(i, label);
	if (!may) {
		sweep_all(); /* expired leases do not count */
		may = !i->net->ipv6.exclusive_labels;
	}
	spin_unlock(&lock);
	return may ? 0 : -EINVAL;
}

int flowlabel_named(const struct inet_sock *i, const struct sockaddr_buf *a, u32 *flowinfo)
{
	const struct sockaddr_in6 *in6 = (const void *)a->data;

	*flowinfo = 0;
	if (!i->opts.sends_flowinfo || a->len < SOCKADDR_V6_MIN || in6->sin6_family != AF_INET6)
		return 0;
	*flowinfo = ntohl(in6->sin6_flowinfo) & 0xfffffffU;
	return flowlabel_may_send(i, *flowinfo & LABEL_MASK);
}

void flowlabel_drop(struct inet_sock *i)
{
	struct lease_hold *h;
	struct hlist_node *next;

	if (likely(hlist_empty(&i->leases)))
		return;
	spin_lock(&lock);
	hlist_for_each_entry_safe(h, next, &i->leases, node) {
		hlist_del_init(&h->node);
		let_go(h->lease);
		kfree(h);
	}
	spin_unlock(&lock);
}

void flowlabel_net_end(struct net *net)
{
	struct lease *l;
	struct hlist_node *next;

	spin_lock(&lock);
	for (u32 k = 0; count && k < BUCKETS; k++)
		hlist_for_each_entry_safe(l, next, &table[k], node)
			if (l->net == net)
				forget(l);
	spin_unlock(&lock);
}

static void show_one(struct seq *s, const struct lease *l, u64 now)
{
	const u8 *a = (const u8 *)&l->dst;
	u32 owner = l->share == IPV6_FL_S_USER ? from_kuid_munged(current_user_ns(), l->owner) :
						 l->owner;

	seq_printf(s, "%05X %-1d %-6u %-6u %-6lu %-8lu ", l->label, l->share, owner, l->users,
		l->linger / NSEC_PER_SEC,
		l->expires > now ? (l->expires - now) / NSEC_PER_SEC : 0UL);
	for (u32 k = 0; k < 16; k++)
		seq_printf(s, "%02x", a[k]);
	seq_printf(s, " %-4d\n", 0);
}

int flowlabel_show(struct seq *s, void *arg)
{
	const struct net *net = current_net();
	u64 now = ktime_get();
	const struct lease *l;

	seq_printf(
		s, "Label S Owner  Users  Linger Expires  Dst                              Opt\n");
	spin_lock(&lock);
	sweep_all();
	for (u32 k = 0; count && k < BUCKETS; k++)
		hlist_for_each_entry(l, &table[k], node)
			if (l->net == net)
				show_one(s, l, now);
	spin_unlock(&lock);
	return 0;
}
