/* SPDX-License-Identifier: MIT */
/*
 * file.c: tmpfs's regular files. The page cache is the file: a missing page is a hole and reads as
 * zeros.
 *
 * Pages are charged to the superblock before they are allocated. After a truncation,
 * tmpfs_recount() compares the charge with the number of pages in the cache and uncharges the
 * difference. Reading a hole allocates no page, but a page fault on it does.
 *
 * A page that fallocate() reserves is in the cache, charged and marked PG_private, but not up to
 * date: reads and seeks still see a hole, and mincore() reports the page as not resident. A write
 * or a fault fills it. page->private identifies the fallocate() call that reserved it.
 *
 * Invariant: every other page in the cache is up to date (zeroed when allocated), except a page
 * that a fault has added and not filled yet. Locks: i_rwsem for size changes, tmpfs_inode.lock for
 * the account, the page lock for a page's contents.
 */
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/inotify.h>

#include "kernel/fs/tmpfs/tmpfs.h"

/* ---- accounting ---- */

void tmpfs_recount(struct inode *inode)
{
	struct tmpfs_inode *t = tmpfs_inode(inode);
	u64 freed = 0, have;

	spin_lock(&t->lock);
	have = READ_ONCE(inode->i_data.nrpages);
	if (t->charged > have) {
		freed = t->charged - have;
		t->charged = have;
	}
	inode->i_blocks = have * (PAGE_SIZE / 512);
	spin_unlock(&t->lock);
	if (freed)
		tmpfs_uncharge(inode->i_sb, freed);
}

/* Adds a page, which is locked and charged to the superblock, to the inode's charge. */
static void count_page(struct inode *inode, struct page *p)
{
	struct tmpfs_inode *t = tmpfs_inode(inode);

	SetPagePrivate(p);
	p->private = 0;
	spin_lock(&t->lock);
	t->charged++;
	inode->i_blocks += PAGE_SIZE / 512;
	spin_unlock(&t->lock);
}

/* Turns a reserved page, which is locked, into a page of zeros that is up to date. */
static void fill_hole(struct page *p)
{
	memset(page_address(p), 0, PAGE_SIZE);
	SetPageUptodate(p);
	ClearPagePrivate(p);
}

/* True if the locked page has data or is reserved. */
static bool is_charged(const struct page *p)
{
	return PageUptodate(p) || PagePrivate(p);
}

/*
 * Returns the page at @index, locked, and reserves it if it was a hole. A page that a fault has
 * added to the cache and not filled yet is still a hole. Returns ERR_PTR(-ENOSPC) or
 * ERR_PTR(-ENOMEM). The page is referenced.
 */
static struct page *reserve_page(struct inode *inode, u64 index)
{
	struct address_space *m = &inode->i_data;
	struct page *p = find_lock_page(m, index);
	int err;

	if (p && is_charged(p))
		return p;
	err = tmpfs_charge(inode->i_sb, 1);
	if (err)
		goto err_put;
	if (!p)
		p = grab_cache_page(m, index);
	if (!p) {
		tmpfs_uncharge(inode->i_sb, 1);
		return ERR_PTR(-ENOMEM);
	}
	if (is_charged(p)) /* another task has charged the page */
		tmpfs_uncharge(inode->i_sb, 1);
	else
		count_page(inode, p);
	return p;

err_put:
	if (p) {
		unlock_page(p);
		put_page(p);
	}
	return ERR_PTR(err);
}

/*
 * Returns the page at @index, referenced, locked and up to date, or ERR_PTR. A hole becomes a page
 * of zeros.
 */
static struct page *tmpfs_get_page(struct inode *inode, u64 index)
{
	struct page *p = reserve_page(inode, index);

	if (!IS_ERR(p) && !PageUptodate(p))
		fill_hole(p);
	return p;
}

/*
 * Charges a page that a fault has added to the cache for a hole, unless it is already reserved. If
 * the file system is full, drops the page, and the hole stays. The page is locked. Returns 0 or
 * -ENOSPC.
 */
static int charge_page(struct page *p)
{
	struct inode *inode = p->mapping->host;
	int err;

	if (PagePrivate(p))
		return 0;
	err = tmpfs_charge(inode->i_sb, 1);
	if (err)
		delete_from_page_cache(p);
	else
		count_page(inode, p);
	return err;
}

int tmpfs_readpage(struct file *f, struct page *p)
{
	int err = charge_page(p);

	if (!err)
		fill_hole(p);
	unlock_page(p);
	return err;
}

/*
 * Fills a locked page, which a fault has added, with the PAGE_SIZE bytes at @data. Returns 0 or
 * -ENOSPC.
 */
static int tmpfs_fillpage(struct page *p, const void *data)
{
	int err = charge_page(p);

	if (err)
		return err;
	memcpy(page_address(p), data, PAGE_SIZE);
	SetPageUptodate(p);
	ClearPagePrivate(p);
	return 0;
}

/* Checks the seals for a write that ends at byte @end. Returns 0 or -EPERM. */
static int seal_check(const struct inode *inode, loff_t end)
{
	u32 seals = inode->i_seals;

	if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	return (seals & F_SEAL_GROW) && end > inode->i_size ? -EPERM : 0;
}

static int tmpfs_write_begin(struct file *f, struct address_space *m, loff_t pos, u32 len,
	struct page **page, void **fsdata)
{
	int err = seal_check(m->host, pos + len);
	struct page *p;

	if (err)
		return err;
	if (pos > m->host->i_size)
		pagecache_zero_tail(m, m->host->i_size);
	p = tmpfs_get_page(m->host, pos >> PAGE_SHIFT);
	if (IS_ERR(p))
		return PTR_ERR(p);
	*page = p;
	return 0;
}

static int tmpfs_write_end(struct file *f, struct address_space *m, loff_t pos, u32 len, u32 copied,
	struct page *p, void *fsdata)
{
	if (pos + copied > m->host->i_size)
		i_size_write(m->host, pos + copied);
	unlock_page(p);
	put_page(p);
	return copied;
}

/*
 * Locks the page for a write through a mapping. The fault handler checks whether the page has left
 * the file meanwhile, and retries then.
 */
int tmpfs_page_mkwrite(struct file *f, struct page *p)
{
	file_update_time(f);
	lock_page(p);
	return 0;
}

const struct address_space_operations tmpfs_aops = {
	.readpage = tmpfs_readpage,
	.fillpage = tmpfs_fillpage,
	.write_begin = tmpfs_write_begin,
	.write_end = tmpfs_write_end,
	.page_mkwrite = tmpfs_page_mkwrite,
	.memory_only = true,
};

/* ---- reading and writing ---- */

/*
 * Copies from one page, or zeros for a hole (@p is NULL), and drops the page. Returns the number of
 * bytes, less than @n after a fault.
 */
static size_t read_piece(struct page *p, struct iov_iter *to, loff_t pos, size_t n)
{
	size_t done;

	if (!p)
		return iov_iter_zero(n, to);
	done = copy_to_iter((char *)page_address(p) + (pos & (PAGE_SIZE - 1)), n, to);
	put_page(p);
	return done;
}

ssize_t tmpfs_read_pages(struct inode *inode, struct iov_iter *to, loff_t *pos,
	struct page *(*get)(struct inode *inode, u64 index))
{
	ssize_t done = 0;

	while (to->count) {
		loff_t size = i_size_read(inode);
		size_t n, got;

		if (*pos >= size)
			break;
		n = min_t(u64, PAGE_SIZE - (*pos & (PAGE_SIZE - 1)), size - *pos);
		n = min(n, to->count);
		got = read_piece(get(inode, (u64)*pos >> PAGE_SHIFT), to, *pos, n);
		done += got;
		*pos += got;
		if (got < n)
			return done ? done : -EFAULT;
		cond_resched();
		if (to->count && wait_interrupted(TASK_KILLABLE))
			return done;
	}
	return done;
}

/*
 * Returns the page at @index, referenced and up to date, or NULL for a hole. May wait for a fault
 * that fills it.
 */
static struct page *cached_page(struct inode *inode, u64 index)
{
	struct page *p = find_get_page(&inode->i_data, index);

	if (p && !PageUptodate(p))
		wait_on_page_locked(p);
	if (!p || PageUptodate(p))
		return p;
	put_page(p);
	return NULL;
}

static ssize_t tmpfs_read_iter(struct file *f, struct iov_iter *to, loff_t *pos)
{
	bool asked = to->count;
	ssize_t done = tmpfs_read_pages(f->f_mapping->host, to, pos, cached_page);

	if (asked && done >= 0)
		file_accessed(f);
	return done;
}

static ssize_t tmpfs_write_iter(struct file *f, struct iov_iter *from, loff_t *pos)
{
	return generic_file_write_iter(f, from, pos);
}

#define SEEK_BATCH 16

/* Drops a reference. True if the page has data. */
static bool put_if_data(struct page *p)
{
	bool data = PageUptodate(p);

	put_page(p);
	return data;
}

/*
 * Returns the index of the first page with data at or after @index, or @end if there is none below
 * @end.
 */
static u64 next_data(struct address_space *m, u64 index, u64 end)
{
	struct page *pages[SEEK_BATCH];
	u32 n;

	while (index < end && (n = find_get_pages(m, index, end - 1, SEEK_BATCH, pages))) {
		u64 found = end;

		index = pages[n - 1]->index + 1;
		while (n) {
			u64 at = pages[--n]->index;

			if (put_if_data(pages[n]))
				found = at;
		}
		if (found < end)
			return found;
		cond_resched();
	}
	return end;
}

/* Returns the index of the first page without data at or after @index, or @end. */
static u64 next_hole(struct address_space *m, u64 index, u64 end)
{
	struct page *p;

	while (index < end && (p = find_get_page(m, index)) && put_if_data(p)) {
		index++;
		if (!(index & 1023))
			cond_resched();
	}
	return index;
}

static loff_t tmpfs_llseek(struct file *f, loff_t off, int whence)
{
	struct inode *inode = f->f_mapping->host;
	loff_t size, pos;
	u64 end, at;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_file_llseek(f, off, whence);
	down_read(&inode->i_rwsem);
	size = i_size_read(inode);
	pos = -ENXIO;
	if (off < 0 || off >= size)
		goto out;
	end = DIV_ROUND_UP((u64)size, PAGE_SIZE);
	at = off >> PAGE_SHIFT;
	at = whence == SEEK_DATA ? next_data(&inode->i_data, at, end) :
				   next_hole(&inode->i_data, at, end);
	if (whence == SEEK_DATA && at == end)
		goto out;
	pos = clamp((loff_t)(at << PAGE_SHIFT), off, size);
	f->f_pos = pos;
out:
	up_read(&inode->i_rwsem);
	return pos;
}

static int tmpfs_mmap(struct file *f, struct vm_area *vma)
{
	if ((f->f_inode->i_seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) &&
		(vma->vm_flags & VM_SHARED)) {
		if (vma->vm_flags & VM_WRITE)
			return -EPERM;
		vma->vm_flags &= ~(u64)VM_MAYWRITE;
	}
	if ((vma->vm_flags & VM_SHARED) && (vma->vm_flags & VM_WRITE))
		file_update_time(f);
	file_accessed(f);
	return 0;
}

/* ---- size ---- */

#define F_SEAL_EXEC_ 0x20

/*
 * Sets the size in bytes and drops the pages beyond it, also those that fallocate() has reserved
 * beyond an unchanged size. i_rwsem is held. Returns 0 or -EPERM (sealed).
 */
static int resize(struct inode *inode, loff_t size)
{
	loff_t old = inode->i_size;

	if ((size < old && (inode->i_seals & F_SEAL_SHRINK)) ||
		(size > old && (inode->i_seals & F_SEAL_GROW)))
		return -EPERM;
	if (size > old)
		pagecache_zero_tail(&inode->i_data, old);
	i_size_write(inode, size);
	if (size <= old) {
		down_write(&inode->i_data.invalidate_lock);
		truncate_pagecache(&inode->i_data, size);
		up_write(&inode->i_data.invalidate_lock);
		tmpfs_recount(inode);
	}
	return 0;
}

static int tmpfs_setattr(struct dentry *d, struct iattr *a)
{
	struct inode *inode = d->d_inode;
	int err = setattr_prepare(d, a);

	if (!err && a->ia_valid & ATTR_MODE && inode->i_seals & F_SEAL_EXEC_ &&
		(inode->i_mode ^ a->ia_mode) & 0111)
		err = -EPERM;
	if (!err && (a->ia_valid & ATTR_SIZE)) {
		err = resize(inode, a->ia_size);
		if (!err)
			inode->i_mtime = inode->i_ctime = current_time(inode);
	}
	if (!err)
		setattr_copy(inode, a);
	return err;
}

/*
 * Drops the whole pages of the range, and zeroes its other bytes. i_rwsem is held. Returns 0 or
 * -EPERM (sealed).
 */
static int punch_hole(struct inode *inode, loff_t off, loff_t len)
{
	if (inode->i_seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	down_write(&inode->i_data.invalidate_lock);
	truncate_inode_pages_range(&inode->i_data, off, off + len - 1);
	up_write(&inode->i_data.invalidate_lock);
	tmpfs_recount(inode);
	return 0;
}

/*
 * Drops the pages that the failed fallocate() call @id has reserved. The pages of other calls stay.
 */
static void unreserve(struct inode *inode, u64 first, u64 end, u64 id)
{
	struct page *pages[SEEK_BATCH];
	u32 n;

	while (first < end &&
		(n = find_get_pages(&inode->i_data, first, end - 1, SEEK_BATCH, pages))) {
		first = pages[n - 1]->index + 1;
		while (n) {
			struct page *p = pages[--n];

			lock_page(p);
			if (p->mapping == &inode->i_data && !PageUptodate(p) && p->private == id)
				delete_from_page_cache(p);
			unlock_page(p);
			put_page(p);
		}
		cond_resched();
	}
	tmpfs_recount(inode);
}

/* number of the latest fallocate() call, for page->private */
static atomic64_t last_call;

/*
 * Reserves pages for the range, in bytes. i_rwsem is held. Returns 0, or -errno with nothing
 * reserved: -EINTR after a fatal signal.
 */
static int allocate(struct inode *inode, loff_t off, loff_t len, bool keep_size)
{
	u64 first = off >> PAGE_SHIFT, end = DIV_ROUND_UP((u64)off + len, PAGE_SIZE), at;
	struct tmpfs_sb *s = tmpfs_sb(inode->i_sb);
	u64 id = atomic_inc_return(&last_call);
	int err = 0;

	/* also of a call that keeps the size: what it reserves counts as growth */
	err = inode_newsize_ok(inode, off + len);
	if (!err && (inode->i_seals & F_SEAL_GROW) && off + len > inode->i_size)
		err = -EPERM;
	if (err)
		return err;
	if (s->max_blocks && end - first > s->max_blocks)
		return -ENOSPC;
	for (at = first; at < end; at++) {
		struct page *p = reserve_page(inode, at);

		if (IS_ERR(p)) {
			err = PTR_ERR(p);
			break;
		}
		if (!PageUptodate(p) && !p->private)
			p->private = id;
		unlock_page(p);
		put_page(p);
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		cond_resched();
	}
	if (err)
		unreserve(inode, first, min(at + 1, end), id);
	if (!err && !keep_size && off + len > inode->i_size) {
		pagecache_zero_tail(&inode->i_data, inode->i_size);
		i_size_write(inode, off + len);
	}
	return err;
}

static long tmpfs_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct inode *inode = f->f_inode;
	int err;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	down_write(&inode->i_rwsem);
	if (mode & FALLOC_FL_PUNCH_HOLE)
		err = punch_hole(inode, off, len);
	else
		err = allocate(inode, off, len, mode & FALLOC_FL_KEEP_SIZE);
	if (!err) {
		inode->i_mtime = inode->i_ctime = current_time(inode);
		err = file_remove_privs(f);
	}
	up_write(&inode->i_rwsem);
	return err;
}

/*
 * Writes nothing, but may update the file's times. A page of a shared mapping is mapped writable
 * even by a read fault, and later writes to it do not fault. So the times are also updated when
 * such a mapping is made (tmpfs_mmap()) and by msync().
 */
static int tmpfs_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	if (atomic_read(&f->f_mapping->i_mmap_writable) > 0 && (f->f_mode & FMODE_WRITE))
		file_update_time(f);
	return 0;
}

static int tmpfs_open(struct inode *inode, struct file *f)
{
	f->f_mode |= FMODE_CAN_ODIRECT; /* O_DIRECT has no effect without a device */
	return 0;
}

const struct file_operations tmpfs_file_ops = {
	.llseek = tmpfs_llseek,
	.read_iter = tmpfs_read_iter,
	.write_iter = tmpfs_write_iter,
	.mmap = tmpfs_mmap,
	.open = tmpfs_open,
	.fsync = tmpfs_fsync,
	.fallocate = tmpfs_fallocate,
};

const struct inode_operations tmpfs_file_iops = {
	.setattr = tmpfs_setattr, TMPFS_XATTR_OPS, TMPFS_FLAG_OPS
};
