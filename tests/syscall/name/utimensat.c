/* SPDX-License-Identifier: MIT */
/*
 * utimensat(2), utimes(2), utime(2), futimesat(2): exact times, UTIME_NOW, UTIME_OMIT, permissions.
 */
#include "t.h"
#include <utime.h>

static void show(const char *path)
{
	struct stat st;
	time_t now = time(NULL);

	NEED(lstat(path, &st));
#define WHEN(ts)                                                                                   \
	((ts).tv_sec > now - 100 ? -1L : (long)(ts).tv_sec),                                       \
		((ts).tv_sec > now - 100 ? -1L : (ts).tv_nsec)
	say("%s: atime %ld.%ld mtime %ld.%ld", path, WHEN(st.st_atim), WHEN(st.st_mtim));
}

TEST(utimensat)
{
	struct timespec ts[2] = { { 1000, 123456789 }, { 2000, 987654321 } };
	struct timespec one[2] = { { 7, UTIME_OMIT }, { 3000, 5 } };
	struct timespec now[2] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } };
	struct timespec omit[2] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } };
	struct timespec bad[2] = { { 1, 1000000000 }, { 1, 0 } };
	struct timespec old[2] = { { -5, 0 }, { -1, 0 } };
	struct timeval tv[2] = { { 50, 999999 }, { 60, 1 } };
	struct timeval badtv[2] = { { 50, 1000000 }, { 60, 1 } };
	struct utimbuf ut = { 11, 22 };
	int fd, dir = NEED(open(".", O_RDONLY));

	t_text("f", "x");
	NEED(symlink("f", "l"));
	fd = NEED(open("f", O_RDONLY));
	T(utimensat(AT_FDCWD, "f", ts, 0));
	show("f");
	T(utimensat(dir, "f", one, 0));
	show("f");
	T(utimensat(dir, "f", now, 0));
	show("f");
	T(utimensat(dir, "f", omit, 0));
	T(utimensat(dir, "missing", omit, 0));
	T(utimensat(dir, "f", bad, 0));
	T(utimensat(dir, "l", ts, AT_SYMLINK_NOFOLLOW));
	show("l");
	T(utimensat(AT_FDCWD, "l", old, 0));
	show("f");
	T(utimensat(AT_FDCWD, "f", NULL, 0));
	show("f");
	T(syscall(SYS_utimensat, fd, NULL, ts, 0));
	show("f");
	T(syscall(SYS_utimensat, fd, "", one, AT_EMPTY_PATH));
	show("f");
	T(syscall(SYS_utimensat, fd, NULL, ts, AT_SYMLINK_NOFOLLOW));
	T(syscall(SYS_utimensat, AT_FDCWD, NULL, ts, 0));
	T(utimensat(AT_FDCWD, "f", ts, 0x40000));
	T(utimensat(AT_FDCWD, "f", BAD, 0));
	T(utimensat(-1, "f", ts, 0));
	T(syscall(SYS_utimes, "f", tv));
	show("f");
	T(syscall(SYS_utimes, "f", badtv));
	T(syscall(SYS_utimes, "f", NULL));
	show("f");
	T(syscall(SYS_futimesat, dir, "f", tv));
	show("f");
	T(syscall(SYS_futimesat, fd, NULL, NULL));
	show("f");
	T(syscall(SYS_utime, "f", &ut));
	show("f");
	T(syscall(SYS_utime, "missing", &ut));
	T(syscall(SYS_utime, "f", BAD));
	T(syscall(SYS_utime, "f", NULL));
	show("f");
	NEED(chmod("f", 0666));
	CHILD({
		NEED(setuid(65534));
		T(utimensat(AT_FDCWD, "f", ts, 0));
		T(utimensat(AT_FDCWD, "f", NULL, 0)); /* may write: may touch */
		T(utimensat(AT_FDCWD, "f", now, 0));
		T(utimensat(AT_FDCWD, "f", omit, 0));
	});
	NEED(chmod("f", 0644));
	CHILD({
		NEED(setuid(65534));
		T(utimensat(AT_FDCWD, "f", NULL, 0));
	});
}
