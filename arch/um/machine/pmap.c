/* SPDX-License-Identifier: MIT */
/*
 * pmap.c: keeps a space's host mappings as a cache of the page tables (pmap_table.c). An entry is a
 * page table entry, an order is a mapping call for the space's mapper (skas.h).
 *
 * The protocol between entries and orders:
 * - Entries are read and written under mm->page_table_lock. Orders are queued under pmap->lock,
 *   without page_table_lock (orders may reach the host). Lock order: pmap->lock, then
 *   page_table_lock.
 * - To queue an order, a task takes pmap->lock and reads the entries under page_table_lock. It sets
 *   or clears PTE_MAPPED as the space will be once the order is applied, drops page_table_lock, and
 *   queues the order with pmap->lock still held. So orders are queued in the order in which the
 *   entries were read, and PTE_MAPPED never claims more than the space has after all queued orders.
 * - To remove or replace an entry (unmap, truncate, COW), a task changes it under page_table_lock,
 *   then calls pmap_drop() or pmap_sync(), then gives the frame to pmap_retire(), which frees it
 *   after a flush. An earlier pmap_sync() saw the old entry, but its order is ahead in the queue; a
 *   later pmap_sync() sees the new entry.
 * - A flush costs a wake-up of the mapper and a sleep of the caller, so flushes are avoided. If no
 *   guest code of the mm can run before the caller itself returns to it (quiet()), orders stay
 *   queued and frames retired until the flush that pmap_space() makes anyway. With other threads
 *   the flush comes before the call returns.
 * - A fault on an entry that already allows the access and claims to be mapped drops the page and
 *   maps it again (fault.c): so mappings that the host has lost are restored.
 * - Orders that only add mappings (pmap_sync_ahead) wait for the next flush that has to be made. A
 *   guest that touches such a page earlier faults, and then they are flushed (pmap_urge).
 *
 * Invariants:
 * 1. If PTE_MAPPED is set and no orders are queued, the space maps that frame with at most the
 *    rights that the entry had when it was synced.
 * 2. Rights of a mapped entry are reduced only together with pmap_update_rights(). When they grow,
 *    or when the frame changes, PTE_MAPPED stays set (the space still maps the old frame) and
 *    PTE_STALE is set.
 * 3. Without a space PTE_MAPPED has no meaning; pmap_take_space() clears it in all entries.
 * 4. Frames are retired only while orders are queued; no space maps them when they are freed.
 *
 * When a space nears the host's limit of maps, all of its mappings are dropped: they are only a
 * cache.
 */
#include "arch/um/machine/pmap.h"

#include <asm/errno.h>

#include "arch/um/internal.h"
#include "arch/um/machine/ldt.h"
#include "arch/um/patch/patch.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "os-linux/os.h"
#include "skas/skas.h"

#define ENTRIES 512
#define LEAF_SPAN (ENTRIES * PAGE_SIZE)
#define RUNS 32
/*
 * size of the range around a touched page that is taken from the file of a state together with the
 * page
 */
#define NEAR (8 * PAGE_SIZE)
/* distance from the host's limit of maps, which leaves room for queued orders */
#define MAPS_RESERVE 4000

/* the pmap whose space each vCPU runs; written by that vCPU, read by pmap_take_space() */
static struct pmap *cpu_pmap[MAX_CPUS];

static struct mm *mm_of(struct pmap *pm)
{
	return container_of(pm, struct mm, pmap);
}

static void entries_lock(struct pmap *pm)
{
	spin_lock(&mm_of(pm)->page_table_lock);
}

static void entries_unlock(struct pmap *pm)
{
	spin_unlock(&mm_of(pm)->page_table_lock);
}

/* ---- orders; under pmap->lock ---- */

struct run {
	u64 va, len;
	pfn_t pfn;
	pte_t rights;
	/* the space maps another frame at this address, which must be unmapped first */
	bool over;
};

static int run_prot(pte_t rights)
{
	if (!(rights & PTE_P))
		return 0;
	return OS_PROT_READ | (rights & PTE_RW ? OS_PROT_WRITE : 0) |
	       (rights & PTE_NX ? 0 : OS_PROT_EXEC);
}

/*
 * Returns the rights of the page that the space maps now. They exclude write access if its frame is
 * not the entry's.
 */
static pte_t mapped_rights(pte_t e)
{
	return e & PTE_RIGHTS & ~(e & PTE_STALE ? PTE_RW : 0UL);
}

#define WANT_ALL 1

static bool run_extend(struct run *r, u64 va, pte_t e, pte_t rights, bool frames)
{
	if (r->va + r->len != va || r->rights != rights)
		return false;
	if (frames && r->pfn + (r->len >> PAGE_SHIFT) != pte_pfn(e))
		return false;
	r->len += PAGE_SIZE;
	return true;
}

/*
 * True if the entry should be mapped now. With @all false, a frame that would have to be taken from
 * the file of a state first (physmem_take()) is not mapped until it is touched.
 */
static bool wants_mapping(pte_t e, bool all)
{
	if (!(e & PTE_P) || (e & PTE_MAPPED && !(e & PTE_STALE)))
		return false;
	return all || e & PTE_MAPPED || !physmem_in_base(pte_pfn(e));
}

/*
 * Gathers runs of entries of [*va, end). With @want PTE_MAPPED, these are the mapped entries. With
 * @want 0 or WANT_ALL they are the entries that wants_mapping() admits (@all is true for WANT_ALL);
 * these entries get PTE_MAPPED. Takes page_table_lock for one leaf table at a time. Stops when
 * @runs is full; *va is then the address to continue at. Returns the number of runs, at most @max.
 */
static u32 gather_runs(struct pmap *pm, u64 *va, u64 end, pte_t want, struct run *runs, u32 max)
{
	bool mapped = want == PTE_MAPPED;
	u32 n = 0;

	while (*va < end) {
		pte_t *e;

		entries_lock(pm);
		e = pmap_next(pm, va, end);
		if (!e) {
			entries_unlock(pm);
			*va = end;
			break;
		}
		do {
			bool take = mapped ? (*e & PTE_MAPPED) != 0 :
					     wants_mapping(*e, want == WANT_ALL);
			pte_t rights = mapped ? mapped_rights(*e) : *e & PTE_RIGHTS;

			if (!take) {
				pmap_step(&e, va);
				continue;
			}
			if (!n || !run_extend(&runs[n - 1], *va, *e, rights, !mapped)) {
				if (n == max) {
					entries_unlock(pm);
					return n;
				}
				runs[n++] =
					(struct run){ *va, PAGE_SIZE, pte_pfn(*e), rights, false };
			}
			if (*e & PTE_STALE) {
				/*
				 * Set before PTE_STALE is cleared: from then on the kernel may
				 * write to the new frame, and guest code must not run before a
				 * flush.
				 */
				pm->queued = true;
				runs[n - 1].over = true;
			}
			*e = mapped ? *e : (*e & ~PTE_STALE) | PTE_MAPPED;
		} while (e++, *va += PAGE_SIZE, *va < end && *va & (LEAF_SPAN - 1));
		entries_unlock(pm);
	}
	return n;
}

u64 pmap_forget_mapped(struct pmap *pm, u64 start, u64 end)
{
	u64 n = 0;

	while (start < end) {
		pte_t *e;

		entries_lock(pm);
		e = pmap_next(pm, &start, end);
		if (!e) {
			entries_unlock(pm);
			break;
		}
		do {
			n += (*e & PTE_MAPPED) != 0;
			if (*e)
				*e &= ~(PTE_MAPPED | PTE_STALE | PTE_LAZY);
			else
				pmap_step(&e, &start);
		} while (e++, start += PAGE_SIZE, start < end && start & (LEAF_SPAN - 1));
		entries_unlock(pm);
	}
	return n;
}

static u64 host_maps_limit(void)
{
	static u64 limit; /* racing writers store equal values */
	struct os_mem_info info;

	if (!limit) {
		limit = os_mem_info(&info) ? 65530 : info.max_maps;
		limit = max(limit, 2UL * MAPS_RESERVE) - MAPS_RESERVE;
	}
	return limit;
}

/*
 * True if the host would soon refuse a further map. If an order failed, the space would have to be
 * killed.
 */
static bool is_full(const struct pmap *pm)
{
	return unlikely(pm->space && space_nr_maps(pm->space) >= host_maps_limit());
}

/*
 * Drops the mappings of a range or, if the space is full, all its mappings: unmapping a part may
 * split a map in two.
 */
static int drop_locked(struct pmap *pm, u64 start, u64 end)
{
	if (is_full(pm)) {
		start = MMAP_MIN_ADDR;
		end = arch_task_size();
		if (!pm->queued)
			pmap_note_touched_locked(pm, start, end);
	}
	/*
	 * Set before PTE_MAPPED is cleared: from then on the kernel may write to a new frame, and
	 * guest code must not run before a flush.
	 */
	pm->queued |= pm->space != NULL;
	pmap_forget_mapped(pm, start, end);
	return pm->space ? space_unmap(pm->space, start, end - start) : 0;
}

/* ---- frames whose entries are gone, until the flush; under pmap->lock ---- */

#define GATHER_MAX (PAGE_SIZE / sizeof(struct page *))

static void free_retired(struct pmap *pm)
{
	if (!pm->nr_retired)
		return;
	free_page_batch(pm->retired, pm->nr_retired);
	pm->nr_retired = 0;
}

int pmap_flush_locked(struct pmap *pm)
{
	int err = 0;

	if (pm->queued && pm->space) {
		err = space_flush(pm->space);
		pm->ahead = false;
	}
	pm->queued = false;
	free_retired(pm);
	return err;
}

/*
 * True if no guest code of this mm can run before the caller returns to it: the mm's only task is
 * current, which is in the kernel.
 */
static bool quiet(struct pmap *pm)
{
	struct mm *mm = mm_of(pm);

	return current->mm == mm && atomic_read(&mm->mm_users) == 1;
}

static bool gather(struct pmap *pm, struct page **pages, u32 n)
{
	if (!pm->retired)
		pm->retired = get_free_page(GFP_ATOMIC);
	if (!pm->retired || n > GATHER_MAX - pm->nr_retired)
		return false;
	memcpy(pm->retired + pm->nr_retired, pages, n * sizeof(*pages));
	pm->nr_retired += n;
	return true;
}

void pmap_retire(struct pmap *pm, struct page **pages, u32 n)
{
	mutex_lock(&pm->lock);
	if (!pm->queued || !quiet(pm) || !gather(pm, pages, n)) {
		pmap_flush_locked(pm);
		free_page_batch(pages, n);
	}
	mutex_unlock(&pm->lock);
}

/* Frees the frames that were gathered for a space that is gone. */
static void drop_gather(struct pmap *pm)
{
	pm->queued = pm->ahead = false;
	free_retired(pm);
	if (pm->retired)
		free_page_addr(pm->retired);
	pm->retired = NULL;
}

static int make_room(struct pmap *pm)
{
	return is_full(pm) ? drop_locked(pm, MMAP_MIN_ADDR, arch_task_size()) : 0;
}

typedef int (*map_fn)(struct space *, u64, u64, int, int, u64, bool);

/* Maps the frames of one run, which all lie in one region. */
static int map_frames(
	struct pmap *pm, map_fn map, u64 va, u64 len, int prot, pfn_t pfn, bool populate)
{
	u64 off;
	u32 region = pfn_region(pfn, &off);
	int err;

	physmem_wait_for_merge();
	err = physmem_take(pfn, len >> PAGE_SHIFT);
	return err ? err : map(pm->space, va, len, prot, (int)region, off, populate);
}

/* Maps a run. In a run of text, shadows may replace some of its frames (patch.h). */
static int map_run(struct pmap *pm, const struct run *r, bool populate, bool ahead)
{
	map_fn map = ahead ? space_map_ahead : space_map;
	u64 at = r->va, end = r->va + r->len;
	bool text = (r->rights & (PTE_P | PTE_RW | PTE_NX)) == PTE_P;
	int prot = run_prot(r->rights), err = 0;
	u64 va = at;
	pfn_t shadow;

	while (text && !err && patch_find_shadow(mm_of(pm), r->va, r->pfn, &va, end, &shadow)) {
		if (va > at)
			err = map_frames(pm, map, at, va - at, prot,
				r->pfn + ((at - r->va) >> PAGE_SHIFT), populate);
		if (!err)
			err = map_frames(pm, map, va, PAGE_SIZE, prot, shadow, true);
		at = va += PAGE_SIZE;
	}
	if (at < end && !err)
		err = map_frames(pm, map, at, end - at, prot, r->pfn + ((at - r->va) >> PAGE_SHIFT),
			populate);
	return err;
}

/*
 * Maps pages that the space does not map yet. If @ahead, orders that only add mappings wait for the
 * next flush.
 */
static int sync_locked(struct pmap *pm, u64 start, u64 end, bool populate, bool ahead, u32 max)
{
	bool all = !max || populate || end - start <= NEAR;
	struct run runs[RUNS];
	u32 done = 0;
	int err = make_room(pm);

	while (start < end && !err && (!max || done < max)) {
		u32 n = gather_runs(pm, &start, end, all ? WANT_ALL : 0, runs,
			max ? min_t(u32, RUNS, max - done) : RUNS);

		for (u32 i = 0; i < n && !err; i++) {
			bool wait = ahead && !runs[i].over;

			err = map_run(pm, &runs[i], populate, wait);
			pm->queued |= !wait;
			pm->ahead |= wait;
		}
		done += n;
		if (!n)
			break;
	}
	return err;
}

int pmap_sync(struct pmap *pm, u64 start, u64 end, bool populate, u32 max)
{
	int err = 0;

	mutex_lock(&pm->lock);
	if (pm->space)
		err = sync_locked(pm, start, end, populate, false, max);
	mutex_unlock(&pm->lock);
	return err;
}

int pmap_sync_page(struct pmap *pm, u64 page)
{
	if (!physmem_has_base())
		return pmap_sync(pm, page, page + PAGE_SIZE, false, 1);
	page &= ~(NEAR - 1);
	return pmap_sync(pm, page, page + NEAR, false, NEAR / PAGE_SIZE);
}

int pmap_sync_ahead(struct pmap *pm, u64 start, u64 end, u32 max)
{
	int err = 0;

	mutex_lock(&pm->lock);
	if (pm->space)
		err = sync_locked(pm, start, end, false, true, max);
	mutex_unlock(&pm->lock);
	return err;
}

bool pmap_urge(struct pmap *pm)
{
	bool waiting;

	mutex_lock(&pm->lock);
	waiting = pm->ahead;
	pm->queued |= waiting;
	mutex_unlock(&pm->lock);
	return waiting;
}

static bool all_readable(struct pmap *pm, u64 start, u64 end)
{
	bool all = true;

	entries_lock(pm);
	for (; all && start < end; start += PAGE_SIZE) {
		pte_t *e = pmap_pte(pm, start, false);

		all = e && *e & PTE_P;
	}
	entries_unlock(pm);
	return all;
}

int pmap_replace(struct pmap *pm, u64 start, u64 end, bool populate)
{
	int err = 0;

	mutex_lock(&pm->lock);
	if (pm->space) {
		err = sync_locked(pm, start, end, populate, false, 0);
		/*
		 * Truncation may have taken an entry away before all_readable() read it: then
		 * nothing was mapped over the old frame.
		 */
		if (!err && !all_readable(pm, start, end))
			err = drop_locked(pm, start, end);
	}
	mutex_unlock(&pm->lock);
	return err;
}

static void mark_stale(struct pmap *pm, u64 start, u64 end)
{
	entries_lock(pm);
	for (; start < end; start += PAGE_SIZE) {
		pte_t *e = pmap_pte(pm, start, false);

		if (e && *e & PTE_MAPPED)
			*e |= PTE_STALE;
	}
	entries_unlock(pm);
}

int pmap_refresh(struct pmap *pm, u64 start, u64 end)
{
	int err = 0;

	mutex_lock(&pm->lock);
	if (pm->space) {
		mark_stale(pm, start, end);
		err = sync_locked(pm, start, end, true, false, 0);
		if (!err)
			err = pmap_flush_locked(pm);
	}
	mutex_unlock(&pm->lock);
	return err;
}

static int with_lock(
	struct pmap *pm, u64 start, u64 end, int (*locked)(struct pmap *pm, u64 start, u64 end))
{
	int err;

	mutex_lock(&pm->lock);
	err = locked(pm, start, end);
	mutex_unlock(&pm->lock);
	return err;
}

int pmap_drop(struct pmap *pm, u64 start, u64 end)
{
	return with_lock(pm, start, end, drop_locked);
}

bool pmap_drop_mapped(struct pmap *pm, u64 start, u64 end)
{
	bool any, before;

	mutex_lock(&pm->lock);
	before = pm->queued;
	if (is_full(pm) && !before)
		pmap_note_touched_locked(pm, MMAP_MIN_ADDR, arch_task_size());
	/* Set before PTE_MAPPED is cleared, as in drop_locked(). */
	pm->queued |= pm->space != NULL;
	any = pmap_forget_mapped(pm, start, end) && pm->space;
	if (any && is_full(pm))
		drop_locked(pm, start, end);
	else if (any)
		space_unmap(pm->space, start, end - start);
	else
		pm->queued = before;
	mutex_unlock(&pm->lock);
	return any;
}

/* with more runs than this, dropping the range costs less */
#define MAX_PROTECTS 64

static int protect_run(struct pmap *pm, const struct run *r)
{
	int prot = run_prot(r->rights);
	u64 off;

	if (prot & OS_PROT_WRITE && !pfn_region(r->pfn, &off))
		os_state_note(off, r->len);
	return space_protect(pm->space, r->va, r->len, prot);
}

static int update_rights_locked(struct pmap *pm, u64 start, u64 end)
{
	struct run runs[RUNS];
	u64 va = start;
	u32 done = 0;
	/* each order may split a map into three */
	int err = make_room(pm);

	while (pm->space && va < end && !err) {
		u32 n = gather_runs(pm, &va, end, PTE_MAPPED, runs, RUNS);

		if (!n)
			break;
		done += n;
		if (done > MAX_PROTECTS) {
			err = drop_locked(pm, start, end);
			break;
		}
		for (u32 i = 0; i < n && !err; i++)
			err = protect_run(pm, &runs[i]);
		pm->queued = true;
	}
	return err;
}

int pmap_update_rights(struct pmap *pm, u64 start, u64 end)
{
	return with_lock(pm, start, end, update_rights_locked);
}

/*
 * Clears the write permission of the entries. Returns true if there are any entries. Sets *mapped
 * to true if the space maps any of those that were writable, so that an order is needed.
 */
static bool entries_wrprotect(struct pmap *pm, u64 start, u64 end, bool *mapped)
{
	bool any = false;

	while (start < end) {
		pte_t *e;

		entries_lock(pm);
		e = pmap_next(pm, &start, end);
		if (!e) {
			entries_unlock(pm);
			break;
		}
		do {
			any |= *e != 0;
			if (*e & PTE_RW) {
				*mapped |= (*e & PTE_MAPPED) != 0;
				*e &= ~PTE_RW;
			} else {
				pmap_step(&e, &start);
			}
		} while (e++, start += PAGE_SIZE, start < end && start & (LEAF_SPAN - 1));
		entries_unlock(pm);
	}
	return any;
}

/*
 * Changes entries, queues orders and flushes without releasing the lock: a second caller that finds
 * the entries already protected must not return before the first caller's flush. A page without
 * PTE_MAPPED is not safe either, since the order that drops it may still be queued.
 */
void pmap_wrprotect_now(struct pmap *pm, u64 start, u64 end)
{
	bool mapped = false;

	mutex_lock(&pm->lock);
	if (entries_wrprotect(pm, start, end, &mapped)) {
		if (mapped)
			update_rights_locked(pm, start, end);
		pmap_flush_locked(pm);
	}
	mutex_unlock(&pm->lock);
}

/* Returns -EIO if the space is dead. Then nothing uses its mappings any more. */
int pmap_flush(struct pmap *pm)
{
	int err = 0;

	mutex_lock(&pm->lock);
	err = pmap_flush_locked(pm);
	mutex_unlock(&pm->lock);
	return err;
}

int pmap_settle(struct pmap *pm)
{
	return quiet(pm) ? 0 : pmap_flush(pm);
}

void pmap_note_touched(struct pmap *pm, u64 start, u64 end)
{
	if (likely(!READ_ONCE(pm->lazy)))
		return;
	mutex_lock(&pm->lock);
	if (pm->space && !pmap_flush_locked(pm))
		pmap_note_touched_locked(pm, start, end);
	mutex_unlock(&pm->lock);
}

bool pmap_runs_beside(struct pmap *pm)
{
	return READ_ONCE(pm->space) && !quiet(pm);
}

/* ---- spaces ---- */

#define TAKE_TRIES 4
/* limit of orders that fill a fresh space; the remaining pages are mapped by faults */
#define REFILL_ORDERS 256

/* Gets a space, or returns ERR_PTR. At the host's limit, takes the space of a sleeping task. */
static struct space *get_or_take_space(struct pmap *pm)
{
	struct space *s = space_get_like(smp_processor_id(), pm->image);

	for (int i = 0; IS_ERR(s) && i < TAKE_TRIES && mm_take_idle_space(); i++)
		s = space_get_like(smp_processor_id(), pm->image);
	return s;
}

/*
 * Gets a space for the mm, unless it has one by now, and applies its orders. Returns it, or
 * ERR_PTR. Takes pmap->lock.
 */
static struct space *make_space(struct pmap *pm)
{
	struct space *s;

	mutex_lock(&pm->lock);
	if (!pm->space) {
		s = get_or_take_space(pm);
		if (IS_ERR(s)) {
			mutex_unlock(&pm->lock);
			return s;
		}
		pm->space = s;
		pm->space_since = ktime_get();
		pm->queued = true;
		pmap_image_adopt(pm, s);
		sync_locked(pm, MMAP_MIN_ADDR, arch_task_size(), false, false, REFILL_ORDERS);
		if (unlikely(mm_of(pm)->ldt))
			ldt_install(mm_of(pm)->ldt, s);
	}
	pmap_flush_locked(pm);
	s = pm->space;
	mutex_unlock(&pm->lock);
	return s;
}

struct space *pmap_space(struct pmap *pm)
{
	int cpu = smp_processor_id();
	struct space *s;

	/*
	 * Set before the space is read; pmap_take_space() clears pm->space before it reads
	 * cpu_pmap[].
	 */
	if (cpu_pmap[cpu] != pm)
		(void)xchg(&cpu_pmap[cpu], pm);
	s = READ_ONCE(pm->space);
	if (likely(s && !READ_ONCE(pm->queued)))
		return s;
	s = make_space(pm);
	/*
	 * If get_or_take_space() slept, the task may be on another vCPU now, or another task may
	 * have run on this one.
	 */
	if (!IS_ERR(s) && READ_ONCE(cpu_pmap[smp_processor_id()]) != pm)
		return pmap_space(pm);
	return s;
}

void pmap_leave(void)
{
	(void)xchg(&cpu_pmap[smp_processor_id()], NULL);
}

bool pmap_take_space(struct pmap *pm)
{
	struct space *s;

	if (!mutex_trylock(&pm->lock))
		return false;
	s = xchg(&pm->space, NULL);
	for (int cpu = 0; s && cpu < nr_cpus; cpu++)
		if (READ_ONCE(cpu_pmap[cpu]) == pm) {
			WRITE_ONCE(pm->space, s);
			s = NULL;
		}
	if (s) {
		if (!pm->queued) {
			pm->space = s;
			pmap_note_touched_locked(pm, 0, arch_task_size());
			pm->space = NULL;
		}
		/* another vCPU may have changed entries without having queued their orders yet */
		space_image(s)->nr = 0;
		pmap_forget_mapped(pm, 0, 1UL << 47);
		space_put(s);
		drop_gather(pm);
	}
	mutex_unlock(&pm->lock);
	return s != NULL;
}

void pmap_put_space(struct pmap *pm)
{
	struct space *s;

	for (int cpu = 0; cpu < nr_cpus; cpu++) {
		struct pmap *expected = pm;

		__atomic_compare_exchange_n(
			&cpu_pmap[cpu], &expected, NULL, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
	mutex_lock(&pm->lock);
	s = pm->space;
	pm->space = NULL;
	if (s) {
		pmap_image_save(pm, s);
		space_put(s);
	}
	drop_gather(pm);
	mutex_unlock(&pm->lock);
}

void pmap_forget_cpus(void)
{
	memset(cpu_pmap, 0, sizeof(cpu_pmap));
}
