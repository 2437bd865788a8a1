/* SPDX-License-Identifier: MIT */
/*
 * fdtable.h: descriptors. Threads of a process share a files_struct, whose table leads from a
 * number to an open file.
 *
 * A system call gets its file by fdget() and ends with fdput(). A new descriptor is reserved by
 * get_unused_fd(), which can fail, and published by fd_install(), which cannot.
 *
 * Locks: files_struct.lock, a spinlock, for the table.
 */
#ifndef NESTLING_VFS_FDTABLE_H
#define NESTLING_VFS_FDTABLE_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"
#include "kernel/vfs/file/file.h"

struct task;

#define FD_LEAF 64
struct fdtable {
	u32 max_fds;
	u64 *open_fds, *close_on_exec; /* one bit for each descriptor */
	/* leaf[fd / FD_LEAF][fd % FD_LEAF]. A NULL leaf: none of its descriptors was ever open. */
	struct file ***leaf;
};
struct files_struct {
	atomic_t count;
	spinlock_t lock;
	struct fdtable fdt; /* under @lock, for reads too */
	u32 next_fd;
};

struct files_struct *files_alloc(void);
/* for fork; ERR_PTR on failure */
struct files_struct *files_dup(struct files_struct *old, u32 max);
void files_put(struct files_struct *f);
/*
 * Gives current its own copy of the table, with those descriptors that are below @max. Returns 0 or
 * -errno.
 */
int unshare_files(u32 max);
void files_close_on_exec(struct files_struct *f);
int get_unused_fd(u32 flags); /* @flags: O_CLOEXEC; -EMFILE: none left */
int get_unused_fd_from(u32 min, u32 flags);
void put_unused_fd(int fd);
void fd_install(int fd, struct file *f); /* takes over the reference */
/*
 * Makes the descriptor @fd refer to @f, as dup3(2) does, with a new reference to @f. Returns @fd,
 * -EBADF or -EBUSY.
 */
long replace_fd(u32 fd, struct file *f, u32 flags);
struct file *fget(int fd); /* NULL: not open, or O_PATH */
/*
 * A file in use for the length of one system call. No reference is taken while the table has a
 * single user.
 */
struct fd {
	struct file *file; /* NULL: not open, or O_PATH */
	bool put;
};
struct fd fdget(int fd);
struct fd fdget_raw(int fd);
static inline void fdput(struct fd f)
{
	if (f.put)
		fput(f.file);
}
struct file *fget_raw(int fd); /* also finds O_PATH files */
struct file *fget_task(struct task *t, int fd);
int close_fd(int fd);
/*
 * Finds @t's first open descriptor at or above *fd, for /proc/PID/fd, and stores it in *fd. Returns
 * its file with a reference, or NULL.
 */
struct file *fget_task_next(struct task *t, int *fd);
bool fd_is_cloexec(struct task *t, int fd);

#endif
