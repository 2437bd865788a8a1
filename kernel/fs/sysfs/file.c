/* SPDX-License-Identifier: MIT */
/*
 * file.c: the operations of an open attribute file.
 *
 * An attribute is a text like the files of /proc (kernel/fs/proc/seq.c), but behaves like a file of
 * Linux's kernfs. No user, not even root, can open an attribute for reading or writing if the
 * attribute does not support that. Its size is always a page, also for SEEK_END. fsync() succeeds.
 * poll() reports an exceptional condition until the file is read, so that a program that waits for
 * changes sees the first value. Later changes, which Linux reports by sysfs_notify() for some
 * attributes, do not occur in the attributes that Nestling has.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "kernel/fs/sysfs/sysfs.h"

static int attr_open(struct inode *inode, struct file *f)
{
	const struct proc_entry *e = PROC_I(inode)->de;

	if (f->f_mode & FMODE_READ && !(e->show && inode->i_mode & 0444))
		return -EACCES;
	if (f->f_mode & FMODE_WRITE && !(e->store && inode->i_mode & 0222))
		return -EACCES;
	return proc_text_open(inode, f);
}

static u32 attr_poll(struct file *f, struct poll_table *pt)
{
	const struct seq *s = f->private_data;

	return vfs_default_poll() | (READ_ONCE(s->seen) ? 0 : EPOLLERR | EPOLLPRI);
}

static int attr_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	return 0;
}

const struct file_operations sysfs_file_fops = {
	.open = attr_open,
	.release = proc_text_release,
	.read_iter = proc_text_read,
	.write_iter = proc_text_write,
	.poll = attr_poll,
	.fsync = attr_fsync,
	.llseek = generic_file_llseek,
};
