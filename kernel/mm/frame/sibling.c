/* SPDX-License-Identifier: MIT */
/*
 * sibling.c: gives a child the frames that its parent's last child had, if they are free.
 *
 * The children of a shell resemble each other. The space of the last child is kept in the pool
 * (arch/um/machine/pmap_image.c). If the next child's copies are in the same frames, that space
 * maps them already: no mmap() on the host, no wake-up of the mapper, no host faults. All frames
 * are taken at once, before the child's page tables are made of them.
 */
#include "kernel/mm/frame/sibling.h"

#define RUNS 64
#define PAGES_MOST 160
#define MISSES 4

struct sibling {
	u32 nr, at;
	struct held {
		u64 va;
		struct page *page;
	} held[PAGES_MOST];
	struct pmap_kin kin[RUNS];
};

/*
 * Takes the free frames of one run of the last child's pages. If MISSES frames in a row are in use,
 * by the page cache or the parent, the frames behind them are probably in use too, and the search
 * ends. Returns false if the memory group has no room for more.
 */
static bool take_run(struct sibling *s, const struct pmap_kin *k)
{
	u32 misses = 0;

	for (u32 i = 0; i < k->pages && misses < MISSES && s->nr < PAGES_MOST; i++) {
		int n = alloc_frames_at(k->pfn + i, min(k->pages - i, PAGES_MOST - s->nr));

		if (n < 0)
			return false;
		misses = n ? 0 : misses + 1;
		for (; n; n--, i++)
			s->held[s->nr++] =
				(struct held){ k->va + i * PAGE_SIZE, pfn_to_page(k->pfn + i) };
	}
	return true;
}

struct sibling *sibling_begin(u64 image)
{
	struct sibling *s = kmalloc(sizeof(*s), GFP_KERNEL);
	u32 n = s ? pmap_kin(image, s->kin, RUNS) : 0;

	if (!n) {
		kfree(s);
		return NULL;
	}
	s->nr = s->at = 0;
	for (u32 i = 0; i < n && take_run(s, &s->kin[i]); i++)
		;
	return s;
}

static void give_back(struct page *p)
{
	if (test_bit(PG_zero, &p->flags))
		free_fresh_page(p);
	else
		put_page(p);
}

struct page *sibling_take(struct sibling *s, u64 va)
{
	struct page *p;

	if (!s)
		return NULL;
	while (s->at < s->nr && s->held[s->at].va < va)
		give_back(s->held[s->at++].page);
	if (s->at == s->nr || s->held[s->at].va != va)
		return NULL;
	p = s->held[s->at++].page;
	p->flags = BIT(PG_anon) | BIT(PG_uptodate);
	return p;
}

void sibling_end(struct sibling *s)
{
	while (s && s->at < s->nr)
		give_back(s->held[s->at++].page);
	kfree(s);
}
