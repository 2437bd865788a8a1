/* SPDX-License-Identifier: MIT */
/*
 * cred.h: credentials and capabilities. A struct cred is immutable once installed: to change,
 * prepare a copy and commit it.
 */
#ifndef NESTLING_IDENT_CRED_H
#define NESTLING_IDENT_CRED_H

#include <linux/capability.h>

#include "kernel/lib/atomic.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/user_ns.h"

/* Supplementary groups. Refcounted by @usage, immutable. */
struct group_info {
	atomic_t usage;
	u32 ngroups;
	kgid_t gid[]; /* sorted */
};

/* What is counted for a user in all namespaces together. Refcounted by @usage. */
struct user_struct {
	atomic_t usage;
	kuid_t uid;
	/* tasks (threads too) whose t->cred has this user */
	atomic_t processes;
	/*
	 * mq_bytes, packet_rings: bytes. texts: bytes of texts that the user's open files keep
	 * (fs/proc/seq.c). pipe_pages: pages. sigpending: queued signals. epoll_watches,
	 * unix_inflight (files in messages of AF_UNIX sockets): numbers.
	 */
	atomic64_t mq_bytes, sigpending, pipe_pages, epoll_watches, packet_rings, unix_inflight,
		texts;
	struct list_head list; /* under users_lock (cred.c) */
};

struct landlock_domain; /* kernel/vfs/landlock/landlock.h */

struct cred {
	atomic_t usage; /* get_cred(), put_cred() */
	kuid_t uid, euid, suid, fsuid;
	kgid_t gid, egid, sgid, fsgid;
	u32 securebits;
	u64 cap_inheritable, cap_permitted, cap_effective, cap_bset, cap_ambient;
	struct group_info *group_info;    /* a reference */
	struct user_struct *user;         /* of uid; a reference */
	struct landlock_domain *landlock; /* a reference, or NULL */
	/* A reference: the capabilities count in this namespace. */
	struct user_namespace *user_ns;
};

extern struct cred init_cred;
/* Current's credentials and their fields, without a reference: only current replaces them. */
#define current_cred() (current->cred)
#define current_uid() (current->cred->uid)
#define current_egid() (current->cred->egid)
#define current_euid() (current->cred->euid)
#define current_fsuid() (current->cred->fsuid)
#define current_fsgid() (current->cred->fsgid)
#define current_user_ns() (current->cred->user_ns)

/*
 * get_cred() takes a reference to @c, which is not NULL, and returns @c. put_cred() drops a
 * reference; @c may be NULL. Both are callable with spinlocks held.
 */
const struct cred *get_cred(const struct cred *c);
void put_cred(const struct cred *c);
/*
 * Returns the credentials that decide what other tasks may do to @t, with a reference: @t's own,
 * not those of override_creds(). @t must not be released yet. Takes alloc_lock of @t.
 */
const struct cred *get_task_cred(struct task *t);
/*
 * To change current's credentials: prepare_creds() returns a copy that the caller owns and may
 * write to, or NULL if there is no memory; it may sleep. commit_creds() installs the copy, takes
 * over the reference, and returns 0. abort_creds() drops the copy instead.
 */
struct cred *prepare_creds(void);
int commit_creds(struct cred *c);
void abort_creds(struct cred *c);
/*
 * Makes current act as @c, to which it takes a reference, until revert_creds(). Returns the
 * credentials that revert_creds() restores. Calls may nest. Other tasks still see current's own
 * credentials: otherwise the owner of @c could trace, and so take over, a program that only acts as
 * @c.
 */
const struct cred *override_creds(const struct cred *c);
void revert_creds(const struct cred *old);
/* True if current's effective set has @cap in the initial user namespace; sets PF_SUPERPRIV. */
bool capable(int cap);
/* True if @gid is current's fsgid (in_egroup(): egid) or one of its supplementary groups. */
bool in_group(kgid_t gid);
bool in_egroup(kgid_t gid);
/*
 * Returns the counts of @uid, made if needed, with a reference, or NULL if there is no memory. May
 * sleep. put_uid_user() drops a reference, and does not sleep.
 */
struct user_struct *get_uid_user(kuid_t uid);
void put_uid_user(struct user_struct *u);
/*
 * Gives a forked child its credentials, and counts the child for its user. With CLONE_THREAD in
 * @flags they are current's; else a copy, which CLONE_NEWUSER puts in a new user namespace.
 * @chrooted: as for create_user_ns(). Returns 0, -ENOMEM, or an error of create_user_ns(). May
 * sleep.
 */
int copy_creds(struct task *child, u64 flags, bool chrooted);
/*
 * Drops the reference of @t to its credentials, and sets t->cred to NULL. The caller has subtracted
 * @t from user->processes.
 */
void exit_creds(struct task *t);
/* True if the set @b has all capabilities of the set @a. */
bool cap_issubset(u64 a, u64 b);
#define CAP_FULL ((1UL << (CAP_LAST_CAP + 1)) - 1)
#define CAP_BIT(c) (1UL << (c))
/* True if this change must clear the dumpable flag: the task may get another user's secrets. */
bool cred_gains(const struct cred *old, const struct cred *new);
/*
 * Change @new's capabilities as capabilities(7) demands when its uids (cap_setuid_fixup()) or its
 * fsuid (cap_setfsuid_fixup()) differ from @old's.
 */
void cap_setuid_fixup(struct cred *new, const struct cred *old);
void cap_setfsuid_fixup(struct cred *new, const struct cred *old);
/*
 * Serve prctl(2)'s options for the capabilities of current: PR_CAPBSET_DROP, PR_SET_SECUREBITS,
 * PR_SET_KEEPCAPS, PR_CAP_AMBIENT. Return the call's result or -errno. May sleep.
 */
long prctl_capbset_drop(u64 cap);
long prctl_set_securebits(u64 bits);
long prctl_set_keepcaps(u64 on);
long prctl_cap_ambient(u64 op, u64 cap);

/* Operations of Landlock domains; kernel/vfs/landlock registers them before any domain is made. */
struct cred_domain_ops {
	/* Takes a reference, and returns @d. */
	struct landlock_domain *(*get)(struct landlock_domain *d);
	void (*put)(struct landlock_domain *d); /* callable with spinlocks held */
};
extern const struct cred_domain_ops *cred_domain_ops;
/* Hooks for changes of current's credentials; kernel/task registers them. */
struct cred_task_ops {
	/*
	 * Called before a change by which current may get secrets that its user must not see:
	 * clears the dumpable flag.
	 */
	void (*gains)(void);
	/* Called after every change, when current->cred is @new. @old is still valid. */
	void (*changed)(const struct cred *old, const struct cred *new);
};
extern const struct cred_task_ops *cred_task_ops;

#endif
