/* SPDX-License-Identifier: MIT */
/*
 * direct_io.h: O_DIRECT of files whose bytes are on a block device: direct_io.c transfers them, a
 * file system maps them to blocks.
 *
 * file_operations.direct names the operations; generic_file_read_iter() and
 * generic_file_write_iter() do the rest.
 */
#ifndef NESTLING_VFS_DIRECT_IO_H
#define NESTLING_VFS_DIRECT_IO_H

#include "kernel/vfs/vfs.h"

enum direct_kind {
	DIRECT_HOLE, /* reads as zeros */
	DIRECT_DATA, /* at @sector */
	/* has a place at @sector, but reads as zeros until a write to it has ended */
	DIRECT_UNWRITTEN,
};

struct direct_extent {
	struct block_device *bdev;
	sector_t sector; /* of @bdev: where the first byte lies */
	/* bytes, at least 1; may exceed the requested length */
	u64 len;
	enum direct_kind kind;
};

struct direct_ops {
	/* Finds the first extent of [pos, pos + len). 0 or -errno. i_rwsem is held. */
	int (*map)(struct inode *inode, loff_t pos, u64 len, struct direct_extent *e);
	/*
	 * Prepares a write, with i_rwsem held for writing and the cache's dirty pages of the range
	 * written out. Returns how many bytes of the range (at least 1) have blocks that only the
	 * holder of i_rwsem can free. -ENOTBLK: write through the cache; -EAGAIN: @nowait is set
	 * and it would wait; -ENOSPC and others. NULL op: the whole range.
	 */
	s64 (*prepare)(struct inode *inode, loff_t pos, u64 len, bool nowait);
	/*
	 * Ends a write that met unwritten blocks, or @grows the file: @n bytes (or -errno) have
	 * reached the device. Makes the blocks written, and sets the size. In a task; i_rwsem is
	 * held if the file grows. 0 or -errno. NULL op: neither happens.
	 */
	int (*end)(struct inode *inode, loff_t pos, ssize_t n, bool grows);
};

/*
 * True if transfers with this memory go straight to the disk. The kernel's own memory must consist
 * of frames that it may hand out.
 */
bool file_goes_direct(const struct file *f, const struct iov_iter *it);
/* True if the transfer consists of whole sectors, in memory and on the disk. */
bool direct_io_aligned(const struct inode *inode, const struct iov_iter *it, loff_t pos);
/*
 * Reads or writes: returns bytes or -errno, with *pos advanced; -EIOCBQUEUED if it->async will be
 * called (*pos unchanged). -ENOTBLK: the caller must use the page cache; nothing was transferred,
 * but dirty pages were written. The caller has checked alignment, and cut @it to the permitted
 * length.
 */
ssize_t direct_read(struct file *f, struct iov_iter *to, loff_t *pos);
/*
 * Writes and releases i_rwsem, which is held for writing, also after an error. It calls
 * sb_start_direct_write() and _end.
 */
ssize_t direct_write_unlock(struct file *f, struct iov_iter *from, loff_t *pos);
/*
 * Waits for transfers that are under way: before blocks are taken away. i_rwsem is held for
 * writing, so that none begins.
 */
void inode_dio_wait(struct inode *inode);

#endif
