/* SPDX-License-Identifier: MIT */
/*
 * file.c: the table of handles, and files that the kernel world reads and writes.
 *
 * A handle is an index into handles[], from 1. A slot is claimed and given back with one atomic
 * step, so no lock is needed. To use a handle while another thread closes it is the caller's bug.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/fs.h>

#include "os-linux/internal.h"

#define MAX_HANDLES 1024
static int handles[MAX_HANDLES]; /* fd + 1; 0 is free */

int os_handle_add(int fd)
{
	for (int h = 1; h < MAX_HANDLES; h++) {
		int expected = 0;

		if (__atomic_compare_exchange_n(
			    &handles[h], &expected, fd + 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return h;
	}
	return -EMFILE;
}

int os_handle_fd(int file)
{
	int v;

	if (file < 1 || file >= MAX_HANDLES)
		return -EBADF;
	v = __atomic_load_n(&handles[file], __ATOMIC_ACQUIRE);
	return v ? v - 1 : -EBADF;
}

static int open_flags(unsigned flags)
{
	int oflags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

	oflags |= !(flags & OS_WRITE) ? O_RDONLY : flags & OS_READ ? O_RDWR : O_WRONLY;
	oflags |= flags & OS_CREATE ? O_CREAT : 0;
	oflags |= flags & OS_TRUNC ? O_TRUNC : 0;
	oflags |= flags & OS_EXCL ? O_EXCL : 0;
	oflags |= flags & OS_APPEND ? O_APPEND : 0;
	return oflags;
}

/*
 * Opens a file. O_NONBLOCK keeps the open of a FIFO from blocking; it has no effect on files of the
 * kinds that are accepted.
 */
int os_file_open(const char *path, unsigned flags)
{
	struct stat st;
	int fd = open(path, open_flags(flags), 0600);
	int h;

	if (fd < 0)
		return -errno;
	if (host_fstat(fd, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) {
		close(fd);
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	}
	h = os_handle_add(fd);
	if (h < 0)
		close(fd);
	return h;
}

void os_file_close(int file)
{
	int fd = os_handle_fd(file);

	if (fd < 0)
		return;
	__atomic_store_n(&handles[file], 0, __ATOMIC_RELEASE);
	close(fd);
}

long os_file_pread(int file, void *buf, size_t n, uint64_t off)
{
	int fd = os_handle_fd(file);
	size_t done = 0;

	if (fd < 0)
		return fd;
	while (done < n) {
		ssize_t r = host_pread(fd, (char *)buf + done, n - done, off + done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			break;
		done += r;
	}
	return done;
}

long os_file_pwrite(int file, const void *buf, size_t n, uint64_t off)
{
	int fd = os_handle_fd(file);
	size_t done = 0;

	if (fd < 0)
		return fd;
	while (done < n) {
		ssize_t r = host_pwrite(fd, (const char *)buf + done, n - done, off + done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		done += r;
	}
	return done;
}

int64_t os_file_size(int file)
{
	int fd = os_handle_fd(file);
	struct stat st;
	uint64_t size;

	if (fd < 0)
		return fd;
	if (host_fstat(fd, &st))
		return -errno;
	if (!S_ISBLK(st.st_mode))
		return st.st_size;
	return ioctl(fd, BLKGETSIZE64, &size) ? -errno : (int64_t)size;
}

int os_file_sync(int file)
{
	int fd = os_handle_fd(file);

	if (fd < 0)
		return fd;
	return fdatasync(fd) ? -errno : 0;
}

const char *os_strerror(int err)
{
	const char *text = strerrordesc_np(err < 0 ? -err : err);

	return text ? text : "unknown error";
}

/* ---- descriptors of a child ---- */

/*
 * Closes the descriptors of [from, to] named in a piece of a /proc/self/fd listing, except the
 * listing's own.
 */
static void close_listed(const char *buf, long n, int from, int to, int dir)
{
	const struct entry64 *e;

	for (long at = 0; at < n; at += e->len) {
		int fd = 0;

		e = (const struct entry64 *)(buf + at);
		for (const char *p = e->name; *p >= '0' && *p <= '9'; p++)
			fd = fd * 10 + (*p - '0');
		if (e->name[0] != '.' && fd >= from && fd <= to && fd != dir)
			close(fd);
	}
}

/*
 * Closes the descriptors in [from, to] where close_range(2) is missing (before Linux 5.9) or
 * refused: those that /proc/self/fd lists, or without /proc all below the limit.
 */
static void close_each(int from, int to)
{
	int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct rlimit rl = { 0 };
	char buf[4096] __attribute__((aligned(8)));
	long n;

	if (dir >= 0) {
		while ((n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0)
			close_listed(buf, n, from, to, dir);
		close(dir);
		if (!n)
			return;
	}
	if (!getrlimit(RLIMIT_NOFILE, &rl) && (rlim_t)to >= rl.rlim_cur)
		to = (int)rl.rlim_cur - 1;
	for (int fd = from; fd <= to; fd++)
		close(fd);
}

void os_close_range(int from, int to)
{
	if (from <= to && syscall(SYS_close_range, from, to, 0))
		close_each(from, to);
}

void os_close_from(int from)
{
	os_close_range(from, INT_MAX);
}
