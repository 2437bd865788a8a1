/* SPDX-License-Identifier: MIT */
/*
 * writeback.c: dirty pages, and how they get to the disk.
 *
 * A page becomes dirty by set_page_dirty() and clean by clear_page_dirty_for_io(), which takes the right to write away from its
 * shared mappings, so that the next write through one faults and dirties it again.
 *
 * A mapping with dirty pages is on the list dirty_mappings, oldest first. The flusher, a kernel thread, writes out what
 * has been dirty for five seconds, and everything, oldest first, while more than a tenth (vm.dirty_background_ratio) of memory is dirty. It sleeps without a
 * deadline when nothing is dirty. A writer that finds more than a fifth dirty waits in balance_dirty_pages().
 *
 * The flusher pins the inode by mm_file_ops->inode_get() and calls a_ops->writepages(). Inodes themselves and the file
 * system's metadata are vfs's and the file system's business.
 *
 * Errors: mapping_set_error() counts them in the mapping; each open file remembers the count that it has seen.
 *
 * Locks: m->lock (nrdirty, the bounds, the error), wb_lock (the list); wb_lock is taken with no other lock of mm held.
 */
#include "kernel/mm/internal.h"

#define DIRTY_AGE ((u64)sysctl_dirty_expire_centisecs * 10000000) /* ns */
#define FLUSH_PIECE 2048 /* pages for one mapping in a row */

int sysctl_dirty_ratio = 20, sysctl_dirty_background_ratio = 10;
int sysctl_dirty_expire_centisecs = 500;
u64 sysctl_dirty_bytes, sysctl_dirty_background_bytes; /* 0: the ratios count */

static DEFINE_SPINLOCK(wb_lock);
static LIST_HEAD(dirty_mappings);
static atomic64_t nr_dirty, nr_writeback;
static DECLARE_WAIT_QUEUE_HEAD(flusher_wait);
static DECLARE_WAIT_QUEUE_HEAD(balance_wait);
static bool flush_now; /* racy hint: the flusher looks again */

u64 nr_dirty_pages(void)
{
	return atomic_read(&nr_dirty);
}

u64 nr_writeback_pages(void)
{
	return atomic_read(&nr_writeback);
}

/* ---- which mappings have dirty pages ---- */

/* Puts @m on the list or takes it off, as nrdirty says. */
static void update_dirty_list(struct address_space *m)
{
	bool wake = false;

	spin_lock(&wb_lock);
	if (READ_ONCE(m->nrdirty) && list_empty(&m->dirty_link)) {
		wake = list_empty(&dirty_mappings);
		m->dirtied_when = ktime_get();
		list_add_tail(&m->dirty_link, &dirty_mappings);
	} else if (!READ_ONCE(m->nrdirty) && !list_empty(&m->dirty_link)) {
		list_del_init(&m->dirty_link);
	}
	spin_unlock(&wb_lock);
	if (wake)
		wake_up_all(&flusher_wait);
}

bool set_page_dirty(struct page *p)
{
	struct address_space *m = p->mapping;
	bool first;

	if (PageDirty(p) || test_and_set_bit(PG_dirty, &p->flags))
		return false;
	if (!m || m->a_ops->memory_only)
		return true;
	spin_lock(&m->lock);
	first = !m->nrdirty++;
	m->dirty_first = min(m->dirty_first, p->index);
	m->dirty_last = max(m->dirty_last, p->index);
	spin_unlock(&m->lock);
	atomic_inc(&nr_dirty);
	current->io_write_bytes += PAGE_SIZE;
	if (first)
		update_dirty_list(m);
	if (m->mark_inode_dirty)
		m->mark_inode_dirty(m->host);
	return true;
}

static void account_clean(struct address_space *m)
{
	bool last;

	spin_lock(&m->lock);
	last = !--m->nrdirty;
	if (last) {
		m->dirty_first = ~0UL;
		m->dirty_last = 0;
	}
	spin_unlock(&m->lock);
	atomic_dec(&nr_dirty);
	if (last)
		update_dirty_list(m);
	if (waitqueue_active(&balance_wait))
		wake_up_all(&balance_wait);
}

void cancel_dirty_page(struct page *p)
{
	struct address_space *m = p->mapping;

	if (test_and_clear_bit(PG_dirty, &p->flags) && m && !m->a_ops->memory_only)
		account_clean(m);
}

bool clear_page_dirty_for_io(struct page *p)
{
	struct address_space *m = p->mapping;

	BUG_ON(!PageLocked(p));
	if (!PageDirty(p))
		return false;
	page_mkclean(p);
	if (!test_and_clear_bit(PG_dirty, &p->flags))
		return false;
	if (m && !m->a_ops->memory_only)
		account_clean(m);
	return true;
}

bool mapping_has_dirty(struct address_space *m)
{
	return READ_ONCE(m->nrdirty) != 0;
}

/* A mapping's tree can be large and its dirty pages few: the lock is not held over more than SCAN_MAX clean ones. */
#define SCAN_MAX 512

struct page *next_dirty_page(struct address_space *m, u64 *index, u64 end)
{
	struct page *p = NULL;

	do {
		u64 start;

		spin_lock(&m->lock);
		start = *index = max(*index, m->dirty_first);
		end = min(end, m->dirty_last);
		for (u32 i = 0; i < SCAN_MAX && *index <= end && m->nrdirty; i++) {
			p = radix_next(&m->pages, index);
			if (!p || *index > end) {
				p = NULL;
				*index = end + 1;
				break;
			}
			if (PageDirty(p)) {
				if (start == m->dirty_first)
					m->dirty_first = *index;
				get_page(p);
				++*index;
				spin_unlock(&m->lock);
				return p;
			}
			++*index;
		}
		if (!m->nrdirty)
			*index = end + 1;
		spin_unlock(&m->lock);
		cond_resched();
	} while (*index <= end && end != ~0UL);
	return NULL;
}

/* ---- on the way to the disk ---- */

void set_page_writeback(struct page *p)
{
	if (test_and_set_bit(PG_writeback, &p->flags))
		return;
	get_page(p);
	atomic_inc(&nr_writeback);
	if (p->mapping)
		atomic_inc(&p->mapping->nrwriteback);
}

/* May be called from an interrupt. The page stays in its mapping while PG_writeback is set: truncation waits for it. */
void end_page_writeback(struct page *p)
{
	struct address_space *m = p->mapping;

	atomic_dec(&nr_writeback);
	if (m)
		atomic_dec(&m->nrwriteback);
	count_vm(pgpgout, PAGE_SIZE / 1024);
	clear_page_bit_wake(p, PG_writeback);
	put_page(p);
}

void mapping_set_error(struct address_space *m, int err)
{
	if (!err)
		return;
	spin_lock(&m->lock);
	m->wb_err = err;
	m->wb_err_seq++;
	spin_unlock(&m->lock);
}

u32 mapping_wb_sample(struct address_space *m)
{
	return READ_ONCE(m->wb_err_seq);
}

int mapping_wb_check(struct address_space *m, u32 *since)
{
	int err = 0;

	if (likely(READ_ONCE(m->wb_err_seq) == *since))
		return 0;
	spin_lock(&m->lock);
	if (m->wb_err_seq != *since)
		err = m->wb_err;
	*since = m->wb_err_seq;
	spin_unlock(&m->lock);
	return err;
}

#define WAIT_BATCH 16

/* The error belongs to the file that asks: mapping_wb_check(). Here only what happened during the wait. */
int filemap_fdatawait_range(struct address_space *m, loff_t start, loff_t end)
{
	u64 index = start >> PAGE_SHIFT, last = (u64)end >> PAGE_SHIFT;
	struct page *pages[WAIT_BATCH];
	u32 n;

	while (index <= last && atomic_read(&m->nrwriteback)) {
		n = find_get_pages(m, index, last, WAIT_BATCH, pages);
		if (!n)
			break;
		index = pages[n - 1]->index + 1;
		for (u32 i = 0; i < n; i++) {
			wait_on_page_writeback(pages[i]);
			put_page(pages[i]);
		}
		cond_resched();
	}
	return 0;
}

static int write_range(struct address_space *m, struct writeback_control *wbc)
{
	if (!mapping_has_dirty(m) || !m->a_ops->writepages || m->a_ops->memory_only)
		return 0;
	mapping_wrprotect_range(m, wbc->start >> PAGE_SHIFT, wbc->end >> PAGE_SHIFT);
	return m->a_ops->writepages(m, wbc);
}

int filemap_write_and_wait_range(struct address_space *m, loff_t start, loff_t end)
{
	struct writeback_control wbc = {
		.sync = true, .nr_to_write = ~0UL, .start = start, .end = end
	};
	u32 since = mapping_wb_sample(m);
	int err = write_range(m, &wbc), err2;

	filemap_fdatawait_range(m, start, end);
	err2 = mapping_wb_check(m, &since);
	return err ? err : err2;
}

/* ---- the flusher ---- */

static u64 background_limit(void)
{
	if (sysctl_dirty_background_bytes)
		return DIV_ROUND_UP(sysctl_dirty_background_bytes, PAGE_SIZE);
	return nr_managed_frames() * sysctl_dirty_background_ratio / 100;
}

static u64 dirty_limit(void)
{
	if (sysctl_dirty_bytes)
		return DIV_ROUND_UP(sysctl_dirty_bytes, PAGE_SIZE);
	return nr_managed_frames() * sysctl_dirty_ratio / 100;
}

/* The oldest mapping on the list that is due, its inode pinned and moved to the list's end; NULL: none. */
static struct address_space *take_due(u64 now, bool all)
{
	struct address_space *m, *found = NULL;

	spin_lock(&wb_lock);
	list_for_each_entry(m, &dirty_mappings, dirty_link) {
		if (!all && m->dirtied_when + DIRTY_AGE > now)
			break;
		if (mm_file_ops->inode_get && !mm_file_ops->inode_get(m->host))
			continue;
		m->dirtied_when = now;
		list_move_tail(&m->dirty_link, &dirty_mappings);
		found = m;
		break;
	}
	spin_unlock(&wb_lock);
	return found;
}

/* @until: mappings that were looked at after this time have had their turn. */
static bool flush_one(u64 now, bool all, bool wait)
{
	struct address_space *m = take_due(now, all);
	struct writeback_control wbc = {
		.sync = wait, .nr_to_write = wait ? ~0UL : FLUSH_PIECE, .start = 0, .end = ~0UL >> 1
	};
	int err;

	if (!m)
		return false;
	err = write_range(m, &wbc);
	if (err)
		mapping_set_error(m, err);
	if (wait)
		filemap_fdatawait_range(m, 0, wbc.end);
	if (mm_file_ops->inode_put)
		mm_file_ops->inode_put(m->host);
	return true;
}

static u64 nr_dirty_mappings(void)
{
	struct list_head *p;
	u64 n = 0;

	spin_lock(&wb_lock);
	list_for_each(p, &dirty_mappings)
		n++;
	spin_unlock(&wb_lock);
	return n;
}

void sync_mappings(bool wait)
{
	for (u64 n = nr_dirty_mappings(); n && flush_one(ktime_get(), true, wait); n--)
		cond_resched();
}

/* When the flusher has work next. */
static u64 next_due(void)
{
	u64 due = ~0UL;

	spin_lock(&wb_lock);
	if (!list_empty(&dirty_mappings))
		due = list_first_entry(&dirty_mappings, struct address_space, dirty_link)
			      ->dirtied_when +
		      DIRTY_AGE;
	spin_unlock(&wb_lock);
	return due;
}

static int flusher(void *arg)
{
	for (;;) {
		u64 due = next_due();
		bool over;

		wait_event_timeout(&flusher_wait,
			READ_ONCE(flush_now) || ktime_get() >= due || next_due() < due, due, false);
		WRITE_ONCE(flush_now, false);
		do {
			over = nr_dirty_pages() > background_limit();
			cond_resched();
		} while (flush_one(ktime_get(), over, false));
		if (nr_dirty_pages() >
			background_limit()) /* nothing could be written: not in a tight loop */
			sleep_ns(10000000);
	}
	return 0;
}

void wake_flusher(void)
{
	WRITE_ONCE(flush_now, true);
	wake_up_all(&flusher_wait);
}

void balance_dirty_pages(struct address_space *m)
{
	if (likely(nr_dirty_pages() + nr_writeback_pages() <= background_limit()))
		return;
	if (m->a_ops->memory_only || current->flags & PF_MEMALLOC)
		return; /* a loop device's thread: dirty pages above it wait for it */
	if (!READ_ONCE(flush_now) && nr_dirty_pages() > background_limit())
		wake_flusher();
	while (nr_dirty_pages() + nr_writeback_pages() > dirty_limit()) {
		if (wait_interrupted(TASK_KILLABLE))
			return;
		wait_event_timeout(&balance_wait,
			nr_dirty_pages() + nr_writeback_pages() <= dirty_limit(),
			ktime_get() + 20000000, false);
		if (nr_dirty_pages() > background_limit())
			wake_flusher();
	}
}

static int flusher_start(void)
{
	return kthread_run(flusher, NULL, "flusher") ? 0 : -ENOMEM;
}
INITCALL(2, flusher_start);
