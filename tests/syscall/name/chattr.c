/* SPDX-License-Identifier: MIT */
/*
 * chattr: flags of chattr(1): FS_IOC_GETFLAGS and SETFLAGS, what immutable and append-only files
 * refuse, what statx shows; FIEMAP. File systems keep different flags: a host whose file system
 * keeps none, or that permits none, counts as right.
 */
#include "t.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

static bool can;

static void check(const char *what, long r, long want)
{
	bool right = want < 0 ? r == -1 && errno == -want : r == want;

	if (right || !can)
		say("%s: right", what);
	else
		say("%s: %ld %s", what, r, r == -1 ? t_errno(errno) : "");
}
#define CHECK(e, want) check(#e, e, want)

static int set(int fd, int flag, bool on)
{
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == -1)
		return -1;
	flags = on ? flags | flag : flags & ~flag;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static long attributes(const char *path)
{
	struct statx x;

	NEED(statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &x));
	return x.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP);
}

static void immutable(int fd)
{
	CHECK(set(fd, FS_IMMUTABLE_FL, true), 0);
	CHECK(attributes("f"), STATX_ATTR_IMMUTABLE);
	CHECK(open("f", O_WRONLY), -EPERM);
	CHECK(truncate("f", 0), -EPERM);
	CHECK(unlink("f"), -EPERM);
	CHECK(rename("f", "g"), -EPERM);
	CHECK(link("f", "g"), -EPERM);
	CHECK(chmod("f", 0600), -EPERM);
	CHECK(utimensat(AT_FDCWD, "f", NULL, 0), -EPERM);
	CHECK(setxattr("f", "user.a", "b", 1, 0), -EPERM);
	CHECK(access("f", W_OK), -EPERM);
	CHECK(set(fd, FS_IMMUTABLE_FL, false), 0);
}

/* Sets flags without reading them first: a file system keeps its own flags. */
static void plain(void)
{
	int flags = FS_NODUMP_FL, fd = NEED(open("plain", O_RDWR | O_CREAT, 0600));

	CHECK(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
	CHECK(attributes("plain"), STATX_ATTR_NODUMP);
	flags = 0;
	CHECK(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
	CHECK(attributes("plain"), 0);
	close(fd);
}

static int touch(long atime, long mtime)
{
	struct timespec t[2] = { { 0, atime }, { 0, mtime } };

	return utimensat(AT_FDCWD, "f", t, 0);
}

static void append_only(int fd)
{
	int a;

	CHECK(set(fd, FS_APPEND_FL, true), 0);
	CHECK(attributes("f"), STATX_ATTR_APPEND);
	CHECK(open("f", O_WRONLY), -EPERM);
	CHECK(open("f", O_WRONLY | O_APPEND | O_TRUNC), -EPERM);
	a = open("f", O_WRONLY | O_APPEND);
	CHECK(write(a, "more", 4), 4);
	CHECK(fcntl(a, F_SETFL, 0), -EPERM);
	CHECK(ftruncate(a, 0), -EPERM);
	CHECK(unlink("f"), -EPERM);
	CHECK(touch(UTIME_NOW, UTIME_NOW), 0);
	CHECK(touch(UTIME_OMIT, UTIME_OMIT), 0);
	CHECK(touch(UTIME_NOW, UTIME_OMIT), -EPERM);
	CHECK(touch(UTIME_OMIT, UTIME_NOW), -EPERM);
	CHECK(touch(5, UTIME_NOW), -EPERM);
	close(a);
	CHECK(set(fd, FS_APPEND_FL, false), 0);
}

static void extents(int fd)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + 8 * sizeof(struct fiemap_extent)];
	} u;
	struct fiemap_extent *e = u.map.fm_extents;

	memset(&u, 0, sizeof(u));
	NEED(pwrite(fd, "x", 1, 0));
	NEED(pwrite(fd, "x", 1, 1 << 20));
	u.map.fm_length = ~0ULL;
	u.map.fm_flags = FIEMAP_FLAG_SYNC;
	can = ioctl(fd, FS_IOC_FIEMAP, &u.map) == 0;
	CHECK(u.map.fm_mapped_extents, 2);
	u.map.fm_extent_count = 8;
	CHECK(ioctl(fd, FS_IOC_FIEMAP, &u.map), 0);
	CHECK(e[0].fe_logical, 0);
	CHECK(e[0].fe_flags, 0);
	CHECK(e[1].fe_logical, 1 << 20);
	CHECK(e[1].fe_flags, FIEMAP_EXTENT_LAST);
	u.map.fm_extent_count = 1;
	CHECK(ioctl(fd, FS_IOC_FIEMAP, &u.map), 0);
	CHECK(e[0].fe_flags, 0);
	u.map.fm_start = 4096;
	CHECK(ioctl(fd, FS_IOC_FIEMAP, &u.map), 0);
	CHECK(e[0].fe_logical, 1 << 20);
	u.map.fm_flags = 0x80000;
	CHECK(ioctl(fd, FS_IOC_FIEMAP, &u.map), -EBADR);
	u.map.fm_flags = 0;
	u.map.fm_length = 0;
	CHECK(ioctl(fd, FS_IOC_FIEMAP, &u.map), -EINVAL);
}

/* A folder's blocks, as filefrag shows them. */
static void folder(void)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + 64 * sizeof(struct fiemap_extent)];
	} u;
	struct fiemap_extent *e = u.map.fm_extents;
	char name[260];
	struct stat st;
	long sum = 0;
	int fd, block = 0;

	NEED(mkdir("d", 0755));
	fd = NEED(open("d", O_RDONLY));
	memset(&u, 0, sizeof(u));
	u.map.fm_length = ~0ULL;
	u.map.fm_extent_count = 64;
	can = ioctl(fd, FS_IOC_FIEMAP, &u.map) == 0;
	CHECK(u.map.fm_mapped_extents, 1);
	CHECK(e[0].fe_logical, 0);
	CHECK(e[0].fe_physical != 0, 1);
	CHECK(e[0].fe_flags, FIEMAP_EXTENT_LAST);
	CHECK(ioctl(fd, FIBMAP, &block), -ENOTTY);
	for (int i = 0; i < 60; i++) {
		sprintf(name, "d/%0200d", i);
		close(NEED(open(name, O_CREAT | O_WRONLY, 0600)));
	}
	CHECK(ioctl(fd, FS_IOC_FIEMAP, &u.map), 0);
	for (unsigned i = 0; i < u.map.fm_mapped_extents; i++)
		sum += e[i].fe_length;
	NEED(fstat(fd, &st));
	CHECK(sum == st.st_size && sum > 4096, 1);
	close(fd);
}

static bool on_ext4(const char *path)
{
	struct statfs s;

	NEED(statfs(path, &s));
	return s.f_type == 0xef53;
}

/*
 * The mask of supported attributes belongs to the file system, whatever the file. statx returns the
 * time of birth only if it is asked for.
 */
static void masks(void)
{
	static const char *const paths[] = { "/", "/dev/null", "/proc/self/status" };
	static const unsigned long want[] = { 0x100874, 0x70, 0 };
	struct statx x;

	for (int i = 0; i < 3; i++) {
		NEED(statx(AT_FDCWD, paths[i], 0, STATX_BASIC_STATS, &x));
		say("%s: %lx", paths[i],
			i || on_ext4("/") ? (unsigned long)x.stx_attributes_mask & 0x100874 :
					    want[i]);
		say("made: %d", !!(x.stx_mask & STATX_BTIME));
	}
}

/* ext4 ignores flags that it sets itself, and refuses flags that only directories have. */
static void of_ext4(int fd)
{
	static const int flags[] = { 0x100, 0x200, 0x400, 0x800, 0x1000, 0x8000, 0x100000,
		0x10000000, FS_DIRSYNC_FL, FS_TOPDIR_FL, 0x800000, 0x40000000 };

	can = can && on_ext4("f");
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		CHECK(set(fd, flags[i], true), i < 8 ? 0 : -EOPNOTSUPP);
	CHECK(set(fd, 0x8000, false), 0);
}

TEST(chattr)
{
	int fd;

	t_text("f", "some text");
	fd = NEED(open("f", O_RDWR));
	can = !set(fd, FS_NODUMP_FL, true);
	CHECK(attributes("f"), STATX_ATTR_NODUMP);
	CHECK(set(fd, FS_NODUMP_FL, false), 0);
	CHECK(attributes("f"), 0);
	CHECK(set(fd, 0x40000000, true), -EOPNOTSUPP);
	masks();
	of_ext4(fd);
	can = !set(fd, FS_IMMUTABLE_FL, true) && !set(fd, FS_IMMUTABLE_FL, false);
	immutable(fd);
	plain();
	append_only(fd);
	extents(fd);
	folder();
}
