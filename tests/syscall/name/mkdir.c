/* SPDX-License-Identifier: MIT */
/*
 * mkdir(2), mkdirat(2), rmdir(2), unlinkat(AT_REMOVEDIR): modes, set-gid inheritance, link counts,
 * errors.
 */
#include "t.h"

static void show(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		say("%s: %s", path, t_errno(errno));
	else
		say("%s: %s %04o gid %d", path, t_type(st.st_mode), st.st_mode & 07777,
			(int)st.st_gid);
}

TEST(mkdir)
{
	char name[300];
	int dir;

	T(mkdir("a", 0777));
	show("a");
	T(mkdir("b", 07777));
	show("b");
	T(mkdir("c", 0));
	show("c");
	T(mkdir("a", 0777));
	T(mkdir("a/", 0777));
	T(mkdir("s/", 0755));
	T(mkdir("missing/x", 0777));
	T(mkdir("", 0777));
	T(mkdir("/", 0777));
	T(mkdir(".", 0777));
	T(mkdir("a/..", 0777));
	T(mkdir(BAD, 0777));
	t_text("f", "");
	T(mkdir("f", 0777));
	T(mkdir("f/x", 0777));
	NEED(symlink("nowhere", "l"));
	T(mkdir("l", 0777));
	memset(name, 'n', 256);
	name[256] = 0;
	T(mkdir(name, 0777));
	NEED(chown("a", 0, 77));
	NEED(chmod("a", 02755));
	T(mkdir("a/sub", 0755));
	show("a/sub");
	t_text("a/file", "");
	show("a/file");
	dir = NEED(open("a", O_RDONLY));
	T(mkdirat(dir, "at", 0700));
	show("a/at");
	T(mkdirat(-1, "at", 0700));
	T(mkdirat(NEED(open("f", O_RDONLY)), "at", 0700));

	T(rmdir("a"));
	T(rmdir("f"));
	T(rmdir("missing"));
	T(rmdir("l"));
	T(rmdir("a/."));
	T(rmdir("a/sub/.."));
	T(rmdir("/"));
	T(rmdir(BAD));
	T(rmdir("a/sub"));
	T(unlinkat(dir, "at", 0));
	T(unlinkat(dir, "at", AT_REMOVEDIR));
	T(unlinkat(dir, "file", AT_REMOVEDIR));
	T(unlinkat(dir, "file", 1));
	T(unlinkat(dir, "file", 0));
	T(rmdir("a/"));
	T(mkdirat(dir, "x", 0700)); /* in a removed directory */
	{
		struct stat st;

		NEED(fstat(dir, &st));
		say("links of a removed directory: %d", (int)st.st_nlink);
	}
	CHILD({
		NEED(setuid(65534));
		T(mkdir("mine", 0755));
		T(rmdir("b"));
	});
}
