/* SPDX-License-Identifier: MIT */
/*
 * fileio.c: read(2) and write(2) through the page cache, for the read_iter and write_iter of disk
 * files and tmpfs.
 *
 *	n = filemap_read(file, mapping, iter, &pos);
 *	n = filemap_write(file, mapping, iter, &pos);      the inode's i_rwsem is held
 *
 * Reading takes the pages of a range with one lookup in the tree and copies from them unlocked, as
 * Linux does: a reader may see a concurrent write in part, but only data of the file. The size is
 * read after a page is uptodate, so bytes beyond the end are never copied.
 *
 * Writing faults the guest's pages in first. Then it copies with the file's page locked and page
 * faults disabled, since the source may be a mapping of the same page. After a short copy the rest
 * is faulted in and copied again. If the fault-in fails, bytes are copied one by one.
 */
#include "kernel/mm/internal.h"
#include "kernel/mm/group/iogroup.h"

#include "arch/um/machine/uaccess.h"
#include "kernel/sched/sched.h"

#define READ_BATCH 16

/*
 * Finds the cached pages from @pos on without a gap, at most @nr, and returns their number. Reads
 * ahead if the first is missing, or returns -EAGAIN if the caller may not wait.
 */
static s32 read_batch(
	struct address_space *m, struct file *f, u64 pos, u32 nr, bool nowait, struct page **pages)
{
	u32 n = find_get_run(m, pos, min_t(u32, nr, READ_BATCH), pages);

	if (n)
		return (s32)n;
	if (nowait)
		return -EAGAIN;
	page_cache_readahead(m, f, pos >> PAGE_SHIFT, nr);
	pages[0] = read_cache_page(m, pos >> PAGE_SHIFT, f);
	return IS_ERR(pages[0]) ? PTR_ERR(pages[0]) : 1;
}

/*
 * Marks a page as accessed. A page that is read piece by piece is marked once; a page that the file
 * reads with RA_NOREUSE is not marked.
 */
static void note_access(struct file *f, struct page *p)
{
	struct file_ra *ra = mm_file_ops->ra ? mm_file_ops->ra(f) : NULL;

	if (ra && (ra->prev == p->index || ra->advice & RA_NOREUSE)) {
		ra->prev = p->index;
		return;
	}
	if (ra) {
		ra->prev = p->index;
		if (ra->misses)
			ra->misses--;
	}
	mark_page_accessed(p);
}

/*
 * Copies from one page as much as the iterator can take. Returns bytes, 0 at the end of the file,
 * -EFAULT, or another error.
 */
static ssize_t read_from_page(
	struct address_space *m, struct file *f, struct page *p, struct iov_iter *to, loff_t pos)
{
	u64 off = pos & (PAGE_SIZE - 1);
	u64 n = min_t(u64, PAGE_SIZE - off, to->count);
	loff_t size;
	size_t done;
	int err;

	if (to->nowait && !test_bit(PG_uptodate, &p->flags))
		return -EAGAIN;
	if (test_bit(PG_readahead, &p->flags))
		page_cache_readahead_next(m, f, p);
	err = page_make_uptodate(m, p, f);
	if (err)
		return err;
	size = mapping_size(m);
	if (pos >= size)
		return 0;
	n = min_t(u64, n, size - pos);
	note_access(f, p);
	done = copy_to_iter((char *)page_address(p) + off, n, to);
	if (region_lost(page_address(p))) {
		iov_iter_revert(to, done);
		return -EIO;
	}
	return done ? (ssize_t)done : -EFAULT;
}

ssize_t filemap_read(struct file *f, struct address_space *m, struct iov_iter *to, loff_t *pos)
{
	struct page *pages[READ_BATCH];
	ssize_t done = 0, n = 0;

	while (to->count && *pos < mapping_size(m)) {
		u64 index = *pos >> PAGE_SHIFT;
		u64 end = min_t(u64, *pos + to->count, mapping_size(m));
		s32 nr = read_batch(
			m, f, *pos, ((end - 1) >> PAGE_SHIFT) - index + 1, to->nowait, pages);

		if (nr < 0) {
			n = nr;
			break;
		}
		n = 1;
		for (s32 i = 0; i < nr; i++) {
			if (n > 0 && to->count) {
				n = read_from_page(m, f, pages[i], to, *pos);
				if (n > 0) {
					*pos += n;
					done += n;
					if (*pos & (PAGE_SIZE - 1) && to->count && i + 1 < nr)
						/* short copy: look up the other pages again */
						n = 0;
				}
			}
			put_page(pages[i]);
		}
		if (n == PAGE_TRUNCATED) {
			/* the page was truncated: the file may end before it now */
			n = 0;
			continue;
		}
		if (n < 0 || (n == 0 && *pos >= mapping_size(m)))
			break;
		io_pause();
		cond_resched();
		if (to->count && wait_interrupted(TASK_KILLABLE)) {
			n = -EINTR;
			break;
		}
	}
	if (mm_file_ops->touch)
		mm_file_ops->touch(f);
	return done ? done : min_t(ssize_t, n, 0);
}

/* Writes a piece within one page. Returns bytes, 0 if the copy must be tried again, or -errno. */
static ssize_t write_piece(
	struct file *f, struct address_space *m, struct iov_iter *from, loff_t pos, u64 n)
{
	u64 off = pos & (PAGE_SIZE - 1);
	void *fsdata = NULL;
	struct page *page;
	size_t copied;
	bool nofault = from->nofault;
	ssize_t ret;

	ret = m->a_ops->write_begin(f, m, pos, n, &page, &fsdata);
	if (ret)
		return ret;
	from->nofault = true;
	copied = copy_from_iter((char *)page_address(page) + off, n, from);
	from->nofault = nofault;
	if (unlikely(test_bit(PG_patched, &page->flags)))
		page_text_changed(page);
	ret = m->a_ops->write_end(f, m, pos, n, copied, page, fsdata);
	if (ret < (ssize_t)copied)
		iov_iter_revert(from, copied - max_t(ssize_t, ret, 0));
	return ret;
}

ssize_t filemap_write(struct file *f, struct address_space *m, struct iov_iter *from, loff_t *pos)
{
	ssize_t done = 0, n = 0;
	u64 limit = PAGE_SIZE;

	while (from->count) {
		u64 off = *pos & (PAGE_SIZE - 1);
		u64 want = min_t(u64, min_t(u64, PAGE_SIZE - off, limit), from->count);

		n = iov_iter_fault_in(from, want, false);
		if (n && limit > 1) {
			limit = 1; /* copy up to the byte that faults */
			continue;
		}
		if (n)
			break;
		n = write_piece(f, m, from, *pos, want);
		if (n < 0)
			break;
		*pos += n;
		done += n;
		balance_dirty_pages(m);
		cond_resched();
		if (from->count && wait_interrupted(TASK_KILLABLE)) {
			n = -EINTR;
			break;
		}
	}
	return done ? done : n;
}
