/* SPDX-License-Identifier: MIT */
/*
 * ksm.h: declarations shared by ksm.c, which chooses pages to merge, and ksm_replace.c, which
 * changes the entries. ksm.c describes the locks and the invariants.
 */
#ifndef NESTLING_MM_KSM_H
#define NESTLING_MM_KSM_H

#include "kernel/mm/fault/fault.h"

/* most pages scanned under one hold of the locks */
#define KSM_BATCH 32

/* A merged page. Protected by ksm_mutex. */
struct ksm_node {
	/* in merged[] of ksm.c; unused for the page of zeros */
	struct hlist_node link;
	struct page *page; /* a reference */
	u32 sum;           /* checksum of the content */
	/* number of pages of the current batch that this page will replace */
	u32 chosen;
};

/* A page of a batch that is to be replaced by a merged page. */
struct ksm_merge {
	u64 va;              /* address, page-aligned */
	struct ksm_node *to; /* the merged page */
};

static inline bool ksm_same_content(const struct page *a, const struct page *b)
{
	return !memcmp(page_address(a), page_address(b), PAGE_SIZE);
}

/*
 * True if @e maps an anonymous page that is not merged, has no references but those of entries (no
 * pins), and is not write-protected by userfaultfd.
 */
static inline bool ksm_replaceable(pte_t e)
{
	struct page *p;

	if (!e || !(e & PTE_P) || e & (PTE_SPECIAL | PTE_UFFD_WP))
		return false;
	p = pfn_to_page(pte_pfn(e));
	return PageAnon(p) && !test_bit(PG_ksm, &p->flags) &&
	       atomic_read(&p->refcount) == atomic_read(&p->mapcount);
}

/*
 * Replaces the @n (at most KSM_BATCH) pages of @v that @m lists, in ascending order of addresses,
 * by their merged pages. A page that may not be replaced, or whose content has changed meanwhile,
 * stays. Sets m[i].to->chosen to 0. mmap_lock (writing) and ksm_mutex are held. May sleep.
 */
void ksm_replace(struct vm_area *v, const struct ksm_merge *m, u32 n);

#endif
