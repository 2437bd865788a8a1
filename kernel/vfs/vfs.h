/* SPDX-License-Identifier: MIT */
/*
 * vfs.h: the public header of kernel/vfs. File systems, devices, pipes and sockets look alike to
 * programs: names lead to inodes, open(2) makes files of them, and descriptors refer to files. This
 * header includes those that nearly every user of vfs needs:
 *
 *      inode.h             struct inode, inode_operations, references, dirtying
 *      attr.h              stat and setattr: kstat, iattr, times, extended attributes
 *      permission.h        MAY_*: whether current may use a file
 *      handle.h            file handles
 *      name/dentry.h       struct dentry, struct path, d_*(): the cache of names
 *      name/lookup.h       LOOKUP_*: from a path to a dentry; create, remove, rename
 *      file/file.h         struct file, file_operations, opening, generic read and write
 *      file/poll.h         poll_table, vfs_poll()
 *      file/fdtable.h      descriptors
 *      fs_struct.h         root, current directory, umask
 *      chrdev.h            character devices by number
 *      pipe/pipe_file.h    pipes and FIFOs as files
 *      lock/file_locks.h   locks of files, for close and /proc
 *      notify/fsnotify.h   events for inotify, fanotify and F_NOTIFY
 *
 * Other headers: super.h (superblocks, types of file systems, mounts), libfs.h (file systems in
 * memory), direct_io.h (O_DIRECT), idmap.h (mounts that map ids), limits.h (/proc/sys/fs),
 * bdev/bdev.h (block devices as files), process_ops.h (operations of processes that vfs calls),
 * async_poll.h and calls.h (for asynchronous I/O), swap.h and swap_place.h (swap areas), fserror.h
 * (damaged file systems), and more in the subdirectories. internal.h is for the files of vfs only.
 *
 * A file system fills a struct file_system_type and calls register_filesystem(). Its mount
 * operation builds a super_block whose root dentry holds a root inode. Inodes carry i_op and i_fop,
 * and those of cached files i_mapping->a_ops. open(2) then runs through these functions:
 *
 *      getname(), path walk            dentry.h, lookup.h: each component by i_op->lookup, cached
 *      path_permission()               permission.h
 *      alloc_file(), f_op->open        file.h
 *      get_unused_fd(), fd_install()   fdtable.h
 *
 * and read(2): fdget(), vfs_read_iter(), f_op->read_iter, which for most disk files is
 * generic_file_read_iter() through the page cache (kernel/mm), fdput().
 *
 * Locks: kernel/lib/lock_order. Operations on a directory run with its i_rwsem held for writing
 * (lookup: for reading or writing), rename with both directories' and the superblock's
 * s_rename_mutex. The comment at a member names its lock.
 *
 * vfs may call block, mm, ident, sched and the rooms below them. It calls rooms above it only
 * through tables of operations: process_ops, file_watch_ops, device_guard.
 */
#ifndef NESTLING_VFS_H
#define NESTLING_VFS_H

#include <asm-generic/fcntl.h>
#include <linux/stat.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"
#include "kernel/vfs/attr.h"
#include "kernel/vfs/chrdev.h"
#include "kernel/vfs/file/fdtable.h"
#include "kernel/vfs/file/file.h"
#include "kernel/vfs/file/poll.h"
#include "kernel/vfs/fs_struct.h"
#include "kernel/vfs/handle.h"
#include "kernel/vfs/inode.h"
#include "kernel/vfs/lock/file_locks.h"
#include "kernel/vfs/name/dentry.h"
#include "kernel/vfs/name/lookup.h"
#include "kernel/vfs/notify/fsnotify.h"
#include "kernel/vfs/permission.h"
#include "kernel/vfs/pipe/pipe_file.h"

#endif
