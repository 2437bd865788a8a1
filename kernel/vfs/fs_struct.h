/* SPDX-License-Identifier: MIT */
/* fs_struct.h: the root, the current directory and the umask, which threads may share. */
#ifndef NESTLING_VFS_FS_STRUCT_H
#define NESTLING_VFS_FS_STRUCT_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"
#include "kernel/vfs/name/dentry.h"

struct fs_struct {
	atomic_t users;
	spinlock_t lock;
	int umask;
	u32 seq; /* odd while they change */
	/* under lock: set while it must not be shared */
	bool in_exec;
	/* under lock; read under seq too, in a stretch without a boundary */
	struct path root, pwd;
};

struct fs_struct *fs_dup(struct fs_struct *old);
void fs_put(struct fs_struct *fs);
/* Takes a reference for a child; false: its owner is in an exec. */
bool fs_share(struct fs_struct *fs);
/* Makes @fs (or NULL) current's and puts the old one. */
void fs_exchange(struct fs_struct *fs);

#endif
