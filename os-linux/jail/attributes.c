/* SPDX-License-Identifier: MIT */
/*
 * attributes.c: calls of hostfs in a jailed kernel process that change a file's mode, owner, times,
 * size or extended attributes. Landlock does not restrict these calls, and they can name a path. So
 * the broker makes them, if the kernel process has the file open, and if the host's present name
 * for it lies beneath a folder of hostfs. In a folder that is shared to be read, only calls that
 * read attributes are made.
 *
 *      chmod("/proc/self/fd/17", 0600)       both name descriptor 17 of the kernel process
 *      utimensat(17, "", times, AT_EMPTY_PATH)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "os-linux/jail/broker.h"

#define VALUE_MAX 65536 /* bytes of an extended attribute */
#define NAME_ROOM 256
#define MODES 07777

static char value[VALUE_MAX];

/*
 * An open file of the kernel process. The broker holds it with its own descriptor, since the kernel
 * process may replace the file behind a descriptor at any time.
 */
struct opened {
	int fd;
	/* path in /proc of the broker's descriptor */
	char path[64];
	bool may_change;
};

/* Reads "/proc/self/fd/N" at @addr. Returns N, or -1. */
static int number_in(uint64_t addr)
{
	static const char begin[] = "/proc/self/fd/";
	char path[64], *end;
	long n;

	if (!memory_string(addr, path, sizeof(path)) || strncmp(path, begin, strlen(begin)))
		return -1;
	n = strtol(path + strlen(begin), &end, 10);
	return *end || end == path + strlen(begin) || n < 0 || n > 1 << 30 ? -1 : (int)n;
}

/*
 * Opens the broker's own descriptor for the file behind descriptor @n. Returns 0, -EBADF or
 * -EACCES.
 */
static int hold(struct opened *o, int n)
{
	char target[ASK_TEXT];
	ssize_t len;

	o->fd = files_hold(n);
	if (o->fd < 0)
		return -EBADF;
	snprintf(o->path, sizeof(o->path), "/proc/self/fd/%d", o->fd);
	len = readlink(o->path, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = 0;
	o->may_change = len > 0 && files_may_change(target);
	if (len > 0 && files_beneath(target))
		return 0;
	close(o->fd);
	return -EACCES;
}

static int set_times(const struct opened *o, uint64_t addr)
{
	struct timespec times[2];

	if (addr && !memory_read(addr, times, sizeof(times)))
		return -EFAULT;
	return utimensat(AT_FDCWD, o->path, addr ? times : NULL, 0) ? -errno : 0;
}

static int64_t get_xattr(const struct opened *o, const char *name, uint64_t to, uint64_t size)
{
	ssize_t n;

	if (size > VALUE_MAX)
		size = VALUE_MAX;
	n = *name ? getxattr(o->path, name, value, size) : listxattr(o->path, value, size);
	if (n < 0)
		return -errno;
	return !size || memory_write(to, value, (size_t)n) ? n : -EFAULT;
}

static int set_xattr(const struct opened *o, const char *name, const uint64_t *args)
{
	if (args[3] > VALUE_MAX)
		return -E2BIG;
	if (args[3] && !memory_read(args[2], value, args[3]))
		return -EFAULT;
	return setxattr(o->path, name, value, args[3], (int)args[4]) ? -errno : 0;
}

static int64_t make(int nr, const struct opened *o, const uint64_t *args)
{
	char name[NAME_ROOM] = "";

	if (!o->may_change && nr != SYS_getxattr && nr != SYS_listxattr)
		return -EROFS;
	if ((nr == SYS_getxattr || nr == SYS_setxattr || nr == SYS_removexattr) &&
		(!memory_string(args[1], name, sizeof(name)) || !*name))
		return -ERANGE;
	switch (nr) {
	case SYS_chmod: return chmod(o->path, (mode_t)args[1] & MODES) ? -errno : 0;
	case SYS_truncate: return truncate(o->path, (off_t)args[1]) ? -errno : 0;
	case SYS_fchownat: return chown(o->path, (uid_t)args[2], (gid_t)args[3]) ? -errno : 0;
	case SYS_utimensat: return set_times(o, args[2]);
	case SYS_getxattr: return get_xattr(o, name, args[2], args[3]);
	case SYS_listxattr: return get_xattr(o, "", args[1], args[2]);
	case SYS_setxattr: return set_xattr(o, name, args);
	default: return removexattr(o->path, name) ? -errno : 0;
	}
}

bool attributes_call(const struct seccomp_notif *call)
{
	const uint64_t *args = (const uint64_t *)call->data.args;
	int nr = call->data.nr, n, err;
	struct opened o;
	char empty;

	switch (nr) {
	case SYS_chmod:
	case SYS_truncate:
	case SYS_getxattr:
	case SYS_listxattr:
	case SYS_setxattr:
	case SYS_removexattr: n = number_in(args[0]); break;
	case SYS_fchownat:
	case SYS_utimensat:
		n = (int)args[0];
		if (n == AT_FDCWD)
			n = number_in(args[1]);
		else if (!memory_read(args[1], &empty, 1) || empty)
			n = -1;
		break;
	default: return false;
	}
	if (n < 0)
		return false;
	err = hold(&o, n);
	answer(call, err ? err : make(nr, &o, args));
	if (!err)
		close(o.fd);
	return true;
}
