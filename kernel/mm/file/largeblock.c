/* SPDX-License-Identifier: MIT */
/*
 * largeblock.c: pages of long files in blocks of 2 MiB that the host backs with one large page
 * each.
 *
 *	n = large_block_take(m, index, nr, &p);     frames for pages [index, index + n) of the file,
 *	                                            or 0: use other frames
 *	large_block_gone(pfn, n);                   these frames were given back to the host
 *
 * A file that is read or written in order gets a block whenever it comes to a multiple of 512
 * pages; the block's frames have the same place in the block as the pages in the file. mmap places
 * large mappings of files at addresses that suit the host's page tables (mmap.c). So the host maps
 * 2 MiB with one entry. Otherwise it would take a fault for each 64 KiB, and work for each page,
 * both then and at munmap.
 *
 * Making a block costs the host 0.1 to 0.4 ms, less than it costs to back 512 single frames. It can
 * take long if the host must first gather memory or its CPUs are busy, so the time that blocks take
 * beyond FREE_NS is limited to a sixteenth of the time that passes. After a refusal there is a
 * pause of a second, doubled with each further refusal in a row, up to 64: a refusal may depend on
 * these frames, on the host's memory, or on its administrator's settings. Only -EOPNOTSUPP is
 * permanent. Otherwise the frames of a block are ordinary frames: they are freed one by one.
 *
 * When some frames of a block were given back to the host, the others may still be backed by host
 * pages of several frames: hosts since Linux 6.15 split a large page in as few parts as possible,
 * and map a part as a whole. The bit backing.in_parts notes that until the whole block is given
 * back to the host at once.
 *
 * Frames of blocks that no file has taken yet are kept in a short table. They are freed when memory
 * is short, when another file needs the entry, and when no task has taken any for a second.
 *
 * Locks: block_lock for the table, the bits and the budget. It is not held over calls to the host
 * or the allocator.
 */
#include "kernel/mm/internal.h"

#include "arch/um/machine/arch.h"
#include "kernel/sched/timer.h"

#define BLOCK_ORDER LARGE_BLOCK_ORDER
#define BLOCK_PAGES LARGE_BLOCK_PAGES
#define NR_BLOCKS 4
#define LOOK_NS 1000000000UL
/*
 * The budget is host time for making blocks, in ns: at most BUDGET_MAX is saved up, and a ns is
 * added every BUDGET_SHARE ns.
 */
#define BUDGET_MAX 200000000L
#define BUDGET_SHARE 16
/*
 * ns of making a block that are not charged to the budget: 512 single frames would cost the host 1
 * ms
 */
#define FREE_NS 500000L
#define PAUSE_MIN LOOK_NS /* after a refusal; doubled with each */
#define PAUSE_MAX (64 * LOOK_NS)

struct large_block {
	const struct address_space *m; /* the file; only compared */
	/* index in the file of the page for the block's first frame */
	u64 first;
	/* the group that is charged for the block; only compared */
	const struct mem_group *group;
	struct page *page; /* NULL: the entry is unused */
	/* frames not taken yet: now, and when the timer last ran */
	u32 left, seen;
	u64 taken[BLOCK_PAGES / 64];
};

/* State of a block of 2 MiB of physmem. */
struct backing {
	bool large : 1; /* the host backs it with a large page */
	/* the host has backed it with a large page, and may still back parts with larger pages */
	bool in_parts : 1;
};

static DEFINE_SPINLOCK(block_lock);
static struct large_block blocks[NR_BLOCKS];
static u32 next_victim;
static struct backing *backings;  /* changed under block_lock */
static u64 pause_until, pause_ns; /* after the last refusal */
static s64 budget = BUDGET_MAX;
static u64 budget_at; /* ktime of the last update */
static bool refused;  /* permanent refusal: -EOPNOTSUPP */
static struct ktimer timer;
static struct work work;

/* ---- large pages of the host ---- */

bool large_block_backs(pfn_t pfn)
{
	struct backing b;

	if (!backings)
		return false;
	b = backings[pfn >> BLOCK_ORDER];
	return b.large || b.in_parts;
}

void large_block_gone(pfn_t pfn, u64 n)
{
	if (!backings)
		return;
	spin_lock(&block_lock);
	for (u64 i = pfn >> BLOCK_ORDER; i <= (pfn + n - 1) >> BLOCK_ORDER; i++) {
		struct backing *b = &backings[i];
		bool whole = pfn <= i << BLOCK_ORDER && pfn + n >= (i + 1) << BLOCK_ORDER;

		b->in_parts = (b->large || b->in_parts) && !whole;
		b->large = false;
	}
	spin_unlock(&block_lock);
}

static void note_cost(int err, u64 start, u64 end)
{
	spin_lock(&block_lock);
	if (err == -EOPNOTSUPP)
		refused = true;
	pause_ns = err ? clamp(pause_ns * 2, PAUSE_MIN, PAUSE_MAX) : 0;
	pause_until = end + pause_ns;
	budget += (s64)(start - budget_at) / BUDGET_SHARE;
	budget = min(budget, BUDGET_MAX) - max((s64)(end - start) - FREE_NS, 0L);
	budget_at = end;
	spin_unlock(&block_lock);
}

/* True if the host may be asked for a large page now. Takes block_lock. */
static bool may_ask_host(void)
{
	u64 now;
	bool may;

	if (READ_ONCE(refused) || !backings)
		return false;
	now = ktime_get();
	spin_lock(&block_lock);
	may = now >= pause_until && budget + (s64)(now - budget_at) / BUDGET_SHARE > 0;
	spin_unlock(&block_lock);
	return may;
}

/* Makes the host back the block at @pfn with one large page. The block's content is lost. */
static bool make_large(pfn_t pfn)
{
	u64 start;
	int err;

	if (backings[pfn >> BLOCK_ORDER].large)
		return true;
	start = ktime_get();
	err = physmem_enlarge(pfn, BLOCK_PAGES);
	note_cost(err, start, ktime_get());
	if (err)
		return false;
	spin_lock(&block_lock);
	backings[pfn >> BLOCK_ORDER].large = true;
	spin_unlock(&block_lock);
	return true;
}

/* ---- freeing blocks ---- */

static bool is_taken(const struct large_block *b, u32 i)
{
	return b->taken[i / 64] & BIT(i & 63);
}

/*
 * Frees the frames of a block that no file has taken. @b is a copy, and the block is no longer in
 * the table. The host backs the frames, so they count as backed. Returns their number.
 */
static u64 put_rest(const struct large_block *b)
{
	u64 n = 0;

	for (u32 i = 0; b->page && b->left && i < BLOCK_PAGES; i++) {
		if (is_taken(b, i))
			continue;
		put_page(b->page + i);
		n++;
	}
	return n;
}

/*
 * Removes from the table the blocks that no task is filling (@all: all blocks). Returns the number
 * of frames freed.
 */
static u64 release(bool all)
{
	u64 freed = 0;

	for (u32 i = 0; i < NR_BLOCKS; i++) {
		struct large_block b = { 0 };

		spin_lock(&block_lock);
		if (blocks[i].page && (all || blocks[i].seen == blocks[i].left)) {
			b = blocks[i];
			blocks[i].page = NULL;
		}
		blocks[i].seen = blocks[i].left;
		spin_unlock(&block_lock);
		freed += put_rest(&b);
	}
	return freed;
}

static u64 count_left(void)
{
	u64 n = 0;

	for (u32 i = 0; i < NR_BLOCKS; i++)
		n += READ_ONCE(blocks[i].page) ? READ_ONCE(blocks[i].left) : 0;
	return n;
}

static u64 scan(u64 nr)
{
	return release(true);
}

static struct shrinker block_shrinker = { .count = count_left, .scan = scan };

static void work_func(struct work *w)
{
	release(false);
	if (count_left())
		timer_start(&timer, ktime_get() + LOOK_NS);
}

static void timer_func(struct ktimer *t)
{
	work_queue(&work);
}

/* ---- allocating frames ---- */

/*
 * True if a block should be made for pages from @index on: memory and the budget allow it, the page
 * before @index is cached, and the file has all pages of the block or is growing into it.
 */
static bool worth_it(struct address_space *m, u64 index)
{
	u64 size = DIV_ROUND_UP((u64)max(mapping_size(m), (loff_t)0), PAGE_SIZE);
	struct page *before;

	if (nr_free_frames() < nr_managed_frames() / 4 ||
		(size > index && size < index + BLOCK_PAGES) || !may_ask_host())
		return false;
	before = find_get_page(m, index - 1);
	if (before)
		put_page(before);
	return before != NULL;
}

/*
 * Makes a block for the file's pages from @index on, in place of an old block. May sleep. Failures
 * are ignored.
 */
static void add_block(struct address_space *m, u64 index, gfp_t gfp)
{
	struct page *p = alloc_extent(gfp, BLOCK_ORDER);
	struct large_block old, *b;

	if (!p)
		return;
	if (!make_large(page_to_pfn(p))) {
		for (u32 i = 0; i < BLOCK_PAGES; i++)
			if (test_bit(PG_zero, &p[i].flags) && i)
				free_fresh_page(p + i);
			else
				put_page(p + i); /* make_large() has touched the first */
		return;
	}
	/* the host backs the block now, so its frames are not fresh any more */
	for (u32 i = 0; i < BLOCK_PAGES; i++)
		p[i].flags = 0;
	spin_lock(&block_lock);
	b = &blocks[next_victim++ % NR_BLOCKS];
	old = *b;
	*b = (struct large_block){ m, index, current->mem_group, p, BLOCK_PAGES, 0, { 0 } };
	spin_unlock(&block_lock);
	put_rest(&old);
	if (!timer_armed(&timer))
		timer_start(&timer, ktime_get() + LOOK_NS);
}

/* Takes the next frames of the block, as many as are in a row from @at on. Under block_lock. */
static u32 take_run(struct large_block *b, u32 at, u32 nr)
{
	u32 n = 0;

	while (n < nr && at + n < BLOCK_PAGES && !is_taken(b, at + n)) {
		b->taken[(at + n) / 64] |= BIT((at + n) & 63);
		n++;
	}
	b->left -= n;
	return n;
}

/*
 * Takes up to @nr frames of a block for pages from @index on. Returns how many, and *first. Takes
 * block_lock.
 */
static u32 take(const struct address_space *m, u64 index, u32 nr, struct page **first)
{
	u32 at = index % BLOCK_PAGES, n = 0;

	spin_lock(&block_lock);
	for (u32 i = 0; i < NR_BLOCKS && !n; i++) {
		struct large_block *b = &blocks[i];

		if (!b->page || b->m != m || b->first != index - at ||
			b->group != current->mem_group)
			continue;
		n = take_run(b, at, nr);
		*first = b->page + at;
		if (!b->left)
			b->page = NULL;
	}
	spin_unlock(&block_lock);
	return n;
}

u32 large_block_take(struct address_space *m, u64 index, u32 nr, gfp_t gfp, struct page **first)
{
	u32 n;

	if (index < BLOCK_PAGES) /* most files are shorter than a block */
		return 0;
	n = take(m, index, nr, first);
	if (n || index % BLOCK_PAGES || !worth_it(m, index))
		return n;
	add_block(m, index, gfp);
	return take(m, index, nr, first);
}

static int large_block_init(void)
{
	timer_setup(&timer, timer_func);
	work_setup(&work, work_func);
	register_shrinker(&block_shrinker);
	backings = kzalloc(DIV_ROUND_UP(max_pfn, BLOCK_PAGES) * sizeof(*backings), GFP_KERNEL);
	return 0;
}
INITCALL(2, large_block_init);
