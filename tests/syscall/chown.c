/* SPDX-License-Identifier: MIT */
/* chown(2), fchown(2), lchown(2), fchownat(2): ids, -1, set-id bits, who may. */
#include "t.h"

static void show(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		say("%s: %s", path, t_errno(errno));
	else
		say("%s: %d:%d %04o", path, (int)st.st_uid, (int)st.st_gid, st.st_mode & 07777);
}

TEST(chown)
{
	gid_t groups[] = { 20, 30 };
	int fd, dir;

	t_text("f", "x");
	NEED(symlink("f", "l"));
	T(chown("f", 10, 20));
	show("f");
	T(chown("f", -1, 30));
	show("f");
	T(chown("f", 11, -1));
	show("f");
	T(chown("l", 12, 12));
	show("f");
	T(lchown("l", 13, 14));
	show("l");
	show("f");
	fd = NEED(open("f", O_RDONLY));
	T(fchown(fd, 15, 16));
	show("f");
	T(fchown(-1, 0, 0));
	T(fchown(NEED(open("f", O_PATH)), 0, 0));
	T(fchownat(fd, "", 17, 18, AT_EMPTY_PATH));
	show("f");
	T(fchownat(AT_FDCWD, "l", 19, 19, AT_SYMLINK_NOFOLLOW));
	show("l");
	T(fchownat(AT_FDCWD, "f", 1, 1, 0x4000));
	NEED(mkdir("d", 0755));
	dir = NEED(open("d", O_RDONLY));
	T(fchownat(dir, "../f", 21, 22, 0));
	show("f");
	T(chown("missing", 0, 0));
	T(chown("f/x", 0, 0));
	T(chown(BAD, 0, 0));
	T(chown("f", 2147483647, 65536));
	show("f");

	/* set-id bits go, by root too; a set-gid bit without group execute (mandatory locking) stays */
	NEED(chmod("f", 06755));
	T(chown("f", 1, 1));
	show("f");
	NEED(chmod("f", 06745));
	T(chown("f", 1, 1));
	show("f");
	NEED(chmod("d", 06755));
	T(chown("d", 1, 1));
	show("d");

	NEED(chown("f", 1000, 20));
	CHILD({
		NEED(setgroups(2, groups));
		NEED(setgid(20));
		NEED(setuid(1000));
		T(chown("f", 1000, 30)); /* the owner, to a group of its own */
		T(chown("f", 1000, 40));
		T(chown("f", 1001, -1));
		T(chown("f", -1, -1));
		T(chown("d", -1, -1));
	});
	CHILD({
		NEED(setuid(1001));
		T(chown("f", 1001, -1));
		T(chown("f", -1, -1));
	});
	show("f");
}
