/* SPDX-License-Identifier: MIT */
/*
 * opt_table.h: socket options whose value is one number, as rows of a table.
 *
 * Each level (SOL_SOCKET, SOL_IP, SOL_IPV6, SOL_UDP, SOL_TCP, SOL_PACKET) has one table of struct
 * sock_opt. A row names the option, the field that keeps its value, the values it takes, the right
 * needed to set it, and functions for values that are more than a field.
 *
 * Call sequence, of setsockopt:
 *      o = opt_find(table, ARRAY_SIZE(table), opt)        NULL: the level has no such option
 *      opt_may_set(o, sk)  false: the option is not for such a socket, or is read only
 *      o->take, or the level reads the number and each level has its own rules for short values
 *      opt_set(o, sk, n)  right, range, o->may, o->set or the field, o->changed
 * and of getsockopt:
 *      opt_get(o, sk, &n)  o->get or the field
 *
 * Locks: none are taken here; the level holds the lock of its fields.
 */
#ifndef NESTLING_NET_SOCKET_OPT_TABLE_H
#define NESTLING_NET_SOCKET_OPT_TABLE_H

#include "kernel/lib/types.h"

struct sock_common;

enum opt_type { OPT_NO_FIELD, OPT_BOOL, OPT_U8, OPT_U16, OPT_U32, OPT_INT };

/* The right that setsockopt needs. */
enum opt_right {
	OPT_ANYBODY,
	/* CAP_NET_ADMIN or CAP_NET_RAW over the socket's namespace */
	OPT_NET_RAW,
	OPT_HOST_ADMIN, /* CAP_NET_ADMIN over the whole machine */
};

/* Kinds of sockets, as bits of sock_opt.kinds and sock_opt.set_kinds. */
/* this flag and the next two are for AF_INET and AF_INET6 */
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
	/* offset of the field in the family's socket */
	u16 at;
	u16 arg; /* free for the row's functions */
	/* type of the field, OPT_NO_FIELD: the functions do it all */
	u8 type;
	/* enum opt_right: needed to set another value than 0 */
	u8 right;
	/* KIND_*: sockets that have the option, 0: all */
	u8 kinds;
	/* KIND_*: sockets that can set it, 0: all that have it */
	u8 set_kinds;
	u8 flags;
	int least, most; /* values taken, both 0: all */
	/* Returns 0, or the error for a value in range that this socket does not take now. */
	int (*may)(void *sk, const struct sock_opt *o, int n);
	/* Sets the option, instead of storing @n in the field. Returns 0 or -errno. */
	int (*set)(void *sk, const struct sock_opt *o, int n);
	/* Acts on the new value, after the field has it. Returns 0 or -errno. */
	int (*changed)(void *sk, const struct sock_opt *o, int n);
	/* Reads the option, instead of the field. Returns 0 or -errno. */
	int (*get)(void *sk, const struct sock_opt *o, int *n);
	/* Sets an option whose value is not one number, from program memory. */
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

/* Returns the row of @opt among @nr, or NULL. */
const struct sock_opt *opt_find(const struct sock_opt *table, u32 nr, int opt);
/* Returns the kind of @sk, a KIND_*. */
u8 opt_kind(const struct sock_common *sk);
/* True if sockets like @sk have the option. */
static inline bool opt_has(const struct sock_opt *o, const struct sock_common *sk)
{
	return !o->kinds || o->kinds & opt_kind(sk);
}
/* True if setsockopt of @o on @sk may read the value. @o NULL: false. */
bool opt_may_set(const struct sock_opt *o, const struct sock_common *sk);
/* Sets @o of @sk to @n: 0, -EPERM, -EINVAL, or what the row's functions return. */
int opt_set(const struct sock_opt *o, struct sock_common *sk, int n);
/* Stores @n in the field, for o->set. */
void opt_store(const struct sock_opt *o, void *sk, int n);
/* Reads @o (NULL: -ENOPROTOOPT) of @sk into *@n: 0, -ENOPROTOOPT, or what o->get returns. */
int opt_get(const struct sock_opt *o, struct sock_common *sk, int *n);

/*
 * Functions that more than one table uses: opt_get_zero() is for an option that always reads 0;
 * opt_ignore() is for options whose value has no effect.
 */
int opt_get_zero(void *sk, const struct sock_opt *o, int *n);
int opt_ignore(void *sk, const struct sock_opt *o, int n);

#endif
