/* SPDX-License-Identifier: MIT */
/*
 * pages.c: the page cache of a file: filled by READ, a run of pages at a time, and written back where shared mappings dirty it.
 *
 * A dirty page is sent as a copy in the background: it is clean at once, so nothing in the kernel waits for a server but who asked
 * for it (fsync, close, truncate), and those can be killed. How many such pages and copies there may be is limited, together and for the
 * copies alone; but who leaves as its process ends and cannot wait sends all that is dirty, since nobody may be there to do it later:
 *
 *	fuse_page_mkwrite (counted: fc->nr_dirty) -> fuse_writepages (take_slot: fc->nr_async) -> write_end (the slot is free)
 *
 * Locks: page locks while READ fills pages and while a copy is made; fuse_conn.lock and fuse_inode.lock for the counts.
 */
#include "kernel/fs/fuse/fuse.h"

#define RUN_PAGES (FUSE_MAX_IO / PAGE_SIZE)

/* ---- reading ---- */

static bool no_async(struct fuse_inode *fi)
{
	bool none;

	spin_lock(&fi->lock);
	none = !fi->nr_async;
	spin_unlock(&fi->lock);
	return none;
}

/*
 * A copy that is on its way may be of these very pages, which were clean since and have been dropped: the server must have it before it is
 * asked for them. Any handle of the inode will do where no file is named.
 */
static int fill_pages(struct file *f, struct page **pages, u32 n)
{
	struct fuse_file *ff = f ? f->private_data : NULL;
	struct inode *inode = pages[0]->mapping->host;
	char *buf = kmalloc(n * PAGE_SIZE, GFP_KERNEL);
	ssize_t got = -ENOMEM;
	u32 i;

	if (buf) {
		memset(buf, 0, n * PAGE_SIZE);
		got = ff ? wait_event_killable(&FUSE_I(inode)->wait, no_async(FUSE_I(inode))) :
			   -EIO;
		if (!got)
			got = fuse_read_data(ff, buf, n * PAGE_SIZE,
				(loff_t)(pages[0]->index << PAGE_SHIFT), f->f_flags);
	}
	for (i = 0; i < n; i++) {
		if (got < 0) {
			SetPageError(pages[i]);
		} else {
			memcpy(page_address(pages[i]), buf + i * PAGE_SIZE, PAGE_SIZE);
			SetPageUptodate(pages[i]);
		}
		unlock_page(pages[i]);
	}
	kfree(buf);
	fuse_stale_attr(inode); /* its access time, as Linux has it */
	return got < 0 ? (int)got : 0;
}

static int fuse_readpage(struct file *f, struct page *p)
{
	return fill_pages(f, &p, 1);
}

static void fuse_readahead(struct address_space *m, struct file *f, u64 index, u32 nr)
{
	struct page *pages[RUN_PAGES];
	u32 max = fuse_conn_of(m->host)->max_read / PAGE_SIZE;

	max = clamp(max, 1U, (u32)RUN_PAGES);
	while (nr) {
		u32 n = page_cache_alloc_run(m, index, min(nr, max), pages), i;

		if (!n)
			return;
		fill_pages(f, pages, n);
		for (i = 0; i < n; i++)
			put_page(pages[i]);
		index += n;
		nr -= n;
	}
}

/* ---- pages that mappings dirty ---- */

/* A place among the background writes; false: there are too many (@all: those who cannot wait). */
static bool take_slot(struct fuse_conn *fc, struct fuse_inode *fi, bool all)
{
	bool ok;

	spin_lock(&fc->lock);
	ok = all || !fc->connected || fc->nr_async < FUSE_MAX_ASYNC;
	if (ok)
		fc->nr_async++;
	spin_unlock(&fc->lock);
	if (!ok)
		return false;
	spin_lock(&fi->lock);
	fi->nr_async++;
	spin_unlock(&fi->lock);
	return true;
}

static void drop_of_inode(struct fuse_inode *fi)
{
	spin_lock(&fi->lock);
	fi->nr_async--;
	spin_unlock(&fi->lock);
	wake_up_all(&fi->wait);
}

/* When nothing of the file system is touched any more: unmounting waits for it. */
static void drop_of_conn(struct fuse_conn *fc)
{
	spin_lock(&fc->lock);
	fc->nr_async--;
	spin_unlock(&fc->lock);
	wake_up_all(&fc->waiters);
}

/* Also of a slot that nothing was sent in somebody may have seen, and waits for it. */
static void drop_slot(struct fuse_conn *fc, struct fuse_inode *fi)
{
	drop_of_inode(fi);
	drop_of_conn(fc);
}

void fuse_await_writes(struct fuse_conn *fc)
{
	wait_event(&fc->waiters, !smp_load_acquire(&fc->nr_async));
}

/* A handle to write through, kept until put_writer(); NULL. */
static struct fuse_file *get_writer(struct fuse_inode *fi)
{
	struct fuse_file *ff;

	spin_lock(&fi->lock);
	ff = list_first_entry_or_null(&fi->writers, struct fuse_file, link);
	if (ff)
		ff->users++;
	spin_unlock(&fi->lock);
	return ff;
}

/* The server learns that a handle is closed not before it has what was written through it. */
static void put_writer(struct inode *inode, struct fuse_file *ff)
{
	struct fuse_inode *fi = FUSE_I(inode);
	bool last;

	spin_lock(&fi->lock);
	last = !--ff->users;
	spin_unlock(&fi->lock);
	if (last)
		fuse_file_release(inode, ff, ff->close_flags);
}

static void write_end(struct fuse_req *r)
{
	struct fuse_file *ff = r->ff;
	struct inode *inode = r->priv;
	struct fuse_inode *fi = FUSE_I(inode);
	struct fuse_conn *fc = r->fc;

	if (r->err)
		mapping_set_error(&inode->i_data, r->err == -ENOSPC ? -ENOSPC : -EIO);
	put_writer(inode, ff);
	drop_of_inode(fi);
	iput(inode);
	drop_of_conn(fc);
}

/* @p is locked and dirty, a slot is taken: sends a copy. */
static int send_page(struct inode *inode, struct page *p)
{
	struct fuse_conn *fc = fuse_conn_of(inode);
	struct fuse_inode *fi = FUSE_I(inode);
	loff_t pos = (loff_t)(p->index << PAGE_SHIFT), size = i_size_read(inode);
	struct fuse_write_in in = { .offset = (u64)pos, .write_flags = FUSE_WRITE_CACHE };
	struct fuse_file *ff;
	struct fuse_req *r;

	in.size = pos < size ? (u32)min_t(loff_t, PAGE_SIZE, size - pos) : 0;
	ff = in.size ? get_writer(fi) : NULL;
	if (!ff)
		return -EIO;
	in.fh = ff->fh;
	r = fuse_req_new(
		fc, FUSE_WRITE, fi->nodeid, sizeof(in) + in.size, sizeof(struct fuse_write_out));
	if (IS_ERR(r)) {
		put_writer(inode, ff);
		return (int)PTR_ERR(r);
	}
	memcpy(r->in, &in, sizeof(in));
	memcpy((char *)r->in + sizeof(in), page_address(p), in.size);
	ihold(inode);
	r->priv = inode;
	r->ff = ff;
	fuse_send_async(r, write_end);
	return 0;
}

/* A page that is not dirty any more, or is thrown away, has its place back if it had one: PG_private, under the page lock, says so. */
static void uncount_dirty(struct fuse_conn *fc, struct page *p)
{
	if (!PagePrivate(p))
		return;
	ClearPagePrivate(p);
	spin_lock(&fc->lock);
	fc->nr_dirty--;
	spin_unlock(&fc->lock);
}

/* Sends one page, locked by us. */
static void write_page(struct inode *inode, struct page *p)
{
	struct fuse_conn *fc = fuse_conn_of(inode);
	int err;

	if (p->mapping != &inode->i_data || !clear_page_dirty_for_io(p)) {
		drop_slot(fc, FUSE_I(inode));
		return;
	}
	uncount_dirty(fc, p);
	err = send_page(inode, p);
	if (err) {
		mapping_set_error(&inode->i_data, err);
		drop_slot(fc, FUSE_I(inode));
	}
}

static int send_pages(struct address_space *m, struct writeback_control *wbc, bool all)
{
	struct inode *inode = m->host;
	u64 index = wbc->start >> PAGE_SHIFT, end = wbc->end >> PAGE_SHIFT;
	struct page *p;

	while (wbc->nr_to_write) {
		if (!take_slot(fuse_conn_of(inode), FUSE_I(inode), all))
			return 0;
		p = next_dirty_page(m, &index, end);
		if (!p) {
			drop_slot(fuse_conn_of(inode), FUSE_I(inode));
			return 0;
		}
		lock_page(p);
		write_page(inode, p);
		unlock_page(p);
		put_page(p);
		wbc->nr_to_write--;
		cond_resched();
	}
	return 0;
}

/* As far as there are slots: nobody waits here. */
static int fuse_writepages(struct address_space *m, struct writeback_control *wbc)
{
	return send_pages(m, wbc, false);
}

void fuse_send_all(struct inode *inode)
{
	struct writeback_control wbc = { .start = 0, .end = S64_MAX, .nr_to_write = ~0UL };

	send_pages(&inode->i_data, &wbc, true);
}

int fuse_flush_pages(struct inode *inode)
{
	struct fuse_inode *fi = FUSE_I(inode);
	struct fuse_conn *fc = fuse_conn_of(inode);
	struct writeback_control wbc = { .start = 0, .end = S64_MAX };
	int err;

	if (current->flags & PF_EXITING) { /* it may be the server itself */
		fuse_send_all(inode);
		return 0;
	}
	do {
		wbc.nr_to_write = ~0UL;
		fuse_writepages(&inode->i_data, &wbc);
		if (no_async(fi) && mapping_has_dirty(&inode->i_data)) /* the slots are others' */
			err = wait_event_killable(
				&fc->waiters, READ_ONCE(fc->nr_async) < FUSE_MAX_ASYNC ||
						      !READ_ONCE(fc->connected));
		else
			err = wait_event_killable(&fi->wait, no_async(fi));
	} while (!err && mapping_has_dirty(&inode->i_data));
	return err ? -EINTR : 0;
}

static bool room_for_dirty(struct fuse_conn *fc)
{
	return READ_ONCE(fc->nr_dirty) + READ_ONCE(fc->nr_async) < FUSE_MAX_DIRTY ||
	       !READ_ONCE(fc->connected);
}

/* The fault looks whether the page has left the cache meanwhile, and begins anew then. */
static int fuse_page_mkwrite(struct file *f, struct page *p)
{
	struct inode *inode = f->f_inode;
	struct fuse_conn *fc = fuse_conn_of(inode);

	if (!room_for_dirty(fc)) {
		int err = fuse_flush_pages(inode);

		if (!err)
			err = wait_event_killable(&fc->waiters, room_for_dirty(fc));
		if (err)
			return -EFAULT;
	}
	lock_page(p);
	if (p->mapping == &inode->i_data && !PagePrivate(p)) {
		SetPagePrivate(p);
		spin_lock(&fc->lock);
		fc->nr_dirty++;
		spin_unlock(&fc->lock);
	}
	return 0;
}

/* What is thrown away was counted. */
static void fuse_invalidatepage(struct page *p, u32 offset)
{
	struct fuse_conn *fc = fuse_conn_of(p->mapping->host);

	if (offset || !fc)
		return;
	uncount_dirty(fc, p);
	wake_up_all(&fc->waiters); /* who waits for room */
}

const struct address_space_operations fuse_aops = {
	.readpage = fuse_readpage,
	.readahead = fuse_readahead,
	.writepages = fuse_writepages,
	.page_mkwrite = fuse_page_mkwrite,
	.invalidatepage = fuse_invalidatepage,
	.from_process = true,
};
