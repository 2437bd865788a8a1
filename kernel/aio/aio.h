/* SPDX-License-Identifier: MIT */
/* aio.h: contexts and requests of asynchronous I/O, shared by context.c and submit.c only. */
#ifndef NESTLING_AIO_H
#define NESTLING_AIO_H

#include <linux/aio_abi.h>
#include <linux/errno.h>

#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "gen/syscalls.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/async_poll.h"
#include "kernel/vfs/vfs.h"

/* The head of the ring, which is mapped in the guest: libaio reads events without a system call. */
struct aio_ring {
	u32 id;
	u32 nr; /* events that the ring holds */
	/* Index of the oldest event; written by the guest, and by io_getevents(). */
	u32 head;
	/* Index at which the kernel writes the next event. */
	u32 tail;
	u32 magic; /* AIO_RING_MAGIC */
	u32 compat_features, incompat_features;
	u32 header_length; /* in bytes */
};
_Static_assert(sizeof(struct aio_ring) == 32, "struct aio_ring is ABI");
#define AIO_RING_MAGIC 0xa10a10a1

struct aio_context {
	atomic_t refs;
	struct list_head link; /* in mm->aio_contexts, under aio_lock */
	u64 id;                /* address of the ring, under aio_lock */
	u32 max_reqs;          /* as requested; immutable */
	u32 nr;                /* number of events in the ring; immutable */
	u64 size;              /* bytes of the mapping; immutable */
	struct page **pages;   /* pages of the ring; immutable */
	u32 nr_pages;
	struct mutex reap; /* held while head changes */
	spinlock_t lock;   /* for the members below */
	/* The kernel's own tail, since the guest can overwrite the ring's. */
	u32 tail;
	u32 inflight; /* reserved events: aio_reserve() */
	/* Number of events at which sleeping tasks are woken up; 0: no task sleeps. */
	u32 wanted;
	bool dead;
	/* Poll requests that wait for a file's events, linked by aio_request.link. */
	struct list_head requests;
	struct wait_queue_head wait;
};

/* A waiting poll request. The list and the worker have a reference each. */
struct aio_request {
	atomic_t refs;
	struct aio_context *ctx;     /* holds a reference */
	struct list_head link;       /* in ctx->requests, under ctx->lock */
	uaddr_t user;                /* address of the guest's struct iocb */
	u64 data;                    /* iocb.aio_data */
	struct file *file, *eventfd; /* hold references; eventfd may be NULL */
	struct async_poll poll;
};

/* The functions take the locks themselves; only the puts may sleep. */
/* Returns current's context with that id, with a reference, or NULL. */
struct aio_context *aio_find(u64 id);
void aio_context_put(struct aio_context *c);
/*
 * Reserves room for one more event. Returns 0, -EAGAIN if the ring is full, or -EINVAL if the
 * context is being destroyed. aio_unreserve() or aio_complete() ends the reservation.
 */
int aio_reserve(struct aio_context *c);
void aio_unreserve(struct aio_context *c);
/*
 * Writes a reserved event to the ring and wakes up tasks that wait for it. @user: address of the
 * guest's iocb; @res: bytes or -errno; @eventfd: borrowed, signalled, or NULL.
 */
void aio_complete(struct aio_context *c, uaddr_t user, u64 data, s64 res, struct file *eventfd);
void aio_request_put(struct aio_request *r);

#endif
