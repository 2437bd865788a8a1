/* SPDX-License-Identifier: MIT */
/*
 * ioctl.c: ioctl(2): the commands that all files have (close-on-exec, non-blocking, SIGIO, block
 * size, flags), then those of f_op->ioctl.
 */
#include <asm/ioctls.h>
#include <linux/fiemap.h>
#include <linux/fs.h>

#include "gen/syscalls.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/landlock/landlock.h"

static int change_flag(struct file *f, uaddr_t arg, u32 flag)
{
	int on;

	if (get_user(on, arg))
		return -EFAULT;
	spin_lock(&f->f_lock);
	f->f_flags = on ? f->f_flags | flag : f->f_flags & ~flag;
	spin_unlock(&f->f_lock);
	return 0;
}

static int change_fasync(int fd, struct file *f, uaddr_t arg)
{
	int on, err;

	if (get_user(on, arg))
		return -EFAULT;
	if (!!on == !!(f->f_flags & FASYNC))
		return 0;
	if (!f->f_op->fasync)
		return -ENOTTY;
	err = f->f_op->fasync(fd, f, on);
	if (err < 0)
		return err;
	spin_lock(&f->f_lock);
	f->f_flags = on ? f->f_flags | FASYNC : f->f_flags & ~(u32)FASYNC;
	spin_unlock(&f->f_lock);
	return 0;
}

/* Reports how many bytes of a regular file are left to read. */
static int regular_fionread(struct file *f, uaddr_t arg)
{
	int left = i_size_read(f->f_inode) - f->f_pos;

	return put_user(left, arg);
}

long vfs_ioctl(struct file *f, u32 cmd, u64 arg)
{
	return f->f_op->ioctl ? f->f_op->ioctl(f, cmd, arg) : -ENOTTY;
}

static long do_ioctl(int fd, struct file *f, u32 cmd, u64 arg)
{
	long ret = landlock_ioctl(f, cmd);
	int bsize;

	if (ret)
		return ret;
	ret = file_attr_ioctl(f, cmd, arg);

	if (ret != -ENOIOCTLCMD)
		return ret;

	switch (cmd) {
	case FIOCLEX: return fd_set_cloexec(fd, true);
	case FIONCLEX: return fd_set_cloexec(fd, false);
	case FIONBIO: return change_flag(f, UADDR(arg), O_NONBLOCK);
	case FIOASYNC: return change_fasync(fd, f, UADDR(arg));
	case FIGETBSZ:
		bsize = f->f_inode->i_sb->s_blocksize;
		return bsize ? put_user(bsize, UADDR(arg)) : -EINVAL;
	case FIOQSIZE:
		if (is_dir(f->f_inode) || is_reg(f->f_inode) || is_lnk(f->f_inode)) {
			loff_t size = f->f_inode->i_blocks * 512;

			return put_user(size, UADDR(arg));
		}
		return -ENOTTY;
	case FIONREAD:
		if (is_reg(f->f_inode))
			return regular_fionread(f, UADDR(arg));
		break;
	}
	return vfs_ioctl(f, cmd, arg);
}

long sys_ioctl(int fd, u32 cmd, u64 arg)
{
	struct fd f = fdget(fd);
	long ret;

	if (!f.file)
		return -EBADF;
	ret = do_ioctl(fd, f.file, cmd, arg);
	fdput(f);
	return ret;
}
