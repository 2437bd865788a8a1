/* SPDX-License-Identifier: MIT */
/*
 * copy.c: sendfile(2) and copy_file_range(2): they copy data from file to file within the kernel,
 * through one buffer. Splicing with pipes, and sendfile into a pipe, are in
 * kernel/vfs/pipe/splice.c. Into a socket sendfile writes as write(2) does.
 *
 * Data that was read but could not be written is not lost: the input's position moves by the bytes
 * written.
 */
#include "gen/syscalls.h"
#include "kernel/vfs/internal.h"

/* Bytes; a smaller buffer is used when memory is fragmented. */
#define COPY_BUF 65536

/*
 * Copies up to @n bytes from *ipos of @in to *opos of @out (NULL: a stream), and advances both.
 * Returns bytes, or -errno if no byte was copied.
 */
static ssize_t copy_loop(struct file *in, loff_t *ipos, struct file *out, loff_t *opos, size_t n)
{
	size_t size = COPY_BUF;
	char *buf = kmalloc_most(&size, PAGE_SIZE, GFP_KERNEL);
	ssize_t done = 0, got = 0, put;

	if (!buf)
		return -ENOMEM;
	while (n) {
		loff_t pos = *ipos;

		got = kernel_read(in, buf, min(n, size), &pos);
		if (got <= 0)
			break;
		put = kernel_write(out, buf, got, opos);
		if (put < 0) {
			got = put;
			break;
		}
		*ipos += put;
		done += put;
		n -= put;
		if (put < got)
			break;
		if (signal_pending(current)) {
			got = -EINTR;
			break;
		}
		cond_resched();
	}
	kfree(buf);
	return done ? done : got;
}

/* ---- sendfile ---- */

static ssize_t send_locked(struct file *out, struct file *in, loff_t *pos, size_t n)
{
	loff_t opos = out->f_pos;
	bool stream = !(out->f_mode & FMODE_PWRITE);
	ssize_t done;

	done = copy_loop(in, pos, out, stream ? NULL : &opos, n);
	if (!stream)
		out->f_pos = opos;
	return done;
}

/* Files without a type are anonymous ones such as eventfd, which Linux cannot splice from. */
static bool can_send(const struct file *in)
{
	return in->f_op->read_iter && !in->f_op->no_splice_read && !is_dir(in->f_inode) &&
	       in->f_inode->i_mode & S_IFMT;
}

/*
 * Copies from @in to @out, both of which the caller has checked. @pos: NULL (use the position of
 * @in), or a position that is not negative.
 */
static ssize_t do_sendfile(struct file *out, struct file *in, loff_t *pos, size_t n)
{
	bool pipe = out->f_op->send_stream;
	loff_t own = in->f_pos;
	ssize_t done;

	if (pipe && n)
		return out->f_op->send_stream(out, in, pos, n);
	if (out->f_flags & O_APPEND || (!pipe && !(in->f_mode & FMODE_LSEEK)))
		return -EINVAL;
	if (!n)
		return 0; /* nothing to copy: no further checks */
	if (!can_send(in) || !out->f_op->write_iter || out->f_op->no_splice_write)
		return -EINVAL;
	done = send_locked(out, in, pos ? pos : &own, min(n, MAX_RW_COUNT));
	if (!pos && done > 0)
		in->f_pos = own;
	return done;
}

/*
 * Checks @in. The caller checks @out after that, so if both files have an error, that of @in is
 * returned. Returns 0 or -errno.
 */
static int may_send(struct file *in, const loff_t *pos, size_t n)
{
	if (!in || !(in->f_mode & FMODE_READ))
		return -EBADF;
	if (pos && !(in->f_mode & FMODE_PREAD))
		return -ESPIPE;
	return rw_verify_area(MAY_READ, in, pos ? pos : &in->f_pos, n);
}

long sys_sendfile(int out_fd, int in_fd, uaddr_t uoff, size_t n)
{
	struct file *in = NULL, *out = NULL;
	loff_t pos, *at = uoff.v ? &pos : NULL;
	long done;

	if (at && get_user(pos, uoff))
		return -EFAULT;
	in = fget(in_fd);
	done = may_send(in, at, n);
	if (done)
		goto out;
	out = fget(out_fd);
	done = out && out->f_mode & FMODE_WRITE ? do_sendfile(out, in, at, n) : -EBADF;
	if (at && done >= 0 && put_user(pos, uoff))
		done = -EFAULT;
out:
	fput(in);
	fput(out);
	return done;
}

/* ---- copy_file_range ---- */

/*
 * Checks a copy_file_range(2), and cuts *n, in bytes, to what the files allow. Returns 0 or -errno.
 */
static ssize_t copy_allowed(struct file *in, loff_t ipos, struct file *out, loff_t opos, size_t *n)
{
	loff_t size, max = out->f_inode->i_sb->s_maxbytes;

	if (is_dir(in->f_inode) || is_dir(out->f_inode))
		return -EISDIR;
	if (!is_reg(in->f_inode) || !is_reg(out->f_inode))
		return -EINVAL;
	if (!(in->f_mode & FMODE_READ) || !(out->f_mode & FMODE_WRITE) || (out->f_flags & O_APPEND))
		return -EBADF;
	if (in->f_inode->i_sb != out->f_inode->i_sb)
		return -EXDEV;
	if (out->f_inode->i_flags & S_IMMUTABLE)
		return -EPERM;
	if ((in->f_inode->i_flags | out->f_inode->i_flags) & S_SWAPFILE)
		return -ETXTBSY;
	/* A large length or a negative position makes these sums overflow, as on Linux. */
	if ((u64)ipos + *n < (u64)ipos || (u64)opos + *n < (u64)opos)
		return -EOVERFLOW;
	size = i_size_read(in->f_inode);
	*n = ipos >= size ? 0 : min_t(u64, *n, size - ipos);
	if (*n && opos >= max)
		return -EFBIG;
	*n = min_t(u64, min(*n, MAX_RW_COUNT), (u64)(max - min(opos, max)));
	if (in->f_inode == out->f_inode && *n && ipos < opos + (loff_t)*n &&
		opos < ipos + (loff_t)*n)
		return -EINVAL;
	return 0;
}

static int load_pos(struct file *f, uaddr_t ua, loff_t *pos)
{
	*pos = f->f_pos;
	return ua.v && get_user(*pos, ua) ? -EFAULT : 0;
}

static int store_pos(struct file *f, uaddr_t ua, loff_t pos)
{
	if (ua.v)
		return put_user(pos, ua);
	f->f_pos = pos;
	return 0;
}

static ssize_t do_copy_range(
	struct file *in, uaddr_t ioff, struct file *out, uaddr_t ooff, size_t n)
{
	loff_t ipos, opos;
	ssize_t done;

	if (load_pos(in, ioff, &ipos) || load_pos(out, ooff, &opos))
		return -EFAULT;
	done = copy_allowed(in, ipos, out, opos, &n);
	if (done || !n)
		return done;
	done = copy_loop(in, &ipos, out, &opos, n);
	if (done > 0 && (store_pos(in, ioff, ipos) || store_pos(out, ooff, opos)))
		return -EFAULT;
	return done;
}

long sys_copy_file_range(int in_fd, uaddr_t ioff, int out_fd, uaddr_t ooff, size_t n, int flags)
{
	struct file *in = fget(in_fd), *out = fget(out_fd);
	long done = -EBADF;

	if (in && out)
		done = flags ? -EINVAL : do_copy_range(in, ioff, out, ooff, n);
	fput(in);
	fput(out);
	return done;
}
