/* SPDX-License-Identifier: MIT */
/*
 * ioctl.c: ioctls of files and directories, which the server answers.
 *
 * A command encodes how many bytes go to the server and how many come back (asm-generic/ioctl.h).
 * So the kernel copies only that argument, and the server cannot ask for data at other addresses of
 * the caller (Linux has FUSE_IOCTL_RETRY only for CUSE, character devices in user space). The
 * commands of chattr and lsattr transfer another size than they encode: arg_size(). A command that
 * the server does not know gives ENOTTY.
 */
#include <asm/ioctl.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/fuse/fuse.h"
#include "kernel/vfs/idmap.h"

/* Returns the size in bytes of the argument that @cmd transfers. */
static u32 arg_size(u32 cmd)
{
	return cmd == FS_IOC_GETFLAGS || cmd == FS_IOC_SETFLAGS ? sizeof(int) : _IOC_SIZE(cmd);
}

/*
 * Checks whether the task may send @cmd. Only the owner of a file may change its flags, which the
 * server need not check. Returns 0 or -errno.
 */
static int may_ask(const struct file *f, u32 cmd)
{
	if (!fuse_allowed(fuse_conn_of(f->f_inode)))
		return -EACCES;
	if (cmd != FS_IOC_SETFLAGS && cmd != FS_IOC_FSSETXATTR)
		return 0;
	return path_owner_or_capable(&f->f_path) ? 0 : -EPERM;
}

static int old_flags(const struct file *f, u32 *flags)
{
	const struct fuse_file *ff = f->private_data;
	struct fuse_ioctl_in in = { .fh = ff->fh,
		.flags = ff->dir ? FUSE_IOCTL_DIR : 0,
		.cmd = FS_IOC_GETFLAGS,
		.out_size = sizeof(*flags) };
	struct {
		struct fuse_ioctl_out o;
		u32 flags;
	} out;
	int err = fuse_call(
		ff->fc, FUSE_IOCTL, ff->nodeid, &in, sizeof(in), NULL, 0, &out, sizeof(out));

	*flags = err ? 0 : out.flags;
	if (err)
		return err == -ENOSYS ? -ENOTTY : err;
	return out.o.result < 0 ? -EIO : 0;
}

/*
 * Checks the task's right to set or clear the immutable or append-only flag, since a server that
 * runs as root would change the flags for any user. @value: the new flags. Returns 0 or -errno.
 */
static int may_change(const struct file *f, u32 cmd, const u32 *value)
{
	const u32 hard = FS_IMMUTABLE_FL | FS_APPEND_FL;
	u32 now, old;
	int err;

	if (cmd == FS_IOC_SETFLAGS)
		now = *value;
	else if (cmd == FS_IOC_FSSETXATTR)
		now = (*value & FS_XFLAG_IMMUTABLE ? FS_IMMUTABLE_FL : 0) |
		      (*value & FS_XFLAG_APPEND ? FS_APPEND_FL : 0);
	else
		return 0;
	if (capable(CAP_LINUX_IMMUTABLE))
		return 0;
	err = old_flags(f, &old);
	if (err)
		return err;
	return (old ^ now) & hard ? -EPERM : 0;
}

static struct fuse_req *prepare(struct file *f, u32 cmd, u64 arg)
{
	const struct fuse_file *ff = f->private_data;
	u32 size = arg_size(cmd);
	struct fuse_ioctl_in in = { .fh = ff->fh,
		.flags = ff->dir ? FUSE_IOCTL_DIR : 0,
		.cmd = cmd,
		.arg = arg,
		.in_size = _IOC_DIR(cmd) & _IOC_WRITE ? size : 0,
		.out_size = _IOC_DIR(cmd) & _IOC_READ ? size : 0 };
	struct fuse_req *r = fuse_req_new(ff->fc, FUSE_IOCTL, ff->nodeid, sizeof(in) + in.in_size,
		sizeof(struct fuse_ioctl_out) + in.out_size);

	if (IS_ERR(r))
		return r;
	memcpy(r->in, &in, sizeof(in));
	if (copy_from_user((char *)r->in + sizeof(in), UADDR(arg), in.in_size)) {
		fuse_req_put(r);
		return ERR_PTR(-EFAULT);
	}
	r->out_var = true;
	return r;
}

/*
 * Copies the data of the server's answer to the task, which may be less than the command's size,
 * and returns the result in the answer, or -errno.
 */
static long take_answer(const struct fuse_req *r, u64 arg)
{
	struct fuse_ioctl_out o;

	if (r->out_len < sizeof(o))
		return -EIO;
	memcpy(&o, r->out, sizeof(o));
	if (o.flags & FUSE_IOCTL_RETRY)
		return -EIO;
	if (o.result < 0)
		return o.result > -512 ? o.result : -EIO;
	if (copy_to_user(UADDR(arg), (char *)r->out + sizeof(o), r->out_len - sizeof(o)))
		return -EFAULT;
	return o.result;
}

long fuse_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct fuse_req *r;
	long ret = may_ask(f, cmd);

	if (ret)
		return ret;
	r = prepare(f, cmd, arg);
	if (IS_ERR(r))
		return PTR_ERR(r);
	ret = may_change(f, cmd, (const u32 *)((char *)r->in + sizeof(struct fuse_ioctl_in)));
	if (ret) {
		fuse_req_put(r);
		return ret;
	}
	ret = fuse_send(r);
	if (!ret)
		ret = take_answer(r, arg);
	else if (ret == -ENOSYS)
		ret = -ENOTTY;
	fuse_req_put(r);
	return ret;
}
