/* SPDX-License-Identifier: MIT */
/*
 * mmap.h: what mmap(2), munmap(2), brk(2), madvise(2) and execve(2) do to an address space. The
 * functions take mmap_lock themselves, except where said.
 */
#ifndef NESTLING_MM_MMAP_H
#define NESTLING_MM_MMAP_H

#include "kernel/lib/types.h"

struct file;
struct mm;
struct vm_area;
struct vm_operations;

/* Does mmap(2) for the kernel. Takes mmap_lock. Returns the address or -errno. */
u64 do_mmap(struct mm *mm, struct file *file, u64 addr, u64 len, int prot, int flags, u64 pgoff);
int do_munmap(struct mm *mm, u64 addr, u64 len);
/*
 * Replaces up_write(&mm->mmap_lock) after an unmap or a move: also sends the events of a
 * userfaultfd, and waits until they are read.
 */
void mmap_write_unlock(struct mm *mm);
/* Unmaps under mmap_lock (writing). */
int munmap_checked(struct mm *mm, u64 addr, u64 len);
/*
 * Unmaps a range, under mmap_lock (writing). It must consist of whole pages and end within the
 * address space: that is not checked.
 */
int munmap_locked(struct mm *mm, u64 start, u64 len);

/* Set up a new program's areas for exec: a stack that grows down below @top, and the brk area. */
int mm_setup_stack(struct mm *mm, u64 top, u64 flags);
int vm_brk(struct mm *mm, u64 addr, u64 len, u64 flags);
/* Makes an area whose pages come from vm_ops->fault, such as the vDSO. ERR_PTR. */
struct vm_area *install_special_mapping(struct mm *mm, u64 addr, u64 len, u64 flags,
	const struct vm_operations *ops, void *private, const char *name);
/*
 * Drops the pages of the special mapping at @addr: the next access calls its fault operation again.
 */
void zap_special_mapping(struct mm *mm, u64 addr);
u64 get_unmapped_area(struct mm *mm, u64 hint, u64 len, u64 align);
/* Does madvise(2) for any mm. */
int mm_madvise(struct mm *mm, u64 addr, u64 len, int advice);
/* Makes @v locked memory, as with MAP_LOCKED, for f_op->mmap. 0 or -EAGAIN (RLIMIT_MEMLOCK). */
int mm_lock_area(struct vm_area *v);

#endif
