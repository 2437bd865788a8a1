/* SPDX-License-Identifier: MIT */
/*
 * mount_stack: more stacked mounts than a cached path walk passes: the top is found, and "..", and
 * the mounts below when the upper ones go.
 */
#include "mounts.h"
#include <linux/openat2.h>
#include <sys/mount.h>

#define DEEP 1200

static bool same(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void look(void)
{
	struct open_how how = { .flags = O_PATH, .resolve = RESOLVE_NO_XDEV };
	char path[PATH_MAX] = "m";
	int fd;

	say("the top: %d", access("m/top", F_OK) == 0);
	say(".. leads out: %d", same("m/..", "."));
	say(".. and back: %d", same("m/../m", "m"));
	for (int i = 0; i < 20; i++)
		strcat(path, "/../m");
	say("again and again: %d", same(path, "m"));
	OK(symlink("m/top", "link"));
	say("by a link: %d", same("link", "m/top"));
	T(unlink("link"));
	T(syscall(SYS_openat2, AT_FDCWD, "m", &how, sizeof(how)));
	fd = NEED(open("m", O_PATH | O_DIRECTORY));
	T(syscall(SYS_openat2, fd, "..", &how, sizeof(how)));
	close(fd);
}

TEST(mount_stack)
{
	int n = 0;

	own_mounts();
	NEED(mkdir("m", 0755));
	NEED(mkdir("d", 0755));
	t_text("m/under", "under");
	t_text("d/top", "top");
	for (int i = 0; i < DEEP; i++)
		NEED(mount("d", "m", NULL, MS_BIND, NULL));
	look();
	while (!umount2("m", 0))
		n++;
	say("so many: %d", n);
	t_cat("m/under");
}
