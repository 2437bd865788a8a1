/* SPDX-License-Identifier: MIT */
/*
 * cred.h: credentials and capabilities. A struct cred is immutable once installed: to change,
 * prepare a copy and commit it.
 */
#ifndef NESTLING_TASK_CRED_H
#define NESTLING_TASK_CRED_H

#include <linux/capability.h>

#include "kernel/lib/atomic.h"
#include "kernel/sched/task.h"
#include "kernel/ident/user_ns.h"

struct group_info {
	atomic_t usage;
	u32 ngroups;
	kgid_t gid[]; /* sorted */
};

struct user_struct {
	atomic_t usage;
	kuid_t uid;
	atomic_t processes;
	atomic64_t mq_bytes, locked_vm, sigpending, pipe_pages, epoll_watches, packet_rings,
		unix_inflight, texts; /* bytes of those that its open files keep (fs/proc/seq.c) */
	struct list_head list;
};

struct landlock_domain; /* vfs/landlock.h */

struct cred {
	atomic_t usage;
	kuid_t uid, euid, suid, fsuid;
	kgid_t gid, egid, sgid, fsgid;
	u32 securebits;
	u64 cap_inheritable, cap_permitted, cap_effective, cap_bset, cap_ambient;
	struct group_info *group_info;
	struct user_struct *user;
	struct landlock_domain *landlock; /* a reference, or NULL */
	/* a reference: what the capabilities are relative to */
	struct user_namespace *user_ns;
};

extern struct cred init_cred;
#define current_cred() (current->cred)
#define current_uid() (current->cred->uid)
#define current_egid() (current->cred->egid)
#define current_euid() (current->cred->euid)
#define current_fsuid() (current->cred->fsuid)
#define current_fsgid() (current->cred->fsgid)
#define current_user_ns() (current->cred->user_ns)

void put_uid_user(struct user_struct *u);
const struct cred *get_cred(const struct cred *c);
void put_cred(const struct cred *c);
/* What others may do to @t goes by; a reference. Not as whom it acts for a while. */
const struct cred *get_task_cred(struct task *t);
struct cred *prepare_creds(void); /* a copy of current's; NULL: no memory */
int commit_creds(struct cred *c); /* installs; 0 */
void abort_creds(struct cred *c);
/*
 * Acts as @c for a while (a reference is taken): the credentials to go back to. To others it stays
 * who it is, or who @c belongs to could trace and take over a program that only works for him.
 */
const struct cred *override_creds(const struct cred *c);
void revert_creds(const struct cred *old);
bool capable(
	int cap); /* current's effective set, over the initial user namespace; sets PF_SUPERPRIV */
bool in_group(kgid_t gid); /* fsgid or supplementary */
bool in_egroup(kgid_t gid);
/* file capabilities and set-id at exec: called by exec with the file's mode and owner. */

#endif
