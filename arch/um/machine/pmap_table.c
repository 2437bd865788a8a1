/* SPDX-License-Identifier: MIT */
/*
 * pmap_table.c: page tables in frames: four levels as the CPU has them, though no CPU walks them.
 *
 * Locks: page_table_lock, except for pmap_init() and pmap_destroy(), whose mm no other task uses.
 */
#include "arch/um/internal.h"
#include "arch/um/machine/pmap.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"

#define LEVELS 4
#define ENTRIES 512
#define TABLE_BITS (PTE_P | PTE_RW | PTE_US)

static u32 slot(u64 va, int level)
{
	return (va >> (PAGE_SHIFT + 9 * level)) & (ENTRIES - 1);
}

static pte_t *table_of(pte_t e)
{
	return pfn_to_virt(pte_pfn(e));
}

int pmap_init(struct pmap *pm)
{
	memset(pm, 0, sizeof(*pm));
	mutex_init(&pm->lock);
	pm->root = get_free_page(GFP_KERNEL | __GFP_ZERO);
	pm->nr_tables = 1;
	return pm->root ? 0 : -ENOMEM;
}

pte_t *pmap_pte(struct pmap *pm, u64 va, bool alloc)
{
	pte_t *table = pm->root;

	if (unlikely(va >> 47))
		return NULL;
	for (int level = LEVELS - 1; level > 0; level--) {
		pte_t *e = &table[slot(va, level)];

		if (unlikely(!*e)) {
			struct page *p = alloc ? alloc_page(GFP_ATOMIC | __GFP_ZERO) : NULL;

			if (!p)
				return NULL;
			pm->nr_tables++;
			*e = mk_pte(page_to_pfn(p), TABLE_BITS);
		}
		table = table_of(*e);
	}
	return &table[slot(va, 0)];
}

static bool line_empty(const pte_t *e)
{
	return !(e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]);
}

/*
 * Returns the address of the first nonempty entry in @table behind the entry of @va, which is
 * empty. Returns the end of the range of @table if there is none.
 */
static u64 skip_empty(const pte_t *table, u64 va, int level)
{
	u64 span = BIT(PAGE_SHIFT + 9 * level);
	u32 i = slot(va, level) + 1;

	va = (va | (span - 1)) + 1;
	while (i < ENTRIES && !table[i]) {
		u32 n = !(i & 7) && line_empty(table + i) ? 8 : 1;

		i += n;
		va += n * span;
	}
	return va;
}

pte_t *pmap_next(struct pmap *pm, u64 *va, u64 end)
{
	while (*va < end && !(*va >> 47)) {
		pte_t *table = pm->root;
		int level;

		for (level = LEVELS - 1; level > 0; level--) {
			pte_t e = table[slot(*va, level)];

			if (!e)
				break;
			table = table_of(e);
		}
		if (!level)
			return &table[slot(*va, 0)];
		*va = skip_empty(table, *va, level);
	}
	return NULL;
}

static bool table_empty(const pte_t *t)
{
	for (u32 i = 0; i < ENTRIES; i += 8)
		if (!line_empty(t + i))
			return false;
	return true;
}

static void free_table(struct pmap *pm, pte_t *t)
{
	free_page_addr(t);
	pm->nr_tables--;
}

/* Frees the empty tables that @t points to, for [start, end) of the span that begins at @base. */
static void free_below(struct pmap *pm, pte_t *t, int level, u64 base, u64 start, u64 end)
{
	u64 span = BIT(PAGE_SHIFT + 9 * level);
	u32 i = start > base ? (start - base) / span : 0;

	for (base += i * span; i < ENTRIES && base < end; i++, base += span) {
		pte_t *child;

		if (!t[i])
			continue;
		child = table_of(t[i]);
		if (level > 1)
			free_below(pm, child, level - 1, base, start, end);
		if (table_empty(child)) {
			t[i] = 0;
			free_table(pm, child);
		}
	}
}

void pmap_free_tables(struct pmap *pm, u64 start, u64 end)
{
	free_below(pm, pm->root, LEVELS - 1, 0, start, end);
}

void pmap_destroy(struct pmap *pm)
{
	struct mm *mm = container_of(pm, struct mm, pmap);

	pmap_put_space(pm);
	if (!pm->root)
		return;
	spin_lock(&mm->page_table_lock);
	pmap_free_tables(pm, 0, 1UL << 47);
	spin_unlock(&mm->page_table_lock);
	BUG_ON(pm->nr_tables != 1);
	free_page_addr(pm->root);
	pm->root = NULL;
}
