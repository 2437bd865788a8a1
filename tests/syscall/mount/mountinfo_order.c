/* SPDX-License-Identifier: MIT */
/*
 * mountinfo_order: the order of /proc/self/mountinfo: by age of the mounts, a mount before its
 * copies at the peers, a tree that is attached late by its age, a moved mount at its old position.
 */
#include "mounts.h"
#include <sys/mount.h>
#include <sys/syscall.h>

static char here[PATH_MAX];

/* Prints the places of the mounts below this folder, in their order. */
static void show(const char *what)
{
	char line[8192], list[4096] = "", place[4096];
	FILE *f = fopen("/proc/self/mountinfo", "r");
	size_t n = strlen(here);

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %*s %*s %4095s", place) == 1 &&
			!strncmp(place, here, n) && place[n] == '/') {
			strcat(list, " ");
			strcat(list, place + n + 1);
		}
	if (f)
		fclose(f);
	say("%s:%s", what, list);
}

static void copies(void)
{
	NEED(mount("none", "a", "tmpfs", 0, NULL));
	NEED(mount(NULL, "a", NULL, MS_SHARED, NULL));
	NEED(mkdir("a/m", 0700));
	NEED(mkdir("a/n", 0700));
	NEED(mount("a", "b", NULL, MS_BIND, NULL));
	NEED(mount("a", "c", NULL, MS_BIND, NULL));
	show("three peers");
	NEED(mount("none", "b/m", "tmpfs", 0, NULL));
	show("one below the second");
	NEED(mkdir("c/m/x", 0700));
	NEED(mount("none", "c/m/x", "tmpfs", 0, NULL));
	show("and below that, by the third");
	NEED(mount("d", "a/n", NULL, MS_BIND, NULL));
	show("a bind mount");
	NEED(umount("b/m/x"));
	show("one less");
	NEED(umount("c/m"));
	NEED(umount("b/n"));
}

static void trees(void)
{
	int fd;

	NEED(mount("none", "d", "tmpfs", 0, NULL));
	NEED(mkdir("d/1", 0700));
	NEED(mkdir("d/2", 0700));
	NEED(mount("none", "d/1", "tmpfs", 0, NULL));
	NEED(mount("none", "d/2", "tmpfs", 0, NULL));
	fd = (int)NEED(syscall(SYS_open_tree, AT_FDCWD, "d", 1 | 0x8000));
	NEED(mount("none", "e", "tmpfs", 0, NULL));
	show("a detached copy of a tree");
	NEED(syscall(SYS_move_mount, fd, "", AT_FDCWD, "f", 4));
	show("attached");
	close(fd);
	NEED(mount("e", "g", NULL, MS_MOVE, NULL));
	show("moved");
	NEED(mount("d", "e", NULL, MS_BIND | MS_REC, NULL));
	show("a recursive bind");
}

static void slave(const char *of, const char *name, unsigned long more)
{
	NEED(mkdir(name, 0700));
	NEED(mount(of, name, NULL, MS_BIND, NULL));
	NEED(mount(NULL, name, NULL, MS_SLAVE, NULL));
	if (more)
		NEED(mount(NULL, name, NULL, more, NULL));
}

/* Copies go to peers, and to those that hang below them. */
static void slaves(void)
{
	slave("a", "s1", MS_SHARED);
	slave("b", "s2", 0);
	slave("c", "s3", 0);
	NEED(mkdir("s1p", 0700));
	NEED(mount("s1", "s1p", NULL, MS_BIND, NULL));
	slave("s1p", "s1s", 0);
	slave("b", "s4", MS_SHARED);
	slave("a", "s5", 0);
	NEED(mkdir("s4p", 0700));
	NEED(mount("s4", "s4p", NULL, MS_BIND, NULL));
	show("slaves");
	NEED(mount("none", "b/m", "tmpfs", 0, NULL));
	show("from the second");
	NEED(mount("none", "a/n", "tmpfs", 0, NULL));
	show("from the first");
	NEED(mkdir("s1p/n/y", 0700));
	NEED(mount("none", "s1p/n/y", "tmpfs", 0, NULL));
	show("from a slave");
	NEED(umount2("b", MNT_DETACH));
	NEED(mount("none", "a/n", "tmpfs", 0, NULL));
	show("without the second");
}

TEST(mountinfo_order)
{
	static const char *const dirs[] = { "a", "b", "c", "d", "e", "f", "g" };

	if (!getcwd(here, sizeof(here)))
		return;
	own_mounts();
	for (unsigned i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		NEED(mkdir(dirs[i], 0700));
	copies();
	slaves();
	trees();
}
