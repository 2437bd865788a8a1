/* SPDX-License-Identifier: MIT */
/*
 * sync.c: writes data to the disk on demand: fsync, fdatasync, sync, syncfs, sync_file_range; and
 * the calls about reading ahead, readahead and fadvise.
 *
 * Errors of writeback are kept in the mapping, and each open file reports each of them once
 * (mapping_wb_check).
 */
#include <linux/fadvise.h>

#include "gen/syscalls.h"
#include "kernel/block/block.h"
#include "kernel/vfs/calls.h"
#include "kernel/vfs/internal.h"

#define FILE_END ((loff_t)(~0UL >> 1))

int generic_file_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	struct inode *inode = f->f_mapping->host;
	u32 need = datasync ? I_DIRTY_DATASYNC : I_DIRTY_SYNC | I_DIRTY_DATASYNC;
	int err = filemap_write_and_wait_range(f->f_mapping, start, end), err2 = 0;

	if ((READ_ONCE(inode->i_state) & need) && inode->i_sb->s_op->write_inode)
		err2 = writeback_inode(inode, true);
	if (!err)
		err = err2;
	return err;
}

int vfs_fsync_range(struct file *f, loff_t start, loff_t end, bool datasync)
{
	int err, err2;

	if (!f->f_op->fsync)
		return -EINVAL;
	err = f->f_op->fsync(f, start, end, datasync);
	err2 = mapping_wb_check(f->f_mapping, &f->f_wb_err_seq);
	return err ? err : err2;
}

static long do_fsync(int fd, bool datasync)
{
	struct fd f = fdget(fd);
	int err;

	if (!f.file)
		return -EBADF;
	err = vfs_fsync_range(f.file, 0, FILE_END, datasync);
	fdput(f);
	return err;
}

long sys_fsync(int fd)
{
	return do_fsync(fd, false);
}

long sys_fdatasync(int fd)
{
	return do_fsync(fd, true);
}

long sys_sync(void)
{
	sync_all();
	return 0;
}

/*
 * Returns the newest writeback error of the file system's files, or 0 if there was none since the
 * open file reported one. @since: the count of errors at that time; updated.
 */
static int sb_wb_check(struct super_block *sb, u32 *since)
{
	u32 seq = __atomic_load_n(&sb->s_wb_err_seq, __ATOMIC_ACQUIRE);

	if (seq == *since)
		return 0;
	*since = seq;
	WRITE_ONCE(sb->s_wb_err_seen, seq);
	return READ_ONCE(sb->s_wb_err);
}

long sys_syncfs(int fd)
{
	struct fd f = fdget(fd);
	struct super_block *sb;
	int err, err2;

	if (!f.file)
		return -EBADF;
	sb = f.file->f_path.dentry->d_sb;
	down_read(&sb->s_umount);
	/*
	 * Start all writes before waiting for the first. On a frozen file system the writes would
	 * wait for the thaw.
	 */
	if (!READ_ONCE(sb->s_frozen))
		writeback_sb(sb, false);
	err = sync_filesystem(sb, true);
	up_read(&sb->s_umount);
	err2 = sb_wb_check(sb, &f.file->f_sb_err_seq);
	fdput(f);
	return err ? err : err2;
}

int vfs_sync_file_range(struct file *f, loff_t off, loff_t n, u32 flags)
{
	struct address_space *m = f->f_mapping;
	const u32 waits = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
	loff_t end;
	int err = 0, err2;

	if (flags & ~(u32)(SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			    SYNC_FILE_RANGE_WAIT_AFTER))
		return -EINVAL;
	if (off < 0 || n < 0 || check_add_overflow(off, n, &end))
		return -EINVAL;
	if (!is_reg(f->f_inode) && !S_ISBLK(f->f_inode->i_mode) && !is_dir(f->f_inode) &&
		!is_lnk(f->f_inode))
		return -ESPIPE;
	end = n ? end - 1 : FILE_END;
	if (flags & SYNC_FILE_RANGE_WAIT_BEFORE)
		filemap_fdatawait_range(m, off, end);
	if ((flags & SYNC_FILE_RANGE_WRITE) && m->a_ops->writepages) {
		struct writeback_control wbc = {
			.sync = false, .nr_to_write = ~0UL, .start = off, .end = end
		};

		err = m->a_ops->writepages(m, &wbc);
	}
	if (!err && (flags & SYNC_FILE_RANGE_WAIT_AFTER))
		filemap_fdatawait_range(m, off, end);
	if (!err && f->f_op->sync_range)
		err = f->f_op->sync_range(f, off, end, flags);
	/* A call that does not wait leaves the errors of earlier writes to a call that does. */
	err2 = err || (flags & waits) ? mapping_wb_check(m, &f->f_wb_err_seq) : 0;
	return err ? err : err2;
}

long sys_sync_file_range(int fd, s64 off, s64 n, int flags)
{
	struct fd f = fdget(fd);
	int err;

	if (!f.file)
		return -EBADF;
	err = vfs_sync_file_range(f.file, off, n, flags);
	fdput(f);
	return err;
}

/* ---- reading ahead ---- */

static bool can_read_ahead(const struct file *f)
{
	return f->f_mapping->a_ops->readpage && !f->f_mapping->a_ops->memory_only;
}

static void read_ahead(struct file *f, u64 off, u64 end)
{
	u64 size = (u64)i_size_read(f->f_mapping->host);

	if (!can_read_ahead(f) || off >= size || end < off)
		return;
	force_readahead(
		f->f_mapping, f, off >> PAGE_SHIFT, (end >> PAGE_SHIFT) - (off >> PAGE_SHIFT) + 1);
}

/*
 * Writes the dirty pages of the range and waits. Then drops cached pages that lie wholly in the
 * range, and the file's last page even if it is partial.
 */
static void drop_range(struct file *f, loff_t off, loff_t end)
{
	u64 first = DIV_ROUND_UP((u64)off, PAGE_SIZE), after = ((u64)end >> PAGE_SHIFT) + 1;

	if (f->f_mapping->a_ops->writepages)
		filemap_write_and_wait_range(f->f_mapping, off, end);
	if (end != FILE_END && end != i_size_read(f->f_mapping->host) - 1 &&
		(end & (PAGE_SIZE - 1)) != PAGE_SIZE - 1)
		after--;
	if (first < after)
		invalidate_mapping_pages(f->f_mapping, first, after - 1);
}

/*
 * Serves fadvise64(2). A negative offset is taken as a large positive one. If offset plus length
 * overflows, the range ends at the end of the file.
 */
int vfs_fadvise(struct file *f, loff_t off, loff_t len, int advice)
{
	u64 end = (u64)off + (u64)len;

	if (S_ISFIFO(f->f_inode->i_mode))
		return -ESPIPE;
	if (len < 0)
		return -EINVAL;
	if (!len || end < (u64)len || end > FILE_END)
		end = FILE_END;
	else
		end--;
	switch (advice) {
	case POSIX_FADV_WILLNEED: read_ahead(f, (u64)off, end); break;
	case POSIX_FADV_DONTNEED:
		if (off >= 0)
			drop_range(f, off, (loff_t)end);
		break;
	case POSIX_FADV_NORMAL: f->f_ra.advice &= ~(RA_RANDOM | RA_SEQUENTIAL | RA_NOREUSE); break;
	case POSIX_FADV_RANDOM: f->f_ra.advice |= RA_RANDOM; break;
	case POSIX_FADV_SEQUENTIAL:
		f->f_ra.advice = (f->f_ra.advice & ~RA_RANDOM) | RA_SEQUENTIAL;
		break;
	case POSIX_FADV_NOREUSE: f->f_ra.advice |= RA_NOREUSE; break;
	default: return -EINVAL;
	}
	return 0;
}

long sys_readahead(int fd, s64 off, size_t n)
{
	struct fd f = fdget(fd);
	int err = 0;

	if (!f.file || !(f.file->f_mode & FMODE_READ))
		err = -EBADF;
	else if (!is_reg(f.file->f_inode) && !S_ISBLK(f.file->f_inode->i_mode))
		err = -EINVAL;
	else
		err = vfs_fadvise(f.file, off, (loff_t)n, POSIX_FADV_WILLNEED);
	if (f.file)
		fdput(f);
	return err;
}

long sys_fadvise64(int fd, s64 off, size_t len, int advice)
{
	struct fd f = fdget(fd);
	int err;

	if (!f.file)
		return -EBADF;
	err = vfs_fadvise(f.file, off, len, advice);
	fdput(f);
	return err;
}
