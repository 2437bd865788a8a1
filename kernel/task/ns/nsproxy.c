/* SPDX-License-Identifier: MIT */
/*
 * nsproxy.c: the namespaces of a task at fork, unshare(2), setns(2) and exit. The interface is
 * nsproxy.h.
 *
 * unshare and setns build everything first (a nsproxy, an fs_struct, credentials) and commit at the
 * end, where nothing can fail. Two effects stay after a later failure: a descriptor table that
 * unshare(CLONE_FILES) has copied, and the frozen offsets of a time namespace (time_ns_install()).
 *
 * Locks: task->alloc_lock around the exchange of a task's nsproxy.
 */
#include "kernel/task/ns/nsproxy.h"
#include "gen/syscalls.h"
#include "kernel/task/internal.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/vfs/super.h"
#include "kernel/vfs/vfs.h"

/* All kinds of namespaces that exist. */
const u32 clone_ns_flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
			   CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWTIME;

/* ---- proxies ---- */

static struct nsproxy *proxy_copy(const struct nsproxy *from)
{
	struct nsproxy *p = kmalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	atomic_set(&p->count, 1);
	for (int i = 0; i < NS_SLOTS; i++)
		p->ns[i] = ns_get(from->ns[i]);
	return p;
}

void nsproxy_put(struct nsproxy *p)
{
	if (!p || !atomic_dec_and_test(&p->count))
		return;
	for (int i = 0; i < NS_SLOTS; i++)
		ns_put(p->ns[i]);
	kfree(p);
}

void switch_namespaces(struct task *t, struct nsproxy *to)
{
	struct nsproxy *old = t->nsproxy;

	spin_lock(&t->alloc_lock);
	t->nsproxy = to;
	spin_unlock(&t->alloc_lock);
	nsproxy_put(old);
}

int exec_namespaces(struct mm *mm)
{
	struct nsproxy *p = current->nsproxy;

	if (p->ns[NS_TIME] == p->ns[NS_TIME_CHILD])
		return 0;
	p = proxy_copy(p);
	if (!p)
		return -ENOMEM;
	ns_put(p->ns[NS_TIME]);
	p->ns[NS_TIME] = ns_get(p->ns[NS_TIME_CHILD]);
	p->ns[NS_TIME]->ops->enter(p->ns[NS_TIME], mm);
	switch_namespaces(current, p);
	return 0;
}

void exit_namespaces(struct task *t)
{
	switch_namespaces(t, NULL);
}

/*
 * True if @flags request a new namespace in the slot. For CLONE_NEWTIME this is only the slot for
 * children, since a task's own clocks may not jump.
 */
static bool slot_is_new(enum ns_slot slot, u64 flags)
{
	const struct ns_common *init = init_nsproxy.ns[slot];

	return init && slot != NS_TIME && (flags & init->ops->flag);
}

/*
 * Makes a copy of current's proxy with new namespaces for @flags, owned by @owner. @fs gets the
 * root and working directory of the new mount namespace. Returns ERR_PTR on failure.
 */
static struct nsproxy *new_proxy(u64 flags, struct user_namespace *owner, struct fs_struct *fs)
{
	struct nsproxy *p = proxy_copy(current->nsproxy);

	if (!p)
		return ERR_PTR(-ENOMEM);
	for (int i = 0; i < NS_SLOTS; i++) {
		struct ns_common *ns;

		if (!slot_is_new(i, flags))
			continue;
		ns = p->ns[i]->ops->copy(p->ns[i], owner, fs);
		if (IS_ERR(ns)) {
			nsproxy_put(p);
			return ERR_CAST(ns);
		}
		ns_put(p->ns[i]);
		p->ns[i] = ns;
	}
	return p;
}

/* Returns those of @flags that stand for kinds of namespaces that do not exist. */
static u64 unknown_kinds(u64 flags)
{
	for (int i = 0; i < NS_SLOTS; i++)
		if (init_nsproxy.ns[i])
			flags &= ~(u64)init_nsproxy.ns[i]->ops->flag;
	return flags & clone_ns_flags & ~(u64)CLONE_NEWUSER;
}

int copy_namespaces(u64 flags, struct task *child, struct user_namespace *owner)
{
	struct nsproxy *old = current->nsproxy, *p;
	/*
	 * A child that shares the memory keeps the clocks: the vDSO page with the clocks is part of
	 * the memory.
	 */
	bool shares_mm = flags & CLONE_VM;

	flags &= clone_ns_flags & ~(u64)CLONE_NEWUSER;
	if (flags && !ns_capable(owner, CAP_SYS_ADMIN))
		return -EPERM;
	if (unknown_kinds(flags))
		return -EINVAL;
	if (!flags && (shares_mm || old->ns[NS_TIME] == old->ns[NS_TIME_CHILD])) {
		atomic_inc(&old->count);
		child->nsproxy = old;
		return 0;
	}
	p = new_proxy(flags, owner, child->fs);
	if (IS_ERR(p))
		return PTR_ERR(p);
	if (!shares_mm && p->ns[NS_TIME] != p->ns[NS_TIME_CHILD]) {
		ns_put(p->ns[NS_TIME]);
		p->ns[NS_TIME] = ns_get(p->ns[NS_TIME_CHILD]);
	}
	child->nsproxy = p;
	return 0;
}

/* ---- unshare ---- */

/*
 * Copies current's fs_struct if it is shared, or if there will be a new mount namespace. The copy
 * is later moved to that namespace, or dropped if a later step fails. Returns 0 or -errno.
 */
static int unshare_fs(u64 flags, struct fs_struct **fs)
{
	*fs = NULL;
	if (!(flags & CLONE_FS) ||
		(atomic_read(&current->fs->users) == 1 && !(flags & CLONE_NEWNS)))
		return 0;
	*fs = fs_dup(current->fs);
	return IS_ERR_OR_NULL(*fs) ? -ENOMEM : 0;
}

/* Adds the flags of unshare(2) that @flags require. */
static u64 implied_flags(u64 flags)
{
	if (flags & CLONE_NEWUSER)
		flags |= CLONE_THREAD | CLONE_FS;
	if (flags & CLONE_VM)
		flags |= CLONE_SIGHAND;
	if (flags & CLONE_SIGHAND)
		flags |= CLONE_THREAD;
	if (flags & CLONE_NEWNS)
		flags |= CLONE_FS;
	return flags;
}

/* Checks the flags of unshare(2). @flags include those of implied_flags(). Returns 0 or -EINVAL. */
static int check_unshare(u64 flags)
{
	if (flags & ~(CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES |
			    CLONE_SYSVSEM | (u64)clone_ns_flags) ||
		unknown_kinds(flags))
		return -EINVAL;
	if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) && !thread_group_empty(current))
		return -EINVAL;
	if ((flags & (CLONE_SIGHAND | CLONE_VM)) && atomic_read(&current->sighand->count) > 1)
		return -EINVAL;
	if ((flags & CLONE_VM) && atomic_read(&current->mm->mm_users) > 1)
		return -EINVAL;
	return 0;
}

/*
 * Makes credentials in a new user namespace. Sets *@cred to them, or to NULL if @flags do not ask
 * for that. Returns 0 or -errno.
 */
static int unshare_cred(u64 flags, struct cred **cred)
{
	int err;

	*cred = NULL;
	if (!(flags & CLONE_NEWUSER))
		return 0;
	*cred = prepare_creds();
	if (!*cred)
		return -ENOMEM;
	err = create_user_ns(*cred, current_chrooted());
	if (!err)
		return 0;
	abort_creds(*cred);
	*cred = NULL;
	return err;
}

/*
 * Makes a proxy with new namespaces. @cred, @fs: the new ones or NULL for current's. Sets *@proxy,
 * to NULL if @flags do not ask for any. Returns 0 or -errno.
 */
static int unshare_proxy(u64 flags, struct cred *cred, struct fs_struct *fs, struct nsproxy **proxy)
{
	struct user_namespace *owner = cred ? cred->user_ns : current_user_ns();

	*proxy = NULL;
	if (!(flags & clone_ns_flags & ~(u64)CLONE_NEWUSER))
		return 0;
	if (!cred && !ns_capable(owner, CAP_SYS_ADMIN))
		return -EPERM;
	*proxy = new_proxy(flags, owner, fs ? fs : current->fs);
	if (!IS_ERR(*proxy))
		return 0;
	return PTR_ERR(*proxy);
}

long sys_unshare(u64 flags)
{
	struct files_struct *files = NULL;
	struct nsproxy *proxy = NULL;
	struct cred *cred = NULL;
	struct fs_struct *fs = NULL;
	int err;

	flags = implied_flags(flags);
	err = check_unshare(flags);
	if (!err)
		err = unshare_fs(flags, &fs);
	if (err)
		return err;
	if (flags & CLONE_FILES)
		files = files_unshared(~0U);
	if (IS_ERR(files)) {
		err = PTR_ERR(files);
		goto err_fs;
	}
	err = unshare_cred(flags, &cred);
	if (err)
		goto err_files;
	err = unshare_proxy(flags, cred, fs, &proxy);
	if (err)
		goto err_cred;
	if ((flags & (CLONE_SYSVSEM | CLONE_NEWIPC)) && task_ipc_ops)
		task_ipc_ops->unshare_sem(current);
	if (proxy)
		switch_namespaces(current, proxy);
	if (fs)
		fs_exchange(fs);
	if (files)
		files_exchange(files);
	return cred ? commit_creds(cred) : 0;

err_cred:
	if (cred)
		abort_creds(cred);
err_files:
	files_put(files);
err_fs:
	if (fs)
		fs_put(fs);
	return err;
}

/* ---- setns ---- */

static enum ns_slot slot_of(const struct ns_common *ns)
{
	for (int i = 0; i < NS_SLOTS; i++)
		if (init_nsproxy.ns[i] && init_nsproxy.ns[i]->ops == ns->ops)
			return i;
	return NS_SLOTS;
}

/* Puts @ns into the set. The set takes its own reference. Returns 0 or -errno. */
static int install_one(struct nsset *set, struct ns_common *ns)
{
	enum ns_slot slot = slot_of(ns);
	int err = ns->ops->install(set, ns);

	if (err || slot == NS_SLOTS)
		return err;
	ns_put(set->proxy->ns[slot]);
	set->proxy->ns[slot] = ns_get(ns);
	if (slot == NS_TIME) {
		ns_put(set->proxy->ns[NS_TIME_CHILD]);
		set->proxy->ns[NS_TIME_CHILD] = ns_get(ns);
	}
	return 0;
}

/*
 * Prepares @set for namespaces of the kinds @flags (CLONE_NEW*). Returns 0 or -ENOMEM. The caller
 * also calls nsset_abort() after a failure.
 */
static int nsset_begin(struct nsset *set, u64 flags)
{
	memset(set, 0, sizeof(*set));
	set->flags = flags;
	set->fs_alone = atomic_read(&current->fs->users) == 1;
	set->proxy = proxy_copy(current->nsproxy);
	if (!set->proxy)
		return -ENOMEM;
	if (flags & CLONE_NEWUSER) {
		set->cred = prepare_creds();
		if (!set->cred)
			return -ENOMEM;
	}
	if (flags & CLONE_NEWNS) {
		/*
		 * Without other flags no later step can fail, so current's own fs_struct may be
		 * changed.
		 */
		set->fs = flags == CLONE_NEWNS ? current->fs : fs_dup(current->fs);
		if (IS_ERR_OR_NULL(set->fs)) {
			set->fs = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

static void nsset_abort(struct nsset *set)
{
	if (set->cred)
		abort_creds(set->cred);
	if (set->fs && set->fs != current->fs)
		fs_put(set->fs);
	nsproxy_put(set->proxy);
}

static void nsset_commit(struct nsset *set)
{
	if (set->cred)
		commit_creds(set->cred);
	if (set->fs && set->fs != current->fs)
		fs_exchange(set->fs);
	if ((set->flags & CLONE_NEWIPC) && task_ipc_ops)
		task_ipc_ops->unshare_sem(current);
	switch_namespaces(current, set->proxy);
}

/*
 * Joins all namespaces of @flags in which the pidfd's process is. The user namespace comes first,
 * since it may give the rights for the others. Returns 0 or -errno.
 */
static int install_all(struct nsset *set, struct task *t)
{
	static const enum ns_slot order[] = { NS_MNT, NS_UTS, NS_IPC, NS_PID, NS_CGROUP, NS_NET,
		NS_TIME };
	const struct cred *c = get_task_cred(t);
	int err = 0;

	if (!ptrace_may_access(t, false))
		err = -EPERM;
	if (!err && (set->flags & CLONE_NEWUSER))
		err = install_one(set, &c->user_ns->ns);
	for (u32 i = 0; !err && i < ARRAY_SIZE(order); i++) {
		const struct ns_common *init = init_nsproxy.ns[order[i]];
		struct ns_common *ns;

		if (!init || !(set->flags & init->ops->flag))
			continue;
		ns = order[i] == NS_PID ? task_active_pid_ns_get(t) : ns_of_task(t, order[i]);
		err = ns ? install_one(set, ns) : -ESRCH;
		ns_put(ns);
	}
	put_cred(c);
	return err;
}

static int check_setns_flags(u64 flags)
{
	return !flags || (flags & ~(u64)clone_ns_flags) || unknown_kinds(flags) ? -EINVAL : 0;
}

/* Fills in @set from a descriptor of a namespace or a process. Returns 0 or -errno. */
static int setns_fill(struct nsset *set, struct file *f, u64 nstype)
{
	struct ns_common *ns = nsfs_file_ns(f);
	struct task *t;
	int err;

	if (ns) {
		if (nstype && nstype != ns->ops->flag)
			return -EINVAL;
		err = nsset_begin(set, ns->ops->flag);
		return err ? err : install_one(set, ns);
	}
	if (IS_ERR(pidfd_pid(f)))
		return -EINVAL;
	err = check_setns_flags(nstype);
	if (err)
		return err;
	t = pid_get_task(pidfd_pid(f), PIDTYPE_PID);
	if (!t)
		return -ESRCH;
	err = nsset_begin(set, nstype);
	if (!err)
		err = install_all(set, t);
	put_task(t);
	return err;
}

long sys_setns(int fd, int nstype)
{
	struct file *f = fget(fd);
	struct nsset set = { 0 };
	int err;

	if (!f)
		return -EBADF;
	err = setns_fill(&set, f, (u32)nstype);
	if (err)
		nsset_abort(&set);
	else
		nsset_commit(&set);
	fput(f);
	return err;
}
