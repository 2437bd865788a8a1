/* SPDX-License-Identifier: MIT */
/*
 * tun.h: /dev/net/tun: a device whose other side is a program, which reads what leaves by it and writes what is to come in.
 *
 *	tun.c       the file: which device it is attached to, ioctls
 *	tun_io.c    frames
 *
 * Lives: a device (struct tun) is made by TUNSETIFF, and goes with the file unless it is persistent, or with `ip link del`, or with its
 * namespace. One file is attached to a device at a time. Both are freed a grace period after they have gone.
 * Locks: link.c's mutex: who is attached to whom, and what is set. tf->lock (spin): the queue. A frame's way reads the rest without a lock.
 */
#ifndef NESTLING_NET_TUN_H
#define NESTLING_NET_TUN_H

#include <linux/if_tun.h>

#include "kernel/lib/lock.h"
#include "kernel/net/link.h"
#include "kernel/net/skb.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/timer.h"
#include "kernel/task/cred.h"
#include "kernel/vfs/vfs.h"

#define TUN_SHAPE                                                                                  \
	(IFF_TUN | IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |                                            \
		IFF_ONE_QUEUE) /* what a frame looks like to the program, and a hint */
#define TUN_VNET_MIN 10U       /* struct virtio_net_hdr */

struct tun;
struct tun_file {
	struct tun *tun; /* NULL: none */
	struct net *net; /* a reference; of who opened it */
	u32 flags;       /* TUN_SHAPE of the device that it was attached to last */
	u32 vnet_len;
	struct wait_queue_head wait;
	struct list_head async;
	spinlock_t lock;
	struct list_head queue; /* frames that nobody has read yet */
	u32 queued;
	u64 bytes;
	struct rcu_head rcu;
};

struct tun {
	struct net_device *dev;
	struct tun_file *file; /* NULL: nobody */
	u32 flags;             /* TUN_SHAPE, IFF_PERSIST */
	bool has_owner, has_group, vnet_le;
	kuid_t owner;
	kgid_t group;
	int sndbuf;
	struct rcu_head rcu;
};

/* tun_io.c */
int tun_xmit(struct net_device *dev, struct sk_buff *skb);
ssize_t tun_read(struct file *f, struct iov_iter *to, loff_t *pos);
ssize_t tun_write(struct file *f, struct iov_iter *from, loff_t *pos);
u32 tun_poll(struct file *f, struct poll_table *pt);
void tun_purge(struct tun_file *tf);

#endif
