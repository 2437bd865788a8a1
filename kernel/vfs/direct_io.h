/* SPDX-License-Identifier: MIT */
/*
 * direct_io.h: O_DIRECT of files whose bytes are on a block device: direct_io.c transfers them, a
 * file system maps them to blocks.
 *
 * A file system sets file_operations.direct to its struct direct_ops. generic_file_read_iter() and
 * generic_file_write_iter() then call direct_io.c.
 */
#ifndef NESTLING_VFS_DIRECT_IO_H
#define NESTLING_VFS_DIRECT_IO_H

#include "kernel/vfs/vfs.h"

enum direct_kind {
	DIRECT_HOLE, /* reads as zeros */
	DIRECT_DATA, /* at @sector */
	/* allocated at @sector, reads as zeros until a write to it has completed */
	DIRECT_UNWRITTEN,
};

struct direct_extent {
	struct block_device *bdev;
	sector_t sector; /* of @bdev, holds the first byte */
	/* Bytes, at least 1; may exceed the requested length. */
	u64 len;
	enum direct_kind kind;
};

struct direct_ops {
	/*
	 * Finds the first extent of [pos, pos + len), in bytes. Returns 0 or -errno. i_rwsem is
	 * held, for reading or writing. May sleep.
	 */
	int (*map)(struct inode *inode, loff_t pos, u64 len, struct direct_extent *e);
	/*
	 * Prepares a write. i_rwsem is held for writing, and the dirty pages of the range have been
	 * written out. Returns how many bytes of the range (at least 1) have blocks that only a
	 * holder of i_rwsem can free. -ENOTBLK: the caller must write through the page cache.
	 * -EAGAIN: @nowait is set and the operation would wait. Other errors as of write(2). If the
	 * op is NULL, the whole range always has blocks.
	 */
	s64 (*prepare)(struct inode *inode, loff_t pos, u64 len, bool nowait);
	/*
	 * Completes a write that went to unwritten blocks, or that @grows the file: @n bytes have
	 * reached the device, or @n is -errno. Marks the blocks as written and sets the size. Runs
	 * in a task, with i_rwsem held if the file grows. Returns 0 or -errno. If the op is NULL,
	 * there are no such writes.
	 */
	int (*end)(struct inode *inode, loff_t pos, ssize_t n, bool grows);
};

/*
 * True if transfers between the file and this memory bypass the page cache. Memory of the kernel
 * itself must consist of frames that the kernel may lend to the disk driver.
 */
bool file_goes_direct(const struct file *f, const struct iov_iter *it);
/*
 * True if the transfer consists of whole logical blocks of the disk, and its memory of whole
 * sectors (512 bytes). @inode: f_mapping->host, since a device's node has no i_bdev.
 */
bool direct_io_aligned(const struct inode *inode, const struct iov_iter *it, loff_t pos);
/*
 * Reads without the page cache. Returns bytes or -errno, with *pos advanced; or -EIOCBQUEUED if
 * it->async will be called (*pos is unchanged). -ENOTBLK: nothing was transferred, but dirty pages
 * were written; the caller must use the page cache. The caller has checked the alignment, and cut
 * @to to the permitted length.
 */
ssize_t direct_read(struct file *f, struct iov_iter *to, loff_t *pos);
/*
 * Writes without the page cache; results as for direct_read(). The caller has called
 * sb_start_direct_write(), then taken i_rwsem for writing, and checked position, length and
 * alignment. Even after an error i_rwsem is released, and sb_end_direct_write() is called here or
 * when the transfer ends.
 */
ssize_t direct_write_unlock(struct file *f, struct iov_iter *from, loff_t *pos);
/*
 * Waits until the inode's direct transfers have completed, before its blocks are freed. The caller
 * holds i_rwsem for writing, so that no transfer begins.
 */
void inode_dio_wait(struct inode *inode);

#endif
