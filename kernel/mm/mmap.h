/* SPDX-License-Identifier: MIT */
/*
 * mmap.h: what mmap(2), munmap(2), brk(2), madvise(2) and execve(2) do to an address space. Unless
 * a comment says otherwise, the functions take mmap_lock themselves, may sleep, and return 0 or
 * -errno. Addresses and lengths are in bytes. The caller has a use of the mm (mmget()).
 */
#ifndef NESTLING_MM_MMAP_H
#define NESTLING_MM_MMAP_H

#include "kernel/lib/types.h"

struct file;
struct mm;
struct vm_area;
struct vm_operations;

/*
 * Does mmap(2) for the kernel, with PROT_*, MAP_* and @pgoff in pages. Takes its own reference to
 * @file (NULL: anonymous). Returns the address or -errno (IS_ERR_VALUE()).
 */
u64 do_mmap(struct mm *mm, struct file *file, u64 addr, u64 len, int prot, int flags, u64 pgoff);
/* Does munmap(2). -EINTR if current is killed. */
int do_munmap(struct mm *mm, u64 addr, u64 len);
/*
 * Replaces up_write(&mm->mmap_lock) after an unmap or a move: also sends the events of a
 * userfaultfd, and waits until they are read.
 */
void mmap_write_unlock(struct mm *mm);
/*
 * Checks the range as munmap(2) does, and unmaps it. mmap_lock is held for writing. -EINVAL,
 * -EPERM, -ENOMEM.
 */
int munmap_checked(struct mm *mm, u64 addr, u64 len);
/*
 * Unmaps a range of whole pages that ends within the address space; this is not checked. mmap_lock
 * is held for writing. -EPERM: an area is sealed (mseal(2)); -ENOMEM.
 */
int munmap_locked(struct mm *mm, u64 start, u64 len);

/*
 * Set up a new program's areas for exec. @flags: VM_*. mm_setup_stack() makes a stack that ends at
 * @top and grows down. vm_brk() maps anonymous memory, writable and with @flags & VM_EXEC, in place
 * of what is mapped there; @addr and @len need not be aligned.
 */
int mm_setup_stack(struct mm *mm, u64 top, u64 flags);
int vm_brk(struct mm *mm, u64 addr, u64 len, u64 flags);
/*
 * Makes an area whose pages come from @ops->fault, such as the vDSO. @addr is page-aligned. @ops,
 * @private and @name are kept by pointer. ERR_PTR: -ENOMEM, -EEXIST (something is mapped there).
 */
struct vm_area *install_special_mapping(struct mm *mm, u64 addr, u64 len, u64 flags,
	const struct vm_operations *ops, void *private, const char *name);
/*
 * Drops the pages of the special mapping that begins at @addr: the next access calls its fault
 * operation again.
 */
void zap_special_mapping(struct mm *mm, u64 addr);
/*
 * Returns the address of a free range of @len bytes, at @hint if possible, or -errno. @align: a
 * power of two, in bytes. The range is not reserved: another thread of the mm may take it.
 */
u64 get_unmapped_area(struct mm *mm, u64 hint, u64 len, u64 align);
/* Does madvise(2) for any mm, with the errors of madvise(2). */
int mm_madvise(struct mm *mm, u64 addr, u64 len, int advice);
/*
 * Makes @v locked memory, as MAP_LOCKED does. For f_op->mmap: mmap_lock is held for writing.
 * -EAGAIN: RLIMIT_MEMLOCK forbids it.
 */
int mm_lock_area(struct vm_area *v);

#endif
