/* SPDX-License-Identifier: MIT */
/*
 * xattr.c: extended attributes, which the server stores. Once the server has answered ENOSYS to an
 * operation, further calls of it fail with EOPNOTSUPP without a request.
 */
#include <linux/xattr.h>

#include "kernel/fs/fuse/fuse.h"

/*
 * Sends GETXATTR or LISTXATTR. @size 0 asks for the length only. Returns the length in bytes, or
 * -errno: -ERANGE if it is larger than @size.
 */
static ssize_t ask(struct inode *inode, u32 opcode, const char *name, void *buf, size_t size)
{
	struct fuse_getxattr_in in = { .size = (u32)size };
	size_t nlen = name ? strlen(name) + 1 : 0;
	struct fuse_req *r = fuse_req_new(fuse_conn_of(inode), opcode, FUSE_I(inode)->nodeid,
		sizeof(in) + nlen, size ? size : sizeof(struct fuse_getxattr_out));
	ssize_t n;

	if (IS_ERR(r))
		return PTR_ERR(r);
	memcpy(r->in, &in, sizeof(in));
	if (nlen)
		memcpy((char *)r->in + sizeof(in), name, nlen);
	r->out_var = size != 0;
	n = fuse_send(r);
	if (!n && size) {
		n = r->out_len;
		memcpy(buf, r->out, r->out_len);
	} else if (!n) {
		n = ((struct fuse_getxattr_out *)r->out)->size;
		if (n > XATTR_LIST_MAX)
			n = XATTR_LIST_MAX;
	}
	fuse_req_put(r);
	return buf && n > (ssize_t)size ? -ERANGE : n;
}

ssize_t fuse_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	struct fuse_conn *fc = fuse_conn_of(inode);
	ssize_t n;

	if (fc->no_getxattr)
		return -EOPNOTSUPP;
	if (!fuse_allowed(fc))
		return -EACCES;
	n = ask(inode, FUSE_GETXATTR, name, buf, buf ? min_t(size_t, size, XATTR_SIZE_MAX) : 0);
	if (n != -ENOSYS)
		return n;
	fc->no_getxattr = true;
	return -EOPNOTSUPP;
}

/*
 * True if the list consists of NUL-terminated names, none of them empty, as the code that walks it
 * expects.
 */
static bool good_list(const char *list, ssize_t n)
{
	ssize_t at = 0;

	while (at < n) {
		size_t len = strnlen(list + at, (size_t)(n - at));

		if (!len || at + (ssize_t)len >= n)
			return false;
		at += (ssize_t)len + 1;
	}
	return true;
}

ssize_t fuse_listxattr(struct inode *inode, char *buf, size_t size)
{
	struct fuse_conn *fc = fuse_conn_of(inode);
	ssize_t n;

	if (fc->no_listxattr)
		return -EOPNOTSUPP;
	if (!fuse_allowed(fc))
		return -EACCES;
	n = ask(inode, FUSE_LISTXATTR, NULL, buf, buf ? min_t(size_t, size, XATTR_LIST_MAX) : 0);
	if (n == -ENOSYS) {
		fc->no_listxattr = true;
		return -EOPNOTSUPP;
	}
	return n > 0 && buf && !good_list(buf, n) ? -EIO : n;
}

static int fuse_removexattr(struct inode *inode, const char *name)
{
	struct fuse_conn *fc = fuse_conn_of(inode);
	int err;

	if (fc->no_removexattr)
		return -EOPNOTSUPP;
	err = fuse_call(fc, FUSE_REMOVEXATTR, FUSE_I(inode)->nodeid, name, strlen(name) + 1, NULL,
		0, NULL, 0);
	if (err != -ENOSYS)
		return err;
	fc->no_removexattr = true;
	return -EOPNOTSUPP;
}

int fuse_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
	struct fuse_conn *fc = fuse_conn_of(inode);
	struct {
		u32 size, flags;
	} in = { (u32)size, (u32)flags }; /* layout without FUSE_SETXATTR_EXT */
	size_t nlen = strlen(name) + 1;
	struct fuse_req *r;
	int err;

	if (!fuse_allowed(fc))
		return -EACCES;
	if (!value) {
		err = fuse_removexattr(inode, name);
		fuse_stale_attr(inode);
		return err;
	}
	if (fc->no_setxattr)
		return -EOPNOTSUPP;
	r = fuse_req_new(fc, FUSE_SETXATTR, FUSE_I(inode)->nodeid, sizeof(in) + nlen + size, 0);
	if (IS_ERR(r))
		return (int)PTR_ERR(r);
	memcpy(r->in, &in, sizeof(in));
	memcpy((char *)r->in + sizeof(in), name, nlen);
	memcpy((char *)r->in + sizeof(in) + nlen, value, size);
	err = fuse_send(r);
	fuse_req_put(r);
	fuse_stale_attr(inode);
	if (err != -ENOSYS)
		return err;
	fc->no_setxattr = true;
	return -EOPNOTSUPP;
}
