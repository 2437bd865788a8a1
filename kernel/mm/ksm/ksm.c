/* SPDX-License-Identifier: MIT */
/*
 * ksm.c: merges anonymous pages of equal content, in areas that programs have marked by
 * MADV_MERGEABLE (Linux: mm/ksm.rst).
 *
 *	ksm_set_run()	0: merged pages stay, no search for more; 1: ksmd searches; 2: no search,
 *	                and every merged page is replaced by copies
 *	ksm_note(mm)	registers an mm with such an area: MADV_MERGEABLE, fork, prctl and exec
 *	ksm_numbers()	the figures of /sys/kernel/mm/ksm
 *
 * ksmd scans all such areas in rounds, a batch of pages at a time. A page that equals a merged page
 * is replaced by the merged page. A page that has not changed since the last round, and whose equal
 * (its twin) this round has seen already, is copied to a new merged page, which replaces the page.
 * The twin is replaced in the second half of the round, which only searches for pages that equal
 * merged pages. A merged page is an anonymous frame as a fork makes them: mapped read-only with
 * PTE_COW, PG_forked, and with a reference held by ksm, so that no mm is ever its sole owner
 * (cow.c) and a write copies it. A merged page has no list of its entries, and needs none. With
 * use_zero_pages, pages of zeros have a merged page of their own, which any number of entries may
 * map, without a twin.
 *
 * A page that has had no twin in several rounds and has not changed is skipped for some rounds
 * (smart_scan). The advisor (ksm_advisor.c) may choose how many pages ksmd scans between two
 * sleeps. ksm_replace.c changes the entries. ksm_part.c gives programs their own copies again.
 *
 * Programs must not be able to control by their data which pages are compared, so the checksums
 * depend on a secret key.
 *
 * Invariants:
 * 1. node->page is anonymous, PG_ksm, and never written while it is in the table.
 * 2. Pages with more references than entries (pins; frames whose host mappings are not dropped yet)
 *    are left alone.
 *
 * Locks: ksm_mutex, taken inside mmap_lock, protects all data of this file.
 */
#include "kernel/lib/keyhash.h"
#include "kernel/mm/ksm/ksm.h"

#define BUCKETS 4096
#define LOCK_TRIES 20
#define LOCK_PAUSE_NS 1000000UL
#define SEEN (PAGE_SIZE / sizeof(struct seen))
/* rounds without a twin after which a page is skipped */
#define AGE_OF_SKIPS 3
#define SKIPS_MAX 8
/* no merged page is made if fewer frames are free, although it would save frames later */
#define SHORT_OF (2 * zone_marks.high)

/* a page of this round for which no equal page was found yet */
struct single {
	struct hlist_node link;
	pfn_t pfn;
	u32 sum;
};

/* What ksmd knows of a frame. */
struct seen {
	u32 sum; /* checksum at the last scan */
	/* rounds without a twin since its last change */
	u8 age;
	/* rounds for which the page is still skipped */
	u8 skips;
	bool alone; /* skipped in this round */
};

u64 ksm_prune_ms = 2000, ksm_smart_scan = 1; /* read without a lock */

static DEFINE_MUTEX(ksm_mutex);
static DECLARE_WAIT_QUEUE_HEAD(ksm_wait);
static atomic_t nr_mms; /* mms that have, or had, mergeable areas */
static u32 run;         /* KSM_*; written under ksm_mutex */
static u64 max_sharing = 256;
/* across_nodes has no effect: there is only one node */
static u64 across_nodes = 1, use_zero;
static u32 nr_merged; /* pages in merged[] */
/* merged pages with equal checksums are neighbours in their list */
static struct hlist_head merged[BUCKETS], singles[BUCKETS];
/* the merged page of zeros, which is not in merged[]; NULL: there is none */
static struct ksm_node *zeros;
/* the frame of @zeros; read without a lock, only compared */
static struct page *page_of_zeros;
/* a record for each frame, in pages of SEEN records that are allocated when needed */
static struct seen **seen;
static u64 nr_seen; /* number of pages of records */
static struct hash_key key;
static u64 pruned;     /* ktime of the last prune() */
static u64 nr_singles; /* entries in singles[] in this round */
/* pages skipped in this round */
static u64 nr_alone;
/* pages found changed in this round */
static u64 nr_changed;
/* ns of this round in which ksmd scanned */
static u64 busy_ns;
/* last_*: figures of the last complete round; the others count since the start */
static u64 last_singles, last_changed, rounds, scanned, skipped;

/* ---- contents ---- */

/* Returns the keyed checksum of a page's content, never 0. */
static u32 checksum(const void *page)
{
	const u64 *w = page;
	struct keyhash h;

	keyhash_init(&h, &key);
	for (u32 i = 0; i < PAGE_SIZE / sizeof(*w); i++)
		keyhash_word(&h, &key, w[i]);
	/* 0 means that a frame was not scanned */
	return keyhash_end(&h, &key) | 1;
}

/* ---- merged pages; under ksm_mutex ---- */

/* True if the page may get another mapping. A page without mappings only waits for prune(). */
static bool has_room(const struct ksm_node *n)
{
	u64 maps = (u64)atomic_read(&n->page->mapcount) + n->chosen;

	return maps && maps < max_sharing;
}

/* Returns the merged page with the content of @p, if it has room for one more mapping, or NULL. */
static struct ksm_node *find_merged(u32 sum, const struct page *p)
{
	struct ksm_node *n;

	if (use_zero && zeros && zeros->sum == sum && ksm_same_content(zeros->page, p))
		return zeros;
	hlist_for_each_entry(n, &merged[sum % BUCKETS], link)
		if (n->sum == sum && has_room(n) && ksm_same_content(n->page, p))
			return n;
	return NULL;
}

/* Makes a merged page with @p's content, which is in no table yet. NULL: no memory. */
static struct ksm_node *make_node(u32 sum, const struct page *p)
{
	struct ksm_node *n;

	n = kmalloc(sizeof(*n), GFP_KERNEL | __GFP_NOOOM);
	if (!n)
		return NULL;
	n->page = alloc_page(GFP_USER | __GFP_NOOOM);
	if (!n->page) {
		kfree(n);
		return NULL;
	}
	n->page->flags = BIT(PG_anon) | BIT(PG_uptodate) | BIT(PG_forked) | BIT(PG_ksm);
	n->sum = sum;
	n->chosen = 0;
	copy_page(page_address(n->page), page_address(p));
	return n;
}

/* Makes a node as make_node() does, and adds it to merged[]. */
static struct ksm_node *make_merged(u32 sum, const struct page *p)
{
	struct hlist_node **at = &merged[sum % BUCKETS].first;
	struct ksm_node *n = make_node(sum, p);

	if (!n)
		return NULL;
	while (*at && container_of(*at, struct ksm_node, link)->sum != sum)
		at = &(*at)->next;
	hlist_add_at(&n->link, at);
	nr_merged++;
	return n;
}

static bool is_zero(const struct page *p)
{
	const u64 *w = page_address(p);

	for (u32 i = 0; i < PAGE_SIZE / sizeof(*w); i++)
		if (w[i])
			return false;
	return true;
}

/*
 * Returns the merged page of zeros if @p is all zeros and use_zero_pages is set; else, or without
 * memory, NULL.
 */
static struct ksm_node *find_zeros(u32 sum, const struct page *p)
{
	if (!use_zero || !is_zero(p))
		return NULL;
	if (!zeros)
		zeros = make_node(sum, p);
	WRITE_ONCE(page_of_zeros, zeros ? zeros->page : NULL);
	return zeros;
}

static void free_node(struct ksm_node *n)
{
	clear_bit(PG_ksm, &n->page->flags);
	put_page(n->page);
	kfree(n);
}

/* Frees merged pages that no entry maps. A new reference needs an entry, or is made by ksmd. */
static void prune(void)
{
	struct hlist_node *next;
	struct ksm_node *n;

	for (u32 i = 0; i < BUCKETS && nr_merged; i++, cond_resched())
		hlist_for_each_entry_safe(n, next, &merged[i], link) {
			if (atomic_read(&n->page->refcount) != 1)
				continue;
			hlist_del_init(&n->link);
			free_node(n);
			nr_merged--;
		}
	if (zeros && atomic_read(&zeros->page->refcount) == 1) {
		WRITE_ONCE(page_of_zeros, NULL);
		free_node(zeros);
		zeros = NULL;
	}
	pruned = ktime_get();
}

static bool is_to_be_pruned(void)
{
	return (nr_merged || zeros) && ktime_get() - pruned >= READ_ONCE(ksm_prune_ms) * 1000000;
}

/* ---- pages without a twin; under ksm_mutex ---- */

static void forget_single(struct single *s)
{
	hlist_del_init(&s->link);
	kfree(s);
	nr_singles--;
}

/*
 * True if the frame @pfn is another mapped anonymous page with the content of @p. If that page
 * cannot be merged, the new merged page only replaces @p.
 */
static bool is_twin(pfn_t pfn, const struct page *p)
{
	const struct page *q = pfn_to_page(pfn);

	return q != p && atomic_read(&q->mapcount) > 0 && PageAnon(q) && ksm_same_content(q, p);
}

/*
 * True if this round has seen a page equal to @p before; the record of that page is freed.
 * Otherwise records @p.
 */
static bool find_twin(u32 sum, struct page *p)
{
	struct hlist_head *head = &singles[sum % BUCKETS];
	struct single *s;

	hlist_for_each_entry(s, head, link) {
		if (s->sum == sum && is_twin(s->pfn, p)) {
			forget_single(s);
			return true;
		}
	}
	s = kmalloc(sizeof(*s), GFP_KERNEL | __GFP_NOOOM);
	if (!s)
		return false;
	s->pfn = page_to_pfn(p);
	s->sum = sum;
	hlist_add_head(&s->link, head);
	nr_singles++;
	return false;
}

static void forget_singles(void)
{
	for (u32 i = 0; i < BUCKETS && nr_singles; i++, cond_resched())
		while (!hlist_empty(&singles[i]))
			forget_single(container_of(singles[i].first, struct single, link));
}

/* ---- scanning ---- */

bool ksm_may_merge(const struct vm_area *v)
{
	return (v->vm_flags & VM_MERGEABLE || v->vm_mm->merge_all) && vma_is_anon(v) &&
	       vma_is_cow(v) &&
	       !(v->vm_flags & (VM_SHARED | VM_EXEC | VM_IO | VM_PFNMAP | VM_HUGETLB | VM_LOCKED |
				       VM_UFFD_ALL | VM_SPECIAL_NAME));
}

/* Returns the record of @p; NULL: no memory. */
static struct seen *seen_of(const struct page *p)
{
	pfn_t pfn = page_to_pfn(p);
	struct seen **some = &seen[pfn / SEEN];

	if (!*some) {
		*some = get_free_page(GFP_KERNEL | __GFP_ZERO | __GFP_NOOOM);
		nr_seen += *some != NULL;
	}
	return *some ? *some + pfn % SEEN : NULL;
}

/*
 * True if the page is skipped in this round, because it had no twin in several rounds. The first
 * half of a round decides.
 */
static bool is_passed_over(struct seen *s, bool second_half)
{
	if (second_half)
		return s->alone;
	s->alone = s->skips && READ_ONCE(ksm_smart_scan);
	if (s->alone) {
		s->skips--;
		skipped++;
		nr_alone++;
	}
	return s->alone;
}

static void had_no_twin(struct seen *s)
{
	if (s->age < 255)
		s->age++;
	if (s->age >= AGE_OF_SKIPS)
		s->skips = (u8)min(s->age - AGE_OF_SKIPS + 1, SKIPS_MAX);
}

/* Returns the merged page that shall replace @p, or NULL. */
static struct ksm_node *choose(struct page *p, bool second_half)
{
	struct seen *s = seen_of(p);
	struct ksm_node *to;
	u32 sum;

	if (s && is_passed_over(s, second_half))
		return NULL;
	sum = checksum(page_address(p));
	to = find_merged(sum, p);
	if (to || second_half || nr_free_frames() < SHORT_OF || !s)
		return to;
	if (s->sum != sum) {
		*s = (struct seen){ .sum = sum };
		nr_changed++;
		return NULL;
	}
	to = find_zeros(sum, p);
	if (!to && find_twin(sum, p))
		to = make_merged(sum, p);
	if (!to)
		had_no_twin(s);
	return to;
}

/*
 * Returns the page at @va if it was touched and may be replaced, or NULL. A frame of an anonymous
 * area stays in place while mmap_lock is held for writing.
 */
static struct page *page_at(struct mm *mm, u64 va, struct hole_cursor *holes)
{
	pte_t *e, was;

	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, va, false);
	was = e ? *e : 0;
	spin_unlock(&mm->page_table_lock);
	return ksm_replaceable(was) && entry_touched(was, holes) ? pfn_to_page(pte_pfn(was)) : NULL;
}

/*
 * Scans the pages of [va, end), at most KSM_BATCH, and replaces those that have a merged page.
 * ksm_mutex and mmap_lock (writing) are held.
 */
static void look_at(struct vm_area *v, u64 va, u64 end, bool second_half)
{
	struct hole_cursor holes = { 0 };
	struct ksm_merge m[KSM_BATCH];
	u32 n = 0;

	for (; va < end; va += PAGE_SIZE) {
		struct page *p = page_at(v->vm_mm, va, &holes);
		struct ksm_node *to = p ? choose(p, second_half) : NULL;

		scanned++;
		if (!to)
			continue;
		to->chosen++;
		m[n++] = (struct ksm_merge){ va, to };
	}
	if (n)
		ksm_replace(v, m, n);
}

/*
 * Tries to take mmap_lock for writing, LOCK_TRIES times. Returns false if it stays held: the mm is
 * skipped, since the holder may wait for a FUSE server for ever.
 */
static bool lock_or_pass(struct mm *mm)
{
	for (u32 tries = 0; tries < LOCK_TRIES; tries++) {
		if (down_write_trylock(&mm->mmap_lock))
			return true;
		sleep_ns(LOCK_PAUSE_NS);
	}
	return false;
}

/*
 * Scans a batch of @mm from *va on. Returns false after the last page, or if @mm is skipped.
 *
 * ksmd does not take mm_users of @mm. Otherwise its mmput() could be the last, and the files of a
 * program that has ended would stay open. mmap_lock is enough to keep the areas, since they are
 * removed under it.
 */
static bool look_at_batch(struct mm *mm, u64 *va, bool second_half)
{
	struct vm_area *v = NULL;
	u64 end;

	if (!lock_or_pass(mm))
		return false;
	mutex_lock(&ksm_mutex);
	if (atomic_read(&mm->mm_users))
		for (v = find_vma(mm, *va); v && !ksm_may_merge(v); v = vma_next(v))
			;
	if (v && run == KSM_MERGE) {
		u64 began = ktime_get();

		*va = mm_next_entry(mm, max(*va, v->vm_start), v->vm_end);
		end = min(v->vm_end, *va + KSM_BATCH * PAGE_SIZE);
		look_at(v, *va, end, second_half);
		*va = end;
		busy_ns += ktime_get() - began;
	}
	mutex_unlock(&ksm_mutex);
	up_write(&mm->mmap_lock);
	return v;
}

/*
 * Counts a batch down from *left, and sleeps when all pages between two sleeps were scanned.
 * Returns false if scanning was stopped.
 */
static bool pause_where_due(u64 *left)
{
	u64 ms = READ_ONCE(ksm_sleep_ms);

	if (*left > KSM_BATCH) {
		*left -= KSM_BATCH;
	} else {
		*left = READ_ONCE(ksm_pages_to_scan);
		if (ms)
			wait_event_idle_timeout(&ksm_wait,
				READ_ONCE(run) != KSM_MERGE || READ_ONCE(ksm_sleep_ms) != ms,
				ktime_get() + ms * 1000000);
	}
	cond_resched();
	return READ_ONCE(run) == KSM_MERGE;
}

/* Collects the mms with mergeable areas, each with mmgrab(), and returns their number. */
static u32 gather(struct mm **list, u32 room)
{
	struct mm *mm;
	u32 n = 0;

	spin_lock(&mm_list_lock);
	list_for_each_entry(mm, &mm_list, mm_list)
		if (READ_ONCE(mm->mergeable) && n < room) {
			mmgrab(mm);
			list[n++] = mm;
		}
	spin_unlock(&mm_list_lock);
	return n;
}

/* Scans the mms of a round once. *left: pages until the next sleep. */
static void half_round(struct mm **list, u32 n, u64 *left, bool second)
{
	for (u32 i = 0; i < n; i++)
		for (u64 va = 0; look_at_batch(list[i], &va, second);)
			if (!pause_where_due(left))
				return;
}

/* Ends a round; @whole: it was not stopped. */
static void round_done(bool whole)
{
	mutex_lock(&ksm_mutex);
	if (is_to_be_pruned())
		prune();
	if (whole) {
		last_singles = nr_singles + nr_alone;
		last_changed = nr_changed;
		rounds++;
	}
	forget_singles();
	nr_changed = nr_alone = 0;
	mutex_unlock(&ksm_mutex);
}

void ksm_set_advisor(bool on)
{
	mutex_lock(&ksm_mutex);
	if (on != ksm_advisor.on)
		WRITE_ONCE(ksm_pages_to_scan, on ? ksm_advisor.min_pages : KSM_PAGES_TO_SCAN);
	WRITE_ONCE(ksm_advisor.on, on);
	mutex_unlock(&ksm_mutex);
}

/* Lets the advisor set the pace after a round of @pages pages that began at ktime @began. */
static void advise(u64 pages, u64 began)
{
	mutex_lock(&ksm_mutex);
	if (ksm_advisor.on && run == KSM_MERGE)
		WRITE_ONCE(ksm_pages_to_scan, ksm_advised(pages, ktime_get() - began, busy_ns));
	busy_ns = 0;
	mutex_unlock(&ksm_mutex);
}

/* Scans all mms twice. May sleep long. *left as for half_round(). */
static void go_round(u64 *left)
{
	u64 began = ktime_get(), before = scanned;
	u32 room = (u32)atomic_read(&nr_mms) + 8, n;
	struct mm **list = kmalloc(room * sizeof(struct mm *), GFP_KERNEL);

	if (!list) {
		sleep_ns(100000000);
		return;
	}
	n = gather(list, room);
	half_round(list, n, left, false);
	half_round(list, n, left, true);
	for (u32 i = 0; i < n; i++)
		mmdrop(list[i]);
	kfree(list);
	round_done(READ_ONCE(run) == KSM_MERGE);
	advise(scanned - before, began);
}

static int ksmd(void *arg)
{
	u64 left = 0;

	for (;;) {
		if (READ_ONCE(run) == KSM_MERGE && atomic_read(&nr_mms)) {
			go_round(&left);
			left = 0; /* sleep after each round, even a short one */
			pause_where_due(&left);
			continue;
		}
		mutex_lock(&ksm_mutex);
		prune();
		mutex_unlock(&ksm_mutex);
		/* while no scan runs, wake up to free merged pages without entries */
		wait_event_idle_timeout(&ksm_wait,
			READ_ONCE(run) == KSM_MERGE && atomic_read(&nr_mms),
			READ_ONCE(nr_merged) || READ_ONCE(zeros) ?
				ktime_get() + max(READ_ONCE(ksm_prune_ms), 100UL) * 1000000 :
				~0UL);
	}
	return 0;
}

/* ---- giving pages their own copies again ---- */

/*
 * Replaces all merged pages by copies. A process that ends meanwhile needs none. Without memory for
 * a copy, the remaining pages of that process stay merged.
 */
static void part_all(void)
{
	u32 room = (u32)atomic_read(&nr_mms) + 8, n;
	struct mm **list = kmalloc(room * sizeof(struct mm *), GFP_KERNEL);

	if (!list)
		return;
	n = gather(list, room);
	for (u32 i = 0; i < n; i++) {
		if (atomic_inc_not_zero(&list[i]->mm_users)) {
			ksm_part(list[i], 0, list[i]->task_size);
			mmput(list[i]);
		}
		mmdrop(list[i]);
	}
	kfree(list);
}

/* ---- the interface ---- */

void ksm_set_pace(u64 *what, u64 value)
{
	WRITE_ONCE(*what, value);
	/* ksmd may be in a long sleep */
	wake_up_all(&ksm_wait);
}

void ksm_note(struct mm *mm)
{
	if (mm->mergeable)
		return;
	mm->mergeable = true;
	atomic_inc(&nr_mms);
	wake_up_all(&ksm_wait);
}

void ksm_mm_gone(struct mm *mm)
{
	if (mm->mergeable)
		atomic_dec(&nr_mms);
}

int ksm_set_run(u64 value)
{
	if (value > KSM_PART)
		return -EINVAL;
	mutex_lock(&ksm_mutex);
	if (value == KSM_MERGE && !seen) {
		arch_random(&key, sizeof(key));
		seen = kzalloc(DIV_ROUND_UP(max_pfn, SEEN) * sizeof(*seen), GFP_KERNEL);
	}
	if (value == KSM_MERGE && !seen) {
		mutex_unlock(&ksm_mutex);
		return -ENOMEM;
	}
	WRITE_ONCE(run, (u32)value);
	mutex_unlock(&ksm_mutex);
	wake_up_all(&ksm_wait);
	if (value != KSM_PART)
		return 0;
	part_all();
	mutex_lock(&ksm_mutex);
	prune();
	last_singles = last_changed = 0;
	mutex_unlock(&ksm_mutex);
	return 0;
}

/* Counts the contents with more than one merged page, and these pages. */
static void count_twins(u32 bucket, struct ksm_numbers *k)
{
	u32 sum = 0;
	u64 alike = 0;
	struct ksm_node *n;

	hlist_for_each_entry(n, &merged[bucket], link) {
		if (!atomic_read(&n->page->mapcount))
			continue;
		alike = n->sum == sum ? alike + 1 : 1;
		sum = n->sum;
		k->chains += alike == 2;
		k->twins += alike == 2 ? 2 : alike > 2;
	}
}

static void numbers_locked(struct ksm_numbers *k)
{
	struct ksm_node *n;

	memset(k, 0, sizeof(*k));
	for (u32 i = 0; i < BUCKETS && nr_merged; i++, cond_resched()) {
		hlist_for_each_entry(n, &merged[i], link) {
			s64 maps = atomic_read(&n->page->mapcount);

			k->shared += maps > 0;
			k->sharing += maps > 1 ? (u64)maps - 1 : 0;
		}
		count_twins(i, k);
	}
	k->zero = zeros ? (u64)atomic_read(&zeros->page->mapcount) : 0;
	k->profit = (s64)((k->sharing + k->zero) * PAGE_SIZE) -
		    (s64)(nr_seen * PAGE_SIZE + nr_merged * sizeof(struct ksm_node));
	k->skipped = skipped;
	k->across_nodes = across_nodes;
	k->use_zero = use_zero;
	k->run = run;
	k->max_sharing = max_sharing;
	k->unshared = last_singles;
	k->changed = last_changed;
	k->rounds = rounds;
	k->scanned = scanned;
}

void ksm_numbers(struct ksm_numbers *k)
{
	mutex_lock(&ksm_mutex);
	numbers_locked(k);
	mutex_unlock(&ksm_mutex);
}

/* Sets a value that may change only while no merged pages exist. 0 or -EBUSY. */
static int set_unmerged(u64 *what, u64 value)
{
	struct ksm_numbers k;
	int err = 0;

	mutex_lock(&ksm_mutex);
	numbers_locked(&k);
	if (k.shared && value != *what)
		err = -EBUSY;
	else
		*what = value;
	mutex_unlock(&ksm_mutex);
	return err;
}

int ksm_set_max_sharing(u64 value)
{
	if (value < 2 || value > INT32_MAX)
		return -EINVAL;
	return set_unmerged(&max_sharing, value);
}

int ksm_set_across_nodes(u64 value)
{
	return value > 1 ? -EINVAL : set_unmerged(&across_nodes, value);
}

void ksm_set_use_zero(bool on)
{
	mutex_lock(&ksm_mutex);
	use_zero = on;
	mutex_unlock(&ksm_mutex);
}

bool ksm_is_zero(const struct page *p)
{
	return READ_ONCE(page_of_zeros) == p;
}

bool ksm_watches(const struct vm_area *v)
{
	return READ_ONCE(seen) && ksm_may_merge(v);
}

u64 ksm_overhead(u64 pages)
{
	return pages * sizeof(struct seen);
}

static int ksm_start(void)
{
	return kthread_run(ksmd, NULL, "ksmd") ? 0 : -ENOMEM;
}
INITCALL(2, ksm_start);
