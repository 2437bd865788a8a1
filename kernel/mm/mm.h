/* SPDX-License-Identifier: MIT */
/*
 * mm.h: the public header of kernel/mm, which manages frames, the address spaces of guests, and the
 * page cache. It includes the headers that nearly every user of mm needs:
 *
 *      frame/page.h            struct page, its flags, references and lock
 *      frame/frames.h          alloc_pages(), free_pages(), the size of memory
 *      frame/region.h          frames outside the guest's memory: images of disks
 *      vm.h                    struct mm: the address space of a process
 *      vma.h                   struct vm_area, VM_*: an area of it
 *      mmap.h                  map, unmap, advise inside the kernel
 *      gup.h                   pages of guest memory for the kernel's own use
 *      fault/user_fault.h      handle_fault(), counts of faults
 *      file/address_space.h    a file as mm sees it, operations of its file system
 *      file/filemap.h          the page cache
 *      file/bdi.h              where dirty pages go, and when
 *      reclaim/shrinker.h      caches that give memory back
 *      mempolicy.h             nodes of memory
 *      shmem.h                 shared memory without a file's name
 *      commit.h                overcommit and the OOM killer
 *      ksm/ksm_control.h       merging of equal pages
 *      stats.h                 counts of pages and events, for /proc
 *      mm_ops.h                tables by which mm calls rooms above it
 *
 * Apart from these: kernel/lib/alloc.h (kmalloc, slabs), swap/swap.h, hugetlb/hugetlb.h,
 * group/memcg.h and group/iogroup.h (control groups), userfault/userfault.h, page_kinds.h
 * (PAGEMAP_SCAN), file/rmap.h. internal.h is for the files of mm only.
 *
 * A fault of guest code makes these calls:
 *
 *      handle_fault()                  fault/fault.c: mmap_lock for reading, find_vma()
 *      anon_fault() or file_fault()    a fresh frame by alloc_pages(), or a page of the cache
 *                                      (find_get_page(), a_ops->readpage)
 *      entry_set()                     the page table, under page_table_lock. Later the space, the
 *                                      host process that runs the guest code, maps the frame
 *                                      (arch/um/machine/pmap.h)
 *
 * A write(2) to a file makes these: filemap_write(), a_ops->write_begin, the copy,
 * a_ops->write_end, set_page_dirty(), balance_dirty_pages(). Later the flusher of the file's
 * backing_dev calls a_ops->writepages.
 *
 * Locks: kernel/lib/lock_order has the order. The comment of a member names its lock.
 *
 * mm may include headers of ident, sched, arch/um/machine, skas and lib. It knows files only as
 * struct address_space and an opaque struct file, and calls up only through the tables of mm_ops.h,
 * shmem.h and the operations of address spaces and areas.
 */
#ifndef NESTLING_MM_H
#define NESTLING_MM_H

#include "arch/um/layout.h"
#include "arch/um/machine/pmap.h"
#include "kernel/lib/alloc.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"
#include "kernel/mm/commit.h"
#include "kernel/mm/fault/user_fault.h"
#include "kernel/mm/file/address_space.h"
#include "kernel/mm/file/bdi.h"
#include "kernel/mm/file/filemap.h"
#include "kernel/mm/frame/frames.h"
#include "kernel/mm/frame/page.h"
#include "kernel/mm/frame/region.h"
#include "kernel/mm/gup.h"
#include "kernel/mm/ksm/ksm_control.h"
#include "kernel/mm/mempolicy.h"
#include "kernel/mm/mm_ops.h"
#include "kernel/mm/mmap.h"
#include "kernel/mm/reclaim/shrinker.h"
#include "kernel/mm/shmem.h"
#include "kernel/mm/stats.h"
#include "kernel/mm/vm.h"
#include "kernel/mm/vma.h"

#endif
