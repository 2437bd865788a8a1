/* SPDX-License-Identifier: MIT */
/*
 * tun.h: /dev/net/tun: a device whose other side is a program, which reads the packets that the
 * device sends and writes those that it receives.
 *
 *      tun.c       the file: which device it is attached to, ioctls
 *      tun_queue.c the files of a device, which are its queues, and the queue of each flow
 *      tun_io.c    frames
 *
 * Lifetime: a device (struct tun) is made by TUNSETIFF. It is removed with its last file unless it
 * is persistent, or by `ip link del`, or with its namespace. One file is attached to a device, or
 * several with IFF_MULTI_QUEUE. A removed device and a closed file are freed a grace period later.
 * States of a file:
 *
 *      without a device -> (TUNSETIFF) attached, a queue -> (TUNSETQUEUE) disabled <-> attached
 *      attached, disabled -> (close, device removed) without a device
 *
 * Locks: link.c's mutex protects settings, and which file is attached to which device. tf->lock
 * (spin) protects the file's queue of frames. The packet path reads the rest without a lock.
 */
#ifndef NESTLING_NET_TUN_H
#define NESTLING_NET_TUN_H

#include <linux/if_tun.h>

#include "kernel/lib/lock.h"
#include "kernel/net/link/link.h"
#include "kernel/net/socket/skb.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/timer.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/lock/fasync.h"
#include "kernel/vfs/vfs.h"

/* Flags for the format of a frame; ONE_QUEUE is a hint, MULTI_QUEUE is about queues. */
#define TUN_SHAPE                                                                                  \
	(IFF_TUN | IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_ONE_QUEUE | IFF_MULTI_QUEUE |          \
		IFF_NAPI | IFF_NAPI_FRAGS)
#define TUN_VNET_MIN 10U /* struct virtio_net_hdr */
#define TUN_QUEUES 256U  /* limit of a device, disabled ones too */
#define TUN_FLOWS 512U   /* flows that a device remembers */

struct tun;
struct tun_file {
	struct tun *tun;       /* NULL: attached to no device */
	u32 index;             /* index of the queue, while attached */
	bool disabled;         /* TUNSETQUEUE has detached the queue */
	struct list_head link; /* in tun->disabled, while disabled */
	struct net *net;       /* a reference; namespace of the opener */
	/* TUN_SHAPE flags of the device that the file was attached to last */
	u32 flags;
	u32 vnet_len; /* a copy of the device's */
	bool pieces;  /* IFF_NAPI_FRAGS */
	struct wait_queue_head wait;
	struct fasync_list async;
	spinlock_t lock;
	struct list_head queue; /* frames that are not read yet */
	u32 queued;             /* frames in `queue` */
	/* sum of skb_truesize() of the frames in `queue` */
	u64 bytes;
	struct rcu_head rcu;
};

struct tun {
	struct net_device *dev;
	/* an array of 1 or TUN_QUEUES entries; the first nr are in use */
	struct tun_file **files;
	/* numbers of entries in use in `files`, and of files in `disabled` */
	u32 nr, nr_disabled;
	struct list_head disabled; /* of tun_file.link */
	/* with IFF_MULTI_QUEUE: TUN_FLOWS entries (tun_queue.c); else NULL */
	u64 *flows;
	u32 flags; /* TUN_SHAPE, IFF_PERSIST */
	/* bytes of the virtio header of a frame (TUNSETVNETHDRSZ) */
	u32 vnet_len;
	/*
	 * has_owner: only the user `owner` may attach without CAP_NET_ADMIN; has_group: only
	 * members of `group` may; vnet_le: virtio headers are little-endian
	 */
	bool has_owner, has_group, vnet_le;
	kuid_t owner;
	kgid_t group;
	int sndbuf; /* TUNSETSNDBUF, bytes */
	struct rcu_head rcu;
};

/* Allocate and free the queues of a device; setup returns 0 or -ENOMEM. */
int tun_queues_setup(struct tun *t);
void tun_queues_free(struct tun *t);
/*
 * Makes @tf, which is disabled or attached to no device, a queue of @t. link.c's mutex is held, as
 * for the next two. Returns 0, -EBUSY or -E2BIG.
 */
int tun_enter(struct tun *t, struct tun_file *tf);
/* Detaches @tf from its device. */
void tun_leave(struct tun_file *tf);
/* Serves TUNSETQUEUE. Returns 0 or -EINVAL. */
int tun_set_queue(struct tun_file *tf, u32 flags);
/*
 * Returns the file that gets @skb (the queue of its flow), or NULL. Takes no lock: the file is
 * valid for a grace period.
 */
struct tun_file *tun_queue_of(struct tun *t, const struct sk_buff *skb);
/* Records that the flow of @skb, which was written to @tf, belongs to the queue @tf. */
void tun_learn(struct tun *t, const struct tun_file *tf, const struct sk_buff *skb);

/*
 * tun_io.c: netdev_ops.xmit, and the operations of the file. Reading and writing transfer one
 * frame, and return its bytes or -errno, such as -EBADFD if the file has no device, -EIO if the
 * device of a writer is down, -EINVAL or -EMSGSIZE for a wrong frame, -EAGAIN, or -EFAULT, also if
 * the device was removed while a reader waited.
 */
int tun_xmit(struct net_device *dev, struct sk_buff *skb);
ssize_t tun_read(struct file *f, struct iov_iter *to, loff_t *pos);
ssize_t tun_write(struct file *f, struct iov_iter *from, loff_t *pos);
u32 tun_poll(struct file *f, struct poll_table *pt);
/* Frees the frames that are not read yet. Takes tf->lock. */
void tun_purge(struct tun_file *tf);

#endif
