/* SPDX-License-Identifier: MIT */
/* replace_host.c: see replace_host.h. */
#include "drivers/ubd/replace_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os-linux/calls.h"

/* Finds the name of an open file. Fails with -EOPNOTSUPP if the file has several names. */
static int find_name(struct replace *r, int old, struct stat *st)
{
	char self[40];
	struct stat named;
	ssize_t n;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", old);
	n = readlink(self, r->path, sizeof(r->path) - 1);
	r->path[n > 0 ? n : 0] = '\0';
	if (host_fstat(old, st) || lstat(r->path, &named))
		return -errno;
	return S_ISREG(st->st_mode) && st->st_nlink == 1 && st->st_dev == named.st_dev &&
			       st->st_ino == named.st_ino ?
		       0 :
		       -EOPNOTSUPP;
}

/* Opens a file without a name or, if the host does not support that, with an invented one. */
static int new_file(struct replace *r)
{
	char *slash = strrchr(r->path, '/');

	*slash = '\0';
	r->fd = open(*r->path ? r->path : "/", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	*slash = '/';
	if (r->fd >= 0)
		return 0;
	if (snprintf(r->made, sizeof(r->made), "%s.XXXXXX", r->path) >= (int)sizeof(r->made))
		return -ENAMETOOLONG;
	r->fd = mkostemp(r->made, O_CLOEXEC);
	if (r->fd >= 0)
		return 0;
	*r->made = '\0';
	return -errno;
}

int replace_begin(struct replace *r, int old)
{
	struct stat st;
	int err;

	r->fd = -1;
	*r->made = '\0';
	err = find_name(r, old, &st);
	if (!err)
		err = new_file(r);
	if (!err && (fchown(r->fd, st.st_uid, st.st_gid) || fchmod(r->fd, st.st_mode & 07777)))
		err = -errno;
	if (!err)
		return r->fd;
	replace_drop(r);
	return err;
}

/* Gives the new file a name beside the old one's. */
static int make_name(struct replace *r)
{
	int n = snprintf(r->made, sizeof(r->made), "%s.%d", r->path, (int)getpid());
	int err = n >= (int)sizeof(r->made) ? -ENAMETOOLONG : 0;

	/* a file that a killed process with this pid has left */
	if (!err)
		unlink(r->made);
	if (!err)
		err = file_link(r->fd, r->made);
	if (err)
		*r->made = '\0';
	return err;
}

static void sync_folder(const struct replace *r)
{
	const char *slash = strrchr(r->path, '/');
	char dir[PART_NAME];
	int fd;

	snprintf(dir, sizeof(dir), "%.*s", slash == r->path ? 1 : (int)(slash - r->path), r->path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fdatasync(fd);
	close(fd);
}

int replace_end(struct replace *r)
{
	int err = fdatasync(r->fd) ? -errno : 0;

	if (!err && !*r->made)
		err = make_name(r);
	if (!err && rename(r->made, r->path))
		err = errno == EBUSY ? -EOPNOTSUPP : -errno;
	if (!err) {
		*r->made = '\0';
		sync_folder(r);
	}
	replace_drop(r);
	return err;
}

void replace_drop(struct replace *r)
{
	if (*r->made)
		unlink(r->made);
	*r->made = '\0';
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}
