/* SPDX-License-Identifier: MIT */
/*
 * pid_link.c: the links of /proc/PID: exe, cwd and root, and the functions that read and follow all
 * links, including fd/N and map_files. Each access needs ptrace_may_access(), and execve is held
 * off (exec_hold()) from that check until the path is taken. No other lock is held.
 */
#include <asm/errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"

int proc_link_exe(struct task *t, struct path *path)
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

int proc_link_cwd(struct task *t, struct path *path)
{
	return link_fs(t, path, false);
}

int proc_link_root(struct task *t, struct path *path)
{
	return link_fs(t, path, true);
}

/* Finds the target of a link. The path is referenced. Returns 0 or -errno. */
static int pid_link_path(struct inode *inode, struct path *path)
{
	struct proc_inode *pi = PROC_I(inode);
	struct task *t = proc_task(inode);
	u64 flags;
	int err;

	if (!t)
		return -ENOENT;
	err = exec_hold(t);
	if (err) {
		put_task(t);
		return err;
	}
	if (!ptrace_may_access(t, false))
		err = -EACCES;
	else if (pi->map_end)
		err = proc_map_file_path(t, pi->map_start, pi->map_end, path, &flags);
	else
		err = pi->pe ? proc_entry_link(pi, t, path) : proc_link_fd(t, pi->fd, path);
	exec_release(t);
	put_task(t);
	return err;
}

/*
 * Follows a link directly to its target, without checking the permissions of the directories on the
 * path. To follow a link in map_files needs a capability, to read it does not.
 */
static int pid_follow_link(struct dentry *d, struct inode *inode, struct path *to)
{
	if (PROC_I(inode)->map_end && !capable(CAP_SYS_ADMIN) && !capable(CAP_CHECKPOINT_RESTORE))
		return -EPERM;
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

const struct inode_operations proc_pid_link_iops = {
	.get_link = pid_get_link,
	.follow_link = pid_follow_link,
	.setattr = proc_pid_setattr,
};
