/* SPDX-License-Identifier: MIT */
/*
 * file.c: open files. Each wraps an open file of the real inode; the overlay has no pages of its
 * own.
 *
 * Opening for writing copies up first. If a file is copied up while it is open for reading, its
 * later reads use the upper file, which is then opened beside the lower one. A mapping made before
 * the copy-up stays on the lower file, as Linux documents.
 *
 * Lock: real[1] is set once, by compare and exchange.
 */
#include <linux/falloc.h>

#include "kernel/fs/overlay/overlay.h"

struct ovl_file {
	/*
	 * [0]: the real file at open. [1]: the upper file if the file was copied up since, else
	 * NULL.
	 */
	struct file *real[2];
};

struct file *ovl_open_layer(const struct path *real, u32 flags)
{
	static const u8 asked[] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE,
		MAY_READ | MAY_WRITE };
	int mask = MAY_OPEN | asked[flags & O_ACCMODE] | (flags & O_APPEND ? MAY_APPEND : 0);
	int err = path_permission(real, mask);

	if (err)
		return ERR_PTR(err);
	if ((flags & O_NOATIME) && !path_owner_or_capable(real))
		flags &= ~(u32)O_NOATIME;
	return dentry_open(real, flags, FMODE_NONOTIFY);
}

/*
 * Opens the real file that has the data of @f. Mappings belong to the real file, but /proc shows
 * @f's path (f_shown). Returns the real file, referenced, or ERR_PTR: -ENOENT if the data is
 * missing.
 */
static struct file *open_real(const struct file *f)
{
	struct path path = ovl_data_path(f->f_inode);
	const struct cred *old;
	struct file *real;

	if (!path.dentry)
		return ERR_PTR(-ENOENT);
	old = ovl_enter(f->f_inode->i_sb);
	real = ovl_open_layer(&path, f->f_flags & ~(u32)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC));
	ovl_leave(old);
	if (!IS_ERR(real)) {
		real->f_shown = f->f_path;
		path_get(&real->f_shown);
	}
	return real;
}

static int ovl_open(struct inode *inode, struct file *f)
{
	struct ovl_file *of;
	int err = 0;

	/*
	 * If the task has no right to truncate (Landlock), the data is copied too, since the
	 * truncation fails later and must leave the contents.
	 */
	if (f->f_mode & FMODE_WRITE)
		err = (f->f_flags & O_TRUNC) && !(f->f_mode & FMODE_NO_TRUNCATE) ?
			      ovl_copy_up_truncated(f->f_path.dentry, 0) :
			      ovl_copy_up(f->f_path.dentry);
	if (err)
		return err;
	of = kzalloc(sizeof(*of), GFP_KERNEL);
	if (!of)
		return -ENOMEM;
	of->real[0] = open_real(f);
	if (IS_ERR(of->real[0])) {
		err = (int)PTR_ERR(of->real[0]);
		kfree(of);
		return err;
	}
	f->private_data = of;
	f->f_mapping = of->real[0]->f_mapping;
	f->f_wb_err_seq = mapping_wb_sample(f->f_mapping);
	f->f_mode |= FMODE_CAN_ODIRECT; /* checked at the open of the real file */
	return 0;
}

static int ovl_release(struct inode *inode, struct file *f)
{
	struct ovl_file *of = f->private_data;

	if (of->real[1])
		fput(of->real[1]);
	fput(of->real[0]);
	kfree(of);
	return 0;
}

/* Returns the real file (lower or upper) to use now, or ERR_PTR. */
static struct file *real_of(struct file *f)
{
	struct ovl_file *of = f->private_data;
	struct file *fresh;

	if (of->real[1])
		return of->real[1];
	if (likely(of->real[0]->f_inode == ovl_data_inode(f->f_inode)))
		return of->real[0];
	fresh = open_real(f);
	if (IS_ERR(fresh))
		return fresh;
	if (cmpxchg(&of->real[1], NULL, fresh))
		fput(fresh);
	return of->real[1];
}

/* Copies the flags of @f to @real, since fcntl(F_SETFL) changes only @f. */
static void pass_flags(struct file *f, struct file *real)
{
	const u32 mask = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;

	if (((f->f_flags ^ real->f_flags) & mask) == 0)
		return;
	spin_lock(&real->f_lock);
	real->f_flags = (real->f_flags & ~mask) | (f->f_flags & mask);
	spin_unlock(&real->f_lock);
}

static ssize_t ovl_read_iter(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct file *real = real_of(f);
	const struct cred *old;
	ssize_t n;

	if (IS_ERR(real))
		return PTR_ERR(real);
	pass_flags(f, real);
	old = ovl_enter(f->f_inode->i_sb);
	n = real->f_op->read_iter ? real->f_op->read_iter(real, to, pos) : -EINVAL;
	ovl_leave(old);
	f->f_inode->i_atime = real->f_inode->i_atime;
	return n;
}

/*
 * Writes with the caller's credentials, not the mounter's: the caller's decide about resource
 * limits and the removal of set-id bits.
 */
static ssize_t ovl_write_iter(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct file *real = real_of(f);
	ssize_t n;

	if (IS_ERR(real))
		return PTR_ERR(real);
	pass_flags(f, real);
	n = real->f_op->write_iter ? real->f_op->write_iter(real, from, pos) : -EINVAL;
	ovl_copy_attr(f->f_inode);
	return n;
}

static loff_t ovl_llseek(struct file *f, loff_t off, int whence)
{
	struct file *real = real_of(f);
	loff_t pos;

	if (IS_ERR(real))
		return PTR_ERR(real);
	if (!real->f_op->llseek)
		return -ESPIPE;
	real->f_pos = f->f_pos;
	pos = real->f_op->llseek(real, off, whence);
	if (pos >= 0)
		f->f_pos = pos;
	return pos;
}

static int ovl_mmap(struct file *f, struct vm_area *vma)
{
	struct file *real = real_of(f);
	int err;

	if (IS_ERR(real))
		return (int)PTR_ERR(real);
	if (!real->f_op->mmap)
		return -ENODEV;
	get_file(real);
	fput(vma->vm_file);
	vma->vm_file = real;
	err = real->f_op->mmap(real, vma);
	f->f_inode->i_atime = real->f_inode->i_atime;
	return err;
}

static int ovl_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	struct file *real = real_of(f);

	if (IS_ERR(real))
		return (int)PTR_ERR(real);
	if (OVL_SB(f->f_inode->i_sb)->is_volatile || !ovl_upper(f->f_inode))
		return 0;
	return vfs_fsync_range(real, start, end, datasync);
}

static long ovl_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct file *real = real_of(f);
	long err;

	if (IS_ERR(real))
		return PTR_ERR(real);
	if (!real->f_op->fallocate)
		return -EOPNOTSUPP;
	err = real->f_op->fallocate(real, mode, off, len);
	ovl_copy_attr(f->f_inode);
	return err;
}

static int ovl_flush(struct file *f)
{
	struct file *real = real_of(f);

	if (IS_ERR(real))
		return (int)PTR_ERR(real);
	return real->f_op->flush ? real->f_op->flush(real) : 0;
}

const struct file_operations ovl_file_ops = {
	.open = ovl_open,
	.release = ovl_release,
	.llseek = ovl_llseek,
	.read_iter = ovl_read_iter,
	.write_iter = ovl_write_iter,
	.mmap = ovl_mmap,
	.fsync = ovl_fsync,
	.fallocate = ovl_fallocate,
	.flush = ovl_flush,
};
