/* SPDX-License-Identifier: MIT */
/* file_locks.h: the locks of files (flock, fcntl) as close and /proc see them (locks.c). */
#ifndef NESTLING_VFS_FILE_LOCKS_H
#define NESTLING_VFS_FILE_LOCKS_H

#include "kernel/lib/types.h"

struct file;
struct files_struct;
struct pid_namespace;

void locks_remove_file(struct file *f); /* flock and OFD locks at the last fput */
void locks_remove_posix(struct file *f, struct files_struct *owner); /* at every close */
/*
 * Writes as many of the next lines of /proc/locks as fit, with holders' numbers as in @ns; holders
 * without a number there are left out. Returns bytes, 0 at the end. A line takes up to
 * LOCK_LINE_MAX, and each call walks all locks, so the buffer should be large.
 */
#define LOCK_LINE_MAX 192
struct locks_at { /* how many were gone through; begins at 0 */
	u32 locks, leases;
};
int locks_lines(struct locks_at *at, const struct pid_namespace *ns, char *buf, size_t size);
/*
 * Prints the "lock:" lines of /proc/PID/fdinfo for @f in a process with the table @files; returns
 * the bytes.
 */
int locks_fdinfo(struct file *f, const void *files, char *buf, size_t size);

#endif
