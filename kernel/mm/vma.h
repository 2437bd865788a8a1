/* SPDX-License-Identifier: MIT */
/*
 * vma.h: areas of a guest's address space. Each maps a range of addresses to a file, to anonymous
 * memory or to special pages, with one set of rights.
 *
 * Locks: mmap_lock of the mm (kernel/mm/vm.h) for the areas and their fields. The range of an area
 * with a mapping changes under i_mmap_sem of the mapping, too.
 */
#ifndef NESTLING_MM_VMA_H
#define NESTLING_MM_VMA_H

#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/types.h"
#include "kernel/mm/file/address_space.h"

struct file;
struct mm;
struct page;
struct uffd;
struct vm_area;

/* Flags of an area (vm_flags). Flags without a comment have Linux's meaning. */
#define VM_READ 0x1
#define VM_WRITE 0x2
#define VM_EXEC 0x4
#define VM_SHARED 0x8
#define VM_ACCESS (VM_READ | VM_WRITE | VM_EXEC)
#define VM_MAYREAD 0x10
#define VM_MAYWRITE 0x20
#define VM_MAYEXEC 0x40
#define VM_GROWSDOWN 0x100
#define VM_LOCKONFAULT 0x80000
#define VM_HUGEPAGE 0x20000000
#define VM_NOHUGEPAGE 0x40000000
#define VM_MERGEABLE 0x80000000UL
#define VM_SEQ_READ 0x8000
#define VM_RAND_READ 0x10000
#define VM_UFFD_MISSING 0x200
#define VM_PFNMAP 0x400
#define VM_UFFD_WP 0x1000
#define VM_UFFD_MINOR BIT(37)
#define VM_LOCKED 0x2000
#define VM_IO 0x4000
#define VM_DONTCOPY 0x20000
#define VM_DONTEXPAND 0x40000
#define VM_ACCOUNT 0x100000
/* private mapping of /dev/zero: anonymous memory; vm_file only gives the name in /proc/PID/maps */
#define VM_ANON_FILE BIT(38)
#define VM_SEALED BIT(39) /* mseal: cannot be moved or changed */
/* anonymous memory whose pages reclaim may drop (droppable.c) */
#define VM_DROPPABLE BIT(40)
#define VM_NORESERVE 0x200000
#define VM_SYNC 0x800000 /* MAP_SYNC was requested; never on a disk */
#define VM_HUGETLB 0x400000
#define VM_WIPEONFORK 0x2000000
#define VM_DONTDUMP 0x4000000
#define VM_STACK 0x8000000
/* vm_name is the area's name in /proc/PID/maps, such as "[vdso]" */
#define VM_SPECIAL_NAME 0x10000000

/*
 * Operations of an area. They are called with mmap_lock held (open, close: for writing), and may
 * sleep. Each may be NULL.
 */
struct vm_operations {
	/*
	 * Special mappings: returns the page for @index with a reference, or ERR_PTR(-EFAULT) for
	 * SIGBUS. NULL: the area maps the page cache or anonymous memory.
	 */
	struct page *(*fault)(struct vm_area *vma, u64 index);
	/* Called for the new area of a split, a fork or a move by mremap(), before it is linked. */
	void (*open)(struct vm_area *vma);
	/* Called before the area is freed. */
	void (*close)(struct vm_area *vma);
};

/*
 * The members are grouped by purpose. They are protected by mmap_lock unless a comment says
 * otherwise.
 */
struct vm_area {
	/* Place in the address space. */
	struct rb_node vm_rb;     /* by vm_start, in mm->mm_rb */
	struct list_head vm_list; /* in mm->mmap_list, sorted by address */
	/* changed under mmap_lock (writing) and, with a mapping, i_mmap_sem (writing) */
	u64 vm_start, vm_end;
	u64 vm_flags;
	struct mm *vm_mm;

	/* The mapped object. */
	u64 vm_pgoff;         /* offset in the object, in pages */
	struct file *vm_file; /* a reference, or NULL */
	/* the mapping of vm_file (also of nameless shared memory); NULL: anonymous or special */
	struct address_space *vm_mapping;
	const struct vm_operations *vm_ops; /* or NULL */
	void *vm_private;                   /* of vm_ops, or of hugetlb */
	const char *vm_name;                /* with VM_SPECIAL_NAME */
	/* in mapping->i_mmap_list; under i_mmap_sem */
	struct list_head shared;

	/* Handling of the pages. */
	/* userfault.c: the userfaultfd that handles faults of this area, or NULL */
	struct uffd *vm_uffd;
	u64 vm_policy; /* mempolicy.c; 0: the thread's policy */
	/*
	 * fork.c: areas merge only with areas of their family. A child's area with anonymous frames
	 * gets a new number. 0: no family yet.
	 */
	u64 vm_family;

	/* Hints for faults: written without a lock. */
	/*
	 * how much the last fault mapped: log2 of pages (anon.c, filefault.c), or a number of pages
	 * (cow.c)
	 */
	u32 extent_order;
	/* filefault.c: number of successive faults on shared memory, each on the next page */
	u32 streak;
	/* address of the next fault if the accesses are sequential */
	u64 next_fault;
	/* address of the page of the last fault on shared memory */
	u64 last_fault;
};

/*
 * Returns the first area with vm_end > @addr, which may begin behind @addr; NULL: none. Under
 * mmap_lock, which also protects the result.
 */
struct vm_area *find_vma(struct mm *mm, u64 addr);
/*
 * True for memory of memfd_secret, which is accessed only through the page tables of a process that
 * maps it.
 */
static inline bool vma_is_secret(const struct vm_area *v)
{
	return v->vm_mapping && v->vm_mapping->a_ops->secret;
}

#endif
