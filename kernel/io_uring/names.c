/* SPDX-License-Identifier: MIT */
/*
 * names.c: operations with paths: OPENAT to LINKAT, extended attributes.
 *
 * Paths are read when the request is submitted (IORING_FEAT_SUBMIT_STABLE) and kept with it. While
 * the request is issued, getname() returns these paths (kernel/vfs/mount/given.h). The memory of
 * the paths is charged.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/xattr.h>

#include "kernel/io_uring/uring.h"
#include "kernel/vfs/calls.h"

static int take_name(struct uring_req *r, u64 at, u32 lookup_flags)
{
	int err = given_name_add(&r->names, UADDR(at), lookup_flags);

	if (err || !uring_charge(sizeof(*r->names) + r->names->size))
		return err;
	struct given_name *g = r->names;
	r->names = g->next;
	g->next = NULL;
	given_names_free(g);
	return -ENOMEM;
}

void uring_names_free(struct uring_req *r)
{
	for (const struct given_name *g = r->names; g; g = g->next)
		uring_uncharge(sizeof(*g) + g->size);
	given_names_free(r->names);
}

static int take_two(struct uring_req *r, u32 lookup_flags)
{
	int err = uring_plain_prep(r);

	if (!err)
		err = take_name(r, r->sqe.addr, lookup_flags);
	return err ? err : take_name(r, r->sqe.addr2, 0);
}

/* ---- open ---- */

/*
 * Prepares an open. O_CLOEXEC is refused if the file will be registered, since exec never closes a
 * registered file. Returns 0 or -errno.
 */
int openat_prep(struct uring_req *r)
{
	int err = uring_plain_prep(r);

	if (!err)
		err = take_name(r, r->sqe.addr, 0);
	return !err && r->sqe.file_index && r->sqe.open_flags & O_CLOEXEC ? -EINVAL : err;
}

long openat_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return uring_place_fd(r, sys_openat(s->fd, UADDR(s->addr), (int)s->open_flags, s->len));
}

int openat2_prep(struct uring_req *r)
{
	int err = (int)get_open_how(&r->how, UADDR(r->sqe.off), r->sqe.len);

	if (!err)
		err = uring_plain_prep(r);
	if (!err)
		err = take_name(r, r->sqe.addr, 0);
	return !err && r->sqe.file_index && r->how.flags & O_CLOEXEC ? -EINVAL : err;
}

long openat2_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return uring_place_fd(r, openat_how(s->fd, UADDR(s->addr), &r->how));
}

/* ---- names ---- */

static int take_one(struct uring_req *r)
{
	int err = uring_plain_prep(r);

	return err ? err : take_name(r, r->sqe.addr, 0);
}

int statx_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	bool empty = s->statx_flags & AT_EMPTY_PATH;
	int err = uring_plain_prep(r);

	if (!err && s->splice_fd_in)
		err = -EINVAL;
	if (err || (empty && !s->addr))
		return err;
	return take_name(r, s->addr, empty ? LOOKUP_EMPTY : 0);
}

long statx_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return sys_statx(s->fd, UADDR(s->addr), (int)s->statx_flags, s->len, UADDR(s->off));
}

int renameat_prep(struct uring_req *r)
{
	if (r->sqe.splice_fd_in)
		return -EINVAL;
	return take_two(r, 0);
}

long renameat_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return sys_renameat2(
		s->fd, UADDR(s->addr), (int)s->len, UADDR(s->addr2), (int)s->rename_flags);
}

int unlinkat_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->off || s->len || s->splice_fd_in)
		return -EINVAL;
	if (!(s->flags & IOSQE_FIXED_FILE) && s->unlink_flags & ~(u32)AT_REMOVEDIR)
		return -EINVAL;
	return take_one(r);
}

long unlinkat_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return sys_unlinkat(s->fd, UADDR(s->addr), (int)s->unlink_flags);
}

int mkdirat_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->off || s->rw_flags || s->splice_fd_in)
		return -EINVAL;
	return take_one(r);
}

long mkdirat_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return sys_mkdirat(s->fd, UADDR(s->addr), s->len);
}

int symlinkat_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->len || s->rw_flags || s->splice_fd_in)
		return -EINVAL;
	return take_two(r, 0);
}

long symlinkat_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return sys_symlinkat(UADDR(s->addr), s->fd, UADDR(s->addr2));
}

int linkat_prep(struct uring_req *r)
{
	if (r->sqe.splice_fd_in)
		return -EINVAL;
	return take_two(r, r->sqe.hardlink_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

long linkat_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return sys_linkat(
		s->fd, UADDR(s->addr), (int)s->len, UADDR(s->addr2), (int)s->hardlink_flags);
}

/* ---- extended attributes ---- */

/*
 * Checks the arguments. An error here refuses the request, while an error of the system call itself
 * does not. Returns 0 or -errno.
 */
static int check_xattr(const struct uring_req *r, bool get)
{
	const struct io_uring_sqe *s = &r->sqe;
	char name[XATTR_NAME_MAX + 1];
	ssize_t n;

	if (s->xattr_flags & (get ? ~0U : ~(u32)(XATTR_CREATE | XATTR_REPLACE)))
		return -EINVAL;
	n = strncpy_from_user(name, UADDR(s->addr), sizeof(name));
	if (n <= 0 || n == sizeof(name))
		return n < 0 ? (int)n : -ERANGE;
	return !get && s->len > XATTR_SIZE_MAX ? -E2BIG : 0;
}

int fxattr_prep(struct uring_req *r)
{
	bool get = r->sqe.opcode == IORING_OP_FGETXATTR || r->sqe.opcode == IORING_OP_GETXATTR;

	return r->sqe.flags & IOSQE_FIXED_FILE ? -EBADF : check_xattr(r, get);
}

int xattr_prep(struct uring_req *r)
{
	int err = fxattr_prep(r);

	return err ? err : take_name(r, r->sqe.addr3, 0);
}

static long fxattr_call(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	uaddr_t name = UADDR(s->addr), value = UADDR(s->addr2);
	long n = s->opcode == IORING_OP_FGETXATTR ?
			 sys_fgetxattr(s->fd, name, value, s->len) :
			 sys_fsetxattr(s->fd, name, value, s->len, (int)s->xattr_flags);

	r->failed = n == -EBADF;
	return n;
}

long xattr_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	uaddr_t name = UADDR(s->addr), value = UADDR(s->addr2), path = UADDR(s->addr3);

	switch (s->opcode) {
	case IORING_OP_FGETXATTR:
	case IORING_OP_FSETXATTR: return fxattr_call(r);
	case IORING_OP_GETXATTR: return sys_getxattr(path, name, value, s->len);
	default: return sys_setxattr(path, name, value, s->len, (int)s->xattr_flags);
	}
}
