/* SPDX-License-Identifier: MIT */
/*
 * reclaim.c: frees frames when memory is short.
 *
 * Reclaim takes, in this order, until enough is free:
 * 1. clean unmapped pages of files, from the cold end of the lru
 * 2. mapped pages of files that were not touched since they were last at the cold end
 *    (mapped_may_go())
 * 3. droppable memory (droppable.c)
 * 4. objects of caches (shrinkers): if enough is free already, it scans the same share of the
 *    objects as of the pages; else from an eighth (first pass) to all (fourth pass)
 * 5. empty slabs
 * 6. frames that were mapped ahead of faults and never touched
 * 7. anonymous memory, written to swap areas if there are any (swap_out.c)
 * It makes up to four passes (kswapd: three), of rising priority; the first pass skips 2, 6 and 7.
 * If vm.swappiness is 0, only the fourth does 7. If all passes free nothing, the flushers are woken
 * to write dirty pages and inodes, and the allocation waits a little. If that does not help either,
 * the caller runs the OOM killer.
 *
 * kswapd is woken below the low watermark and works until the high one is reached. An allocation
 * that finds no frame reclaims by itself in this way. PF_MEMALLOC marks a task that frees memory:
 * it may use the reserve and does not enter reclaim again.
 */
#include "kernel/mm/swap/swap_internal.h"
#include "kernel/sched/psi.h"

#define BATCH 32
/* entries handled under one hold of page_table_lock */
#define LOOKS 4096

static LIST_HEAD(shrinkers);
static DEFINE_SPINLOCK(shrinkers_lock);
static DECLARE_WAIT_QUEUE_HEAD(kswapd_wait);
static bool kswapd_wanted; /* racy hint */
static struct task *kswapd_task;
int sysctl_vfs_cache_pressure = 100;

void register_shrinker(struct shrinker *s)
{
	spin_lock(&shrinkers_lock);
	list_add_tail(&s->list, &shrinkers);
	spin_unlock(&shrinkers_lock);
}

/* ---- pages of files ---- */

/* What reclaim has done with a page at the cold end. */
enum fate { DROPPED, KEPT, USED };

/* How hard a scan tries. */
enum effort {
	UNMAPPED, /* drop unmapped pages only */
	/* also unmap mapped pages, so that a later scan drops those not touched since then */
	IDLE,
	ALL,
};

/*
 * Returns true if a mapped page may be dropped; *fate becomes USED if it is in use. The host does
 * not report which pages were touched, so the mappings are removed. If a fault has mapped the page
 * again before it is next at the cold end, the page is in use.
 */
static bool mapped_may_go(struct page *p, enum effort effort, enum fate *fate)
{
	if (effort == UNMAPPED)
		return false;
	if (effort == IDLE && test_and_clear_bit(PG_idle, &p->flags)) {
		*fate = USED;
		return false;
	}
	if (PageDirty(p) || PageWriteback(p))
		return false;
	if (page_memory_locked(p)) {
		*fate = USED;
		return false;
	}
	set_bit(PG_idle, &p->flags);
	page_unmap_all(p);
	return effort == ALL;
}

/*
 * Drops a page if it is not in use. An unmapped page from the cold end was read at most once since
 * it came to the inactive list: a second read would have activated it.
 */
static enum fate drop_one(struct page *p, enum effort effort)
{
	enum fate fate = KEPT;
	struct address_space *m;

	if (!trylock_page(p))
		return KEPT;
	m = p->mapping;
	if (m && (!atomic_read(&p->mapcount) || mapped_may_go(p, effort, &fate)) &&
		try_drop_clean_page(p, m))
		fate = DROPPED;
	unlock_page(p);
	return fate;
}

/*
 * Drops those of the isolated pages that can be dropped, and puts the others back. Returns how many
 * it dropped.
 */
static u64 drop_batch(struct page **pages, u32 n, enum effort effort, u64 *dirty)
{
	bool counts = current->flags & PF_MEMALLOC; /* not for vm.drop_caches */
	u64 freed = 0;

	for (u32 i = 0; i < n; i++) {
		enum fate fate = drop_one(pages[i], effort);

		if (counts)
			mem_count(pages[i], MEM_SCANNED, 1);
		if (fate == DROPPED) {
			freed++;
			if (counts)
				mem_count(pages[i], MEM_STOLEN, 1);
		} else {
			*dirty += PageDirty(pages[i]) || PageWriteback(pages[i]);
			lru_putback(pages[i], fate == USED);
		}
		put_page(pages[i]);
	}
	return freed;
}

u64 shrink_lru_group(u64 nr, struct mem_group *g, enum mem_spare spare, u64 *dirty)
{
	u64 freed = 0, scan = max(nr * 2, 64UL);

	while (scan && freed < nr) {
		struct page *pages[BATCH];
		u32 n = lru_isolate_group(pages, BATCH, g, spare);

		if (spare != SPARE_LOW)
			mem_note_low(pages, n, g);
		freed += drop_batch(pages, n, ALL, dirty);
		if (!n)
			break;
		scan -= min((u64)n, scan);
		cond_resched();
	}
	return freed;
}

/* Counts @scanned pages, of which @stolen were freed, for vmstat. Adds @stolen to *freed. */
static void count_scan(u32 scanned, u64 stolen, u64 *freed)
{
	if (current == kswapd_task) {
		count_vm(scan_kswapd, scanned);
		count_vm(steal_kswapd, stolen);
	} else if (current->flags & PF_MEMALLOC) { /* not for vm.drop_caches */
		count_vm(scan_direct, scanned);
		count_vm(steal_direct, stolen);
	}
	*freed += stolen;
}

/*
 * Scans @scan pages of the cache, and returns how many it has freed. *dirty: incremented for each
 * dirty page met. May sleep.
 */
static u64 shrink_lru(u64 scan, enum effort effort, u64 *dirty)
{
	bool whole = scan >= nr_lru_pages(false) + nr_lru_pages(true);
	enum mem_spare spare = effort == UNMAPPED ? SPARE_LOW : SPARE_MIN;
	u64 freed = 0;

	if (!(current->flags & PF_MEMALLOC)) /* vm.drop_caches */
		spare = SPARE_NONE;
	while (scan) {
		struct page *pages[BATCH];
		u32 n = lru_isolate(pages, min_t(u64, scan, BATCH), whole, spare);

		if (spare == SPARE_MIN)
			mem_note_low(pages, n, NULL);
		count_scan(n, drop_batch(pages, n, effort, dirty), &freed);
		if (!n)
			break;
		scan -= n;
		cond_resched();
	}
	return freed;
}

/* ---- caches of objects ---- */

#define SCAN_BATCH 128UL
/* most scans of one object in a call, whatever vm.vfs_cache_pressure is */
#define SCAN_MOST 16

/* Scans a cache. Reschedules in between, since a cache may have millions of objects. */
static u64 scan_cache(struct shrinker *s, u64 n)
{
	u64 freed = 0;

	while (n && s->count()) {
		u64 step = min(n, SCAN_BATCH);

		count_vm(slabs_scanned, step);
		freed += s->scan(step);
		n -= step;
		cond_resched();
	}
	return freed;
}

/*
 * Scans the fraction @part / @whole of the objects of each cache; with @some at least one object.
 * Returns the number of objects freed.
 */
static u64 shrink_caches(u64 part, u64 whole, bool some)
{
	struct shrinker *s;
	u64 freed = 0;

	list_for_each_entry(s, &shrinkers, list) { /* shrinkers are never removed */
		u64 all = s->count();
		u64 n = all * (u64)READ_ONCE(sysctl_vfs_cache_pressure) / 100;

		n = min(n, all * SCAN_MOST);
		n = n && some ? max(n * part / whole, 1UL) : n * part / whole;
		freed += scan_cache(s, n);
	}
	return freed;
}

/* ---- frames mapped ahead ---- */

u64 break_reservations_of(struct mm *mm, bool wait)
{
	struct vm_area *v;
	u64 freed = 0;

	if (wait)
		down_write(&mm->mmap_lock);
	else if (!down_write_trylock(&mm->mmap_lock))
		return 0;
	list_for_each_entry(v, &mm->mmap_list, vm_list)
		if (vma_is_anon(v) && vma_is_cow(v))
			freed += zap_untouched(v, v->vm_start, v->vm_end);
	up_write(&mm->mmap_lock);
	return freed;
}

/*
 * Frees about @wanted frames that were mapped ahead and not touched. Returns how many. May sleep.
 */
static u64 break_reservations(u64 wanted)
{
	u64 freed = 0;

	for (int i = 0; i < 64 && freed < wanted; i++) {
		struct mm *mm = next_mm();

		if (!mm)
			break;
		freed += break_reservations_of(mm, false);
		mmdrop(mm);
	}
	return freed;
}

/*
 * True if the mm seems to have frames that were mapped ahead and for which @g or a group below
 * pays.
 */
static bool reserves_for(struct mm *mm, const struct mem_group *g)
{
	bool found = false;
	u64 va = 0;
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	for (u32 looked = 0; !found && (e = pmap_next(&mm->pmap, &va, mm->task_size));
		va += PAGE_SIZE) {
		if (!*e)
			pmap_step(&e, &va);
		else if ((*e & (PTE_RESERVED | PTE_SPECIAL)) == PTE_RESERVED)
			found = mem_belongs(pfn_to_page(pte_pfn(*e)), g);
		if (!(++looked % LOOKS)) {
			spin_unlock(&mm->page_table_lock);
			cond_resched();
			spin_lock(&mm->page_table_lock);
		}
	}
	spin_unlock(&mm->page_table_lock);
	return found;
}

u64 break_reservations_in(const struct mem_group *g)
{
	u64 freed = 0;

	for (u32 n = count_mms(); n; n--) {
		struct mm *mm = next_mm();

		if (!mm)
			break;
		if (atomic_read(&mm->rss_anon) > 0 && reserves_for(mm, g))
			freed += break_reservations_of(mm, false);
		mmdrop(mm);
	}
	return freed;
}

/* ---- reclaim ---- */

/*
 * Reclaims once. @priority: from 0, which is gentle, to 3, which tries everything. Returns the
 * number of frames freed.
 */
static u64 shrink(u64 wanted, gfp_t gfp, int priority, u64 *dirty)
{
	u64 lru = nr_lru_pages(false) + nr_lru_pages(true);
	u64 scan = priority > 2 ? lru : min(lru, wanted * 4 << priority);
	u64 freed = shrink_lru(scan, priority > 2 ? ALL : priority > 0 ? IDLE : UNMAPPED, dirty);

	if (freed < wanted)
		freed += droppable_shrink(wanted - freed, NULL, NULL);
	/*
	 * objects age as fast as pages; otherwise a walk over a large tree would push all data out
	 * of the cache
	 */
	if (!(gfp & GFP_NOFS))
		freed += freed < wanted ? shrink_caches(1, 8 >> priority, true) :
					  shrink_caches(scan, max(lru, 1UL), false);
	if (freed < wanted || priority > 1)
		freed += slab_shrink();
	if (freed < wanted && priority > 0 && !(gfp & GFP_NOFS))
		freed += break_reservations(wanted);
	if (freed < wanted && priority >= (sysctl_swappiness ? 1 : 3))
		freed += swap_shrink(wanted - freed, NULL, NULL);
	return freed;
}

/* Serves vm.drop_caches. A referenced page is spared once, so several rounds are needed. */
void drop_caches(int what)
{
	u64 dirty = 0, freed = 1;

	if (what & DROP_PAGES)
		count_vm(drop_pagecache, 1);
	if (what & DROP_SLAB)
		count_vm(drop_slab, 1);
	for (int round = 0; what & DROP_PAGES && round < 4 && (freed || round < 2); round++)
		freed = shrink_lru(nr_lru_pages(false) + nr_lru_pages(true), UNMAPPED, &dirty);
	if (what & DROP_PAGES)
		direct_drop_unused();
	if (what & DROP_SLAB) {
		while (shrink_caches(1, 1, true) > 16)
			cond_resched();
		slab_shrink();
	}
}

/*
 * True if pages will become clean soon. A task that writes pages itself waits only for writes in
 * progress.
 */
static bool clean_soon(u64 dirty)
{
	if (current->flags & PF_FLUSHER)
		return nr_writeback_pages();
	return dirty || inodes_are_wanted();
}

/*
 * True if swap areas have room and there are pages for them, which could not be taken now: they are
 * being written, or mmap_lock is held, or a dying child shares them. The caller retries a few times
 * before an OOM kill.
 */
static bool swap_may_help(void)
{
	return nr_swap_free() && sysctl_swappiness && atomic_read(&nr_anon_pages) > 0;
}

u64 try_to_free_pages(gfp_t gfp, u32 order)
{
	u64 wanted = max(64UL, 2UL << order), freed = 0, dirty = 0;
	u32 old = current->flags & PF_MEMALLOC;
	bool stall, others_wait = frees_memory(current);

	if (current->flags & PF_RECLAIM || spin_depth())
		return 0;
	/* other tasks' writes depend on this thread: it drops pages, but calls no file system */
	if (others_wait)
		gfp |= GFP_NOFS;
	stall = psi_memstall_enter();
	count_vm(allocstall, 1);
	current->flags |= PF_MEMALLOC | PF_RECLAIM;
	if (current->mm)
		pmap_flush(&current->mm->pmap); /* frees frames of pmap_retire() */
	for (int priority = 0; priority < 4 && freed < wanted; priority++)
		freed += shrink(wanted - freed, gfp, priority, &dirty);
	current->flags = (current->flags & ~(PF_MEMALLOC | PF_RECLAIM)) | old;
	if (!freed && clean_soon(dirty)) {
		wait_for_flushers(!dirty);
		freed = 1;
	} else if (!freed && swap_may_help()) {
		sleep_ns(10000000);
		freed = 1;
	}
	psi_memstall_leave(stall);
	return freed;
}

bool out_of_memory(struct mm *mm)
{
	bool limit = current->memcg_oom;

	current->memcg_oom = false;
	if (break_reservations_of(mm, true))
		return true;
	if (limit)
		return mem_group_oom_own();
	/*
	 * The caller failed because other tasks allocated the frames that its reclaim freed. If
	 * enough frames are free by now, it tries again without a kill.
	 */
	if (nr_swap_free() && nr_free_frames() > zone_marks.low)
		return true;
	return oom_kill(GFP_USER, 0);
}

bool oom_kill(gfp_t gfp, u32 order)
{
	return mm_task_ops && mm_task_ops->oom_kill(gfp, order);
}

static int kswapd(void *arg)
{
	current->flags |= PF_MEMALLOC | PF_RECLAIM;
	for (;;) {
		u64 dirty = 0, freed;

		wait_event_idle(&kswapd_wait, READ_ONCE(kswapd_wanted));
		WRITE_ONCE(kswapd_wanted, false);
		for (int priority = 0; priority < 3 && nr_free_frames() < zone_marks.high;
			priority++)
			do
				freed = shrink(zone_marks.high, 0, priority, &dirty);
			while (freed && nr_free_frames() < zone_marks.high);
		if (dirty)
			wake_flushers();
		sleep_ns(2000000); /* at most every 2 ms */
	}
	return 0;
}

void wake_kswapd(void)
{
	if (!kswapd_task || READ_ONCE(kswapd_wanted))
		return;
	WRITE_ONCE(kswapd_wanted, true);
	wake_up_all(&kswapd_wait);
}

static int kswapd_start(void)
{
	kswapd_task = kthread_run(kswapd, NULL, "kswapd0");
	return kswapd_task ? 0 : -ENOMEM;
}
INITCALL(2, kswapd_start);
