/* SPDX-License-Identifier: MIT */
/*
 * mounts_lines: lines of /proc/PID/mounts, mountinfo and mountstats that are longer than a page.
 */
#include "mounts.h"

/* Sums up the lines of @file: those of the devices first, second and third. */
static void lines(const char *file)
{
	size_t size = 0;
	char *line = NULL;
	FILE *f = fopen(file, "r");
	ssize_t n;

	say("%s", file);
	while (f && (n = getline(&line, &size, f)) > 0) {
		const char *dev = strstr(line, "first")  ? "first" :
				  strstr(line, "second") ? "second" :
				  strstr(line, "third")  ? "third" :
							   NULL;

		if (dev)
			say(" %s: more than two pages %d, ends %d, others in it %d", dev, n > 8192,
				line[n - 1] == '\n',
				!!strstr(line, " proc ") + !!strstr(line, " tmpfs x"));
		if (!strncmp(line, "fake", 4) || !strncmp(line, "root", 4))
			say(" %s", line);
	}
	free(line);
	if (f)
		fclose(f);
}

static void go_down(int n)
{
	char name[201];

	memset(name, ' ', 200);
	name[200] = 0;
	while (n--) {
		NEED(mkdir(name, 0755));
		NEED(chdir(name));
	}
}

static void long_lines(void)
{
	static char data[4096] = "lowerdir=a";
	char name[202];
	int top = NEED(open(".", O_RDONLY | O_DIRECTORY));

	memset(name, ' ', 200);
	name[200] = 0;
	NEED(mkdir("a", 0755));
	NEED(mkdir("o", 0755));
	for (int i = 0; i < 18; i++) {
		name[0] = (char)('a' + i);
		NEED(mkdir(name, 0755));
		strcat(data, ":");
		strcat(data, name);
	}
	NEED(mount("first", "o", "overlay", 0, data));
	go_down(23);
	NEED(mkdir("m", 0755));
	NEED(mkdir("n", 0755));
	NEED(mount("second", "m", "tmpfs", 0, NULL));
	NEED(mount("n", "m", NULL, MS_BIND, NULL));
	NEED(mount("third", "n", "tmpfs", 0, NULL));
	lines("/proc/self/mounts");
	lines("/proc/self/mountinfo");
	lines("/proc/self/mountstats");
	NEED(umount2("n", MNT_DETACH));
	NEED(umount2("m", MNT_DETACH));
	NEED(umount2("m", MNT_DETACH));
	NEED(fchdir(top));
	NEED(umount2("o", MNT_DETACH));
}

TEST(mounts_lines)
{
	own_mounts();
	scratch_enter(NULL);
	long_lines();
	scratch_leave();
}
