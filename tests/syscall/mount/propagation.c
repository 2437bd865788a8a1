/* SPDX-License-Identifier: MIT */
/* Shared, private, slave and unbindable mounts; recursive binds; what a lazy umount leaves. */
#include "t.h"
#include <sys/mount.h>

static void there(const char *what, const char *path)
{
	say("%s %s: %s", what, path, access(path, F_OK) ? "absent" : "there");
}

static void make_dirs(void)
{
	static const char *const dirs[] = { "top", "a", "b", "c", "r" };

	for (unsigned i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		NEED(mkdir(dirs[i], 0700));
}

static void put(const char *place, const char *file)
{
	char path[64];

	NEED(mount("none", place, "tmpfs", 0, NULL));
	snprintf(path, sizeof(path), "%s/%s", place, file);
	t_text(path, file);
}

static void shared(void)
{
	put("a", "x");
	NEED(mkdir("a/m", 0700));
	T(mount(NULL, "a", NULL, MS_SHARED, NULL));
	T(mount("a", "b", NULL, MS_BIND, NULL));
	put("a/m", "one");
	there("mount in a", "b/m/one");
	T(umount("b/m"));
	there("umount in b", "a/m/one");
	put("b/m", "two");
	there("mount in b", "a/m/two");
	T(umount("a/m"));
	there("umount in a", "b/m/two");
}

static void slave(void)
{
	T(mount("a", "c", NULL, MS_BIND, NULL));
	T(mount(NULL, "c", NULL, MS_SLAVE, NULL));
	put("a/m", "three");
	there("master to slave", "c/m/three");
	T(umount("a/m"));
	there("and away", "c/m/three");
	put("c/m", "four");
	there("slave to master", "a/m/four");
	T(umount("c/m"));
}

static void private(void)
{
	T(mount(NULL, "b", NULL, MS_PRIVATE, NULL));
	put("a/m", "five");
	there("to private", "b/m/five");
	there("to slave", "c/m/five");
	T(umount("a/m"));
	T(mount(NULL, "b", NULL, MS_SHARED | MS_PRIVATE, NULL));
	T(mount(NULL, "b/m", NULL, MS_PRIVATE, NULL));
}

static void recursive(void)
{
	put("b/m", "inner");
	T(mount("b", "r", NULL, MS_BIND, NULL));
	there("plain bind", "r/m/inner");
	T(umount("r"));
	T(mount("b", "r", NULL, MS_BIND | MS_REC, NULL));
	there("recursive bind", "r/m/inner");
	T(umount("r"));
	T(umount2("r", MNT_DETACH));
	there("still", "b/m/inner");
	T(mount(NULL, "b/m", NULL, MS_UNBINDABLE, NULL));
	T(mount("b/m", "r", NULL, MS_BIND, NULL));
	T(mount("b", "r", NULL, MS_BIND | MS_REC, NULL));
	there("without the unbindable", "r/m/inner");
	T(umount("r"));
	T(mount("b", "b/m", NULL, MS_MOVE, NULL));
}

static void lazy(void)
{
	int fd = NEED(open("b/m/inner", O_RDONLY)), d = NEED(open("b/m", O_RDONLY | O_DIRECTORY));
	char c;

	T(umount2("b", MNT_DETACH));
	there("after lazy umount", "b/m");
	T(read(fd, &c, 1));
	T(faccessat(d, "inner", F_OK, 0));
	T(faccessat(d, "../x", F_OK, 0));
	close(fd);
	close(d);
}

TEST(propagation)
{
	NEED(mkdir("base", 0700));
	NEED(mount("none", "base", "tmpfs", 0, NULL));
	NEED(mount(NULL, "base", NULL, MS_PRIVATE, NULL));
	NEED(chdir("base"));
	make_dirs();
	shared();
	slave();
	private();
	recursive();
	lazy();
	T(umount("c"));
	T(umount("a"));
	NEED(chdir(".."));
	T(umount("base"));
}
