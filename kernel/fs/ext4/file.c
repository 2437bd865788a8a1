/* SPDX-License-Identifier: MIT */
/*
 * file.c: operations of files, symbolic links and special files; fsync.
 *
 * fsync writes the file's pages, then waits for the transaction that has its inode and blocks. If
 * that transaction has committed already, or was committing while the pages were written, its flush
 * may have missed data that was written in place, so fsync flushes the disk's cache. fdatasync
 * waits for the last transaction that changed more of the inode than its times.
 */
#include <linux/fs.h>

#include "kernel/fs/ext4/dir.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/libfs.h"

int ext4_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	struct inode *inode = f->f_inode;
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	bool only_data = datasync && S_ISREG(inode->i_mode);
	int err = ext4_alive(sbi), r;

	if (err)
		return err;
	if (inode->i_sb->s_flags & SB_RDONLY)
		return sbi->failed || ext4_journal_is_aborted(sbi) ? -EROFS : 0;
	if (S_ISREG(inode->i_mode))
		err = filemap_write_and_wait_range(inode->i_mapping, start, end);
	r = ext4_commit_tid(sbi, only_data ? EXT4_I(inode)->data_tid : EXT4_I(inode)->sync_tid);
	if (r == 1)
		r = ext4_flush_disk(sbi);
	return err ? err : r;
}

static loff_t ext4_llseek(struct file *f, loff_t off, int whence)
{
	struct inode *inode = f->f_inode;
	loff_t size = i_size_read(inode), pos = off;
	bool want_data = whence == SEEK_DATA;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_file_llseek(f, off, whence);
	if (off < 0 || off >= size)
		return -ENXIO;
	filemap_write_and_wait_range(
		inode->i_mapping, 0, S64_MAX); /* dirty pages without blocks get them */
	while (pos < size) {
		struct ext4_map m = { .lblk = (u32)((u64)pos >> inode->i_blkbits), .len = ~0U };
		int err;

		down_read(&EXT4_I(inode)->i_data_sem);
		err = ext4_map_blocks(inode, &m);
		up_read(&EXT4_I(inode)->i_data_sem);
		if (err)
			return err;
		if (((m.pblk && !m.unwritten) || ext4_is_inline(inode)) == want_data)
			break;
		pos = (loff_t)(((u64)m.lblk + m.len) << inode->i_blkbits);
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	if (pos >= size && want_data)
		return -ENXIO;
	pos = min(pos, size);
	f->f_pos = pos;
	return pos;
}

void ext4_flush_new(struct inode *inode)
{
	struct writeback_control wbc = { .nr_to_write = ~0UL, .end = ~0UL >> 1 };

	if (EXT4_SB(inode->i_sb)->opt.flags & EXT4_OPT_DA_ALLOC && S_ISREG(inode->i_mode) &&
		READ_ONCE(EXT4_I(inode)->delayed))
		ext4_aops.writepages(&inode->i_data, &wbc);
}

/*
 * Writes the mount point into the superblock when the first regular file is opened after the mount,
 * as on Linux.
 */
static void note_last_mounted(struct file *f)
{
	struct ext4_sb *sbi = EXT4_SB(f->f_inode->i_sb);
	struct path root = { .mnt = f->f_path.mnt };
	struct ext4_disk_sb *d = ext4_live_sb(sbi);
	char buf[sizeof(d->s_last_mounted)], *path;
	struct ext4_handle *h;

	if (!root.mnt || !ext4_journal_open(sbi) || ext4_journal_frozen(sbi))
		return;
	sbi->last_mounted = true;
	root.dentry = root.mnt->mnt_root;
	path = d_path(&root, buf, sizeof(buf));
	if (IS_ERR(path))
		return;
	h = ext4_start(sbi->sb, 1);
	if (IS_ERR(h))
		return;
	mutex_lock(&sbi->alloc_lock);
	strscpy(d->s_last_mounted, path, sizeof(d->s_last_mounted));
	mutex_unlock(&sbi->alloc_lock);
	ext4_dirty(h, sbi->sb_buf);
	ext4_stop(h);
}

/*
 * Handles the close of an open file by its last user. If the file was truncated to zero and written
 * again, starts its writeback now, so that a crash soon afterwards does not leave it empty.
 */
static int ext4_release(struct inode *inode, struct file *f)
{
	if (f->f_mode & FMODE_WRITE && READ_ONCE(EXT4_I(inode)->rewritten)) {
		EXT4_I(inode)->rewritten = false;
		ext4_flush_new(inode);
	}
	if (f->f_mode & FMODE_WRITE && atomic_read(&inode->i_writecount) <= 1)
		ext4_window_closed(EXT4_SB(inode->i_sb), inode);
	return 0;
}

/*
 * Writes, unless the file is immutable. That flag also stops writes by descriptors that were opened
 * before it was set.
 */
static ssize_t ext4_write_iter(struct file *f, struct iov_iter *from, loff_t *pos)
{
	int err = ext4_alive(EXT4_SB(f->f_inode->i_sb));

	if (err)
		return err;
	return f->f_inode->i_flags & S_IMMUTABLE ? -EPERM : generic_file_write_iter(f, from, pos);
}

static ssize_t ext4_read_iter(struct file *f, struct iov_iter *to, loff_t *pos)
{
	int err = ext4_alive(EXT4_SB(f->f_inode->i_sb));

	return err ? err : generic_file_read_iter(f, to, pos);
}

static int ext4_file_open(struct inode *inode, struct file *f)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	int err = ext4_alive(sbi);

	if (!err && !READ_ONCE(sbi->last_mounted) && !(inode->i_sb->s_flags & SB_RDONLY))
		note_last_mounted(f);
	/* Set here, since the VFS sets it only for files that use generic_file_read_iter(). */
	f->f_mode |= FMODE_NOWAIT;
	return err;
}

/* Maps the file. MAP_SYNC, which is for persistent memory, is refused. */
static int ext4_mmap(struct file *f, struct vm_area *vma)
{
	int err = ext4_alive(EXT4_SB(f->f_inode->i_sb));

	if (err)
		return err;
	return vma->vm_flags & VM_SYNC ? -EOPNOTSUPP : generic_file_mmap(f, vma);
}

const struct file_operations ext4_file_fops = {
	.open = ext4_file_open,
	.release = ext4_release,
	.llseek = ext4_llseek,
	.read_iter = ext4_read_iter,
	.write_iter = ext4_write_iter,
	.mmap = ext4_mmap,
	.fsync = ext4_fsync,
	.ioctl = ext4_ioctl,
	.fallocate = ext4_fallocate,
	.direct = &ext4_direct_ops,
};

static const char *ext4_get_link(struct dentry *d, struct inode *inode, char **to_free)
{
	struct ext4_buf *b;
	char *text;
	int n;

	if (ext4_is_inline(inode)) {
		text = kmalloc((size_t)inode->i_size + 1, GFP_KERNEL);
		n = text ? ext4_inline_read(inode, (u8 *)text, (u32)inode->i_size) : -ENOMEM;
		if (text)
			text[max(n, 0)] = 0;
		*to_free = text;
		return n == inode->i_size ? text : ERR_PTR(n < 0 ? n : -EFSCORRUPTED);
	}
	b = ext4_link_block(inode);
	if (IS_ERR(b))
		return ERR_CAST(b);
	text = kmalloc((size_t)inode->i_size + 1, GFP_KERNEL);
	if (text) {
		memcpy(text, b->data, (size_t)inode->i_size);
		text[inode->i_size] = 0;
	}
	ext4_brelse(b);
	*to_free = text;
	return text ? text : ERR_PTR(-ENOMEM);
}

/*
 * Fills in @st. Counts also the blocks that delayed allocation has only reserved, so that du does
 * not show a file that was just written as empty.
 */
static int ext4_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags)
{
	struct inode *inode = d_inode(path->dentry);

	generic_fillattr(inode, st);
	st->blocks += READ_ONCE(EXT4_I(inode)->delayed) << (inode->i_blkbits - SECTOR_SHIFT);
	st->btime = inode->i_btime;
	if (inode->i_btime.tv_sec)
		st->result_mask |= STATX_BTIME;
	return 0;
}

int ext4_get_flags(struct inode *inode, u32 *flags)
{
	*flags = EXT4_I(inode)->i_flags & EXT4_USER_VISIBLE;
	return 0;
}

/*
 * Sets the flags that a user may change. @flags may have other flags if they do not change, since
 * chattr sends back all flags that it has read. Returns 0 or -errno.
 */
int ext4_set_flags(struct inode *inode, u32 flags)
{
	struct ext4_inode *ei = EXT4_I(inode);

	if (flags & ~(u32)EXT4_USER_VISIBLE)
		return -EOPNOTSUPP;
	if (flags & ~ei->i_flags & EXT4_USER_REFUSED)
		return -EOPNOTSUPP;
	if (!S_ISDIR(inode->i_mode) && flags & (EXT4_DIRSYNC_FL | EXT4_TOPDIR_FL))
		return -EOPNOTSUPP;
	down_write(&ei->i_data_sem); /* writeback changes other flags */
	ei->i_flags = (ei->i_flags & ~EXT4_USER_CHANGES) | (flags & EXT4_USER_CHANGES);
	up_write(&ei->i_data_sem);
	inode_set_flags(inode, ei->i_flags);
	return 0;
}

int ext4_extent_at(struct inode *inode, u64 pos, struct file_extent *e)
{
	u32 bits = inode->i_blkbits;
	struct ext4_map m = { .lblk = (u32)(pos >> bits), .len = ~0U };
	int err;

	if (pos >> bits >= ext4_max_blocks(inode)) {
		*e = (struct file_extent){
			.pos = pos, .len = ~0UL - pos, .flags = FILE_EXTENT_HOLE
		};
		return 0;
	}
	down_read(&EXT4_I(inode)->i_data_sem);
	err = ext4_map_blocks(inode, &m);
	up_read(&EXT4_I(inode)->i_data_sem);
	*e = (struct file_extent){ .pos = (u64)m.lblk << bits,
		.len = (u64)m.len << bits,
		.phys = m.pblk << bits,
		.flags = !m.pblk     ? FILE_EXTENT_HOLE :
			 m.unwritten ? FILE_EXTENT_UNWRITTEN :
				       0 };
	if (m.pblk && !(EXT4_I(inode)->i_flags & EXT4_EXTENTS_FL))
		e->flags |= FILE_EXTENT_BLOCKS;
	return err;
}

#define XATTR_OPS                                                                                  \
	.getattr = ext4_getattr, .getattr_plain = true, .getxattr = ext4_getxattr,                 \
	.setxattr = ext4_setxattr, .listxattr = ext4_listxattr

const struct inode_operations ext4_file_iops = { .setattr = ext4_setattr,
	.extent_at = ext4_extent_at,
	.xattr_extent = ext4_xattr_extent,
	EXT4_FLAG_OPS,
	XATTR_OPS };
const struct inode_operations ext4_special_iops = { .setattr = ext4_setattr, XATTR_OPS };
const struct inode_operations ext4_symlink_iops = {
	.get_link = ext4_get_link, .setattr = ext4_setattr, XATTR_OPS
};
const struct inode_operations ext4_fast_symlink_iops = {
	.get_link = simple_get_link, .setattr = ext4_setattr, XATTR_OPS
};
