/* SPDX-License-Identifier: MIT */
/*
 * read_write.c: read, write, their vector and positioned forms, and lseek; and the generic read and
 * write of files with a page cache.
 *
 * A system call: descriptor -> file -> vfs_read_iter/vfs_write_iter (modes, counts) -> f_op.
 * f_pos_lock protects the position of a seekable file while the file may have another user
 * (FMODE_ATOMIC_POS), so that two readers never both get the bytes at one position. No transfer is
 * longer than MAX_RW_COUNT. After a fault in the middle of a transfer the call returns the number
 * of bytes before the fault.
 *
 * Locks: f_pos_lock, then i_rwsem (generic_file_write_iter).
 */
#include <linux/eventpoll.h>
#include <linux/inotify.h>

#include "gen/syscalls.h"
#include "kernel/vfs/direct_io.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/process_ops.h"

/* ---- llseek ---- */

static loff_t set_pos(struct file *f, loff_t pos, loff_t maxsize)
{
	if (pos < 0 || pos > maxsize)
		return -EINVAL;
	f->f_pos = pos;
	return pos;
}

loff_t generic_llseek_size(struct file *f, loff_t off, int whence, loff_t maxsize, loff_t eof)
{
	loff_t pos;

	switch (whence) {
	case SEEK_SET: pos = off; break;
	case SEEK_CUR:
		if (off == 0)
			return f->f_pos;
		if (check_add_overflow(f->f_pos, off, &pos))
			return -EINVAL;
		break;
	case SEEK_END:
		if (check_add_overflow(eof, off, &pos))
			return -EINVAL;
		break;
	case SEEK_DATA: /* the whole file counts as data */
		if (off < 0 || off >= eof)
			return -ENXIO;
		pos = off;
		break;
	case SEEK_HOLE:
		if (off < 0 || off >= eof)
			return -ENXIO;
		pos = eof;
		break;
	default: return -EINVAL;
	}
	return set_pos(f, pos, maxsize);
}

loff_t generic_file_llseek(struct file *f, loff_t off, int whence)
{
	struct inode *inode = f->f_mapping->host ? f->f_mapping->host : f->f_inode;

	return generic_llseek_size(f, off, whence, inode->i_sb->s_maxbytes, i_size_read(inode));
}

loff_t no_llseek(struct file *f, loff_t off, int whence)
{
	return -ESPIPE;
}

loff_t noop_llseek(struct file *f, loff_t off, int whence)
{
	return f->f_pos;
}

int nonseekable_open(struct inode *inode, struct file *f)
{
	f->f_mode &= ~(FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE);
	return 0;
}

int stream_open(struct inode *inode, struct file *f)
{
	f->f_mode &= ~(FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE | FMODE_ATOMIC_POS);
	f->f_mode |= FMODE_STREAM;
	return 0;
}

/* ---- the position ---- */

/*
 * Locks the position unless this task alone can reach the file. Returns true if it was locked.
 * @shared: the descriptor table has other users.
 */
static inline bool pos_lock(struct file *f, bool shared)
{
	if (!(f->f_mode & FMODE_ATOMIC_POS) || (!shared && atomic_read(&f->f_count) == 1))
		return false;
	mutex_lock(&f->f_pos_lock);
	return true;
}

static inline void pos_unlock(struct file *f, bool locked)
{
	if (locked)
		mutex_unlock(&f->f_pos_lock);
}

static inline bool has_pos(const struct file *f)
{
	return !(f->f_mode & FMODE_STREAM);
}

long sys_lseek(int fd, s64 off, int whence)
{
	struct fd f = fdget(fd);
	bool locked;
	long ret;

	if (!f.file)
		return -EBADF;
	locked = pos_lock(f.file, f.put);
	if ((u32)whence > SEEK_HOLE)
		ret = -EINVAL;
	else if (!(f.file->f_mode & FMODE_LSEEK))
		ret = -ESPIPE;
	else
		ret = f.file->f_op->llseek(f.file, off, whence);
	pos_unlock(f.file, locked);
	fdput(f);
	return ret;
}

/* ---- one transfer ---- */

int rw_verify_area(int write, struct file *f, const loff_t *pos, size_t n)
{
	if ((ssize_t)n < 0)
		return -EINVAL;
	if (!pos)
		return 0;
	if (*pos < 0)
		return -EINVAL;
	return (u64)*pos + n > (u64)(~0UL >> 1) ? -EINVAL : 0;
}

static void account_read(ssize_t n)
{
	if (n > 0)
		current->io_rchar += n;
	current->io_syscr++;
}

static void account_write(ssize_t n)
{
	if (n > 0)
		current->io_wchar += n;
	current->io_syscw++;
}

ssize_t vfs_read_iter(struct file *f, struct iov_iter *to, loff_t *pos)
{
	ssize_t n;
	int err;

	if (!(f->f_mode & FMODE_READ))
		return -EBADF;
	if (!f->f_op->read_iter)
		return is_dir(f->f_inode) ? -EISDIR : -EINVAL;
	err = rw_verify_area(MAY_READ, f, pos, to->count);
	if (err)
		return err;
	if (to->count > MAX_RW_COUNT)
		to->count = MAX_RW_COUNT;
	err = fsnotify_permission(f, FSNOTIFY_ACCESS_PERM);
	if (err)
		return err;
	n = f->f_op->read_iter(f, to, pos);
	if (n > 0)
		fsnotify_file(f, IN_ACCESS);
	account_read(n);
	return n;
}

ssize_t vfs_write_iter(struct file *f, struct iov_iter *from, loff_t *pos)
{
	ssize_t n;
	int err;

	if (!(f->f_mode & FMODE_WRITE))
		return -EBADF;
	if (!f->f_op->write_iter)
		return -EINVAL;
	err = rw_verify_area(MAY_WRITE, f, pos, from->count);
	if (err)
		return err;
	if (from->count > MAX_RW_COUNT)
		from->count = MAX_RW_COUNT;
	n = f->f_op->write_iter(f, from, pos);
	if (n > 0)
		fsnotify_file(f, IN_MODIFY);
	account_write(n);
	return n;
}

ssize_t kernel_read(struct file *f, void *buf, size_t n, loff_t *pos)
{
	struct iov_iter it;

	iov_iter_kernel(&it, buf, n);
	return vfs_read_iter(f, &it, pos);
}

ssize_t kernel_write(struct file *f, const void *buf, size_t n, loff_t *pos)
{
	struct iov_iter it;

	iov_iter_kernel(&it, (void *)buf, n);
	return vfs_write_iter(f, &it, pos);
}

/* Transfers at the file's own position. */
static ssize_t transfer(struct fd f, struct iov_iter *it, bool write)
{
	bool locked = pos_lock(f.file, f.put);
	loff_t pos = f.file->f_pos, *p = has_pos(f.file) ? &pos : NULL;
	ssize_t n;

	n = write ? vfs_write_iter(f.file, it, p) : vfs_read_iter(f.file, it, p);
	if (n >= 0 && p)
		f.file->f_pos = pos;
	pos_unlock(f.file, locked);
	return n;
}

/* Transfers at a position that the caller gives. */
static ssize_t transfer_at(struct fd f, struct iov_iter *it, loff_t pos, bool write)
{
	u32 need = write ? FMODE_PWRITE : FMODE_PREAD;

	if (!(f.file->f_mode & need))
		return -ESPIPE;
	return write ? vfs_write_iter(f.file, it, &pos) : vfs_read_iter(f.file, it, &pos);
}

/* ---- the simple calls ---- */

/* True if the file can be read or written at all. A directory has a read that returns EISDIR. */
static bool can_transfer(const struct file *f, bool write)
{
	if (write)
		return f->f_op->write_iter;
	return f->f_op->read_iter || is_dir(f->f_inode);
}

long sys_read(int fd, uaddr_t buf, size_t n)
{
	struct fd f = fdget(fd);
	struct iov_iter it;
	long ret;

	if (!f.file)
		return -EBADF;
	if (!(f.file->f_mode & FMODE_READ)) {
		ret = -EBADF;
	} else if (!can_transfer(f.file, false)) {
		ret = -EINVAL;
	} else if (!access_ok(buf, n)) {
		ret = -EFAULT;
	} else {
		iov_iter_user(&it, buf, n);
		ret = transfer(f, &it, false);
	}
	fdput(f);
	return ret;
}

long sys_write(int fd, uaddr_t buf, size_t n)
{
	struct fd f = fdget(fd);
	struct iov_iter it;
	long ret;

	if (!f.file)
		return -EBADF;
	if (!(f.file->f_mode & FMODE_WRITE)) {
		ret = -EBADF;
	} else if (!can_transfer(f.file, true)) {
		ret = -EINVAL;
	} else if (!access_ok(buf, n)) {
		ret = -EFAULT;
	} else {
		iov_iter_user(&it, buf, n);
		ret = transfer(f, &it, true);
	}
	fdput(f);
	return ret;
}

static long rw_at(int fd, uaddr_t buf, size_t n, s64 pos, bool write)
{
	struct iov_iter it;
	struct fd f;
	long ret;

	if (pos < 0)
		return -EINVAL;
	f = fdget(fd);
	if (!f.file)
		return -EBADF;
	if (!(f.file->f_mode & (write ? FMODE_PWRITE : FMODE_PREAD))) {
		ret = -ESPIPE;
	} else if (!(f.file->f_mode & (write ? FMODE_WRITE : FMODE_READ))) {
		ret = -EBADF;
	} else if (!access_ok(buf, n)) {
		ret = -EFAULT;
	} else {
		iov_iter_user(&it, buf, n);
		ret = transfer_at(f, &it, pos, write);
	}
	fdput(f);
	return ret;
}

long sys_pread64(int fd, uaddr_t buf, size_t n, s64 pos)
{
	return rw_at(fd, buf, n, pos, false);
}

long sys_pwrite64(int fd, uaddr_t buf, size_t n, s64 pos)
{
	return rw_at(fd, buf, n, pos, true);
}

/* ---- vectors ---- */

#define RWF_NOAPPEND_ 0x20 /* write at the position given */
/* A hint, which has no effect: the data may leave the page cache after the transfer. */
#define RWF_DONTCACHE_ 0x80
#define RWF_KNOWN                                                                                  \
	(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND_ |              \
		RWF_DONTCACHE_)

static int rwf_allowed(const struct file *f, int flags, bool write)
{
	if (flags & ~RWF_KNOWN)
		return -EOPNOTSUPP;
	if ((flags & RWF_NOWAIT) && !(f->f_mode & FMODE_NOWAIT))
		return -EOPNOTSUPP;
	if ((flags & RWF_APPEND) && (flags & RWF_NOAPPEND_))
		return -EINVAL;
	if ((flags & RWF_DONTCACHE_) && !(is_reg(f->f_inode) && f->f_inode->i_sb->s_bdev))
		return -EOPNOTSUPP;
	/* Linux refuses these flags for files that have only write() and not write_iter(). */
	if (write && f->f_op->no_splice_write && (flags & ~RWF_HIPRI))
		return -EOPNOTSUPP;
	return 0;
}

/*
 * Syncs @n written bytes that end at @end, or the whole file if @end is -1, as RWF_SYNC and
 * RWF_DSYNC require.
 */
static int rwf_sync(struct file *f, loff_t end, long n, int flags)
{
	loff_t last = (loff_t)(~0UL >> 1);

	if (!(flags & (RWF_DSYNC | RWF_SYNC)) || !f->f_op->fsync)
		return 0;
	return vfs_fsync_range(
		f, end == -1 ? 0 : end - n, end == -1 ? last : end - 1, !(flags & RWF_SYNC));
}

static long rw_vec_file(struct fd f, struct iov_iter *it, s64 pos, int flags, bool write)
{
	bool at = pos != -1;
	long n;
	int err;

	if (!it->count)
		return 0;
	err = rwf_allowed(f.file, flags, write);
	if (err)
		return err;
	it->append = flags & RWF_APPEND;
	it->in_place = flags & RWF_NOAPPEND_;
	it->nowait = flags & RWF_NOWAIT;
	n = at ? transfer_at(f, it, pos, write) : transfer(f, it, write);
	if (n > 0 && write)
		err = rwf_sync(f.file, at && !it->append ? pos + n : -1, n, flags);
	return err ? err : n;
}

/* Reads or writes a vector. @pos -1: at the file's position. */
static long rw_vec(int fd, uaddr_t vec, u64 nr, s64 pos, int flags, bool write)
{
	struct uvec *to_free = NULL;
	struct iov_iter it;
	struct fd f;
	long ret;

	f = fdget(fd);
	if (!f.file)
		return -EBADF;
	if (pos != -1 && !(f.file->f_mode & (write ? FMODE_PWRITE : FMODE_PREAD)))
		ret = -ESPIPE;
	else if (!(f.file->f_mode & (write ? FMODE_WRITE : FMODE_READ)))
		ret = -EBADF;
	else if (!can_transfer(f.file, write))
		ret = -EINVAL;
	else
		ret = iov_iter_import(&it, vec, nr, &to_free);
	if (!ret) {
		ret = rw_vec_file(f, &it, pos, flags, write);
		kfree(to_free);
	}
	fdput(f);
	return ret;
}

long sys_readv(int fd, uaddr_t vec, u64 nr)
{
	return rw_vec(fd, vec, nr, -1, 0, false);
}

long sys_writev(int fd, uaddr_t vec, u64 nr)
{
	return rw_vec(fd, vec, nr, -1, 0, true);
}

/* Serves preadv(2). On a 64-bit machine @pos is the whole position, and @high is unused. */
long sys_preadv(int fd, uaddr_t vec, u64 nr, u64 pos, u64 high)
{
	return (s64)pos < 0 ? -EINVAL : rw_vec(fd, vec, nr, pos, 0, false);
}

long sys_pwritev(int fd, uaddr_t vec, u64 nr, u64 pos, u64 high)
{
	return (s64)pos < 0 ? -EINVAL : rw_vec(fd, vec, nr, pos, 0, true);
}

/*
 * Serves preadv2(2), whose @flags (RWF_*) apply to this transfer. Flags that cannot be honoured are
 * refused.
 */
long sys_preadv2(int fd, uaddr_t vec, u64 nr, u64 pos, u64 high, int flags)
{
	return (s64)pos < -1 ? -EINVAL : rw_vec(fd, vec, nr, pos, flags, false);
}

long sys_pwritev2(int fd, uaddr_t vec, u64 nr, u64 pos, u64 high, int flags)
{
	return (s64)pos < -1 ? -EINVAL : rw_vec(fd, vec, nr, pos, flags, true);
}

/* ---- cached files ---- */

/* True if position, lengths and addresses are whole sectors, or if the file needs no alignment. */
static bool direct_aligned(const struct file *f, const struct iov_iter *it, loff_t pos)
{
	if (!(f->f_flags & O_DIRECT) || f->f_mode & FMODE_CAN_ODIRECT || it->cached)
		return true;
	return direct_io_aligned(f->f_mapping->host, it, pos);
}

bool file_goes_direct(const struct file *f, const struct iov_iter *it)
{
	if (!(f->f_flags & O_DIRECT) || !f->f_op->direct || it->cached)
		return false;
	return it->type == ITER_USER || in_direct_map(it->kbuf, it->count);
}

ssize_t generic_file_read_iter(struct file *f, struct iov_iter *to, loff_t *pos)
{
	ssize_t n;
	int err;

	if (!to->count)
		return 0;
	if (f->f_flags & O_DIRECT && f->f_op->direct && *pos >= i_size_read(f->f_mapping->host))
		return 0;
	if (!direct_aligned(f, to, *pos))
		return -EINVAL;
	if (file_goes_direct(f, to)) {
		n = direct_read(f, to, pos);
		if (n != -ENOTBLK)
			return n;
	}
	if (to->nowait && (f->f_flags & O_DIRECT))
		return -EAGAIN;
	if (f->f_flags & O_DIRECT) {
		/* The data is read from the device, so the page cache is written out first. */
		err = filemap_write_and_wait_range(f->f_mapping, *pos, *pos + to->count - 1);
		if (err)
			return err;
	}
	return filemap_read(f, f->f_mapping, to, pos);
}

ssize_t generic_write_checks(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct inode *inode = f->f_mapping->host;
	u64 limit = rlimit(RLIMIT_FSIZE);
	loff_t max = inode->i_sb->s_maxbytes;

	if (!from->count)
		return 0;
	if (((f->f_flags & O_APPEND) && !from->in_place) || from->append)
		*pos = i_size_read(inode);
	if (!direct_aligned(f, from, *pos))
		return -EINVAL;
	if (is_reg(inode) && limit != ~0UL) {
		if ((u64)*pos >= limit) {
			send_io_signal(SIGXFSZ, SEND_SIG_PRIV);
			return -EFBIG;
		}
		from->count = min_t(u64, from->count, limit - *pos);
	}
	if (*pos >= max)
		return -EFBIG;
	from->count = min_t(u64, from->count, max - *pos);
	return from->count;
}

/*
 * Makes the checks before a write. Returns the number of bytes that may be written, or -errno.
 * i_rwsem is held.
 */
static ssize_t begin_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	ssize_t n = generic_write_checks(f, from, pos);
	int err;

	if (unlikely(f->f_mapping->host->i_flags & S_SWAPFILE))
		return -ETXTBSY;
	if (n <= 0)
		return n;
	err = file_remove_privs(f);
	if (!err)
		err = file_update_time(f);
	return err ? err : n;
}

static ssize_t write_cached(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct inode *inode = f->f_mapping->host;
	ssize_t n;

	if (from->nowait) /* any write may wait for room */
		return f->f_flags & O_DIRECT ? -EAGAIN : -EOPNOTSUPP;
	down_write(&inode->i_rwsem);
	n = begin_write(f, from, pos);
	if (n > 0) {
		/*
		 * Blocks that a running direct write fills read as zeros until it ends. Writeback
		 * of a cached page that covers some of them would write those zeros over the data
		 * of the direct write.
		 */
		inode_dio_wait(inode);
		n = filemap_write(f, f->f_mapping, from, pos);
	}
	up_write(&inode->i_rwsem);
	return n;
}

/*
 * Writes to the disk, past the page cache. Returns bytes, which may be fewer than requested,
 * -EIOCBQUEUED, or -errno; -ENOTBLK: the whole write must go through the page cache.
 */
static ssize_t write_direct(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct inode *inode = f->f_mapping->host;
	ssize_t n;

	sb_start_direct_write(inode->i_sb);
	if (!from->nowait) {
		down_write(&inode->i_rwsem);
	} else if (!down_write_trylock(&inode->i_rwsem)) {
		sb_end_direct_write(inode->i_sb);
		return -EAGAIN;
	}
	n = begin_write(f, from, pos);
	if (n > 0)
		return direct_write_unlock(f, from, pos);
	up_write(&inode->i_rwsem);
	sb_end_direct_write(inode->i_sb);
	return n;
}

bool file_is_sync(const struct file *f)
{
	return f->f_flags & O_DSYNC || inode_is_sync(f->f_mapping->host);
}

ssize_t generic_file_write_iter(struct file *f, struct iov_iter *from, loff_t *pos)
{
	ssize_t n = -ENOTBLK;
	int err = 0;

	if (file_goes_direct(f, from))
		n = write_direct(f, from, pos);
	if (n == -ENOTBLK)
		n = write_cached(f, from, pos);
	if (n <= 0)
		return n;
	if (file_is_sync(f))
		err = vfs_fsync_range(f, *pos - n, *pos - 1, !(f->f_flags & O_SYNC & ~O_DSYNC));
	/* O_DIRECT requires that the data is on the device, though not on stable storage. */
	else if (f->f_flags & O_DIRECT)
		err = filemap_write_and_wait_range(f->f_mapping, *pos - n, *pos - 1);
	balance_dirty_pages(f->f_mapping);
	return err ? err : n;
}

int generic_file_mmap(struct file *f, struct vm_area *vma)
{
	if (!f->f_mapping->a_ops || !f->f_mapping->a_ops->readpage)
		return -ENODEV;
	file_accessed(f);
	return 0;
}

/* Returns the events of a file without f_op->poll: it can always be read and written. */
u32 vfs_default_poll(void)
{
	return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
}
