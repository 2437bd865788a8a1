/* SPDX-License-Identifier: MIT */
/*
 * userfault.h: faults that a guest program handles itself: the interface of mm for the descriptor
 * (kernel/event/userfaultfd.c).
 */
#ifndef NESTLING_MM_USERFAULT_H
#define NESTLING_MM_USERFAULT_H

#include <linux/userfaultfd.h>

#include "kernel/mm/mm.h"

/* Constants newer than Linux 6.1, whose headers may be the only ones installed. */
#ifndef _UFFDIO_POISON
#define _UFFDIO_POISON 0x08
#define UFFD_FEATURE_POISON (1 << 14)
struct uffdio_poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};
#define UFFDIO_POISON _IOWR(UFFDIO, _UFFDIO_POISON, struct uffdio_poison)
#define UFFDIO_POISON_MODE_DONTWAKE 1UL
#endif
#ifndef _UFFDIO_MOVE
#define _UFFDIO_MOVE 0x05
#define UFFD_FEATURE_MOVE (1 << 16)
struct uffdio_move {
	__u64 dst, src, len;
	__u64 mode;
	__s64 move;
};
#define UFFDIO_MOVE _IOWR(UFFDIO, _UFFDIO_MOVE, struct uffdio_move)
#define UFFDIO_MOVE_MODE_DONTWAKE 1UL
#define UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES 2UL
#endif
#ifndef UFFDIO_CONTINUE_MODE_WP
#define UFFDIO_CONTINUE_MODE_WP 2UL
#endif
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12)
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif
#define UFFD_RANGE_IOCTLS                                                                          \
	(UFFD_API_RANGE_IOCTLS | (u64)1 << _UFFDIO_POISON | (u64)1 << _UFFDIO_MOVE)

struct uffd_event;

/* A userfaultfd descriptor. readers.lock protects the lists, features and released. */
struct uffd {
	atomic_t refs;
	/* The mm whose faults it handles, kept by mmgrab(); immutable. */
	struct mm *mm;
	bool user_only; /* UFFD_USER_MODE_ONLY; immutable */
	bool ready;     /* true after UFFDIO_API */
	bool released;  /* true after uffd_release() */
	/* O_CLOEXEC, O_NONBLOCK: used for the descriptor of a forked child too */
	u32 file_flags;
	u64 features; /* UFFD_FEATURE_* */
	/* Number of events that were noted and not read yet: until then no page is filled. */
	atomic_t changing;
	/* readers of the descriptor; its lock protects the lists below */
	struct wait_queue_head readers;
	struct list_head pending; /* unread messages: userfault_waiter.list */
	struct list_head read;    /* waiters whose message was read */
	struct list_head events;  /* unread events other than faults */
	/* tasks that wait until their event was read */
	struct wait_queue_head senders;
};

/*
 * vm.unprivileged_userfaultfd: if set, faults of kernel code are handled without CAP_SYS_PTRACE
 * too.
 */
extern int sysctl_unprivileged_userfaultfd;
/*
 * Makes a descriptor's state with one reference, without areas. @mm: only mmgrab()bed. @file_flags:
 * O_CLOEXEC, O_NONBLOCK. May sleep. NULL: no memory. uffd_put() drops a reference.
 */
struct uffd *uffd_alloc(struct mm *mm, bool user_only, u32 file_flags);
void uffd_put(struct uffd *u);
/*
 * Ends the use of a closed descriptor: its areas are no longer watched, and its waiters try their
 * faults again. Takes mmap_lock. Drops a reference.
 */
void uffd_release(struct uffd *u);

/*
 * Takes the next message of a fault, and stores it in *msg; the fault's waiter still waits. Returns
 * false if there is no message. Does not sleep.
 */
bool uffd_take_message(struct uffd *u, struct uffd_msg *msg);
/* Counts the waiters whose message is unread (*pending), and all waiters (*total). */
void uffd_counts(struct uffd *u, u64 *pending, u64 *total);
/* True if a fault or an event is unread. A hint, read without a lock. */
static inline bool uffd_has_message(const struct uffd *u)
{
	return !list_empty(&u->pending) || !list_empty(&u->events);
}

/*
 * Takes the next event other than a fault. NULL: there is none. *child: the struct uffd of a forked
 * child, or NULL. The reader makes a descriptor of *child, if any, and calls uffd_event_read(),
 * which leaves *child to that descriptor, or uffd_event_back() if this failed. uffd_event_back()
 * may sleep: it releases *child if the sender waits no more. The others do not sleep.
 */
struct uffd_event *uffd_take_event(struct uffd *u, struct uffd_msg *msg, struct uffd **child);
void uffd_event_read(struct uffd_event *e);
void uffd_event_back(struct uffd_event *e);

/*
 * Checks a range: 0, or -EINVAL (not page-aligned, empty, or outside of the addresses of a guest).
 */
int uffd_check_range(u64 start, u64 len);
/* Lets the waiters of faults in [start, end) try again. Does not sleep. */
void uffd_wake_range(struct uffd *u, u64 start, u64 end);
/*
 * Write-protects the pages of an area, or removes the protection, under mmap_lock. PROTECT_EMPTY
 * protects missing entries only. The caller calls pmap_settle() before it drops the lock, since
 * host mappings may still have the old rights. May sleep. Returns 0, -ENOMEM (no tables for missing
 * entries) or -EINTR.
 */
enum uffd_protect { PROTECT_OFF, PROTECT_ON, PROTECT_EMPTY };
int uffd_protect_entries(struct vm_area *v, u64 start, u64 end, enum uffd_protect how);
/*
 * True if the area has UFFD_FEATURE_WP_ASYNC and is watched for writes, so PAGEMAP_SCAN may
 * write-protect its pages. Under mmap_lock.
 */
bool uffd_is_async(const struct vm_area *v);
/*
 * Serve the ioctls of these names, and check their ranges, in bytes. They take mmap_lock, except
 * uffd_wake(). Return 0 or -errno. If the mm has ended: -ENOMEM from uffd_register() and
 * uffd_unregister(), -ESRCH from uffd_writeprotect(). *ioctls: those that the range allows.
 */
int uffd_register(struct uffd *u, u64 start, u64 len, u64 mode, u64 *ioctls);
int uffd_unregister(struct uffd *u, u64 start, u64 len);
int uffd_wake(struct uffd *u, u64 start, u64 len);
int uffd_writeprotect(struct uffd *u, u64 start, u64 len, bool on);
/*
 * Serve the ioctls that fill pages. They take mmap_lock. Return the number of bytes that were
 * filled, or -errno if that is 0; -ESRCH: the mm has ended. @zero: with zeros instead of @src; @wp:
 * write-protected; @wake: wakes the waiters; @holes: missing source pages count as moved. The
 * caller of uffd_move() has checked the ranges and is a task of the mm.
 */
s64 uffd_copy(struct uffd *u, u64 dst, uaddr_t src, u64 len, bool zero, bool wp, bool wake);
s64 uffd_continue(struct uffd *u, u64 start, u64 len, bool wp, bool wake);
s64 uffd_poison(struct uffd *u, u64 start, u64 len, bool wake);
s64 uffd_move(struct uffd *u, u64 dst, u64 src, u64 len, bool holes, bool wake);

#endif
