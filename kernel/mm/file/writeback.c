/* SPDX-License-Identifier: MIT */
/*
 * writeback.c: marks dirty pages, and writes them to the disk.
 *
 * A page becomes dirty by set_page_dirty() and clean by clear_page_dirty_for_io(), which takes the
 * right to write away from its shared mappings, so that the next write through one faults and
 * dirties it again.
 *
 * A mapping with dirty pages is on the list of its backing device (bdi.c has the limits), oldest
 * first. The device's thread (vfs's writeback.c) calls bdi_flush_one() for mappings that have been
 * dirty for vm.dirty_expire_centisecs. While too much is dirty, it does so for all mappings, oldest
 * first. It sleeps without a deadline when nothing is dirty. Pages of one file are written in the
 * order of their index.
 *
 * bdi_flush_one() pins the inode by mm_file_ops->inode_get() and calls a_ops->writepages(). vfs and
 * the file system write inodes and metadata.
 *
 * Errors: mapping_set_error() counts them in the mapping; each open file remembers the count that
 * it has seen.
 *
 * Locks: m->lock (nrdirty, the bounds, the error), wb_lock (the list); wb_lock is taken with no
 * other lock of mm held.
 */
#include "kernel/mm/internal.h"
#include "kernel/mm/group/iogroup.h"

#define DIRTY_AGE ((u64)sysctl_dirty_expire_centisecs * 10000000) /* ns */
/* most pages written for one mapping in a row, while too much is dirty */
#define FLUSH_PIECE 2048

static atomic64_t nr_dirty, nr_writeback;

u64 nr_dirty_pages(void)
{
	return atomic_read(&nr_dirty);
}

u64 nr_writeback_pages(void)
{
	return atomic_read(&nr_writeback);
}

/* ---- which mappings have dirty pages ---- */

/*
 * Adds @m to the list or removes it, as nrdirty requires. Wakes the device's thread to compute when
 * it must write next, but not while inodes are dirty: the thread then wakes at the earliest time
 * anyway, and a program that writes and syncs in turn would wake it with each write.
 */
static void update_dirty_list(struct address_space *m)
{
	struct backing_dev *b = mapping_bdi(m);
	bool wake = false;

	spin_lock(&wb_lock);
	if (READ_ONCE(m->nrdirty) && list_empty(&m->dirty_link)) {
		wake = list_empty(&b->dirty) && !READ_ONCE(b->metadata);
		m->dirtied_when = ktime_get();
		list_add_tail(&m->dirty_link, &b->dirty);
	} else if (!READ_ONCE(m->nrdirty) && !list_empty(&m->dirty_link)) {
		list_del_init(&m->dirty_link);
	}
	spin_unlock(&wb_lock);
	if (wake)
		wake_up_all(&b->wait);
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
	atomic_inc(&mapping_bdi(m)->nr_dirty);
	mem_count(p, MEM_FILE_DIRTY, 1);
	count_vm(dirtied, 1);
	current->io_write_bytes += PAGE_SIZE;
	io_dirtied(mapping_bdi(m)->dev);
	if (first)
		update_dirty_list(m);
	if (m->mark_inode_dirty)
		m->mark_inode_dirty(m->host);
	return true;
}

/* Counts a page that has lost its dirty mark. */
static void account_clean(const struct page *p, struct address_space *m)
{
	bool last;

	spin_lock(&m->lock);
	last = !--m->nrdirty;
	if (last) {
		m->dirty_first = ~0UL;
		m->dirty_last = 0;
	}
	spin_unlock(&m->lock);
	mem_count(p, MEM_FILE_DIRTY, -1);
	atomic_dec(&nr_dirty);
	atomic_dec(&mapping_bdi(m)->nr_dirty);
	if (last)
		update_dirty_list(m);
	wake_balanced();
}

void cancel_dirty_page(struct page *p)
{
	struct address_space *m = p->mapping;

	if (test_and_clear_bit(PG_dirty, &p->flags) && m && !m->a_ops->memory_only)
		account_clean(p, m);
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
		account_clean(p, m);
	return true;
}

bool mapping_has_dirty(struct address_space *m)
{
	return READ_ONCE(m->nrdirty) != 0;
}

/*
 * Finds a dirty page. A mapping's tree can be large and have few dirty pages, so the lock is
 * dropped after SCAN_MAX clean pages.
 */
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

/* ---- writing a page ---- */

void set_page_writeback(struct page *p)
{
	if (test_and_set_bit(PG_writeback, &p->flags))
		return;
	get_page(p);
	atomic_inc(&nr_writeback);
	mem_count(p, MEM_FILE_WRITEBACK, 1);
	if (p->mapping) {
		atomic_inc(&p->mapping->nrwriteback);
		atomic_inc(&mapping_bdi(p->mapping)->nr_writeback);
	}
}

/*
 * Ends the write of a page; may be called from an interrupt. The page stays in its mapping while
 * PG_writeback is set, since truncation waits for it.
 */
void end_page_writeback(struct page *p)
{
	struct address_space *m = p->mapping;

	atomic_dec(&nr_writeback);
	mem_count(p, MEM_FILE_WRITEBACK, -1);
	if (m) {
		struct backing_dev *b = mapping_bdi(m);

		atomic_dec(&m->nrwriteback);
		atomic_dec(&b->nr_writeback);
		atomic_inc(&b->written);
	}
	count_vm(written, 1);
	wake_balanced();
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
	if (mm_file_ops->wb_error)
		mm_file_ops->wb_error(m->host, err);
}

u32 mapping_wb_sample(struct address_space *m)
{
	return READ_ONCE(m->wb_err_seen);
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
	m->wb_err_seen = m->wb_err_seq;
	spin_unlock(&m->lock);
	return err;
}

#define WAIT_BATCH 16

void filemap_fdatawait_range(struct address_space *m, loff_t start, loff_t end)
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
	u32 since = READ_ONCE(m->wb_err_seq);
	int err = write_range(m, &wbc);

	filemap_fdatawait_range(m, start, end);
	if (!err && READ_ONCE(m->wb_err_seq) != since) /* an error that has occurred since */
		err = READ_ONCE(m->wb_err);
	return err;
}

/* ---- for the device's thread ---- */

/*
 * Takes the oldest mapping on the list that is due: pins its inode and moves it to the list's end.
 * NULL: none.
 */
static struct address_space *take_due(struct backing_dev *b, u64 now, bool all)
{
	struct address_space *m, *found = NULL;

	spin_lock(&wb_lock);
	list_for_each_entry(m, &b->dirty, dirty_link) {
		if (!all && m->dirtied_when + DIRTY_AGE > now)
			break;
		bdi_set_flushing(b, m->host);
		if (mm_file_ops->inode_get && !mm_file_ops->inode_get(m->host))
			continue;
		m->dirtied_when = now;
		list_move_tail(&m->dirty_link, &b->dirty);
		found = m;
		break;
	}
	spin_unlock(&wb_lock);
	return found;
}

bool bdi_flush_one(struct backing_dev *b, u64 now, bool all)
{
	struct address_space *m = take_due(b, now, all);
	struct writeback_control wbc = { .start = 0, .end = ~0UL >> 1 };
	int err;

	if (!m) {
		bdi_set_flushing(b, NULL);
		return false;
	}
	/* writes old mappings as a whole, but not pages that a fast writer adds meanwhile */
	wbc.nr_to_write = all ? FLUSH_PIECE : READ_ONCE(m->nrdirty);
	err = write_range(m, &wbc);
	if (err)
		mapping_set_error(m, err);
	if (mm_file_ops->inode_put)
		mm_file_ops->inode_put(m->host);
	bdi_set_flushing(b, NULL);
	return true;
}

u64 bdi_next_due(struct backing_dev *b, u64 last)
{
	u64 interval = (u64)READ_ONCE(sysctl_dirty_writeback_centisecs) * 10000000, due = ~0UL;

	/* no periodic writeback: due only if too much is dirty, or on request */
	if (!interval)
		return due;
	spin_lock(&wb_lock);
	if (!list_empty(&b->dirty))
		due = list_first_entry(&b->dirty, struct address_space, dirty_link)->dirtied_when +
		      DIRTY_AGE;
	spin_unlock(&wb_lock);
	if (READ_ONCE(b->metadata))
		due = 0;
	return due == ~0UL ? due : max(due, last + interval);
}
