/* SPDX-License-Identifier: MIT */
/*
 * file.c: regular files of huge pages: they can be mapped, resized and read; write(2) gives EINVAL,
 * as on Linux.
 *
 * A mapping that may be written to extends the file to the end of the mapping. A file's size is a
 * multiple of the huge page size, unless fallocate() has set it.
 *
 * Locks: i_rwsem for size changes. mmap() extends the file without i_rwsem. So each size change,
 * with the change of pages and reservations (promises, hugetlb.h) that belongs to it, is made under
 * huge_file.lock.
 */
#include <linux/falloc.h>

#include "kernel/fs/hugetlbfs/hugetlbfs.h"

static struct huge_file *huge_of(struct inode *inode)
{
	return &hugetlbfs_inode(inode)->huge;
}

/* ---- reading ---- */

/* Returns the frame of small page @index, referenced, or NULL for a hole. */
static struct page *huge_frame(struct inode *inode, u64 index)
{
	return huge_file_frame(huge_of(inode), index);
}

/* Reads without updating atime, as on Linux. */
static ssize_t hugetlbfs_read_iter(struct file *f, struct iov_iter *to, loff_t *pos)
{
	return tmpfs_read_pages(f->f_mapping->host, to, pos, huge_frame);
}

/* ---- mapping ---- */

/*
 * Extends the file to at least @end bytes, so that after concurrent mappings and fallocate() calls
 * the largest size stays. huge_file.lock is held.
 */
static void extend_to(struct inode *inode, loff_t end)
{
	assert_mutex_held(&huge_of(inode)->lock);
	if (i_size_read(inode) < end)
		i_size_write(inode, end);
}

static int hugetlbfs_mmap(struct file *f, struct vm_area *v)
{
	struct inode *inode = f->f_inode;
	loff_t end = (loff_t)((v->vm_pgoff << PAGE_SHIFT) + (v->vm_end - v->vm_start));
	int err;

	if (inode->i_seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) && v->vm_flags & VM_SHARED) {
		if (v->vm_flags & VM_WRITE)
			return -EPERM;
		v->vm_flags &= ~(u64)VM_MAYWRITE;
	}
	file_accessed(f);
	mutex_lock(&huge_of(inode)->lock);
	err = hugetlb_mmap(f->f_mapping, v);
	if (!err && v->vm_flags & VM_WRITE)
		extend_to(inode, end);
	mutex_unlock(&huge_of(inode)->lock);
	return err;
}

/* ---- size ---- */

static int resize_locked(struct inode *inode, loff_t size)
{
	loff_t old = i_size_read(inode);

	if ((size < old && inode->i_seals & F_SEAL_SHRINK) ||
		(size > old && inode->i_seals & F_SEAL_GROW))
		return -EPERM;
	i_size_write(inode, size);
	huge_file_drop(huge_of(inode), &inode->i_data, (u64)size >> HPAGE_SHIFT,
		~0UL >> HPAGE_SHIFT, true);
	return 0;
}

/*
 * Sets the size in bytes. i_rwsem is held. Returns 0, -EINVAL (no multiple of the huge page size)
 * or -EPERM (sealed).
 */
static int resize(struct inode *inode, loff_t size)
{
	int err;

	if ((u64)size & ~HPAGE_MASK)
		return -EINVAL;
	mutex_lock(&huge_of(inode)->lock);
	err = resize_locked(inode, size);
	mutex_unlock(&huge_of(inode)->lock);
	return err;
}

static int hugetlbfs_setattr(struct dentry *d, struct iattr *a)
{
	struct inode *inode = d->d_inode;
	int err = setattr_prepare(d, a);

	if (!err && a->ia_valid & ATTR_SIZE) {
		err = resize(inode, a->ia_size);
		if (!err)
			inode->i_mtime = inode->i_ctime = current_time(inode);
	}
	if (!err)
		setattr_copy(inode, a);
	return err;
}

static int hugetlbfs_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags)
{
	struct inode *inode = path->dentry->d_inode;

	generic_fillattr(inode, st);
	st->blocks = READ_ONCE(huge_of(inode)->pages) * (HPAGE_SIZE / 512);
	return 0;
}

/* Zeroes [from, to), which lies within one huge page, if the page exists. */
static void zero_part(struct inode *inode, u64 from, u64 to)
{
	while (from < to) {
		u64 n = min(to - from, PAGE_SIZE - (from & (PAGE_SIZE - 1)));
		struct page *p = huge_file_frame(huge_of(inode), from >> PAGE_SHIFT);

		if (p) {
			memset((char *)page_address(p) + (from & (PAGE_SIZE - 1)), 0, n);
			put_page(p);
		}
		from += n;
	}
}

/*
 * Punches a hole of the bytes [start, end). Reservations for mappings stay. i_rwsem is held.
 * Returns 0 or -EPERM (sealed).
 */
static int punch_hole(struct inode *inode, u64 start, u64 end)
{
	u64 first = round_up(start, HPAGE_SIZE), last = end & HPAGE_MASK;
	u64 size = (u64)inode->i_size;

	if (inode->i_seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if (start < first)
		zero_part(inode, start, min(min(first, end), size));
	if (last < end && last >= first)
		zero_part(inode, last, min(end, size));
	mutex_lock(&huge_of(inode)->lock);
	huge_file_drop(
		huge_of(inode), &inode->i_data, first >> HPAGE_SHIFT, last >> HPAGE_SHIFT, false);
	mutex_unlock(&huge_of(inode)->lock);
	return 0;
}

/*
 * Allocates the pages of the range, in bytes. i_rwsem is held. Returns 0, or -errno with a part of
 * them allocated.
 */
static int allocate(struct inode *inode, loff_t off, loff_t len, bool keep_size)
{
	u64 end = DIV_ROUND_UP((u64)off + (u64)len, HPAGE_SIZE);
	int err = inode_newsize_ok(inode, off + len);

	if (!err && inode->i_seals & F_SEAL_GROW && off + len > inode->i_size)
		err = -EPERM;
	for (u64 at = (u64)off >> HPAGE_SHIFT; !err && at < end; at++) {
		err = signal_pending(current) ? -EINTR : huge_file_allocate(huge_of(inode), at);
		cond_resched();
	}
	if (err || keep_size)
		return err;
	mutex_lock(&huge_of(inode)->lock);
	extend_to(inode, off + len);
	mutex_unlock(&huge_of(inode)->lock);
	return 0;
}

static long hugetlbfs_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct inode *inode = f->f_inode;
	int err;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	down_write(&inode->i_rwsem);
	if (mode & FALLOC_FL_PUNCH_HOLE)
		err = punch_hole(inode, (u64)off, (u64)off + (u64)len);
	else
		err = allocate(inode, off, len, mode & FALLOC_FL_KEEP_SIZE);
	if (!err)
		inode->i_ctime = current_time(inode);
	up_write(&inode->i_rwsem);
	return err;
}

static int hugetlbfs_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	return 0; /* huge pages have no backing store */
}

/* ---- the tmpfs_kind ---- */

static void init_file(struct inode *inode)
{
	huge_file_init(huge_of(inode), hugetlbfs_sb(inode->i_sb)->quota);
	inode->i_data.huge = huge_of(inode);
	inode->i_seals = SEALS_ALLOWED | F_SEAL_SEAL;
}

static const struct address_space_operations hugetlbfs_aops = { .memory_only = true };
static const struct file_operations hugetlbfs_fops = {
	.llseek = generic_file_llseek,
	.read_iter = hugetlbfs_read_iter,
	.mmap = hugetlbfs_mmap,
	.fsync = hugetlbfs_fsync,
	.fallocate = hugetlbfs_fallocate,
};
static const struct inode_operations hugetlbfs_iops = {
	.setattr = hugetlbfs_setattr,
	.getattr = hugetlbfs_getattr,
};
const struct tmpfs_kind hugetlbfs_files = {
	.iops = &hugetlbfs_iops,
	.fops = &hugetlbfs_fops,
	.aops = &hugetlbfs_aops,
	.init = init_file,
	.bare = true,
};
