/* SPDX-License-Identifier: MIT */
/*
 * tmpfs_xattr: extended attributes of tmpfs, and hard links: together with the inodes they are
 * bounded by nr_inodes=.
 */
#include "t.h"
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/xattr.h>

static char value[65536];

/* Prints how many attributes of @size bytes find room, and the error of the next. */
static void fill(const char *prefix, size_t size)
{
	char name[64];
	int i, r = 0;

	for (i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "%s%04d", prefix, i);
		r = setxattr("t/f", name, value, size, 0);
		if (r)
			break;
	}
	say("%s, %zu bytes: %d, %s", prefix, size, i, r ? t_errno(errno) : "");
}

/* Prints how many files find room. */
static void files(int from)
{
	char name[64];
	int i, fd;

	for (i = from; i < from + 100; i++) {
		snprintf(name, sizeof(name), "t/g%d", i);
		fd = open(name, O_CREAT | O_RDWR, 0644);
		if (fd == -1)
			break;
		close(fd);
	}
	say("files: %d, %s", i - from, t_errno(errno));
}

static void fresh(const char *options)
{
	say("%s", options);
	NEED(mount("none", "t", "tmpfs", 0, options));
	NEED(close(NEED(open("t/f", O_CREAT | O_RDWR, 0644))));
}

static void many(const char *options, const char *prefix, size_t size)
{
	fresh(options);
	fill(prefix, size);
	NEED(umount("t"));
}

static void sharing(void)
{
	struct statfs s;

	fresh("nr_inodes=64");
	fill("user.", 1000);
	NEED(statfs("t", &s));
	say("%ld of %ld free", (long)s.f_ffree, (long)s.f_files);
	files(0);
	T(setxattr("t/f", "user.0000", value, 1000, 0)); /* no room for both values */
	T(setxattr("t/f", "user.0000", value, 1000, XATTR_CREATE));
	T(removexattr("t/f", "user.0001"));
	T(removexattr("t/f", "user.0001"));
	T(setxattr("t/f", "user.0000", value, 1000, 0));
	T(setxattr("t/f", "user.0000", value, 1000, XATTR_CREATE));
	T(setxattr("t/f", "user.more", value, 1000, 0));
	T(setxattr("t/f", "user.less", value, 1000, 0));
	T(mount("none", "t", NULL, MS_REMOUNT, "nr_inodes=10"));
	T(unlink("t/f"));
	files(100);
	NEED(statfs("t", &s));
	say("%ld of %ld free", (long)s.f_ffree, (long)s.f_files);
	NEED(umount("t"));
}

static void left(const char *what)
{
	struct statfs s;

	NEED(statfs("t", &s));
	say("%s: %ld of %ld free", what, (long)s.f_ffree, (long)s.f_files);
}

static void links(void)
{
	char name[64];
	int i, fd;

	fresh("nr_inodes=10");
	left("a file");
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "t/l%d", i);
		if (link("t/f", name))
			break;
	}
	say("links: %d, %s", i, t_errno(errno));
	left("links");
	T(symlink("f", "t/s"));
	T(setxattr("t/f", "user.a", "", 0, 0));
	T(unlink("t/l0"));
	left("a link gone");
	T(rename("t/l1", "t/l2")); /* of one file: nothing happens */
	left("renamed");
	T(mkdir("t/d", 0755));
	left("a directory");
	T(unlink("t/l1"));
	T(mknod("t/n", S_IFREG | 0644, 0));
	T(rename("t/n", "t/l2"));
	left("a link replaced");
	T(syscall(SYS_renameat2, AT_FDCWD, "t/l2", AT_FDCWD, "t/l3", 2)); /* RENAME_EXCHANGE */
	left("exchanged");
	T(rename("t/l3", "t/l4"));
	left("another");
	fd = NEED(open("t", O_TMPFILE | O_RDWR, 0644));
	left("a nameless file");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	T(linkat(AT_FDCWD, name, AT_FDCWD, "t/named", AT_SYMLINK_FOLLOW));
	left("named");
	T(linkat(AT_FDCWD, name, AT_FDCWD, "t/twice", AT_SYMLINK_FOLLOW));
	left("twice");
	T(unlink("t/named"));
	left("once");
	T(unlink("t/twice"));
	left("open");
	NEED(close(fd));
	left("closed");
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "t/l%d", i);
		unlink(name);
	}
	unlink("t/f");
	rmdir("t/d");
	left("empty");
	NEED(umount("t"));
}

#define MANY 16384
#define LOOKS 64

static double set_one(int i)
{
	struct timespec from, now;
	char name[32];

	snprintf(name, sizeof(name), "user.%05d", i);
	clock_gettime(CLOCK_MONOTONIC, &from);
	NEED(setxattr("t/f", name, "", 0, 0));
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - from.tv_sec) * 1e6 +
	       (double)(now.tv_nsec - from.tv_nsec) / 1e3;
}

/* However many attributes a file has, another one is added as quickly. */
static void very_many(void)
{
	static char list[65536];
	double first = 1e9, last = 1e9;

	fresh("nr_inodes=0");
	for (int i = 0; i < MANY; i++) {
		double t = set_one(i);

		if (i < LOOKS)
			first = t < first ? t : first;
		else if (i >= MANY - LOOKS)
			last = t < last ? t : last;
	}
	say("as quick as the first: %d", last < 8 * first + 20);
	T(listxattr("t/f", NULL, 0));
	T(listxattr("t/f", list, 1000));
	T(listxattr("t/f", list, sizeof(list) - 1));
	T(listxattr("t/f", list, sizeof(list)));
	T(setxattr("t/f", "user.00000", "", 0, XATTR_CREATE));
	T(setxattr("t/f", "user.16383", "v", 1, XATTR_REPLACE));
	T(removexattr("t/f", "user.08191"));
	T(getxattr("t/f", "user.08191", list, sizeof(list)));
	T(getxattr("t/f", "user.16383", list, sizeof(list)));
	NEED(umount("t"));
}

TEST(tmpfs_xattr)
{
	NEED(mkdir("t", 0755));
	many("nr_inodes=64", "user.", 60000);
	many("nr_inodes=64", "user.", 1);
	many("nr_inodes=64", "user.", 0);
	many("nr_inodes=64", "trusted.", 1000);
	many("nr_inodes=64", "security.", 1000);
	many("nr_inodes=4", "user.", 100);
	many("nr_inodes=0", "user.", 100);
	sharing();
	very_many();
	links();
	T(mount("none", "t", "tmpfs", 0, "nr_inodes=18014398509481984"));
}
