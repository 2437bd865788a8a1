/* SPDX-License-Identifier: MIT */
/*
 * xattr.c: extended attributes: the twelve system calls and the four of Linux 6.13, and the rights
 * that are needed to read and write each name space.
 *
 *   user.*       regular files and directories, by the file's permissions; a sticky directory's can
 *                be written only by its owner or with CAP_FOWNER
 *   trusted.*    CAP_SYS_ADMIN; without it, they do not exist for a reader
 *   security.*   reading is free; writing CAP_SYS_ADMIN over the file system; security.capability:
 *                file_caps.c
 *   system.*     POSIX ACLs (acl.c), where the file system keeps them. A socket has one attribute,
 *                the name of its protocol, which can only be read.
 */
#include <linux/inotify.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/xattr.h>

#include "gen/syscalls.h"
#include "kernel/vfs/xattr/acl.h"
#include "kernel/vfs/xattr/file_caps.h"
#include "kernel/vfs/idmap.h"

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static bool begins(const char *name, const char *prefix)
{
	return has_prefix(name, prefix) && name[strlen(prefix)];
}

/* True if @inode is an open socket, not a socket's name in a directory. */
static bool is_socket(const struct inode *inode)
{
	return inode->i_sb->s_magic == SOCKFS_MAGIC;
}

static int user_allowed(struct inode *inode, int mask)
{
	if (!is_reg(inode) && !is_dir(inode))
		return mask & MAY_WRITE ? -EPERM : -ENODATA;
	if (is_dir(inode) && (inode->i_mode & S_ISVTX) && (mask & MAY_WRITE) &&
		!inode_owner_or_capable(inode))
		return -EPERM;
	return inode_permission(inode, mask);
}

static int trusted_allowed(int mask)
{
	return capable(CAP_SYS_ADMIN) ? 0 : mask & MAY_WRITE ? -EPERM : -ENODATA;
}

/*
 * Checks access to attributes of "security.". Returns 0 or -EPERM. @judged: an earlier check has
 * allowed current to give capabilities.
 */
static int security_allowed(struct inode *inode, const char *name, int mask, bool judged)
{
	if (!(mask & MAY_WRITE))
		return 0;
	/* An earlier check covers neither a removal nor, unlike on Linux, an empty value. */
	if (!strcmp(name, XATTR_NAME_CAPS))
		return judged || capable_wrt_inode(inode, CAP_SETFCAP) ? 0 : -EPERM;
	return ns_capable(sb_user_ns(inode->i_sb), CAP_SYS_ADMIN) ? 0 : -EPERM;
}

/*
 * Checks that the name space of @name exists for the inode. Called after the check of rights.
 * Returns 0 or -errno.
 */
static int name_exists(const struct inode *inode, const char *name, int mask)
{
	static const char *const spaces[] = { XATTR_USER_PREFIX, "trusted.", "security." };

	for (u32 i = 0; i < ARRAY_SIZE(spaces); i++)
		if (has_prefix(name, spaces[i]))
			return begins(name, spaces[i]) ? 0 : -EINVAL;
	if (is_socket(inode) && begins(name, XATTR_SYSTEM_PREFIX) && !(mask & MAY_WRITE))
		return 0;
	return -EOPNOTSUPP;
}

static int xattr_allowed(struct inode *inode, const char *name, int mask, bool judged)
{
	int err = 0;

	if ((mask & MAY_WRITE) &&
		((inode->i_flags & (S_IMMUTABLE | S_APPEND)) || !inode_ids_are_mapped(inode)))
		return -EPERM;
	if (has_prefix(name, XATTR_USER_PREFIX))
		err = user_allowed(inode, mask);
	else if (has_prefix(name, "trusted."))
		err = trusted_allowed(mask);
	else if (has_prefix(name, "security."))
		err = security_allowed(inode, name, mask, judged);
	else if (!has_prefix(name, XATTR_SYSTEM_PREFIX))
		err = inode_permission(inode, mask);
	return err ? err : name_exists(inode, name, mask);
}

int xattr_permission(struct inode *inode, const char *name, int mask)
{
	return xattr_allowed(inode, name, mask, false);
}

static int copy_name(char *to, uaddr_t from)
{
	ssize_t n = strncpy_from_user(to, from, XATTR_NAME_MAX + 1);

	if (n < 0)
		return n;
	return n == 0 || n == XATTR_NAME_MAX + 1 ? -ERANGE : 0;
}

/* ---- set and remove ---- */

static int set_locked(struct dentry *d, const char *name, const void *value, size_t size, int flags)
{
	struct inode *inode = d->d_inode;
	bool acl = is_acl_name(name);
	int err = acl ? 0 : xattr_allowed(inode, name, MAY_WRITE, size != 0);

	if (acl && ((inode->i_flags & (S_IMMUTABLE | S_APPEND)) || !inode_ids_are_mapped(inode)))
		err = -EPERM;
	if (err)
		return err;
	if (acl)
		err = acl_set(d, name, value, size);
	else
		err = inode->i_op->setxattr ?
			      inode->i_op->setxattr(inode, name, value, size, flags) :
			      -EOPNOTSUPP;
	if (!err) {
		inode->i_flags &= ~(u32)S_NOSEC;
		fsnotify_dentry(d, IN_ATTRIB);
	}
	return err;
}

/*
 * Sets an attribute, or removes it if @value is NULL. Takes write access to the mount and i_rwsem.
 * Returns 0 or -errno.
 */
static int change_xattr(
	const struct path *p, const char *name, const void *value, size_t size, int flags)
{
	struct inode *inode = p->dentry->d_inode;
	struct vfs_ns_cap_data caps;
	struct user_namespace *was;
	int err = mnt_want_write(p->mnt);

	if (err)
		return err;
	was = idmap_enter(p->mnt);
	if (size && !strcmp(name, XATTR_NAME_CAPS)) {
		err = file_caps_to_keep(inode, value, &size, &caps);
		value = &caps;
	}
	if (!err) {
		down_write(&inode->i_rwsem);
		err = set_locked(p->dentry, name, value, size, flags);
		up_write(&inode->i_rwsem);
	}
	idmap_leave(was);
	mnt_drop_write(p->mnt);
	return err;
}

/*
 * Arguments of a system call that sets an attribute. They are read before the path is looked up, so
 * that their errors come first.
 */
struct xattr_arg {
	char name[XATTR_NAME_MAX + 1];
	void *value; /* never NULL: that means a removal */
	size_t size;
	int flags;
};

/*
 * Fills in @x from guest memory. Returns 0, after which the caller must call xattr_arg_free(), or
 * -errno.
 */
static int xattr_arg_get(struct xattr_arg *x, uaddr_t uname, uaddr_t uvalue, size_t size, int flags)
{
	int err;

	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	err = copy_name(x->name, uname);
	if (err)
		return err;
	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	x->size = size;
	x->flags = flags;
	x->value = kmalloc(max(size, (size_t)1), GFP_KERNEL);
	if (!x->value)
		return -ENOMEM;
	if (size && copy_from_user(x->value, uvalue, size)) {
		kfree(x->value);
		return -EFAULT;
	}
	return 0;
}

static void xattr_arg_free(struct xattr_arg *x)
{
	kfree(x->value);
}

/* ---- get and list ---- */

ssize_t vfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	if (!inode->i_op->getxattr)
		return -EOPNOTSUPP;
	return inode->i_op->getxattr(inode, name, buf, size);
}

/*
 * Serves getxattr(2) for a path: copies the value to the guest unless @size is 0, and returns its
 * bytes or -errno.
 */
static long get_path(const struct path *p, const char *name, uaddr_t uvalue, size_t size)
{
	struct inode *inode = p->dentry->d_inode;
	void *buf = NULL;
	bool acl = is_acl_name(name);
	struct user_namespace *was = idmap_enter(p->mnt);
	long n = acl ? 0 : xattr_allowed(inode, name, MAY_READ, false);

	if (n)
		goto out;
	size = min(size, (size_t)XATTR_SIZE_MAX);
	if (size) {
		n = -ENOMEM;
		buf = kmalloc(size, GFP_KERNEL);
		if (!buf)
			goto out;
	}
	if (acl)
		n = acl_get(inode, name, buf, size);
	else if (!strcmp(name, XATTR_NAME_CAPS))
		n = file_caps_to_show(inode, buf, size);
	else
		n = vfs_getxattr(inode, name, buf, size);
	if (n > 0 && buf && copy_to_user(uvalue, buf, n))
		n = -EFAULT;
	kfree(buf);
out:
	idmap_leave(was);
	return n;
}

/*
 * Removes from a list of names those of trusted.* if the caller may not see them, and those of
 * system.* if the file system keeps no access control lists (not for a socket). Returns the
 * remaining length in bytes.
 */
static long hide_names(const struct inode *inode, char *list, long n)
{
	bool all = capable(CAP_SYS_ADMIN);
	bool acls = inode->i_sb->s_iflags & SB_I_POSIXACL || is_socket(inode);
	long kept = 0;

	for (long at = 0; at < n;) {
		long len = strlen(list + at) + 1;

		if ((all || !begins(list + at, "trusted.")) &&
			(acls || !begins(list + at, "system."))) {
			memmove(list + kept, list + at, len);
			kept += len;
		}
		at += len;
	}
	return kept;
}

/*
 * Reads the whole list of names into a new buffer (*buf, freed by kfree()) and returns its length
 * in bytes, or -errno. Tries again if the list grows between the reads of its length and its
 * content. Does not read a list that is too long for any system call.
 */
static long whole_list(struct inode *inode, char **buf, size_t size)
{
	long n;

	do {
		n = inode->i_op->listxattr(inode, NULL, 0);
		if (n <= 0)
			return n;
		if (n > XATTR_LIST_MAX)
			return !size ? n : size < XATTR_LIST_MAX ? -ERANGE : -E2BIG;
		*buf = kmalloc(n, GFP_KERNEL);
		if (!*buf)
			return -ENOMEM;
		n = inode->i_op->listxattr(inode, *buf, n);
		if (n < 0) {
			kfree(*buf);
			*buf = NULL;
		}
	} while (n == -ERANGE);
	return n > 0 ? hide_names(inode, *buf, n) : n;
}

static long list_path(const struct path *p, uaddr_t ulist, size_t size)
{
	struct inode *inode = p->dentry->d_inode;
	char *buf = NULL;
	long n;

	if (!inode->i_op->listxattr)
		return 0;
	n = whole_list(inode, &buf, size);
	if (n > 0 && size && (size_t)n > size)
		n = -ERANGE;
	if (n > 0 && size && copy_to_user(ulist, buf, n))
		n = -EFAULT;
	kfree(buf);
	return n;
}

/* ---- system calls: by path, by path without following, by descriptor ---- */

static long set_at(uaddr_t ua, u32 lookup, uaddr_t name, uaddr_t value, size_t size, int flags)
{
	struct xattr_arg x;
	struct path path;
	long err = xattr_arg_get(&x, name, value, size, flags);

	if (err)
		return err;
	err = user_path_at(AT_FDCWD, ua, lookup, &path);
	if (!err) {
		err = change_xattr(&path, x.name, x.value, x.size, x.flags);
		path_put(&path);
	}
	xattr_arg_free(&x);
	return err;
}

long sys_setxattr(uaddr_t ua, uaddr_t name, uaddr_t value, size_t size, int flags)
{
	return set_at(ua, LOOKUP_FOLLOW, name, value, size, flags);
}

long sys_lsetxattr(uaddr_t ua, uaddr_t name, uaddr_t value, size_t size, int flags)
{
	return set_at(ua, 0, name, value, size, flags);
}

long sys_fsetxattr(int fd, uaddr_t name, uaddr_t value, size_t size, int flags)
{
	struct xattr_arg x;
	long err = xattr_arg_get(&x, name, value, size, flags);
	struct fd f;

	if (err)
		return err;
	f = fdget(fd);
	err = f.file ? change_xattr(&f.file->f_path, x.name, x.value, x.size, x.flags) : -EBADF;
	fdput(f);
	xattr_arg_free(&x);
	return err;
}

static long get_at(uaddr_t ua, u32 lookup, uaddr_t uname, uaddr_t value, size_t size)
{
	char name[XATTR_NAME_MAX + 1];
	struct path path;
	long n = copy_name(name, uname);

	if (!n)
		n = user_path_at(AT_FDCWD, ua, lookup, &path);
	if (n)
		return n;
	n = get_path(&path, name, value, size);
	path_put(&path);
	return n;
}

long sys_getxattr(uaddr_t ua, uaddr_t name, uaddr_t value, size_t size)
{
	return get_at(ua, LOOKUP_FOLLOW, name, value, size);
}

long sys_lgetxattr(uaddr_t ua, uaddr_t name, uaddr_t value, size_t size)
{
	return get_at(ua, 0, name, value, size);
}

long sys_fgetxattr(int fd, uaddr_t uname, uaddr_t value, size_t size)
{
	char name[XATTR_NAME_MAX + 1];
	long n = copy_name(name, uname);
	struct fd f;

	if (n)
		return n;
	f = fdget(fd);
	n = f.file ? get_path(&f.file->f_path, name, value, size) : -EBADF;
	fdput(f);
	return n;
}

static long list_at(uaddr_t ua, u32 lookup, uaddr_t list, size_t size)
{
	struct path path;
	long n = user_path_at(AT_FDCWD, ua, lookup, &path);

	if (n)
		return n;
	n = list_path(&path, list, size);
	path_put(&path);
	return n;
}

long sys_listxattr(uaddr_t ua, uaddr_t list, size_t size)
{
	return list_at(ua, LOOKUP_FOLLOW, list, size);
}

long sys_llistxattr(uaddr_t ua, uaddr_t list, size_t size)
{
	return list_at(ua, 0, list, size);
}

long sys_flistxattr(int fd, uaddr_t list, size_t size)
{
	struct fd f = fdget(fd);
	long n;

	if (!f.file)
		return -EBADF;
	n = list_path(&f.file->f_path, list, size);
	fdput(f);
	return n;
}

static long remove_at(uaddr_t ua, u32 lookup, uaddr_t uname)
{
	char name[XATTR_NAME_MAX + 1];
	struct path path;
	long err = copy_name(name, uname);

	if (!err)
		err = user_path_at(AT_FDCWD, ua, lookup, &path);
	if (err)
		return err;
	err = change_xattr(&path, name, NULL, 0, XATTR_REPLACE);
	path_put(&path);
	return err;
}

long sys_removexattr(uaddr_t ua, uaddr_t name)
{
	return remove_at(ua, LOOKUP_FOLLOW, name);
}

long sys_lremovexattr(uaddr_t ua, uaddr_t name)
{
	return remove_at(ua, 0, name);
}

long sys_fremovexattr(int fd, uaddr_t uname)
{
	char name[XATTR_NAME_MAX + 1];
	long err = copy_name(name, uname);
	struct fd f;

	if (err)
		return err;
	f = fdget(fd);
	err = f.file ? change_xattr(&f.file->f_path, name, NULL, 0, XATTR_REPLACE) : -EBADF;
	fdput(f);
	return err;
}

/* ---- system calls with a directory, flags and a structure ---- */

#define XATTRAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)

/* struct xattr_args of setxattrat(2) and getxattrat(2), which older headers lack */
struct args {
	u64 value;
	u32 size, flags;
};

static int get_args(struct args *a, uaddr_t ua, size_t size)
{
	if (size < sizeof(*a))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(a, sizeof(*a), ua, size);
}

/*
 * Looks up the path that the three arguments give. With AT_EMPTY_PATH an empty name or a null
 * pointer means the file of @dfd, which may not be an O_PATH file. Returns 0 or -errno.
 */
static int path_of(int dfd, uaddr_t ua, int flags, struct path *path)
{
	u32 lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct fd f;
	char c = 0;

	if (!(flags & AT_EMPTY_PATH) || dfd < 0 || (ua.v && (get_user(c, ua) || c)))
		return user_path_at(
			dfd, ua, lookup | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), path);
	f = fdget(dfd);
	if (!f.file)
		return -EBADF;
	*path = f.file->f_path;
	path_get(path);
	fdput(f);
	return 0;
}

long sys_setxattrat(int dfd, uaddr_t ua, int flags, uaddr_t name, uaddr_t uargs, size_t usize)
{
	struct xattr_arg x;
	struct path path;
	struct args a;
	long err = get_args(&a, uargs, usize);

	if (!err && (flags & ~XATTRAT_FLAGS))
		err = -EINVAL;
	if (!err)
		err = xattr_arg_get(&x, name, UADDR(a.value), a.size, (int)a.flags);
	if (err)
		return err;
	err = path_of(dfd, ua, flags, &path);
	if (!err) {
		err = change_xattr(&path, x.name, x.value, x.size, x.flags);
		path_put(&path);
	}
	xattr_arg_free(&x);
	return err;
}

long sys_getxattrat(int dfd, uaddr_t ua, int flags, uaddr_t uname, uaddr_t uargs, size_t usize)
{
	char name[XATTR_NAME_MAX + 1];
	struct path path;
	struct args a;
	long n = get_args(&a, uargs, usize);

	if (!n && (a.flags || (flags & ~XATTRAT_FLAGS)))
		n = -EINVAL;
	if (!n)
		n = copy_name(name, uname);
	if (!n)
		n = path_of(dfd, ua, flags, &path);
	if (n)
		return n;
	n = get_path(&path, name, UADDR(a.value), a.size);
	path_put(&path);
	return n;
}

long sys_listxattrat(int dfd, uaddr_t ua, int flags, uaddr_t list, size_t size)
{
	struct path path;
	long n = flags & ~XATTRAT_FLAGS ? -EINVAL : path_of(dfd, ua, flags, &path);

	if (n)
		return n;
	n = list_path(&path, list, size);
	path_put(&path);
	return n;
}

long sys_removexattrat(int dfd, uaddr_t ua, int flags, uaddr_t uname)
{
	char name[XATTR_NAME_MAX + 1];
	struct path path;
	long err = flags & ~XATTRAT_FLAGS ? -EINVAL : copy_name(name, uname);

	if (!err)
		err = path_of(dfd, ua, flags, &path);
	if (err)
		return err;
	err = change_xattr(&path, name, NULL, 0, XATTR_REPLACE);
	path_put(&path);
	return err;
}
