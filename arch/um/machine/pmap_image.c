/* SPDX-License-Identifier: MIT */
/*
 * pmap_image.c: records the mappings that a pooled space still has (its image), and finds those
 * that the next mm can keep.
 *
 *	pmap_image_save(pm, s)    called when the space returns to the pool: makes the image from
 *	                          entries that are PTE_MAPPED
 *	pmap_image_adopt(pm, s)   for a space from the pool: entries that are in its image become
 *	                          PTE_MAPPED, the rest is unmapped
 *	pmap_kin(image, ...)      predicts those entries, so that a child gets matching frames
 *	                          (kernel/mm/frame/sibling.c)
 *
 * A mapping order costs one to two microseconds, and the host's faults behind it cost as much
 * again. The next child of a shell, or the next run of a program at fixed addresses, needs nearly
 * all mappings of the last one. The image is a list of (address, frame, rights), independent of the
 * contents of the frames. The frames may be freed and reused meanwhile: no code runs in a pooled
 * space, and every mapping that differs from the new entries is unmapped before guest code runs.
 *
 * Invariants:
 * 1. An image lists all mappings of the space below the stub, as of when its queued orders are
 *    applied. Otherwise its nr is 0: the mappings are unknown, and adopting begins with unmapping
 *    everything.
 * 2. Adopted pages have the entry's frame and the entry's rights.
 *
 * Entries change before their orders are queued. At exit only ksmd and tasks that change a file's
 * mappings can be in between (pmap_change_begin()); then the image is unknown. A space that is
 * taken from a living mm has no image.
 *
 * Text with patched call sites: the frame is the shadow if there is one (patch.h). An mm that has
 * ever lost a shadow saves no image, since its space may still map that shadow.
 *
 * Locks: callers hold pmap->lock; page_table_lock is taken here.
 */
#include "arch/um/machine/pmap.h"

#include "arch/um/internal.h"
#include "arch/um/patch/patch.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "os-linux/os.h"
#include "skas/skas.h"

#define LEAF_SPAN (512 * PAGE_SIZE)
/* pages: a space with fewer pages in common is no better than an empty one */
#define WORTH 8

static struct mm *mm_of(struct pmap *pm)
{
	return container_of(pm, struct mm, pmap);
}

static spinlock_t *entries_of(struct pmap *pm)
{
	return &mm_of(pm)->page_table_lock;
}

/*
 * A range of pages without shadows. It is remembered, because a query for each page would dominate
 * the cost. The thread that makes a shadow later also maps it (pmap_refresh()).
 */
struct no_shadows {
	u64 start, end;
};

/* Returns the frame that the space maps for an entry. */
static pfn_t mapped_pfn(struct pmap *pm, struct no_shadows *none, u64 va, pte_t e)
{
	u64 at = va;
	pfn_t shadow;

	if (!mm_of(pm)->patch || (e & PTE_RIGHTS) != PTE_P || (va >= none->start && va < none->end))
		return pte_pfn(e);
	if (patch_find_shadow(mm_of(pm), va, pte_pfn(e), &at, va + PAGE_SIZE, &shadow))
		return shadow;
	none->start = va;
	none->end = patch_next_shadow(mm_of(pm), va);
	return pte_pfn(e);
}

/* ---- saving ---- */

static bool save_page(struct space_image *im, u64 va, pfn_t pfn, pte_t rights)
{
	struct space_run *r = im->nr ? &im->run[im->nr - 1] : NULL;

	if (r && r->rights == rights && r->va + (u64)r->pages * PAGE_SIZE == va &&
		r->pfn + r->pages == pfn) {
		r->pages++;
		return true;
	}
	if (im->nr == SPACE_RUNS)
		return false;
	im->run[im->nr++] = (struct space_run){ va, pfn, rights, 1 };
	return true;
}

void pmap_image_save(struct pmap *pm, struct space *s)
{
	struct space_image *im = space_image(s);
	u64 va = MMAP_MIN_ADDR, end = arch_task_size();
	struct no_shadows none = { 0 };
	bool whole;
	pte_t *e;

	im->key = pm->image;
	im->nr = 0;
	spin_lock(entries_of(pm));
	whole = !atomic_read(&pm->strangers);
	while (whole && (e = pmap_next(pm, &va, end)))
		do {
			/* a stale entry maps an unknown frame */
			if (*e & PTE_MAPPED)
				whole = !(*e & PTE_STALE) &&
					save_page(im, va, mapped_pfn(pm, &none, va, *e),
						*e & PTE_RIGHTS);
			else
				pmap_step(&e, &va);
		} while (e++, whole && (va += PAGE_SIZE) < end && va & (LEAF_SPAN - 1));
	spin_unlock(entries_of(pm));
	if (!whole || patch_lost_shadow(mm_of(pm)))
		im->nr = 0;
}

/* ---- adopting ---- */

static bool has(
	struct pmap *pm, struct no_shadows *none, const pte_t *e, const struct space_run *r, u32 i)
{
	return *e & PTE_P && (*e & PTE_RIGHTS) == r->rights &&
	       mapped_pfn(pm, none, r->va + i * PAGE_SIZE, *e) == r->pfn + i;
}

/* a range to be unmapped; it grows page by page until a page is kept */
struct leftover {
	struct space *space;
	u64 start, end;
	int err;
};

static void leftover_unmap(struct leftover *l)
{
	if (l->end && !l->err)
		l->err = space_unmap(l->space, l->start, l->end - l->start);
	l->end = 0;
}

static void leftover_add(struct leftover *l, u64 start, u64 end)
{
	if (!l->end)
		l->start = start;
	l->end = end;
}

/*
 * Returns the length in pages of the part of run @r that begins at page @i and whose pages are all
 * kept (*keep true) or all not kept (*keep false). With @mark, kept pages become PTE_MAPPED. All
 * pages are in one leaf table.
 */
static u32 compare(struct pmap *pm, const struct space_run *r, u32 i, bool mark, bool *keep)
{
	u64 va = r->va + i * PAGE_SIZE;
	u32 left = min_t(u64, r->pages - i, (LEAF_SPAN - (va & (LEAF_SPAN - 1))) >> PAGE_SHIFT);
	struct no_shadows none = { 0 };
	u32 n = 0;
	pte_t *e;

	spin_lock(entries_of(pm));
	e = pmap_pte(pm, va, false);
	*keep = e && has(pm, &none, e, r, i);
	do {
		if (*keep && mark)
			e[n] = (e[n] & ~PTE_LAZY) | PTE_MAPPED;
		n++;
	} while (n < left && (e && has(pm, &none, &e[n], r, i + n)) == *keep);
	spin_unlock(entries_of(pm));
	return n;
}

static u64 pages_in_common(struct pmap *pm, const struct space_image *im)
{
	u64 common = 0;

	for (u32 j = 0; j < im->nr; j++)
		for (u32 i = 0, n; i < im->run[j].pages; i += n) {
			bool keep;

			n = compare(pm, &im->run[j], i, false, &keep);
			common += keep ? n : 0;
		}
	return common;
}

int pmap_image_adopt(struct pmap *pm, struct space *s)
{
	struct space_image *im = space_image(s);
	struct leftover l = { .space = s };

	if (!im->nr || pages_in_common(pm, im) < WORTH) {
		im->nr = 0;
		return space_unmap(s, 0, arch_task_size());
	}
	for (u32 j = 0; j < im->nr; j++)
		for (u32 i = 0, n; i < im->run[j].pages; i += n) {
			u64 va = im->run[j].va + i * PAGE_SIZE;
			bool keep;

			n = compare(pm, &im->run[j], i, true, &keep);
			if (keep)
				leftover_unmap(&l);
			else
				leftover_add(&l, va, va + n * PAGE_SIZE);
		}
	leftover_unmap(&l);
	/* from now on the entries describe the mappings */
	im->nr = 0;
	return l.err;
}

/* ---- mappings left by a sibling ---- */

#define KIN_RUNS 120
/* pages; a longer read-only run belongs to a file */
#define KIN_CONST 8

u32 pmap_kin(u64 image, struct pmap_kin *kin, u32 max)
{
	struct space_run *run = kmalloc(KIN_RUNS * sizeof(*run), GFP_KERNEL);
	u32 nr = run ? space_kin(smp_processor_id(), image, run, KIN_RUNS) : 0, n = 0;

	for (u32 i = 0; i < nr && n < max; i++)
		if (run[i].rights & PTE_RW || (run[i].rights & PTE_NX && run[i].pages <= KIN_CONST))
			kin[n++] = (struct pmap_kin){ run[i].va, run[i].pfn, (u32)run[i].pages };
	kfree(run);
	return n;
}
