/* SPDX-License-Identifier: MIT */
/*
 * file.c: an attribute, as an open file.
 *
 * It is a text as those of /proc are (kernel/fs/proc/seq.c), with the manners of Linux's kernfs:
 * nobody, root neither, opens it for what it cannot do; it has the size of a page, which is where
 * SEEK_END leads; fsync() is no error; and poll() says that there is something exceptional until it
 * is read, so that who waits for news of an attribute sees its first value. News of later ones are
 * those that Linux tells of by sysfs_notify(), and none of the attributes here are such.
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
