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
 * A task has one struct nsproxy, often shared with its children. It is never changed, only replaced
 * as a whole by its own task (clone, unshare, setns, exit). The user namespace is not in it: it
 * belongs to the credentials (cred->user_ns). The slots NS_PID and NS_TIME_CHILD are the namespaces
 * of future children; a task's own pid namespace is that of its struct pid.
 *
 * Life of a namespace: copy() makes it with one reference. Nsproxies, open files of nsfs and child
 * namespaces (user, pid) hold references. free() is called after the last reference is dropped,
 * with no lock held. free() may sleep, except for a user or pid namespace: their last reference may
 * be dropped in a callback of RCU.
 *
 * Invariants:
 * 1. ns->owner lives as long as the namespace.
 * 2. A namespace is counted for its maker's uid in its owner, and in all user namespaces above the
 *    owner, until it is freed.
 * 3. ns->inum is unique among existing namespaces.
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
	NS_PID, /* of future children */
	NS_TIME,
	NS_TIME_CHILD,
	NS_SLOTS
};

struct nsproxy {
	atomic_t count; /* tasks and nssets that have it */
	/* Each with a reference, or NULL if the kind does not exist. */
	struct ns_common *ns[NS_SLOTS];
};

/* The result of setns() before it is committed. */
struct nsset {
	u64 flags;             /* CLONE_NEW* that are joined */
	struct nsproxy *proxy; /* current's copy */
	struct fs_struct *fs;  /* current's own, or a copy to be installed */
	struct cred *cred;     /* NULL: unchanged */
	/* True if no other task shares current's root and working directory. */
	bool fs_alone;
};

struct ns_ops {
	/* Prefix of the link's text in /proc/PID/ns: "mnt" for "mnt:[inum]". */
	const char *name;
	u32 flag;          /* CLONE_NEW* */
	enum ucount count; /* limits the number of namespaces */
	/*
	 * Makes a namespace for clone or unshare, like @old or empty, with one reference, which the
	 * caller owns. @fs, if not NULL, is moved into it (mnt). Returns ERR_PTR on failure. May
	 * sleep.
	 */
	struct ns_common *(*copy)(
		struct ns_common *old, struct user_namespace *owner, struct fs_struct *fs);
	/* Frees the namespace after its last reference was dropped. */
	void (*free)(struct ns_common *ns);
	/*
	 * Checks whether current may join @ns by setns(), and prepares the changes that follow. The
	 * caller then stores @ns in its slot. Returns 0 or -errno. May sleep.
	 */
	int (*install)(struct nsset *set, struct ns_common *ns);
	/*
	 * Returns the parent, without a reference; NULL for an initial namespace. The operation is
	 * NULL if namespaces of this kind have no parent.
	 */
	struct ns_common *(*parent)(struct ns_common *ns);
	/*
	 * Called at fork and exec when a task becomes a member of @ns, by the slot for children
	 * (time only). @mm: the memory of the forked child, or of the new program. May sleep.
	 */
	void (*enter)(struct ns_common *ns, struct mm *mm);
};

extern struct nsproxy init_nsproxy;

/* Registers a kind of namespace at boot. @ops and @init, the initial namespace, are kept. */
void ns_register(enum ns_slot slot, const struct ns_ops *ops, struct ns_common *init);
/*
 * Initialises a new namespace with one reference, takes a reference to @owner, and counts the
 * namespace for current's euid. Returns 0, -ENOSPC or -ENOMEM; may sleep. ns_fini() reverts
 * ns_init(), and does not sleep; the caller frees @ns.
 */
int ns_init(struct ns_common *ns, const struct ns_ops *ops, struct user_namespace *owner);
void ns_fini(struct ns_common *ns);
/* Reverts ns_init() except for the reference to the owner. Does not sleep. */
void ns_uncount(struct ns_common *ns);
/*
 * ns_get() takes a reference, and returns @ns. ns_put() drops a reference, and calls free() for the
 * last one. @ns may be NULL.
 */
struct ns_common *ns_get(struct ns_common *ns);
void ns_put(struct ns_common *ns);
/*
 * Returns a task's namespace with a reference, or NULL if the task is exiting or has none. Takes
 * alloc_lock of @t.
 */
struct ns_common *ns_of_task(struct task *t, enum ns_slot slot);
/* Returns the owner of current's namespace in @slot, without a reference. */
struct user_namespace *current_ns_owner(enum ns_slot slot);
/*
 * Checks CAP_SYS_ADMIN in the owner of @ns and in the user namespace of set->cred (NULL: of
 * current). Returns 0 or -EPERM. It is the install() of types that check nothing else.
 */
int ns_install_default(struct nsset *set, struct ns_common *ns);

#endif
