/* SPDX-License-Identifier: MIT */
/*
 * rename(2), renameat(2), renameat2(2): replacing, directories, RENAME_NOREPLACE and
 * RENAME_EXCHANGE, sticky.
 */
#include "t.h"

static void state(void)
{
	static const char *const names[] = { "a", "b", "c", "d1", "d2", "d1/f", "d2/f", "l" };
	char line[256] = "";
	struct stat st;
	size_t i;

	for (i = 0; i < 8; i++)
		if (!lstat(names[i], &st))
			snprintf(line + strlen(line), sizeof(line) - strlen(line), " %s:%s",
				names[i], t_type(st.st_mode));
	say("have%s", line);
}

static void files(void)
{
	int fd;

	t_text("a", "A");
	T(rename("a", "b"));
	t_cat("b");
	t_text("a", "new");
	fd = NEED(open("b", O_RDONLY));
	T(rename("a", "b"));
	t_cat("b");
	{
		char c = 0;

		T(read(fd, &c, 1));
		say("the replaced file lives: %c", c);
	}
	T(rename("b", "b"));
	T(link("b", "c"));
	T(rename("b", "c")); /* the same file: nothing happens */
	state();
	T(rename("missing", "x"));
	T(rename("b", "missing/x"));
	T(rename("b/x", "y"));
	T(rename("", "y"));
	T(rename("b", ""));
	T(rename(BAD, "y"));
	T(rename("b", BAD));
	NEED(symlink("b", "l"));
	T(rename("l", "a"));
	state();
	T(unlink("a"));
	T(rename("b", "l"));
	T(rename("l", "b"));
}

static void dirs(void)
{
	NEED(mkdir("d1", 0755));
	NEED(mkdir("d2", 0755));
	t_text("d2/f", "F");
	T(rename("d1", "d2"));
	T(rename("d2", "d1")); /* onto an empty one */
	state();
	T(rename("d1", "b"));
	T(rename("b", "d1"));
	NEED(mkdir("d2", 0755));
	T(rename("d1", "d1/sub"));
	T(rename("d1", "d1/f/sub"));
	T(rename("d1/f", "d1"));
	T(rename(".", "x"));
	T(rename("d1", "d2/."));
	T(rename("d1/..", "x"));
	T(rename("d1/", "d3/"));
	T(rename("d3", "d1"));
	T(rename("b", "new/"));
	T(rename("b/", "new"));
	T(rename("d1", "d2/moved"));
	{
		struct stat a, b;

		NEED(stat("d2", &a));
		NEED(stat("d2/moved/..", &b));
		say(".. follows: %d, links %d", a.st_ino == b.st_ino, (int)a.st_nlink > 2);
	}
	T(rename("d2/moved", "d1"));
	state();
}

static void flags(void)
{
	int dir = NEED(open("d2", O_RDONLY));

	t_text("a", "first");
	T(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
	T(renameat2(AT_FDCWD, "a", AT_FDCWD, "n", RENAME_NOREPLACE));
	T(renameat2(AT_FDCWD, "n", AT_FDCWD, "b", RENAME_EXCHANGE));
	t_cat("b");
	T(renameat2(AT_FDCWD, "b", AT_FDCWD, "d1", RENAME_EXCHANGE));
	state();
	T(renameat2(AT_FDCWD, "b", AT_FDCWD, "d1", RENAME_EXCHANGE));
	T(renameat2(AT_FDCWD, "b", AT_FDCWD, "missing", RENAME_EXCHANGE));
	T(renameat2(AT_FDCWD, "d1", AT_FDCWD, "d1/f", RENAME_EXCHANGE));
	T(renameat2(AT_FDCWD, "d1/f", AT_FDCWD, "d1", RENAME_EXCHANGE));
	T(renameat2(AT_FDCWD, "b", AT_FDCWD, "x", RENAME_EXCHANGE | RENAME_NOREPLACE));
	T(renameat2(AT_FDCWD, "b", AT_FDCWD, "x", 0x80));
	T(renameat(AT_FDCWD, "n", dir, "f"));
	t_cat("d2/f");
	T(renameat(dir, "f", AT_FDCWD, "n"));
	T(renameat(-1, "f", AT_FDCWD, "n"));
	T(renameat(NEED(open("b", O_RDONLY)), "f", AT_FDCWD, "n"));
}

static void permissions(void)
{
	NEED(mkdir("open", 0777));
	NEED(chmod("open", 0777));
	NEED(mkdir("sticky", 01777));
	NEED(chmod("sticky", 01777));
	t_text("open/root", "");
	t_text("sticky/root", "");
	CHILD({
		NEED(setuid(65534));
		t_text("sticky/mine", "");
		T(rename("open/root", "open/taken"));
		T(rename("sticky/root", "sticky/taken"));
		T(rename("sticky/mine", "sticky/root"));
		T(rename("sticky/mine", "sticky/mine2"));
		T(rename("b", "open/b"));
		T(unlink("sticky/root"));
	});
}

TEST(rename)
{
	files();
	dirs();
	flags();
	permissions();
}
