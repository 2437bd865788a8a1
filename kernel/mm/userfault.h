/* SPDX-License-Identifier: MIT */
/*
 * userfault.h: faults that a guest program handles itself: what the descriptor (kernel/ipc/userfaultfd.c) asks of mm.
 */
#ifndef NESTLING_MM_USERFAULT_H
#define NESTLING_MM_USERFAULT_H

#include <linux/userfaultfd.h>

#include "kernel/mm/mm.h"

/* One descriptor. Under readers.lock: the lists, features, released. */
struct uffd {
	atomic_t refs;
	struct mm *
		mm; /* whose faults: only the struct is kept (mmgrab). Immutable, as is user_only */
	bool user_only;
	bool ready; /* UFFDIO_API was called */
	bool released;
	u64 features;
	struct wait_queue_head readers;
	struct list_head pending; /* of userfault_waiter.list: not read yet */
	struct list_head read;    /* read, not yet woken */
};

extern int
	sysctl_unprivileged_userfaultfd; /* vm.unprivileged_userfaultfd: kernel faults without CAP_SYS_PTRACE */
struct uffd *uffd_alloc(struct mm *mm, bool user_only);
void uffd_put(struct uffd *u);
/* The descriptor is closed: areas are as before, and who waits looks again. */
void uffd_release(struct uffd *u);

/* The next message; false when there is none. */
bool uffd_take_message(struct uffd *u, struct uffd_msg *msg);
void uffd_counts(struct uffd *u, u64 *pending, u64 *total);

/* 0 or -EINVAL: not page-aligned, empty, outside of what a guest can map. */
int uffd_check_range(u64 start, u64 len);
void uffd_wake_range(struct uffd *u, u64 start, u64 end);
/* Of an area, under mmap_lock: write-protects the pages that are there, or lets go of them; the space follows. */
void uffd_protect_entries(struct vm_area *v, u64 start, u64 end, bool on);
/* Each: 0 or -errno as the ioctls of that name have it; -ESRCH: the mm is gone. Ranges are checked here. */
int uffd_register(struct uffd *u, u64 start, u64 len, u64 mode, u64 *ioctls);
int uffd_unregister(struct uffd *u, u64 start, u64 len);
int uffd_wake(struct uffd *u, u64 start, u64 len);
int uffd_writeprotect(struct uffd *u, u64 start, u64 len, bool on);
/* Bytes that were filled, or -errno when none were. @src NULL: zeros; @wp: write-protected. Wake themselves with @wake. */
s64 uffd_copy(struct uffd *u, u64 dst, uaddr_t src, u64 len, bool zero, bool wp, bool wake);
s64 uffd_continue(struct uffd *u, u64 start, u64 len, bool wake);

#endif
