/* SPDX-License-Identifier: MIT */
/*
 * ttylog_host.c: the log of terminals: written to an inherited descriptor, or appended to a file of
 * the host for each terminal (mode 0600).
 *
 * Locks: `lock` is held for a whole record, so that records do not mix when a write to a pipe is
 * short. The variables below are written without it: at boot, after a restore, and log_dir when
 * the jail closes.
 */
#include "drivers/console/ttylog_host.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os-linux/host.h"

/*
 * log_fd: copy of the inherited descriptor, or -1. log_dir: the folder of files, or -1 once the
 * jail (docs/security.md) has closed.
 */
static int log_fd = -1, log_dir = -1;
/* path of the folder as it was given, or NULL if the log goes to log_fd */
static char *log_path;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int ttylog_host_fd(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	/* Refuse the kernel's own descriptors: those close on exec, inherited ones do not. */
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || fcntl(fd, F_GETFD) & FD_CLOEXEC)
		return -EBADF;
	if (log_fd >= 0) /* the parameter was given before */
		close(log_fd);
	log_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return log_fd < 0 ? -errno : 0;
}

/*
 * Called when the jail closes. A jailed process keeps no folder of the host open except those of
 * hostfs, since ".." would lead out of it. From then on the log's files are opened by name, in a
 * jail by the broker (docs/security.md).
 */
static void close_dir(void)
{
	close(log_dir);
	log_dir = -1;
}

int ttylog_host_dir(const char *dir)
{
	char *path = strdup(dir);

	if (!path)
		return -ENOMEM;
	free(log_path);
	log_path = path;
	if (log_dir >= 0)
		close(log_dir);
	else
		os_at_jail(close_dir);
	log_dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (log_dir < 0)
		return -errno;
	os_jail_grant(dir, OS_GRANT_READ | OS_GRANT_WRITE);
	return 0;
}

static int write_all(int fd, struct iovec *v)
{
	while (v[0].iov_len + v[1].iov_len) {
		ssize_t n = pwritev2(fd, v, 2, HERE, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (int i = 0; i < 2; i++) {
			size_t k = (size_t)n < v[i].iov_len ? (size_t)n : v[i].iov_len;

			v[i].iov_base = (char *)v[i].iov_base + k;
			v[i].iov_len -= k;
			n -= (ssize_t)k;
		}
	}
	return 0;
}

/*
 * Opens the file for a terminal; "pts/3" has the file "pts-3". Returns a descriptor, or -1 with
 * errno.
 */
static int open_file(const char *name)
{
	char file[32], path[OS_NAME_AT], *named = NULL;
	int fd;

	snprintf(file, sizeof(file), "%s", name);
	for (char *p = file; *p; p++)
		if (*p == '/')
			*p = '-';
	if (log_dir < 0 && asprintf(&named, "%s/%s", log_path, file) < 0)
		return -1;
	fd = open(named ? named : os_name_at(path, log_dir, file),
		O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(named);
	return fd;
}

int ttylog_host_add(
	const char *name, const void *head, size_t head_len, const void *data, size_t len)
{
	struct iovec v[2] = { { (void *)head, head_len }, { (void *)data, len } };
	int fd, err;

	pthread_mutex_lock(&lock);
	fd = log_path ? open_file(name) : log_fd;
	err = fd < 0 ? -errno : write_all(fd, v);
	if (log_path && fd >= 0)
		close(fd);
	pthread_mutex_unlock(&lock);
	return err;
}
