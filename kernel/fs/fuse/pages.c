/* SPDX-License-Identifier: MIT */
/*
 * pages.c: the page cache of a file: READ fills a run of pages at a time, writeback sends dirty
 * pages.
 *
 * Mappings dirty pages, and so does write() if the server has asked for FUSE_WRITEBACK_CACHE. A run
 * of pages is sent in one WRITE.
 *
 * A dirty page is copied, the copy is sent in the background, and the page is clean at once. So a
 * task waits for these writes only where the server must have all data (fsync, close, truncate,
 * direct I/O and others), where it reads pages, or when a limit is reached, and can be killed
 * there. FUSE_MAX_ASYNC limits the unanswered WRITEs, FUSE_MAX_DIRTY the sum of dirty pages and
 * unanswered WRITEs. A task that closes a file while its process exits cannot wait: it sends all
 * dirty pages regardless of the limits, since no other task might do so later.
 *
 *	fuse_page_mkwrite, fuse_write_end   (counted: fc->nr_dirty)
 *	-> fuse_writepages                  (take_slot: fc->nr_async)
 *	-> written                          (the slot is free)
 *
 * Locks: page locks while READ fills pages and while a copy is made; fuse_conn.lock and
 * fuse_inode.lock for the counters.
 */
#include "kernel/fs/fuse/fuse.h"

#define RUN_PAGES (FUSE_MAX_IO / PAGE_SIZE)

/* ---- reading ---- */

struct page *fuse_grab_page(struct address_space *m, u64 index)
{
	for (;;) {
		struct page *p = find_get_page(m, index);
		int err;

		if (!p && page_cache_alloc_run(m, index, 1, &p))
			return p;
		if (!p)
			p = find_get_page(m, index);
		if (!p)
			return ERR_PTR(-ENOMEM);
		err = lock_page_killable(p);
		if (!err && p->mapping == m)
			return p;
		if (!err)
			unlock_page(p);
		put_page(p);
		if (err)
			return ERR_PTR(err);
	}
}

static bool no_async(struct fuse_inode *fi)
{
	bool none;

	spin_lock(&fi->lock);
	none = !fi->nr_async;
	spin_unlock(&fi->lock);
	return none;
}

/*
 * Reads pages from the server. Waits for the inode's background writes first: one may carry newer
 * data of these pages, which became clean and were dropped since. Without @f there is no handle for
 * a READ: -EIO. The pages are locked. Unlocks them, and returns 0 or -errno.
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
	fuse_stale_attr(inode); /* atime has changed, as on Linux */
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

/* ---- background writes ---- */

/*
 * Takes a slot for a background write. Returns false if FUSE_MAX_ASYNC are taken. After an abort,
 * and with @all (for callers that cannot wait), always takes one.
 */
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

/* Frees the inode's part of a slot, and wakes up waiters. */
static void drop_of_inode(struct fuse_inode *fi)
{
	spin_lock(&fi->lock);
	fi->nr_async--;
	spin_unlock(&fi->lock);
	wake_up_all(&fi->wait);
}

/*
 * Frees the connection's slot of a background write. Must come after the last use of the inode and
 * the superblock, since unmounting waits for it.
 */
static void drop_of_conn(struct fuse_conn *fc)
{
	spin_lock(&fc->lock);
	fc->nr_async--;
	spin_unlock(&fc->lock);
	wake_up_all(&fc->waiters);
}

/*
 * Drops a slot and wakes up waiters, even if nothing was sent, since a task may wait for this slot.
 */
static void drop_slot(struct fuse_conn *fc, struct fuse_inode *fi)
{
	drop_of_inode(fi);
	drop_of_conn(fc);
}

void fuse_await_writes(struct fuse_conn *fc)
{
	wait_event(&fc->waiters, !smp_load_acquire(&fc->nr_async));
}

/*
 * Returns a handle of the inode that is open for writing, with a user counted until put_writer(),
 * or NULL.
 */
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

/* Drops a user of a handle. RELEASE is sent after all data that was written through the handle. */
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

/* Ends a background write. An error is kept for fsync and close. */
static void written(struct fuse_req *r)
{
	struct fuse_file *ff = r->ff;
	struct inode *inode = r->priv;
	struct fuse_inode *fi = FUSE_I(inode);
	struct fuse_conn *fc = r->fc;

	if (r->err)
		mapping_set_error(&inode->i_data, r->err == -ENOSPC ? -ENOSPC : -EIO);
	spin_lock(&fi->lock);
	list_del_init(&r->flight);
	spin_unlock(&fi->lock);
	put_writer(inode, ff);
	drop_of_inode(fi);
	iput(inode);
	drop_of_conn(fc);
}

/*
 * Subtracts a page from fc->nr_dirty: it is no longer dirty, or is being dropped. PG_private, under
 * the page lock, marks counted pages.
 */
static void uncount_dirty(struct fuse_conn *fc, struct page *p)
{
	if (!PagePrivate(p))
		return;
	ClearPagePrivate(p);
	spin_lock(&fc->lock);
	fc->nr_dirty--;
	spin_unlock(&fc->lock);
}

/*
 * Clears the page's dirty flag and copies the page to @to, unless @to is NULL. Returns false if the
 * page was not dirty, or has left the cache. Takes the page lock.
 */
static bool take_dirty(struct inode *inode, u64 index, char *to)
{
	struct page *p = find_get_page(&inode->i_data, index);
	bool mine;

	if (!p)
		return false;
	lock_page(p);
	mine = p->mapping == &inode->i_data && clear_page_dirty_for_io(p);
	if (mine) {
		uncount_dirty(fuse_conn_of(inode), p);
		if (to)
			memcpy(to, page_address(p), PAGE_SIZE);
	}
	unlock_page(p);
	put_page(p);
	return mine;
}

static bool is_dirty(struct address_space *m, u64 index)
{
	struct page *p = find_get_page(m, index);
	bool yes = p && PageDirty(p);

	if (p)
		put_page(p);
	return yes;
}

/*
 * Returns the number of consecutive dirty pages that begin at @first, which is dirty: not beyond
 * @last, and at most as many as one WRITE takes.
 */
static u64 dirty_run(struct inode *inode, u64 first, u64 last)
{
	u64 max = fuse_conn_of(inode)->max_write / PAGE_SIZE, n = 1;

	while (n < max && n <= last - first && is_dirty(&inode->i_data, first + n))
		n++;
	return n;
}

/*
 * Makes a WRITE with room for @n pages from page @first on, through any handle that is open for
 * writing. Returns ERR_PTR on failure.
 */
static struct fuse_req *new_write(struct inode *inode, u64 first, u64 n)
{
	struct fuse_inode *fi = FUSE_I(inode);
	struct fuse_file *ff = get_writer(fi);
	struct fuse_write_in *in;
	struct fuse_req *r;

	if (!ff)
		return ERR_PTR(-EIO);
	r = fuse_req_new(fuse_conn_of(inode), FUSE_WRITE, fi->nodeid, sizeof(*in) + n * PAGE_SIZE,
		sizeof(struct fuse_write_out));
	if (IS_ERR(r)) {
		put_writer(inode, ff);
		return r;
	}
	in = r->in;
	*in = (struct fuse_write_in){
		.fh = ff->fh, .offset = first << PAGE_SHIFT, .write_flags = FUSE_WRITE_CACHE
	};
	r->priv = inode;
	r->ff = ff;
	r->first = first;
	r->nr = n;
	return r;
}

/*
 * Adds @r to the inode's flights, so that no other task sends its pages. Returns false if an
 * unanswered WRITE has older data of one of the pages, unless @all is set.
 */
static bool claim(struct fuse_inode *fi, struct fuse_req *r, bool all)
{
	struct fuse_req *o;
	bool ok = true;

	spin_lock(&fi->lock);
	list_for_each_entry(o, &fi->flights, flight)
		ok &= all || r->first >= o->first + o->nr || o->first >= r->first + r->nr;
	if (ok) {
		r->seq = ++fi->flight_seq;
		list_add_tail(&r->flight, &fi->flights);
	}
	spin_unlock(&fi->lock);
	return ok;
}

/* Drops a WRITE that was not sent, and its slot. */
static void drop_write(struct inode *inode, struct fuse_req *r)
{
	struct fuse_inode *fi = FUSE_I(inode);

	spin_lock(&fi->lock);
	list_del_init(&r->flight);
	spin_unlock(&fi->lock);
	put_writer(inode, r->ff);
	fuse_req_put(r);
	drop_slot(fuse_conn_of(inode), fi);
}

/* Leaves only the first @n pages to @r, which is a flight. */
static void claim_less(struct fuse_inode *fi, struct fuse_req *r, u64 n)
{
	spin_lock(&fi->lock);
	r->nr = n;
	spin_unlock(&fi->lock);
}

/*
 * Copies the pages of @r into it, up to the first that is no longer dirty, and sends the data
 * before the file's end. If nothing is left to send, drops @r. Returns the number of pages that it
 * has made clean.
 */
static u64 fill_and_send(struct inode *inode, struct fuse_req *r)
{
	struct fuse_write_in *in = r->in;
	loff_t pos = (loff_t)(r->first << PAGE_SHIFT), size;
	u64 n = 0;

	while (n < r->nr && take_dirty(inode, r->first + n, (char *)(in + 1) + n * PAGE_SIZE))
		n++;
	if (n < r->nr)
		claim_less(FUSE_I(inode), r, n);
	size = i_size_read(inode);
	in->size = pos < size ? (u32)min_t(loff_t, (loff_t)(n * PAGE_SIZE), size - pos) : 0;
	if (!in->size) {
		drop_write(inode, r);
		return n;
	}
	r->h.len = (u32)(sizeof(r->h) + sizeof(*in) + in->size);
	ihold(inode);
	fuse_send_async(r, written);
	return n;
}

/*
 * Sends a run of dirty pages from @first on, not beyond @last. Takes over the slot that the caller
 * has taken. Returns the number of pages handled, sent or not, or 0 if an unanswered WRITE has
 * older data of one.
 */
static u64 send_run(struct inode *inode, u64 first, u64 last, bool all)
{
	u64 n = dirty_run(inode, first, last);
	struct fuse_req *r = new_write(inode, first, n);

	if (IS_ERR(r) && n > 1) { /* one page needs less memory */
		n = 1;
		r = new_write(inode, first, n);
	}
	if (IS_ERR(r)) {
		if (take_dirty(inode, first, NULL))
			mapping_set_error(&inode->i_data, (int)PTR_ERR(r));
		drop_slot(fuse_conn_of(inode), FUSE_I(inode));
	} else if (!claim(FUSE_I(inode), r, all)) {
		drop_write(inode, r);
		n = 0;
	} else {
		n = max_t(u64, fill_and_send(inode, r), 1);
	}
	return n;
}

/*
 * Sends the dirty pages of the range without waiting, until all slots are taken (@all: regardless
 * of that). Lowers nr_to_write. Returns 0.
 */
static int send_pages(struct address_space *m, struct writeback_control *wbc, bool all)
{
	struct inode *inode = m->host;
	u64 index = wbc->start >> PAGE_SHIFT, end = wbc->end >> PAGE_SHIFT, n;
	struct page *p;

	while (wbc->nr_to_write) {
		if (!take_slot(fuse_conn_of(inode), FUSE_I(inode), all))
			return 0;
		p = next_dirty_page(m, &index, end);
		if (!p) {
			drop_slot(fuse_conn_of(inode), FUSE_I(inode));
			return 0;
		}
		n = max_t(u64, send_run(inode, p->index, end, all), 1);
		index = p->index + n;
		put_page(p);
		wbc->nr_to_write -= min_t(u64, n, wbc->nr_to_write);
		cond_resched();
	}
	return 0;
}

/* Sends dirty pages without waiting, until all slots are taken. */
static int fuse_writepages(struct address_space *m, struct writeback_control *wbc)
{
	return send_pages(m, wbc, false);
}

void fuse_send_all(struct inode *inode)
{
	struct writeback_control wbc = { .start = 0, .end = S64_MAX, .nr_to_write = ~0UL };

	send_pages(&inode->i_data, &wbc, true);
}

/* True if no unanswered WRITE up to number @seq has a page from @first to @last. */
static bool none_in_flight(struct fuse_inode *fi, u64 first, u64 last, u64 seq)
{
	struct fuse_req *r;
	bool none = true;

	spin_lock(&fi->lock);
	list_for_each_entry(r, &fi->flights, flight)
		none &= r->seq > seq || r->first > last || r->first + r->nr <= first;
	spin_unlock(&fi->lock);
	return none;
}

/*
 * Waits until the WRITEs of pages from @first to @last that are unanswered now, not later ones, are
 * answered. Returns 0 or -errno: the task is killed.
 */
static int await_flights(struct fuse_inode *fi, u64 first, u64 last)
{
	u64 seq;

	spin_lock(&fi->lock);
	seq = fi->flight_seq;
	spin_unlock(&fi->lock);
	return wait_event_killable(&fi->wait, none_in_flight(fi, first, last, seq));
}

/* Takes a slot, after waiting for one. Returns 0 or -errno: the task is killed. */
static int await_slot(struct fuse_conn *fc, struct fuse_inode *fi)
{
	int err = 0;

	while (!err && !take_slot(fc, fi, false))
		err = wait_event_killable(&fc->waiters,
			READ_ONCE(fc->nr_async) < FUSE_MAX_ASYNC || !READ_ONCE(fc->connected));
	return err;
}

/* Moves *index to the next dirty page, itself included. Returns false if none is up to @last. */
static bool find_dirty(struct address_space *m, u64 *index, u64 last)
{
	struct page *p = next_dirty_page(m, index, last);

	if (!p)
		return false;
	*index = p->index;
	put_page(p);
	return true;
}

/*
 * Sends each dirty page from @first to @last once. A page of which an unanswered WRITE has older
 * data is tried again when that WRITE is answered. If another WRITE has the page by then, that one
 * has data that is new enough. Returns 0 or -errno: the task is killed.
 */
static int send_range(struct inode *inode, u64 first, u64 last)
{
	struct fuse_inode *fi = FUSE_I(inode);
	bool again = false;
	u64 index = first, n;
	int err = 0;

	while (!err && find_dirty(&inode->i_data, &index, last)) {
		err = await_slot(fuse_conn_of(inode), fi);
		if (err)
			break;
		n = send_run(inode, index, again ? index : last, false);
		again = !n && !again;
		if (again)
			err = await_flights(fi, index, last);
		else
			index += max_t(u64, n, 1);
		cond_resched();
	}
	return err;
}

int fuse_flush_range(struct inode *inode, loff_t start, loff_t end)
{
	struct fuse_inode *fi = FUSE_I(inode);
	u64 first = (u64)start >> PAGE_SHIFT, last = (u64)end >> PAGE_SHIFT;
	int err;

	if (current->flags & PF_EXITING) { /* this task may be the server itself */
		fuse_send_all(inode);
		return 0;
	}
	/* In this order: a page becomes clean after its WRITE is counted. */
	if (!mapping_has_dirty(&inode->i_data) && no_async(fi))
		return 0;
	err = send_range(inode, first, last);
	if (!err)
		err = await_flights(fi, first, last);
	return err ? -EINTR : 0;
}

static bool room_for_dirty(struct fuse_conn *fc)
{
	return READ_ONCE(fc->nr_dirty) + READ_ONCE(fc->nr_async) < FUSE_MAX_DIRTY ||
	       !READ_ONCE(fc->connected);
}

/* Waits until another page may become dirty. Returns 0, or -EINTR if the task is killed. */
static int make_room(struct inode *inode)
{
	struct fuse_conn *fc = fuse_conn_of(inode);
	int err;

	if (room_for_dirty(fc))
		return 0;
	err = fuse_flush_pages(inode);
	return err ? err : wait_event_killable(&fc->waiters, room_for_dirty(fc));
}

/* Counts the locked page as dirty, once. */
static void count_dirty(struct fuse_conn *fc, struct page *p)
{
	if (PagePrivate(p))
		return;
	SetPagePrivate(p);
	spin_lock(&fc->lock);
	fc->nr_dirty++;
	spin_unlock(&fc->lock);
}

/*
 * Counts a page as dirty before it becomes writable. The fault handler checks whether the page has
 * left the cache meanwhile, and retries then. Returns 0 with the page locked, or -EFAULT.
 */
static int fuse_page_mkwrite(struct file *f, struct page *p)
{
	struct inode *inode = f->f_inode;

	if (make_room(inode))
		return -EFAULT;
	lock_page(p);
	if (p->mapping == &inode->i_data) {
		count_dirty(fuse_conn_of(inode), p);
		fuse_was_written(inode);
	}
	return 0;
}

/* ---- pages that write() dirties ---- */

/*
 * True if writing @len bytes at @pos needs no data of the page from the server: the other bytes of
 * the page lie beyond the file's end.
 */
static bool needs_nothing(const struct inode *inode, loff_t pos, u32 len)
{
	loff_t start = pos & ~(loff_t)(PAGE_SIZE - 1), size = i_size_read(inode);

	return start >= size || (pos == start && pos + len >= min(size, start + (loff_t)PAGE_SIZE));
}

/* Returns 0 and the locked page in *page, referenced, or -errno. */
static int fuse_write_begin(struct file *f, struct address_space *m, loff_t pos, u32 len,
	struct page **page, void **fsdata)
{
	u64 index = (u64)pos >> PAGE_SHIFT;
	int err = make_room(m->host);

	while (!err) {
		struct page *p = fuse_grab_page(m, index);

		if (IS_ERR(p))
			return (int)PTR_ERR(p);
		if (!PageUptodate(p) && needs_nothing(m->host, pos, len))
			memset(page_address(p), 0, PAGE_SIZE);
		else if (!PageUptodate(p))
			err = -EAGAIN;
		if (!err) {
			*page = p;
			return 0;
		}
		err = fuse_readpage(f, p); /* unlocks the page */
		put_page(p);
	}
	return err;
}

/*
 * Ends a write to a page. A page that is not up to date has only zeros beside the written bytes, so
 * a short copy into it counts as none. Returns the number of bytes written.
 */
static int fuse_write_end(struct file *f, struct address_space *m, loff_t pos, u32 len, u32 copied,
	struct page *p, void *fsdata)
{
	if (!PageUptodate(p) && copied < len)
		copied = 0;
	if (copied) {
		SetPageUptodate(p);
		fuse_grow(m->host, pos + copied);
		count_dirty(fuse_conn_of(m->host), p);
		set_page_dirty(p);
	}
	unlock_page(p);
	put_page(p);
	return (int)copied;
}

/* Subtracts a dirty page that is dropped from fc->nr_dirty. */
static void fuse_invalidatepage(struct page *p, u32 offset)
{
	struct fuse_conn *fc = fuse_conn_of(p->mapping->host);

	if (offset || !fc)
		return;
	uncount_dirty(fc, p);
	wake_up_all(&fc->waiters); /* tasks in make_room() */
}

const struct address_space_operations fuse_aops = {
	.readpage = fuse_readpage,
	.readahead = fuse_readahead,
	.writepages = fuse_writepages,
	.page_mkwrite = fuse_page_mkwrite,
	.write_begin = fuse_write_begin,
	.write_end = fuse_write_end,
	.invalidatepage = fuse_invalidatepage,
	.from_process = true,
};
