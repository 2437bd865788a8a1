/* SPDX-License-Identifier: MIT */
/*
 * nft.h: nf_tables: tables have chains of rules, sets and objects; rules are lists of expressions,
 * which work on registers.
 *
 *      nft_trans.c   batches: log, commit, abort, notifications
 *      nft_api.c     requests, by the table of messages
 *      nft_table.c   tables
 *      nft_chain.c   chains, jumps that end
 *      nft_rule.c    rules, expressions in messages
 *      nft_set.c     sets: requests
 *      nft_elem.c    their elements: requests
 *      nft_tree.c    how elements are found
 *      nft_obj.c     named counters, quotas, limits
 *      nft_core.c    a packet's way through chains; registers
 *      nft_expr_*.c  expressions
 *      nft_compat.c, xt_*.c: expressions of iptables
 *
 * States of every object: `pend` NFT_NEW (a batch has made it: packets do not see it) -> 0 ->
 * NFT_DEL (a batch has deleted it: its next requests do not see it) -> gone. Commit and abort make
 * each step. Outside of a batch nothing is pending. Packets remove elements on their own (dynset,
 * expired elements), but never a pending one.
 *
 * Invariants:
 * 1. `use` counts references to an object: it is deleted at 0 only.
 * 2. Jumps from a base chain end after NFT_DEPTH steps.
 * 3. A namespace has at most NFT_OBJECTS objects, elements and rules together; all are charged to
 *    their maker.
 *
 * Locks: nfnl_mutex (nfnetlink.c) for every request. nn->lock (spin) around a packet's way and
 * around changes of what packets read.
 */
#ifndef NESTLING_NETFILTER_NFT_H
#define NESTLING_NETFILTER_NFT_H

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "kernel/lib/rbtree.h"
#include "kernel/mm/mm.h"
#include "kernel/net/netfilter/netfilter.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/nfnetlink.h"

#define NFT_NEW 1
#define NFT_DEL 2
/* the batch has made the element, and will report it */
#define NFT_TELL 4
#define NFT_DEPTH 16
#define NFT_OBJECTS 262144U
#define NFT_GFP (GFP_KERNEL | __GFP_ACCOUNT | __GFP_NOOOM)
#define NFT_REGS 20 /* words; the first four are not used */
#define NFT_NAME 256
#define NFT_UDATA 256
#define NFT_KEY_MAX 64
#define NFT_EXPRS_MAX 128
/* constants that older headers lack */
#define NFT_MSG_GETRULE_RESET_ 25

struct nft_table;
struct nft_chain;
struct nft_set;
struct nft_obj;

/* Text or bytes that are only kept. */
struct nft_blob {
	u32 len;
	u8 data[];
};

struct nft_net {
	spinlock_t lock;
	struct list_head tables; /* of nft_table.list */
	struct list_head trans;  /* of the batch in the making */
	u32 genid;
	atomic_t objects;
	u64 handles;                /* of tables */
	const struct nlmsghdr *req; /* of a batch, that is served now */
	struct list_head recent;    /* xt_keep.c's, under nfnl_mutex */
	struct list_head limits;    /* xt_rate.c's; nn->lock */
	struct list_head loggers;   /* nflog.c's, under lock */
	u32 log_seq;                /* nflog.c's, under lock */
	/* nft_count.c counts connections, so they are tracked until the namespace ends; nn->lock */
	bool counts_conns;
};

struct nft_table {
	struct list_head list, chains, sets, objs;
	struct nft_net *nn;
	u64 handle, handles;
	u32 flags, use;
	u8 family, pend;
	struct nft_blob *udata;
	char name[NFT_NAME];
};

struct nft_chain {
	struct list_head list, rules;
	struct rcu_head rcu;
	struct nft_table *table;
	u64 handle;
	u32 use, flags; /* NFT_CHAIN_BASE, ... */
	/* for nft_validate(): its epoch, and the depth of jumps from this chain */
	u32 mark;
	u32 height;
	u8 pend, policy, hook;
	bool nat, registered, counted, visiting;
	int priority;
	const char *type;
	u64 packets, bytes; /* under nn->lock */
	struct nft_blob *udata;
	char name[NFT_NAME];
};

struct nft_regs {
	u32 data[NFT_REGS];
	int code; /* NFT_CONTINUE, NF_*, NFT_JUMP, ... */
	struct nft_chain *chain;
};

/* A packet that the chains are evaluating. */
struct nft_pkt {
	struct nf_state *s;
	struct sk_buff *skb;
	struct net *net;
	/* l4: the transport header is whole, at thoff */
	bool v6, l4;
	u8 proto;
	u32 thoff;
	u32 frag_off;
	/* refusal to send when the lock has been released; -1: none */
	int reject, reject_code;
	struct list_head copies; /* of skbs (dup.c), where there are any */
	u32 n_copies;
};

struct nft_ctx {
	struct nfnl_req *r;
	struct net *net;
	struct nft_net *nn;
	struct nft_table *table;
	struct nft_chain *chain; /* NULL: of a set */
	/* protocol that iptables gives for a rule, with or without a "!"; 0: any */
	u8 proto;
	bool proto_not;
	/*
	 * an expression cannot be in that chain: Linux finds out later, and does not name the
	 * expression
	 */
	bool misplaced;
};

/* Accounts for a route lookup, which took so many steps (struct flow). */
static inline void nf_route_costs(const struct nft_pkt *p, u32 steps)
{
	p->s->work += 64 + steps;
}

struct nft_expr;
struct nft_expr_type {
	const char *name;
	/* of the private part behind struct nft_expr */
	u32 size;
	u32 max; /* the highest attribute */
	bool stateful;
	int (*init)(struct nft_ctx *c, struct nft_expr *e, nla_t *tb);
	void (*eval)(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p);
	void (*dump)(const struct nft_expr *e, struct nfb *b);
	/* Drops its references to other objects, takes them again, and ends it. */
	void (*deactivate)(struct nft_expr *e);
	void (*activate)(struct nft_expr *e);
	void (*destroy)(struct net *net, struct nft_expr *e);
	void (*reset)(struct nft_expr *e);
	/* Returns the size in bytes that init() needs. */
	u32 (*size_of)(nla_t *tb);
};
struct nft_expr {
	const struct nft_expr_type *type;
	u64 priv[];
};
#define NFT_EXPR_ATTRS 24

struct nft_rule {
	struct list_head list;
	struct nft_chain *chain;
	u64 handle;
	u32 id, n;
	u8 pend;
	struct nft_blob *udata;
	struct nft_expr *exprs[];
};

struct nft_verdict {
	int code;
	struct nft_chain *chain;
};
/* A value or a verdict, as messages have it. */
struct nft_data {
	u32 w[NFT_KEY_MAX / 4];
	u32 len;
	bool is_verdict;
	struct nft_verdict v;
};

struct nft_elem {
	struct rb_node node;
	struct nft_set *set;
	u8 pend;
	bool end, catchall; /* the first key behind an interval */
	bool has_key_end;
	u64 timeout, expires; /* ns; 0: none */
	u32 n_exprs;
	struct nft_expr *exprs[2];
	struct nft_obj *obj;
	struct nft_blob *udata;
	struct nft_data *data; /* NULL: none */
	u8 key[NFT_KEY_MAX], key_end[NFT_KEY_MAX];
};

struct nft_set {
	struct list_head list;
	struct nft_table *table;
	u64 handle, timeout;
	u32 id, use, flags, key_type, key_len, data_type, data_len, obj_type, policy, gc_interval;
	u32 max, nelems; /* under nn->lock: elements */
	u64 next_gc;     /* ktime_get(); nn->lock */
	/* elements passed by the last lookup that were not visible to it; nn->lock */
	u32 walked;
	u32 fields, field_len[16]; /* of a concatenation */
	u8 pend;
	bool bound;
	struct rb_root elems; /* under nn->lock */
	struct nft_elem *catchall;
	u32 n_exprs;
	struct nft_expr *exprs[2]; /* each element gets one like it */
	struct nft_blob *expr_attrs[2];
	struct nft_blob *udata;
	char name[NFT_NAME];
};

struct nft_obj {
	struct list_head list;
	struct nft_table *table;
	u64 handle;
	u32 use, type;
	u8 pend;
	struct nft_blob *udata;
	struct nft_expr *e;
	char name[NFT_NAME];
};

/* ---- nft_trans.c ---- */

enum nft_trans_type {
	T_TABLE,
	T_CHAIN,
	T_RULE,
	T_SET,
	T_ELEM,
	T_OBJ,
	T_POLICY,
	T_FLAGS,
	T_COUNTERS,
	T_RENAME
};
struct nft_trans {
	struct list_head list;
	enum nft_trans_type type;
	bool del;
	void *what;
	u64 value, value2; /* of an update */
	char *text;
	u32 seq; /* of the request, like the members below */
	u16 flags;
	bool echo; /* the requester gets the notification, too */
};
/* Returns the namespace's rules, made at the first call; NULL: no memory. */
struct nft_net *nft_net(struct net *net);
int nft_log(struct nft_net *nn, enum nft_trans_type type, bool del, void *what);
int nft_log_update(struct nft_net *nn, enum nft_trans_type type, void *what, u64 value, u64 value2,
	const char *text);
/* Counts an object: 0 or -ENOSPC. */
int nft_count(struct nft_net *nn);
void nft_uncount(struct nft_net *nn);
int nft_blob_from(nla_t a, u32 max, struct nft_blob **out);
static inline void nft_put_blob(struct nfb *b, u16 type, const struct nft_blob *u)
{
	if (u)
		nfb_attr(b, type, u->data, u->len);
}

/* ---- tables, chains, rules, sets, objects: requests and messages ---- */

int nft_new_table(struct nft_ctx *c), nft_del_table(struct nft_ctx *c),
	nft_get_table(struct nft_ctx *c);
int nft_new_chain(struct nft_ctx *c), nft_del_chain(struct nft_ctx *c),
	nft_get_chain(struct nft_ctx *c);
int nft_new_rule(struct nft_ctx *c), nft_del_rule(struct nft_ctx *c),
	nft_get_rule(struct nft_ctx *c);
int nft_new_set(struct nft_ctx *c), nft_del_set(struct nft_ctx *c), nft_get_set(struct nft_ctx *c);
int nft_new_elem(struct nft_ctx *c), nft_del_elem(struct nft_ctx *c),
	nft_get_elem(struct nft_ctx *c);
int nft_new_obj(struct nft_ctx *c), nft_del_obj(struct nft_ctx *c), nft_get_obj(struct nft_ctx *c);

void nft_put_table(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_table *t);
void nft_put_chain(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_chain *c);
void nft_put_rule(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_rule *r);
void nft_put_set(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_set *s);
void nft_put_elem_msg(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_elem *e);
void nft_put_obj(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_obj *o);

/*
 * Find objects by their names in a request. The *_get functions return an error for a missing
 * object.
 */
struct nft_table *nft_table_find(struct nft_net *nn, u8 family, nla_t name);
struct nft_table *nft_table_get(struct nft_ctx *c, nla_t name);
struct nft_chain *nft_chain_find(const struct nft_table *t, nla_t name);
struct nft_set *nft_set_find(const struct nft_table *t, nla_t name);
struct nft_set *nft_set_get(const struct nft_table *t, nla_t name, nla_t id);
struct nft_obj *nft_obj_find(const struct nft_table *t, nla_t name, u32 type);

/* Marks all rules of the chain as deleted. 0 or -ENOMEM. */
int nft_chain_flush(struct nft_net *nn, struct nft_chain *ch);
int nft_rule_delete(struct nft_net *nn, struct nft_rule *r);
int nft_set_delete(struct nft_net *nn, struct nft_set *s);

void nft_chain_register(struct net *net, struct nft_chain *ch);
/*
 * Unregisters the chain. True: it was registered, and packets may still enter it until a grace
 * period has passed.
 */
bool nft_chain_unregister(struct net *net, struct nft_chain *ch);
void nft_table_free(struct net *net, struct nft_table *t);
void nft_chain_free(struct net *net, struct nft_chain *ch);
void nft_rule_free(struct net *net, struct nft_rule *r);
void nft_set_free(struct net *net, struct nft_set *s);
void nft_elem_free(struct net *net, struct nft_elem *e);
void nft_obj_free(struct net *net, struct nft_obj *o);
/* Drop and retake the references to sets, chains and objects that the rule names. */
void nft_rule_deactivate(struct nft_rule *r);
void nft_rule_activate(struct nft_rule *r);
void nft_set_deactivate(struct nft_set *s);
void nft_set_activate(struct nft_set *s);
void nft_elem_deactivate(struct nft_elem *e);
void nft_elem_activate(struct nft_elem *e);
/* Removes the element from its set. nn->lock held. */
void nft_elem_unlink(struct nft_elem *e);
/* Checks that jumps end. 0, -ELOOP or -EMLINK. */
int nft_validate(struct nft_table *t);
/* Calls @fn for each chain to which @e leads, until a call returns nonzero. */
int nft_expr_jumps(const struct nft_expr *e, int (*fn)(struct nft_chain *to, u32 depth), u32 depth);

/* Shows a packet to listeners of @group, at most @snap bytes of it (nflog.c). nn->lock held. */
/*
 * dup.c: nf_dup() makes a copy for @gateway by the device @oif (0: any). nf_send_copies() sends the
 * copies after nn->lock has been released.
 */
void nf_dup(struct nft_pkt *p, const ip_addr *gateway, u32 oif);
void nf_send_copies(struct nft_pkt *p);
void nflog_packet(const struct nft_pkt *p, u16 group, const char *prefix, u32 snap);

/* ---- sets ---- */

/* Returns the element that @key finds, or NULL. nn->lock held. */
struct nft_elem *nft_set_lookup(struct nft_set *s, const void *key);
/*
 * Find the element of exactly that key (and end), or return NULL: the first as packets see the set,
 * the second as it will be after the batch.
 */
struct nft_elem *nft_elem_find(struct nft_set *s, const u8 *key, const u8 *key_end, bool end);
struct nft_elem *nft_elem_find_next(struct nft_set *s, const u8 *key, const u8 *key_end, bool end);
/* Inserts an element. 0, -EEXIST or -ENOTEMPTY. nn->lock held. */
int nft_elem_insert(struct nft_set *s, struct nft_elem *e);
/* True if the element has expired by ktime_get(). */
static inline bool nft_elem_expired(const struct nft_elem *e)
{
	return e->expires && e->expires <= ktime_get();
}
/* Makes an element for dynset: NULL when the set is full. nn->lock held. */
struct nft_elem *nft_elem_dyn(
	struct net *net, struct nft_set *s, const void *key, const u32 *data, u64 timeout);
/* Removes and frees an element that no batch has pending. nn->lock held. */
void nft_elem_end(struct net *net, struct nft_elem *e);
/* Removes expired elements. nn->lock held. */
void nft_set_gc(struct net *net, struct nft_set *s);

/* ---- expressions ---- */

struct nft_expr *nft_expr_new(struct nft_ctx *c, nla_t nest);
/*
 * Makes an expression that elements of sets can have: it only keeps state, names nothing and may be
 * copied (nft_expr_type.stateful); else -EOPNOTSUPP.
 */
struct nft_expr *nft_stateful_new(struct nft_ctx *c, nla_t nest);
void nft_expr_free(struct net *net, struct nft_expr *e);
void nft_expr_put(struct nfb *b, u16 type, const struct nft_expr *e);
const struct nft_expr_type *nft_expr_type(nla_t name);
#define nft_priv(e) ((void *)(e)->priv)

/*
 * Read a register of a message: the index of its first word, behind which @len bytes fit. 0,
 * -EINVAL or -ERANGE.
 */
int nft_reg_load(nla_t a, u8 *reg, u32 len);
int nft_reg_store(nla_t a, u8 *reg, u32 len);
void nft_reg_put(struct nfb *b, u16 type, u32 reg);
int nft_data_get(struct nft_ctx *c, nla_t a, struct nft_data *d);
void nft_data_put(struct nfb *b, u16 type, const struct nft_data *d);
void nft_value_put(struct nfb *b, u16 type, const void *value, u32 len);
void nft_verdict_hold(const struct nft_verdict *v);
void nft_verdict_drop(const struct nft_verdict *v);

/*
 * Replaces @n bytes (at most NFT_KEY_MAX) at @at of the packet by @new, and corrects the checksum
 * at @sum (0: none). Does nothing without memory.
 */
void nf_set_bytes(struct nft_pkt *p, u32 at, const void *new, u32 n, u32 sum);
/*
 * xt_edit.c: the first returns the segment size that the routes to both ends allow (0: none), the
 * second lowers TCP's option to @mss.
 */
u32 nf_path_mss(const struct nft_pkt *p);
void nf_lower_mss(struct nft_pkt *p, u32 mss);
/* xt_head.c: Finds IPv6's extension header of a type. Returns false if it is missing or cut off. */
bool nf_find_ext(const struct nft_pkt *p, u8 type, u32 *off, u32 *len);

/*
 * If the range of @r is a network, maps the packet's source or destination to one address of it and
 * keeps the host part (nft_expr_ct.c).
 */
struct nf_range;
void nf_netmap(const struct nft_pkt *p, struct nf_range *r, int manip);

/* Returns the set of a lookup or dynset expression; NULL: it is another expression. */
struct nft_set *nft_lookup_set(const struct nft_expr *e);
/* Runs a packet through a base chain, as the hook's function. */
u32 nft_run(struct nf_state *s, void *chain);
/* Runs a NAT chain for a connection's first packet (nat.c). */
u32 nft_run_nat(struct nf_state *s, void *chain);

/* nft_compat.c: Reads the protocol that iptables states for a rule. */
int compat_proto(struct nft_ctx *c, nla_t a);

#endif
