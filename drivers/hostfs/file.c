/* SPDX-License-Identifier: MIT */
/*
 * file.c: open files: the open files of the host that serve them, reading, writing.
 *
 * An inode has at most two files of the host open, one to read from and one to write to (a single
 * one if it allows both), however often the guest has it open. They are closed when the guest has
 * closed all of its files, after writeback of pages that mappings have dirtied; or they stay open
 * for a while (kept.c). A newly created file stays open for the open that follows, even if its mode
 * would forbid that (hostfs_adopt_file()).
 *
 * A write goes through to the host. Its bytes are copied into pages that are cached, or that it
 * covers wholly, and the host writes them from there, several pages a call. Bytes for other pages
 * are written from a temporary page. So exactly the bytes that the guest wrote reach the host, and
 * data that processes of the host write to the same file are not overwritten.
 *
 * Locks: hostfs.h.
 */
#include <linux/falloc.h>

#include "drivers/hostfs/hostfs.h"
#include "kernel/vfs/lock/locks.h"

#define CHUNK_PAGES 64

/* ---- the host's files ---- */

static struct hostfs_file *hold(struct hostfs_inode *hi, struct hostfs_file *const *which)
{
	struct hostfs_file *f;

	spin_lock(&hi->lock);
	f = *which;
	if (f)
		hostfs_file_get(f);
	spin_unlock(&hi->lock);
	return f;
}

struct hostfs_file *hostfs_reader(struct hostfs_inode *hi)
{
	struct hostfs_file *f = hold(hi, &hi->rfile);

	return f || !hi->wreads ? f : hold(hi, &hi->wfile);
}

struct hostfs_file *hostfs_writer(struct hostfs_inode *hi)
{
	return hold(hi, &hi->wfile);
}

/* Sets the inode's files; consumes the reference @f. */
static void set_files(struct hostfs_inode *hi, struct hostfs_file *f, bool reads, bool writes)
{
	f->owner = hi;
	spin_lock(&hi->lock);
	if (writes && !hi->wfile) {
		hostfs_file_get(f);
		hi->wfile = f;
		hi->wreads = reads;
	}
	if (reads && !hi->rfile) {
		hostfs_file_get(f);
		hi->rfile = f;
	}
	spin_unlock(&hi->lock);
	hostfs_file_put(f);
}

static void close_locked(struct hostfs_inode *hi)
{
	struct hostfs_file *r, *w;

	spin_lock(&hi->lock);
	r = hi->rfile;
	w = hi->wfile;
	hi->rfile = hi->wfile = hi->lfile = NULL;
	hi->idle = false;
	spin_unlock(&hi->lock);
	if (r)
		hostfs_file_put(r);
	if (w)
		hostfs_file_put(w);
}

void hostfs_close_files(struct inode *inode)
{
	close_locked(HOSTFS_I(inode));
}

/*
 * Keeps a created file open for the open that follows. Only one file for each mount waits like
 * this: a program that creates many files without opening them uses only one descriptor of the
 * host.
 */
void hostfs_adopt_file(struct inode *inode, struct hostfs_file *f)
{
	struct hostfs_sb *hs = hostfs_sb_of(inode);
	struct hostfs_inode *hi = HOSTFS_I(inode);
	struct inode *old;

	mutex_lock(&hi->open_lock);
	set_files(hi, f, true, true);
	mutex_unlock(&hi->open_lock);
	ihold(inode);
	spin_lock(&hs->lock);
	old = hs->created;
	hs->created = inode;
	spin_unlock(&hs->lock);
	if (old)
		hostfs_drop_created(old);
}

/* Closes a created file if it is still unused; consumes the reference to @inode. */
void hostfs_drop_created(struct inode *inode)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);

	mutex_lock(&hi->open_lock);
	if (!hi->users)
		close_locked(hi);
	mutex_unlock(&hi->open_lock);
	iput(inode);
}

static void forget_created(struct inode *inode)
{
	struct hostfs_sb *hs = hostfs_sb_of(inode);
	bool mine;

	spin_lock(&hs->lock);
	mine = hs->created == inode;
	if (mine)
		hs->created = NULL;
	spin_unlock(&hs->lock);
	if (mine)
		iput(inode);
}

/*
 * Opens for reading and writing, if the host allows it: a writer may have to read surrounding data.
 */
static int open_host(struct hostfs_inode *hi, bool write)
{
	u32 how = write ? HOSTFS_READ | HOSTFS_WRITE : HOSTFS_READ;
	struct hostfs_file *f = hostfs_open_data(hi->node, how);

	if (IS_ERR(f) && PTR_ERR(f) == -EACCES && write) {
		how = HOSTFS_WRITE;
		f = hostfs_open_data(hi->node, how);
	}
	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	set_files(hi, f, how & HOSTFS_READ, write);
	return 0;
}

/*
 * Checks with the host, at an open, that the name still belongs to this file, and updates the
 * attributes. So an open in the guest sees data that a process of the host wrote before its close.
 * Returns 0, -ESTALE if the name is gone or belongs to another file, or another -errno.
 */
static int check_name(struct inode *inode, struct file *f)
{
	struct hostfs_sb *hs = hostfs_sb_of(inode);
	struct dentry *d = f->f_path.dentry, *parent;
	u64 sample = hostfs_sample(hs);
	struct hostfs_attr a;
	int err;

	if (f->f_mode & FMODE_CREATED || hs->interval == HOSTFS_FOREVER || d->d_parent == d ||
		READ_ONCE(d->d_flags) & DCACHE_UNHASHED)
		return 0;
	parent = dget_parent(d);
	err = hostfs_host_lookup(HOSTFS_I(parent->d_inode)->node, d->d_name.name, &a);
	dput(parent);
	if (!err && hostfs_same(inode, &a)) {
		hostfs_take_attr(inode, &a, sample);
		return 0;
	}
	if (err && err != -ENOENT)
		return err;
	d_drop(d);
	return -ESTALE; /* vfs then looks up the name again */
}

static int hostfs_open(struct inode *inode, struct file *f)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);
	int err = check_name(inode, f);

	if (err)
		return err;
	mutex_lock(&hi->open_lock);
	hostfs_take_kept(inode);
	if (f->f_mode & FMODE_WRITE && !hi->wfile)
		err = open_host(hi, true);
	if (!err && f->f_mode & (FMODE_READ | FMODE_EXEC) && !hi->rfile)
		err = open_host(hi, false);
	if (!err)
		hi->users++;
	else if (!hi->users)
		close_locked(hi);
	mutex_unlock(&hi->open_lock);
	forget_created(inode);
	if (!err && f->f_mode & FMODE_WRITE && !(f->f_mode & FMODE_CREATED))
		hostfs_audit("open", f->f_path.dentry, NULL);
	f->f_mode |= FMODE_CAN_ODIRECT;
	return err;
}

static int hostfs_release(struct inode *inode, struct file *f)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);
	struct inode *old = NULL;

	if (mapping_has_dirty(&inode->i_data))
		filemap_write_and_wait_range(&inode->i_data, 0, S64_MAX);
	mutex_lock(&hi->open_lock);
	if (!--hi->users)
		old = hostfs_keep(inode);
	mutex_unlock(&hi->open_lock);
	if (old)
		hostfs_close_idle(old);
	return 0;
}

/* ---- reading ---- */

static int look_again(struct inode *inode)
{
	int err = hostfs_revalidate(inode);

	if (err && err != -ESTALE)
		return err;
	return hostfs_check_data(inode);
}

static ssize_t hostfs_read_iter(struct file *f, struct iov_iter *to, loff_t *pos)
{
	int err = look_again(f->f_inode);

	return err ? err : generic_file_read_iter(f, to, pos);
}

/* ---- writing ---- */

/* A call to the host, with the pages that its pieces are in. */
struct chunk {
	u32 nr;
	u64 bytes;
	/*
	 * Bit masks of pages: those in the page cache; those that were not uptodate before; those
	 * that were beyond the end of the file before.
	 */
	u64 cached, fresh, beyond;
	struct page *pages[CHUNK_PAGES];
	u32 lens[CHUNK_PAGES];
	struct hostfs_attr attr;
	struct hostfs_io io;
	struct hostfs_vec vecs[CHUNK_PAGES]; /* io.vec */
};
_Static_assert(
	offsetof(struct chunk, vecs) == offsetof(struct chunk, io) + sizeof(struct hostfs_io),
	"vecs are io's");

/*
 * Returns a page for @n bytes of page @index: the cached page if it is uptodate or the write will
 * make it so, else a temporary page.
 */
static struct page *chunk_page(struct inode *inode, struct chunk *c, u64 index, u32 n)
{
	struct address_space *m = &inode->i_data;
	bool beyond = (loff_t)(index << PAGE_SHIFT) >= i_size_read(inode);
	u64 bit = 1UL << c->nr;
	struct page *p;

	if (n == PAGE_SIZE || beyond)
		p = grab_cache_page(m, index);
	else
		p = find_lock_page(m, index);
	if (p && !PageUptodate(p) && n < PAGE_SIZE && !beyond) {
		unlock_page(p); /* another task's read has failed */
		put_page(p);
		p = NULL;
	}
	if (!p)
		return alloc_page(GFP_KERNEL);
	c->cached |= bit;
	c->beyond |= beyond ? bit : 0;
	if (!PageUptodate(p)) {
		c->fresh |= bit;
		if (n < PAGE_SIZE)
			memset(page_address(p), 0, PAGE_SIZE);
	}
	return p;
}

static void chunk_put(struct chunk *c)
{
	for (u32 i = 0; i < c->nr; i++) {
		if (c->cached & 1UL << i)
			unlock_page(c->pages[i]);
		put_page(c->pages[i]);
	}
}

/*
 * Copies from the guest as far as possible; its pages have been faulted in. Returns 0 or -ENOMEM.
 */
static int chunk_fill(
	struct inode *inode, struct chunk *c, struct iov_iter *from, loff_t pos, u64 n)
{
	bool nofault = from->nofault;

	from->nofault = true;
	while (n && c->nr < CHUNK_PAGES) {
		u32 off = (u64)pos & (PAGE_SIZE - 1), want = (u32)min_t(u64, n, PAGE_SIZE - off);
		struct page *p = chunk_page(inode, c, (u64)pos >> PAGE_SHIFT, want);
		char *at;
		size_t got;

		if (!p)
			break;
		at = (char *)page_address(p) + off;
		got = copy_from_iter(at, want, from);
		c->vecs[c->nr] = (struct hostfs_vec){ at, got };
		c->lens[c->nr] = (u32)got;
		c->pages[c->nr++] = p;
		c->bytes += got;
		pos += (loff_t)got;
		n -= got;
		if (got < want)
			break;
	}
	from->nofault = nofault;
	return c->nr ? 0 : -ENOMEM;
}

/*
 * Updates pages after the host has written @put bytes. Pages that are now valid are marked
 * uptodate. Pages that were valid, and have bytes that the host has not written or has written
 * elsewhere (@moved), are invalidated.
 */
static void chunk_settle(struct inode *inode, struct chunk *c, u64 put, bool moved)
{
	bool bad = moved;

	for (u32 i = 0; i < c->nr; i++) {
		u64 bit = 1UL << i, len = c->lens[i];
		bool done = len && put >= len && !moved;

		put -= min(put, len);
		if (!(c->cached & bit))
			continue;
		if (!(c->fresh & bit))
			bad = bad || !done;
		else if (done && (len == PAGE_SIZE || c->beyond & bit))
			SetPageUptodate(c->pages[i]);
		if (test_bit(PG_patched, &c->pages[i]->flags))
			page_text_changed(c->pages[i]);
	}
	if (bad)
		WRITE_ONCE(HOSTFS_I(inode)->stale, true);
}

/*
 * Writes at most a chunk, and sets *pos to the end of the written bytes. Returns their number, or
 * -errno.
 */
static ssize_t write_chunk(struct file *f, struct hostfs_file *h, struct iov_iter *from,
	loff_t *pos, bool append, u64 limit)
{
	struct inode *inode = f->f_inode;
	struct chunk c;
	ssize_t put;
	bool moved;
	int err;

	c.nr = 0;
	c.bytes = c.cached = c.fresh = c.beyond = 0;
	memset(&c.io, 0, sizeof(c.io));
	err = chunk_fill(inode, &c, from, *pos, limit);
	if (err)
		return err;
	c.io.file = h->host;
	c.io.nr = c.nr;
	c.io.off = *pos;
	c.io.append = append;
	c.io.attr = &c.attr;
	hostfs_change_begin(inode);
	put = c.bytes ? hostfs_host_write(&c.io) : 0;
	moved = append && put > 0 && c.attr.size != (u64)*pos + (u64)put;
	chunk_settle(inode, &c, put > 0 ? (u64)put : 0, moved);
	hostfs_change_end(inode, put > 0 ? &c.attr : NULL, true);
	chunk_put(&c);
	if (put < (ssize_t)c.bytes)
		iov_iter_revert(from, c.bytes - (u64)max_t(ssize_t, put, 0));
	if (put > 0)
		*pos = moved ? (loff_t)c.attr.size : *pos + put;
	return put;
}

/*
 * Writes all data, a chunk at a time, until an error, a fault or a signal. Returns the bytes
 * written, or -errno if there are none. i_rwsem is held.
 */
static ssize_t write_loop(
	struct file *f, struct hostfs_file *h, struct iov_iter *from, loff_t *pos, bool append)
{
	u64 limit = CHUNK_PAGES * PAGE_SIZE;
	ssize_t done = 0, n = 0;

	while (from->count) {
		u64 want = min_t(
			u64, from->count, limit == 1 ? 1 : limit - ((u64)*pos & (PAGE_SIZE - 1)));

		n = iov_iter_fault_in(from, want, false);
		if (n && limit > 1) {
			limit = limit > PAGE_SIZE ? PAGE_SIZE :
						    1; /* byte by byte up to the fault */
			continue;
		}
		if (n)
			break;
		n = write_chunk(f, h, from, pos, append, want);
		if (n < 0)
			break;
		done += n;
		if (signal_pending(current) && (!n || fatal_signal_pending(current))) {
			n = -EINTR;
			break;
		}
		cond_resched();
	}
	return done ? done : n;
}

static ssize_t write_locked(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct inode *inode = f->f_inode;
	bool append = hostfs_sb_of(inode)->append || from->append ||
		      (f->f_flags & O_APPEND && !from->in_place);
	struct hostfs_file *h;
	ssize_t n;

	if (append)
		hostfs_revalidate(inode);
	from->append = append;
	n = generic_write_checks(f, from, pos);
	if (n <= 0)
		return n;
	n = hostfs_check_data(inode);
	if (!n)
		n = file_remove_privs(f);
	if (n)
		return n;
	h = hostfs_writer(HOSTFS_I(inode));
	if (!h)
		return -EIO;
	if (*pos > i_size_read(inode))
		hostfs_clean_tail(inode);
	n = write_loop(f, h, from, pos, append);
	hostfs_file_put(h);
	return n;
}

static int hostfs_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	struct hostfs_inode *hi = HOSTFS_I(f->f_inode);
	int err = filemap_write_and_wait_range(f->f_mapping, start, end), err2;
	struct hostfs_file *h = hostfs_writer(hi);

	if (!h)
		h = hostfs_reader(hi);
	if (!h)
		return err;
	err2 = (int)hostfs_ask(datasync ? HOSTFS_OP_DATASYNC : HOSTFS_OP_FSYNC, h, 0, 0, 0, 0);
	hostfs_file_put(h);
	return err ? err : err2;
}

static ssize_t hostfs_write_iter(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct inode *inode = f->f_inode;
	ssize_t n;
	int err;

	if (from->nowait)
		return -EAGAIN;
	down_write(&inode->i_rwsem);
	n = write_locked(f, from, pos);
	up_write(&inode->i_rwsem);
	if (n > 0 && file_is_sync(f)) {
		err = vfs_fsync_range(f, *pos - n, *pos - 1, !(f->f_flags & O_SYNC & ~O_DSYNC));
		if (err)
			return err;
	}
	return n;
}

/* ---- mmap, fsync, fallocate ---- */

static int hostfs_mmap(struct file *f, struct vm_area *vma)
{
	u64 writes = VM_SHARED | VM_MAYWRITE;
	int err;

	/* A writable mapping could change the middle of a file that may only grow. */
	if (hostfs_sb_of(f->f_inode)->append && (vma->vm_flags & writes) == writes)
		return -EACCES;
	err = look_again(f->f_inode);
	return err ? err : generic_file_mmap(f, vma);
}

static loff_t seek_data(struct file *f, loff_t off, int whence)
{
	struct hostfs_file *h;
	loff_t at;

	at = filemap_write_and_wait_range(f->f_mapping, 0, S64_MAX);
	h = at ? NULL : hostfs_reader(HOSTFS_I(f->f_inode));
	if (!h)
		h = at ? NULL : hostfs_writer(HOSTFS_I(f->f_inode));
	if (!h)
		return at ? at : -EIO;
	at = hostfs_host_seek(h->host, off, whence);
	hostfs_file_put(h);
	if (at >= 0)
		f->f_pos = at;
	return at;
}

static loff_t hostfs_llseek(struct file *f, loff_t off, int whence)
{
	if (whence == SEEK_DATA || whence == SEEK_HOLE)
		return seek_data(f, off, whence);
	if (whence == SEEK_END)
		hostfs_revalidate(f->f_inode);
	return generic_file_llseek(f, off, whence);
}

/*
 * Allocates or punches a hole. If data is removed or moved, the pages from @off on are unmapped and
 * written back before, and dropped afterwards; tasks that fault them in meanwhile wait for
 * invalidate_lock.
 */
static int allocate_locked(struct file *f, struct hostfs_file *h, int mode, loff_t off, loff_t len)
{
	struct inode *inode = f->f_inode;
	bool moves = mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE);
	bool drops = moves || mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE);
	loff_t from = off & PAGE_MASK;
	struct hostfs_attr a;
	int err = filemap_write_and_wait_range(&inode->i_data, 0, S64_MAX);

	if (!err && !(mode & FALLOC_FL_KEEP_SIZE))
		err = inode_newsize_ok(inode, off + len);
	if (err)
		return err;
	if (off + len > i_size_read(inode))
		hostfs_clean_tail(inode);
	hostfs_change_begin(inode);
	down_write(&inode->i_data.invalidate_lock);
	/*
	 * Write back what mappings have dirtied since the first writeback; with invalidate_lock
	 * held no page can become dirty.
	 */
	if (drops) {
		unmap_mapping_range(&inode->i_data, (u64)from >> PAGE_SHIFT, 0);
		err = filemap_write_and_wait_range(&inode->i_data, 0, S64_MAX);
	}
	if (!err) {
		err = (int)hostfs_ask(HOSTFS_OP_ALLOCATE, h, 0, mode, off, len);
		if (drops)
			truncate_inode_pages(&inode->i_data, from);
	}
	up_write(&inode->i_data.invalidate_lock);
	hostfs_change_end(inode,
		!err && !hostfs_host_getattr(HOSTFS_I(inode)->node, h->host, &a) ? &a : NULL, true);
	return err;
}

static long hostfs_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct inode *inode = f->f_inode;
	struct hostfs_file *h;
	int err;

	if (hostfs_sb_of(inode)->append && mode & ~FALLOC_FL_KEEP_SIZE)
		return -EPERM;
	h = hostfs_writer(HOSTFS_I(inode));
	if (!h)
		return -EIO;
	down_write(&inode->i_rwsem);
	err = file_remove_privs(f);
	if (!err)
		err = allocate_locked(f, h, mode, off, len);
	up_write(&inode->i_rwsem);
	hostfs_file_put(h);
	return err;
}

/* ---- locks ---- */

/*
 * Returns, with a reference, the host's file that holds all locks of the inode, or NULL if none is
 * open. It is chosen at the first lock (@locks: a lock is being set, the bucket is locked): one
 * open for writing, if possible. It stays until the last lock is gone, even if the inode gets a
 * file for writing meanwhile.
 */
static struct hostfs_file *lock_file(struct hostfs_inode *hi, bool locks)
{
	struct hostfs_file *f;

	spin_lock(&hi->lock);
	if (!hi->lfile || (locks && list_empty(&hi->vfs.i_flock)))
		hi->lfile = hi->wfile && (hi->wreads || !hi->rfile) ? hi->wfile : hi->rfile;
	f = hi->lfile;
	if (f)
		hostfs_file_get(f);
	spin_unlock(&hi->lock);
	return f;
}

static const int host_types[] = {
	[FLK_READ] = F_RDLCK, [FLK_WRITE] = F_WRLCK, [FLK_NONE] = F_UNLCK
};

static int get_lock(struct hostfs_file *h, struct file_lock *fl, s64 len)
{
	struct hostfs_lock l = { host_types[fl->type], fl->start, len };

	if (!hostfs_host_getlock(h->host, &l))
		return 0;
	fl->type = l.type == F_RDLCK ? FLK_READ : FLK_WRITE;
	fl->start = l.start;
	fl->end = l.len ? l.start + l.len - 1 : FLK_END;
	fl->pid = -1;
	return 1;
}

/*
 * Sets a lock as locks.c requires, without sleeping. If no file of the host is open, the lock holds
 * among guest programs only.
 */
static int hostfs_lock(struct file *f, int cmd, struct file_lock *fl)
{
	struct hostfs_file *h = lock_file(HOSTFS_I(f->f_inode), fl->type != FLK_NONE);
	s64 len = fl->end == FLK_END ? 0 : fl->end - fl->start + 1;
	int ret;

	if (!h)
		return 0;
	if (cmd == F_GETLK)
		ret = get_lock(h, fl, len);
	else if (fl->kind == FLK_FLOCK)
		ret = hostfs_host_flock(h->host, host_types[fl->type]);
	else
		ret = hostfs_host_lock(h->host, host_types[fl->type], fl->start, len);
	hostfs_file_put(h);
	return ret;
}

const struct file_operations hostfs_file_fops = {
	.open = hostfs_open,
	.release = hostfs_release,
	.llseek = hostfs_llseek,
	.read_iter = hostfs_read_iter,
	.write_iter = hostfs_write_iter,
	.mmap = hostfs_mmap,
	.fsync = hostfs_fsync,
	.fallocate = hostfs_fallocate,
	.lock = hostfs_lock,
};
