/* SPDX-License-Identifier: MIT */
/*
 * mprotect.c: changes the rights of areas.
 *
 * The whole range is checked first (holes, rights of the files, seals, limits). Then areas are
 * split, and flags and page table entries are changed. At last the new rights reach the space, the
 * host process that holds this address space: it gets one order (a system call to make,
 * skas/skas.h) for each run of mapped pages of equal rights. Orders are queued, and the next flush
 * carries them out.
 */
#include "kernel/mm/internal.h"

#include <asm/mman.h>

#include "gen/syscalls.h"

/* Returns an entry's rights after the area's rights have changed. */
static pte_t entry_rights(const struct vm_area *v, pte_t e)
{
	pte_t rights = vma_rights(v) & PTE_RIGHTS;
	struct address_space *m = v->vm_mapping;

	if (e & (PTE_COW | PTE_UFFD_WP))
		return rights & ~PTE_RW;
	/*
	 * The first write must fault: for page_mkwrite(), or because the page is text in which call
	 * sites were patched (arch/um/patch), which other processes may execute.
	 */
	if (!vma_is_cow(v) && m && !(e & PTE_D) &&
		(!m->a_ops->memory_only || test_bit(PG_patched, &pfn_to_page(pte_pfn(e))->flags)))
		return rights & ~PTE_RW;
	return rights;
}

/*
 * Returns the changed entry. An entry without PTE_RW loses PTE_D: if it maps a file's page,
 * writeback may have cleaned and write-protected the page. rmap.c then clears PTE_RW only, but the
 * next write must fault, even if the new rights allow it.
 */
static pte_t changed(const struct vm_area *v, pte_t e)
{
	if (!(e & PTE_RW))
		e &= ~PTE_D;
	return (e & ~PTE_RIGHTS) | entry_rights(v, e);
}

/* Changes the entries; returns true if the space has to be updated. */
static bool change_entries(struct vm_area *v, u64 start, u64 end)
{
	struct mm *mm = v->vm_mm;
	bool flush = false;

	while (start < end) {
		pte_t *e;

		spin_lock(&mm->page_table_lock);
		e = pmap_next(&mm->pmap, &start, end);
		if (!e) {
			spin_unlock(&mm->page_table_lock);
			break;
		}
		do {
			pte_t new = *e && !(*e & PTE_SPECIAL) ? changed(v, *e) : *e;

			flush |= (*e & PTE_MAPPED) && ((*e ^ new) & PTE_RIGHTS);
			*e = new;
		} while (e++, start += PAGE_SIZE, start < end && start & (512 * PAGE_SIZE - 1));
		spin_unlock(&mm->page_table_lock);
	}
	return flush;
}

struct protect {
	u64 start, end, flags;
	u64 commit; /* pages to account */
};

static u64 new_flags(const struct vm_area *v, const struct protect *p)
{
	return (v->vm_flags & ~VM_ACCESS) | p->flags;
}

static bool becomes_private_writable(const struct vm_area *v, const struct protect *p)
{
	return p->flags & VM_WRITE &&
	       !(v->vm_flags & (VM_SHARED | VM_ACCOUNT | VM_NORESERVE | VM_HUGETLB));
}

/* True if PR_SET_MDWE forbids the change: VM_EXEC is new, or is set together with VM_WRITE. */
static bool gains_exec(const struct vm_area *v, const struct protect *p)
{
	return p->flags & VM_EXEC && (p->flags & VM_WRITE || !(v->vm_flags & VM_EXEC));
}

/*
 * Checks that every area of the range may have the protection. Returns 0, -ENOMEM (a hole, or
 * RLIMIT_DATA), -EACCES, or -EPERM (a sealed area). As on Linux, the part before the first area
 * that refuses is changed in spite of the error: p->end becomes that area's start.
 */
static int check_areas(struct mm *mm, struct protect *p)
{
	u64 at = p->start, data = 0;
	int err = 0;

	for (struct vm_area *v = vma_lookup(mm, at); at < p->end; v = vma_next(v)) {
		u64 n;

		if (!v || v->vm_start > at)
			err = -ENOMEM;
		else if (p->flags & ~(v->vm_flags >> 4) & VM_ACCESS)
			err = -EACCES;
		else if (mm->mdwe && gains_exec(v, p))
			err = -EACCES;
		else if (v->vm_flags & VM_SEALED)
			err = -EPERM;
		if (err) {
			p->end = at;
			break;
		}
		n = (min(v->vm_end, p->end) - at) >> PAGE_SHIFT;
		if (becomes_private_writable(v, p))
			p->commit += n;
		if ((v->vm_flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == 0 &&
			p->flags & VM_WRITE)
			data += n;
		at = v->vm_end;
	}
	if (data && mm->data_vm + data > mmap_limit(RLIMIT_DATA) >> PAGE_SHIFT) {
		p->end = p->start;
		return -ENOMEM;
	}
	return err;
}

/*
 * Gives the area its new flags. Returns true if the space must be updated. mmap_lock is held for
 * writing.
 */
static bool protect_area(struct vm_area *v, struct protect *p)
{
	struct mm *mm = v->vm_mm;
	u64 flags = new_flags(v, p), pages = vma_pages(v);

	if (becomes_private_writable(v, p)) {
		flags |= VM_ACCOUNT;
		mm->committed += pages;
	}
	if (flags == v->vm_flags)
		return false;
	vm_stat_account(mm, v->vm_flags, -(s64)pages);
	vm_stat_account(mm, flags, (s64)pages);
	v->vm_flags = flags;
	return change_entries(v, v->vm_start, v->vm_end);
}

/*
 * Changes the flags and entries of an area; the next flush updates the space. Returns true if a
 * flush is needed.
 */
static bool update_area(struct vm_area *v, struct protect *p)
{
	u64 start = v->vm_start, end = v->vm_end;

	if (!protect_area(v, p))
		return false;
	pmap_update_rights(&v->vm_mm->pmap, start, end);
	return true;
}

/*
 * Changes an area. For a shared file it holds off writeback until the orders are queued: from then
 * on writeback flushes them itself (pmap_wrprotect_now()). Otherwise writeback could flush between
 * the change of the entries and the queueing, and would take a page for clean that the space can
 * still write.
 */
static bool update_area_of_file(struct vm_area *v, struct protect *p)
{
	struct address_space *m = v->vm_mapping;
	bool flush;

	if (!m || m->a_ops->memory_only || vma_is_cow(v) || p->flags & VM_WRITE)
		return update_area(v, p);
	down_write(&m->i_mmap_sem);
	flush = update_area(v, p);
	up_write(&m->i_mmap_sem);
	return flush;
}

/*
 * Changes the rights of the range, up to the first area that refuses. mmap_lock is held for
 * writing. 0 or -errno.
 */
static int protect_range(struct mm *mm, struct protect *p)
{
	bool flush = false;
	int refused = check_areas(mm, p), err;

	if (p->end == p->start)
		return refused;
	if (mm->map_count + 2 > sysctl_max_map_count)
		return -ENOMEM;
	if (p->commit && vm_enough_memory(p->commit))
		return -ENOMEM;
	err = vma_split_range(mm, p->start, p->end);
	if (err) {
		vm_unacct_memory(p->commit);
		vma_merge_range(mm, p->start, p->end);
		return err;
	}
	for (struct vm_area *v = find_vma(mm, p->start); v && v->vm_start < p->end; v = vma_next(v))
		flush |= update_area_of_file(v, p);
	if (flush)
		pmap_settle(&mm->pmap);
	vma_merge_range(mm, p->start, p->end);
	return refused;
}

/* Extends the range for PROT_GROWSDOWN to the start of the stack area that contains it. */
static int apply_grows(struct mm *mm, struct protect *p, int grows)
{
	struct vm_area *v = find_vma(mm, p->start);

	if (!grows)
		return 0;
	if (!v || v->vm_start >= p->end)
		return -ENOMEM;
	if (grows & PROT_GROWSUP)
		return v->vm_start > p->start ? -ENOMEM : -EINVAL;
	if (!(v->vm_flags & VM_GROWSDOWN))
		return -EINVAL;
	p->start = min(p->start, v->vm_start);
	return 0;
}

/* Serves mprotect(2). 0 or -errno. */
static long do_mprotect(unsigned long addr, size_t len, unsigned long prot)
{
	struct mm *mm = current->mm;
	int grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	struct protect p = { .start = addr, .end = addr + PAGE_ALIGN(len) };
	int err;

	prot &= ~(unsigned long)(PROT_GROWSDOWN | PROT_GROWSUP);
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || addr & ~PAGE_MASK)
		return -EINVAL;
	if (!len)
		return 0;
	if (p.end <= p.start)
		return -ENOMEM;
	if (prot & ~(unsigned long)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return -EINVAL;
	p.flags = (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
		  (prot & PROT_EXEC ? VM_EXEC : 0);
	if (prot & PROT_READ && current->personality & 0x0400000)
		p.flags |= VM_EXEC;
	if (down_write_killable(&mm->mmap_lock))
		return -EINTR;
	err = apply_grows(mm, &p, grows);
	if (!err)
		arch_patch_forget(mm, p.start, p.end);
	if (!err)
		err = protect_range(mm, &p);
	up_write(&mm->mmap_lock);
	return err;
}

long sys_mprotect(unsigned long addr, size_t len, unsigned long prot)
{
	return do_mprotect(addr, len, prot);
}

/* ---- protection keys: as on a CPU without them ---- */

long sys_pkey_mprotect(unsigned long addr, size_t len, unsigned long prot, int pkey)
{
	return pkey == -1 ? do_mprotect(addr, len, prot) : -EINVAL;
}

long sys_pkey_alloc(unsigned long flags, unsigned long rights)
{
	/* as Linux on a CPU without protection keys */
	return -EINVAL;
}

long sys_pkey_free(int pkey)
{
	return -EINVAL;
}
