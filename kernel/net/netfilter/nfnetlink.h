/* SPDX-License-Identifier: MIT */
/*
 * nfnetlink.h: messages of NETLINK_NETFILTER: parsing and writing of attributes, and the functions
 * of a subsystem.
 *
 * Attributes come from programs: nla_parse() takes only those that lie within the message;
 * nla_be16() and the like check that an attribute is long enough for its value. A message being
 * built (struct nfb) grows as needed. If there is no memory, the message is marked `failed`, and
 * further writes are ignored.
 * Lock: nfnl_mutex, held around each request.
 */
#ifndef NESTLING_NETFILTER_NFNETLINK_H
#define NESTLING_NETFILTER_NFNETLINK_H

#include <asm/errno.h>
#include <linux/netlink.h>
#include <linux/netfilter/nfnetlink.h>

#include "kernel/lib/string.h"
#include "kernel/net/netlink/netlink.h"

/* ---- parsing ---- */

typedef const struct nlattr *nla_t;
/* Returns the address of an attribute's value. */
static inline const void *nla_data(nla_t a)
{
	return (const u8 *)a + NLA_HDRLEN;
}
/* Returns the length of an attribute's value in bytes. */
static inline u32 nla_len(nla_t a)
{
	return a->nla_len - (u32)NLA_HDRLEN;
}
/* Returns the type of an attribute without its flags. */
static inline u16 nla_type(nla_t a)
{
	return a->nla_type & NLA_TYPE_MASK;
}
/*
 * Fills @tb, which has @max + 1 entries, with the attributes in the @len bytes at @data by their
 * type, NULL for those that are missing. They stay in @data. Stops at the first malformed
 * attribute. Returns 0.
 */
int nla_parse(nla_t *tb, u32 max, const void *data, u32 len);
static inline int nla_parse_nested(nla_t *tb, u32 max, nla_t a)
{
	return nla_parse(tb, max, nla_data(a), nla_len(a));
}
/*
 * Returns the first attribute in @len bytes at @data (@at NULL), or the one after @at; NULL: no
 * more, or it is malformed.
 */
nla_t nla_next(const void *data, u32 len, nla_t at);
#define nla_for_each(a, list)                                                                      \
	for (a = nla_next(nla_data(list), nla_len(list), NULL); a;                                 \
		a = nla_next(nla_data(list), nla_len(list), a))
/* Read numbers in network byte order. Return 0, or -EINVAL if @a is NULL or too short. */
int nla_be16(nla_t a, u16 *v);
int nla_be32(nla_t a, u32 *v);
int nla_be64(nla_t a, u64 *v);
int nla_u8(nla_t a, u8 *v);
/* Reads a number that may be missing; then *@v stays unchanged. Returns 0 or -EINVAL. */
int nla_opt32(nla_t a, u32 *v);
/*
 * Copies text with its terminating 0 to @to. Returns 0, -EINVAL if the text is missing or empty, or
 * -ERANGE if it needs more than @size bytes.
 */
int nla_text(nla_t a, char *to, u32 size);
/* True if @a is not NULL and its text is @text. */
bool nla_is(nla_t a, const char *text);

/* ---- writing ---- */

/* Messages that are being built. All 0: empty. nfb_free() frees the buffer. */
struct nfb {
	u8 *buf;
	u32 len, cap; /* bytes used, and bytes of buf */
	u32 msg;      /* offset of the message being built */
	bool failed;
};
/* Port and sequence number of a request, for its answer or notification. */
struct nfb_to {
	u32 portid, seq;
	u16 flags;
};
/* Begins a message. @type includes the subsystem. @res_id is in host byte order. */
void nfb_begin(struct nfb *b, const struct nfb_to *to, u16 type, u8 family, u16 res_id);
/* Appends an attribute with a copy of the value. */
void nfb_attr(struct nfb *b, u16 type, const void *data, u32 n);
/* Appends bytes without an attribute header, padded to the alignment of attributes. */
void nfb_raw(struct nfb *b, const void *data, u32 n);
/* Append a number, which nfb_be*() write in network byte order, or text with its terminating 0. */
void nfb_u8(struct nfb *b, u16 type, u8 v);
void nfb_be16(struct nfb *b, u16 type, u16 v);
void nfb_be32(struct nfb *b, u16 type, u32 v);
void nfb_be64(struct nfb *b, u16 type, u64 v);
void nfb_text(struct nfb *b, u16 type, const char *s);
/* Begin and end a nest of attributes. @at: the position that nfb_nest() has returned. */
u32 nfb_nest(struct nfb *b, u16 type);
void nfb_nest_end(struct nfb *b, u32 at);
/* Ends the message: sets its length. */
void nfb_end(struct nfb *b);
/* Frees the messages; @b is empty then. */
void nfb_free(struct nfb *b);

/* ---- handling requests ---- */

struct nfnl_req {
	struct nl_sock *n;
	struct net *net;
	const struct nlmsghdr *h;
	u8 type, family; /* type without the subsystem */
	u16 res_id;
	const void *attrs; /* the attributes */
	u32 len;           /* bytes at attrs */
	nla_t bad;         /* the attribute at fault, or NULL */
	const char *why;   /* text about the error, or NULL */
};
static inline struct nfb_to nfnl_to(const struct nfnl_req *r)
{
	return (struct nfb_to){ r->n->portid, r->h->nlmsg_seq, 0 };
}
/*
 * Sends the message in @b and frees @b. Returns 1 (an answer was sent), 0 (the requester also wants
 * an acknowledgement) or -errno.
 */
int nfnl_answer(struct nfnl_req *r, struct nfb *b);
/*
 * Sends one of several messages of a dump. May sleep. Returns 0 or -errno. @b is empty then: it can
 * be reused, but keeps its buffer until nfb_free().
 */
int nfnl_dump(struct nfnl_req *r, struct nfb *b);
/* Ends a dump. Returns 1 or -errno. */
int nfnl_done(struct nfnl_req *r);
/*
 * Sends a message to listeners of @group, and to @echo, the requester if its request asked for a
 * copy (else NULL). If the message has failed, the listeners get ENOBUFS. Frees the data of @b.
 */
void nfnl_notify(struct net *net, u32 group, struct nfb *b, struct nl_sock *echo);
/* Records @a as the attribute that caused @err, and returns @err. */
static inline int nfnl_bad(struct nfnl_req *r, nla_t a, int err)
{
	r->bad = a;
	return err;
}

/*
 * Handle a message of a subsystem. nfnl_mutex held; may sleep. Return 0, 1 (an answer was sent) or
 * -errno.
 */
int nft_serve(struct nfnl_req *r);
int ctnl_serve(struct nfnl_req *r);
int compat_serve(struct nfnl_req *r);
int nflog_serve(struct nfnl_req *r);
/* Ends the nflog groups of a socket that is being closed. */
void nflog_sock_end(struct nl_sock *n);
/* ---- batches; nfnl_mutex held, may sleep ---- */
/* Handles a message of a batch. Returns 0 or -errno. */
int nft_batch_one(struct nfnl_req *r);
/*
 * Begins a batch. Returns 0, -ENOMEM, or -ERESTART if @genid is neither 0 nor the present
 * generation.
 */
int nft_batch_begin(struct net *net, u32 genid);
/*
 * Commits the batch of socket @n that began with the message @begin, and notifies listeners.
 * Returns 0, or -errno after it has aborted the batch.
 */
int nft_commit(struct net *net, struct nl_sock *n, const struct nlmsghdr *begin);
/* Undoes the steps of the batch. */
void nft_abort(struct net *net);

#endif
