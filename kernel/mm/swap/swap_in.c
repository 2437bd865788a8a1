/* SPDX-License-Identifier: MIT */
/*
 * swap_in.c: reads pages in from a swap area, at a fault or for swapoff.
 *
 * The page gets a frame of its own, even if other entries refer to the slot: it is not shared for
 * copy on write. If the slot still has its frame, the frame is copied. Otherwise the slot is read.
 * Unless memory is short, pages of the 32 KiB around the address are read too, if their slots are
 * neighbours.
 *
 * A use of the slot prevents its reuse during the read. It is taken under the same hold of
 * page_table_lock under which the entry was read.
 *
 * Locks: mmap_lock, for reading or writing.
 */
#include "kernel/mm/swap/swap_internal.h"
#include "kernel/sched/psi.h"

#define AROUND 8 /* pages */

struct swap_in {
	u64 va; /* address of the first page */
	u32 n, target;
	pte_t e[AROUND];
	struct page *p[AROUND];
	struct page *held; /* the target's frame in memory, or NULL */
};

/* True if @e refers to the slot that is @d behind the target's (negative: before it). */
static bool beside(pte_t e, pte_t target, s64 d)
{
	return e == target + (u64)(d * (s64)PAGE_SIZE) && swap_type(e) == swap_type(target) &&
	       swap_slot(e) == swap_slot(target) + (u64)d;
}

/*
 * Extends the read to the pages around @addr, whose entry is *@ep, if their slots are neighbours.
 * Under page_table_lock.
 */
static void widen(const struct vm_area *v, struct swap_in *in, u64 addr, const pte_t *ep)
{
	u64 lo = addr & ~((u64)AROUND * PAGE_SIZE - 1), hi = lo + AROUND * PAGE_SIZE;
	u64 start = addr, end = addr + PAGE_SIZE;

	lo = max(lo, v->vm_start);
	hi = min(hi, v->vm_end);
	while (start > lo && beside(ep[-(s64)((addr - start) >> PAGE_SHIFT) - 1], *ep,
				     -(s64)((addr - start) >> PAGE_SHIFT) - 1))
		start -= PAGE_SIZE;
	while (end < hi &&
		beside(ep[(end - addr) >> PAGE_SHIFT], *ep, (s64)((end - addr) >> PAGE_SHIFT)))
		end += PAGE_SIZE;
	in->va = start;
	in->n = (u32)((end - start) >> PAGE_SHIFT);
	in->target = (u32)((addr - start) >> PAGE_SHIFT);
}

/*
 * Takes a use of each slot to be read. Returns false if the entry has changed, or the slot cannot
 * be used now.
 */
static bool begin(struct vm_area *v, struct swap_in *in, u64 addr, pte_t e)
{
	struct mm *mm = v->vm_mm;
	bool ok, alone = nr_free_frames() < zone_marks.low;
	pte_t *ep;

	spin_lock(&mm->page_table_lock);
	ep = pmap_pte(&mm->pmap, addr, false);
	ok = ep && *ep == e && swap_use(e, &in->held);
	if (ok) {
		*in = (struct swap_in){ .va = addr, .n = 1, .held = in->held };
		if (!in->held && !alone)
			widen(v, in, addr, ep);
		for (u32 i = 0; i < in->n; i++) {
			in->e[i] = ep[(s64)i - in->target];
			if (i != in->target && !swap_use(in->e[i], &in->p[i])) {
				in->e[i] = 0;
			} else if (in->p[i]) { /* the slot still has its frame */
				put_page(in->p[i]);
				in->p[i] = NULL;
				swap_put(in->e[i]);
				in->e[i] = 0;
			}
		}
	}
	spin_unlock(&mm->page_table_lock);
	return ok;
}

/* Reduces the read to the target page. */
static void narrow(struct swap_in *in)
{
	for (u32 i = 0; i < in->n; i++) {
		if (i == in->target)
			continue;
		if (in->e[i])
			swap_put(in->e[i]);
		if (in->p[i])
			put_page(in->p[i]);
	}
	in->va += (u64)in->target * PAGE_SIZE;
	in->e[0] = in->e[in->target];
	in->p[0] = in->p[in->target];
	in->n = 1;
	in->target = 0;
}

static bool complete_row(const struct swap_in *in)
{
	for (u32 i = 0; i < in->n; i++)
		if (!in->e[i])
			return false;
	return swap_run(in->e[0], in->n) == in->n;
}

/*
 * Allocates frames for the slots beside the target. Returns false if there is no memory: narrow()
 * puts those that were allocated.
 */
static bool alloc_others(struct swap_in *in)
{
	for (u32 i = 0; i < in->n; i++) {
		if (i == in->target)
			continue;
		in->p[i] = alloc_page(GFP_USER | __GFP_NOOOM | __GFP_SPARE);
		if (!in->p[i])
			return false;
		in->p[i]->flags = BIT(PG_anon) | BIT(PG_uptodate);
	}
	return true;
}

/* Allocates frames and reads the content into them. May sleep. 0 or -errno. */
static int fill(struct swap_in *in, struct fault_info *info)
{
	bool stall;
	int err;

	in->p[in->target] = anon_page_alloc();
	if (!in->p[in->target])
		return -ENOMEM;
	if (in->held) {
		copy_page(page_address(in->p[0]), page_address(in->held));
		return 0;
	}
	if (in->n > 1 && (!complete_row(in) || !alloc_others(in)))
		narrow(in);
	info->major = true;
	stall = psi_memstall_enter();
	err = swap_read(in->e[0], in->p, in->n);
	/* an error of another slot must not fail the target: read the target alone */
	if (err && in->n > 1) {
		narrow(in);
		err = swap_read(in->e[0], in->p, 1);
	}
	psi_memstall_leave(stall);
	if (!err)
		count_vm(pswpin, in->n);
	return err;
}

/* Puts the frames into those entries that have not changed. */
static void commit(struct vm_area *v, struct swap_in *in)
{
	struct mm *mm = v->vm_mm;

	spin_lock(&mm->page_table_lock);
	for (u32 i = 0; i < in->n; i++) {
		pte_t *e = pmap_pte(&mm->pmap, in->va + (u64)i * PAGE_SIZE, false);

		if (!e || *e != in->e[i])
			continue;
		entry_set(v, e, in->p[i], vma_rights(v) | PTE_D);
		in->p[i] = NULL;
		atomic_dec(&mm->swapents);
		swap_put(in->e[i]);
	}
	spin_unlock(&mm->page_table_lock);
}

/* Drops the references to frames and the uses of slots that are left. */
static void finish(struct swap_in *in)
{
	for (u32 i = 0; i < in->n; i++) {
		if (in->p[i])
			put_page(in->p[i]);
		if (in->e[i])
			swap_put(in->e[i]);
	}
	if (in->held)
		put_page(in->held);
}

int swap_in(struct vm_area *v, u64 addr, pte_t e, struct fault_info *info)
{
	struct swap_in in = { 0 };
	int err = 0;

	if (!begin(v, &in, addr, e)) {
		cond_resched();
		return 0;
	}
	/* guest code may still write to the frame */
	if (in.held && PageLocked(in.held)) {
		wait_on_page_locked(in.held);
	} else {
		info->kind = FAULT_SWAP;
		err = fill(&in, info);
		if (!err) {
			commit(v, &in);
			info->start = in.va;
			info->end = in.va + (u64)in.n * PAGE_SIZE;
			info->populate = true;
		}
	}
	finish(&in);
	return err;
}

/* ---- reading in many pages ---- */

/*
 * Returns the next entry from *va on that refers to a slot of area @type (negative: of any), and
 * sets *va to its address. Returns 0 if there is none up to @end or, with *va before @end, none in
 * this table.
 */
static pte_t next_swapped(struct mm *mm, u64 *va, u64 end, int type)
{
	pte_t found = 0, *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_next(&mm->pmap, va, end);
	if (!e)
		*va = end;
	while (e && *va < end) {
		if (*e & PTE_SWAP && (type < 0 || swap_type(*e) == (u32)type)) {
			found = *e;
			break;
		}
		e++;
		*va += PAGE_SIZE;
		if (!(*va & (512 * PAGE_SIZE - 1)))
			break;
	}
	spin_unlock(&mm->page_table_lock);
	return found;
}

int swap_in_range(struct vm_area *v, u64 start, u64 end, int type)
{
	int err = 0;

	if (!atomic_read(&v->vm_mm->swapents))
		return 0;
	while (start < end && !err) {
		pte_t e = next_swapped(v->vm_mm, &start, end, type);
		struct fault_info info = { 0 };

		if (e)
			err = swap_in(v, start, e, &info);
		if (!err && wait_interrupted(TASK_KILLABLE))
			err = -EINTR;
		cond_resched();
	}
	return err;
}

/* bytes of addresses walked under one hold of mmap_lock */
#define STRETCH (64UL << 20)

/*
 * Reads in all pages of an mm. The caller, or a task of the mm, holds mm_users, so the areas stay.
 */
static int swap_in_mm(struct mm *mm, int type)
{
	int err = 0;

	for (u64 va = 0; va < mm->task_size && !err;) {
		struct vm_area *v;
		u64 end;

		if (down_read_killable(&mm->mmap_lock))
			return -EINTR;
		v = find_vma(mm, va);
		if (!v) {
			up_read(&mm->mmap_lock);
			break;
		}
		va = max(va, v->vm_start);
		end = min(v->vm_end, va + STRETCH);
		if (vma_is_anon(v) && vma_is_cow(v))
			err = swap_in_range(v, va, end, type);
		else
			end = v->vm_end;
		va = end;
		up_read(&mm->mmap_lock);
		if (wait_interrupted(TASK_INTERRUPTIBLE))
			err = err ? err : -EINTR;
		cond_resched();
	}
	return err;
}

int swap_in_all(int type, bool (*any_left)(struct swap_area *a), struct swap_area *a)
{
	int err = 0;
	u32 idle = 0;

	while (!err && any_left(a)) {
		struct mm *mm = next_mm();

		if (mm && atomic_read(&mm->swapents) && atomic_inc_not_zero(&mm->mm_users)) {
			err = swap_in_mm(mm, type);
			mmput(mm);
			idle = 0;
		} else if (wait_interrupted(TASK_INTERRUPTIBLE)) {
			err = -EINTR;
		} else if (++idle > count_mms()) {
			/*
			 * a write in progress, or a process that ends, still uses the remaining
			 * slots
			 */
			sleep_ns(1000000);
			idle = 0;
		}
		cond_resched();
		if (mm)
			mmdrop(mm);
	}
	return err;
}
