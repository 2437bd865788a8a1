/* SPDX-License-Identifier: MIT */
/* file_locks.h: locks of files (flock, fcntl): what close and /proc need of them (locks.c). */
#ifndef NESTLING_VFS_FILE_LOCKS_H
#define NESTLING_VFS_FILE_LOCKS_H

#include "kernel/lib/types.h"

struct file;
struct files_struct;
struct pid_namespace;

void locks_remove_file(struct file *f); /* at the last fput: flock, OFD locks */
/* Removes @owner's POSIX locks on the file, at every close. */
void locks_remove_posix(struct file *f, struct files_struct *owner);
/*
 * Writes as many of the next lines of /proc/locks as fit into @buf (@size bytes), with the holders'
 * pids in @ns. Locks whose holder has no pid there are left out. Returns bytes, 0 at the end. A
 * line takes up to LOCK_LINE_MAX bytes. Each call walks all locks, so @buf should be large.
 */
#define LOCK_LINE_MAX 192
struct locks_at { /* numbers already visited; begin at 0 */
	u32 locks, leases;
	u32 lines; /* written by locks_fdinfo() */
};
int locks_lines(struct locks_at *at, const struct pid_namespace *ns, char *buf, size_t size);
/*
 * Writes as many of the next "lock:" lines of /proc/PID/fdinfo as fit into @buf (@size bytes), for
 * @f in a process whose table is @files. Returns bytes, 0 at the end. Each call walks the locks of
 * the file with a spinlock held, so a caller lets other tasks run between two calls.
 */
int locks_fdinfo(struct locks_at *at, struct file *f, const void *files, char *buf, size_t size);

#endif
