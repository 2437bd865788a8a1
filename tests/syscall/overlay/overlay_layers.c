/* SPDX-License-Identifier: MIT */
/*
 * overlay_layers: fsconfig() with more than a page of lower layers, and with names that contain
 * commas, colons and backslashes.
 */
#include "mounts.h"
#include <sys/mount.h>

static int set(int fd, const char *key, const char *value)
{
	int err = (int)syscall(SYS_fsconfig, fd, FSCONFIG_SET_STRING, key, value, 0);

	if (err || strlen(value) < 100)
		say("  %.20s=%.100s: %s", key, value, err ? t_errno(errno) : "ok");
	return err;
}

/* Makes a folder with a file. */
static void make(const char *dir, const char *file)
{
	char path[400];

	NEED(mkdir(dir, 0755));
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	t_text(path, "");
}

/* Prints what the line of the overlay has from @from to the next comma. */
static void shown(const char *from)
{
	static char line[65536];
	FILE *f = fopen("/proc/self/mounts", "r");
	char *at;

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "/o overlay ") && (at = strstr(line, from)))
			say("  %.*s", (int)strcspn(at, ", "), at);
	if (f)
		fclose(f);
}

/* Makes the overlay and tries to find the files, whose names are the letters of @files. */
static void create(int fd, const char *files)
{
	char path[8];
	int m;

	if (T(syscall(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0))) {
		close(fd);
		return;
	}
	m = NEED(syscall(SYS_fsmount, fd, 0, 0));
	NEED(syscall(SYS_move_mount, m, "", AT_FDCWD, "o", 4));
	for (; *files; files++) {
		snprintf(path, sizeof(path), "o/%c", *files);
		say("  %s: %s", path, access(path, F_OK) ? t_errno(errno) : "ok");
	}
	shown("upperdir=");
	close(m);
	close(fd);
	NEED(umount2("o", 0));
}

static int begin(const char *what)
{
	say("%s", what);
	return NEED(syscall(SYS_fsopen, "overlay", 0));
}

TEST(overlay_layers)
{
	char name[201];
	int fd;

	own_mounts();
	scratch_enter(NULL);
	NEED(mkdir("o", 0755) | mkdir("u,p", 0755) | mkdir("w,k", 0755) | mkdir("y", 0755));
	make("a,b", "1");
	make("c:d", "2");
	make("e\\,f", "3");
	make("plain,datadir+=y", "4");

	fd = begin("added one by one");
	set(fd, "lowerdir+", "a,b");
	set(fd, "lowerdir+", "c:d");
	set(fd, "lowerdir+", "e\\,f");
	set(fd, "lowerdir+", "plain,datadir+=y");
	set(fd, "lowerdir+", "plain");
	set(fd, "upperdir", "u,p");
	set(fd, "workdir", "w,k");
	create(fd, "1234");

	fd = begin("in one value");
	set(fd, "lowerdir", "a,b:c\\:d:e\\\\,f");
	set(fd, "upperdir", "u\\,p");
	set(fd, "workdir", "w\\,k");
	create(fd, "1234");

	fd = begin("wrong");
	set(fd, "lowerdir", "a");
	set(fd, "upperdir", "u");
	create(fd, "1");

	fd = begin("many");
	memset(name, 'x', 200);
	for (int i = 0; i < 100; i++) {
		snprintf(name + 190, 11, "%d", i);
		make(name, i == 99 ? "5" : "q");
		if (set(fd, "lowerdir+", name))
			break;
	}
	create(fd, "q5");
	scratch_leave();
}
