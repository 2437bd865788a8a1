/* SPDX-License-Identifier: MIT */
/*
 * user_msg.h: messages in the guest's memory, for sending (msg.c) and receiving (msg_recv.c). The
 * structures have the layout of x86-64. Their lengths are the guest's: the code copies a header
 * once and checks the copy.
 */
#ifndef NESTLING_NET_USER_MSG_H
#define NESTLING_NET_USER_MSG_H

#include "kernel/net/socket/async.h"
#include "kernel/net/socket/msg.h"

struct user_mmsghdr {
	struct user_msghdr hdr;
	u32 len;
	u32 pad;
};
struct user_cmsghdr {
	u64 len;
	int level, type;
};
#define CMSG_ALIGN(n) (((n) + 7) & ~7UL)

/* True if the caller waits by its own means when an asynchronous call returns -EAGAIN. */
static inline bool msg_waits_later(u32 flags)
{
	return !(flags & MSG_DONTWAIT);
}

#endif
