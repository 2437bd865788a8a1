/* SPDX-License-Identifier: MIT */
/*
 * file.c: open files and their data.
 *
 * Reads use the page cache (pages.c) unless the server asked for direct I/O. Writes are
 * write-through: the server has the data when write() returns, and cached pages are updated. If the
 * server has asked for FUSE_WRITEBACK_CACHE, writes are write-back: data is sent when the file is
 * closed or synced, by the flusher, or when there are too many dirty pages. Times are sent only
 * when the file is closed or synced.
 *
 * Locks: the inode's i_rwsem for writes; fuse_inode.lock for the list of writers.
 */
#include <linux/eventpoll.h>
#include <linux/falloc.h>

#include "kernel/fs/fuse/fuse.h"

/* ---- handles ---- */

struct fuse_file *fuse_file_new(struct fuse_conn *fc, u64 nodeid)
{
	static atomic64_t kh;
	struct fuse_file *ff = kzalloc(sizeof(*ff), GFP_KERNEL);

	if (!ff)
		return NULL;
	ff->release = fuse_release_new(fc);
	if (IS_ERR(ff->release)) {
		kfree(ff);
		return NULL;
	}
	fuse_conn_get(fc);
	ff->fc = fc;
	ff->nodeid = nodeid;
	ff->users = 1;
	ff->poll_kh = (u64)atomic_add_return(1, &kh);
	INIT_LIST_HEAD(&ff->link);
	init_waitqueue_head(&ff->poll);
	return ff;
}

void fuse_file_drop(struct fuse_file *ff)
{
	fuse_req_put(ff->release);
	fuse_conn_put(ff->fc);
	kfree(ff);
}

/* Ends a request of send_and_forget(): FORGET may follow. */
static void put_forget(struct fuse_req *r)
{
	if (r->priv)
		fuse_forget_put(r->fc, r->priv);
}

static void end_flush(struct fuse_req *r)
{
	atomic_dec(&r->fc->nr_flushes);
	put_forget(r);
}

/*
 * Sends the request @r for @nodeid, which may be the node of @inode, without waiting. @end is
 * called when the request is done (FUSE_DONE).
 */
static void send_and_forget(
	struct inode *inode, struct fuse_req *r, u64 nodeid, void (*end)(struct fuse_req *r))
{
	if (FUSE_I(inode)->nodeid == nodeid) {
		r->priv = FUSE_I(inode)->forget;
		atomic_inc(&FUSE_I(inode)->forget->refs);
	}
	fuse_send_async(r, end);
}

/*
 * Sends a request without waiting for its answer. FORGET for the node of @inode is held back until
 * the server has answered, since a server with several threads could handle the FORGET first.
 * @nodeid may be another node. @out: size in bytes of the answer, which is discarded.
 */
int fuse_send_and_forget(struct inode *inode, struct fuse_conn *fc, u32 opcode, u64 nodeid,
	const void *in, size_t n, size_t out)
{
	struct fuse_req *r = fuse_req_new(fc, opcode, nodeid, n, out);

	if (IS_ERR(r)) {
		if (opcode == FUSE_FLUSH)
			atomic_dec(&fc->nr_flushes);
		return 0;
	}
	memcpy(r->in, in, n);
	send_and_forget(inode, r, nodeid, opcode == FUSE_FLUSH ? end_flush : put_forget);
	return 0;
}

/*
 * Sends FLUSH for an exiting task, without waiting. Sends nothing if FUSE_MAX_FLUSHES are
 * unanswered. Returns 0.
 */
static int flush_and_forget(struct file *f, const struct fuse_flush_in *in)
{
	struct fuse_file *ff = f->private_data;

	if (atomic_inc_return(&ff->fc->nr_flushes) > FUSE_MAX_FLUSHES) {
		atomic_dec(&ff->fc->nr_flushes);
		return 0;
	}
	return fuse_send_and_forget(f->f_inode, ff->fc, FUSE_FLUSH, ff->nodeid, in, sizeof(*in), 0);
}

static void fuse_file_free(struct rcu_head *h)
{
	kfree(container_of(h, struct fuse_file, rcu));
}

/* Sends RELEASE, unless no OPEN was sent, and frees the handle without waiting for an answer. */
void fuse_file_release(struct inode *inode, struct fuse_file *ff, u32 flags)
{
	struct fuse_release_in *in = ff->release->in;

	if (ff->none) {
		fuse_req_put(ff->release);
	} else {
		*in = (struct fuse_release_in){ .fh = ff->fh, .flags = flags };
		fuse_release_set(ff->release, ff->nodeid, ff->dir);
		send_and_forget(inode, ff->release, ff->nodeid, put_forget);
	}
	fuse_conn_put(ff->fc);
	/* A task that is leaving the wait queue ff->poll may still hold its lock. */
	call_rcu(&ff->rcu, fuse_file_free);
}

/* Takes the handle that this task's CREATE has left in fi->created, or returns NULL. */
static struct fuse_file *take_created(struct inode *inode, struct file *f)
{
	struct fuse_inode *fi = FUSE_I(inode);
	struct fuse_file *ff;

	if (!READ_ONCE(fi->created) || !(f->f_mode & FMODE_CREATED))
		return NULL;
	ff = xchg(&fi->created, NULL);
	if (!ff || ff->maker == current)
		return ff;
	fuse_file_release(inode, ff, O_RDWR);
	return NULL;
}

/*
 * Sends OPEN or OPENDIR, and fills in @ff. If the server has no such operation, sets ff->none.
 * Returns 0 or -errno.
 */
static int send_open(struct inode *inode, struct file *f, struct fuse_file *ff)
{
	struct fuse_conn *fc = ff->fc;
	struct fuse_open_in in = { .flags = f->f_flags & ~(u32)(O_CREAT | O_EXCL | O_NOCTTY) };
	struct fuse_open_out o;
	int err;

	if (ff->dir ? fc->no_opendir : fc->no_open) {
		ff->none = true;
		ff->flags = FOPEN_KEEP_CACHE;
		return 0;
	}
	if (!fc->atomic_trunc)
		in.flags &= ~(u32)O_TRUNC;
	else if (in.flags & O_TRUNC && fuse_flush_pages(inode))
		return -EINTR; /* killed before dirty data was sent */
	err = fuse_call(fc, ff->dir ? FUSE_OPENDIR : FUSE_OPEN, ff->nodeid, &in, sizeof(in), NULL,
		0, &o, sizeof(o));
	if (err == -ENOSYS) {
		*(ff->dir ? &fc->no_opendir : &fc->no_open) = true;
		ff->none = true;
		ff->flags = FOPEN_KEEP_CACHE;
		return 0;
	}
	ff->fh = o.fh;
	ff->flags = o.open_flags;
	return err;
}

/* Applies the FOPEN_* flags of the answer to the open file. Returns 0. */
static int apply_flags(struct inode *inode, struct file *f, const struct fuse_file *ff)
{
	if (ff->flags & FOPEN_STREAM)
		stream_open(inode, f);
	else if (ff->flags & FOPEN_NONSEEKABLE)
		nonseekable_open(inode, f);
	if (ff->flags & FOPEN_DIRECT_IO || ff->dir)
		return 0;
	if (!(ff->flags & FOPEN_KEEP_CACHE))
		invalidate_mapping_pages(&inode->i_data, 0, ~0UL);
	return 0;
}

int fuse_open_common(struct inode *inode, struct file *f, bool dir)
{
	struct fuse_inode *fi = FUSE_I(inode);
	struct fuse_conn *fc = fuse_conn_of(inode);
	struct fuse_file *ff = dir ? NULL : take_created(inode, f);
	int err = 0;

	if (!fuse_allowed(fc))
		return -EACCES;
	if (!ff) {
		ff = fuse_file_new(fc, fi->nodeid);
		if (!ff)
			return -ENOMEM;
		ff->dir = dir;
		err = send_open(inode, f, ff);
	}
	if (err) {
		fuse_file_drop(ff);
		return err;
	}
	f->private_data = ff;
	f->f_mode |= FMODE_CAN_ODIRECT;
	if (f->f_mode & FMODE_WRITE && !dir) {
		spin_lock(&fi->lock);
		list_add_tail(&ff->link, &fi->writers);
		spin_unlock(&fi->lock);
	}
	return apply_flags(inode, f, ff);
}

static int fuse_open(struct inode *inode, struct file *f)
{
	return fuse_open_common(inode, f, false);
}

static int fuse_release(struct inode *inode, struct file *f)
{
	struct fuse_inode *fi = FUSE_I(inode);
	struct fuse_file *ff = f->private_data;
	bool last;

	if (!list_empty(&ff->link) && fuse_flush_pages(inode))
		fuse_send_all(inode); /* the flush failed: the task is killed */
	fuse_poll_end(ff);
	wake_up_common(&ff->poll, TASK_NORMAL, 0, WAKE_QUEUE_GONE);
	ff->close_flags = f->f_flags;
	spin_lock(&fi->lock);
	list_del_init(&ff->link);
	last = !--ff->users;
	spin_unlock(&fi->lock);
	if (last)
		fuse_file_release(inode, ff, f->f_flags);
	return 0;
}

/*
 * Sends the times that this kernel has changed. Returns 0, or the -errno of that request or of
 * earlier writeback. An error of writeback stays recorded for fsync on each open file.
 */
static int flush_ours(struct file *f)
{
	u32 since = f->f_wb_err_seq;
	int err;

	if (!FUSE_I(f->f_inode)->ours)
		return 0;
	err = fuse_flush_times(f->f_inode, f);
	if (err || current->flags & PF_EXITING) /* no caller sees the error */
		return err;
	return mapping_wb_check(f->f_mapping, &since);
}

/* Returns a number that identifies the caller's descriptor table without revealing its address. */
static u64 fuse_lock_owner(const struct fuse_conn *fc)
{
	return hash_fold((u64)current->files ^ fc->owner_key.start, fc->owner_key.factor);
}

/*
 * Sends FLUSH and waits. If the task is killed before the server has read FLUSH, the server gets it
 * nevertheless. Returns 0 or -errno.
 */
static int flush_and_wait(struct file *f, const struct fuse_flush_in *in)
{
	struct fuse_file *ff = f->private_data;
	struct fuse_req *r = fuse_req_new(ff->fc, FUSE_FLUSH, ff->nodeid, sizeof(*in), 0);
	int err;

	if (IS_ERR(r))
		return (int)PTR_ERR(r);
	memcpy(r->in, in, sizeof(*in));
	err = fuse_send(r);
	if (r->unread)
		flush_and_forget(f, in);
	fuse_req_put(r);
	return err;
}

static int fuse_flush(struct file *f)
{
	struct fuse_file *ff = f->private_data;
	struct fuse_conn *fc = ff->fc;
	struct fuse_flush_in in = { .fh = ff->fh, .lock_owner = fuse_lock_owner(fc) };
	int err = 0;

	if (f->f_mode & FMODE_WRITE) {
		err = fuse_flush_pages(f->f_inode);
		if (!err)
			err = flush_ours(f);
	}
	if (fc->no_flush || ff->none || ff->flags & FOPEN_NOFLUSH)
		return err;
	/* The server drops the locks of a killed task at FLUSH. */
	if (err && fatal_signal_pending(current))
		flush_and_forget(f, &in);
	if (err)
		return err;
	if (current->flags & PF_EXITING) /* this task may be the server itself */
		return flush_and_forget(f, &in);
	err = flush_and_wait(f, &in);
	if (err != -ENOSYS)
		return err;
	fc->no_flush = true;
	return 0;
}

int fuse_fsync_common(struct file *f, bool datasync, u32 opcode, bool *no)
{
	struct fuse_file *ff = f->private_data;
	struct fuse_fsync_in in = { .fh = ff->fh, .fsync_flags = datasync ? 1 : 0 };
	int err;

	if (*no)
		return 0;
	err = fuse_call(ff->fc, opcode, ff->nodeid, &in, sizeof(in), NULL, 0, NULL, 0);
	if (err != -ENOSYS)
		return err;
	*no = true;
	return 0;
}

static int fuse_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	int err = fuse_flush_range(f->f_inode, start, end);
	struct fuse_file *ff = f->private_data;

	if (!err)
		err = fuse_flush_times(f->f_inode, f);
	return err ? err : fuse_fsync_common(f, datasync, FUSE_FSYNC, &ff->fc->no_fsync);
}

/* ---- reading ---- */

struct fuse_req *fuse_ask_data(struct fuse_file *ff, u32 opcode, loff_t pos, size_t n, u32 flags)
{
	struct fuse_read_in in = {
		.fh = ff->fh, .offset = (u64)pos, .size = (u32)n, .flags = flags
	};
	struct fuse_req *r = fuse_req_new(ff->fc, opcode, ff->nodeid, sizeof(in), n);
	int err;

	if (IS_ERR(r))
		return r;
	memcpy(r->in, &in, sizeof(in));
	r->out_var = true;
	err = fuse_send(r);
	if (!err)
		return r;
	fuse_req_put(r);
	return ERR_PTR(err);
}

ssize_t fuse_read_data(struct fuse_file *ff, void *buf, size_t n, loff_t pos, u32 flags)
{
	struct fuse_req *r = fuse_ask_data(ff, FUSE_READ, pos, n, flags);
	ssize_t got;

	if (IS_ERR(r))
		return PTR_ERR(r);
	got = r->out_len;
	memcpy(buf, r->out, r->out_len);
	fuse_req_put(r);
	return got;
}

/*
 * Reads without the page cache, in pieces of max_read bytes, and moves *pos. Returns the number of
 * bytes, or -errno if an error came before the first byte.
 */
static ssize_t direct_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct fuse_file *ff = f->private_data;
	size_t max = ff->fc->max_read;
	void *buf;
	ssize_t done = 0, n = 0;

	max = min(max, to->count);
	buf = kmalloc_most(&max, min(max, PAGE_SIZE), GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	while (to->count) {
		size_t want = min(max, to->count), put;

		n = fuse_read_data(ff, buf, want, *pos, f->f_flags);
		if (n <= 0)
			break;
		put = copy_to_iter(buf, (size_t)n, to);
		done += (ssize_t)put;
		*pos += (loff_t)put;
		if (put < (size_t)n) {
			n = -EFAULT;
			break;
		}
		if ((size_t)n < want)
			break;
	}
	kfree(buf);
	return done ? done : n;
}

static bool is_direct(const struct file *f)
{
	const struct fuse_file *ff = f->private_data;

	return ff->flags & FOPEN_DIRECT_IO || f->f_flags & O_DIRECT;
}

static ssize_t fuse_read_iter(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct inode *inode = f->f_inode;
	int err;

	if (!to->count)
		return 0;
	if (to->nowait)
		return -EAGAIN;
	if (is_direct(f)) {
		err = fuse_flush_range(inode, *pos, *pos + (loff_t)to->count - 1);
		return err ? err : direct_read(f, to, pos);
	}
	if (fuse_conn_of(inode)->auto_inval || *pos + (loff_t)to->count > i_size_read(inode)) {
		err = fuse_update_attr(inode, f);
		if (err)
			return err;
	}
	return filemap_read(f, &inode->i_data, to, pos);
}

/* ---- writing ---- */

/* Sends a WRITE. Returns the number of bytes that the server took (> 0), or -errno. */
static ssize_t send_write(
	struct fuse_file *ff, const void *buf, size_t n, loff_t pos, u32 flags, u32 write_flags)
{
	struct fuse_write_in in = { .fh = ff->fh,
		.offset = (u64)pos,
		.size = (u32)n,
		.flags = flags,
		.write_flags = write_flags };
	struct fuse_write_out o;
	int err = fuse_call(ff->fc, FUSE_WRITE, ff->nodeid, &in, sizeof(in), buf, n, &o, sizeof(o));

	if (err)
		return err;
	return o.size > n || !o.size ? -EIO :
				       /*
				        * 0 bytes count as an error: a caller that loops until all
				        * is written would never end
				        */
				       (ssize_t)o.size;
}

/*
 * Copies written data into the cached pages that are up to date. The others are read from the
 * server at their next use.
 */
static void update_pages(struct inode *inode, const char *buf, loff_t pos, size_t n)
{
	while (n) {
		size_t off = (size_t)pos & (PAGE_SIZE - 1), piece = min(n, PAGE_SIZE - off);
		struct page *p = find_lock_page(&inode->i_data, (u64)pos >> PAGE_SHIFT);

		if (p) {
			if (PageUptodate(p))
				memcpy((char *)page_address(p) + off, buf, piece);
			if (test_bit(PG_patched, &p->flags))
				page_text_changed(p);
			unlock_page(p);
			put_page(p);
		}
		buf += piece;
		pos += (loff_t)piece;
		n -= piece;
	}
}

/*
 * Sends @from in pieces of at most @max bytes, through @buf, which has room for one. Returns the
 * number of bytes that the server took, or -errno if it is 0. i_rwsem is held.
 */
static ssize_t write_loop(struct file *f, struct iov_iter *from, loff_t *pos, char *buf, size_t max)
{
	struct fuse_file *ff = f->private_data;
	struct inode *inode = f->f_inode;
	ssize_t done = 0, n = 0;

	while (from->count) {
		size_t want = min(max, from->count), got = copy_from_iter(buf, want, from);

		if (!got) {
			n = -EFAULT;
			break;
		}
		n = send_write(ff, buf, got, *pos, f->f_flags, 0);
		/*
		 * The server may have taken some of the data, so drop the cached pages of the
		 * range.
		 */
		if (n < 0) {
			invalidate_mapping_pages(&inode->i_data, (u64)*pos >> PAGE_SHIFT,
				((u64)*pos + got - 1) >> PAGE_SHIFT);
			break;
		}
		update_pages(inode, buf, *pos, (size_t)n);
		*pos += n;
		done += n;
		fuse_set_size(inode, *pos, true);
		if ((size_t)n < got || got < want)
			break;
	}
	return done ? done : n;
}

void fuse_was_written(struct inode *inode)
{
	struct fuse_inode *fi = FUSE_I(inode);

	if (!fi->ours)
		return;
	spin_lock(&fi->lock);
	inode->i_mtime = inode->i_ctime = current_time(inode);
	fi->times_ours = true;
	spin_unlock(&fi->lock);
}

/*
 * Returns how many bytes may be written, or -errno. Removes set-id bits. i_rwsem is held for
 * writing.
 */
static ssize_t begin_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct inode *inode = f->f_inode;
	ssize_t n = generic_write_checks(f, from, pos);
	int err;

	if (n <= 0)
		return n;
	err = file_remove_privs(f);
	if (!err)
		fuse_was_written(inode);
	return err ? err : n;
}

/*
 * Writes into the page cache (writeback mode). Takes i_rwsem. Returns the number of bytes or
 * -errno, as write_through() does.
 */
static ssize_t write_cached(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct inode *inode = f->f_inode;
	loff_t size;
	ssize_t n;

	down_write(&inode->i_rwsem);
	n = fuse_update_attr(inode, f); /* the mode, for the set-id bits */
	if (!n)
		n = begin_write(f, from, pos);
	size = i_size_read(inode);
	if (n > 0 && *pos > size)
		pagecache_zero_tail(&inode->i_data, size);
	if (n > 0)
		n = filemap_write(f, &inode->i_data, from, pos);
	up_write(&inode->i_rwsem);
	return n;
}

/*
 * Sends the dirty pages below the next @n bytes at @pos: a server with several threads could handle
 * an older WRITE of these pages later. If the file grows, sends its last page too, up to the old
 * end. Returns @n, or -EINTR if the task is killed. i_rwsem is held.
 */
static ssize_t flush_below(struct inode *inode, loff_t pos, ssize_t n)
{
	int err = fuse_flush_range(inode, min(pos, i_size_read(inode)), pos + n - 1);

	return err ? err : n;
}

/* Sends the data, without the page cache. Takes i_rwsem. */
static ssize_t write_through(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct inode *inode = f->f_inode;
	size_t max = fuse_conn_of(inode)->max_write;
	char *buf;
	ssize_t n;

	buf = kmalloc_most(&max, min(max, PAGE_SIZE), GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	down_write(&inode->i_rwsem);
	n = (f->f_flags & O_APPEND) || from->append ? fuse_refresh_attr(inode, f) : 0;
	if (!n)
		n = begin_write(f, from, pos);
	if (n > 0)
		n = flush_below(inode, *pos, n);
	if (n > 0)
		n = write_loop(f, from, pos, buf, max);
	fuse_stale_attr(inode);
	up_write(&inode->i_rwsem);
	kfree(buf);
	return n;
}

static ssize_t fuse_write_iter(struct file *f, struct iov_iter *from, loff_t *pos)
{
	ssize_t n;

	if (from->nowait)
		return -EAGAIN;
	if (FUSE_I(f->f_inode)->ours && !is_direct(f))
		n = write_cached(f, from, pos);
	else
		n = write_through(f, from, pos);
	if (n > 0 && file_is_sync(f)) {
		int err = fuse_fsync(f, *pos - n, *pos - 1, !(f->f_flags & O_SYNC & ~O_DSYNC));

		if (err)
			return err;
	}
	return n;
}

/* ---- the rest ---- */

static int fuse_mmap(struct file *f, struct vm_area *vma)
{
	struct fuse_file *ff = f->private_data;

	if (ff->flags & FOPEN_DIRECT_IO) {
		if (vma->vm_flags & VM_SHARED)
			return -ENODEV;
		invalidate_mapping_pages(f->f_mapping, 0, ~0UL);
	}
	file_accessed(f);
	return 0;
}

/* Finds data or a hole by LSEEK and sets f_pos. Without LSEEK the whole file counts as data. */
static loff_t ask_lseek(struct file *f, loff_t off, int whence)
{
	struct fuse_file *ff = f->private_data;
	struct fuse_lseek_in in = { .fh = ff->fh, .offset = (u64)off, .whence = (u32)whence };
	struct fuse_lseek_out o;
	int err = -ENOSYS;

	if (!ff->fc->no_lseek)
		err = fuse_call(
			ff->fc, FUSE_LSEEK, ff->nodeid, &in, sizeof(in), NULL, 0, &o, sizeof(o));
	if (!err) {
		if ((loff_t)o.offset < 0)
			return -EIO;
		f->f_pos = (loff_t)o.offset;
		return (loff_t)o.offset;
	}
	if (err != -ENOSYS)
		return err;
	ff->fc->no_lseek = true;
	err = fuse_update_attr(f->f_inode, f);
	return err ? err : generic_file_llseek(f, off, whence);
}

static loff_t fuse_llseek(struct file *f, loff_t off, int whence)
{
	int err;

	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		err = FUSE_I(f->f_inode)->ours ? fuse_flush_pages(f->f_inode) : 0;
		return err ? err : ask_lseek(f, off, whence);
	}
	if (whence == SEEK_END) {
		err = fuse_refresh_attr(f->f_inode, f);
		if (err)
			return err;
	}
	return generic_file_llseek(f, off, whence);
}

static long fuse_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct fuse_file *ff = f->private_data;
	struct inode *inode = f->f_inode;
	struct fuse_fallocate_in in = {
		.fh = ff->fh, .offset = (u64)off, .length = (u64)len, .mode = (u32)mode
	};
	bool zeroes = mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE);
	int err;

	if (ff->fc->no_fallocate ||
		mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	down_write(&inode->i_rwsem);
	err = mode & FALLOC_FL_KEEP_SIZE ? 0 : inode_newsize_ok(inode, off + len);
	if (!err)
		err = fuse_flush_pages(inode);
	if (!err)
		err = file_remove_privs(f);
	if (!err)
		err = fuse_call(
			ff->fc, FUSE_FALLOCATE, ff->nodeid, &in, sizeof(in), NULL, 0, NULL, 0);
	if (err == -ENOSYS) {
		ff->fc->no_fallocate = true;
		err = -EOPNOTSUPP;
	}
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE))
		fuse_set_size(inode, off + len, true);
	/* Without @zeroes only space was allocated, and cached pages stay valid. */
	if (!err && zeroes)
		truncate_inode_pages_range(&inode->i_data, off, off + len - 1);
	fuse_stale_attr(inode);
	up_write(&inode->i_rwsem);
	return err;
}

const struct file_operations fuse_file_fops = {
	.open = fuse_open,
	.release = fuse_release,
	.flush = fuse_flush,
	.llseek = fuse_llseek,
	.read_iter = fuse_read_iter,
	.write_iter = fuse_write_iter,
	.mmap = fuse_mmap,
	.fsync = fuse_fsync,
	.fallocate = fuse_fallocate,
	.poll = fuse_poll,
	.ioctl = fuse_ioctl,
};
