/* SPDX-License-Identifier: MIT */
/*
 * pid.c: /proc/PID and /proc/PID/task/TID: the directories and the table of their files. pid_link.c
 * has the links.
 *
 * An inode holds a reference to a struct pid, never to a task. So it keeps no dead process in
 * memory, and each use looks up the task again. A dentry is valid while its task lives
 * (d_revalidate). The owner of the files is the task's effective user, or root if the task is not
 * dumpable. A directory that all users may search always belongs to the effective user, since ps
 * and kill use its owner as the user of the process.
 *
 * Permissions: all users may read files of mode 0444. environ, maps, fd, exe and similar files need
 * ptrace_may_access(), and exec is held off from that check until the result is taken. Texts about
 * memory (show_mm) describe the address space that the process had when they were opened: after an
 * exec they are empty. No other locks are held over show functions.
 */
#include <asm/errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"

enum pe_kind {
	PE_DIR_FD,
	PE_DIR_FDINFO,
	PE_DIR_TASK,
	PE_DIR_NS,
	PE_DIR_NET,
	PE_DIR_MAP_FILES,
	PE_DIR_ATTR,
	PE_LINK,
	PE_TEXT,
	PE_FOPS
};

/* pid_entry.mm_rules: rules for texts about memory (show_mm), as on Linux. */
/* open fails with ESRCH if the process has no memory */
#define MM_OPEN 1
/* read fails with ESRCH if the process is gone */
#define MM_TASK 2
/* read fails with ESRCH, instead of returning 0 bytes, if no process uses the memory any more */
#define MM_USERS 4
/* the text needs only data that remains after the last process has left the memory */
#define MM_KEPT 8

struct pid_entry {
	const char *name;
	umode_t mode;
	enum pe_kind kind;
	bool private; /* needs ptrace_may_access() */
	bool leader_only, thread_only;
	int (*show)(struct seq *s, struct task *t);
	int (*tid_show)(struct seq *s, struct task *t); /* NULL: @show */
	int (*show_mm)(struct seq *s, struct mm *mm);   /* @mm: process's memory at open */
	u32 mm_rules;                                   /* MM_* */
	/* Returns 0 if the whole text was taken, or the number of bytes taken, or -errno. */
	int (*store)(struct task *t, struct file *f, char *text);
	int (*link)(struct task *t, struct path *path);
	/* @mm: as in @show_mm; NULL: no ioctls */
	long (*ioctl)(struct mm *mm, u32 cmd, uaddr_t arg);
	const struct file_operations *fops;
};
static const struct pid_entry pid_entries[];
static u32 nr_pid_entries(void);

struct task *proc_task_of(const struct proc_inode *pi)
{
	if (!pi->pid)
		return NULL;
	return pid_get_task(pi->pid, pi->thread ? PIDTYPE_PID : PIDTYPE_TGID);
}

struct task *proc_task(const struct inode *inode)
{
	return proc_task_of(PROC_I(inode));
}

/* ---- inodes ---- */

static const struct inode_operations pid_dir_iops, pid_hidden_iops, task_dir_iops, pid_file_iops;
static u32 pid_dir_nlink(const struct inode *dir);
static const struct file_operations pid_dir_fops, task_dir_fops;

/* Returns @id, the uid or gid of a user namespace's root, or 0 if it is not mapped. */
static u32 root_of(u32 id)
{
	return uid_valid(id) ? id : 0;
}

static void set_owner(struct inode *inode, struct task *t)
{
	const struct cred *c = get_task_cred(t);
	kuid_t uid = c->euid;
	kgid_t gid = c->egid;

	put_cred(c);
	spin_lock(&t->alloc_lock);
	if (t->mm && inode->i_mode != (S_IFDIR | 0555) && !t->mm->dumpable) {
		uid = root_of(make_kuid(t->mm->user_ns, 0));
		gid = root_of(make_kgid(t->mm->user_ns, 0));
	}
	spin_unlock(&t->alloc_lock);
	inode->i_uid = uid;
	inode->i_gid = gid;
}

struct inode *proc_pid_inode(
	struct inode *dir, umode_t mode, struct pid *pid, bool thread, struct task *t)
{
	struct inode *inode = proc_new_inode(dir->i_sb, mode, pid);

	if (!inode)
		return NULL;
	PROC_I(inode)->thread = thread;
	PROC_I(inode)->in_task = PROC_I(dir)->in_task;
	inode->i_op = &pid_file_iops;
	set_owner(inode, t);
	return inode;
}

static int pid_revalidate(struct dentry *d, u32 flags)
{
	struct inode *inode = d_inode(d);
	struct proc_inode *pi;
	struct task *t;
	struct file *f;
	u64 vm_flags;

	if (!inode)
		return 0;
	pi = PROC_I(inode);
	t = proc_task(inode);
	if (!t)
		return 0;
	if (pi->fd >= 0) {
		f = fget_task(t, pi->fd);
		if (!f) {
			put_task(t);
			return 0;
		}
		fput(f);
	}
	if (pi->map_end && proc_map_file_path(t, pi->map_start, pi->map_end, NULL, &vm_flags)) {
		put_task(t);
		return 0;
	}
	set_owner(inode, t);
	put_task(t);
	return 1;
}

static int pid_delete(const struct dentry *d)
{
	return 1;
}

const struct dentry_operations proc_pid_dops = {
	.d_revalidate = pid_revalidate,
	.d_delete = pid_delete,
};

struct dentry *proc_pid_add(struct dentry *d, struct inode *inode)
{
	if (!inode)
		return ERR_PTR(-ENOMEM);
	d->d_op = &proc_pid_dops;
	d_add(d, inode);
	return NULL;
}

bool proc_parse_number(const struct qstr *name, u32 *n)
{
	u64 v = 0;
	u32 i;

	if (!name->len || name->len > 10 || (name->name[0] == '0' && name->len > 1))
		return false;
	for (i = 0; i < name->len; i++) {
		if (name->name[i] < '0' || name->name[i] > '9')
			return false;
		v = v * 10 + (u64)(name->name[i] - '0');
	}
	if (v > 0x7fffffff)
		return false;
	*n = (u32)v;
	return true;
}

/* ---- /proc/PID, /proc/PID/task/TID ---- */

/*
 * Finds a task, by its number in the pid namespace that this mount shows. Returns it referenced, or
 * NULL.
 */
static struct task *find_task_in(const struct inode *dir, u32 nr)
{
	struct pid *pid = find_get_pid_ns((pid_t)nr, proc_pid_ns(dir->i_sb));
	struct task *t = pid ? pid_get_task(pid, PIDTYPE_PID) : NULL;

	put_pid(pid);
	return t;
}

/*
 * Makes the inode of a task's directory. The task may be reaped meanwhile, so its struct pid is
 * read only once. Returns ERR_PTR on failure.
 */
static struct inode *task_dir_inode(struct inode *dir, struct task *t, bool thread)
{
	struct pid *pid = get_task_pid(t, PIDTYPE_PID);
	struct inode *inode;

	if (!pid)
		return ERR_PTR(-ENOENT);
	inode = proc_pid_inode(dir, S_IFDIR | 0555, pid, thread, t);
	put_pid(pid);
	return inode ? inode : ERR_PTR(-ENOMEM);
}

/*
 * Looks up the directory of a process, or of a thread that is no group leader. Listings show only
 * leaders.
 */
struct dentry *proc_pid_lookup(struct inode *dir, struct dentry *d, const struct qstr *name)
{
	struct inode *inode;
	struct task *t;
	u32 nr;

	if (!proc_parse_number(name, &nr))
		return ERR_PTR(-ENOENT);
	t = find_task_in(dir, nr);
	if (!t)
		return ERR_PTR(-ENOENT);
	if (!proc_finds(dir->i_sb, t)) {
		put_task(t);
		return ERR_PTR(-ENOENT);
	}
	inode = task_dir_inode(dir, t, t->pid != t->tgid);
	put_task(t);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	inode->i_op = proc_hides(dir->i_sb) ? &pid_hidden_iops : &pid_dir_iops;
	inode->i_flags |= S_IMMUTABLE;
	set_nlink(inode, pid_dir_nlink(inode));
	inode->i_fop = &pid_dir_fops;
	return proc_pid_add(d, inode);
}

/* True if a listing of @dir shows the process @nr to the reader (hidepid=). */
static bool listed(const struct inode *dir, pid_t nr)
{
	struct task *t = proc_hides(dir->i_sb) ? find_task_in(dir, (u32)nr) : NULL;
	bool yes = !t || proc_lists(dir->i_sb, t);

	if (t)
		put_task(t);
	return yes;
}

int proc_pid_iterate(struct file *f, struct dir_context *ctx, loff_t base)
{
	struct pid_namespace *ns = proc_pid_ns(f->f_inode->i_sb);
	pid_t nr = (pid_t)(ctx->pos - base);

	while ((nr = next_process_ns(max(nr, 1), ns))) {
		char name[12];
		int len = scnprintf(name, sizeof(name), "%d", nr);

		ctx->pos = base + nr;
		if (listed(f->f_inode, nr) && !dir_emit(ctx, name, len, (u64)nr + 0x10000000, 4))
			return 0;
		nr++;
		ctx->pos = base + nr;
		cond_resched();
	}
	return 0;
}

/* True if @dir has the entry: some are only in PID or only in task/TID. */
static bool entry_here(const struct pid_entry *e, const struct proc_inode *dir)
{
	return !(dir->in_task ? e->leader_only : e->thread_only);
}

/* Makes the entry's inode. Returns NULL if memory is short. */
static struct inode *entry_inode(struct inode *dir, const struct pid_entry *e, struct task *t)
{
	struct proc_inode *pdir = PROC_I(dir);
	struct inode *inode = proc_pid_inode(dir, e->mode, pdir->pid, pdir->thread, t);

	if (!inode)
		return NULL;
	PROC_I(inode)->pe = e;
	switch (e->kind) {
	case PE_DIR_FD:
		inode->i_op = &proc_fd_dir_iops;
		inode->i_fop = &proc_fd_dir_fops;
		break;
	case PE_DIR_FDINFO:
		inode->i_op = &proc_fdinfo_dir_iops;
		inode->i_fop = &proc_fdinfo_dir_fops;
		break;
	case PE_DIR_TASK:
		inode->i_op = &task_dir_iops;
		inode->i_fop = &task_dir_fops;
		break;
	case PE_DIR_NS:
		inode->i_op = &proc_ns_dir_iops;
		inode->i_fop = &proc_ns_dir_fops;
		break;
	case PE_DIR_NET:
		inode->i_op = &proc_net_dir_iops;
		inode->i_fop = &proc_net_dir_fops;
		break;
	case PE_DIR_ATTR:
		inode->i_op = &proc_attr_dir_iops;
		inode->i_fop = &proc_attr_dir_fops;
		break;
	case PE_DIR_MAP_FILES:
		inode->i_op = &proc_map_files_iops;
		inode->i_fop = &proc_map_files_fops;
		break;
	case PE_LINK: inode->i_op = &proc_pid_link_iops; break;
	case PE_TEXT: inode->i_fop = e->fops ? e->fops : &proc_pid_text_fops; break;
	case PE_FOPS: inode->i_fop = e->fops; break;
	}
	return inode;
}

static struct dentry *pid_dir_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct task *t = proc_task(dir);
	struct inode *inode;
	u32 i;

	if (!t)
		return ERR_PTR(-ENOENT);
	for (i = 0; i < nr_pid_entries(); i++) {
		const struct pid_entry *e = &pid_entries[i];

		if (strlen(e->name) != d->d_name.len ||
			memcmp(e->name, d->d_name.name, d->d_name.len) ||
			!entry_here(e, PROC_I(dir)))
			continue;
		inode = entry_inode(dir, e, t);
		put_task(t);
		return proc_pid_add(d, inode);
	}
	put_task(t);
	return ERR_PTR(-ENOENT);
}

/* Returns the link count of PID or task/TID: 2, and one for each subdirectory. */
static u32 pid_dir_nlink(const struct inode *dir)
{
	u32 n = 2;

	for (u32 i = 0; i < nr_pid_entries(); i++)
		n += S_ISDIR(pid_entries[i].mode) && entry_here(&pid_entries[i], PROC_I(dir));
	return n;
}

static int pid_dir_iterate(struct file *f, struct dir_context *ctx)
{
	u32 i;

	if (!dir_emit_dots(f, ctx))
		return 0;
	for (i = (u32)(ctx->pos - 2); i < nr_pid_entries(); i++) {
		const struct pid_entry *e = &pid_entries[i];

		ctx->pos = i + 2;
		if (entry_here(e, PROC_I(f->f_inode)) &&
			!dir_emit(ctx, e->name, (int)strlen(e->name), f->f_inode->i_ino * 64 + i,
				(e->mode & S_IFMT) >> 12))
			return 0;
		ctx->pos = i + 3;
	}
	return 0;
}

/* ---- task ---- */

static struct dentry *task_dir_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct task *leader = proc_task(dir), *t;
	struct inode *inode = NULL;
	u32 nr;

	if (!leader)
		return ERR_PTR(-ENOENT);
	t = proc_parse_number(&d->d_name, &nr) ? find_task_in(dir, nr) : NULL;
	if (!t || t->tgid != leader->tgid) {
		if (t)
			put_task(t);
		put_task(leader);
		return ERR_PTR(-ENOENT);
	}
	inode = task_dir_inode(dir, t, true);
	put_task(t);
	put_task(leader);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	PROC_I(inode)->in_task = true;
	inode->i_op = &pid_dir_iops;
	inode->i_flags |= S_IMMUTABLE;
	inode->i_fop = &pid_dir_fops;
	set_nlink(inode, pid_dir_nlink(inode));
	return proc_pid_add(d, inode);
}

/*
 * Adds the number of threads to the link count. Sandboxes read from it whether they have a single
 * thread.
 */
static int task_dir_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags)
{
	struct inode *inode = path->dentry->d_inode;
	struct task *t = proc_task(inode);

	generic_fillattr(inode, st);
	if (t) {
		st->nlink += (u32)READ_ONCE(t->signal->nr_threads);
		put_task(t);
	}
	return 0;
}

/* Returns the lowest thread number in @ns that is at least @nr, or 0. */
static pid_t next_thread_nr(struct task *leader, pid_t nr, const struct pid_namespace *ns)
{
	struct task *t;
	pid_t best = 0;

	read_lock(&tasklist_lock);
	list_for_each_entry(t, &leader->signal->threads, thread_node) {
		pid_t n = task_pid_nr_ns(t, ns);

		if (n >= nr && (!best || n < best))
			best = n;
	}
	read_unlock(&tasklist_lock);
	return best;
}

static int task_dir_iterate(struct file *f, struct dir_context *ctx)
{
	struct task *leader = proc_task(f->f_inode);
	pid_t nr;

	if (!leader)
		return -ENOENT;
	if (!dir_emit_dots(f, ctx))
		goto out;
	nr = (pid_t)(ctx->pos - 2);
	while ((nr = next_thread_nr(leader, max(nr, 1), proc_pid_ns(f->f_inode->i_sb)))) {
		char name[12];
		int len = scnprintf(name, sizeof(name), "%d", nr);

		ctx->pos = nr + 2;
		if (!dir_emit(ctx, name, len, (u64)nr + 0x20000000, 4))
			break;
		nr++;
		ctx->pos = nr + 2;
	}
out:
	put_task(leader);
	return 0;
}

/* ---- texts ---- */

/*
 * Accepts chown() from a permitted caller, but the next lookup restores the owner by set_owner().
 */
int proc_pid_setattr(struct dentry *d, struct iattr *attr)
{
	if (attr->ia_valid & ATTR_MODE)
		return -EPERM;
	return attr->ia_valid & (ATTR_UID | ATTR_GID) ? setattr_prepare(d, attr) : 0;
}

static int pid_file_permission(struct inode *inode, int mask)
{
	return generic_permission(inode, mask);
}

static int show_task(const struct proc_inode *pi, struct seq *s, struct task *t)
{
	return pi->in_task && pi->pe->tid_show ? pi->pe->tid_show(s, t) : pi->pe->show(s, t);
}

/* Shows a text if the reader may trace the task. Returns 0 or -errno. */
static int show_private(const struct proc_inode *pi, struct seq *s, struct task *t)
{
	int err = exec_hold(t);

	if (err)
		return err;
	err = ptrace_may_access(t, false) ? show_task(pi, s, t) : -EACCES;
	exec_release(t);
	return err;
}

/* Shows a text about the memory s->mm. Returns 0 (also for an empty text) or -errno. */
static int show_memory(const struct pid_entry *pe, struct seq *s)
{
	int err;

	if (s->mm && pe->mm_rules & MM_KEPT)
		return pe->show_mm(s, s->mm);
	if (!s->mm || !atomic_inc_not_zero(&s->mm->mm_users))
		return pe->mm_rules & MM_USERS ? -ESRCH : 0;
	err = pe->show_mm(s, s->mm);
	mmput(s->mm);
	return err;
}

int proc_entry_link(const struct proc_inode *pi, struct task *t, struct path *path)
{
	return pi->pe->link(t, path);
}

int proc_entry_show(const struct proc_inode *pi, struct seq *s)
{
	struct task *t;
	int err;

	if (!pi->pid)
		return pi->de && pi->de->show ? pi->de->show(s, pi->de->arg) : -EINVAL;
	if (pi->pe && pi->pe->show_mm && !(pi->pe->mm_rules & MM_TASK))
		return show_memory(pi->pe, s);
	t = proc_task_of(pi);
	if (!t)
		return -ESRCH;
	if (!pi->pe) {
		err = proc_show_fdinfo(s, t, pi->fd);
	} else if (pi->pe->show_mm) {
		s->mempolicy = READ_ONCE(t->mempolicy);
		err = show_memory(pi->pe, s);
	} else if (!pi->pe->show) {
		err = -EINVAL;
	} else {
		err = pi->pe->private ? show_private(pi, s, t) : show_task(pi, s, t);
	}
	put_task(t);
	return err;
}

/* Sets s->mm, with a reference. Returns 0 or -errno. */
static int open_memory(const struct pid_entry *pe, struct task *t, struct seq *s)
{
	struct mm *mm = mm_access(t, false);

	if (!mm)
		return pe->mm_rules & MM_OPEN ? -ESRCH : 0;
	if (IS_ERR(mm))
		return (int)PTR_ERR(mm);
	mmgrab(mm);
	mmput(mm);
	s->mm = mm;
	return 0;
}

/*
 * Checks current's right to open the entry. The rights for private texts and for texts about memory
 * are checked at open already. Returns 0 or -errno.
 */
int proc_entry_open(const struct proc_inode *pi, struct seq *s)
{
	struct task *t;
	int err = 0;

	if (!pi->pid || !pi->pe || !(pi->pe->private || pi->pe->show_mm))
		return 0;
	t = proc_task_of(pi);
	if (!t)
		return -ESRCH;
	if (pi->pe->show_mm)
		err = open_memory(pi->pe, t, s);
	else if (!ptrace_may_access(t, false))
		err = -EACCES;
	put_task(t);
	return err;
}

int proc_entry_store(struct file *f, char *text, size_t n)
{
	const struct proc_inode *pi = PROC_I(f->f_inode);
	struct task *t;
	int err;

	if (!pi->pid && (!pi->de || !pi->de->store))
		return -EIO;
	if (!pi->pid)
		return proc_opener_may(f, pi->de) ? pi->de->store(text, n, pi->de->arg) : -EPERM;
	if (!pi->pe || !pi->pe->store)
		return -EINVAL;
	t = proc_task_of(pi);
	if (!t)
		return -ESRCH;
	err = pi->pe->store(t, f, text);
	put_task(t);
	return err;
}

long proc_entry_ioctl(struct file *f, u32 cmd, u64 arg)
{
	const struct proc_inode *pi = PROC_I(f->f_inode);
	struct seq *s = f->private_data;

	if (!pi->pid || !pi->pe || !pi->pe->ioctl)
		return -ENOTTY;
	return pi->pe->ioctl(s->mm, cmd, UADDR(arg));
}

#define TEXT(n, m, fn)                                                                             \
	{                                                                                          \
		.name = n, .mode = S_IFREG | (m), .kind = PE_TEXT, .show = fn                      \
	}
#define TEXT_PRIVATE(n, m, fn)                                                                     \
	{                                                                                          \
		.name = n, .mode = S_IFREG | (m), .kind = PE_TEXT, .show = fn, .private = true     \
	}
#define TEXT_MM(n, m, fn, rules)                                                                   \
	{                                                                                          \
		.name = n, .mode = S_IFREG | (m), .kind = PE_TEXT, .show_mm = fn,                  \
		.mm_rules = rules                                                                  \
	}
#define TEXT_RW(n, m, fn, st)                                                                      \
	{                                                                                          \
		.name = n, .mode = S_IFREG | (m), .kind = PE_TEXT, .show = fn, .store = st         \
	}
#define TEXT_ONCE(n, m, fn, st)                                                                    \
	{                                                                                          \
		.name = n, .mode = S_IFREG | (m), .kind = PE_TEXT, .show = fn, .store = st,        \
		.fops = &proc_once_fops                                                            \
	}
#define TEXT_START(n, m, fn, st)                                                                   \
	{                                                                                          \
		.name = n, .mode = S_IFREG | (m), .kind = PE_TEXT, .show = fn, .store = st,        \
		.fops = &proc_start_fops                                                           \
	}
#define TEXT_SEQ(n, m, fn, st, leader)                                                             \
	{                                                                                          \
		.name = n, .mode = S_IFREG | (m), .kind = PE_TEXT, .show = fn, .store = st,        \
		.leader_only = leader, .fops = &proc_pid_seq_fops                                  \
	}
#define TEXT_LEADER(n, m, fn, st)                                                                  \
	{                                                                                          \
		.name = n, .mode = S_IFREG | (m), .kind = PE_TEXT, .show = fn, .store = st,        \
		.leader_only = true                                                                \
	}
#define LINK(n, fn)                                                                                \
	{                                                                                          \
		.name = n, .mode = S_IFLNK | 0777, .kind = PE_LINK, .link = fn                     \
	}
#define DIR(n, m, k)                                                                               \
	{                                                                                          \
		.name = n, .mode = S_IFDIR | (m), .kind = k                                        \
	}
#define FOPS(n, m, f)                                                                              \
	{                                                                                          \
		.name = n, .mode = S_IFREG | (m), .kind = PE_FOPS, .fops = f                       \
	}

static const struct pid_entry pid_entries[] = {
	DIR("fd", 0500, PE_DIR_FD),
	DIR("fdinfo", 0555, PE_DIR_FDINFO),
	DIR("ns", 0511, PE_DIR_NS),
	DIR("net", 0555, PE_DIR_NET),
	DIR("attr", 0555, PE_DIR_ATTR),
	{ .name = "task", .mode = S_IFDIR | 0555, .kind = PE_DIR_TASK, .leader_only = true },
	TEXT_SEQ("autogroup", 0644, proc_show_autogroup, proc_store_autogroup, true),
	TEXT_MM("auxv", 0400, proc_show_auxv, MM_OPEN | MM_KEPT),
	TEXT("cgroup", 0444, proc_show_cgroup),
	{ .name = "children",
		.mode = S_IFREG | 0444,
		.kind = PE_TEXT,
		.thread_only = true,
		.show = proc_show_children },
	{ .name = "clear_refs",
		.mode = S_IFREG | 0200,
		.kind = PE_TEXT,
		.store = proc_store_clear_refs },
	TEXT("cmdline", 0444, proc_show_cmdline),
	TEXT_SEQ("comm", 0644, proc_show_comm, proc_store_comm, false),
	TEXT_LEADER("coredump_filter", 0644, proc_show_coredump_filter, proc_store_coredump_filter),
	TEXT("cpuset", 0444, proc_show_cpuset),
	LINK("cwd", proc_link_cwd),
	TEXT_MM("environ", 0400, proc_show_environ, MM_OPEN),
	LINK("exe", proc_link_exe),
	TEXT_ONCE("gid_map", 0644, proc_show_gid_map, proc_store_gid_map),
	{ .name = "io",
		.mode = S_IFREG | 0400,
		.kind = PE_TEXT,
		.private = true,
		.show = proc_pid_io,
		.tid_show = proc_tid_io },
	TEXT_MM("ksm_merging_pages", 0400, proc_pid_ksm_pages, MM_USERS),
	TEXT_MM("ksm_stat", 0400, proc_pid_ksm_stat, MM_USERS),
	TEXT("limits", 0444, proc_pid_limits),
	TEXT_START("loginuid", 0644, proc_show_loginuid, proc_store_loginuid),
	{ .name = "map_files",
		.mode = S_IFDIR | 0500,
		.kind = PE_DIR_MAP_FILES,
		.leader_only = true },
	{ .name = "maps",
		.mode = S_IFREG | 0444,
		.kind = PE_TEXT,
		.show_mm = proc_pid_maps,
		.mm_rules = MM_TASK,
		.ioctl = proc_pid_maps_ioctl },
	FOPS("mem", 0600, &proc_mem_fops),
	FOPS("mountinfo", 0444, &proc_mountinfo_fops),
	FOPS("mounts", 0444, &proc_mounts_fops),
	FOPS("mountstats", 0400, &proc_mountstats_fops),
	TEXT_MM("numa_maps", 0444, proc_pid_numa_maps, MM_TASK),
	TEXT_RW("oom_adj", 0644, proc_show_legacy_oom_adj, proc_store_legacy_oom_adj),
	TEXT("oom_score", 0444, proc_show_oom_score),
	TEXT_RW("oom_score_adj", 0644, proc_show_oom_adj, proc_store_oom_adj),
	FOPS("pagemap", 0400, &proc_pagemap_fops),
	TEXT_PRIVATE("personality", 0400, proc_show_personality),
	TEXT_ONCE("projid_map", 0644, proc_show_projid_map, proc_store_projid_map),
	LINK("root", proc_link_root),
	TEXT("sched", 0444, proc_show_sched),
	TEXT("schedstat", 0444, proc_show_schedstat),
	TEXT("sessionid", 0444, proc_show_sessionid),
	TEXT_ONCE("setgroups", 0644, proc_show_setgroups, proc_store_setgroups),
	TEXT_MM("smaps", 0444, proc_pid_smaps, MM_TASK),
	TEXT_MM("smaps_rollup", 0444, proc_pid_smaps_rollup, MM_OPEN | MM_TASK | MM_USERS),
	TEXT_PRIVATE("stack", 0400, proc_show_stack),
	{ .name = "stat",
		.mode = S_IFREG | 0444,
		.kind = PE_TEXT,
		.show = proc_pid_stat,
		.tid_show = proc_tid_stat },
	TEXT("statm", 0444, proc_pid_statm),
	TEXT("status", 0444, proc_pid_status),
	TEXT_PRIVATE("syscall", 0400, proc_show_syscall),
	TEXT_ONCE("timens_offsets", 0644, proc_show_timens, proc_store_timens),
	TEXT_LEADER("timers", 0444, proc_show_timers, NULL),
	TEXT_SEQ("timerslack_ns", 0666, proc_show_timerslack, proc_store_timerslack, true),
	TEXT_ONCE("uid_map", 0644, proc_show_uid_map, proc_store_uid_map),
	TEXT("wchan", 0444, proc_show_wchan),
};

static u32 nr_pid_entries(void)
{
	return ARRAY_SIZE(pid_entries);
}

static const struct inode_operations pid_dir_iops = { .lookup = pid_dir_lookup,
	.setattr = proc_pid_setattr };
static const struct inode_operations pid_hidden_iops = { .lookup = pid_dir_lookup,
	.permission = proc_hidden_permission,
	.getattr = proc_hidden_getattr,
	.setattr = proc_pid_setattr };
static const struct inode_operations task_dir_iops = {
	.lookup = task_dir_lookup, .getattr = task_dir_getattr, .setattr = proc_pid_setattr
};
static const struct inode_operations pid_file_iops = {
	.permission = pid_file_permission,
	.setattr = proc_pid_setattr,
};
static const struct file_operations pid_dir_fops = { .iterate = pid_dir_iterate,
	.llseek = generic_file_llseek };
static const struct file_operations task_dir_fops = { .iterate = task_dir_iterate,
	.llseek = generic_file_llseek };

/*
 * Returns the process whose directory @f has open, for pidfd_send_signal(2), or NULL if @f is
 * another file.
 */
static struct pid *pid_of_dir(const struct file *f)
{
	struct proc_inode *pi;

	if (f->f_op != &pid_dir_fops)
		return NULL;
	pi = PROC_I(f->f_inode);
	return pi->in_task ? NULL : pi->pid;
}

static const struct task_proc_ops ops_for_tasks = { .dir_pid = pid_of_dir };

static int pid_init(void)
{
	task_proc_ops = &ops_for_tasks;
	return 0;
}
INITCALL(3, pid_init);
