/* SPDX-License-Identifier: MIT */
/*
 * nsproxy.h: changes of a task's namespaces (kernel/ident/ns.h) at fork, exec, unshare, setns and
 * exit.
 */
#ifndef NESTLING_TASK_NSPROXY_H
#define NESTLING_TASK_NSPROXY_H

#include "kernel/ident/ns.h"

struct file;
struct path;

extern const u32 clone_ns_flags; /* all kinds that exist, CLONE_NEW* */

/*
 * Gives a new child current's namespaces, and new ones, owned by @owner, for the CLONE_NEW* bits of
 * @flags. May sleep. 0 or -errno.
 */
int copy_namespaces(u64 flags, struct task *child, struct user_namespace *owner);
/*
 * Replaces the nsproxy of @t, which is current, and puts the old one. Takes over the reference @to.
 */
void switch_namespaces(struct task *t, struct nsproxy *to);
/* Drops the nsproxy of @t, which is current and exits. May sleep. */
void exit_namespaces(struct task *t);
/*
 * Moves current's new program into the time namespace for children, at exec. Returns 0 or -ENOMEM.
 */
int exec_namespaces(struct mm *mm);
/* Drops a reference; the last one puts the namespaces, and may sleep. @p may be NULL. */
void nsproxy_put(struct nsproxy *p);

/* Returns the namespace of an open file of nsfs, without a reference, or NULL. */
struct ns_common *nsfs_file_ns(const struct file *f);
/*
 * As nsfs_file_ns(), for an inode. Used for mounting, since bind mounts of mount namespaces must
 * not form a cycle.
 */
struct inode;
struct ns_common *nsfs_inode_ns(const struct inode *inode);

/*
 * time_ns.c: time_ns_read() converts a time of the machine's clock (CLOCK_*) to current's time
 * namespace. time_ns_abs() converts a time that current has given to the machine's clock. A time
 * before that clock's start becomes 1, since 0 disarms a timer; 0 stays 0. Times are in ns.
 */
u64 time_ns_read(int clock, u64 now);
u64 time_ns_abs(int clock, u64 abs);
/* True if current is in the initial time namespace, whose offsets are 0. */
bool time_ns_is_initial(void);
/*
 * Writes the text of /proc/PID/timens_offsets. Returns its length; 0: @t has no namespaces any
 * more.
 */
int time_ns_show(struct task *t, char *buf, size_t size);
/*
 * Sets the offsets of @t's namespace for children from such a text, which it changes. @opener:
 * credentials of the file's opener. May sleep. Returns 0, -EINVAL, -ERANGE, -EPERM, -ESRCH, or
 * -EACCES: a task has entered the namespace.
 */
int time_ns_store(struct task *t, const struct cred *opener, char *text);

/*
 * nsfs.c: the links of /proc/PID/ns. ns_link_path() finds the namespace's file, with references
 * in *path, and returns 0 or -errno. ns_link_text() writes the link's text, and returns its length
 * or -errno. Both return -EACCES if current may not access @t, and may sleep.
 */
struct ns_link {
	const char *name;
	enum ns_slot slot;
	bool user, own_pid; /* kinds that have no slot in the nsproxy */
};
const struct ns_link *ns_link_nth(u32 i); /* NULL past the last */
int ns_link_path(struct task *t, const struct ns_link *l, struct path *path);
int ns_link_text(struct task *t, const struct ns_link *l, char *buf, size_t size);

#endif
