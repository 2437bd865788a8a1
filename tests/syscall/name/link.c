/* SPDX-License-Identifier: MIT */
/* link(2), linkat(2), unlink(2), unlinkat(2): counts, directories, symbolic links, errors. */
#include "t.h"

static int links(const char *path)
{
	struct stat st;

	return lstat(path, &st) == -1 ? -1 : (int)st.st_nlink;
}

TEST(link)
{
	int fd, dir;
	struct stat st;

	t_text("a", "text");
	T(link("a", "b"));
	T(links("a"));
	T(links("b"));
	T(link("a", "b"));
	T(link("missing", "c"));
	T(link("a", "missing/c"));
	T(link("a", ""));
	T(link("a", "c/"));
	T(link(BAD, "c"));
	T(link("a", BAD));
	NEED(mkdir("d", 0755));
	T(link("d", "e"));
	NEED(symlink("a", "l"));
	T(link("l", "l2")); /* the link itself */
	T(links("l"));
	T(linkat(AT_FDCWD, "l", AT_FDCWD, "l3", AT_SYMLINK_FOLLOW));
	T(links("a"));
	fd = NEED(open("a", O_RDONLY));
	T(linkat(fd, "", AT_FDCWD, "l4", AT_EMPTY_PATH));
	T(linkat(fd, "", AT_FDCWD, "l5", 0));
	T(linkat(AT_FDCWD, "a", AT_FDCWD, "l5", 0x10));
	dir = NEED(open("d", O_RDONLY));
	T(linkat(AT_FDCWD, "a", dir, "in", 0));
	T(linkat(dir, "in", AT_FDCWD, "out", 0));
	T(linkat(-1, "in", AT_FDCWD, "out2", 0));
	T(links("a"));
	T(link("/proc/self/stat", "proc"));

	T(unlink("b"));
	T(unlink("b"));
	T(unlink("d"));
	T(unlink("d/"));
	T(unlink("a/"));
	T(unlink("a/x"));
	T(unlink(""));
	T(unlink(BAD));
	T(unlink("l"));
	T(links("a"));
	T(unlink("."));
	T(unlinkat(dir, "in", 0));
	T(unlinkat(dir, "in", 0x1000));
	NEED(unlink("l3"));
	NEED(unlink("l4"));
	NEED(unlink("out"));
	T(links("a"));
	T(unlink("a"));
	NEED(fstat(fd, &st));
	say("links of an open, removed file: %d", (int)st.st_nlink);
	T(linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH));
}
