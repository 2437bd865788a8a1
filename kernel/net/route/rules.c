/* SPDX-License-Identifier: MIT */
/*
 * rules.c: policy routing (ip-rule(8)): selects the tables in which a packet's route is looked up.
 * A rule matches the packet's source and destination, TOS, mark, device, user, protocol and ports.
 * A rule can match the packets that its selectors do not match (not), jump to a later rule (goto),
 * and ignore routes that are too general (suppress_prefixlength: WireGuard's tools) or that use a
 * group of devices. Rules with an unsupported selector (tun_id, l3mdev, realms, DSCP, masks of
 * ports) are refused.
 *
 * A new namespace has Linux's rules: 0 local, 32766 main, 32767 default. The first one is for this
 * machine's addresses. It cannot be deleted, since these are found before any rule is evaluated.
 * Lock: net->lock.
 */
#include <asm/errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/socket/socket.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/user_ns.h"

#define RULES_MAX 1024
#define PRIO_MAIN 32766
#define PRIO_DEFAULT 32767
#define IP_ECN 3
/* the highest attribute known to Linux: DSCP, flow labels, masks of ports */
#define FRA_LAST 31

struct rule {
	struct list_head list; /* by priority */
	u32 prio, table, mark, mask;
	/* FIB_RULE_INVERT, and other flags of the request */
	u32 flags;
	u32 target; /* priority of FR_ACT_GOTO's target */
	/* rule of that priority; NULL: none yet */
	const struct rule *to;
	u8 family, action, tos, protocol;
	u8 ip_proto; /* 0: any */
	bool by_uid; /* matches users uid_min to uid_max only */
	kuid_t uid_min, uid_max;
	struct fib_rule_port_range sport, dport; /* start 0: any */
	/*
	 * ignores routes with a prefix of at most that length, and routes by devices of that group;
	 * ~0: ignores none
	 */
	u32 no_prefix, no_group;
	u8 src_len, dst_len; /* prefix lengths, of 128; 0: any */
	ip_addr src, dst;
	char iif[IFNAMSIZ], oif[IFNAMSIZ];
};

/* ---- lookups ---- */

/* A flow's devices, looked up when the first rule with a device is evaluated. */
struct ends {
	bool known;
	const struct net_device *in, *out;
};

static bool name_is(const char *name, const struct net_device *d)
{
	return d && !strncmp(d->name, name, IFNAMSIZ);
}

static void find_ends(struct net *net, const struct flow *f, struct ends *e)
{
	if (e->known)
		return;
	e->known = true;
	e->in = f->iif ? netdev_by_index(net, f->iif) : NULL;
	e->out = f->oif ? netdev_by_index(net, f->oif) : NULL;
}

/*
 * True if the rule is for the packet's user. A packet without a socket counts as a packet of the
 * root user of the namespace's owner.
 */
static bool is_by_user(const struct net *net, const struct rule *r, const struct flow *f)
{
	kuid_t uid = f->owned ? f->uid : make_kuid(net->ns.owner, 0);

	return uid >= r->uid_min && uid <= r->uid_max;
}

static bool port_in(const struct fib_rule_port_range *p, u16 port)
{
	return !p->start || (port >= p->start && port <= p->end);
}

/*
 * True if the rule is for the flow's type of service. Congestion bits, and in IPv4 the precedence,
 * are no part of it.
 */
static bool is_of_service(const struct rule *r, const struct flow *f)
{
	u8 mask = ip_is_v4(&f->daddr) ? (u8)IPTOS_RT : (u8)~IP_ECN;

	return !r->tos || r->tos == (f->tos & mask);
}

static bool selects(struct net *net, const struct rule *r, const struct flow *f, struct ends *e)
{
	if (r->src_len && !ip_prefix_equal(&r->src, &f->saddr, r->src_len))
		return false;
	if (r->dst_len && !ip_prefix_equal(&r->dst, &f->daddr, r->dst_len))
		return false;
	if ((f->mark ^ r->mark) & r->mask || !is_of_service(r, f))
		return false;
	if (r->iif[0] || r->oif[0])
		find_ends(net, f, e);
	if (r->iif[0] && !(f->iif ? name_is(r->iif, e->in) : !strcmp(r->iif, "lo")))
		/* the iif of this machine's own packets is lo */
		return false;
	if ((r->by_uid && !is_by_user(net, r, f)) || (r->ip_proto && r->ip_proto != f->proto))
		return false;
	if (!port_in(&r->sport, f->sport) || !port_in(&r->dport, f->dport))
		return false;
	return !r->oif[0] || name_is(r->oif, e->out);
}

static bool matches(struct net *net, const struct rule *r, const struct flow *f, struct ends *e)
{
	return selects(net, r, f, e) != !!(r->flags & FIB_RULE_INVERT);
}

/* Looks up the table of a rule. A route that the rule ignores counts as missing: -ENETUNREACH. */
static int look_by(struct net *net, struct flow *f, const struct rule *r,
	int (*look)(struct net *net, struct flow *f, u32 table))
{
	struct flow before = *f;
	u32 steps;
	int err;

	f->table = r->table;
	err = look(net, f, r->table);
	if (err || (r->no_prefix == ~0U && r->no_group == ~0U))
		return err;
	if ((r->no_prefix == ~0U || (int)f->prefix > (int)r->no_prefix) &&
		(r->no_group == ~0U || f->dev->group != r->no_group))
		return 0;
	steps = f->steps;
	*f = before;
	f->steps = steps;
	return -ENETUNREACH;
}

/* Returns the first rule that has the priority of @r's target. */
static const struct rule *target_of(const struct net *net, const struct rule *r)
{
	const struct rule *t;

	list_for_each_entry(t, &net->route.rules, list)
		if (t->family == r->family && t->prio == r->target)
			return t;
	return NULL;
}

int rules_route(
	struct net *net, struct flow *f, int (*look)(struct net *net, struct flow *f, u32 table))
{
	u8 family = ip_is_v4(&f->daddr) ? AF_INET : AF_INET6;
	const struct rule *r;
	struct ends ends = { 0 };
	u32 from = 0;
	int err;

	if (likely(!net->route.policy)) {
		if (unlikely(net->route.local)) {
			f->table = RT_TABLE_LOCAL;
			err = look(net, f, RT_TABLE_LOCAL);
			if (err != -ENETUNREACH)
				return err;
		}
		f->table = RT_TABLE_MAIN;
		err = look(net, f, RT_TABLE_MAIN);
		if (err != -ENETUNREACH)
			return err;
		f->table = RT_TABLE_DEFAULT;
		return look(net, f, RT_TABLE_DEFAULT);
	}
	list_for_each_entry(r, &net->route.rules, list) {
		if (unlikely(++f->steps > LOOK_MAX))
			return -ENETUNREACH;
		if (r->family != family || r->prio < from || !matches(net, r, f, &ends))
			continue;
		switch (r->action) {
		case FR_ACT_GOTO:
			from = r->to ? r->to->prio : 0; /* the target is behind this rule */
			break;
		case FR_ACT_NOP: break;
		case FR_ACT_TO_TBL:
			err = look_by(net, f, r, look);
			if (err != -ENETUNREACH)
				return err;
			break;
		case FR_ACT_UNREACHABLE: return -ENETUNREACH;
		case FR_ACT_PROHIBIT: return -EACCES;
		/* FR_ACT_BLACKHOLE, and unknown actions */
		default: return -EINVAL;
		}
	}
	return -ENETUNREACH;
}

/* ---- the list ---- */

static void enter(struct net *net, struct rule *r)
{
	struct list_head *before = &net->route.rules;
	struct rule *o;

	list_for_each_entry(o, &net->route.rules, list) {
		if (o->prio > r->prio) {
			before = &o->list;
			break;
		}
	}
	list_add_tail(&r->list, before);
}

void rules_free(struct net *net)
{
	struct rule *r, *next;

	list_for_each_entry_safe(r, next, &net->route.rules, list)
		kfree(r);
}

int rules_init(struct net *net)
{
	static const struct {
		u8 family;
		u32 prio, table;
	} first[] = {
		{ AF_INET, 0, RT_TABLE_LOCAL },
		{ AF_INET, PRIO_MAIN, RT_TABLE_MAIN },
		{ AF_INET, PRIO_DEFAULT, RT_TABLE_DEFAULT },
		{ AF_INET6, 0, RT_TABLE_LOCAL },
		{ AF_INET6, PRIO_MAIN, RT_TABLE_MAIN },
	};

	INIT_LIST_HEAD(&net->route.rules);
	for (size_t k = 0; k < ARRAY_SIZE(first); k++) {
		struct rule *r = kzalloc(sizeof(*r), GFP_KERNEL);

		if (!r) {
			rules_free(net);
			return -ENOMEM;
		}
		r->family = first[k].family;
		r->prio = first[k].prio;
		r->table = first[k].table;
		r->action = FR_ACT_TO_TBL;
		r->protocol = RTPROT_KERNEL;
		r->no_prefix = r->no_group = ~0U;
		enter(net, r);
	}
	return 0;
}

/* Updates the targets of jumps after @r was added (@came) or removed. net->lock held. */
static void aim(struct net *net, const struct rule *r, bool came)
{
	struct rule *o;

	route_changed(net);
	list_for_each_entry(o, &net->route.rules, list) {
		if (o->action != FR_ACT_GOTO)
			continue;
		if (o == r || (!came && o->to == r))
			o->to = target_of(net, o);
		else if (came && !o->to && o->family == r->family && o->target == r->prio)
			o->to = r;
	}
}

/* ---- reporting ---- */

/* Returns a rule as rtnetlink reports it, with flags for its parts that cannot match at present. */
static struct rule shown(struct net *net, const struct rule *r)
{
	struct rule s = *r;

	if (r->action == FR_ACT_GOTO && !r->to)
		s.flags |= FIB_RULE_UNRESOLVED;
	if (r->iif[0] && !netdev_by_name(net, r->iif))
		s.flags |= FIB_RULE_IIF_DETACHED;
	if (r->oif[0] && !netdev_by_name(net, r->oif))
		s.flags |= FIB_RULE_OIF_DETACHED;
	return s;
}

static void put_selectors(struct nl_builder *b, const struct rule *r)
{
	struct fib_rule_uid_range uids = { from_kuid_munged(current_user_ns(), r->uid_min),
		from_kuid_munged(current_user_ns(), r->uid_max) };

	if (r->action == FR_ACT_GOTO)
		nl_attr_u32(b, FRA_GOTO, r->target);
	if (r->by_uid)
		nl_attr(b, FRA_UID_RANGE, &uids, sizeof(uids));
	if (r->ip_proto)
		nl_attr(b, FRA_IP_PROTO, &r->ip_proto, 1);
	if (r->sport.start)
		nl_attr(b, FRA_SPORT_RANGE, &r->sport, sizeof(r->sport));
	if (r->dport.start)
		nl_attr(b, FRA_DPORT_RANGE, &r->dport, sizeof(r->dport));
	if (r->no_group != ~0U)
		nl_attr_u32(b, FRA_SUPPRESS_IFGROUP, r->no_group);
}

static void put_rule(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct rule *r = what;
	struct fib_rule_hdr *h = nl_begin(b, req, portid, RTM_NEWRULE, flags, sizeof(*h));
	bool v4 = r->family == AF_INET;

	h->family = r->family;
	h->dst_len = r->dst_len && v4 ? (u8)(r->dst_len - 96) : r->dst_len;
	h->src_len = r->src_len && v4 ? (u8)(r->src_len - 96) : r->src_len;
	h->tos = r->tos;
	h->table = r->table < 256 ? (u8)r->table : RT_TABLE_COMPAT;
	h->action = r->action;
	h->flags = r->flags;
	nl_attr_u32(b, FRA_TABLE, r->table);
	nl_attr_u32(b, FRA_SUPPRESS_PREFIXLEN, r->no_prefix);
	nl_attr(b, FRA_PROTOCOL, &r->protocol, 1);
	if (r->iif[0])
		nl_attr(b, FRA_IIFNAME, r->iif, (u32)strlen(r->iif) + 1);
	if (r->oif[0])
		nl_attr(b, FRA_OIFNAME, r->oif, (u32)strlen(r->oif) + 1);
	if (r->prio)
		nl_attr_u32(b, FRA_PRIORITY, r->prio);
	if (r->mark || r->mask) {
		nl_attr_u32(b, FRA_FWMARK, r->mark);
		nl_attr_u32(b, FRA_FWMASK, r->mask);
	}
	put_selectors(b, r);
	if (r->dst_len)
		nl_attr(b, FRA_DST, v4 ? &r->dst.w[3] : &r->dst.w[0], v4 ? 4 : 16);
	if (r->src_len)
		nl_attr(b, FRA_SRC, v4 ? &r->src.w[3] : &r->src.w[0], v4 ? 4 : 16);
	nl_end(b);
}

static void put_rule_gone(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	put_rule(b, req, portid, flags, what);
	((struct nlmsghdr *)b->buf)->nlmsg_type = RTM_DELRULE;
}

int rules_dump(struct net *net, u8 family, rtnl_emit_fn emit, void *arg)
{
	static const u8 families[] = { AF_INET, AF_INET6 };
	struct rule *all = kcalloc(RULES_MAX, sizeof(*all), GFP_KERNEL), *r;
	u32 n = 0;
	int err = 0;

	if (!all)
		return -ENOMEM;
	if (family && family != AF_INET && family != AF_INET6) {
		kfree(all);
		return -EAFNOSUPPORT;
	}
	spin_lock(&net->lock);
	for (u32 k = 0; k < ARRAY_SIZE(families); k++)
		list_for_each_entry(r, &net->route.rules, list)
			if (n < RULES_MAX && r->family == families[k] &&
				(!family || family == r->family))
				all[n++] = shown(net, r);
	spin_unlock(&net->lock);
	for (u32 k = 0; k < n && !err; k++)
		err = emit(arg, put_rule, &all[k]);
	kfree(all);
	return err;
}

/* ---- RTM_NEWRULE and RTM_DELRULE ---- */

static u32 number(const struct nlmsghdr *req, u16 type, u32 otherwise)
{
	const u32 *n = nl_find(req, sizeof(struct fib_rule_hdr), type, sizeof(*n), NULL);

	return n ? *n : otherwise;
}

static void name(const struct nlmsghdr *req, u16 type, char to[IFNAMSIZ])
{
	u32 n;
	const void *p = nl_find(req, sizeof(struct fib_rule_hdr), type, 1, &n);

	if (p)
		memcpy(to, p, min(n, (u32)IFNAMSIZ - 1));
}

static int read_prefix(
	const struct nlmsghdr *req, u8 family, u16 type, u8 len, ip_addr *to, u8 *to_len)
{
	if (len > (family == AF_INET ? 32 : 128))
		return -EINVAL;
	if (!len)
		return 0;
	if (!rtnl_attr_addr(req, sizeof(struct fib_rule_hdr), type, family, to))
		return -EINVAL;
	*to_len = (u8)(len + (family == AF_INET ? 96 : 0));
	return 0;
}

/* Reads a range of ports within 1 to 65534, the lower one first. */
static int read_ports(const struct nlmsghdr *req, u16 type, struct fib_rule_port_range *to)
{
	const struct fib_rule_port_range *p =
		nl_find(req, sizeof(struct fib_rule_hdr), type, sizeof(*p), NULL);

	if (!p)
		return 0;
	*to = *p;
	return p->start && p->end && p->end >= p->start && p->end != 0xffff ? 0 : -EINVAL;
}

static int read_uids(const struct nlmsghdr *req, struct rule *r)
{
	const struct fib_rule_uid_range *u =
		nl_find(req, sizeof(struct fib_rule_hdr), FRA_UID_RANGE, sizeof(*u), NULL);

	if (!u)
		return 0;
	r->by_uid = true;
	r->uid_min = make_kuid(current_user_ns(), u->start);
	r->uid_max = make_kuid(current_user_ns(), u->end);
	return uid_valid(r->uid_min) && uid_valid(r->uid_max) && r->uid_min <= r->uid_max ? 0 :
											    -EINVAL;
}

/* Reads the target of a jump, whose priority must be behind the rule's. */
static int read_target(const struct nlmsghdr *req, struct rule *r)
{
	r->target = number(req, FRA_GOTO, 0);
	if (!!r->target != (r->action == FR_ACT_GOTO))
		return -EINVAL;
	return r->target && r->target <= r->prio ? -EINVAL : 0;
}

/* True if the request has an unsupported selector, or a value without effect. */
static bool has_foreign(const struct nlmsghdr *req)
{
	static const u8 foreign[] = { FRA_FLOW, FRA_TUN_ID, FRA_L3MDEV };
	bool has = false;

	for (u32 k = 0; k < ARRAY_SIZE(foreign); k++)
		has |= nl_find(req, sizeof(struct fib_rule_hdr), foreign[k], 0, NULL) != NULL;
	for (u16 type = FRA_DPORT_RANGE + 1; type <= FRA_LAST; type++)
		has |= nl_find(req, sizeof(struct fib_rule_hdr), type, 0, NULL) != NULL;
	return has;
}

static int read_selectors(const struct nlmsghdr *req, struct rule *r)
{
	const u8 *proto = nl_find(req, sizeof(struct fib_rule_hdr), FRA_IP_PROTO, 1, NULL);
	int err = read_uids(req, r);

	r->ip_proto = proto ? *proto : 0;
	if (!err)
		err = read_ports(req, FRA_SPORT_RANGE, &r->sport);
	if (!err)
		err = read_ports(req, FRA_DPORT_RANGE, &r->dport);
	return err;
}

/*
 * Reads a rule from a request. Returns 0, -EINVAL, -EAFNOSUPPORT, or -EOPNOTSUPP for an attribute
 * that is not supported.
 */
static int read_rule(const struct nlmsghdr *req, struct rule *r)
{
	const struct fib_rule_hdr *h = NLMSG_DATA(req);
	const u8 *protocol;
	int err;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*h)))
		return -EINVAL;
	*r = (struct rule){
		.family = h->family, .action = h->action, .tos = h->tos, .flags = h->flags
	};
	if (h->family != AF_INET && h->family != AF_INET6)
		return -EAFNOSUPPORT;
	err = read_prefix(req, h->family, FRA_SRC, h->src_len, &r->src, &r->src_len);
	if (!err)
		err = read_prefix(req, h->family, FRA_DST, h->dst_len, &r->dst, &r->dst_len);
	if (!err && h->tos & (h->family == AF_INET ? ~IPTOS_RT : IP_ECN))
		err = -EINVAL;
	if (err)
		return err;
	r->table = number(req, FRA_TABLE, h->table);
	r->prio = number(req, FRA_PRIORITY, 0);
	r->mark = number(req, FRA_FWMARK, 0);
	r->mask = number(req, FRA_FWMASK, r->mark ? ~0U : 0);
	r->no_prefix = number(req, FRA_SUPPRESS_PREFIXLEN, ~0U);
	r->no_group = number(req, FRA_SUPPRESS_IFGROUP, ~0U);
	protocol = nl_find(req, sizeof(*h), FRA_PROTOCOL, 1, NULL);
	r->protocol = protocol ? *protocol : RTPROT_UNSPEC;
	name(req, FRA_IIFNAME, r->iif);
	name(req, FRA_OIFNAME, r->oif);
	err = read_selectors(req, r);
	if (!err)
		err = read_target(req, r);
	return !err && has_foreign(req) ? -EOPNOTSUPP : err;
}

static bool same_uids(const struct rule *a, const struct rule *b)
{
	return a->by_uid == b->by_uid && a->uid_min == b->uid_min && a->uid_max == b->uid_max;
}

static bool same_ports(const struct fib_rule_port_range *a, const struct fib_rule_port_range *b)
{
	return a->start == b->start && a->end == b->end;
}

static bool same(const struct rule *a, const struct rule *b)
{
	return a->family == b->family && a->action == b->action && a->table == b->table &&
	       a->mark == b->mark && a->mask == b->mask && a->tos == b->tos &&
	       a->src_len == b->src_len && a->dst_len == b->dst_len && ip_equal(&a->src, &b->src) &&
	       ip_equal(&a->dst, &b->dst) && !strcmp(a->iif, b->iif) && !strcmp(a->oif, b->oif) &&
	       a->protocol == b->protocol && a->ip_proto == b->ip_proto && same_uids(a, b) &&
	       a->no_prefix == b->no_prefix && a->no_group == b->no_group &&
	       same_ports(&a->sport, &b->sport) && same_ports(&a->dport, &b->dport);
}

/*
 * Returns the priority before that of the first rule whose priority is not 0, Linux's choice.
 * net->lock held.
 */
static u32 free_prio(struct net *net, u8 family)
{
	struct rule *r;

	list_for_each_entry(r, &net->route.rules, list)
		if (r->family == family && r->prio)
			return r->prio - 1;
	return PRIO_MAIN - 1;
}

static u32 rule_group(const struct rule *r)
{
	return r->family == AF_INET ? RTNLGRP_IPV4_RULE : RTNLGRP_IPV6_RULE;
}

/*
 * Adds @r, which the list then owns. @exclusive: fails if there is an equal rule. Takes net->lock,
 * and notifies listeners. Returns 0, -EINVAL, -EEXIST or -ENOSPC.
 */
static int add_rule(struct net *net, struct rule *r, bool exclusive)
{
	struct rule *o, copy;
	u32 n = 0;
	int err = 0;

	if (r->action == FR_ACT_TO_TBL && !r->table)
		return -EINVAL;
	spin_lock(&net->lock);
	if (!r->prio)
		r->prio = free_prio(net, r->family);
	list_for_each_entry(o, &net->route.rules, list) {
		n++;
		if (exclusive && o->prio == r->prio && same(o, r))
			err = -EEXIST;
	}
	/* free_prio() may have chosen the priority */
	if (r->target && r->target <= r->prio)
		err = -EINVAL;
	if (!err && n >= RULES_MAX)
		err = -ENOSPC;
	if (!err) {
		enter(net, r);
		aim(net, r, true);
		net->route.policy = true;
		net->route.policy_by_ports |= r->ip_proto || r->sport.start || r->dport.start;
		copy = shown(net, r);
	}
	spin_unlock(&net->lock);
	if (!err)
		rtnl_notify(net, rule_group(r), put_rule, &copy);
	return err;
}

/* True if the request describes @r. A value that the request does not have matches any. */
static bool is_meant(const struct nlmsghdr *req, const struct rule *want, const struct rule *r)
{
	const u32 fixed = sizeof(struct fib_rule_hdr);

	if (r->family != want->family || (want->action && want->action != r->action) ||
		(want->table && want->table != r->table) || (want->tos && want->tos != r->tos))
		return false;
	if (nl_find(req, fixed, FRA_PRIORITY, 4, NULL) && want->prio != r->prio)
		return false;
	if ((want->mark && want->mark != r->mark) || (want->mask && want->mask != r->mask))
		return false;
	if ((want->protocol && want->protocol != r->protocol) ||
		(want->ip_proto && want->ip_proto != r->ip_proto) ||
		(want->by_uid && !same_uids(want, r)))
		return false;
	if ((want->no_prefix != ~0U && want->no_prefix != r->no_prefix) ||
		(want->no_group != ~0U && want->no_group != r->no_group) ||
		(want->sport.start && !same_ports(&want->sport, &r->sport)) ||
		(want->dport.start && !same_ports(&want->dport, &r->dport)))
		return false;
	if ((want->iif[0] && strcmp(want->iif, r->iif) != 0) ||
		(want->oif[0] && strcmp(want->oif, r->oif) != 0))
		return false;
	return (!want->src_len || (want->src_len == r->src_len && ip_equal(&want->src, &r->src))) &&
	       (!want->dst_len || (want->dst_len == r->dst_len && ip_equal(&want->dst, &r->dst)));
}

/*
 * Removes and frees the first rule that the request describes. Takes net->lock, and notifies
 * listeners. Returns 0, -ENOENT or -EOPNOTSUPP.
 */
static int del_rule(struct net *net, const struct nlmsghdr *req, const struct rule *want)
{
	struct rule *r, *found = NULL;
	int err = 0;

	spin_lock(&net->lock);
	list_for_each_entry(r, &net->route.rules, list)
		if (!found && is_meant(req, want, r))
			found = r;
	if (!found)
		err = -ENOENT;
	else if (found->table == RT_TABLE_LOCAL && !found->prio)
		err = -EOPNOTSUPP;
	if (!err) {
		list_del(&found->list);
		aim(net, found, false);
		net->route.policy = true;
	}
	spin_unlock(&net->lock);
	if (!err) {
		rtnl_notify(net, rule_group(found), put_rule_gone, found);
		kfree(found);
	}
	return err;
}

int rules_change(struct net *net, const struct nlmsghdr *req)
{
	struct rule *r = kmalloc(sizeof(*r), GFP_KERNEL | __GFP_ACCOUNT);
	int err;

	if (!r)
		return -ENOMEM;
	err = read_rule(req, r);
	if (!err && req->nlmsg_type == RTM_NEWRULE) {
		err = add_rule(net, r, req->nlmsg_flags & NLM_F_EXCL);
		if (!err)
			return 0;
	} else if (!err) {
		err = del_rule(net, req, r);
	}
	kfree(r);
	return err;
}
