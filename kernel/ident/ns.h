/* SPDX-License-Identifier: MIT */
/*
 * ns.h: namespaces: their common part, and the namespaces of a task.
 *
 * Every namespace begins with a struct ns_common. A kind registers itself at boot: its operations
 * and its initial namespace.
 *
 *      static const struct ns_ops uts_ops = {
 *              .name = "uts", .flag = CLONE_NEWUTS, .count = UCOUNT_UTS,
 *              .copy = ..., .free = ... };
 *      ns_register(NS_UTS, &uts_ops, &init_uts.ns);
 *      uts = container_of(current->nsproxy->ns[NS_UTS], struct uts_namespace, ns);
 *
 * A task has one struct nsproxy, shared with the tasks that it has forked. It is never changed,
 * only replaced as a whole by its own task (clone, unshare, setns, exit). The user namespace is not
 * in it: it belongs to the credentials (cred->user_ns). The slot NS_PID is the namespace into which
 * children are born, as is NS_TIME_CHILD; a task's own pid namespace is that of its number.
 *
 * Life of a namespace: copy() makes it with one reference; nsproxies, open files of nsfs, children
 * (user, pid) hold it; free() is called with the last, in a context that may sleep and holds no
 * lock.
 *
 * Invariants:
 * 1. ns->owner lives as long as the namespace.
 * 2. A namespace is counted for (owner, its maker's uid) and in all user namespaces above, until it
 *    is freed.
 * 3. ns->inum is unique among the living.
 *
 * Locks: task->alloc_lock where another task's nsproxy is read, or a task replaces its own.
 */
#ifndef NESTLING_IDENT_NS_H
#define NESTLING_IDENT_NS_H

#include "kernel/ident/user_ns.h"
#include "kernel/lib/atomic.h"
#include "kernel/sched/sched.h"

struct cred;
struct fs_struct;
struct mm;

enum ns_slot {
	NS_MNT,
	NS_UTS,
	NS_IPC,
	NS_NET,
	NS_CGROUP,
	NS_PID, /* for children */
	NS_TIME,
	NS_TIME_CHILD,
	NS_SLOTS
};

struct nsproxy {
	atomic_t count;
	/* a reference each; NULL: no such kind */
	struct ns_common *ns[NS_SLOTS];
};

/* The result of setns() before it is committed. */
struct nsset {
	u64 flags;             /* CLONE_NEW* that are joined */
	struct nsproxy *proxy; /* current's copy */
	struct fs_struct *fs;  /* current's own, or a copy to be installed */
	struct cred *cred;     /* NULL: stays */
	/* Current shares its root and folder with no other task. */
	bool fs_alone;
};

struct ns_ops {
	/* "mnt": the text of a link is "mnt:[inum]" */
	const char *name;
	u32 flag; /* CLONE_NEW* */
	enum ucount count;
	/* Makes a namespace for a clone or unshare; @fs, if any, is moved to it (mnt). ERR_PTR. */
	struct ns_common *(*copy)(
		struct ns_common *old, struct user_namespace *owner, struct fs_struct *fs);
	void (*free)(struct ns_common *ns);
	/*
	 * Checks whether current may setns to @ns, and prepares the consequences. The caller puts
	 * @ns into its slot. Returns 0 or -errno.
	 */
	int (*install)(struct nsset *set, struct ns_common *ns);
	struct ns_common *(*parent)(struct ns_common *ns);  /* without a reference; NULL: none */
	void (*enter)(struct ns_common *ns, struct mm *mm); /* a forked child begins in it (time) */
};

extern struct nsproxy init_nsproxy;

void ns_register(enum ns_slot slot, const struct ns_ops *ops, struct ns_common *init);
/*
 * Initialises a new namespace, counted for current's euid. Returns 0, -ENOSPC, -ENOMEM. ns_fini()
 * undoes it.
 */
int ns_init(struct ns_common *ns, const struct ns_ops *ops, struct user_namespace *owner);
void ns_fini(struct ns_common *ns);
struct ns_common *ns_get(struct ns_common *ns);
void ns_put(struct ns_common *ns);
/* Returns the namespace of a task with a reference, or NULL (the task exits, or has none). */
struct ns_common *ns_of_task(struct task *t, enum ns_slot slot);
/* Returns the owner of current's namespace in @slot, without a reference. */
struct user_namespace *current_ns_owner(enum ns_slot slot);
/* An install() that requires only CAP_SYS_ADMIN over the namespace and at home. */
int ns_install_default(struct nsset *set, struct ns_common *ns);

#endif
