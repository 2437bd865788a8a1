/* SPDX-License-Identifier: MIT */
/*
 * pmap_touched.c: some pages are mapped before the guest accesses them (PTE_RESERVED). Finds out
 * which of them the guest has touched since.
 *
 *	pmap_note_touched(pm, start, end)   clears PTE_RESERVED of the touched pages
 *	pmap_reports_touched()                true if this host can report it
 *
 * The content of a page is no evidence: the guest may have written zeros. A frame that the host did
 * not back when it was mapped was touched if the host backs it now (mm finds out by mincore). A
 * recycled frame is always backed. But where the space's mapping was made without populating, the
 * host enters a page in its own page table when it is touched, and /proc/PID/pagemap shows that.
 * Such entries have PTE_LAZY. A page that is read brings its neighbours in the cache with it, up to
 * 64 KiB around, which then count as touched: the error is to count too many pages, never too few.
 *
 * The host knows the answer while the space keeps its mapping of the page, so a caller queries it
 * before dropping the mapping. PTE_LAZY is cleared together with PTE_MAPPED, and for mappings
 * adopted from a pooled space's image (pmap_image.c). A page that has PTE_RESERVED, but neither
 * PTE_LAZY nor PTE_MAPPED, is judged by its content, which may be wrong.
 *
 * Cost: a test of pm->lazy. If it is set, opening a file for each table with such entries (8 us),
 * and 10 to 20 ns a page. Mapping lazily costs the guest the host's fault for each page, 0.4 us
 * more than populating, so pages are mapped lazily only in memory cgroups that have a limit.
 */
#include "arch/um/internal.h"
#include "arch/um/machine/pmap.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "skas/skas.h"

#define ENTRIES 512
#define LEAF_SPAN (ENTRIES * PAGE_SIZE)
#define ALL (PTE_RESERVED | PTE_LAZY | PTE_MAPPED)

bool pmap_reports_touched(void)
{
	/*
	 * whether the host reports touched pages: 0 unknown, 1 no, 2 yes; racing writers store
	 * equal values
	 */
	static u8 reports;

	if (unlikely(!reports))
		reports = os_mem_reports_touched() ? 2 : 1;
	return reports == 2;
}

static bool is_open(pte_t e)
{
	return (e & ALL) == ALL && !(e & PTE_SPECIAL);
}

/*
 * Finds the first and the last entry of [start, end), in one table, for which a query to the host
 * is needed. Returns false if there is none. page_table_lock held.
 */
static bool find_open(struct pmap *pm, u64 start, u64 end, u64 *first, u64 *last)
{
	pte_t *e = pmap_pte(pm, start, false);
	bool any = false;

	for (; e && start < end; e++, start += PAGE_SIZE) {
		if (!is_open(*e)) {
			pmap_step(&e, &start);
			continue;
		}
		if (!any)
			*first = start;
		*last = start;
		any = true;
	}
	return any;
}

/* Clears PTE_RESERVED of the touched pages in a range that lies in one table. pm->lock is held. */
static void note_in_table(struct pmap *pm, u64 start, u64 end)
{
	struct mm *mm = container_of(pm, struct mm, pmap);
	u8 there[ENTRIES];
	u64 first = 0, last = 0;
	bool any;
	pte_t *e;
	u32 n;

	spin_lock(&mm->page_table_lock);
	any = find_open(pm, start, end, &first, &last);
	spin_unlock(&mm->page_table_lock);
	if (!any)
		return;
	n = (u32)((last - first) >> PAGE_SHIFT) + 1;
	if (space_present(pm->space, first, n, there))
		return;
	/* entries may be cleared meanwhile, but none gets PTE_MAPPED without pm->lock */
	spin_lock(&mm->page_table_lock);
	e = pmap_pte(pm, first, false);
	for (u32 i = 0; e && i < n; i++)
		if (there[i] && is_open(e[i]))
			e[i] &= ~PTE_RESERVED;
	spin_unlock(&mm->page_table_lock);
}

void pmap_note_touched_locked(struct pmap *pm, u64 start, u64 end)
{
	struct mm *mm = container_of(pm, struct mm, pmap);

	if (likely(!READ_ONCE(pm->lazy)) || !pm->space)
		return;
	while (start < end) {
		u64 stop;
		pte_t *e;

		spin_lock(&mm->page_table_lock);
		e = pmap_next(pm, &start, end);
		spin_unlock(&mm->page_table_lock);
		if (!e)
			return;
		stop = min(end, (start | (LEAF_SPAN - 1)) + 1);
		note_in_table(pm, start, stop);
		start = stop;
	}
}
