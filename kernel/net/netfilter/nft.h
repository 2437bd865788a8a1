/* SPDX-License-Identifier: MIT */
/*
 * nft.h: nf_tables: a table has chains of rules, sets and objects. A rule is a list of expressions,
 * which work on registers.
 *
 *      nft_trans.c   batches: log, commit, abort, notifications
 *      nft_api.c     the function for each type of request
 *      nft_table.c   tables
 *      nft_chain.c   chains; checks that jumps end
 *      nft_rule.c    rules, expressions in messages
 *      nft_set.c     sets: requests
 *      nft_elem.c    elements of sets: requests
 *      nft_tree.c    elements of sets: lookups
 *      nft_obj.c     named counters, quotas, limits
 *      nft_core.c    evaluation of chains for a packet; registers
 *      nft_expr_*.c  expressions
 *      nft_compat.c, xt_*.c: matches and targets of iptables
 *
 * States of every object, in `pend`: NFT_NEW (made by a batch, packets do not see it) -> 0 ->
 * NFT_DEL (deleted by a batch, later requests of the batch do not see it) -> gone. Commit and abort
 * make each step. Outside of a batch nothing is pending. Packets remove elements by themselves
 * (dynset, expired elements), but never a pending one.
 *
 * Invariants:
 * 1. `use` counts references to an object; it is deleted only if `use` is 0.
 * 2. Jumps from a base chain are less than NFT_DEPTH deep.
 * 3. A namespace has at most NFT_OBJECTS objects, elements and rules together. All are charged to
 *    the task that made them.
 *
 * Locks: nfnl_mutex (nfnetlink.c) for every request. nn->lock (spin) for the evaluation of a
 * packet, and for changes of what packets read. Functions of requests hold nfnl_mutex, may sleep
 * and return 0 or -errno. Their objects are borrowed: nfnl_mutex keeps them.
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
/*
 * in `pend`: a batch has made the element and has not notified listeners yet, so packets must not
 * free it
 */
#define NFT_UNREPORTED 4
#define NFT_DEPTH 16
#define NFT_OBJECTS 262144U
#define NFT_GFP (GFP_KERNEL | __GFP_ACCOUNT | __GFP_NOOOM)
#define NFT_REGS 20 /* 32-bit words; the first 4 are unused */
#define NFT_NAME 256
#define NFT_UDATA 256
#define NFT_KEY_MAX 64
#define NFT_EXPRS_MAX 128
/* constants that older kernel headers lack */
#define NFT_MSG_GETRULE_RESET_ 25

struct nft_table;
struct nft_chain;
struct nft_set;
struct nft_obj;

/*
 * Comments or other data of a program (NFTA_*_USERDATA), which are stored and returned unchanged.
 */
struct nft_blob {
	u32 len;
	u8 data[];
};

struct nft_net {
	spinlock_t lock;
	struct list_head tables; /* of nft_table.list */
	/* steps of the current batch, by nft_trans.list */
	struct list_head trans;
	u32 genid;                  /* number of the last commit */
	atomic_t objects;           /* counted by nft_count() */
	u64 handles;                /* last handle of a table */
	const struct nlmsghdr *req; /* request of a batch that is being handled */
	struct list_head recent;    /* "recent" (xt_keep.c); nfnl_mutex */
	struct list_head limits;    /* hashlimit (xt_rate.c); nn->lock */
	struct list_head loggers;   /* of nflog.c; nn->lock */
	u32 log_seq;                /* of nflog.c; nn->lock */
	/*
	 * nft_count.c uses connection tracking, which then stays on until the namespace ends;
	 * nfnl_mutex
	 */
	bool counts_conns;
};

/*
 * A table. A handle is a number that names an object within its table, and a table within the
 * namespace. udata is owned, NULL: none.
 */
struct nft_table {
	struct list_head list, chains, sets, objs;
	struct nft_net *nn;
	/* handle: the table's; handles: the last one given to an object of the table */
	u64 handle, handles;
	u32 flags, use;  /* flags: NFT_TABLE_F_* */
	u8 family, pend; /* family: NFPROTO_* */
	struct nft_blob *udata;
	char name[NFT_NAME];
};

struct nft_chain {
	struct list_head list, rules;
	struct rcu_head rcu;
	struct nft_table *table;
	u64 handle;
	u32 use, flags; /* NFT_CHAIN_BASE, ... */
	u32 mark;       /* nft_validate(): epoch of the last check */
	/* nft_validate(): number of jumps on the longest path from this chain */
	u32 height;
	/* pend: NFT_NEW, NFT_DEL; policy: NF_*, and hook: NF_INET_*, of a base chain */
	u8 pend, policy, hook;
	/*
	 * nat: type is "nat"; registered: the hook function is registered; counted: has packets and
	 * bytes; visiting: nft_validate() is on a path through this chain
	 */
	bool nat, registered, counted, visiting;
	int priority; /* of a base chain */
	/* of a base chain: "filter", "nat" or "route" */
	const char *type;
	u64 packets, bytes; /* protected by nn->lock */
	struct nft_blob *udata;
	char name[NFT_NAME];
};

/* The registers of one evaluation, and its verdict. @chain: of a jump. */
struct nft_regs {
	u32 data[NFT_REGS];
	int code; /* NFT_CONTINUE, NF_*, NFT_JUMP, ... */
	struct nft_chain *chain;
};

/* A packet that is being evaluated. */
struct nft_pkt {
	struct nf_state *s;
	struct sk_buff *skb;
	struct net *net;
	/* l4: the packet has a transport header, at offset thoff */
	bool v6, l4;
	u8 proto;
	u32 thoff; /* bytes from the network header */
	/* as in struct nf_l4; not 0: a fragment other than the first */
	u32 frag_off;
	/* arguments of nf_reject(), called after nn->lock is released; reject -1: none */
	int reject, reject_code;
	struct list_head copies; /* copies to send (dup.c), if n_copies */
	u32 n_copies;
};

struct nft_ctx {
	struct nfnl_req *r;
	struct net *net;
	struct nft_net *nn;
	struct nft_table *table;
	struct nft_chain *chain; /* NULL for an expression of a set */
	/* protocol of a rule of iptables, negated if proto_not; 0: any */
	u8 proto;
	bool proto_not;
	/*
	 * the expression is not allowed in this chain; Linux detects that after parsing, so its
	 * error does not name the expression
	 */
	bool misplaced;
};

/* Adds the cost of a route lookup of @steps (struct flow) to the packet's work. */
static inline void nf_route_costs(const struct nft_pkt *p, u32 steps)
{
	p->s->work += 64 + steps;
}

struct nft_expr;
struct nft_expr_type {
	const char *name;
	/* size of nft_expr.priv, bytes */
	u32 size;
	u32 max; /* highest attribute type */
	bool stateful;
	/*
	 * Sets up priv, which is zeroed, by NFTA_EXPR_DATA. nfnl_mutex held; may sleep. Returns 0
	 * or -errno; after an error nothing remains, and destroy() is not called. NULL: nothing to
	 * set up.
	 */
	int (*init)(struct nft_ctx *c, struct nft_expr *e, nla_t *tb);
	/* Evaluates a packet. nn->lock held, so it must not sleep. */
	void (*eval)(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p);
	/* Appends the attributes of NFTA_EXPR_DATA. NULL: there are none. */
	void (*dump)(const struct nft_expr *e, struct nfb *b);
	/*
	 * deactivate() drops the references to other objects, activate() takes them again,
	 * destroy() frees what init() allocated. Packets free stateful expressions, so destroy() of
	 * these must not sleep. They may be NULL.
	 */
	void (*deactivate)(struct nft_expr *e);
	void (*activate)(struct nft_expr *e);
	void (*destroy)(struct net *net, struct nft_expr *e);
	/* Zeroes what the expression has counted. nn->lock held. May be NULL. */
	void (*reset)(struct nft_expr *e);
	/* Returns the size of priv in bytes, if it depends on the attributes. */
	u32 (*size_of)(nla_t *tb);
};
struct nft_expr {
	const struct nft_expr_type *type;
	u64 priv[];
};
#define NFT_EXPR_ATTRS 24

/* A rule: @n expressions, owned. @id: its number in the batch that makes it. */
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
/* A value or a verdict, in the form of messages. */
struct nft_data {
	u32 w[NFT_KEY_MAX / 4];
	/* bytes of the value in w */
	u32 len;
	bool is_verdict;
	struct nft_verdict v;
};

struct nft_elem {
	struct rb_node node;
	struct nft_set *set;
	u8 pend;
	/* end: `key` is the first behind an interval; catchall: matches keys without an element */
	bool end, catchall;
	bool has_key_end; /* key_end is valid */
	/* timeout: lifetime in ns; expires: ktime_get() at its end; 0: none */
	u64 timeout, expires;
	u32 n_exprs;
	struct nft_expr *exprs[2];
	struct nft_obj *obj;
	struct nft_blob *udata;
	struct nft_data *data; /* NULL: the element has no data */
	u8 key[NFT_KEY_MAX], key_end[NFT_KEY_MAX];
};

struct nft_set {
	struct list_head list;
	struct nft_table *table;
	/* timeout: ms, 0: none */
	u64 handle, timeout;
	/*
	 * id: its number in the batch that makes it; lengths: bytes; gc_interval: ms, only stored
	 */
	u32 id, use, flags, key_type, key_len, data_type, data_len, obj_type, policy, gc_interval;
	/* max: limit of elements, 0: none; nelems: their number, under nn->lock */
	u32 max, nelems;
	u64 next_gc; /* ktime_get(); nn->lock */
	/* elements that the last lookup visited without a match; nn->lock */
	u32 walked;
	u32 fields, field_len[16]; /* fields of a concatenation */
	u8 pend;
	/* a rule has used the set */
	bool bound;
	struct rb_root elems; /* by key; nn->lock */
	struct nft_elem *catchall;
	u32 n_exprs;
	struct nft_expr *exprs[2]; /* templates of the elements' expressions */
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
	/* the object: a chain for T_POLICY, T_COUNTERS and T_RENAME, a table for T_FLAGS */
	void *what;
	u64 value, value2; /* new values of an update */
	char *text;
	u32 seq; /* of the request, like flags and echo */
	u16 flags;
	bool echo; /* the requester also gets the notification */
};
/* Returns the namespace's nft_net, made at the first call; NULL: no memory. nfnl_mutex held. */
struct nft_net *nft_net(struct net *net);
/*
 * Append a step to the batch: @what was made, or with @del is deleted; or it gets new values at the
 * commit. Return 0 or -ENOMEM.
 */
int nft_log(struct nft_net *nn, enum nft_trans_type type, bool del, void *what);
int nft_log_update(struct nft_net *nn, enum nft_trans_type type, void *what, u64 value, u64 value2,
	const char *text);
/* Counts an object. Returns 0 or -ENOSPC. */
int nft_count(struct nft_net *nn);
/* Uncounts an object. */
void nft_uncount(struct nft_net *nn);
/*
 * Copies the attribute @a, at most @max bytes, to *@out, which the caller owns; NULL if @a is NULL
 * or empty. Returns 0, -EINVAL or -ENOMEM.
 */
int nft_blob_from(nla_t a, u32 max, struct nft_blob **out);
/* Appends @u as an attribute, unless it is NULL. */
static inline void nft_put_blob(struct nfb *b, u16 type, const struct nft_blob *u)
{
	if (u)
		nfb_attr(b, type, u->data, u->len);
}

/* ---- tables, chains, rules, sets, objects: requests and messages ---- */

/*
 * Serve a request: fill in c->table, and c->chain if there is one. Return 0, 1 (an answer was sent)
 * or -errno.
 */
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

/* Append a message that describes the object. @type: NFT_MSG_*. */
void nft_put_table(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_table *t);
void nft_put_chain(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_chain *c);
void nft_put_rule(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_rule *r);
void nft_put_set(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_set *s);
void nft_put_elem_msg(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_elem *e);
void nft_put_obj(struct nfb *b, const struct nfb_to *to, u8 type, const struct nft_obj *o);

/*
 * Find objects by the name in a request. The *_find functions return NULL if there is none, the
 * *_get functions an ERR_PTR.
 */
struct nft_table *nft_table_find(struct nft_net *nn, u8 family, nla_t name);
struct nft_table *nft_table_get(struct nft_ctx *c, nla_t name);
struct nft_chain *nft_chain_find(const struct nft_table *t, nla_t name);
struct nft_set *nft_set_find(const struct nft_table *t, nla_t name);
struct nft_set *nft_set_get(const struct nft_table *t, nla_t name, nla_t id);
struct nft_obj *nft_obj_find(const struct nft_table *t, nla_t name, u32 type);

/* Marks all rules of the chain as deleted. Returns 0 or -ENOMEM. */
int nft_chain_flush(struct nft_net *nn, struct nft_chain *ch);
/* Mark the rule, with its anonymous sets, and the set as deleted. Return 0 or -ENOMEM. */
int nft_rule_delete(struct nft_net *nn, struct nft_rule *r);
int nft_set_delete(struct nft_net *nn, struct nft_set *s);

/*
 * Unregisters the chain's hooks. Returns true if they were registered; packets may then still enter
 * the chain until a grace period has passed.
 */
bool nft_chain_unregister(struct net *net, struct nft_chain *ch);
/*
 * Free an object that is in no list. A chain is freed after a grace period; of the others no packet
 * may hold a pointer.
 */
void nft_table_free(struct net *net, struct nft_table *t);
void nft_chain_free(struct net *net, struct nft_chain *ch);
void nft_rule_free(struct net *net, struct nft_rule *r);
void nft_set_free(struct net *net, struct nft_set *s);
void nft_elem_free(struct net *net, struct nft_elem *e);
void nft_obj_free(struct net *net, struct nft_obj *o);
/* Drop and retake the references to other objects that a rule, set or element holds. */
void nft_rule_deactivate(struct nft_rule *r);
void nft_rule_activate(struct nft_rule *r);
void nft_set_deactivate(struct nft_set *s);
void nft_set_activate(struct nft_set *s);
void nft_elem_deactivate(struct nft_elem *e);
void nft_elem_activate(struct nft_elem *e);
/* Removes the element from its set. nn->lock held. */
void nft_elem_unlink(struct nft_elem *e);
/* Checks that jumps form no loop and are less than NFT_DEPTH deep. Returns 0 or -EMLINK. */
int nft_validate(struct nft_table *t);
/*
 * Calls @fn for each chain that @e may jump to, with @depth, until it returns nonzero. Returns that
 * value or 0.
 */
int nft_expr_jumps(const struct nft_expr *e, int (*fn)(struct nft_chain *to, u32 depth), u32 depth);

/*
 * dup.c: Makes a copy of the packet for @gateway, by device @oif (0: any), and adds it to
 * p->copies. Does nothing without memory, for a packet that is a copy itself, or after too many
 * copies. nn->lock held.
 */
void nf_dup(struct nft_pkt *p, const ip_addr *gateway, u32 oif);
/* dup.c: Sends p->copies, if n_copies is not 0, after nn->lock is released. */
void nf_send_copies(struct nft_pkt *p);
/*
 * Sends up to @snap bytes of a packet to the listener of nflog group @group, if there is one.
 * nn->lock held.
 */
void nflog_packet(const struct nft_pkt *p, u16 group, const char *prefix, u32 snap);

/* ---- sets ---- */

/* Returns the element for @key, by key, interval or catchall, or NULL. nn->lock held. */
struct nft_elem *nft_set_lookup(struct nft_set *s, const void *key);
/*
 * Find the element with exactly this key (and end): nft_elem_find() as packets see the set now,
 * nft_elem_find_next() as it will be after the batch. If none is visible so, return another element
 * with this key, or NULL.
 */
struct nft_elem *nft_elem_find(struct nft_set *s, const u8 *key, const u8 *key_end, bool end);
struct nft_elem *nft_elem_find_next(struct nft_set *s, const u8 *key, const u8 *key_end, bool end);
/*
 * Inserts an element, and frees expired intervals that are in its way. Returns 0, -EEXIST,
 * -ENOTEMPTY (it lies in an interval), -ENFILE or -EBUSY. nn->lock held.
 */
int nft_elem_insert(struct net *net, struct nft_set *s, struct nft_elem *e);
/* True if the element has expired by ktime_get(). */
static inline bool nft_elem_expired(const struct nft_elem *e)
{
	return e->expires && e->expires <= ktime_get();
}
/*
 * Makes and inserts an element for dynset. Returns NULL if the set is full, or if there is no
 * memory. nn->lock held.
 */
struct nft_elem *nft_elem_dyn(
	struct net *net, struct nft_set *s, const void *key, const u32 *data, u64 timeout);
/* True if intervals of the set end with an element marked `end`. */
bool nft_set_has_ends(const struct nft_set *s);
/* Removes and frees an element that has no pending change. nn->lock held. */
void nft_elem_end(struct net *net, struct nft_elem *e);
/*
 * Removes expired elements without a pending change, a limited number per call. After all were
 * removed, does nothing for a second, except that it removes an expired catchall. nn->lock held.
 */
void nft_set_gc(struct net *net, struct nft_set *s);

/* ---- expressions ---- */

/* Makes an expression from a message. Returns it, owned by the caller, or an ERR_PTR. */
struct nft_expr *nft_expr_new(struct nft_ctx *c, nla_t nest);
/*
 * Makes an expression for elements of sets, which must be nft_expr_type.stateful: it keeps a state,
 * refers to no object and may be copied. Returns ERR_PTR(-EOPNOTSUPP) for others.
 */
struct nft_expr *nft_stateful_new(struct nft_ctx *c, nla_t nest);
/* Frees an expression, but drops no references to other objects, which is for deactivate(). */
void nft_expr_free(struct net *net, struct nft_expr *e);
/* Appends an expression as an attribute. */
void nft_expr_put(struct nfb *b, u16 type, const struct nft_expr *e);
/* Returns the type of this name, or NULL. */
const struct nft_expr_type *nft_expr_type(nla_t name);
#define nft_priv(e) ((void *)(e)->priv)

/*
 * Read the number of a register from @a, for an expression that reads or writes @len bytes there.
 * *@reg becomes the index of the register's first word. Return 0, -EINVAL, or -ERANGE if @len is 0
 * or the bytes do not fit.
 */
int nft_reg_load(nla_t a, u8 *reg, u32 len);
int nft_reg_store(nla_t a, u8 *reg, u32 len);
/* Appends the number of the register whose first word has index @reg. */
void nft_reg_put(struct nfb *b, u16 type, u32 reg);
/*
 * Reads a value or verdict from @a into *@d. Takes a reference to a verdict's chain, which
 * nft_verdict_drop() drops. Returns 0 or -errno.
 */
int nft_data_get(struct nft_ctx *c, nla_t a, struct nft_data *d);
/* Append a value or verdict, or @len bytes of a value, as an attribute. */
void nft_data_put(struct nfb *b, u16 type, const struct nft_data *d);
void nft_value_put(struct nfb *b, u16 type, const void *value, u32 len);
/* Take and drop a reference to the chain of a verdict, if it has one. */
void nft_verdict_hold(const struct nft_verdict *v);
void nft_verdict_drop(const struct nft_verdict *v);

/*
 * Replaces @n bytes (at most NFT_KEY_MAX) at offset @at of the packet by @new, and updates the
 * checksum at offset @sum (0: none). Does nothing if there is no memory.
 */
void nf_set_bytes(struct nft_pkt *p, u32 at, const void *new, u32 n, u32 sum);
/* xt_edit.c: Returns the TCP MSS in bytes that the routes to both ends allow; 0: none. */
u32 nf_path_mss(const struct nft_pkt *p);
/* xt_edit.c: Lowers the MSS option of the packet's TCP header to @mss, if it is greater. */
void nf_lower_mss(struct nft_pkt *p, u32 mss);
/*
 * xt_head.c: Finds the first IPv6 extension header of @type, its offset in the packet and its
 * length in bytes. Returns false if it is missing or truncated.
 */
bool nf_find_ext(const struct nft_pkt *p, u8 type, u32 *off, u32 *len);

/*
 * If the range of @r is a network, sets it to the address there that has the host part of the
 * packet's source or destination (nft_expr_ct.c).
 */
struct nf_range;
void nf_netmap(const struct nft_pkt *p, struct nf_range *r, int manip);

/*
 * Returns the set of a lookup, dynset or objref expression, without a reference; NULL for other
 * expressions.
 */
struct nft_set *nft_lookup_set(const struct nft_expr *e);
/* Hook function: evaluates a base chain for a packet. Takes nn->lock. Returns NF_*. */
u32 nft_run(struct nf_state *s, void *chain);
/* Hook function of a NAT chain, for a connection's first packet (nat.c). */
u32 nft_run_nat(struct nf_state *s, void *chain);

/*
 * nft_compat.c: Reads the protocol that iptables gives for a rule, into c->proto. Returns 0 or
 * -EINVAL.
 */
int compat_proto(struct nft_ctx *c, nla_t a);

#endif
