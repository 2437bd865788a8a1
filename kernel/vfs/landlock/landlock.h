/* SPDX-License-Identifier: MIT */
/*
 * landlock.h: restrictions that a program has put on itself (landlock(7)): the checks that the rest
 * of the kernel makes.
 *
 * Credentials point to a domain, or to none: NULL forbids nothing, and a check costs only the test
 * of the pointer. A domain is a chain of layers, the youngest first. Each layer forbids the rights
 * that it handles, except below the files and at the ports of its rules.
 *
 * Callers hold no spinlock, except those of the functions for signals and ptrace, which take no
 * lock.
 */
#ifndef NESTLING_VFS_LANDLOCK_H
#define NESTLING_VFS_LANDLOCK_H

#include "kernel/lib/types.h"
#include "kernel/ident/cred.h"

struct dentry;
struct file;
struct inode;
struct landlock_domain;
struct path;
struct super_block;
struct task;

struct landlock_domain *landlock_get(struct landlock_domain *d); /* NULL stays NULL */
void landlock_put(struct landlock_domain *d);                    /* callable with spinlocks held */

static inline bool landlocked(void)
{
	return unlikely(current_cred()->landlock);
}

/*
 * Checks for files. 0 or -EACCES; landlock_refer() also returns -EXDEV. @dir, @path: with their
 * mounts.
 */
/* Checks an open and records in f_mode the operations that are forbidden on the file later. */
int landlock_open(struct file *f);
int landlock_make(const struct path *dir, umode_t mode);
int landlock_remove(const struct path *dir, bool is_dir);
int landlock_truncate(const struct path *path);
int landlock_ftruncate(const struct file *f);
int landlock_ioctl(const struct file *f, u32 cmd);
/* Checks a link (@removable and @exchange false) or a rename of @old in @from to @new in @to. */
int landlock_refer(const struct path *from, struct dentry *old, const struct path *to,
	struct dentry *new, bool removable, bool exchange);
/* Checks whether the tree of mounts may be changed. 0 or -EPERM. */
int landlock_mount(void);
/* Drops the inodes of @sb from all rules, since it is being unmounted. */
void landlock_sb_gone(struct super_block *sb);

/*
 * Checks whether a TCP socket of @family may be bound or connected to an address: 0, -EACCES,
 * -EINVAL or -EAFNOSUPPORT.
 */
int landlock_tcp(u16 family, const void *addr, u32 len, bool connect);

/*
 * True if a task in @client may signal a task in @server, or reach its abstract sockets (either may
 * be NULL).
 */
bool landlock_may_reach(const struct landlock_domain *client, const struct landlock_domain *server);
bool landlock_may_signal(
	const struct landlock_domain *client, const struct landlock_domain *server);
/* True if all restrictions of @tracer hold for @tracee too. */
bool landlock_may_trace(const struct landlock_domain *tracer, const struct landlock_domain *tracee);

#endif
