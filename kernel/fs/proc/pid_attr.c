/* SPDX-License-Identifier: MIT */
/*
 * pid_attr.c: /proc/PID/attr, where programs look for the labels of SELinux, Smack and AppArmor. As
 * on a Linux without a security module that uses labels, the files exist, but reads and writes fail
 * with EINVAL.
 */
#include <asm/errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"

static const struct attr_file {
	const char *name;
	umode_t mode;
} attr_files[] = {
	{ "current", 0666 },
	{ "prev", 0444 },
	{ "exec", 0666 },
	{ "fscreate", 0666 },
	{ "keycreate", 0666 },
	{ "sockcreate", 0666 },
};

/*
 * Keeps the task's mm in private_data, so that writes can be refused if the file was opened before
 * an execve(2).
 */
static int attr_open(struct inode *inode, struct file *f)
{
	struct task *t = proc_task(inode);
	struct mm *mm = t ? mm_access(t, false) : NULL;

	if (t)
		put_task(t);
	if (IS_ERR_OR_NULL(mm))
		return 0;
	mmgrab(mm);
	mmput(mm);
	f->private_data = mm;
	return 0;
}

static int attr_release(struct inode *inode, struct file *f)
{
	if (f->private_data)
		mmdrop(f->private_data);
	return 0;
}

static ssize_t attr_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct task *t = proc_task(f->f_inode);

	if (!t)
		return -ESRCH;
	put_task(t);
	return -EINVAL;
}

/*
 * Refuses every write. -EPERM: the file was opened for another memory, that of another process or
 * that before an execve(2). -ESRCH: the file's task is gone. -EACCES: it is another thread of the
 * writer's process. -EFAULT: the text cannot be read. Else -EINVAL.
 */
static ssize_t attr_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	struct task *t;
	bool own;
	char byte;

	if (f->private_data != current->mm)
		return -EPERM;
	t = proc_task(f->f_inode);
	own = t == current;
	if (!t)
		return -ESRCH;
	put_task(t);
	if (!own)
		return -EACCES;
	if (!*pos && from->count && copy_from_iter(&byte, 1, from) != 1)
		return -EFAULT;
	return -EINVAL;
}

static const struct file_operations attr_file_fops = {
	.open = attr_open,
	.release = attr_release,
	.read_iter = attr_read,
	.write_iter = attr_write,
	.llseek = generic_file_llseek,
};

static struct dentry *attr_dir_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct task *t = proc_task(dir);
	const struct attr_file *a = attr_files, *end = a + ARRAY_SIZE(attr_files);
	struct inode *inode;

	if (!t)
		return ERR_PTR(-ENOENT);
	while (a < end && (strlen(a->name) != d->d_name.len ||
				  memcmp(a->name, d->d_name.name, d->d_name.len)))
		a++;
	if (a == end) {
		put_task(t);
		return ERR_PTR(-ENOENT);
	}
	inode = proc_pid_inode(dir, S_IFREG | a->mode, PROC_I(dir)->pid, PROC_I(dir)->thread, t);
	put_task(t);
	if (inode)
		inode->i_fop = &attr_file_fops;
	return proc_pid_add(d, inode);
}

static int attr_dir_iterate(struct file *f, struct dir_context *ctx)
{
	if (!dir_emit_dots(f, ctx))
		return 0;
	for (u64 i = (u64)(ctx->pos - 2); i < ARRAY_SIZE(attr_files); i++) {
		const char *name = attr_files[i].name;

		if (!dir_emit(ctx, name, (int)strlen(name), f->f_inode->i_ino * 64 + i, 8))
			return 0;
		ctx->pos = (loff_t)i + 3;
	}
	return 0;
}

const struct inode_operations proc_attr_dir_iops = { .lookup = attr_dir_lookup,
	.setattr = proc_pid_setattr };
const struct file_operations proc_attr_dir_fops = { .iterate = attr_dir_iterate,
	.llseek = generic_file_llseek };
