/* SPDX-License-Identifier: MIT */
/* handle.h: file handles: numbers that name an inode of a file system (export.c). */
#ifndef NESTLING_VFS_HANDLE_H
#define NESTLING_VFS_HANDLE_H

#include "kernel/lib/types.h"

struct inode;

bool inode_has_handle(const struct inode *inode); /* true if its file system has handles */
/*
 * Stores the handle, which open_by_handle_at(2) accepts, in @fh. Only for inodes that have handles.
 */
u32 inode_handle(struct inode *inode, u32 fh[3]); /* returns bytes: 8 or 12 */
int inode_handle_type(const struct inode *inode); /* handle_type of the handle */

#endif
