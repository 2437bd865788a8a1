/* SPDX-License-Identifier: MIT */
/*
 * pid.c: /proc/PID and /proc/PID/task/TID: directories, links and the table of their files.
 *
 * An inode holds a reference to a struct pid, never to a task: a dead process costs nothing, and each use looks the task up anew. A
 * dentry is valid while its task lives (d_revalidate). Owner of the files is the task's effective user, or root when it is not dumpable.
 *
 * Who may look: anybody at 0444 files; environ, maps, fd, exe and the like want ptrace_may_access(). No locks are held over show functions.
 */
#include <asm/errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/task.h"
#include "kernel/task/process.h"

enum pe_kind {
	PE_DIR_FD,
	PE_DIR_FDINFO,
	PE_DIR_TASK,
	PE_DIR_NS,
	PE_DIR_NET,
	PE_LINK,
	PE_TEXT,
	PE_FOPS
};

struct pid_entry {
	const char *name;
	umode_t mode;
	enum pe_kind kind;
	bool private; /* wants ptrace_may_access() */
	bool leader_only;
	int (*show)(struct seq *s, struct task *t);
	int (*tid_show)(struct seq *s, struct task *t); /* NULL: the same */
	int (*store)(struct task *t, char *text);
	int (*link)(struct task *t, struct path *path);
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

/* ---- small texts ---- */

static int show_comm(struct seq *s, struct task *t)
{
	seq_printf(s, "%s\n", t->comm);
	return 0;
}

static int store_comm(struct task *t, char *text)
{
	if (t->tgid != current->tgid)
		return -EINVAL;
	strscpy(t->comm, text, sizeof(t->comm));
	return 0;
}

/* Bytes [from, to) of the process's memory, at most @max. */
static int show_memory(struct seq *s, struct mm *mm, u64 from, u64 to, u64 max)
{
	char *buf = get_free_page(GFP_KERNEL);

	if (!buf)
		return -ENOMEM;
	if (to > from + max)
		to = from + max;
	while (from < to) {
		ssize_t n = access_mm(mm, from, buf, min_t(u64, PAGE_SIZE, to - from), false, true);

		if (n <= 0)
			break;
		seq_write(s, buf, (size_t)n);
		from += (u64)n;
	}
	free_page_addr(buf);
	return 0;
}

static int show_cmdline(struct seq *s, struct task *t)
{
	struct mm *mm = get_task_mm(t);
	u64 arg_end;

	if (!mm)
		return 0;
	arg_end = mm->arg_end;
	show_memory(s, mm, mm->arg_start, arg_end, 1U << 20);
	/* a program that overwrote the end of its arguments (setproctitle) goes on into the environment */
	if (s->len && s->buf[s->len - 1] && !s->full) {
		size_t before = s->len, i;

		show_memory(s, mm, mm->env_start, mm->env_end, PAGE_SIZE);
		for (i = before; i < s->len && s->buf[i]; i++)
			;
		s->len = i < s->len ? i + 1 : i;
	}
	mmput(mm);
	return 0;
}

static int show_environ(struct seq *s, struct task *t)
{
	struct mm *mm = get_task_mm(t);

	if (!mm)
		return 0;
	show_memory(s, mm, mm->env_start, mm->env_end, 1U << 20);
	mmput(mm);
	return 0;
}

static int show_auxv(struct seq *s, struct task *t)
{
	struct mm *mm = get_task_mm(t);

	if (!mm)
		return 0;
	seq_write(s, mm->auxv, mm->nr_auxv * sizeof(mm->auxv[0]));
	mmput(mm);
	return 0;
}

static int show_wchan(struct seq *s, struct task *t)
{
	seq_puts(s, t->state == TASK_RUNNING || !t->wchan ? "0" : t->wchan);
	return 0;
}

static int show_syscall(struct seq *s, struct task *t)
{
	const struct regs *r = task_regs(t);

	if (t->state == TASK_RUNNING || (s64)t->syscall_nr < 0)
		seq_puts(s, t->state == TASK_RUNNING ? "running\n" : "-1 0x0 0x0\n");
	else
		seq_printf(s, "%ld 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx\n",
			t->syscall_nr, r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9, r->rsp,
			r->rip);
	return 0;
}

static int show_personality(struct seq *s, struct task *t)
{
	seq_printf(s, "%08x\n", t->personality);
	return 0;
}

static int show_oom_adj(struct seq *s, struct task *t)
{
	seq_printf(s, "%d\n", t->signal->oom_score_adj);
	return 0;
}

static int store_oom_adj(struct task *t, char *text)
{
	s64 v;

	if (kstrtos64(text, 10, &v) || v < -1000 || v > 1000)
		return -EINVAL;
	if (v < t->signal->oom_score_adj_min && !capable(CAP_SYS_RESOURCE))
		return -EACCES;
	t->signal->oom_score_adj = (int)v;
	if (capable(CAP_SYS_RESOURCE))
		t->signal->oom_score_adj_min = (int)v;
	return 0;
}

static int show_oom_score(struct seq *s, struct task *t)
{
	struct mm *mm = get_task_mm(t);
	struct meminfo mi;
	s64 score = 0;

	if (mm) {
		si_meminfo(&mi);
		score = (atomic_read(&mm->rss_anon) + atomic_read(&mm->rss_file) +
				atomic_read(&mm->rss_shmem)) *
			1000 / (s64)max_t(u64, mi.total, 1);
		mmput(mm);
	}
	score = (score + t->signal->oom_score_adj + 1000) * 2 / 3;
	seq_printf(s, "%ld\n", max_t(s64, score, 0));
	return 0;
}

static int show_cgroup(struct seq *s, struct task *t)
{
	seq_puts(s, "0::/\n");
	return 0;
}

static int show_loginuid(struct seq *s, struct task *t)
{
	seq_puts(s, "4294967295");
	return 0;
}

static int show_id_map(struct seq *s, struct task *t)
{
	seq_puts(s, "         0          0 4294967295\n");
	return 0;
}

static int show_schedstat(struct seq *s, struct task *t)
{
	seq_printf(s, "%lu 0 %lu\n", t->se.sum_exec, t->nvcsw + t->nivcsw);
	return 0;
}

static int show_timerslack(struct seq *s, struct task *t)
{
	seq_printf(s, "%lu\n", t->timer_slack_ns);
	return 0;
}

static int show_coredump_filter(struct seq *s, struct task *t)
{
	seq_puts(s, "00000033\n");
	return 0;
}

static int show_children(struct seq *s, struct task *t)
{
	struct task *c;

	read_lock(&tasklist_lock);
	list_for_each_entry(c, &t->group_leader->children, sibling)
		seq_printf(s, "%d ", c->pid);
	read_unlock(&tasklist_lock);
	return 0;
}

static int show_mount_list(struct seq *s, struct task *t, int style)
{
	struct path root = { NULL, NULL };
	struct mount *m;
	char *buf = get_free_page(GFP_KERNEL);

	if (!buf)
		return -ENOMEM;
	spin_lock(&t->alloc_lock);
	if (t->fs) {
		spin_lock(&t->fs->lock);
		root = t->fs->root;
		path_get(&root);
		spin_unlock(&t->fs->lock);
	}
	spin_unlock(&t->alloc_lock);
	if (!root.mnt) {
		free_page_addr(buf);
		return -EINVAL;
	}
	down_read(&namespace_sem);
	list_for_each_entry(m, &init_mnt_ns->list, mnt_list) {
		int n = show_mounts_line(m, &root, style, buf, PAGE_SIZE);

		if (n > 0)
			seq_write(s, buf, (size_t)n);
	}
	up_read(&namespace_sem);
	path_put(&root);
	free_page_addr(buf);
	return 0;
}

static int show_mounts(struct seq *s, struct task *t)
{
	return show_mount_list(s, t, 0);
}

static int show_mountinfo(struct seq *s, struct task *t)
{
	return show_mount_list(s, t, 1);
}

static int show_mountstats(struct seq *s, struct task *t)
{
	return show_mount_list(s, t, 2);
}

/* ---- links ---- */

static int link_exe(struct task *t, struct path *path)
{
	struct mm *mm = get_task_mm(t);
	int err = -ENOENT;

	if (!mm)
		return err;
	down_read(&mm->mmap_lock);
	if (mm->exe_file) {
		*path = mm->exe_file->f_path;
		path_get(path);
		err = 0;
	}
	up_read(&mm->mmap_lock);
	mmput(mm);
	return err;
}

static int link_fs(struct task *t, struct path *path, bool root)
{
	int err = -ENOENT;

	spin_lock(&t->alloc_lock);
	if (t->fs) {
		spin_lock(&t->fs->lock);
		*path = root ? t->fs->root : t->fs->pwd;
		path_get(path);
		spin_unlock(&t->fs->lock);
		err = 0;
	}
	spin_unlock(&t->alloc_lock);
	return err;
}

static int link_cwd(struct task *t, struct path *path)
{
	return link_fs(t, path, false);
}

static int link_root(struct task *t, struct path *path)
{
	return link_fs(t, path, true);
}

static int link_fd(struct task *t, int fd, struct path *path)
{
	struct file *f = fget_task(t, fd);

	if (!f)
		return -ENOENT;
	*path = f->f_path;
	path_get(path);
	fput(f);
	return 0;
}

/* The path behind a link, with references. */
static int pid_link_path(struct inode *inode, struct path *path)
{
	struct proc_inode *pi = PROC_I(inode);
	struct task *t = proc_task(inode);
	int err;

	if (!t)
		return -ENOENT;
	if (!ptrace_may_access(t, false))
		err = -EACCES;
	else
		err = pi->pe ? pi->pe->link(t, path) : link_fd(t, pi->fd, path);
	put_task(t);
	return err;
}

static int pid_follow_link(struct dentry *d, struct inode *inode, struct path *to)
{
	return pid_link_path(inode, to);
}

static const char *pid_get_link(struct dentry *d, struct inode *inode, char **to_free)
{
	struct path path;
	int err = pid_link_path(inode, &path);
	char *buf, *text, *copy;

	if (err)
		return ERR_PTR(err);
	buf = get_free_page(GFP_KERNEL);
	if (!buf) {
		path_put(&path);
		return ERR_PTR(-ENOMEM);
	}
	text = d_path(&path, buf, PAGE_SIZE);
	copy = IS_ERR(text) ? text : kstrdup(text);
	path_put(&path);
	free_page_addr(buf);
	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (!IS_ERR(copy))
		*to_free = copy;
	return copy;
}

/* ---- inodes ---- */

static const struct inode_operations pid_dir_iops, fd_dir_iops, task_dir_iops, pid_link_iops,
	ns_dir_iops, net_dir_iops, pid_file_iops;
static const struct file_operations pid_dir_fops, fd_dir_fops, task_dir_fops, ns_dir_fops,
	net_dir_fops;

static void set_owner(struct inode *inode, struct task *t)
{
	const struct cred *c = get_task_cred(t);
	bool dumpable = true;

	spin_lock(&t->alloc_lock);
	if (t->mm)
		dumpable = t->mm->dumpable;
	spin_unlock(&t->alloc_lock);
	inode->i_uid = dumpable ? c->euid : 0;
	inode->i_gid = dumpable ? c->egid : 0;
	put_cred(c);
}

static struct inode *pid_inode(
	struct inode *dir, umode_t mode, struct pid *pid, bool thread, struct task *t)
{
	struct inode *inode = proc_new_inode(dir->i_sb, mode, pid);

	if (!inode)
		return NULL;
	PROC_I(inode)->thread = thread;
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

static struct dentry *add(struct dentry *d, struct inode *inode)
{
	if (!inode)
		return ERR_PTR(-ENOMEM);
	d->d_op = &proc_pid_dops;
	d_add(d, inode);
	return NULL;
}

static bool parse_number(const struct qstr *name, u32 *n)
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

/* Any thread's number finds its process, as in Linux; listings show leaders only. */
struct dentry *proc_pid_lookup(struct inode *dir, struct dentry *d, const struct qstr *name)
{
	struct inode *inode;
	struct task *t;
	u32 nr;

	if (!parse_number(name, &nr))
		return ERR_PTR(-ENOENT);
	t = find_get_task((pid_t)nr);
	if (!t)
		return ERR_PTR(-ENOENT);
	inode = pid_inode(dir, S_IFDIR | 0555, t->thread_pid, t->pid != t->tgid, t);
	put_task(t);
	if (inode) {
		inode->i_op = &pid_dir_iops;
		inode->i_fop = &pid_dir_fops;
	}
	return add(d, inode);
}

/* The lowest process number >= nr, or 0. */
static pid_t next_process(pid_t nr)
{
	struct task *t;
	pid_t best = 0;

	read_lock(&tasklist_lock);
	list_for_each_entry(t, &all_processes, tasks)
		if (t->pid >= nr && (!best || t->pid < best))
			best = t->pid;
	read_unlock(&tasklist_lock);
	return best;
}

int proc_pid_iterate(struct file *f, struct dir_context *ctx, loff_t base)
{
	pid_t nr = (pid_t)(ctx->pos - base);

	while ((nr = next_process(max(nr, 1)))) {
		char name[12];
		int len = scnprintf(name, sizeof(name), "%d", nr);

		ctx->pos = base + nr;
		if (!dir_emit(ctx, name, len, (u64)nr + 0x10000000, 4))
			return 0;
		nr++;
		ctx->pos = base + nr;
		cond_resched();
	}
	return 0;
}

static bool entry_here(const struct pid_entry *e, const struct proc_inode *dir)
{
	return !(e->leader_only && dir->thread);
}

static struct inode *entry_inode(struct inode *dir, const struct pid_entry *e, struct task *t)
{
	struct proc_inode *pdir = PROC_I(dir);
	struct inode *inode = pid_inode(dir, e->mode, pdir->pid, pdir->thread, t);

	if (!inode)
		return NULL;
	PROC_I(inode)->pe = e;
	switch (e->kind) {
	case PE_DIR_FD:
	case PE_DIR_FDINFO:
		inode->i_op = &fd_dir_iops;
		inode->i_fop = &fd_dir_fops;
		break;
	case PE_DIR_TASK:
		inode->i_op = &task_dir_iops;
		inode->i_fop = &task_dir_fops;
		break;
	case PE_DIR_NS:
		inode->i_op = &ns_dir_iops;
		inode->i_fop = &ns_dir_fops;
		break;
	case PE_DIR_NET:
		inode->i_op = &net_dir_iops;
		inode->i_fop = &net_dir_fops;
		break;
	case PE_LINK: inode->i_op = &pid_link_iops; break;
	case PE_TEXT: inode->i_fop = &proc_text_fops; break;
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
		return add(d, inode);
	}
	put_task(t);
	return ERR_PTR(-ENOENT);
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
	t = parse_number(&d->d_name, &nr) ? find_get_task((pid_t)nr) : NULL;
	if (!t || t->tgid != leader->tgid) {
		if (t)
			put_task(t);
		put_task(leader);
		return ERR_PTR(-ENOENT);
	}
	inode = pid_inode(dir, S_IFDIR | 0555, t->thread_pid, true, t);
	if (inode) {
		inode->i_op = &pid_dir_iops;
		inode->i_fop = &pid_dir_fops;
	}
	put_task(t);
	put_task(leader);
	return add(d, inode);
}

static pid_t next_thread_nr(struct task *leader, pid_t nr)
{
	struct task *t;
	pid_t best = 0;

	read_lock(&tasklist_lock);
	list_for_each_entry(t, &leader->signal->threads, thread_node)
		if (t->pid >= nr && (!best || t->pid < best))
			best = t->pid;
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
	while ((nr = next_thread_nr(leader, max(nr, 1)))) {
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

/* ---- fd, fdinfo ---- */

static bool is_fdinfo(const struct inode *dir)
{
	return PROC_I(dir)->pe->kind == PE_DIR_FDINFO;
}

static struct inode *fd_inode(struct inode *dir, struct task *t, int fd, struct file *f)
{
	struct proc_inode *pdir = PROC_I(dir);
	bool info = is_fdinfo(dir);
	umode_t mode = info ? S_IFREG | 0444 : S_IFLNK;
	struct inode *inode;

	if (!info && f->f_mode & FMODE_READ)
		mode |= 0500;
	if (!info && f->f_mode & FMODE_WRITE)
		mode |= 0300;
	inode = pid_inode(dir, mode, pdir->pid, pdir->thread, t);
	if (!inode)
		return NULL;
	PROC_I(inode)->fd = fd;
	if (info)
		inode->i_fop = &proc_text_fops;
	else
		inode->i_op = &pid_link_iops;
	return inode;
}

static struct dentry *fd_dir_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct task *t = proc_task(dir);
	struct inode *inode = NULL;
	struct file *f = NULL;
	u32 fd;

	if (!t)
		return ERR_PTR(-ENOENT);
	if (parse_number(&d->d_name, &fd))
		f = fget_task(t, (int)fd);
	if (f)
		inode = fd_inode(dir, t, (int)fd, f);
	put_task(t);
	if (!f)
		return ERR_PTR(-ENOENT);
	fput(f);
	return add(d, inode);
}

static int fd_dir_iterate(struct file *dirf, struct dir_context *ctx)
{
	struct task *t = proc_task(dirf->f_inode);
	struct file *f;
	int fd;

	if (!t)
		return -ENOENT;
	if (!dir_emit_dots(dirf, ctx))
		goto out;
	fd = (int)(ctx->pos - 2);
	while ((f = fget_task_next(t, &fd))) {
		char name[12];
		int len = scnprintf(name, sizeof(name), "%d", fd);

		fput(f);
		ctx->pos = fd + 2;
		if (!dir_emit(ctx, name, len, dirf->f_inode->i_ino * 1024 + (u64)fd,
			    is_fdinfo(dirf->f_inode) ? 8 : 10))
			break;
		fd++;
		ctx->pos = fd + 2;
	}
out:
	put_task(t);
	return 0;
}

static int fd_dir_permission(struct inode *inode, int mask)
{
	struct task *t = proc_task(inode);
	int err;

	if (!t)
		return -ESRCH;
	err = t->tgid == current->tgid || ptrace_may_access(t, false) ? 0 : -EACCES;
	put_task(t);
	return err && !generic_permission(inode, mask) ? 0 : err;
}

static int show_fdinfo(struct seq *s, struct task *t, int fd)
{
	struct file *f = fget_task(t, fd);
	char *buf;

	if (!f)
		return -ENOENT;
	seq_printf(s, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t%d\nino:\t%lu\n", f->f_pos,
		f->f_flags | (fd_is_cloexec(t, fd) ? O_CLOEXEC : 0),
		f->f_path.mnt ? f->f_path.mnt->mnt_id : 0, f->f_inode->i_ino);
	if (f->f_op->show_fdinfo && (buf = get_free_page(GFP_KERNEL))) {
		int n = f->f_op->show_fdinfo(f, buf, PAGE_SIZE);

		if (n > 0)
			seq_write(s, buf, (size_t)n);
		free_page_addr(buf);
	}
	fput(f);
	return 0;
}

/* ---- ns: one namespace of each kind ---- */

static const struct {
	const char *name;
	u32 ino;
} namespaces[] = {
	{ "cgroup", 4026531835U },
	{ "ipc", 4026531839U },
	{ "mnt", 4026531841U },
	{ "net", 4026531840U },
	{ "pid", 4026531836U },
	{ "pid_for_children", 4026531836U },
	{ "time", 4026531834U },
	{ "time_for_children", 4026531834U },
	{ "user", 4026531837U },
	{ "uts", 4026531838U },
};

static const char *ns_get_link(struct dentry *d, struct inode *inode, char **to_free)
{
	u32 i = (u32)PROC_I(inode)->fd;
	const char *name = namespaces[i].name;
	char *text = kzalloc(40, GFP_KERNEL);
	int n = (int)strcspn(name, "_");

	if (!text)
		return ERR_PTR(-ENOMEM);
	scnprintf(text, 40, "%.*s:[%u]", n, name, namespaces[i].ino);
	*to_free = text;
	return text;
}

static const struct inode_operations ns_link_iops = { .get_link = ns_get_link };

static struct dentry *ns_dir_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct task *t = proc_task(dir);
	struct inode *inode;
	u32 i;

	if (!t)
		return ERR_PTR(-ENOENT);
	for (i = 0; i < ARRAY_SIZE(namespaces); i++) {
		if (strlen(namespaces[i].name) != d->d_name.len ||
			memcmp(namespaces[i].name, d->d_name.name, d->d_name.len))
			continue;
		inode = pid_inode(dir, S_IFLNK | 0777, PROC_I(dir)->pid, PROC_I(dir)->thread, t);
		put_task(t);
		if (!inode)
			return ERR_PTR(-ENOMEM);
		PROC_I(inode)->fd = (int)i;
		inode->i_op = &ns_link_iops;
		d_add(d, inode);
		return NULL;
	}
	put_task(t);
	return ERR_PTR(-ENOENT);
}

static int ns_dir_iterate(struct file *f, struct dir_context *ctx)
{
	u32 i;

	if (!dir_emit_dots(f, ctx))
		return 0;
	for (i = (u32)(ctx->pos - 2); i < ARRAY_SIZE(namespaces); i++) {
		ctx->pos = i + 2;
		if (!dir_emit(ctx, namespaces[i].name, (int)strlen(namespaces[i].name),
			    f->f_inode->i_ino * 64 + i, 10))
			return 0;
		ctx->pos = i + 3;
	}
	return 0;
}

/* ---- net: the fixed tree's ".net" directory, seen from each process ---- */

static struct proc_entry *net_tree(void)
{
	return proc_find(&proc_root_entry, ".net", 4);
}

static struct dentry *net_dir_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct proc_entry *net = net_tree(), *e;
	struct inode *inode;

	e = net ? proc_find(net, d->d_name.name, d->d_name.len) : NULL;
	if (!e)
		return ERR_PTR(-ENOENT);
	inode = proc_new_inode(dir->i_sb, e->mode, NULL);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	PROC_I(inode)->de = e;
	inode->i_fop = e->fops;
	d_add(d, inode);
	return NULL;
}

static int net_dir_iterate(struct file *f, struct dir_context *ctx)
{
	struct proc_entry *net = net_tree(), *e;
	loff_t n = 2;

	if (!dir_emit_dots(f, ctx))
		return 0;
	for (e = net ? net->children : NULL; e; e = e->next, n++) {
		if (n < ctx->pos)
			continue;
		if (!dir_emit(ctx, e->name, (int)strlen(e->name), e->ino, (e->mode & S_IFMT) >> 12))
			return 0;
		ctx->pos = n + 1;
	}
	return 0;
}

/* ---- texts ---- */

static int pid_setattr(struct dentry *d, struct iattr *attr)
{
	return attr->ia_valid & (ATTR_MODE | ATTR_UID | ATTR_GID) ? -EPERM : 0;
}

static int pid_file_permission(struct inode *inode, int mask)
{
	return generic_permission(inode, mask);
}

int proc_entry_show(const struct proc_inode *pi, struct seq *s)
{
	struct task *t;
	int err;

	if (!pi->pid)
		return pi->de && pi->de->show ? pi->de->show(s, pi->de->arg) : -EINVAL;
	t = proc_task_of(pi);
	if (!t)
		return -ESRCH;
	if (!pi->pe) {
		err = show_fdinfo(s, t, pi->fd);
	} else if (pi->pe->private && t->tgid != current->tgid && !ptrace_may_access(t, false)) {
		err = -EACCES;
	} else {
		err = pi->thread && pi->pe->tid_show ? pi->pe->tid_show(s, t) : pi->pe->show(s, t);
	}
	put_task(t);
	return err;
}

int proc_entry_store(const struct proc_inode *pi, char *text, size_t n)
{
	struct task *t;
	int err;

	if (!pi->pid)
		return pi->de && pi->de->store ? pi->de->store(text, n, pi->de->arg) : -EIO;
	if (!pi->pe || !pi->pe->store)
		return -EIO;
	t = proc_task_of(pi);
	if (!t)
		return -ESRCH;
	err = pi->pe->store(t, text);
	put_task(t);
	return err;
}

#define TEXT(n, m, fn)                                                                             \
	{                                                                                          \
		.name = n, .mode = S_IFREG | (m), .kind = PE_TEXT, .show = fn                      \
	}
#define TEXT_PRIVATE(n, m, fn)                                                                     \
	{                                                                                          \
		.name = n, .mode = S_IFREG | (m), .kind = PE_TEXT, .show = fn, .private = true     \
	}
#define TEXT_RW(n, m, fn, st)                                                                      \
	{                                                                                          \
		.name = n, .mode = S_IFREG | (m), .kind = PE_TEXT, .show = fn, .store = st         \
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
	{ .name = "task", .mode = S_IFDIR | 0555, .kind = PE_DIR_TASK, .leader_only = true },
	TEXT_PRIVATE("auxv", 0400, show_auxv),
	TEXT("cgroup", 0444, show_cgroup),
	TEXT("children", 0444, show_children),
	TEXT("cmdline", 0444, show_cmdline),
	TEXT_RW("comm", 0644, show_comm, store_comm),
	TEXT("coredump_filter", 0444, show_coredump_filter),
	LINK("cwd", link_cwd),
	TEXT_PRIVATE("environ", 0400, show_environ),
	LINK("exe", link_exe),
	TEXT("gid_map", 0444, show_id_map),
	TEXT_PRIVATE("io", 0400, proc_pid_io),
	TEXT("limits", 0444, proc_pid_limits),
	TEXT("loginuid", 0444, show_loginuid),
	TEXT_PRIVATE("maps", 0444, proc_pid_maps),
	FOPS("mem", 0600, &proc_mem_fops),
	TEXT("mountinfo", 0444, show_mountinfo),
	FOPS("mounts", 0444, &proc_mounts_fops),
	TEXT("mountstats", 0400, show_mountstats),
	TEXT("oom_score", 0444, show_oom_score),
	TEXT_RW("oom_score_adj", 0644, show_oom_adj, store_oom_adj),
	TEXT_PRIVATE("personality", 0400, show_personality),
	LINK("root", link_root),
	TEXT("schedstat", 0444, show_schedstat),
	TEXT("sessionid", 0444, show_loginuid),
	TEXT_PRIVATE("smaps", 0444, proc_pid_smaps),
	TEXT_PRIVATE("smaps_rollup", 0444, proc_pid_smaps_rollup),
	{ .name = "stat",
		.mode = S_IFREG | 0444,
		.kind = PE_TEXT,
		.show = proc_pid_stat,
		.tid_show = proc_tid_stat },
	TEXT("statm", 0444, proc_pid_statm),
	TEXT("status", 0444, proc_pid_status),
	TEXT_PRIVATE("syscall", 0400, show_syscall),
	TEXT("timerslack_ns", 0444, show_timerslack),
	TEXT("uid_map", 0444, show_id_map),
	TEXT("wchan", 0444, show_wchan),
};

static u32 nr_pid_entries(void)
{
	return ARRAY_SIZE(pid_entries);
}

static const struct inode_operations pid_dir_iops = { .lookup = pid_dir_lookup,
	.setattr = pid_setattr };
static const struct inode_operations fd_dir_iops = {
	.lookup = fd_dir_lookup,
	.permission = fd_dir_permission,
	.setattr = pid_setattr,
};
static const struct inode_operations task_dir_iops = { .lookup = task_dir_lookup,
	.setattr = pid_setattr };
static const struct inode_operations ns_dir_iops = { .lookup = ns_dir_lookup,
	.setattr = pid_setattr };
static const struct inode_operations net_dir_iops = { .lookup = net_dir_lookup,
	.setattr = pid_setattr };
static const struct inode_operations pid_file_iops = {
	.permission = pid_file_permission,
	.setattr = pid_setattr,
};
static const struct inode_operations pid_link_iops = {
	.get_link = pid_get_link,
	.follow_link = pid_follow_link,
	.setattr = pid_setattr,
};
static const struct file_operations pid_dir_fops = { .iterate = pid_dir_iterate,
	.llseek = generic_file_llseek };
static const struct file_operations fd_dir_fops = { .iterate = fd_dir_iterate,
	.llseek = generic_file_llseek };
static const struct file_operations task_dir_fops = { .iterate = task_dir_iterate,
	.llseek = generic_file_llseek };
static const struct file_operations ns_dir_fops = { .iterate = ns_dir_iterate,
	.llseek = generic_file_llseek };
static const struct file_operations net_dir_fops = { .iterate = net_dir_iterate,
	.llseek = generic_file_llseek };

/* ---- mounts: a text that can be polled for changes ---- */

struct mounts_file {
	struct seq seq;
	u64 event;
};

static int mounts_open(struct inode *inode, struct file *f)
{
	struct mounts_file *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return -ENOMEM;
	m->event = READ_ONCE(init_mnt_ns->seq);
	f->private_data = m;
	return 0;
}

static int mounts_release(struct inode *inode, struct file *f)
{
	struct mounts_file *m = f->private_data;

	if (m)
		kfree(m->seq.buf);
	kfree(m);
	return 0;
}

static ssize_t mounts_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct mounts_file *m = f->private_data;
	struct task *t;
	size_t n;

	if (*pos == 0) {
		t = proc_task(f->f_inode);
		if (!t)
			return -ESRCH;
		m->seq.len = 0;
		show_mounts(&m->seq, t);
		put_task(t);
		if (m->seq.full)
			return -ENOMEM;
	}
	if (*pos < 0 || (size_t)*pos >= m->seq.len)
		return 0;
	n = copy_to_iter(
		m->seq.buf + *pos, min_t(size_t, m->seq.len - (size_t)*pos, to->count), to);
	*pos += (loff_t)n;
	return n || !to->count ? (ssize_t)n : -EFAULT;
}

static u32 mounts_poll(struct file *f, struct poll_table *pt)
{
	struct mounts_file *m = f->private_data;
	u64 now;

	poll_wait(f, &init_mnt_ns->poll, pt);
	now = READ_ONCE(init_mnt_ns->seq);
	if (now == m->event)
		return 0x1 | 0x40; /* EPOLLIN | EPOLLRDNORM */
	m->event = now;
	return 0x1 | 0x40 | 0x8 | 0x2; /* and EPOLLERR | EPOLLPRI */
}

const struct file_operations proc_mounts_fops = {
	.open = mounts_open,
	.release = mounts_release,
	.read_iter = mounts_read,
	.poll = mounts_poll,
	.llseek = generic_file_llseek,
};
