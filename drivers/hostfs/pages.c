/* SPDX-License-Identifier: MIT */
/*
 * pages.c: the page cache of a file, and requests to worker threads.
 *
 * A run of pages is read by one host call: by the task itself if the data is in the host's page
 * cache, else by a worker, after which the interrupt unlocks the pages (finish_read()). Pages that
 * shared mappings have dirtied are written back in runs, with their locks held. Writeback does not
 * extend the host's file: the last page is written up to the end of the file only.
 *
 * States of a request: made -> at a worker -> reaped by the interrupt, which calls its end
 * function. The front end frees it.
 */
#include "drivers/hostfs/hostfs.h"

struct request {
	void (*end)(struct request *r);
	struct completion done;
	struct hostfs_file *file;       /* for a read: a reference */
	u32 nr;                         /* pages */
	struct page *pages[HOSTFS_RUN]; /* locked */
	struct hostfs_io *io;           /* allocated after this struct */
};

static atomic_t with_workers; /* number of requests that workers have */

bool hostfs_requests_none(void)
{
	return !atomic_read(&with_workers);
}

/* Gives a request to a worker. Returns false if the call has already completed it. */
static bool submit(struct request *r)
{
	atomic_inc(&with_workers);
	if (!hostfs_host_submit(r->io))
		return true;
	atomic_dec(&with_workers);
	return false;
}

static struct request *request_new(u32 op, u32 vecs)
{
	struct request *r =
		kmalloc(sizeof(*r) + sizeof(*r->io) + vecs * sizeof(struct hostfs_vec), GFP_KERNEL);

	if (!r)
		return NULL;
	r->io = (struct hostfs_io *)(r + 1);
	memset(r->io, 0, sizeof(*r->io));
	r->io->op = op;
	r->io->cookie = r;
	r->nr = 0;
	return r;
}

static void reap(void *unused)
{
	struct hostfs_io *io = hostfs_host_reap();

	while (io) {
		struct hostfs_io *next = io->next;
		struct request *r = io->cookie;

		atomic_dec(&with_workers);
		r->end(r);
		io = next;
	}
}

static int irq;

int hostfs_requests_init(void)
{
	irq = irq_register("hostfs", reap, NULL);
	return irq < 0 ? irq : hostfs_host_setup(irq);
}

int hostfs_requests_again(void)
{
	return hostfs_host_setup(irq);
}

/* ---- a request that a task waits for ---- */

static void end_wait(struct request *r)
{
	complete(&r->done);
}

s64 hostfs_ask(u32 op, struct hostfs_file *f, int node, s32 mode, s64 off, s64 len)
{
	struct request *r = request_new(op, 0);
	s64 result;

	if (!r)
		return -ENOMEM;
	init_completion(&r->done);
	r->end = end_wait;
	r->io->file = f ? f->host : 0;
	r->io->node = node;
	r->io->mode = mode;
	r->io->off = off;
	r->io->len = len;
	if (submit(r))
		wait_for_completion(&r->done);
	result = r->io->result;
	kfree(r);
	return result;
}

/* ---- vectors ---- */

/* Adds a vector; if it is adjacent to the last one in memory, extends that. */
static void add_vec(struct hostfs_io *io, void *p, u64 len)
{
	struct hostfs_vec *last = io->nr ? &io->vec[io->nr - 1] : NULL;

	if (last && (char *)last->p + last->len == p)
		last->len += len;
	else
		io->vec[io->nr++] = (struct hostfs_vec){ p, len };
}

/* ---- reading ---- */

/*
 * Ends a read. Bytes beyond the end of the host's file become zeros. If an error ended the read,
 * the pages that were not read as a whole fail. May run in the interrupt.
 */
static void finish_read(struct request *r)
{
	s64 got = r->io->result;
	bool failed = got < 0 || r->io->err;

	hostfs_file_put(r->file);
	for (u32 i = 0; i < r->nr; i++) {
		struct page *p = r->pages[i];
		s64 from = clamp(got - (s64)(i * PAGE_SIZE), 0L, (s64)PAGE_SIZE);

		if (failed && from < (s64)PAGE_SIZE) {
			SetPageError(p);
		} else {
			memset((char *)page_address(p) + from, 0, PAGE_SIZE - (u64)from);
			SetPageUptodate(p);
		}
		unlock_page(p);
	}
	kfree(r);
}

static void fail_pages(struct page **pages, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		SetPageError(pages[i]);
		unlock_page(pages[i]);
	}
}

/* Reads locked pages with consecutive indices. The end of the read unlocks them. */
static int read_run(struct inode *inode, struct page **pages, u32 n)
{
	struct request *r = request_new(HOSTFS_OP_READ, n);
	struct hostfs_file *f = hostfs_reader(HOSTFS_I(inode));
	s64 got;

	if (!r || !f) {
		if (f)
			hostfs_file_put(f);
		kfree(r);
		fail_pages(pages, n);
		return r ? -EIO : -ENOMEM;
	}
	r->end = finish_read;
	r->file = f;
	r->io->file = f->host;
	r->io->off = (s64)(pages[0]->index << PAGE_SHIFT);
	r->nr = n;
	for (u32 i = 0; i < n; i++) {
		r->pages[i] = pages[i];
		add_vec(r->io, page_address(pages[i]), PAGE_SIZE);
	}
	got = hostfs_host_read(r->io);
	if (got == -EAGAIN && submit(r))
		return 0;
	if (got != -EAGAIN)
		r->io->result = got;
	got = r->io->result;
	if (got >= 0 && got < (s64)PAGE_SIZE)
		got = r->io->err;
	finish_read(r);
	return got < 0 ? (int)got : 0;
}

static int hostfs_readpage(struct file *f, struct page *p)
{
	return read_run(p->mapping->host, &p, 1);
}

static void hostfs_readahead(struct address_space *m, struct file *f, u64 index, u32 nr)
{
	struct page *pages[HOSTFS_RUN];

	while (nr) {
		u32 n = page_cache_alloc_run(m, index, min_t(u32, nr, HOSTFS_RUN), pages);

		if (!n)
			return;
		read_run(m->host, pages, n);
		for (u32 i = 0; i < n; i++)
			put_page(pages[i]);
		index += n;
		nr -= n;
	}
}

/* ---- writing back ---- */

/*
 * Logs and counts @bytes of @inode that the host failed to write in writeback, for which no program
 * waits.
 */
static void pages_lost(struct inode *inode, s64 bytes, int err)
{
	static struct log_limit limit;
	const char *dir = ((const struct hostfs_sb *)inode->i_sb->s_fs_info)->folder;

	if (may_log(&limit, ktime_get(), "hostfs"))
		pr_err("hostfs: %s: %ld bytes of inode %lu are lost: %s\n", dir, (long)bytes,
			inode->i_ino, arch_strerror(err));
	note_lost(dir, (u64)bytes, err);
}

/* Writes back the pages of @r, then unlocks and puts them. */
static int write_run(struct inode *inode, struct request *r)
{
	struct hostfs_file *f = hostfs_writer(HOSTFS_I(inode));
	struct hostfs_attr a;
	s64 put = -EIO, want = 0;
	int err;

	r->io->err = 0;
	for (u32 i = 0; i < r->io->nr; i++)
		want += (s64)r->io->vec[i].len;
	if (f) {
		r->io->file = f->host;
		r->io->attr = &a;
		hostfs_change_begin(inode);
		put = want ? hostfs_host_write(r->io) : 0;
		hostfs_change_end(inode, put > 0 ? &a : NULL, false);
		hostfs_file_put(f);
	}
	for (u32 i = 0; i < r->nr; i++) {
		end_page_writeback(r->pages[i]);
		unlock_page(r->pages[i]);
		put_page(r->pages[i]);
	}
	r->nr = r->io->nr = r->io->at = 0;
	r->io->result = 0;
	err = put == want ? 0 : put < 0 ? (int)put : r->io->err ? r->io->err : -ENOSPC;
	if (err)
		pages_lost(inode, want - max(put, (s64)0), err);
	return err;
}

/*
 * Adds @p to the run if it is still dirty. Otherwise drops the caller's reference and returns
 * false.
 */
static bool take_page(struct inode *inode, struct request *r, struct page *p)
{
	loff_t pos = (loff_t)(p->index << PAGE_SHIFT), size;

	lock_page(p);
	size = i_size_read(inode);
	if (p->mapping != &inode->i_data || !PageDirty(p) || pos >= size) {
		if (p->mapping == &inode->i_data)
			clear_page_dirty_for_io(p);
		unlock_page(p);
		put_page(p);
		return false;
	}
	/* An fsync that finds the page clean must wait for its writeback. */
	set_page_writeback(p);
	clear_page_dirty_for_io(p);
	if (!r->nr)
		r->io->off = pos;
	r->pages[r->nr++] = p;
	add_vec(r->io, page_address(p), (u64)min_t(loff_t, PAGE_SIZE, size - pos));
	return true;
}

static int hostfs_writepages(struct address_space *m, struct writeback_control *wbc)
{
	u64 index = wbc->start >> PAGE_SHIFT, end = wbc->end >> PAGE_SHIFT;
	struct request *r = request_new(0, HOSTFS_RUN);
	struct page *p;
	int err = 0, err2;

	if (!r)
		return -ENOMEM;
	while (wbc->nr_to_write && (p = next_dirty_page(m, &index, end))) {
		if (r->nr && (r->nr == HOSTFS_RUN || r->pages[r->nr - 1]->index + 1 != p->index)) {
			err2 = write_run(m->host, r);
			err = err ? err : err2;
		}
		take_page(m->host, r, p);
		wbc->nr_to_write--;
		cond_resched();
	}
	if (r->nr) {
		err2 = write_run(m->host, r);
		err = err ? err : err2;
	}
	kfree(r);
	mapping_set_error(m, err);
	return err;
}

/*
 * Makes a page writable; the fault handler checks whether it has left the cache meanwhile. The page
 * becomes dirty before invalidate_lock is released: a task that writes back and drops pages under
 * that lock (allocate_locked()) must find it dirty, or new data in it would be lost.
 */
static int hostfs_page_mkwrite(struct file *f, struct page *p)
{
	struct address_space *m = &f->f_inode->i_data;

	down_read(&m->invalidate_lock);
	lock_page(p);
	if (p->mapping == m)
		set_page_dirty(p);
	up_read(&m->invalidate_lock);
	return 0;
}

void hostfs_clean_tail(struct inode *inode)
{
	loff_t size = i_size_read(inode);
	u32 from = size & (PAGE_SIZE - 1);
	struct page *p = from ? find_lock_page(&inode->i_data, (u64)size >> PAGE_SHIFT) : NULL;

	if (!p)
		return;
	if (PageUptodate(p))
		memset((char *)page_address(p) + from, 0, PAGE_SIZE - from);
	unlock_page(p);
	put_page(p);
}

const struct address_space_operations hostfs_aops = {
	.readpage = hostfs_readpage,
	.readahead = hostfs_readahead,
	.writepages = hostfs_writepages,
	.page_mkwrite = hostfs_page_mkwrite,
};
