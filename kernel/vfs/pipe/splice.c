/* SPDX-License-Identifier: MIT */
/*
 * splice.c: splice, tee, vmsplice: moves data between a pipe and another file, or guest memory.
 *
 * From pipe to pipe, buffers move (splice) or are shared (tee) without a copy. No write appends to
 * a shared page. Between a pipe and another file the data is read into, or written from, the pipe's
 * pages, one page at a time. vmsplice copies.
 *
 * Locks: p->mutex of the pipes (two by address). A file is read with no pipe locked, into a page
 * that then goes into the pipe. A file is written with the pipe's mutex held, so that two splices
 * from one pipe do not both write the same bytes. Locks of a file's write operation come inside the
 * pipe's mutex.
 */
#include <asm/errno.h>

#include "gen/syscalls.h"
#include "kernel/vfs/pipe/pipe.h"
#include "kernel/lib/string.h"

#define SPLICE_FLAGS (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)

static bool nonblocking(const struct file *pipe, u32 flags)
{
	return (flags & SPLICE_F_NONBLOCK) || (pipe->f_flags & O_NONBLOCK);
}

/* ---- pipe to pipe ---- */

/* Moves or shares up to @len bytes between two locked pipes. Returns bytes. */
static size_t transfer(
	struct pipe_inode_info *in, struct pipe_inode_info *out, size_t len, bool share)
{
	size_t done = 0;
	u32 at = in->tail;

	while (done < len && at != in->head && !pipe_full(out)) {
		struct pipe_buf *b = pipe_slot(in, at), copy = *b;
		u32 n = (u32)min_t(size_t, b->len, len - done);
		bool whole = n == b->len;

		copy.len = n;
		if (share || !whole) {
			get_page(b->page);
			b->merge = copy.merge = false;
		}
		pipe_push(out, &copy);
		done += n;
		if (!share && whole) {
			b->page = NULL;
			WRITE_ONCE(in->tail, in->tail + 1);
		} else if (!share) {
			b->offset += n;
			b->len -= n;
		}
		at = share ? at + 1 : in->tail;
	}
	return done;
}

/*
 * Waits until @in has data and @out has room, with at most one of the two locked. Returns 1 with
 * both locked; 0 at the end of @in; or -errno.
 */
static int wait_both(
	struct pipe_inode_info *in, struct pipe_inode_info *out, bool nonblock, bool *waited)
{
	int r;

	mutex_lock(&in->mutex);
	r = pipe_wait_readable(in, nonblock, waited);
	mutex_unlock(&in->mutex);
	if (r <= 0)
		return r;
	/* This comes before the wait for @out, during which another reader may take the data. */
	if (*waited)
		pipe_wake_readers(in);
	mutex_lock(&out->mutex);
	r = pipe_wait_writable(out, nonblock, waited);
	mutex_unlock(&out->mutex);
	return r ? r : 1;
}

/*
 * Moves up to @len bytes from @fin to @fout. With @share (tee) the bytes also stay in @fin. Returns
 * bytes, 0 at the end of @fin, or -errno.
 */
static ssize_t pipe_to_pipe(struct file *fin, struct file *fout, size_t len, u32 flags, bool share)
{
	struct pipe_inode_info *in = file_pipe(fin), *out = file_pipe(fout);
	bool nonblock = nonblocking(fin, flags) || nonblocking(fout, flags);
	bool waited = false;
	size_t done = 0;
	int r = 0;

	if (in == out)
		return -EINVAL;
	while (!done) {
		r = wait_both(in, out, nonblock, &waited);
		if (r <= 0)
			break;
		pipe_lock_two(in, out);
		if (out->readers)
			done = transfer(in, out, len, share);
		pipe_unlock_two(in, out);
		/* This comes before the next wait for @in. */
		if (!done && waited && !pipe_full(out))
			pipe_wake_writers(out);
	}
	if (done)
		pipe_wake_readers(out);
	if (done && !share)
		pipe_wake_writers(in);
	/* The wake-up has woken up this task alone, so it is passed on. */
	if (waited && !pipe_empty(in))
		pipe_wake_readers(in);
	if (waited && !pipe_full(out))
		pipe_wake_writers(out);
	return done ? (ssize_t)done : r;
}

/* ---- file to pipe ---- */

/*
 * Reads up to a page. Returns bytes or -errno. @more: the caller has some bytes already, so the
 * function does not wait for more from a socket or a terminal. Other files are read to their end.
 */
static ssize_t read_page(
	struct file *f, loff_t *pos, struct page *page, size_t n, bool nonblock, bool more)
{
	struct iov_iter it;

	iov_iter_kernel(&it, page_address(page), n);
	it.nowait = (more && (S_ISSOCK(f->f_inode->i_mode) || S_ISCHR(f->f_inode->i_mode))) ||
		    (nonblock && f->f_mode & FMODE_SPLICE_NOWAIT);
	return vfs_read_iter(f, &it, pos);
}

/*
 * Returns how many of @len bytes go into one buffer: up to a page, or up to the end of the file's
 * page at @pos.
 */
static size_t one_buffer(const struct file *f, loff_t pos, size_t len)
{
	u64 in_page = S_ISREG(f->f_inode->i_mode) ? (u64)pos & ~PAGE_MASK : 0;

	return min_t(size_t, len, PAGE_SIZE - in_page);
}

/*
 * Moves up to @len bytes, at most a page. Returns bytes, 0 at the end, or -errno. @more: as for
 * read_page(); the function does not wait for room either. The read happens with an entry of the
 * pipe reserved, so that what was taken from a socket or a terminal always has its place.
 */
static ssize_t file_to_pipe_once(struct file *f, loff_t *pos, struct pipe_inode_info *p, size_t len,
	bool nonblock, bool more)
{
	struct pipe_buf b = { 0 };
	bool waited = false;
	ssize_t n;
	int err;

	mutex_lock(&p->mutex);
	err = pipe_wait_writable(p, nonblock || more, &waited);
	b.page = err ? NULL : pipe_page_get(p);
	if (b.page)
		pipe_reserve(p, 1);
	mutex_unlock(&p->mutex);
	if (err || !b.page) {
		if (waited && !pipe_full(p))
			pipe_wake_writers(p);
		return err ? err : -ENOMEM;
	}
	/* This comes before the read, which may wait for ever. */
	if (waited && !pipe_full(p))
		pipe_wake_writers(p);
	n = read_page(f, pos, b.page, len, nonblock, more);
	mutex_lock(&p->mutex);
	pipe_unreserve(p, 1);
	if (n > 0) {
		b.len = (u32)n;
		pipe_push(p, &b);
	} else {
		pipe_buf_release(p, &b);
	}
	mutex_unlock(&p->mutex);
	if (n > 0)
		pipe_wake_readers(p);
	if (n <= 0 || (waited && !pipe_full(p)))
		pipe_wake_writers(p);
	return n;
}

static ssize_t file_to_pipe(struct file *f, loff_t *pos, struct file *pipe, size_t len, u32 flags)
{
	struct pipe_inode_info *p = file_pipe(pipe);
	bool nonblock = nonblocking(pipe, flags);
	ssize_t total = 0, n = 0;

	while (len) {
		size_t want = one_buffer(f, *pos, len);

		n = file_to_pipe_once(f, pos, p, want, nonblock, total);
		if (n <= 0)
			break;
		total += n;
		len -= (size_t)n;
		if ((size_t)n < want) /* a short read ends the splice */
			break;
	}
	return total ? total : n;
}

/* ---- pipe to file ---- */

/*
 * Writes the data of the first buffer. Returns bytes or -errno. The pipe's mutex is held, for the
 * reason given at the head of this file.
 */
static ssize_t write_buf(
	struct pipe_inode_info *p, struct file *f, loff_t *pos, size_t len, bool nowait)
{
	struct pipe_buf *b = pipe_slot(p, p->tail);
	struct iov_iter it;
	ssize_t n;

	iov_iter_kernel(&it, (char *)page_address(b->page) + b->offset, min_t(size_t, b->len, len));
	it.nowait = nowait;
	n = vfs_write_iter(f, &it, pos);
	if (n > 0)
		pipe_consume(p, (u32)n);
	return n;
}

/*
 * Writes up to @len bytes of the pipe to @f at *pos, and holds the pipe's mutex meanwhile. Returns
 * bytes, 0 at the pipe's end, or -errno.
 */
static ssize_t pipe_to_file(struct file *pipe, struct file *f, loff_t *pos, size_t len, u32 flags)
{
	struct pipe_inode_info *p = file_pipe(pipe);
	bool nonblock = nonblocking(pipe, flags), waited = false;
	ssize_t total = 0, n = 0;

	mutex_lock(&p->mutex);
	while (len) {
		n = pipe_wait_readable(p, nonblock || total, &waited);
		if (n > 0)
			n = write_buf(p, f, pos, len, flags & SPLICE_F_OUT_NOWAIT);
		if (n <= 0)
			break;
		total += n;
		len -= (size_t)n;
	}
	mutex_unlock(&p->mutex);
	if (total)
		pipe_wake_writers(p);
	if (waited && !pipe_empty(p))
		pipe_wake_readers(p);
	return total ? total : n;
}

/*
 * True if a file that is not a pipe can be spliced: regular files, devices and sockets. Directories
 * and anonymous files (an inotify, an eventfd and others) return records, which cannot be spliced.
 */
static bool can_splice(const struct file *f)
{
	switch (f->f_inode->i_mode & S_IFMT) {
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFSOCK: return true;
	}
	return false;
}

/*
 * Returns the error for a file that cannot be spliced into a pipe: -EINVAL if the pipe has room,
 * otherwise the error of the wait for room.
 */
static int refuse_to_pipe(struct pipe_inode_info *p, bool nonblock)
{
	bool waited = false;
	int err;

	mutex_lock(&p->mutex);
	err = pipe_wait_writable(p, nonblock, &waited);
	mutex_unlock(&p->mutex);
	if (waited && !pipe_full(p))
		pipe_wake_writers(p);
	return err ? err : -EINVAL;
}

/*
 * Splices between a pipe and @f, another file, which is read or written at *off, or, if @off is
 * NULL, at its own position. @write: from the pipe to @f.
 */
static ssize_t splice_at(
	struct file *f, loff_t *off, struct file *pipe, bool write, size_t len, u32 flags)
{
	loff_t pos = off ? *off : f->f_pos;
	ssize_t n;

	if (off && !(f->f_mode & FMODE_LSEEK))
		return -EINVAL;
	if ((off && pos < 0) || (write && f->f_flags & O_APPEND))
		return -EINVAL;
	if (!can_splice(f) || (write ? f->f_op->no_splice_write : f->f_op->no_splice_read))
		return write ? -EINVAL : refuse_to_pipe(file_pipe(pipe), nonblocking(pipe, flags));
	if (f->f_op->splice_message)
		n = write ? pipe_to_message(pipe, f, &pos, len) :
			    message_to_pipe(f, &pos, pipe, len, flags);
	else
		n = write ? pipe_to_file(pipe, f, &pos, len, flags) :
			    file_to_pipe(f, &pos, pipe, len, flags);
	if (n > 0)
		*(off ? off : &f->f_pos) = pos;
	return n;
}

ssize_t splice_files(
	struct file *in, loff_t *off_in, struct file *out, loff_t *off_out, size_t len, u32 flags)
{
	bool from_pipe = file_pipe(in), to_pipe = file_pipe(out);

	if (!(in->f_mode & FMODE_READ) || !(out->f_mode & FMODE_WRITE))
		return -EBADF;
	if ((from_pipe && off_in) || (to_pipe && off_out))
		return -ESPIPE;
	len = min_t(size_t, len, 0x7ffff000UL);
	if (from_pipe && to_pipe)
		return pipe_to_pipe(in, out, len, flags, false);
	if (from_pipe)
		return splice_at(out, off_out, in, true, len, flags);
	return to_pipe ? splice_at(in, off_in, out, false, len, flags) : -EINVAL;
}

ssize_t tee_files(struct file *in, struct file *out, size_t len, u32 flags)
{
	if (!(in->f_mode & FMODE_READ) || !(out->f_mode & FMODE_WRITE))
		return -EBADF;
	if (!file_pipe(in) || !file_pipe(out))
		return -EINVAL;
	return pipe_to_pipe(in, out, len, flags, true);
}

/* ---- the calls ---- */

static ssize_t do_splice(
	struct file *in, uaddr_t off_in, struct file *out, uaddr_t off_out, size_t len, u32 flags)
{
	loff_t from = 0, to = 0;
	ssize_t n;

	if ((file_pipe(in) && off_in.v) || (file_pipe(out) && off_out.v))
		return -ESPIPE;
	if ((off_in.v && get_user(from, off_in)) || (off_out.v && get_user(to, off_out)))
		return -EFAULT;
	n = splice_files(in, off_in.v ? &from : NULL, out, off_out.v ? &to : NULL, len, flags);
	if (n <= 0)
		return n;
	if ((off_in.v && put_user(from, off_in)) || (off_out.v && put_user(to, off_out)))
		return -EFAULT;
	return n;
}

/* Sends from a file to a pipe. Only splice(2) moves data from pipe to pipe. */
ssize_t pipe_send_stream(struct file *pipe, struct file *in, loff_t *pos, size_t n)
{
	return file_pipe(in) ? refuse_to_pipe(file_pipe(pipe), nonblocking(pipe, 0)) :
			       splice_files(in, pos, pipe, NULL, n, 0);
}

long sys_splice(int fd_in, uaddr_t off_in, int fd_out, uaddr_t off_out, size_t len, int flags)
{
	struct file *in, *out;
	long ret = -EBADF;

	if (!len)
		return 0;
	if ((u32)flags & ~(u32)SPLICE_FLAGS)
		return -EINVAL;
	in = fget(fd_in);
	if (!in)
		return -EBADF;
	out = fget(fd_out);
	if (out) {
		ret = do_splice(in, off_in, out, off_out, len, (u32)flags);
		fput(out);
	}
	fput(in);
	return ret;
}

long sys_tee(int fd_in, int fd_out, size_t len, int flags)
{
	struct file *in, *out;
	long ret = -EBADF;

	if ((u32)flags & ~(u32)SPLICE_FLAGS)
		return -EINVAL;
	if (!len)
		return 0;
	in = fget(fd_in);
	if (!in)
		return -EBADF;
	out = fget(fd_out);
	if (out) {
		ret = tee_files(in, out, len, (u32)flags);
		fput(out);
	}
	fput(in);
	return ret;
}

/*
 * Number of memory areas that are checked before a reschedule. A guest chooses the number of areas,
 * and of vectors.
 */
#define AREAS_AT_ONCE 256

/*
 * True if one of the next AREAS_AT_ONCE memory areas from *at on is secret. Sets *at to the address
 * from which to continue, or @end if all areas were checked.
 */
static bool next_secret(u64 *at, u64 end)
{
	struct mm *mm = current->mm;
	struct vm_area *a = NULL;
	bool yes = false;

	down_read(&mm->mmap_lock);
	for (u32 i = 0; i < AREAS_AT_ONCE && *at < end && !yes; i++) {
		a = find_vma(mm, *at);
		yes = a && a->vm_start < end && vma_is_secret(a);
		*at = a ? a->vm_end : end;
	}
	up_read(&mm->mmap_lock);
	return yes;
}

/*
 * Refuses secret memory. Linux pins the pages themselves, and secret pages cannot be pinned.
 * Returns 0, -EFAULT, or -EINTR if current is being killed.
 */
static int check_secrets(const struct iov_iter *it)
{
	const struct uvec *v = it->vec ? it->vec : &it->one;
	int err = 0;

	for (size_t n = 0; n < it->count && !err; n += v->len, v++) {
		u64 at = v->base, end = v->base + v->len;

		while (at < end && !err)
			err = next_secret(&at, end) ? -EFAULT : boundary_or_killed();
	}
	return err;
}

/* Returns how many of the iterator's next bytes are on one guest page. */
static size_t one_part(struct iov_iter *it)
{
	const struct uvec *v = it->vec ? it->vec : &it->one;
	u64 off = it->vec_off, addr;

	while (off == v->len) {
		v++;
		off = 0;
	}
	addr = v->base + off;
	return min(min(PAGE_SIZE - (addr & ~PAGE_MASK), v->len - off), it->count);
}

/*
 * Adds data of one guest page to the pipe in a separate buffer, to which no writer appends. Returns
 * bytes or -errno.
 */
static ssize_t part_to_pipe(struct pipe_inode_info *p, struct iov_iter *it)
{
	size_t n = one_part(it);
	struct pipe_buf b = { .page = pipe_page_get(p), .len = (u32)n };

	if (!b.page)
		return -ENOMEM;
	if (copy_from_iter(page_address(b.page), n, it) < n) {
		pipe_buf_release(p, &b);
		return -EFAULT;
	}
	pipe_push(p, &b);
	return (ssize_t)n;
}

/*
 * Moves data into a pipe (@in) or out of it, one guest page at a time, until the iterator ends, the
 * pipe is full or empty, or a page faults. Returns the bytes moved, or -errno if there are none.
 */
static ssize_t vmsplice_pages(
	struct pipe_inode_info *p, struct iov_iter *it, bool nonblock, bool in)
{
	bool waited = false;
	ssize_t total = 0, n;

	mutex_lock(&p->mutex);
	n = in ? pipe_wait_writable(p, nonblock, &waited) :
		 pipe_wait_readable(p, nonblock, &waited);
	for (bool go = in ? !n : n > 0; go && it->count; go = n > 0) {
		if (in ? pipe_full(p) : pipe_empty(p))
			break;
		n = in ? part_to_pipe(p, it) : pipe_read_buf(p, it, true);
		total += max(n, 0L);
	}
	mutex_unlock(&p->mutex);
	if (in ? total : waited && !pipe_empty(p))
		pipe_wake_readers(p);
	if (in ? waited && !pipe_full(p) : total)
		pipe_wake_writers(p);
	return total ? total : n;
}

long sys_vmsplice(int fd, uaddr_t vec, unsigned long vlen, int flags)
{
	struct uvec *to_free = NULL;
	struct iov_iter it;
	struct file *f;
	long ret;

	if ((u32)flags & ~(u32)SPLICE_FLAGS)
		return -EINVAL;
	f = fget(fd);
	if (!f)
		return -EBADF;
	ret = -EBADF;
	if (!(f->f_mode & (FMODE_READ | FMODE_WRITE)))
		goto out_put;
	ret = iov_iter_import(&it, vec, vlen, &to_free);
	if (ret)
		goto out_put;
	/* An empty request is no error, even for a file that is not a pipe. */
	if (!it.count || !file_pipe(f)) {
		ret = it.count ? -EBADF : 0;
		kfree(to_free);
		goto out_put;
	}
	if (f->f_mode & FMODE_WRITE) {
		ret = check_secrets(&it);
		ret = ret ? ret :
			    vmsplice_pages(file_pipe(f), &it, flags & SPLICE_F_NONBLOCK, true);
	} else {
		ret = vmsplice_pages(file_pipe(f), &it, flags & SPLICE_F_NONBLOCK, false);
	}
	kfree(to_free);
out_put:
	fput(f);
	return ret;
}
