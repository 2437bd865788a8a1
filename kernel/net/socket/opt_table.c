/* SPDX-License-Identifier: MIT */
/* opt_table.c: finds, sets and reads socket options that are rows of a table (opt_table.h). */
#include <asm/errno.h>

#include "kernel/net/socket/socket.h"
#include "kernel/net/socket/opt_table.h"
#include "kernel/ident/cred.h"

const struct sock_opt *opt_find(const struct sock_opt *table, u32 nr, int opt)
{
	for (const struct sock_opt *o = table; o < table + nr; o++)
		if (o->opt == opt)
			return o;
	return NULL;
}

u8 opt_kind(const struct sock_common *sk)
{
	switch (sk->family) {
	case AF_UNIX: return KIND_UNIX;
	case AF_NETLINK: return KIND_NETLINK;
	case AF_INET:
	case AF_INET6:
		return sk->type == SOCK_STREAM ? KIND_STREAM :
		       sk->type == SOCK_DGRAM  ? KIND_DGRAM :
						 KIND_RAW;
	}
	return KIND_OTHER;
}

bool opt_may_set(const struct sock_opt *o, const struct sock_common *sk)
{
	if (!o || o->flags & OPT_READ_ONLY || (!o->type && !o->set && !o->take))
		return false;
	return opt_has(o, sk) && (!o->set_kinds || o->set_kinds & opt_kind(sk));
}

static bool has_right(const struct sock_opt *o, const struct sock_common *sk, int n)
{
	if (o->right == OPT_ANYBODY || (!n && !(o->flags & OPT_RIGHT_ALWAYS)))
		return true;
	if (o->right == OPT_HOST_ADMIN)
		return capable(CAP_NET_ADMIN);
	return net_capable(sk->net, CAP_NET_ADMIN) || net_capable(sk->net, CAP_NET_RAW);
}

void opt_store(const struct sock_opt *o, void *sk, int n)
{
	void *field = (u8 *)sk + o->at;

	switch (o->type) {
	case OPT_BOOL: WRITE_ONCE(*(bool *)field, n != 0); break;
	case OPT_U8: WRITE_ONCE(*(u8 *)field, (u8)n); break;
	case OPT_U16: WRITE_ONCE(*(u16 *)field, (u16)n); break;
	case OPT_U32: WRITE_ONCE(*(u32 *)field, (u32)n); break;
	case OPT_INT: WRITE_ONCE(*(int *)field, n); break;
	}
}

int opt_set(const struct sock_opt *o, struct sock_common *sk, int n)
{
	int err;

	if (!has_right(o, sk, n))
		return -EPERM;
	if ((o->least || o->most) && (n < o->least || n > o->most))
		return -EINVAL;
	err = o->may ? o->may(sk, o, n) : 0;
	if (err)
		return err;
	if (o->set)
		return o->set(sk, o, n);
	opt_store(o, sk, n);
	return o->changed ? o->changed(sk, o, n) : 0;
}

int opt_get(const struct sock_opt *o, struct sock_common *sk, int *n)
{
	const void *field;

	if (!o || !opt_has(o, sk))
		return -ENOPROTOOPT;
	if (o->get)
		return o->get(sk, o, n);
	field = (const u8 *)sk + o->at;
	switch (o->type) {
	case OPT_BOOL: *n = READ_ONCE(*(const bool *)field); return 0;
	case OPT_U8: *n = READ_ONCE(*(const u8 *)field); return 0;
	case OPT_U16: *n = READ_ONCE(*(const u16 *)field); return 0;
	case OPT_U32: *n = (int)READ_ONCE(*(const u32 *)field); return 0;
	case OPT_INT: *n = READ_ONCE(*(const int *)field); return 0;
	}
	return -ENOPROTOOPT;
}

int opt_get_zero(void *sk, const struct sock_opt *o, int *n)
{
	*n = 0;
	return 0;
}

int opt_ignore(void *sk, const struct sock_opt *o, int n)
{
	return 0;
}
