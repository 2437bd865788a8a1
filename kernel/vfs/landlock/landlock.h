/* SPDX-License-Identifier: MIT */
/*
 * landlock.h: what a program has forbidden itself (landlock(7)): the checks that the rest of the
 * kernel makes.
 *
 * Credentials point to a domain, or to none: with NULL nothing is forbidden, and a check costs only
 * the test of the pointer. A domain is a chain of layers, the youngest first. Each layer forbids
 * the rights that it handles, except below the files and at the ports of its rules.
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

/* Files. 0, -EACCES, or of refer -EXDEV too. @dir, @path: with their mounts. */
/* marks f_mode with what may not be done with it later */
int landlock_open(struct file *f);
int landlock_make(const struct path *dir, umode_t mode);
int landlock_remove(const struct path *dir, bool is_dir);
int landlock_truncate(const struct path *path);
int landlock_ftruncate(const struct file *f);
int landlock_ioctl(const struct file *f, u32 cmd);
/* A link (@removable and @exchange false) or a rename of @old in @from to @new in @to. */
int landlock_refer(const struct path *from, struct dentry *old, const struct path *to,
	struct dentry *new, bool removable, bool exchange);
/* may the tree of mounts be changed? 0, -EPERM */
int landlock_mount(void);
/* No rule holds an inode of @sb any more: it is being unmounted. */
void landlock_sb_gone(struct super_block *sb);

/*
 * A TCP socket of @family is to be bound or connected to an address: 0, -EACCES, -EINVAL,
 * -EAFNOSUPPORT.
 */
int landlock_tcp(u16 family, const void *addr, u32 len, bool connect);

/*
 * True if a task in @client may signal a task in @server, or reach its abstract sockets (either may
 * be NULL).
 */
bool landlock_may_reach(const struct landlock_domain *client, const struct landlock_domain *server);
bool landlock_may_signal(
	const struct landlock_domain *client, const struct landlock_domain *server);
/* Is all that holds for @tracer true of @tracee too? */
bool landlock_may_trace(const struct landlock_domain *tracer, const struct landlock_domain *tracee);

#endif
