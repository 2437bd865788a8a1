/* SPDX-License-Identifier: MIT */
/*
 * fs_struct.h: the root directory, the current directory and the umask of a task. Threads may share
 * them (CLONE_FS).
 */
#ifndef NESTLING_VFS_FS_STRUCT_H
#define NESTLING_VFS_FS_STRUCT_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"
#include "kernel/vfs/name/dentry.h"

struct fs_struct {
	atomic_t users; /* references: tasks that share it */
	spinlock_t lock;
	int umask; /* accessed without a lock */
	u32 seq;   /* odd while root or pwd change */
	/* True while an exec runs, during which no child may share this struct; under lock. */
	bool in_exec;
	/*
	 * Hold references. Under lock. Lock-free readers use seq, in a stretch of code without a
	 * boundary (internal.h).
	 */
	struct path root, pwd;
};

/*
 * Copies @old (NULL: the kernel's initial one). Returns the copy with one reference, or NULL. May
 * sleep.
 */
struct fs_struct *fs_dup(struct fs_struct *old);
void fs_put(struct fs_struct *fs); /* @fs may be NULL; may sleep */
/* Takes a reference for a child. Returns false if a task that uses @fs is in an exec. */
bool fs_share(struct fs_struct *fs);
/*
 * Makes @fs (or NULL), whose reference it takes over, current->fs, and drops the reference to the
 * old one. May sleep.
 */
void fs_exchange(struct fs_struct *fs);

#endif
