/* SPDX-License-Identifier: MIT */
/*
 * nsproxy.h: how a task comes into namespaces and leaves them (kernel/ident/ns.h): fork, exec,
 * unshare, setns, exit.
 */
#ifndef NESTLING_TASK_NSPROXY_H
#define NESTLING_TASK_NSPROXY_H

#include "kernel/ident/ns.h"

struct file;
struct path;

extern const u32 clone_ns_flags; /* all CLONE_NEW* that there are */

int copy_namespaces(u64 flags, struct task *child, struct user_namespace *owner); /* 0 or -errno */
void switch_namespaces(struct task *t, struct nsproxy *to); /* takes the reference; t is current */
void exit_namespaces(struct task *t);
/* Gives current's new program the clocks that its children would get: 0 or -ENOMEM. */
int exec_namespaces(struct mm *mm);
void nsproxy_put(struct nsproxy *p);

/* Returns the namespace of an open file of nsfs, without a reference, or NULL. */
struct ns_common *nsfs_file_ns(const struct file *f);
/* Does so for an inode (bind mounts of mount namespaces must not form a cycle). */
struct inode;
struct ns_common *nsfs_inode_ns(const struct inode *inode);

/*
 * time_ns.c: the first converts the machine's clock to the time in current's namespace, the second
 * converts a time that current names back.
 */
u64 time_ns_read(int clock, u64 now);
u64 time_ns_abs(int clock, u64 abs);
bool time_ns_is_initial(void);
int time_ns_show(struct task *t, char *buf, size_t size); /* /proc/PID/timens_offsets; bytes */
int time_ns_store(struct task *t, const struct cred *opener,
	char *text); /* 0, -EINVAL, -ERANGE, -EPERM, -EACCES */

/* nsfs.c: /proc/PID/ns/@name of @t: its file with references, or its text. 0 or -errno. */
struct ns_link {
	const char *name;
	enum ns_slot slot;
	bool user, own_pid; /* not in a slot */
};
const struct ns_link *ns_link_nth(u32 i); /* NULL past the last */
int ns_link_path(struct task *t, const struct ns_link *l, struct path *path);
int ns_link_text(struct task *t, const struct ns_link *l, char *buf, size_t size);

#endif
