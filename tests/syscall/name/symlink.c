/* SPDX-License-Identifier: MIT */
/*
 * symlink(2), symlinkat(2), readlink(2), readlinkat(2): contents, truncation, depth, magic links of
 * /proc.
 */
#include "guest.h"

static void show(const char *path)
{
	char buf[64];
	int n = readlink(path, buf, sizeof(buf));

	if (n == -1)
		say("readlink %s: %s", path, t_errno(errno));
	else
		say("readlink %s: %d %.*s", path, n, n, buf);
}

static void depth(void)
{
	char from[16], to[16];
	int i;

	t_text("l0", "the end");
	for (i = 1; i <= 45; i++) {
		snprintf(from, sizeof(from), "l%d", i);
		snprintf(to, sizeof(to), "l%d", i - 1);
		NEED(symlink(to, from));
	}
	OK(open("l39", O_RDONLY));
	OK(open("l40", O_RDONLY));
	OK(open("l41", O_RDONLY));
	T(open("l40/x", O_RDONLY));
}

/* A slash after a name in a link's text requires a folder, also through further links. */
static void ends_in_slash(void)
{
	static const char *const names[] = { "to-file", "to-link", "link-to-it", "to-dot",
		"to-dir" };
	struct stat st;

	t_text("plain", "text");
	NEED(mkdir("folder", 0755));
	NEED(symlink("plain", "soft"));
	NEED(symlink("plain/", "to-file"));
	NEED(symlink("soft/", "to-link"));
	NEED(symlink("to-link", "link-to-it"));
	NEED(symlink("plain/.", "to-dot"));
	NEED(symlink("folder//", "to-dir"));
	for (int i = 0; i < 5; i++) {
		OK(open(names[i], O_RDONLY));
		OK(open(names[i], O_RDONLY | O_CREAT, 0600));
		T(stat(names[i], &st));
		T(lstat(names[i], &st));
		T(chmod(names[i], 0700));
		T(truncate(names[i], 1));
	}
}

/*
 * fs.protected_symlinks, which the guest has set: another user's link in a sticky world-writable
 * directory may not be the end of a path, but may be in its middle.
 */
static void protected(void)
{
	NEED(mkdir("sticky", 0));
	NEED(chmod("sticky", 01777));
	NEED(mkdir("sticky/t", 0755));
	t_text("sticky/t/f", "x");
	NEED(symlink("t", "sticky/L"));
	NEED(symlink("t/f", "sticky/M"));
	NEED(symlink("L/f", "sticky/N"));
	for (const char *n = "LMN"; *n; n++) {
		char name[] = { 's', 't', 'i', 'c', 'k', 'y', '/', *n, 0 };

		NEED(lchown(name, 1001, 1001));
	}
	CHILD({
		NEED(setresuid(1002, 1002, 1002));
		G(open("sticky/L", O_RDONLY), "-1 EACCES");
		G(open("sticky/L/", O_RDONLY), "-1 EACCES");
		G(open("sticky/M", O_RDONLY), "-1 EACCES");
		G(open("sticky/N", O_RDONLY), "-1 EACCES");
		OK(open("sticky/L/f", O_RDONLY));
		OK(open("sticky/L/../t/f", O_RDONLY));
		T(readlink("sticky/L", (char[8]){ 0 }, 8));
	});
}

TEST(symlink)
{
	char buf[5000];
	int dir, fd;

	T(symlink("target", "a"));
	show("a");
	T(symlink("other", "a"));
	T(symlink("", "b"));
	T(symlink("x", ""));
	T(symlink("x", "missing/b"));
	T(symlink("x", "b/"));
	T(symlink(BAD, "b"));
	T(symlink("x", BAD));
	T(readlink("a", buf, 3));
	T(readlink("a", buf, 0));
	T(readlink("a", buf, -1));
	T(readlink("a", BAD, 10));
	T(readlink(BAD, buf, 10));
	T(readlink("missing", buf, 10));
	T(readlink("", buf, 10));
	t_text("f", "");
	T(readlink("f", buf, 10));
	T(readlink(".", buf, 10));
	NEED(mkdir("d", 0755));
	dir = NEED(open("d", O_RDONLY));
	T(symlinkat("../f", dir, "up"));
	show("d/up");
	OK(open("d/up", O_RDONLY));
	T(readlinkat(dir, "up", buf, sizeof(buf)));
	T(readlinkat(-1, "up", buf, sizeof(buf)));
	fd = NEED(open("a", O_PATH | O_NOFOLLOW));
	T(readlinkat(fd, "", buf, sizeof(buf)));
	T(readlinkat(NEED(open("f", O_RDONLY)), "", buf, sizeof(buf)));
	memset(buf, 'x', sizeof(buf));
	buf[4096] = 0;
	T(symlink(buf, "long"));
	buf[4095] = 0;
	OK(symlink(buf, "long")); /* Linux's limit is a file system's */
	buf[1000] = 0;
	T(symlink(buf, "medium"));
	T(readlink("medium", buf, sizeof(buf)));
	T(symlink("/dev/null", "null"));
	OK(open("null", O_RDWR));
	T(symlink("d/", "slash"));
	OK(open("slash", O_RDONLY | O_DIRECTORY));
	depth();
	ends_in_slash();
	protected();
	{
		char want[PATH_MAX], got[PATH_MAX], path[64];
		int n;

		NEED(getcwd(want, sizeof(want)) ? 0 : -1);
		strcat(want, "/f");
		snprintf(path, sizeof(path), "/proc/self/fd/%d", (int)NEED(open("f", O_RDONLY)));
		n = NEED(readlink(path, got, sizeof(got)));
		got[n] = 0;
		say("fd link: %d", !strcmp(want, got));
		NEED(unlink("f"));
		n = NEED(readlink(path, got, sizeof(got) - 1));
		got[n] = 0;
		say("removed: %s", got + n - 10);
		OK(open(path, O_RDONLY)); /* a magic link still opens it */
	}
}
