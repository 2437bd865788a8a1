/* SPDX-License-Identifier: MIT */
/*
 * kmsg.c: /proc/kmsg: the kernel log as syslog(2) reads it: each record is returned to one reader
 * only. Syslog daemons and systemd-nspawn use it, other programs read /dev/kmsg. Locks:
 * kernel/task/syslog.c.
 */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/task/process.h"
#include "kernel/vfs/vfs.h"

static int kmsg_open(struct inode *inode, struct file *f)
{
	return capable(CAP_SYSLOG) || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static ssize_t kmsg_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	if (file_nonblock(f, to) && !syslog_unread())
		return -EAGAIN;
	return syslog_read(to);
}

static u32 kmsg_poll(struct file *f, struct poll_table *pt)
{
	poll_wait(f, &printk_wait, pt);
	return syslog_unread() ? EPOLLIN | EPOLLRDNORM : 0;
}

static const struct file_operations kmsg_fops = {
	.open = kmsg_open,
	.read_iter = kmsg_read,
	.poll = kmsg_poll,
	.llseek = generic_file_llseek,
};

static int kmsg_init(void)
{
	return proc_create_fops("kmsg", 0400, &kmsg_fops);
}
INITCALL(3, kmsg_init);
