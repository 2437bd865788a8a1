/* SPDX-License-Identifier: MIT */
/*
 * newcalls: calls that are younger than the Linux whose ABI this is: cachestat, fchmodat2,
 * setxattrat and related calls. The test prints only whether each does what the manual says; a host
 * without a call counts as right.
 */
#include "newer.h"

#include <sys/xattr.h>

#define CACHESTAT 451
#define FCHMODAT2 452
#define SETXATTRAT 463
#define GETXATTRAT 464
#define LISTXATTRAT 465
#define REMOVEXATTRAT 466

static void cached(void)
{
	struct {
		uint64_t off, len;
	} r = { 0, 0 };
	struct {
		uint64_t cache, dirty, writeback, evicted, recently;
	} c;
	int fd = NEED(open("f", O_RDWR | O_CREAT | O_TRUNC, 0600)), huge;

	have = known(CACHESTAT);
	CHECK(syscall(CACHESTAT, fd, &r, &c, 0), 0);
	CHECK(c.cache, 0);
	NEED(pwrite(fd, "x", 1, 3 * PAGE));
	NEED(pwrite(fd, "x", 1, 0));
	CHECK(syscall(CACHESTAT, fd, &r, &c, 0), 0);
	CHECK(c.cache, 2);
	r.off = PAGE - 1;
	r.len = 1;
	CHECK(syscall(CACHESTAT, fd, &r, &c, 0), 0);
	CHECK(c.cache, 1);
	r.off = PAGE;
	CHECK(syscall(CACHESTAT, fd, &r, &c, 0), 0);
	CHECK(c.cache, 0);
	CHECK(syscall(CACHESTAT, fd, &r, &c, 1), -EINVAL);
	CHECK(syscall(CACHESTAT, -1, &r, &c, 0), -EBADF);
	CHECK(syscall(CACHESTAT, fd, BAD, &c, 0), -EFAULT);
	CHECK(syscall(CACHESTAT, fd, &r, BAD, 0), -EFAULT);
	close(fd);
	huge = memfd_create("huge", MFD_HUGETLB);
	have = have && huge >= 0;
	CHECK(syscall(CACHESTAT, huge, &r, &c, 0), -EOPNOTSUPP);
	close(huge);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	NEED(stat(path, &st));
	return st.st_mode & 07777;
}

static void modes(void)
{
	int fd = NEED(open("f", O_RDONLY));

	have = known(FCHMODAT2);
	NEED(symlink("f", "link"));
	CHECK(syscall(FCHMODAT2, AT_FDCWD, "f", 0640, 0), 0);
	CHECK(mode_of("f"), 0640);
	CHECK(syscall(FCHMODAT2, AT_FDCWD, "link", 0600, 0), 0);
	CHECK(mode_of("f"), 0600);
	CHECK(syscall(FCHMODAT2, AT_FDCWD, "link", 0644, AT_SYMLINK_NOFOLLOW), -EOPNOTSUPP);
	CHECK(syscall(FCHMODAT2, fd, "", 0644, AT_EMPTY_PATH), 0);
	CHECK(mode_of("f"), 0644);
	CHECK(syscall(FCHMODAT2, fd, "", 0644, 0), -ENOENT);
	CHECK(syscall(FCHMODAT2, AT_FDCWD, "f", 0644, 0x10000), -EINVAL);
	close(fd);
}

static void attributes(void)
{
	struct {
		uint64_t value;
		uint32_t size, flags;
	} set = { (uintptr_t) "value", 5, 0 }, get = { 0, 0, 0 };
	int fd = NEED(open("f", O_RDONLY)), path = NEED(open("f", O_PATH));
	char buf[100];

	have = known(SETXATTRAT);
	CHECK(syscall(SETXATTRAT, AT_FDCWD, "f", 0, "user.a", &set, 16), 0);
	CHECK(syscall(GETXATTRAT, AT_FDCWD, "f", 0, "user.a", &get, 16), 5);
	get.value = (uintptr_t)buf;
	get.size = sizeof(buf);
	CHECK(syscall(GETXATTRAT, fd, "", AT_EMPTY_PATH, "user.a", &get, 16), 5);
	CHECK(memcmp(buf, "value", 5), 0);
	CHECK(syscall(GETXATTRAT, path, "", AT_EMPTY_PATH, "user.a", &get, 16), -EBADF);
	CHECK(syscall(LISTXATTRAT, AT_FDCWD, "f", 0x10000, buf, sizeof(buf)), -EINVAL);
	set.flags = XATTR_CREATE;
	CHECK(syscall(SETXATTRAT, fd, NULL, AT_EMPTY_PATH, "user.a", &set, 16), -EEXIST);
	set.flags = 4;
	CHECK(syscall(SETXATTRAT, AT_FDCWD, "f", 0, "user.a", &set, 16), -EINVAL);
	CHECK(syscall(SETXATTRAT, AT_FDCWD, "f", 0, "user.a", &set, 15), -EINVAL);
	CHECK(syscall(SETXATTRAT, AT_FDCWD, "f", 0, "user.a", &set, 5000), -E2BIG);
	CHECK(syscall(SETXATTRAT, AT_FDCWD, "f", 0x10000, "user.a", &set, 16), -EINVAL);
	CHECK(syscall(REMOVEXATTRAT, AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, "user.a"), -EPERM);
	CHECK(syscall(REMOVEXATTRAT, AT_FDCWD, "link", 0, "user.a"), 0);
	CHECK(syscall(REMOVEXATTRAT, fd, "", AT_EMPTY_PATH, "user.a"), -ENODATA);
}

TEST(newcalls)
{
	cached();
	modes();
	attributes();
}
