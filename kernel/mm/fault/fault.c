/* SPDX-License-Identifier: MIT */
/*
 * fault.c: makes page table entries, for page faults of guest code and for uaccess.
 *
 *	sig = handle_fault(mm, addr, error, &code);      entries, then the space's mappings around
 *	                                                 the address
 *	err = fault_in(mm, addr, FAULT_WRITE);           for uaccess and others; if mm is not
 *	                                                 current's, makes entries only
 *
 * The space is the host process that runs the guest code of the mm. An order is a system call that
 * it makes for the kernel, such as mmap() (skas/skas.h).
 *
 * The entry and the area at the address decide what is done:
 *	no entry, anonymous     an extent: anon.c
 *	no entry, file          the page cache's frame and its neighbours, or a private copy of it:
 *	                        filefault.c
 *	no entry, special       vm_ops->fault
 *	write, PTE_COW          copy, or reuse of a frame with no other mapping: cow.c
 *	write, shared file      page_mkwrite, dirty
 *	a marker                there is no page: a guard (SIGSEGV), poison (SIGBUS), or a page that
 *	                        will be write-protected once it exists
 *	a swap area's slot      the page is read in: swap_in.c
 *	huge area               all 512 entries of the huge page: hugetlb_fault.c
 *	access allowed          the space has lost its mapping of the page, and maps it again
 *
 * Only the last step sends orders to the space: one pmap_sync() for the surroundings, applied on
 * the way to the guest. So a fault costs one wake-up of the mapper. If a frame is replaced (COW),
 * the flush happens here, before the old frame is freed.
 *
 * Locks: mmap_lock for reading. Entries change under page_table_lock; of two faults on one page the
 * second finds the entry changed, and starts again.
 */
#include "kernel/lib/trace.h"
#include "kernel/mm/hugetlb/hugetlb_internal.h"
#include "kernel/mm/group/memcg.h"
#include "kernel/mm/swap/swap_internal.h"

#include <asm/siginfo.h>
#include <asm/signal.h>

#define ERR_PRESENT 1
#define ERR_WRITE 2
#define ERR_INSTR 16

#define AROUND (512 * PAGE_SIZE) /* bytes that a leaf table spans */
#define AROUND_ORDERS 64

/* ---- entries; helpers for anon.c, cow.c, filefault.c ---- */

pte_t *entry_lock(struct mm *mm, u64 addr)
{
	for (int tries = 0;; tries++) {
		pte_t *e;

		spin_lock(&mm->page_table_lock);
		e = pmap_pte(&mm->pmap, addr, true);
		if (likely(e))
			return e;
		spin_unlock(&mm->page_table_lock);
		/* no free frame for a table: let get_free_page() reclaim, then try again */
		void *frame = tries < 8 ? get_free_page(GFP_USER) : NULL;

		if (!frame)
			return NULL;
		free_page_addr(frame);
	}
}

void entry_unlock(struct mm *mm)
{
	spin_unlock(&mm->page_table_lock);
}

pte_t entry_protected(const struct vm_area *v, pte_t e)
{
	return (e & ~PTE_RW) | PTE_UFFD_WP | (vma_is_cow(v) ? PTE_COW : 0);
}

void entry_set(struct vm_area *v, pte_t *e, struct page *p, pte_t bits)
{
	if (unlikely(*e == PTE_WP_MARKER))
		bits = entry_protected(v, bits);
	*e = mk_pte(page_to_pfn(p), bits);
	if (atomic_add_return(1, &p->mapcount) == 1)
		mem_count_mapped(p, 1);
	account_rss(v->vm_mm, p, 1);
}

/* ---- one page ---- */

static bool entry_allows(const struct vm_area *v, pte_t e, u32 flags)
{
	if (!(e & PTE_P) && !(flags & FAULT_FORCE))
		return false;
	if (flags & FAULT_WRITE)
		return e & PTE_RW || (flags & FAULT_FORCE && vma_is_cow(v) && !(e & PTE_COW));
	return !(flags & FAULT_EXEC) || !(e & PTE_NX);
}

/* True if the area's rights allow the access. @flags: FAULT_*. */
static bool vma_allows(const struct vm_area *v, u32 flags)
{
	if (flags & FAULT_FORCE)
		return !(flags & FAULT_WRITE) || v->vm_flags & VM_WRITE ||
		       (v->vm_flags & VM_MAYWRITE && vma_is_cow(v));
	if (flags & FAULT_WRITE)
		return v->vm_flags & VM_WRITE;
	if (flags & FAULT_EXEC)
		return v->vm_flags & VM_EXEC;
	return v->vm_flags & VM_ACCESS;
}

/* Serves a fault in a special mapping. Returns as fill_entry() does. */
static int special_fault(struct vm_area *v, u64 addr, u32 flags)
{
	struct page *p = v->vm_ops->fault(v, vma_index(v, addr));
	pte_t bits = vma_rights(v), *e;

	if (IS_ERR(p))
		return PTR_ERR(p) == -EFAULT ? -ENXIO : (int)PTR_ERR(p);
	if (vma_is_cow(v))
		bits = (bits & ~PTE_RW) | PTE_COW;
	e = entry_lock(v->vm_mm, addr);
	if (!e || !pte_none(*e)) {
		if (e)
			entry_unlock(v->vm_mm);
		put_page(p);
		return e ? 0 : -ENOMEM;
	}
	entry_set(v, e, p, bits);
	entry_unlock(v->vm_mm);
	return 0;
}

/*
 * Makes the missing entry for @addr. mmap_lock is held for reading. May sleep. 0: check the entry
 * again; or -errno.
 */
static int fill_entry(struct vm_area *v, u64 addr, u32 flags, struct fault_info *info)
{
	if (v->vm_ops && v->vm_ops->fault) {
		info->kind = FAULT_SPECIAL;
		return special_fault(v, addr, flags);
	}
	if (v->vm_flags & VM_HUGETLB) {
		info->kind = FAULT_HUGE;
		return hugetlb_fault(v, addr, flags, info);
	}
	if (v->vm_mapping) {
		info->kind = FAULT_FILE;
		return file_fault(v, addr, flags, info);
	}
	info->kind = FAULT_ANON;
	return anon_fault(v, addr, info);
}

/* Marks the page at the faulting address as touched. */
static void keep_page(struct mm *mm, u64 addr)
{
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, addr, false);
	if (e)
		*e &= ~PTE_RESERVED;
	spin_unlock(&mm->page_table_lock);
}

/* attempts; each failed attempt means that another task has changed the entry */
#define MAX_ROUNDS 100

/* Serves a write to a page that is mapped read-only. */
static int write_fault(struct vm_area *v, u64 addr, pte_t e, u32 flags, struct fault_info *info)
{
	if (!vma_is_cow(v)) {
		info->kind = FAULT_SHARED;
		return v->vm_flags & VM_HUGETLB ? hugetlb_write_fault(v, addr, info) :
						  shared_write_fault(v, addr, e, info);
	}
	info->kind = FAULT_COPY;
	return v->vm_flags & VM_HUGETLB ? hugetlb_cow(v, addr, e, info) :
					  cow_fault(v, addr, e, flags, info);
}

/*
 * Makes the entry for @addr allow the access. mmap_lock is held for reading. May sleep. Returns as
 * fault_in_locked() does.
 */
static int resolve(struct vm_area *v, u64 addr, u32 flags, struct fault_info *info)
{
	struct mm *mm = v->vm_mm;

	addr &= PAGE_MASK;
	if (!vma_allows(v, flags))
		return -EFAULT;
	for (int round = 0; round < MAX_ROUNDS; round++) {
		pte_t *ep, e;
		int err;

		spin_lock(&mm->page_table_lock);
		ep = pmap_pte(&mm->pmap, addr, false);
		e = ep ? *ep : 0;
		spin_unlock(&mm->page_table_lock);
		if (unlikely(e == PTE_WP_MARKER)) {
			e = 0;
		} else if (unlikely(e & PTE_SPECIAL)) {
			if (!(e & PTE_SWAP))
				return e & PTE_POISON ? -EHWPOISON : FAULT_GUARD;
			err = swap_in(v, addr, e, info);
			if (err)
				return err;
			continue;
		}
		/*
		 * after mm_reap() a call in progress, such as a write to a file, would use zeros in
		 * place of the data
		 */
		if (unlikely(!e && READ_ONCE(mm->reaped)) && vma_is_cow(v))
			return -EFAULT;
		if (unlikely(v->vm_uffd) && userfault_check(v, addr, e, flags)) {
			if (!userfault_let_go(v, addr, e))
				return USERFAULT;
			continue;
		}
		if (e && entry_allows(v, e, flags)) {
			info->mapped = (e & (PTE_MAPPED | PTE_STALE)) == PTE_MAPPED;
			if (!info->kind)
				info->kind = FAULT_PRESENT;
			if (unlikely(e & PTE_RESERVED) && flags & FAULT_WRITE && !info->ahead)
				keep_page(mm, addr);
			return 0;
		}
		if (!e)
			err = fill_entry(v, addr, flags, info);
		else if (flags & FAULT_WRITE)
			err = write_fault(v, addr, e, flags, info);
		else
			return -EFAULT;
		if (err)
			return err;
	}
	return -EAGAIN;
}

/* ---- mapping into the space ---- */

static void sync_around(struct vm_area *v, u64 page, const struct fault_info *info)
{
	struct pmap *pm = &v->vm_mm->pmap;
	u64 start = page & ~(AROUND - 1);

	/*
	 * Maps the entries that were made just now; for these it is known whether the host backs
	 * them. If none was made, maps again what the space has lost, also in other areas.
	 */
	if (info->end)
		pmap_sync(pm, info->start, info->end, info->populate, AROUND_ORDERS);
	else
		pmap_sync(pm, start, start + AROUND, false, AROUND_ORDERS);
	/* does nothing unless the sync above had too many runs to reach the page */
	pmap_sync_page(pm, page);
}

/* ---- counts, for vmstat, getrusage() and perf ---- */

/*
 * As on Linux a fault is counted for the task for which it is served, even if guest code has not
 * accessed the page: copies to and from guest memory, pages that are made on demand (mlock,
 * MAP_POPULATE) or ahead of their use.
 */

static void count_fault(const struct fault_info *info)
{
	count_vm(pgfault, 1);
	if (info->major) {
		current->maj_flt++;
		count_vm(pgmajfault, 1);
	} else {
		current->min_flt++;
	}
}

/* Counts a fault that the kernel has served for itself, unless the page was present. */
static void count_own_fault(const struct fault_info *info)
{
	if (info->kind > FAULT_PRESENT)
		count_fault(info);
}

void fault_count_ahead(void)
{
	const struct fault_info info = { .kind = FAULT_FILE };

	count_fault(&info);
}

/* ---- faults caused by the kernel ---- */

int fault_in_locked(struct vm_area *v, u64 addr, u32 flags)
{
	struct fault_info info = { 0 };
	int err = resolve(v, addr, flags, &info);

	if (!err)
		count_own_fault(&info);
	return err;
}

static struct vm_area *vma_for_fault(struct mm *mm, u64 addr)
{
	struct vm_area *v;
	bool grows;

	down_read(&mm->mmap_lock);
	v = find_vma(mm, addr);
	if (v && v->vm_start <= addr)
		return v;
	grows = v && v->vm_flags & VM_GROWSDOWN;
	up_read(&mm->mmap_lock);
	if (!grows)
		return NULL;
	down_write(&mm->mmap_lock);
	v = find_vma(mm, addr);
	if (v && v->vm_start > addr && expand_stack(v, addr))
		v = NULL;
	downgrade_write(&mm->mmap_lock);
	if (!v)
		up_read(&mm->mmap_lock);
	return v;
}

/*
 * Runs the OOM killer. Returns true if memory was freed, or another task is dying, so that the
 * fault can be tried again; false if current itself must die. No lock is held.
 */
static bool memory_may_come(struct mm *mm)
{
	if (wait_interrupted(TASK_KILLABLE) || !out_of_memory(mm))
		return false;
	sleep_ns(1000000);
	return !wait_interrupted(TASK_KILLABLE);
}

static int fault_in_once(struct mm *mm, u64 addr, u32 flags, bool ahead)
{
	struct vm_area *v = vma_for_fault(mm, addr);
	struct fault_info info = { .ahead = ahead };
	int err;

	if (!v)
		return -EFAULT;
	/* the flag may be from an earlier call that failed */
	current->memcg_oom = false;
	err = flags & FAULT_ANON_ONLY && !vma_is_anon(v) ? -EFAULT : resolve(v, addr, flags, &info);
	if (err == USERFAULT && !ahead) {
		err = userfault_wait(v, addr, flags, false);
		return err ? -EFAULT : USERFAULT;
	}
	if (err == OWED_FAULT && !ahead) {
		err = owed_wait(v, addr);
		return err ? err : OWED_FAULT;
	}
	/*
	 * Guest code will touch what the kernel touches for it: queue the mapping, for the flush on
	 * return.
	 */
	if (!err && mm == current->mm && !info.mapped)
		sync_around(v, addr & PAGE_MASK, &info);
	if (!err)
		count_own_fault(&info);
	up_read(&mm->mmap_lock);
	return err == FAULT_GUARD ? -EFAULT : err;
}

int fault_in(struct mm *mm, u64 addr, u32 flags)
{
	int err;

	do
		err = fault_in_once(mm, addr, flags, false);
	while (err == USERFAULT || err == OWED_FAULT || (err == -ENOMEM && memory_may_come(mm)));
	return err;
}

void fault_ahead(struct mm *mm, u64 addr, u32 flags)
{
	fault_in_once(mm, addr, flags, true);
}

/*
 * Populates a page, with mmap_lock held, which may be dropped in between. Returns 0, -errno, or 1:
 * call again for this page.
 */
static int populate_page(struct mm *mm, u64 addr, u32 flags)
{
	struct vm_area *v = find_vma(mm, addr);
	struct fault_info info = { 0 };
	int err;

	if (!v || v->vm_start > addr)
		return -ENOENT;
	if (!flags && v->vm_flags & VM_WRITE && vma_is_cow(v))
		flags = FAULT_WRITE;
	current->memcg_oom = false;
	err = vma_is_secret(v) ? -EFAULT : resolve(v, addr, flags, &info);
	if (!err) {
		count_own_fault(&info);
		keep_page(mm, addr);
		return 0;
	}
	if (err == USERFAULT)
		err = userfault_wait(v, addr, flags, false);
	else if (err == OWED_FAULT)
		err = owed_wait(v, addr);
	else if (err != -ENOMEM)
		return err;
	else
		up_read(&mm->mmap_lock);
	if (err == -ENOMEM && memory_may_come(mm))
		err = 0;
	down_read(&mm->mmap_lock);
	return err ? err : 1;
}

int mm_populate(struct mm *mm, u64 start, u64 end, u32 flags)
{
	int err = 0;

	down_read(&mm->mmap_lock);
	while (start < end && err >= 0) {
		err = populate_page(mm, start, flags);
		start += err ? 0 : PAGE_SIZE;
		if (wait_interrupted(TASK_KILLABLE))
			err = -EINTR;
		if (!err && !(start & (AROUND - 1))) { /* let waiters take mmap_lock */
			up_read(&mm->mmap_lock);
			mem_group_pay_on_the_way();
			cond_resched();
			down_read(&mm->mmap_lock);
		}
	}
	up_read(&mm->mmap_lock);
	if (err == -ENOENT)
		return -ENOMEM;
	return err == FAULT_GUARD ? -ENXIO : err;
}

/* ---- faults of guest code ---- */

u32 mm_page_shift(struct mm *mm, u64 addr)
{
	struct vm_area *v;
	bool huge;

	down_read(&mm->mmap_lock);
	v = vma_lookup(mm, addr);
	huge = v && v->vm_flags & VM_HUGETLB;
	up_read(&mm->mmap_lock);
	return huge ? HPAGE_SHIFT : PAGE_SHIFT;
}

/*
 * Repairs a mapping that the host has lost: the access is allowed and the entry has PTE_MAPPED. At
 * the first such fault another thread may have mapped the page just now. So only a second fault
 * unmaps the page and maps it again.
 */
static void heal(struct mm *mm, u64 page)
{
	if (pmap_urge(&mm->pmap))
		return;
	if (READ_ONCE(mm->last_spurious) != page) {
		WRITE_ONCE(mm->last_spurious, page);
		return;
	}
	pmap_drop(&mm->pmap, page, page + PAGE_SIZE);
	pmap_sync(&mm->pmap, page, page + PAGE_SIZE, false, 1);
	WRITE_ONCE(mm->last_spurious, 0);
}

/*
 * Returns the signal for a fault that failed with @err, and sets its *code; 0: guest code tries
 * again.
 */
static int error_signal(int err, int *code)
{
	switch (err) {
	case -EFAULT: *code = SEGV_ACCERR; return SIGSEGV;
	case FAULT_GUARD: *code = SEGV_MAPERR; return SIGSEGV;
	case -EHWPOISON: *code = BUS_MCEERR_AR; return SIGBUS;
	case -ENOMEM: return wait_interrupted(TASK_KILLABLE) ? 0 : SIGKILL;
	case -EAGAIN: return 0; /* guest code faults again */
	default: *code = BUS_ADRERR; return SIGBUS;
	}
}

/*
 * Returns the file of a write to shared memory, with a reference, if too many pages are dirty; else
 * NULL. The writer then waits without a lock, as write(2) does. Otherwise all memory could become
 * dirty before it is written back.
 */
static struct file *file_to_balance(const struct vm_area *v, const struct fault_info *info)
{
	if (info->kind != FAULT_SHARED || !v->vm_file || !v->vm_mapping ||
		v->vm_mapping->a_ops->memory_only || likely(!much_is_dirty()))
		return NULL;
	mm_file_ops->get(v->vm_file);
	return v->vm_file;
}

static void balance_file(struct file *f)
{
	balance_dirty_pages(mm_file_ops->mapping(f));
	mm_file_ops->put(f);
}

/* The body of handle_fault(), without the counting. */
static int serve_fault(struct mm *mm, u64 addr, u64 error, struct fault_info *info, int *code)
{
	u32 flags = (error & ERR_WRITE ? FAULT_WRITE : 0) | (error & ERR_INSTR ? FAULT_EXEC : 0);
	struct vm_area *v;
	struct file *dirtied;
	int err;

again:
	v = vma_for_fault(mm, addr);
	if (!v) {
		*code = SEGV_MAPERR;
		return SIGSEGV;
	}
	current->memcg_oom = false;
	err = resolve(v, addr, flags, info);
	if (unlikely(err == OWED_FAULT)) {
		err = owed_wait(v, addr);
		if (!err)
			goto again;
		current->maj_flt++;
		return error_signal(err, code);
	}
	if (err == USERFAULT) {
		info->kind = FAULT_USER;
		current->maj_flt++;
		/* guest code faults again, after its signals */
		if (userfault_wait(v, addr, flags, true) != -EFAULT)
			return 0;
		*code = BUS_ADRERR;
		return SIGBUS;
	}
	if (!err && info->mapped && !info->end)
		heal(mm, addr & PAGE_MASK);
	else if (!err)
		sync_around(v, addr & PAGE_MASK, info);
	dirtied = err ? NULL : file_to_balance(v, info);
	up_read(&mm->mmap_lock);
	if (unlikely(dirtied))
		balance_file(dirtied);
	if (!err)
		count_fault(info);
	if (err == -ENOMEM && memory_may_come(mm))
		return 0; /* guest code faults again */
	return err ? error_signal(err, code) : 0;
}

int handle_fault(struct mm *mm, u64 addr, u64 error, int *code)
{
	u64 start = unlikely(READ_ONCE(faults_counted)) ? arch_cpu_clock() : 0;
	struct fault_info info = { 0 };
	int sig;

	TRACE(fault, "%s[%d] %#lx from %#lx, error %#lx", current->comm, current->pid,
		(unsigned long)addr, (unsigned long)current->arch.regs.rip, (unsigned long)error);
	sig = serve_fault(mm, addr, error, &info, code);
	if (unlikely(start))
		fault_count(info.kind, info.major, arch_cpu_clock() - start);
	return sig;
}
