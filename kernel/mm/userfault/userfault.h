/* SPDX-License-Identifier: MIT */
/*
 * userfault.h: faults that a guest program handles itself: mm's interface for the descriptor
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

/* A descriptor. Under readers.lock: the lists, features, released. */
struct uffd {
	atomic_t refs;
	/*
	 * the mm whose faults it handles; only its struct is kept (mmgrab). Immutable, as is
	 * user_only
	 */
	struct mm *mm;
	bool user_only;
	bool ready; /* UFFDIO_API was called */
	bool released;
	/* O_CLOEXEC, O_NONBLOCK: a child's descriptor has them too */
	u32 file_flags;
	u64 features;
	/* events under way; while there are any, no page is filled */
	atomic_t changing;
	struct wait_queue_head readers;
	struct list_head pending; /* of userfault_waiter.list: not read yet */
	struct list_head read;    /* read, not yet woken */
	struct list_head events;  /* userfault_event.c */
	struct wait_queue_head senders;
};

/* vm.unprivileged_userfaultfd: kernel faults without CAP_SYS_PTRACE */
extern int sysctl_unprivileged_userfaultfd;
struct uffd *uffd_alloc(struct mm *mm, bool user_only, u32 file_flags);
void uffd_put(struct uffd *u);
/* Ends a closed descriptor: areas are unwatched, and waiters look again. */
void uffd_release(struct uffd *u);

/* Takes the next message; false: there is none. */
bool uffd_take_message(struct uffd *u, struct uffd_msg *msg);
void uffd_counts(struct uffd *u, u64 *pending, u64 *total);
static inline bool uffd_has_message(const struct uffd *u)
{
	return !list_empty(&u->pending) || !list_empty(&u->events);
}

/*
 * Takes the next event that is not a fault, or NULL. Its reader calls uffd_event_read() when
 * *@child (NULL but for a fork) has a descriptor, or else uffd_event_back().
 */
struct uffd_event *uffd_take_event(struct uffd *u, struct uffd_msg *msg, struct uffd **child);
void uffd_event_read(struct uffd_event *e);
void uffd_event_back(struct uffd_event *e);

/* Checks a range: 0, or -EINVAL (not page-aligned, empty, or outside of what a guest can map). */
int uffd_check_range(u64 start, u64 len);
void uffd_wake_range(struct uffd *u, u64 start, u64 end);
/*
 * Protects the pages of an area, or removes the protection, under mmap_lock. pmap_settle() must
 * follow before the lock is dropped, since the space may not have the change yet. PROTECT_EMPTY:
 * existing entries stay. -ENOMEM: no memory for tables of missing entries.
 */
enum uffd_protect { PROTECT_OFF, PROTECT_ON, PROTECT_EMPTY };
int uffd_protect_entries(struct vm_area *v, u64 start, u64 end, enum uffd_protect how);
/* True if PAGEMAP_SCAN may protect the area's pages. */
bool uffd_is_async(const struct vm_area *v);
/*
 * Serve the ioctls of these names: 0 or -errno as these have; -ESRCH: the mm is gone. They check
 * ranges.
 */
int uffd_register(struct uffd *u, u64 start, u64 len, u64 mode, u64 *ioctls);
int uffd_unregister(struct uffd *u, u64 start, u64 len);
int uffd_wake(struct uffd *u, u64 start, u64 len);
int uffd_writeprotect(struct uffd *u, u64 start, u64 len, bool on);
/*
 * Fill pages, and return the bytes that were filled, or -errno if none were. @src NULL: zeros; @wp:
 * write-protected; @wake: they wake waiters.
 */
s64 uffd_copy(struct uffd *u, u64 dst, uaddr_t src, u64 len, bool zero, bool wp, bool wake);
s64 uffd_continue(struct uffd *u, u64 start, u64 len, bool wp, bool wake);
s64 uffd_poison(struct uffd *u, u64 start, u64 len, bool wake);
s64 uffd_move(struct uffd *u, u64 dst, u64 src, u64 len, bool holes, bool wake);

#endif
