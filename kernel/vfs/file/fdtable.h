/* SPDX-License-Identifier: MIT */
/*
 * fdtable.h: descriptors. Threads of a process share a files_struct, whose table leads from a
 * number to an open file.
 *
 * A system call gets its file by fdget() and ends with fdput(). A new descriptor is reserved by
 * get_unused_fd(), which can fail, and published by fd_install(), which cannot.
 *
 * Locks: files_struct.lock, a spinlock, for the table. The functions take it themselves.
 *
 * Functions that return int or long return a descriptor or 0, or -errno. @flags of a new
 * descriptor: O_CLOEXEC or 0. fget*() return a file with a reference, which fput() drops, or NULL.
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
	u32 max_fds;                   /* a multiple of FD_LEAF */
	u64 *open_fds, *close_on_exec; /* one bit for each descriptor */
	/* leaf[fd / FD_LEAF][fd % FD_LEAF]. A NULL leaf: none of its descriptors was ever open. */
	struct file ***leaf;
};
struct files_struct {
	atomic_t count;
	spinlock_t lock;
	/* Under @lock, for reads too. A task that is the only user may read it without the lock. */
	struct fdtable fdt;
	u32 next_fd; /* no free descriptor below; under @lock */
};

struct files_struct *files_alloc(void); /* empty, with one reference, or NULL */
/*
 * Copies a table for fork, with those descriptors that are below @max. Returns it with one
 * reference, or ERR_PTR. May sleep.
 */
struct files_struct *files_dup(struct files_struct *old, u32 max);
/* Drops a reference, and closes all files if it was the last. May sleep. @f may be NULL. */
void files_put(struct files_struct *f);
/*
 * Gives current its own copy of the table, unless it has no other user, with those descriptors that
 * are below @max. May sleep.
 */
int unshare_files(u32 max);
/*
 * The two steps of unshare_files(). files_unshared() returns a copy of current's table, NULL if the
 * table has no other user, or ERR_PTR; may sleep. files_exchange() takes over the copy, and may
 * sleep. A copy that is not used is dropped by files_put().
 */
struct files_struct *files_unshared(u32 max);
void files_exchange(struct files_struct *files);
/* Closes the descriptors with O_CLOEXEC. current is the only user of @f. May sleep. */
void files_close_on_exec(struct files_struct *f);
/*
 * Reserve a free descriptor (not below @min) of current. -EMFILE: RLIMIT_NOFILE leaves none;
 * -ENOMEM. May sleep.
 */
int get_unused_fd(u32 flags);
int get_unused_fd_from(u32 min, u32 flags);
void put_unused_fd(int fd);              /* frees a reserved descriptor */
void fd_install(int fd, struct file *f); /* takes over the reference */
/*
 * Makes the descriptor @fd refer to @f, as dup3(2) does, with a new reference to @f. Returns @fd,
 * -EBADF (above RLIMIT_NOFILE), -EMFILE (above fs.nr_open), -ENOMEM, or -EBUSY if another thread
 * has reserved @fd. May sleep.
 */
long replace_fd(u32 fd, struct file *f, u32 flags);
struct file *fget(int fd); /* NULL: not open, or O_PATH */
/*
 * A file in use for the length of one system call. No reference is taken while the table has a
 * single user.
 */
struct fd {
	struct file *file; /* NULL: not open, or O_PATH */
	bool put;          /* fdput() must drop a reference */
};
struct fd fdget(int fd);     /* of current; fdput() ends the use */
struct fd fdget_raw(int fd); /* also finds O_PATH files */
static inline void fdput(struct fd f)
{
	if (f.put)
		fput(f.file);
}
struct file *fget_raw(int fd);                  /* also finds O_PATH files */
struct file *fget_task(struct task *t, int fd); /* @t's; also O_PATH files */
int close_fd(int fd);                           /* result of close(2); may sleep */
/*
 * Finds @t's first open descriptor at or above *fd, for /proc/PID/fd, and stores it in *fd. Returns
 * its file with a reference, or NULL if there is none.
 */
struct file *fget_task_next(struct task *t, int *fd);
bool fd_is_cloexec(struct task *t, int fd); /* false if it is not open */

#endif
