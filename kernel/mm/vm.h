/* SPDX-License-Identifier: MIT */
/*
 * vm.h: struct mm, the address space of a guest's process.
 *
 * mm_users counts tasks: the last mmput() unmaps everything. mm_count counts references to the
 * structure, all tasks together as one: the last mmdrop() frees it.
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

struct core_state;
struct file;
struct ldt;
struct patch;
struct user_namespace;

#define MM_AUXV 52 /* words: as many as Linux keeps */

/*
 * The members are grouped by purpose and lock; the members that each fault accesses come first. A
 * member whose comment names no lock is protected by the lock of its group.
 */
struct mm {
	atomic_t mm_users; /* tasks; the last mmput unmaps all */
	atomic_t mm_count; /* plus lazy references; the last frees */

	/* Areas: under mmap_lock. */
	struct rwsem mmap_lock;
	struct rb_root mm_rb;
	struct list_head mmap_list;
	u32 map_count;
	u64 mmap_base, task_size; /* immutable after exec */
	/* where the search for free areas may begin (vma.c) */
	u64 free_mark, free_largest;
	u64 def_flags; /* VM_* that new areas get */

	/* Page tables: the entries of pmap under page_table_lock. */
	spinlock_t page_table_lock;
	struct pmap pmap;

	/* Hints for faults and reclaim: written racily. */
	/* anon.c: whether new small areas are filled at once, */
	u8 eager, eager_made;
	u64 small_start, small_end; /* and which was made last */
	/* address of the last fault that found nothing to do */
	u64 last_spurious;
	u64 swap_cursor; /* where swap_out.c continues */

	/* Counts of pages. */
	atomic64_t rss_anon, rss_file, rss_shmem;
	atomic64_t swapents; /* entries of pages in swap areas */
	atomic64_t hugetlb;  /* frames of huge pages: no part of the RSS */
	/* under mmap_lock; @committed: what VM_ACCOUNT has accounted */
	u64 total_vm, locked_vm, data_vm, stack_vm, exec_vm, committed;
	u64 hiwater_rss, hiwater_vm; /* racy */

	/* The program: set by exec, changed by PR_SET_MM under mmap_lock. */
	u64 start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	u64 arg_start, arg_end, env_start, env_end;
	u64 vdso_base;
	struct file *exe_file;
	u64 auxv[MM_AUXV];
	u32 nr_auxv;
	u64 owner_pid;

	/* Data of the machine for this mm: each set once. */
	/* its patched call sites (arch/um/patch/patch.c), or NULL */
	struct patch *patch;
	/* modify_ldt(2) (arch/um/machine/ldt.c), or NULL; its content is under pmap.lock */
	struct ldt *ldt;
	/* a thread has, or had, debug registers: no more sites are patched */
	bool watched;

	/* Which tasks may look into it, and what a dump holds. */
	/*
	 * the namespace in which CAP_SYS_PTRACE allows access though the memory is not dumpable;
	 * until the last mmput()
	 */
	struct user_namespace *user_ns;
	bool dumpable;
	u32 dump_mode; /* prctl(PR_SET_DUMPABLE) */
	/* which kinds of mappings a dump holds, /proc/PID/coredump_filter */
	u32 coredump_filter;
	struct core_state *core_state;

	/* Requests of the process. */
	/* it has, or had, areas for ksm.c; set once, under mmap_lock */
	bool mergeable;
	/* PR_SET_MEMORY_MERGE: all areas that can be merged are; under mmap_lock */
	bool merge_all;
	/* PR_SET_MDWE's bits: nothing becomes executable that is or was writable */
	u8 mdwe;
	/* prctl(PR_SET_THP_DISABLE): only remembered, there are no huge pages */
	bool thp_disabled;
	/* MEMBARRIER_CMD_REGISTER_* that were made; atomic */
	u32 membarrier;

	/* Lists that it is on or has. */
	/* all mms, for reclaim and OOM; under mm_list_lock */
	struct list_head mm_list;
	/* droppable.c, under a lock of its own */
	struct list_head droppable;
	/* userfault_event.c: noted, not yet sent; under mmap_lock */
	struct list_head uffd_events;
	/* kernel/aio, under its lock */
	struct list_head aio_contexts;

	/* The end: mm_reap() has taken pages: a page that is missing may have had content. */
	bool reaped;
};

struct mm *mm_alloc(void);         /* users 1, empty */
struct mm *mm_dup(struct mm *old); /* fork: COW copy of all VMAs; ERR_PTR */
void mmget(struct mm *mm);
void mmput(struct mm *mm); /* may sleep */
/*
 * Calls @fn for every mm that may have a space, until it returns an error, which is the result. The
 * machine is stopped. -EAGAIN: an mm is just being given up.
 */
int mm_each_stopped(int (*fn)(struct mm *mm));
void mmgrab(struct mm *mm);
void mmdrop(struct mm *mm);

/*
 * Takes the space of an mm that no vCPU runs now; the mm gets another when it runs again. Returns
 * false if there was no such mm.
 */
bool mm_take_idle_space(void);

/* Returns the bits that a child, or the next program, inherits. */
static inline u8 mdwe_inherited(u8 bits)
{
	return bits & 2 ? 0 : bits;
}

/*
 * Returns the page shift of the area at @addr, or PAGE_SHIFT if nothing is mapped. Takes mmap_lock.
 */
u32 mm_page_shift(struct mm *mm, u64 addr);
/*
 * Frees the private memory of a mm whose process is dying; a touch of it is -EFAULT from then on.
 */
void mm_reap(struct mm *mm);

#endif
