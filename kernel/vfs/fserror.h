/* SPDX-License-Identifier: MIT */
/*
 * fserror.h: how a file system reports that it found itself damaged, to listeners of fanotify
 * (FAN_FS_ERROR).
 */
#ifndef NESTLING_VFS_FSERROR_H
#define NESTLING_VFS_FSERROR_H

#include "kernel/vfs/vfs.h"

/*
 * Reports an error of a file system to watchers. @inode: where it is; number and generation
 * suffice; NULL: at no file. @error: a positive errno. May sleep.
 */
void fsnotify_fs_error(struct super_block *sb, struct inode *inode, int error);

#endif
