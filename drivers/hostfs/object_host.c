/* SPDX-License-Identifier: MIT */
/*
 * object_host.c: attributes of objects. Calls that accept no O_PATH descriptor get its path in
 * /proc/self/fd, which leads to the object itself, even if another object has its name by now.
 */
#include "drivers/hostfs/internal_host.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

int hostfs_host_getattr(int node, int file, struct hostfs_attr *a)
{
	struct hostfs_node *n = node_find(node);
	int fd, err;

	if (file) {
		fd = file_fd(file);
		return fd < 0 ? fd : attr_at(fd, "", a);
	}
	fd = node_pin(n);
	if (fd < 0)
		return fd;
	err = attr_at(fd, "", a);
	node_unpin(n);
	return err;
}

static int change_owner(int fd, const struct hostfs_set *s)
{
	if (!(s->valid & (HOSTFS_SET_UID | HOSTFS_SET_GID)))
		return 0;
	if (fchownat(fd, "", s->valid & HOSTFS_SET_UID ? s->uid : ~0U,
		    s->valid & HOSTFS_SET_GID ? s->gid : ~0U,
		    AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int change_size(int fd, int file, const struct hostfs_set *s)
{
	int open_fd = file && s->valid & HOSTFS_SET_SIZE ? file_fd(file) : -1;

	if (!(s->valid & HOSTFS_SET_SIZE))
		return 0;
	if (open_fd >= 0 && ftruncate(open_fd, (off_t)s->size) == 0)
		return 0;
	return truncate(fd_name(fd).text, (off_t)s->size) < 0 ? -errno : 0;
}

static struct timespec stamp(bool set, const struct hostfs_time *t)
{
	return set ? (struct timespec){ t->sec, t->nsec } : (struct timespec){ 0, UTIME_OMIT };
}

static int change_times(int fd, const struct hostfs_set *s)
{
	const struct timespec times[2] = {
		stamp(s->valid & HOSTFS_SET_ATIME, &s->atime),
		stamp(s->valid & HOSTFS_SET_MTIME, &s->mtime),
	};

	if (!(s->valid & (HOSTFS_SET_ATIME | HOSTFS_SET_MTIME)))
		return 0;
	if (utimensat(fd, "", times, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	/* hosts before Linux 5.8 need the path */
	return utimensat(AT_FDCWD, fd_name(fd).text, times, 0) < 0 ? -errno : 0;
}

int hostfs_host_setattr(int node, int file, const struct hostfs_set *s, struct hostfs_attr *a)
{
	struct hostfs_node *n = node_find(node);
	int fd = n && n->only ? -EACCES : node_pin(n), err;

	if (fd < 0)
		return fd;
	err = change_owner(fd, s);
	if (!err && s->valid & HOSTFS_SET_MODE && chmod(fd_name(fd).text, s->mode & 07777) < 0)
		err = -errno;
	if (!err)
		err = change_size(fd, file, s);
	if (!err)
		err = change_times(fd, s);
	if (!err)
		err = attr_at(fd, "", a);
	node_unpin(n);
	return err;
}

int hostfs_host_statfs(int node, struct hostfs_statfs *st)
{
	struct hostfs_node *n = node_find(node);
	int fd = node_pin(n), err = 0;
	struct statvfs v;

	if (fd < 0)
		return fd;
	if (fstatvfs(fd, &v) < 0)
		err = -errno;
	node_unpin(n);
	if (err)
		return err;
	*st = (struct hostfs_statfs){ v.f_bsize, v.f_frsize, v.f_blocks, v.f_bfree, v.f_bavail,
		v.f_files, v.f_ffree, v.f_namemax };
	return 0;
}

/* ---- extended attributes ---- */

long hostfs_host_getxattr(int node, const char *name, void *buf, size_t size)
{
	struct hostfs_node *n = node_find(node);
	int fd = node_pin(n);
	ssize_t got;

	if (fd < 0)
		return fd;
	got = getxattr(fd_name(fd).text, name, buf, size);
	if (got < 0)
		got = -errno;
	node_unpin(n);
	return got;
}

int hostfs_host_setxattr(int node, const char *name, const void *value, size_t size, int flags)
{
	struct hostfs_node *n = node_find(node);
	int fd = n && n->only ? -EACCES : node_pin(n), err;

	if (fd < 0)
		return fd;
	err = value ? setxattr(fd_name(fd).text, name, value, size, flags) :
		      removexattr(fd_name(fd).text, name);
	if (err < 0)
		err = -errno;
	node_unpin(n);
	return err;
}

long hostfs_host_listxattr(int node, char *buf, size_t size)
{
	struct hostfs_node *n = node_find(node);
	int fd = node_pin(n);
	ssize_t got;

	if (fd < 0)
		return fd;
	got = listxattr(fd_name(fd).text, buf, size);
	if (got < 0)
		got = -errno;
	node_unpin(n);
	return got;
}
