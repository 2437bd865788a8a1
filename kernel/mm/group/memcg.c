/* SPDX-License-Identifier: MIT */
/*
 * memcg.c: charging frames to groups, and keeping groups within their limits.
 *
 * page->memcg names the group that pays. It is set when the frame is allocated and cleared when it
 * is freed, so no lock protects it. Only ksm_replace.c moves it, from a frame that it replaces to
 * the merged one. Counts are atomic, and a charge is added to every group up to the root. A charge
 * that exceeds a group's limit is undone, then memory of that group is reclaimed, and the charge is
 * tried again. A fault that still fails sets current->memcg_oom, and out_of_memory(), which runs
 * without locks, kills a process of the group. A task that is dying, frees memory, or holds a
 * spinlock is never refused.
 *
 * An extent of several frames is optional, and so is an allocation with __GFP_SPARE: such a charge
 * is refused, and nothing is reclaimed for it.
 */
#include "kernel/mm/group/memcg.h"
#include "kernel/mm/swap/swap_internal.h"
#include "kernel/sched/psi.h"

#define RETRIES 16
#define BATCH 32
/* mem_group_pay_on_the_way() pays if more pages were charged above a high limit */
#define PAY_FROM 64
#define MAX_PENALTY_NS 2000000000UL

const struct mem_group_ops *mem_group_ops;

static u64 usage_of(const struct mem_group *g)
{
	s64 n = atomic_read(&g->usage);

	return n > 0 ? (u64)n : 0;
}

static u64 swap_of(const struct mem_group *g)
{
	s64 n = atomic_read(&g->swap);

	return n > 0 ? (u64)n : 0;
}

/* Counts an event of @g and of the groups above, and notifies their owners. */
static void count_event(struct mem_group *g, enum mem_event e)
{
	__atomic_add_fetch(&g->local_events[e], 1, __ATOMIC_RELAXED);
	for (; g && g->parent; g = g->parent) {
		__atomic_add_fetch(&g->events[e], 1, __ATOMIC_RELAXED);
		if (mem_group_ops)
			mem_group_ops->event(g);
	}
}

/*
 * Returns the group that pays for current's memory, with a reference, or NULL. Another task may
 * move current to another group, and the old group may be freed after its removal. If the last
 * reference has gone, current's group has changed, and the loop reads it again.
 */
static struct mem_group *get_own_group(void)
{
	struct mem_group *g;

	do
		g = READ_ONCE(current->mem_group);
	while (g && mem_group_ops && !mem_group_ops->tryget(g));
	return g;
}

static void put_group(struct mem_group *g)
{
	if (g && mem_group_ops)
		mem_group_ops->release(g);
}

/* ---- charging ---- */

/* Takes @n pages off @g and the groups above. */
static void uncharge(struct mem_group *g, s64 n)
{
	struct mem_group *at;

	for (at = g; at && at->parent; at = at->parent) {
		s64 left = atomic_sub_return(n, &at->usage);

		if (unlikely(left < (s64)READ_ONCE(at->notify_below)))
			mem_group_ops->crossed(at);
		mem_keeps_changed(at);
	}
}

/* Records @now pages of usage. Calls crossed() if it has reached notify_from. */
static void note_peak(struct mem_group *g, u64 now)
{
	if (now > READ_ONCE(g->peak))
		WRITE_ONCE(g->peak, now);
	if (now > READ_ONCE(g->watched))
		WRITE_ONCE(g->watched, now);
	if (likely(!g->v1))
		return;
	if (now + swap_of(g) > READ_ONCE(g->both_peak))
		WRITE_ONCE(g->both_peak, now + swap_of(g));
	if (now >= READ_ONCE(g->notify_from))
		mem_group_ops->crossed(g);
}

/* True if memory and swap together are at their joint limit, so that swapping would not help. */
static bool both_full(const struct mem_group *g, u64 now)
{
	u64 max = READ_ONCE(g->both_max);

	return unlikely(max != MEM_NO_LIMIT) && now + swap_of(g) >= max;
}

/*
 * True if the usage @now of @g exceeds its limit, or with swap its joint limit. Counts the refusal.
 */
static bool too_much(struct mem_group *g, u64 now)
{
	if (now > READ_ONCE(g->max)) {
		__atomic_add_fetch(&g->hits, 1, __ATOMIC_RELAXED);
		return true;
	}
	if (likely(!both_full(g, now - 1)))
		return false;
	__atomic_add_fetch(&g->both_hits, 1, __ATOMIC_RELAXED);
	return true;
}

static bool must_not_fail(gfp_t gfp)
{
	if (gfp & __GFP_SPARE)
		return false;
	return gfp & (GFP_ATOMIC | __GFP_NOFAIL) || current->flags & PF_EXITING ||
	       frees_memory(current) || wait_interrupted(TASK_WAKEKILL) || spin_depth();
}

/* True if the charge is optional: at a limit it is refused, and nothing is reclaimed for it. */
static bool is_convenience(s64 n, gfp_t gfp)
{
	return n > 1 || gfp & __GFP_SPARE;
}

/*
 * Charges @g and the groups above. Returns false if a limit forbids that: then nothing is charged,
 * and *over is the group with the limit.
 */
static bool try_charge(struct mem_group *g, s64 n, gfp_t gfp, struct mem_group **over)
{
	bool force = must_not_fail(gfp), convenience = is_convenience(n, gfp);
	struct mem_group *at, *undo;

	for (at = g; at && at->parent; at = at->parent) {
		u64 now = (u64)atomic_add_return(n, &at->usage);

		if (!force && too_much(at, now))
			goto err_undo;
		if (unlikely(swap_of(at) > READ_ONCE(at->swap_high))) {
			current->memcg_over += (u64)n;
			set_bit(TIF_CGROUP, &current->work_flags);
		}
		if (now > READ_ONCE(at->high)) {
			if (convenience && !force)
				goto err_undo;
			current->memcg_over += (u64)n;
			set_bit(TIF_CGROUP, &current->work_flags);
		}
		note_peak(at, now);
		mem_keeps_changed(at);
	}
	return true;

err_undo:
	*over = at;
	for (undo = g;; undo = undo->parent) {
		atomic_sub(n, &undo->usage);
		mem_keeps_changed(undo);
		if (undo == at)
			return false;
	}
}

/*
 * True if reclaim for @g may swap: swappiness allows it, swap areas and limits have room, and the
 * group has pages other than page cache and socket memory.
 */
static bool may_swap(const struct mem_group *g)
{
	int own = READ_ONCE(g->swappiness);

	if (!nr_swap_free() || !(own < 0 ? sysctl_swappiness : own))
		return false;
	for (const struct mem_group *at = g; at->parent; at = at->parent)
		if (swap_of(at) >= READ_ONCE(at->swap_max) || both_full(at, usage_of(at)))
			return false;
	return !g->parent || atomic_read(&g->usage) > atomic_read(&g->file) + atomic_read(&g->sock);
}

bool mem_group_is_limited(const struct mem_group *g)
{
	for (; g && g->parent; g = g->parent)
		if (READ_ONCE(g->max) != MEM_NO_LIMIT || READ_ONCE(g->high) != MEM_NO_LIMIT ||
			READ_ONCE(g->both_max) != MEM_NO_LIMIT)
			return true;
	return false;
}

static void count_swap_event(struct mem_group *g, enum mem_swap_event e);

/*
 * Counts that a full memory.swap.max has kept reclaim from swapping. The last page may have fitted
 * exactly, so that no charge was refused.
 */
static void count_full_swap(struct mem_group *g)
{
	while (g->parent && swap_of(g) < READ_ONCE(g->swap_max))
		g = g->parent;
	if (!g->parent || !READ_ONCE(g->swap_max))
		return;
	count_swap_event(g, MEM_SWAP_MAX);
	count_swap_event(g, MEM_SWAP_FAIL);
}

/* Returns after how many tries a reclaim that frees nothing leads to an OOM kill. */
static int patience(const struct mem_group *g)
{
	return may_swap(g) ? 10 : 2;
}

/*
 * Charges @n pages to @g and the groups above, after reclaim and the OOM killer if needed. May
 * sleep unless @gfp has GFP_ATOMIC. 0 or -ENOMEM.
 */
static int charge(struct mem_group *g, s64 n, gfp_t gfp)
{
	struct mem_group *over = NULL;

	if (try_charge(g, n, gfp, &over))
		return 0;
	if (is_convenience(n, gfp))
		return -ENOMEM;
	for (int i = 0; i < RETRIES; i++) {
		count_event(over, MEM_MAX);
		if (!mem_group_reclaim(over, BATCH) && i > patience(over)) {
			/*
			 * this task may hold locks, so it must not wait for room here: a page fault
			 * waits after it has dropped its locks, a system call fails
			 */
			if (gfp & __GFP_NOOOM || READ_ONCE(over->oom_waits)) {
				current->memcg_oom = true;
				return -ENOMEM;
			}
			count_full_swap(over);
			if (!mem_group_oom(over))
				return -ENOMEM;
		}
		if (try_charge(g, n, gfp, &over))
			return 0;
	}
	current->memcg_oom = true;
	return -ENOMEM;
}

void mem_count_paid(const struct page *p, enum mem_stat what, s64 n)
{
	for (struct mem_group *g = p->memcg; g && g->parent; g = g->parent)
		atomic_add(n, &g->stat[what]);
}

static void is_kernels(struct page *p, u32 n)
{
	for (u32 i = 0; i < n; i++)
		set_bit(PG_kmem, &p[i].flags);
	mem_count(p, MEM_KERNEL, n);
}

int mem_charge(struct page *p, u32 n, gfp_t gfp)
{
	struct mem_group *g = get_own_group();
	int err = g ? charge(g, n, gfp) : 0;

	if (!err && g) {
		if (atomic_add_return(n, &g->local) == n && mem_group_ops)
			mem_group_ops->hold(g);
		for (u32 i = 0; i < n; i++)
			p[i].memcg = g;
		if (gfp & __GFP_ACCOUNT && !(gfp & GFP_USER))
			is_kernels(p, n);
	}
	put_group(g);
	return err;
}

void mem_uncharge(struct page *p)
{
	struct mem_group *g = p->memcg;

	if (unlikely(test_bit(PG_kmem, &p->flags)))
		mem_count(p, MEM_KERNEL, -1);
	p->memcg = NULL;
	uncharge(g, 1);
	if (atomic_sub_return(1, &g->local) == 0 && mem_group_ops)
		mem_group_ops->release(g);
}

void mem_count_cached(struct page *p, bool memory_only, s64 n)
{
	for (struct mem_group *g = p->memcg; g && g->parent; g = g->parent) {
		atomic_add(n, &g->file);
		if (memory_only)
			atomic_add(n, &g->shmem);
	}
}

/* ---- sockets ---- */

struct mem_group *mem_sock_begin(void)
{
	return get_own_group();
}

void mem_sock_charge(struct mem_group *g, s64 pages)
{
	for (; g && g->parent; g = g->parent) {
		atomic_add(pages, &g->sock);
		note_peak(g, (u64)max_t(s64, atomic_add_return(pages, &g->usage), 0));
		mem_keeps_changed(g);
	}
}

void mem_sock_end(struct mem_group *g)
{
	put_group(g);
}

/* ---- swap areas ---- */

static void swap_uncharge_to(struct mem_group *g, const struct mem_group *end)
{
	for (; g != end && g->parent; g = g->parent)
		atomic_sub(1, &g->swap);
}

/*
 * Charges a slot to the group. While charged, the slot keeps the group's owner alive, as a frame
 * does.
 */
bool mem_swap_charge(struct mem_group *g, struct mem_group **full)
{
	for (struct mem_group *at = g; at->parent; at = at->parent) {
		u64 now = (u64)atomic_add_return(1, &at->swap);

		if (now > READ_ONCE(at->swap_max)) {
			swap_uncharge_to(g, at->parent);
			if (!*full && mem_group_ops && mem_group_ops->tryget(at))
				*full = at;
			return false;
		}
		if (now > READ_ONCE(at->swap_peak))
			WRITE_ONCE(at->swap_peak, now);
		if (now > READ_ONCE(at->swap_watched))
			WRITE_ONCE(at->swap_watched, now);
	}
	if (atomic_add_return(1, &g->local) == 1 && mem_group_ops)
		mem_group_ops->hold(g);
	return true;
}

void mem_swap_uncharge(struct mem_group *g)
{
	swap_uncharge_to(g, NULL);
	if (atomic_sub_return(1, &g->local) == 0 && mem_group_ops)
		mem_group_ops->release(g);
}

static void count_swap_event(struct mem_group *g, enum mem_swap_event e)
{
	for (; g && g->parent; g = g->parent) {
		__atomic_add_fetch(&g->swap_events[e], 1, __ATOMIC_RELAXED);
		if (mem_group_ops)
			mem_group_ops->event(g);
	}
}

void mem_swap_refused(struct mem_group *full)
{
	count_swap_event(full, MEM_SWAP_MAX);
	count_swap_event(full, MEM_SWAP_FAIL);
	put_group(full);
}

/* ---- reclaim ---- */

bool mem_belongs(const struct page *p, const struct mem_group *top)
{
	for (const struct mem_group *g = p->memcg; g; g = g->parent)
		if (g == top)
			return true;
	return false;
}

void mem_group_count_low(struct mem_group *g)
{
	count_event(g, MEM_LOW);
}

static bool chosen(const struct page *p, void *group)
{
	const struct mem_group *g = group;

	return !g->parent || mem_belongs(p, g);
}

/*
 * True if the group has page cache other than shared memory. True for the root, whose page cache is
 * not counted.
 */
static bool has_cached(const struct mem_group *g)
{
	return !g->parent || atomic_read(&g->file) > atomic_read(&g->shmem);
}

u64 mem_group_reclaim(struct mem_group *g, u64 pages)
{
	u64 freed = 0, dirty = 0;
	bool stall;

	if (frees_memory(current) || spin_depth() ||
		!(has_cached(g) || droppable_any() || may_swap(g)))
		return 0;
	stall = psi_memstall_enter();
	current->flags |= PF_MEMALLOC | PF_RECLAIM;
	for (int round = 0; round < 3 && freed < pages; round++)
		freed += shrink_lru_group(pages - freed, g, SPARE_LOW, &dirty);
	if (!freed)
		freed += shrink_lru_group(pages, g, SPARE_MIN, &dirty);
	if (freed < pages)
		freed += droppable_shrink(pages - freed, chosen, g);
	if (freed < pages && may_swap(g))
		freed += swap_shrink(pages - freed, chosen, g);
	current->flags &= ~(PF_MEMALLOC | PF_RECLAIM);
	if (!freed && dirty) {
		wake_flushers();
		sleep_ns(5000000);
		freed = 1;
	} else if (!freed && may_swap(g)) {
		/* swapping is in progress, or a lock was held: callers try again (patience()) */
		sleep_ns(10000000);
	}
	psi_memstall_leave(stall);
	return freed;
}

bool mem_group_oom(struct mem_group *g)
{
	if (break_reservations_in(g))
		return true;
	count_event(g, MEM_OOM);
	if (!mem_group_ops || !mem_group_ops->oom_kill(g))
		return false;
	if (!wait_interrupted(TASK_WAKEKILL))
		sleep_ns(2000000); /* let the victim run */
	return true;
}

bool mem_group_oom_own(void)
{
	struct mem_group *own = get_own_group(), *g;
	bool again = true; /* true if no group is full any more */

	for (g = own; g && g->parent; g = g->parent)
		if (usage_of(g) >= READ_ONCE(g->max) || both_full(g, usage_of(g))) {
			again = mem_group_oom(g);
			break;
		}
	put_group(own);
	return again;
}

void mem_group_killed(struct mem_group *g)
{
	count_event(g, MEM_OOM_KILL);
}

void mem_group_killed_all(struct mem_group *g)
{
	count_event(g, MEM_OOM_GROUP_KILL);
}

void mem_group_shrink_to(struct mem_group *g, u64 pages, bool kill)
{
	for (int i = 0, idle = 0; i < 1000 && !wait_interrupted(TASK_WAKEKILL); i++) {
		u64 now = usage_of(g);

		if (now <= pages)
			return;
		if (mem_group_reclaim(g, now - pages) || (may_swap(g) && ++idle < patience(g)))
			continue;
		if (!kill || !mem_group_oom(g))
			return;
	}
}

/*
 * Returns how long to sleep, in ns, at the usage @now: ten milliseconds for each percent above
 * @high, at most MAX_PENALTY_NS.
 */
static u64 penalty(u64 now, u64 high)
{
	if (now <= high)
		return 0;
	return min((now - high) * 1000000000 / max(high, 1UL), MAX_PENALTY_NS);
}

void mem_group_pay(void)
{
	u64 over = current->memcg_over, wait = 0;
	struct mem_group *own, *g;

	current->memcg_over = 0;
	if (!over)
		return;
	own = get_own_group();
	for (g = own; g && g->parent; g = g->parent) {
		u64 now = usage_of(g), high = READ_ONCE(g->high);

		if (unlikely(swap_of(g) > READ_ONCE(g->swap_high))) {
			count_swap_event(g, MEM_SWAP_HIGH);
			wait = max(wait, penalty(swap_of(g), READ_ONCE(g->swap_high)));
		}
		if (now <= high)
			continue;
		count_event(g, MEM_HIGH);
		mem_group_reclaim(g, max(now - high, over));
		wait = max(wait, penalty(usage_of(g), high));
	}
	put_group(own);
	if (wait && !wait_interrupted(TASK_WAKEKILL)) {
		bool stall = psi_memstall_enter();

		set_current_state(TASK_KILLABLE);
		schedule_deadline(ktime_get() + wait);
		psi_memstall_leave(stall);
	}
}

void mem_group_pay_on_the_way(void)
{
	if (unlikely(current->memcg_over > PAY_FROM))
		mem_group_pay();
}

/* ---- peaks since a reset ---- */

static DEFINE_SPINLOCK(watch_lock);

/*
 * Begins a watch. The group has one peak for all watches, which is stored in the other watches
 * before it is reset.
 */
static void watch_begin(struct list_head *watches, u64 *watched, u64 now, struct mem_watch *w)
{
	struct mem_watch *other;

	spin_lock(&watch_lock);
	list_for_each_entry(other, watches, list)
		other->most = max(other->most, READ_ONCE(*watched));
	if (!w->on)
		list_add(&w->list, watches);
	w->on = true;
	w->most = now;
	WRITE_ONCE(*watched, w->most);
	spin_unlock(&watch_lock);
}

static u64 watch_peak(const u64 *watched, const u64 *peak, const struct mem_watch *w)
{
	u64 most;

	spin_lock(&watch_lock);
	most = w->on ? max(w->most, READ_ONCE(*watched)) : READ_ONCE(*peak);
	spin_unlock(&watch_lock);
	return most;
}

void mem_watch_begin(struct mem_group *g, struct mem_watch *w)
{
	watch_begin(&g->watches, &g->watched, usage_of(g), w);
}

u64 mem_watch_peak(struct mem_group *g, const struct mem_watch *w)
{
	return watch_peak(&g->watched, &g->peak, w);
}

void mem_swap_watch_begin(struct mem_group *g, struct mem_watch *w)
{
	watch_begin(&g->swap_watches, &g->swap_watched, swap_of(g), w);
}

u64 mem_swap_watch_peak(struct mem_group *g, const struct mem_watch *w)
{
	return watch_peak(&g->swap_watched, &g->swap_peak, w);
}

void mem_watch_end(struct mem_watch *w)
{
	spin_lock(&watch_lock);
	if (w->on)
		list_del(&w->list);
	spin_unlock(&watch_lock);
}

/* ---- initialisation and end ---- */

void mem_group_reset(struct mem_group *g)
{
	g->min = g->low = 0;
	if (g->parent)
		mem_keeps_changed(g);
	g->high = g->max = g->swap_high = g->swap_max = g->both_max = MEM_NO_LIMIT;
	g->notify_from = ~0UL;
	g->swappiness = -1;
	g->oom_group = false;
}

void mem_group_init(struct mem_group *g, struct mem_group *parent)
{
	g->parent = parent;
	INIT_LIST_HEAD(&g->watches);
	mem_lru_init(&g->lru);
	INIT_LIST_HEAD(&g->swap_watches);
	mem_group_reset(g);
	huge_group_reset(g);
}
