/* SPDX-License-Identifier: MIT */
/*
 * Files with generated text can be truncated by path, by descriptor and by O_TRUNC, as shells do
 * with '>'; the text stays.
 */
#include "guest.h"
#include "mounts.h"
#include <sys/mount.h>

static char text[2][256];

static void say_of(const char *path, char *to)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, to, 255);

	to[n > 0 ? n : 0] = 0;
	if (fd >= 0)
		close(fd);
}

/* Checks that the size is the last one asked for, or that it never changes. */
static void cut(const char *path, bool has_size)
{
	struct stat st;
	int fd;

	say("%s", path);
	say_of(path, text[0]);
	G(truncate(path, 0), "0");
	G(truncate(path, 5), "0");
	GIS(!stat(path, &st) && st.st_size == (has_size ? 5 : 0));
	fd = in_guest() ? open(path, O_WRONLY | O_CREAT, 0666) : -1;
	G(ftruncate(fd, 7), "0");
	G(fallocate(fd, 0, 0, 10), "-1 EOPNOTSUPP");
	GNEED(close(fd));
	fd = in_guest() ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
	GIS(fd >= 0);
	GIS(!fstat(fd, &st) && st.st_size == 0);
	GNEED(close(fd));
	say_of(path, text[1]);
	GIS(!strcmp(text[0], text[1]));
}

TEST(trunc_special)
{
	NEED(mkdir("bm", 0700));
	NEED(mkdir("cg", 0700));
	NEED(mkdir("cg1", 0700));
	if (in_guest()) {
		own_mounts();
		NEED(mount("x", "bm", "binfmt_misc", 0, NULL));
		NEED(mount("x", "cg", "cgroup2", 0, NULL));
		NEED(mount("x", "cg1", "cgroup", 0, "none,name=trunc"));
		mkdir("cg/trunc", 0755);
	}
	cut("bm/status", true);
	cut("bm/register", true);
	G(open("bm/new", O_WRONLY | O_CREAT, 0600), "-1 EACCES");
	cut("cg/trunc/cgroup.procs", false);
	cut("cg/trunc/cgroup.subtree_control", false);
	cut("cg1/notify_on_release", false);
	GNEED(rmdir("cg/trunc"));
}
