/* SPDX-License-Identifier: MIT */
/*
 * pid_fd.c: /proc/PID/fd, the links to open files, and /proc/PID/fdinfo, a description of each.
 * Both list the descriptors that the task has at the time of the call. An inode has a descriptor's
 * number, never a reference to its file.
 */
#include <asm/errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"

/* bytes of the longest list in a fdinfo, other than that of locks */
#define INFO_MAX (4UL << 20)

int proc_link_fd(struct task *t, int fd, struct path *path)
{
	struct file *f = fget_task(t, fd);

	if (!f)
		return -ENOENT;
	*path = f->f_path;
	path_get(path);
	fput(f);
	return 0;
}

static bool is_fdinfo(const struct inode *dir)
{
	return dir->i_fop == &proc_fdinfo_dir_fops;
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
	inode = proc_pid_inode(dir, mode, pdir->pid, pdir->thread, t);
	if (!inode)
		return NULL;
	PROC_I(inode)->fd = fd;
	if (info)
		inode->i_fop = &proc_pid_text_fops;
	else
		inode->i_op = &proc_pid_link_iops;
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
	if (proc_parse_number(&d->d_name, &fd))
		f = fget_task(t, (int)fd);
	if (f)
		inode = fd_inode(dir, t, (int)fd, f);
	put_task(t);
	if (!f)
		return ERR_PTR(-ENOENT);
	fput(f);
	return proc_pid_add(d, inode);
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

/*
 * Allows only callers that may trace the process, although the mode (0555) would allow all users.
 */
static int fdinfo_dir_permission(struct inode *inode, int mask)
{
	struct task *t = proc_task(inode);
	bool may;

	if (!t)
		return -ESRCH;
	may = ptrace_may_access(t, false);
	put_task(t);
	return may ? generic_permission(inode, mask) : -EACCES;
}

/*
 * Adds all that f_op->show_fdinfo() prints, and tries again with a larger buffer if one is full.
 * Beyond INFO_MAX bytes, whole lines are left out. Returns 0 or -ENOMEM.
 */
static int add_own(struct seq *s, struct file *f)
{
	for (size_t size = PAGE_SIZE;; size *= 2) {
		char *buf = kmalloc(size, GFP_KERNEL);
		bool full;
		size_t n;

		if (!buf)
			return -ENOMEM;
		n = (size_t)max(f->f_op->show_fdinfo(f, buf, size), 0);
		full = n + 1 >= size;
		if (!full || size == INFO_MAX) {
			while (full && n && buf[n - 1] != '\n')
				n--;
			seq_write(s, buf, n);
			kfree(buf);
			return 0;
		}
		kfree(buf);
		cond_resched();
	}
}

/* Where the text of the locks is that a process with the table @files has on a file. */
struct own_locks {
	struct locks_at at;
	struct file *f;
	const void *files;
};

static int more_locks(void *arg, char *buf, size_t size)
{
	struct own_locks *l = arg;

	return locks_fdinfo(&l->at, l->f, l->files, buf, size);
}

int proc_show_fdinfo(struct seq *s, struct task *t, int fd)
{
	struct file *f = fget_task(t, fd);
	int err = 0;

	if (!f)
		return -ENOENT;
	seq_printf(s, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t%d\nino:\t%lu\n", f->f_pos,
		f->f_flags | (fd_is_cloexec(t, fd) ? O_CLOEXEC : 0),
		f->f_path.mnt ? f->f_path.mnt->mnt_id : 0, f->f_inode->i_ino);
	if (f->f_op->show_fdinfo)
		err = add_own(s, f);
	if (!err)
		err = seq_turns(s, 4 * PAGE_SIZE, more_locks,
			&(struct own_locks){ .f = f, .files = t->files });
	fput(f);
	return err;
}

const struct inode_operations proc_fd_dir_iops = {
	.lookup = fd_dir_lookup,
	.permission = fd_dir_permission,
	.setattr = proc_pid_setattr,
};
const struct inode_operations proc_fdinfo_dir_iops = {
	.lookup = fd_dir_lookup,
	.permission = fdinfo_dir_permission,
	.setattr = proc_pid_setattr,
};
const struct file_operations proc_fd_dir_fops = { .iterate = fd_dir_iterate,
	.llseek = generic_file_llseek };
const struct file_operations proc_fdinfo_dir_fops = { .iterate = fd_dir_iterate,
	.llseek = generic_file_llseek };
