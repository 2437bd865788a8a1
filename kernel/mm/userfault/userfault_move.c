/* SPDX-License-Identifier: MIT */
/*
 * userfault_move.c: UFFDIO_MOVE: moves anonymous pages of a program from one address range to
 * another range, which is registered, without a copy.
 *
 * Each range lies in one area. Both areas are private and writable, and have equal rights. A page
 * that a child shares, or that is pinned, does not move (-EBUSY). A flag of the ioctl decides
 * whether a missing page is an error.
 *
 * Locks: mmap_lock for writing, so that no fault fills or copies pages meanwhile. The host mappings
 * of the old range are dropped before the first entry moves.
 */
#include "kernel/mm/swap/swap_internal.h"
#include "kernel/mm/userfault/userfault.h"

#include "arch/um/machine/arch.h"
#include "kernel/sched/sched.h"

struct move {
	struct uffd *u;
	u64 dst, src, len;
	bool holes; /* missing pages count as moved */
	/* true: another thread has mapped source pages again, so host mappings must be dropped */
	bool mapped;
	struct hole_cursor cursor;
};

static bool covers(const struct vm_area *v, u64 start, u64 len)
{
	return v && v->vm_end - start >= len;
}

/* Checks the areas of a move. mmap_lock is held. 0 or -errno. */
static int check_move(const struct move *m)
{
	struct mm *mm = m->u->mm;
	struct vm_area *d = vma_lookup(mm, m->dst), *s = vma_lookup(mm, m->src);

	if (atomic_read(&m->u->changing))
		return -EAGAIN;
	if (!d || !s)
		return -ENOENT;
	if (!covers(d, m->dst, m->len) || !covers(s, m->src, m->len) || !vma_is_cow(s) ||
		!vma_is_cow(d) || !vma_is_anon(s) || !vma_is_anon(d))
		return -EINVAL;
	if ((s->vm_flags ^ d->vm_flags) & (VM_ACCESS | VM_LOCKED) || !(s->vm_flags & VM_WRITE))
		return -EINVAL;
	return d->vm_uffd == m->u ? 0 : -EINVAL;
}

/* True if the page has one user: no child shares it, and no device has pinned it. */
static bool is_exclusive(const struct page *p)
{
	return PageAnon(p) && atomic_read(&p->mapcount) == 1 && atomic_read(&p->refcount) == 1;
}

/* Returns the entry at @va, or 0 if the program has not touched the page. */
static pte_t touched_entry(struct move *m, u64 va)
{
	struct mm *mm = m->u->mm;
	pte_t *p, e;

	spin_lock(&mm->page_table_lock);
	p = pmap_pte(&mm->pmap, va, false);
	e = p ? *p : 0;
	spin_unlock(&mm->page_table_lock);
	return e & PTE_SPECIAL || entry_touched(e, &m->cursor) ? e : 0;
}

/* Moves one page. Returns 0, -EAGAIN (the page was swapped in: try again), or another -errno. */
static int move_page(struct move *m, struct vm_area *d, u64 off)
{
	struct mm *mm = m->u->mm;
	pte_t e = touched_entry(m, m->src + off), *from, *to;
	struct fault_info info = { 0 };
	int err = 0;

	if (touched_entry(m, m->dst + off))
		return -EEXIST;
	if (!e)
		return m->holes ? 0 : -ENOENT;
	if (e & PTE_SWAP) {
		err = swap_in(vma_lookup(mm, m->src + off), m->src + off, e, &info);
		return err ? err : -EAGAIN;
	}
	if (e & PTE_SPECIAL)
		return -EFAULT;
	if (!is_exclusive(pfn_to_page(pte_pfn(e))))
		return -EBUSY;
	to = entry_lock(mm, m->dst + off);
	if (!to)
		return -ENOMEM;
	from = pmap_pte(&mm->pmap, m->src + off, false);
	/* the target may have been mapped ahead before the area was watched */
	if (*to) {
		err = -EEXIST;
	} else if (!is_exclusive(pfn_to_page(pte_pfn(e)))) { /* a pin takes no mmap_lock */
		err = -EBUSY;
	} else {
		m->mapped |= (*from & PTE_MAPPED) != 0;
		clear_bit(PG_zero, &pfn_to_page(pte_pfn(e))->flags);
		*to = mk_pte(pte_pfn(e), vma_rights(d) | PTE_D);
		*from = 0;
	}
	entry_unlock(mm);
	return err;
}

/* Moves the range. Returns the number of bytes moved, or -errno if that is 0. */
static s64 move_range(struct move *m)
{
	struct mm *mm = m->u->mm;
	struct vm_area *d = vma_lookup(mm, m->dst);
	u64 done = 0;
	int err = 0;

	arch_patch_forget(mm, m->src, m->src + m->len);
	zap_prepare(mm, m->src, m->src + m->len);
	while (done < m->len && !err) {
		do
			err = move_page(m, d, done);
		while (err == -EAGAIN && !wait_interrupted(TASK_KILLABLE));
		if (!err)
			done += PAGE_SIZE;
		if (!err && wait_interrupted(TASK_KILLABLE))
			err = -EINTR;
		cond_resched();
	}
	if (m->mapped) {
		pmap_drop(&mm->pmap, m->src, m->src + m->len);
		pmap_settle(&mm->pmap);
	}
	return done ? (s64)done : err;
}

s64 uffd_move(struct uffd *u, u64 dst, u64 src, u64 len, bool holes, bool wake)
{
	struct move m = { .u = u, .dst = dst, .src = src, .len = len, .holes = holes };
	s64 done;

	if (down_write_killable(&u->mm->mmap_lock))
		return -EINTR;
	done = check_move(&m);
	if (!done)
		done = move_range(&m);
	up_write(&u->mm->mmap_lock);
	if (done > 0 && wake)
		uffd_wake_range(u, dst, dst + (u64)done);
	return done;
}
