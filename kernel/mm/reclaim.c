/* SPDX-License-Identifier: MIT */
/*
 * reclaim.c: gets frames back when they are short.
 *
 * In this order, until enough is free: clean pages of files that nobody maps, from the cold end of the lru; mapped ones after their
 * mappings are gone; caches of objects (shrinkers); empty slabs; frames that were mapped ahead of faults and never touched. Dirty
 * pages are the flusher's: it is woken, and the allocation waits a little. Anonymous memory cannot be dropped (there is no swap):
 * when nothing helps the caller asks the OOM killer.
 *
 * kswapd is woken below the low watermark and works up to the high one. An allocation that finds nothing does the same by itself.
 * PF_MEMALLOC marks a task that frees memory: it may use the reserve and does not come here again.
 */
#include "kernel/mm/internal.h"
#include "kernel/sched/psi.h"

#define BATCH 32

static LIST_HEAD(shrinkers);
static DEFINE_SPINLOCK(shrinkers_lock);
static DECLARE_WAIT_QUEUE_HEAD(kswapd_wait);
static bool kswapd_wanted; /* racy hint */
static bool kswapd_runs;
bool (*oom_kill)(gfp_t gfp, u32 order);
int sysctl_vfs_cache_pressure = 100;

void register_shrinker(struct shrinker *s)
{
	spin_lock(&shrinkers_lock);
	list_add_tail(&s->list, &shrinkers);
	spin_unlock(&shrinkers_lock);
}

/* ---- pages of files ---- */

static bool drop_one(struct page *p, bool unmap)
{
	struct address_space *m;
	bool dropped = false;

	if ((p->memcg && mem_protected(p, !unmap)) || !trylock_page(p))
		return false;
	m = p->mapping;
	if (m && unmap && !PageDirty(p) && !PageWriteback(p) && atomic_read(&p->mapcount))
		page_unmap_all(p);
	if (m && !test_and_clear_bit(PG_referenced, &p->flags))
		dropped = try_drop_clean_page(p, m);
	unlock_page(p);
	return dropped;
}

/* Drops what it can of isolated pages and puts the rest back: how many. */
static u64 drop_batch(struct page **pages, u32 n, bool unmap, u64 *dirty)
{
	u64 freed = 0;

	for (u32 i = 0; i < n; i++) {
		if (drop_one(pages[i], unmap)) {
			freed++;
		} else {
			*dirty += PageDirty(pages[i]) || PageWriteback(pages[i]);
			lru_putback(pages[i], false);
		}
		put_page(pages[i]);
	}
	return freed;
}

u64 shrink_lru_chosen(
	u64 nr, bool (*chosen)(const struct page *p, void *arg), void *arg, u64 *dirty)
{
	u64 freed = 0, scan = max(nr * 2, 64UL);

	while (scan && freed < nr) {
		struct page *pages[BATCH];
		u32 n = lru_isolate_chosen(pages, BATCH, chosen, arg);

		freed += drop_batch(pages, n, true, dirty);
		if (!n)
			break;
		scan -= min((u64)n, scan);
		cond_resched();
	}
	return freed;
}

static u64 shrink_lru(u64 scan, bool unmap, u64 *dirty)
{
	u64 freed = 0;

	while (scan) {
		struct page *pages[BATCH];
		u32 n = lru_isolate(pages, min_t(u64, scan, BATCH));

		freed += drop_batch(pages, n, unmap, dirty);
		if (!n)
			break;
		scan -= n;
		cond_resched();
	}
	return freed;
}

/* ---- caches of objects ---- */

static u64 shrink_caches(u32 share)
{
	struct shrinker *s;
	u64 freed = 0;

	list_for_each_entry(s, &shrinkers, list) { /* shrinkers are never removed */
		u64 n = s->count() * (u64)READ_ONCE(sysctl_vfs_cache_pressure) / 100;

		if (n)
			freed += s->scan(max_t(u64, n / share, 1));
	}
	return freed;
}

/* ---- reservations ---- */

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

static u64 break_reservations(u64 wanted)
{
	u64 freed = 0;

	for (int i = 0; i < 64 && freed < wanted; i++) {
		struct mm *mm = next_mm();

		if (!mm)
			break;
		freed += break_reservations_of(mm, false);
		mmput(mm);
	}
	return freed;
}

/* ---- all of it ---- */

/* @priority: 0 is gentle, 3 tries everything. Frames freed. */
static u64 shrink(u64 wanted, gfp_t gfp, int priority, u64 *dirty)
{
	u64 lru = nr_lru_pages(false) + nr_lru_pages(true);
	u64 freed = shrink_lru(
		priority > 2 ? lru : min(lru, wanted * 4 << priority), priority > 0, dirty);

	if (freed < wanted && !(gfp & GFP_NOFS))
		freed += shrink_caches(8 >> priority);
	if (freed < wanted || priority > 1)
		freed += slab_shrink();
	if (freed < wanted && priority > 0 && !(gfp & GFP_NOFS))
		freed += break_reservations(wanted);
	return freed;
}

/* vm.drop_caches. A page that was referenced is spared once, so there are rounds. */
void drop_caches(int what)
{
	u64 dirty = 0, freed = 1;

	for (int round = 0; what & DROP_PAGES && round < 4 && (freed || round < 2); round++)
		freed = shrink_lru(nr_lru_pages(false) + nr_lru_pages(true), false, &dirty);
	if (what & DROP_PAGES)
		direct_drop_unused();
	if (what & DROP_SLAB) {
		while (shrink_caches(1) > 16)
			cond_resched();
		slab_shrink();
	}
}

u64 try_to_free_pages(gfp_t gfp, u32 order)
{
	u64 wanted = max(64UL, 2UL << order), freed = 0, dirty = 0;
	u32 old = current->flags & PF_MEMALLOC;
	bool stall;

	if (old || spin_depth())
		return 0;
	stall = psi_memstall_enter();
	current->flags |= PF_MEMALLOC;
	if (current->mm)
		pmap_flush(&current->mm->pmap); /* frees what it has retired */
	for (int priority = 0; priority < 4 && freed < wanted; priority++)
		freed += shrink(wanted - freed, gfp, priority, &dirty);
	current->flags &= ~PF_MEMALLOC;
	if (!freed && dirty) { /* it will be clean soon */
		wake_flusher();
		sleep_ns(5000000);
		freed = 1;
	}
	psi_memstall_leave(stall);
	return freed;
}

bool out_of_memory(struct mm *mm)
{
	struct mem_group *g = current->memcg_oom;

	current->memcg_oom = NULL;
	if (break_reservations_of(mm, true))
		return true;
	if (g)
		return mem_group_oom(g);
	return oom_kill && oom_kill(GFP_USER, 0);
}

static int kswapd(void *arg)
{
	current->flags |= PF_MEMALLOC;
	for (;;) {
		u64 dirty = 0, freed;

		wait_event(&kswapd_wait, READ_ONCE(kswapd_wanted));
		WRITE_ONCE(kswapd_wanted, false);
		for (int priority = 0; priority < 3 && nr_free_frames() < zone_marks.high;
			priority++)
			do
				freed = shrink(zone_marks.high, 0, priority, &dirty);
			while (freed && nr_free_frames() < zone_marks.high);
		if (dirty)
			wake_flusher();
		sleep_ns(2000000); /* at most so often */
	}
	return 0;
}

void wake_kswapd(void)
{
	if (!kswapd_runs || READ_ONCE(kswapd_wanted))
		return;
	WRITE_ONCE(kswapd_wanted, true);
	wake_up_all(&kswapd_wait);
}

static int kswapd_start(void)
{
	kswapd_runs = kthread_run(kswapd, NULL, "kswapd0") != NULL;
	return kswapd_runs ? 0 : -ENOMEM;
}
INITCALL(2, kswapd_start);
