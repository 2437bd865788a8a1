/* SPDX-License-Identifier: MIT */
/*
 * Thirty thousand files in a directory, a path of two thousand directories, two hundred mounts in a
 * chain and beside each other.
 */
#include "t.h"
#include <dirent.h>
#include <sys/mount.h>

#define FILES 30000
#define DEEP 2000
#define MOUNTS 200

static int count(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Every second entry is removed while the directory is read: the others come exactly once. */
static void remove_while_reading(void)
{
	static char seen[FILES];
	DIR *d = opendir("many");
	struct dirent *e;
	int twice = 0, missed = 0, i;
	char path[300];

	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		i = atoi(e->d_name + 1);
		twice += seen[i]++;
		if (i & 1) {
			snprintf(path, sizeof(path), "many/%s", e->d_name);
			NEED(unlink(path));
		}
	}
	closedir(d);
	for (i = 0; i < FILES; i++)
		missed += !seen[i];
	say("twice %d, missed %d, left %d", twice, missed, count("many"));
}

static void files(void)
{
	char path[64];
	struct stat st;
	int i, fd;

	NEED(mkdir("many", 0700));
	for (i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "many/f%d", i);
		fd = NEED(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
		close(fd);
	}
	say("entries %d", count("many"));
	for (i = 0; i < FILES; i += 7) {
		snprintf(path, sizeof(path), "many/f%d", i);
		NEED(stat(path, &st));
	}
	remove_while_reading();
	for (i = 0; i < FILES; i += 2) {
		snprintf(path, sizeof(path), "many/f%d", i);
		NEED(unlink(path));
	}
	say("entries %d", count("many"));
	T(rmdir("many"));
}

static void deep(void)
{
	char *cwd = malloc(DEEP * 3), name[] = "dd";
	int i, top = NEED(open(".", O_RDONLY | O_DIRECTORY));

	for (i = 0; i < DEEP; i++) {
		NEED(mkdir(name, 0700));
		NEED(chdir(name));
	}
	say("getcwd: %s", syscall(SYS_getcwd, cwd, DEEP * 3) > 0 ? "fits" : t_errno(errno));
	for (i = 0; i < DEEP; i++) {
		NEED(chdir(".."));
		NEED(rmdir(name));
	}
	IS(access("dd", F_OK) == -1);
	close(top);
	free(cwd);
}

static void mounts(void)
{
	char path[64];
	struct stat a, b;
	int i;

	for (i = 0; i < MOUNTS; i++) {
		snprintf(path, sizeof(path), "m%d", i);
		NEED(mkdir(path, 0700));
		NEED(mount("none", path, "tmpfs", 0, NULL));
	}
	NEED(stat("m0", &a));
	NEED(stat("m1", &b));
	say("two: %s", a.st_dev == b.st_dev ? "the same" : "different");
	for (i = 0; i < MOUNTS; i++) {
		snprintf(path, sizeof(path), "m%d", i);
		NEED(umount(path));
		NEED(rmdir(path));
	}
	NEED(mkdir("chain", 0700));
	for (i = 0; i < MOUNTS; i++) /* each on top of the one before */
		NEED(mount("none", "chain", "tmpfs", 0, NULL));
	for (i = 0; i < MOUNTS; i++)
		NEED(umount("chain"));
	T(umount("chain"));
	T(rmdir("chain"));
}

TEST(many_names)
{
	files();
	deep();
	mounts();
}
