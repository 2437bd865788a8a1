/* SPDX-License-Identifier: MIT */
/*
 * landlock.h: the checks that the rest of the kernel makes for landlock(7), by which a program
 * restricts itself.
 *
 * Credentials point to a domain. NULL forbids nothing, and a check then only tests the pointer. A
 * domain is a chain of layers, the youngest first. Each layer forbids the rights that it handles,
 * except below the files and at the ports of its rules.
 *
 * Callers hold no spinlock, except that callers of the checks of two domains (signals, abstract
 * sockets, ptrace) may: those checks take no lock.
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

struct landlock_domain *landlock_get(struct landlock_domain *d); /* NULL of NULL */
void landlock_put(struct landlock_domain *d);                    /* spinlocks may be held */

/* True if current has a domain. */
static inline bool landlocked(void)
{
	return unlikely(current_cred()->landlock);
}

/*
 * The checks for files return 0 or -EACCES; landlock_refer() also -EXDEV or -ENOENT. Their subject
 * is current. @dir and @path are given with their mounts, and borrowed.
 */
/* Checks an open, and records in f_mode which later operations on the file are forbidden. */
int landlock_open(struct file *f);
int landlock_make(const struct path *dir, umode_t mode); /* a new file of type @mode */
int landlock_remove(const struct path *dir, bool is_dir);
int landlock_truncate(const struct path *path);
int landlock_ftruncate(const struct file *f);
int landlock_ioctl(const struct file *f, u32 cmd);
/*
 * Checks a link or a rename of @old in @from to @new in @to. For a link @removable and @exchange
 * are false.
 */
int landlock_refer(const struct path *from, struct dentry *old, const struct path *to,
	struct dentry *new, bool removable, bool exchange);
/* Checks whether current may change the tree of mounts. Returns 0 or -EPERM. */
int landlock_mount(void);
/*
 * Removes the inodes of @sb, which is being unmounted, from all rules. May sleep, since it drops
 * references to the inodes.
 */
void landlock_sb_gone(struct super_block *sb);

/*
 * Checks whether a TCP socket of @family (AF_*) may be bound, or with @connect connected, to the
 * sockaddr @addr of @len bytes in kernel memory. Returns 0, -EACCES, -EINVAL or -EAFNOSUPPORT.
 */
int landlock_tcp(u16 family, const void *addr, u32 len, bool connect);

/*
 * True if a task in the domain @client may connect to the abstract sockets of a task in @server, or
 * signal such a task. Either may be NULL.
 */
bool landlock_may_reach(const struct landlock_domain *client, const struct landlock_domain *server);
bool landlock_may_signal(
	const struct landlock_domain *client, const struct landlock_domain *server);
/* True if @tracee has all layers of @tracer. */
bool landlock_may_trace(const struct landlock_domain *tracer, const struct landlock_domain *tracee);

#endif
