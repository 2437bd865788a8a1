/* SPDX-License-Identifier: MIT */
/*
 * netlink_error.c: acknowledgements and errors of netlink, with the extended acknowledgement behind
 * the quoted request (NETLINK_EXT_ACK, NETLINK_CAP_ACK).
 */
#include <asm/errno.h>

#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/netlink/netlink.h"

/* Writes an attribute to zeroed memory at @at. Returns the address behind it. */
static u8 *put(u8 *at, u16 type, const void *data, u32 n)
{
	struct rtattr *a = (void *)at;

	a->rta_type = type;
	a->rta_len = (u16)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), data, n);
	return at + RTA_SPACE(n);
}

int nl_error(struct nl_sock *n, const struct nlmsghdr *req, int err, const char *why, u32 offset)
{
	bool capped = !err || n->options & 1U << NETLINK_CAP_ACK;
	bool more = n->options & 1U << NETLINK_EXT_ACK && (why || offset);
	u32 quoted = capped ? (u32)sizeof(*req) : req->nlmsg_len;
	u32 fixed = NLMSG_SPACE(sizeof(int) + quoted), text = why ? (u32)strlen(why) + 1 : 0;
	struct nlmsghdr *h = kzalloc(fixed + RTA_SPACE(text) + RTA_SPACE(sizeof(u32)), GFP_KERNEL);
	struct nlmsgerr *e;
	u8 *end = (u8 *)h + fixed;
	int r;

	if (!h)
		return -ENOMEM;
	*h = (struct nlmsghdr){ .nlmsg_type = NLMSG_ERROR,
		.nlmsg_flags = (u16)((capped ? NLM_F_CAPPED : 0) | (more ? NLM_F_ACK_TLVS : 0)),
		.nlmsg_seq = req->nlmsg_seq,
		.nlmsg_pid = n->portid };
	e = NLMSG_DATA(h);
	e->error = err;
	memcpy(&e->msg, req, quoted);
	if (more && why)
		end = put(end, NLMSGERR_ATTR_MSG, why, text);
	if (more && offset)
		end = put(end, NLMSGERR_ATTR_OFFS, &offset, sizeof(offset));
	h->nlmsg_len = (u32)(end - (u8 *)h);
	r = nl_queue_bytes(n, h, h->nlmsg_len, false);
	kfree(h);
	return r;
}
