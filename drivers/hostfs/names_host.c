/* SPDX-License-Identifier: MIT */
/*
 * names_host.c: operations on names: lookup, creation, link, removal, rename.
 *
 * Each call takes a folder's node and one name in it, which name_check() has approved, and no call
 * follows a symbolic link of that name: that alone confines the guest to the folder. The process's
 * umask is not applied: modes are set as given.
 */
#include "drivers/hostfs/internal_host.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define KEEP_ID (~0U)

/* Pins a folder and checks a name. Returns the folder's descriptor or -errno. */
static int enter(struct hostfs_node *dir, const char *name)
{
	int err = name_check(name);

	if (!err && dir && dir->only && strcmp(name, dir->only))
		err = -ENOENT;
	return err ? err : node_pin(dir);
}

/* Does as enter() for a change of the name. Returns -EACCES if a single file is shared. */
static int enter_to_change(struct hostfs_node *dir, const char *name)
{
	return dir && dir->only ? -EACCES : enter(dir, name);
}

int hostfs_host_lookup(int number, const char *name, struct hostfs_attr *a)
{
	struct hostfs_node *dir = node_find(number);
	int fd = enter(dir, name), err;

	if (fd < 0)
		return fd;
	err = attr_at(fd, name, a);
	node_unpin(dir);
	return err;
}

long hostfs_host_readlink(int number, const char *name, char *buf, size_t size)
{
	struct hostfs_node *dir = node_find(number);
	int fd = enter(dir, name);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = readlinkat(fd, name, buf, size);
	if (n < 0)
		n = -errno;
	node_unpin(dir);
	return n;
}

/* ---- creating ---- */

static int set_owner(int fd, const char *name, const struct hostfs_new *new)
{
	if (new->uid == KEEP_ID &&new->gid == KEEP_ID)
		return 0;
	if (fchownat(fd, name, new->uid, new->gid,
		    AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)) < 0)
		return -errno;
	return 0;
}

/*
 * Sets the mode that the guest requested, since umask and default ACL may have changed it. Uses a
 * descriptor, since chmod(2) follows links.
 */
static int set_mode(int dirfd, const char *name, const struct hostfs_new *new)
{
	struct hostfs_attr a;
	int fd, err = attr_at(dirfd, name, &a);

	if (err || S_ISLNK(new->mode) || (a.mode & 07777) == (new->mode & 07777))
		return err;
	fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (attr_at(fd, "", &a) == 0 && (a.mode & S_IFMT) == (new->mode &S_IFMT) &&
		chmod(fd_name(fd).text, new->mode & 07777) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int make_at(int fd, const char *name, const struct hostfs_new *new)
{
	int ret;

	if (S_ISDIR(new->mode))
		ret = mkdirat(fd, name, new->mode & 07777);
	else if (S_ISLNK(new->mode))
		ret = symlinkat(new->target, fd, name);
	else
		ret = mknodat(fd, name, new->mode, makedev(new->rdev_major, new->rdev_minor));
	return ret < 0 ? -errno : 0;
}

int hostfs_host_make(
	int number, const char *name, const struct hostfs_new *new, struct hostfs_attr *a)
{
	struct hostfs_node *dir = node_find(number);
	int fd = enter_to_change(dir, name), err;

	if (fd < 0)
		return fd;
	err = make_at(fd, name, new);
	if (!err) {
		err = set_owner(fd, name, new);
		if (!err)
			err = set_mode(fd, name, new);
		if (!err)
			err = attr_at(fd, name, a);
		if (err)
			unlinkat(fd, name, S_ISDIR(new->mode) ? AT_REMOVEDIR : 0);
	}
	node_unpin(dir);
	return err;
}

static int dress_file(int fd, const struct hostfs_new *new, struct hostfs_attr *a)
{
	int err = set_owner(fd, "", new);

	if (!err)
		err = attr_at(fd, "", a);
	if (err || (a->mode & 07777) == (new->mode & 07777))
		return err;
	if (fchmod(fd, new->mode & 07777) < 0)
		return -errno;
	return attr_at(fd, "", a);
}

static int open_new(int dirfd, const char *name, int flags, mode_t mode)
{
	int fd = openat(dirfd, name, flags, mode);

	if (fd < 0 && fd_pressure(-errno))
		fd = openat(dirfd, name, flags, mode);
	return fd < 0 ? -errno : fd;
}

int hostfs_host_create(int number, const char *name, const struct hostfs_new *new, int *file,
	struct hostfs_attr *a)
{
	struct hostfs_node *dir = node_find(number);
	int dirfd = enter_to_change(dir, name), fd, err;

	if (dirfd < 0)
		return dirfd;
	err = fd_reserve();
	if (err)
		goto out;
	fd = open_new(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY,
		new->mode & 07777);
	if (fd < 0) {
		fd_release();
		err = fd;
		goto out;
	}
	err = dress_file(fd, new, a);
	if (!err) {
		err = open_handle(fd, file);
	} else {
		close(fd);
		fd_release();
	}
	if (err)
		unlinkat(dirfd, name, 0);
out:
	node_unpin(dir);
	return err;
}

/* Makes a node for the nameless open file @file. Sets *node to its number. Returns 0 or -errno. */
static int number_tmpfile(int file, int *node)
{
	int fd = open_again(file_fd(file), O_PATH | O_CLOEXEC);
	struct hostfs_node *n;
	int err = fd < 0 ? -errno : node_of_fd(fd, &n);

	if (err)
		return err;
	*node = node_number(n, 0);
	if (*node >= 0)
		return 0;
	node_put(n);
	return *node;
}

int hostfs_host_tmpfile(
	int number, const struct hostfs_new *new, int *node, int *file, struct hostfs_attr *a)
{
	struct hostfs_node *dir = node_find(number);
	int dirfd = dir && dir->only ? -EACCES : node_pin(dir), fd = -1, err;

	if (dirfd < 0)
		return dirfd;
	err = fd_reserve();
	if (!err) {
		fd = open_new(dirfd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, new->mode & 07777);
		if (fd < 0)
			fd_release();
	}
	node_unpin(dir);
	if (err || fd < 0)
		return err ? err : fd == -EISDIR ? -EOPNOTSUPP : fd;
	err = dress_file(fd, new, a);
	if (err) {
		close(fd);
		fd_release();
		return err;
	}
	err = open_handle(fd, file);
	if (err)
		return err;
	err = number_tmpfile(*file, node);
	if (err)
		hostfs_host_close(*file);
	return err;
}

int hostfs_host_link(int node, int number, const char *name, struct hostfs_attr *a)
{
	struct hostfs_node *n = node_find(node), *dir = node_find(number);
	int dirfd = enter_to_change(dir, name), fd, err;

	if (dirfd < 0)
		return dirfd;
	fd = node_pin(n);
	if (fd < 0) {
		node_unpin(dir);
		return fd;
	}
	/*
	 * The call follows /proc's link to the object itself, and no further, even if that is a
	 * symlink.
	 */
	err = link_again(fd, dirfd, name);
	if (!err)
		err = attr_at(fd, "", a);
	node_unpin(n);
	node_unpin(dir);
	return err;
}

/* ---- removing, renaming ---- */

int hostfs_host_remove(int number, const char *name, int is_dir)
{
	struct hostfs_node *dir = node_find(number);
	int fd = enter_to_change(dir, name), err = 0;

	if (fd < 0)
		return fd;
	if (unlinkat(fd, name, is_dir ? AT_REMOVEDIR : 0) < 0)
		err = -errno;
	node_unpin(dir);
	return err;
}

int hostfs_host_rename(const struct hostfs_rename *r)
{
	struct hostfs_node *odir = node_find(r->odir), *ndir = node_find(r->ndir);
	int from = enter_to_change(odir, r->oname), to, err = 0;

	if (from < 0)
		return from;
	to = enter_to_change(ndir, r->nname);
	if (to < 0) {
		node_unpin(odir);
		return to;
	}
	if ((r->flags ? syscall(SYS_renameat2, from, r->oname, to, r->nname, r->flags) :
			renameat(from, r->oname, to, r->nname)) < 0)
		err = -errno;
	node_unpin(ndir);
	node_unpin(odir);
	return err;
}
