/* SPDX-License-Identifier: MIT */
/*
 * opt_table.h: socket options whose value is one number, as rows of a table.
 *
 * Each level (SOL_SOCKET, SOL_IP, SOL_IPV6, SOL_UDP, SOL_TCP, SOL_PACKET) has one table of struct
 * sock_opt. A row has the number of the option, the field that keeps its value, the range of its
 * values, the right needed to set it, and functions for options that are not just a field.
 *
 * Call sequence of setsockopt:
 *      o = opt_find(table, ARRAY_SIZE(table), opt)        NULL: the level has no such option
 *      opt_may_set(o, sk)  false: this kind of socket does not have the option, or it is read only
 *      o->take, or the level reads the number, by its own rules for short values
 *      opt_set(o, sk, n)  checks the right, the range and o->may; then o->set or the field;
 *                         then o->changed
 * and of getsockopt:
 *      opt_get(o, sk, &n)  o->get or the field
 *
 * Locks: none are taken by opt_table.c. The level holds the lock of its fields; SOL_SOCKET has
 * none, since each field is one word.
 */
#ifndef NESTLING_NET_SOCKET_OPT_TABLE_H
#define NESTLING_NET_SOCKET_OPT_TABLE_H

#include "kernel/lib/types.h"

struct sock_common;

enum opt_type { OPT_NO_FIELD, OPT_BOOL, OPT_U8, OPT_U16, OPT_U32, OPT_INT };

/* The right that is needed to set an option. */
enum opt_right {
	OPT_ANYBODY,
	/* CAP_NET_ADMIN or CAP_NET_RAW over the socket's namespace */
	OPT_NET_RAW,
	OPT_HOST_ADMIN, /* CAP_NET_ADMIN over the whole machine */
};

/* Kinds of sockets, as bits of sock_opt.kinds and sock_opt.set_kinds. */
/* AF_INET and AF_INET6 only: KIND_STREAM, KIND_DGRAM and KIND_RAW */
#define KIND_STREAM 1
#define KIND_DGRAM 2
#define KIND_RAW 4
#define KIND_UNIX 8
#define KIND_NETLINK 16
#define KIND_OTHER 32
#define KIND_INET (KIND_STREAM | KIND_DGRAM | KIND_RAW)

/* sock_opt.flags */
#define OPT_READ_ONLY 1
#define OPT_EMPTY_IS_0 2    /* a value of no bytes means 0 */
#define OPT_SHORT_IS_0 4    /* a value shorter than an int means 0 */
#define OPT_EXACT 8         /* a value longer than an int is refused */
#define OPT_RIGHT_ALWAYS 16 /* the right is needed to set 0, too */
/* take() checks the length; the level does not */
#define OPT_OWN_LENGTH 32

struct sock_opt {
	int opt; /* the option's number in its level */
	/* offset of the field in the family's socket structure */
	u16 at;
	u16 arg; /* for use by the row's functions */
	/* type of the field; OPT_NO_FIELD: the option has functions instead */
	u8 type;
	/* enum opt_right: the right needed to set a value other than 0 */
	u8 right;
	/* KIND_*: kinds of sockets that have the option, 0: all */
	u8 kinds;
	/* KIND_*: kinds of sockets on which it can be set, 0: all that have it */
	u8 set_kinds;
	u8 flags;
	int least, most; /* range of values; both 0: any */
	/* Returns 0, or the error if this socket does not accept the value, which is in range. */
	int (*may)(void *sk, const struct sock_opt *o, int n);
	/* Sets the option, instead of storing @n in the field. Returns 0 or -errno. */
	int (*set)(void *sk, const struct sock_opt *o, int n);
	/* Called after the new value was stored in the field. Returns 0 or -errno. */
	int (*changed)(void *sk, const struct sock_opt *o, int n);
	/* Reads the option, instead of the field. Returns 0 or -errno. */
	int (*get)(void *sk, const struct sock_opt *o, int *n);
	/*
	 * Sets an option whose value is not one number; reads the value from program memory. May
	 * sleep. Returns 0 or -errno.
	 */
	int (*take)(void *sk, const struct sock_opt *o, uaddr_t val, u32 len);
};

/* Initializers of a row. */
#define OPT_FIELD(type_, field)                                                                    \
	.at = (u16)offsetof(type_, field), .type = _Generic(((type_ *)0)->field, bool              \
							    : OPT_BOOL, u8                         \
							    : OPT_U8, u16                          \
							    : OPT_U16, u32                         \
							    : OPT_U32, int                         \
							    : OPT_INT)
#define OPT_RANGE(from, to) .least = (from), .most = (to)
#define OPT_SWITCH OPT_RANGE(0, 1)

/* Returns the row of option @opt among @nr rows, or NULL. */
const struct sock_opt *opt_find(const struct sock_opt *table, u32 nr, int opt);
/* Returns the kind of @sk, a KIND_*. */
u8 opt_kind(const struct sock_common *sk);
/* True if sockets like @sk have the option. */
static inline bool opt_has(const struct sock_opt *o, const struct sock_common *sk)
{
	return !o->kinds || o->kinds & opt_kind(sk);
}
/* True if @o can be set on @sk, so that setsockopt may read the value. False if @o is NULL. */
bool opt_may_set(const struct sock_opt *o, const struct sock_common *sk);
/* Sets @o of @sk to @n. Returns 0, -EPERM, -EINVAL, or an error of the row's functions. */
int opt_set(const struct sock_opt *o, struct sock_common *sk, int n);
/* Stores @n in the field, without a check; for use by o->set. */
void opt_store(const struct sock_opt *o, void *sk, int n);
/* Reads @o of @sk into *@n. Returns 0, -ENOPROTOOPT (also if @o is NULL), or an error of o->get. */
int opt_get(const struct sock_opt *o, struct sock_common *sk, int *n);

/*
 * For several tables: opt_get_zero() reads an option that is always 0; opt_ignore() sets an option
 * that has no effect. Both return 0.
 */
int opt_get_zero(void *sk, const struct sock_opt *o, int *n);
int opt_ignore(void *sk, const struct sock_opt *o, int n);

#endif
