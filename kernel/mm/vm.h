/* SPDX-License-Identifier: MIT */
/*
 * vm.h: struct mm, the address space of a guest's process.
 *
 * mm_users counts tasks and other users of the memory: the last mmput() unmaps everything. mm_count
 * counts references to the structure, all users together as one: the last mmdrop() frees the
 * structure.
 *
 * The space of an mm is the host process that runs the guest code and holds the host mappings
 * (skas/skas.h).
 *
 * Locks: mmap_lock (sleeps) for areas and their numbers, page_table_lock (spins) for entries of
 * page tables; the comments of the members name others.
 */
#ifndef NESTLING_MM_VM_H
#define NESTLING_MM_VM_H

#include "arch/um/machine/pmap.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"

struct file;
struct ldt;
struct patch;
struct user_namespace;

#define MM_AUXV 52 /* number of words, as on Linux */

/*
 * The members are grouped by purpose and lock; the members that each fault accesses come first. A
 * member whose comment names no lock is protected by the lock of its group.
 */
struct mm {
	atomic_t mm_users; /* references of mmget() */
	/* references of mmgrab(), plus 1 for all users together */
	atomic_t mm_count;

	/* Areas: under mmap_lock. */
	struct rwsem mmap_lock;
	struct rb_root mm_rb;       /* of vm_area.vm_rb */
	struct list_head mmap_list; /* of vm_area.vm_list, by address */
	u32 map_count;              /* number of areas */
	/* Addresses; immutable after exec. mmap_base: new areas are placed below it. */
	u64 mmap_base, task_size;
	/* No hole between free_mark and mmap_base is larger than free_largest bytes (vma.c). */
	u64 free_mark, free_largest;
	u64 def_flags; /* VM_* that new areas get */

	/* Page tables: the entries of pmap under page_table_lock. */
	spinlock_t page_table_lock;
	struct pmap pmap;

	/* Hints for faults and reclaim: written without a lock. */
	/* anon.c: score of how often small areas are touched; number of areas filled ahead */
	u8 eager, eager_made;
	u64 small_start, small_end; /* bounds of the newest small area */
	/* address of the last fault that needed no change */
	u64 last_spurious;
	u64 swap_cursor; /* address where swap_out.c continues */

	/* Counts of pages. */
	atomic64_t rss_anon, rss_file, rss_shmem;
	atomic64_t swapents; /* entries that name swap slots */
	atomic64_t hugetlb;  /* frames of huge pages; not in the RSS */
	/* Pages of areas; under mmap_lock. committed: those counted by vm_enough_memory(). */
	u64 total_vm, locked_vm, data_vm, stack_vm, exec_vm, committed;
	u64 hiwater_rss, hiwater_vm; /* highest values, pages; racy */

	/* The program: set by exec, changed by PR_SET_MM under mmap_lock. */
	u64 start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	u64 arg_start, arg_end, env_start, env_end;
	u64 vdso_base;
	struct file *exe_file; /* a reference, or NULL */
	u64 auxv[MM_AUXV];
	u32 nr_auxv; /* words of auxv in use */

	/* Data of the machine for this mm: each member is set once. */
	/* patched call sites of this mm (arch/um/patch/patch.c), or NULL */
	struct patch *patch;
	/* for modify_ldt(2) (arch/um/machine/ldt.c), or NULL; its content is under pmap.lock */
	struct ldt *ldt;
	/* true once a thread has had debug registers: no more call sites are patched */
	bool watched;

	/* Access by other tasks, and the content of a core dump. */
	/*
	 * the user namespace in which CAP_SYS_PTRACE allows access to memory that is not dumpable;
	 * valid until the last mmput()
	 */
	struct user_namespace *user_ns;
	bool dumpable; /* dump_mode is 1; see set_dumpable() */
	u32 dump_mode; /* prctl(PR_SET_DUMPABLE): 0, 1, 2 */
	/* bits for kinds of mappings in a core dump: /proc/PID/coredump_filter */
	u32 coredump_filter;

	/* Requests of the process. */
	/* true once the mm has had areas for ksm.c; under mmap_lock */
	bool mergeable;
	/* PR_SET_MEMORY_MERGE: all areas become mergeable; under mmap_lock */
	bool merge_all;
	/* bits of PR_SET_MDWE: nothing becomes executable that is or was writable */
	u8 mdwe;
	/* prctl(PR_SET_THP_DISABLE): only stored, there are no transparent huge pages */
	bool thp_disabled;
	/* MEMBARRIER_CMD_REGISTER_* done so far; atomic */
	u32 membarrier;

	/* Lists that contain the mm, and lists that the mm has. */
	/* all mms, for reclaim and OOM; under mm_list_lock */
	struct list_head mm_list;
	/* link of droppable.c; under list_lock of that file */
	struct list_head droppable;
	/* userfault_event.c: events not sent yet; under mmap_lock */
	struct list_head uffd_events;
	/* contexts of kernel/aio; under its lock */
	struct list_head aio_contexts;

	/* true once mm_reap() has taken pages: a missing page may have had content */
	bool reaped;
};

/*
 * Return an mm with one user, the caller's. mm_alloc(): without areas, or NULL: no memory.
 * mm_dup(): a copy of @old for a fork by current, copy on write; takes both mmap_locks; ERR_PTR:
 * -ENOMEM, -EINTR (killed). May sleep.
 */
struct mm *mm_alloc(void);
struct mm *mm_dup(struct mm *old);
/*
 * Take and drop a use of the memory. The caller of mmget() has one already: a finder without one
 * takes it by atomic_inc_not_zero(&mm->mm_users). The last mmput() sleeps: it unmaps all areas and
 * puts their files.
 */
void mmget(struct mm *mm);
void mmput(struct mm *mm);
/*
 * Calls @fn for every mm that may have a space, until @fn returns an error, which is then the
 * result; else returns 0. The machine is stopped, so no lock is taken.
 */
int mm_each_stopped(int (*fn)(struct mm *mm));
/* Take and drop a reference to the structure alone. Do not sleep. */
void mmgrab(struct mm *mm);
void mmdrop(struct mm *mm);

/*
 * Takes the space away from an mm that no vCPU runs now, for use by another mm. The mm that lost
 * its space gets a new one when it runs again. Returns false if no mm has such a space.
 */
bool mm_take_idle_space(void);

/*
 * Returns those bits of PR_SET_MDWE that a child, or the next program, inherits: none with
 * PR_MDWE_NO_INHERIT.
 */
static inline u8 mdwe_inherited(u8 bits)
{
	return bits & 2 ? 0 : bits;
}

/*
 * Returns log2 of the page size, in bytes, of the area at @addr, or PAGE_SHIFT if nothing is mapped
 * there. Takes mmap_lock.
 */
u32 mm_page_shift(struct mm *mm, u64 addr);
/*
 * Frees the private memory of an mm whose process is dying. Later accesses to it fail with -EFAULT.
 * Takes mmap_lock, and may sleep; the caller has a use of the mm (mmget()).
 */
void mm_reap(struct mm *mm);
/*
 * Does what mm_reap() does, but for huge pages, or returns false if mmap_lock is held for writing.
 * Waits for no task that may wait for memory. A reference of mmgrab() is enough.
 */
bool mm_reap_try(struct mm *mm);

#endif
