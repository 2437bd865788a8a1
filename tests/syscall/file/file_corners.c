/* SPDX-License-Identifier: MIT */
/*
 * file_corners: corner cases of files: transfers that would end behind the largest offset, also of
 * devices; RWF_APPEND of a read; descriptors that belong to no file system, and PROT_EXEC; a
 * process's directory in /proc; which error comes first.
 */
#include "t.h"

#include <linux/fs.h>
#include <linux/seccomp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/xattr.h>

static void offsets(const char *path, int flags)
{
	int fd = NEED(open(path, O_RDWR | flags, 0600)),
	    out = NEED(open("out", O_RDWR | O_CREAT, 0600));
	char buf[8] = "";
	struct iovec v = { buf, sizeof(buf) };
	off_t at = -1;

	say("%s", path);
	T(pread(fd, buf, 8, LONG_MAX));
	T(pread(fd, buf, 8, LONG_MAX - 7));
	T(pwrite(fd, buf, 8, LONG_MAX));
	T(preadv(fd, &v, 1, LONG_MAX));
	T(pwritev(fd, &v, 1, LONG_MAX));
	T(sendfile(out, fd, &at, 4));
	at = LONG_MAX;
	T(sendfile(out, fd, &at, 4));
	T(lseek(fd, -1, SEEK_SET));
	OK(preadv2(fd, &v, 1, 0, RWF_APPEND));
	OK(preadv2(fd, &v, 1, -1, RWF_APPEND));
	close(fd);
	close(out);
}

static void maps(const char *what, int fd)
{
	say("%s", what);
	OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
	OK(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0));
	close(fd);
}

static void no_files(void)
{
	int p[2], s[2];

	NEED(pipe(p));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	maps("pipe", p[0]);
	maps("pipe's other end", p[1]);
	maps("socket", s[0]);
	maps("eventfd", NEED(eventfd(0, 0)));
	maps("epoll", NEED(epoll_create1(0)));
	maps("memfd", NEED(memfd_create("m", 0)));
	maps("zero", NEED(open("/dev/zero", O_RDWR)));
}

static void process(const char *path)
{
	struct timespec t[2] = { { 1, 0 }, { 1, 0 } };
	char sub[64];

	snprintf(sub, sizeof(sub), "%s/none", path);
	say("a directory of /proc");
	T(utimensat(AT_FDCWD, path, NULL, 0));
	T(utimensat(AT_FDCWD, path, t, 0));
	T(chmod(path, 0755));
	T(chown(path, 0, 0));
	T(setxattr(path, "user.a", "b", 1, 0));
	T(setxattr(path, "trusted.a", "b", 1, 0));
	T(removexattr(path, "user.a"));
	T(access(path, W_OK));
	T(access(path, R_OK | X_OK));
	T(mkdir(sub, 0700));
	T(open(sub, O_CREAT | O_RDWR, 0600));
}

static void first_errors(void)
{
	char *a = t_pages(2);
	struct timespec now = { 1, 0 };
	struct {
		unsigned short len;
		void *filter;
	} none = { 0, NULL };

	for (int clock = -8; clock < 0; clock++) {
		say("clock %d", clock);
		T(syscall(SYS_clock_settime, clock, BAD));
		T(syscall(SYS_clock_settime, clock, &now));
	}
	OK(mremap(a, PAGE, -2UL * PAGE, MREMAP_MAYMOVE));
	OK(mremap(a, -2UL * PAGE, PAGE, MREMAP_MAYMOVE));
	OK(mremap(a, PAGE, 1UL << 47, MREMAP_MAYMOVE));
	NEED(setgid(1));
	NEED(setuid(1));
	T(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, BAD));
	T(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &none));
	none.len = 1;
	T(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &none));
}

TEST(file_corners)
{
	offsets("file", O_CREAT);
	offsets("/dev/null", 0);
	offsets("/dev/zero", 0);
	offsets("/dev/full", 0);
	offsets("/dev/urandom", 0);
	no_files();
	process("/proc/self");
	process("/proc/self/task");
	process("/proc/thread-self");
	CHILD(first_errors());
}
