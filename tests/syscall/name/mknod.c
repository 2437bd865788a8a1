/* SPDX-License-Identifier: MIT */
/* mknod(2), mknodat(2): regular files, fifos, devices, sockets, permissions. */
#include "t.h"
#include <sys/sysmacros.h>

static void show(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		say("%s: %s", path, t_errno(errno));
	else
		say("%s: %s %04o %d:%d", path, t_type(st.st_mode), st.st_mode & 07777,
			(int)major(st.st_rdev), (int)minor(st.st_rdev));
}

TEST(mknod)
{
	int dir, fd;
	char c;

	T(mknod("f", S_IFREG | 0666, 0));
	show("f");
	T(mknod("zero", 0666, 0)); /* no type is a file */
	show("zero");
	T(mknod("p", S_IFIFO | 0640, 0));
	show("p");
	T(mknod("s", S_IFSOCK | 0755, 0));
	show("s");
	T(mknod("null", S_IFCHR | 0600, makedev(1, 3)));
	show("null");
	fd = NEED(open("null", O_RDWR));
	T(write(fd, "x", 1));
	T(read(fd, &c, 1));
	T(mknod("nodev", S_IFCHR | 0600, makedev(250, 77)));
	T(open("nodev", O_RDWR));
	T(mknod("b", S_IFBLK | 0600, makedev(4000, 1234567 & 0xfffff)));
	show("b");
	T(open("b", O_RDWR));
	T(open("s", O_RDWR));
	T(mknod("d", S_IFDIR | 0755, 0));
	T(mknod("l", S_IFLNK | 0755, 0));
	T(mknod("f", S_IFREG | 0600, 0));
	T(mknod("missing/f", S_IFREG | 0600, 0));
	T(mknod("f/f", S_IFREG | 0600, 0));
	T(mknod("f2/", S_IFREG | 0600, 0));
	T(mknod(BAD, S_IFREG | 0600, 0));
	T(mknod("bad", 0170000 | 0600, 0));
	NEED(mkdir("dir", 0777));
	NEED(chmod("dir", 0777));
	dir = NEED(open("dir", O_RDONLY));
	T(mknodat(dir, "p", S_IFIFO | 0600, 0));
	show("dir/p");
	T(mknodat(-1, "p", S_IFIFO | 0600, 0));
	CHILD({
		NEED(setuid(65534));
		T(mknod("dir/dev", S_IFCHR | 0600, makedev(1, 3)));
		T(mknod("dir/blk", S_IFBLK | 0600, makedev(8, 0)));
		T(mknod("dir/fifo", S_IFIFO | 0600, 0));
		T(mknod("dir/file", S_IFREG | 0600, 0));
		T(mknod("other", S_IFREG | 0600, 0));
	});
}
