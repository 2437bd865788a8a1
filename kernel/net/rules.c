/* SPDX-License-Identifier: MIT */
/*
 * rules.c: policy routing (ip-rule(8)): which tables a packet's way is looked up in, by where it comes from and goes to, by its mark and its
 * device. A namespace begins with Linux's rules: 0 local, 32766 main, 32767 default. The first stands for addresses of our own, which are
 * found before any rule is asked: it cannot be taken away. Lock: net->lock.
 */
#include <asm/errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/rtnl.h"
#include "kernel/net/socket.h"

#define RULES_MAX 1024
#define PRIO_MAIN 32766
#define PRIO_DEFAULT 32767

struct rule {
	struct list_head list; /* by priority */
	u32 prio, table, mark, mask;
	u8 family, action, tos, protocol;
	u8 src_len, dst_len; /* of 128; 0: any */
	ip_addr src, dst;
	char iif[IFNAMSIZ], oif[IFNAMSIZ];
};

/* ---- looking up ---- */

static bool name_is(const struct net *net, const char *name, int ifindex)
{
	const struct net_device *d = netdev_by_index((struct net *)net, ifindex);

	return d && !strncmp(d->name, name, IFNAMSIZ);
}

static bool matches(const struct net *net, const struct rule *r, const struct flow *f)
{
	if (r->family != (ip_is_v4(&f->daddr) ? AF_INET : AF_INET6))
		return false;
	if (r->src_len && !ip_prefix_equal(&r->src, &f->saddr, r->src_len))
		return false;
	if (r->dst_len && !ip_prefix_equal(&r->dst, &f->daddr, r->dst_len))
		return false;
	if ((f->mark ^ r->mark) & r->mask || (r->tos && r->tos != f->tos))
		return false;
	if (r->iif[0] && !(f->iif ? name_is(net, r->iif, f->iif) : !strcmp(r->iif, "lo")))
		return false; /* what begins here comes from lo */
	return !r->oif[0] || name_is(net, r->oif, f->oif);
}

int rules_route(
	struct net *net, struct flow *f, int (*look)(struct net *net, struct flow *f, u32 table))
{
	const struct rule *r;
	int err;

	if (likely(!net->policy)) {
		f->table = RT_TABLE_MAIN;
		err = look(net, f, RT_TABLE_MAIN);
		if (err != -ENETUNREACH)
			return err;
		f->table = RT_TABLE_DEFAULT;
		return look(net, f, RT_TABLE_DEFAULT);
	}
	list_for_each_entry(r, &net->rules, list) {
		if (!matches(net, r, f))
			continue;
		switch (r->action) {
		case FR_ACT_BLACKHOLE: return -EINVAL;
		case FR_ACT_UNREACHABLE: return -ENETUNREACH;
		case FR_ACT_PROHIBIT: return -EACCES;
		case FR_ACT_TO_TBL:
			f->table = r->table;
			err = look(net, f, r->table);
			if (err != -ENETUNREACH)
				return err;
			break;
		}
	}
	return -ENETUNREACH;
}

/* ---- the list ---- */

static void enter(struct net *net, struct rule *r)
{
	struct list_head *before = &net->rules;
	struct rule *o;

	list_for_each_entry(o, &net->rules, list) {
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

	list_for_each_entry_safe(r, next, &net->rules, list)
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

	INIT_LIST_HEAD(&net->rules);
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
		enter(net, r);
	}
	return 0;
}

/* ---- telling ---- */

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
	nl_attr_u32(b, FRA_TABLE, r->table);
	nl_attr_u32(b, FRA_SUPPRESS_PREFIXLEN, ~0U);
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
	struct rule *all = kcalloc(RULES_MAX, sizeof(*all), GFP_KERNEL), *r;
	u32 n = 0;
	int err = 0;

	if (!all)
		return -ENOMEM;
	spin_lock(&net->lock);
	list_for_each_entry(r, &net->rules, list)
		if (n < RULES_MAX && (!family || family == r->family))
			all[n++] = *r;
	spin_unlock(&net->lock);
	for (u32 k = 0; k < n && !err; k++)
		err = emit(arg, put_rule, &all[k]);
	kfree(all);
	return err;
}

/* ---- changing ---- */

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

static int read_rule(const struct nlmsghdr *req, struct rule *r)
{
	const struct fib_rule_hdr *h = NLMSG_DATA(req);
	const u8 *protocol;
	int err;

	*r = (struct rule){ .family = h->family, .action = h->action, .tos = h->tos };
	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*h)))
		return -EINVAL;
	if (h->family != AF_INET && h->family != AF_INET6)
		return -EAFNOSUPPORT;
	err = read_prefix(req, h->family, FRA_SRC, h->src_len, &r->src, &r->src_len);
	if (!err)
		err = read_prefix(req, h->family, FRA_DST, h->dst_len, &r->dst, &r->dst_len);
	if (err)
		return err;
	if (h->flags & ~(u32)FIB_RULE_PERMANENT || h->action == FR_ACT_GOTO)
		return -EOPNOTSUPP;
	r->table = number(req, FRA_TABLE, h->table);
	r->prio = number(req, FRA_PRIORITY, 0);
	r->mark = number(req, FRA_FWMARK, 0);
	r->mask = number(req, FRA_FWMASK, r->mark ? ~0U : 0);
	protocol = nl_find(req, sizeof(*h), FRA_PROTOCOL, 1, NULL);
	r->protocol = protocol ? *protocol : RTPROT_UNSPEC;
	name(req, FRA_IIFNAME, r->iif);
	name(req, FRA_OIFNAME, r->oif);
	return 0;
}

static bool same(const struct rule *a, const struct rule *b)
{
	return a->family == b->family && a->action == b->action && a->table == b->table &&
	       a->mark == b->mark && a->mask == b->mask && a->tos == b->tos &&
	       a->src_len == b->src_len && a->dst_len == b->dst_len && ip_equal(&a->src, &b->src) &&
	       ip_equal(&a->dst, &b->dst) && !strcmp(a->iif, b->iif) && !strcmp(a->oif, b->oif);
}

/* Before the first that has a number, as Linux chooses. net->lock held. */
static u32 free_prio(struct net *net, u8 family)
{
	struct rule *r;

	list_for_each_entry(r, &net->rules, list)
		if (r->family == family && r->prio)
			return r->prio - 1;
	return PRIO_MAIN - 1;
}

static u32 rule_group(const struct rule *r)
{
	return r->family == AF_INET ? RTNLGRP_IPV4_RULE : RTNLGRP_IPV6_RULE;
}

static int add_rule(struct net *net, struct rule *r, bool exclusive)
{
	struct rule *o;
	u32 n = 0;
	int err = 0;

	if (r->action == FR_ACT_TO_TBL && !r->table)
		return -EINVAL;
	spin_lock(&net->lock);
	if (!r->prio)
		r->prio = free_prio(net, r->family);
	list_for_each_entry(o, &net->rules, list) {
		n++;
		if (exclusive && o->prio == r->prio && same(o, r))
			err = -EEXIST;
	}
	if (!err && n >= RULES_MAX)
		err = -ENOSPC;
	if (!err) {
		enter(net, r);
		net->policy = true;
	}
	spin_unlock(&net->lock);
	if (!err)
		rtnl_tell(net, rule_group(r), put_rule, r);
	return err;
}

/* What a request does not say may be anything. */
static bool is_meant(const struct nlmsghdr *req, const struct rule *want, const struct rule *r)
{
	const u32 fixed = sizeof(struct fib_rule_hdr);

	if (r->family != want->family || (want->action && want->action != r->action) ||
		(want->table && want->table != r->table) || (want->tos && want->tos != r->tos))
		return false;
	if (nl_find(req, fixed, FRA_PRIORITY, 4, NULL) && want->prio != r->prio)
		return false;
	if (nl_find(req, fixed, FRA_FWMARK, 4, NULL) && want->mark != r->mark)
		return false;
	if ((want->iif[0] && strcmp(want->iif, r->iif) != 0) ||
		(want->oif[0] && strcmp(want->oif, r->oif) != 0))
		return false;
	return (!want->src_len || (want->src_len == r->src_len && ip_equal(&want->src, &r->src))) &&
	       (!want->dst_len || (want->dst_len == r->dst_len && ip_equal(&want->dst, &r->dst)));
}

static int del_rule(struct net *net, const struct nlmsghdr *req, const struct rule *want)
{
	struct rule *r, *found = NULL;
	int err = 0;

	spin_lock(&net->lock);
	list_for_each_entry(r, &net->rules, list)
		if (!found && is_meant(req, want, r))
			found = r;
	if (!found)
		err = -ENOENT;
	else if (found->table == RT_TABLE_LOCAL && !found->prio)
		err = -EOPNOTSUPP;
	if (!err) {
		list_del(&found->list);
		net->policy = true;
	}
	spin_unlock(&net->lock);
	if (!err) {
		rtnl_tell(net, rule_group(found), put_rule_gone, found);
		kfree(found);
	}
	return err;
}

int rules_change(struct net *net, const struct nlmsghdr *req)
{
	struct rule *r = kmalloc(sizeof(*r), GFP_KERNEL);
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
