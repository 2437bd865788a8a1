/* SPDX-License-Identifier: MIT */
/*
 * overlay_list: many descriptors that list one directory of an overlay: which changes they see
 * meanwhile, and that they do not have a listing each.
 */
#include "guest.h"
#include "mounts.h"
#include <dirent.h>
#include <sys/mount.h>
#include <sys/sysinfo.h>

#define NAMES 2000
#define DESCRIPTORS 200

static char *nth(int i)
{
	static char text[32];

	snprintf(text, sizeof(text), "%s/d/%d", i & 1 ? "l" : "u", i);
	return text;
}

/* Prints how many names follow in @d, and whether "a" and "b" are among them. */
static void count(const char *who, DIR *d)
{
	struct dirent *e;
	int n = 0, a = 0, b = 0;

	while ((e = readdir(d))) {
		n++;
		a += !strcmp(e->d_name, "a");
		b += !strcmp(e->d_name, "b");
	}
	say("%s: %d, a %d, b %d", who, n, a, b);
}

static DIR *listed(void)
{
	DIR *d = opendir("m/d");

	NEED(d && readdir(d) ? 0 : -1); /* "." */
	return d;
}

static void changes(void)
{
	DIR *before = listed(), *same = listed(), *after;

	NEED(close(NEED(open("m/d/a", O_WRONLY | O_CREAT, 0600))));
	after = listed();
	count("before a", before);
	count("after a", after);
	rewinddir(before);
	count("from the start", before);
	NEED(rename("m/d/a", "m/d/b"));
	rewinddir(after);
	count("a is b", after);
	NEED(unlink("m/d/b"));
	NEED(unlink("m/d/1"));
	rewinddir(after);
	count("less b and 1", after);
	count("as it was", same);
	NEED(mkdir("m/d/b", 0700));
	rewinddir(same);
	count("with b", same);
	NEED(rmdir("m/d/b"));
	closedir(before);
	closedir(after);
	closedir(same);
}

static unsigned long free_memory(void)
{
	struct sysinfo s;

	NEED(sysinfo(&s));
	return s.freeram * s.mem_unit;
}

static void many(void)
{
	static DIR *d[DESCRIPTORS];
	unsigned long before, after;

	d[0] = listed();
	before = free_memory();
	for (int i = 1; i < DESCRIPTORS; i++)
		d[i] = listed();
	after = free_memory();
	GIS(before < after + (16UL << 20)); /* on the host others take memory as well */
	count("the last", d[DESCRIPTORS - 1]);
	for (int i = 0; i < DESCRIPTORS; i++)
		closedir(d[i]);
}

static void removed(void)
{
	DIR *d;

	NEED(mkdir("m/e", 0700));
	NEED(close(NEED(open("m/e/f", O_WRONLY | O_CREAT, 0600))));
	d = opendir("m/e");
	NEED(d && readdir(d) ? 0 : -1);
	NEED(unlink("m/e/f"));
	NEED(rmdir("m/e"));
	count("removed", d);
	closedir(d);
}

TEST(overlay_list)
{
	own_mounts();
	scratch_enter(NULL);
	NEED(mkdir("l", 0755) | mkdir("u", 0755) | mkdir("w", 0755) | mkdir("m", 0755));
	NEED(mkdir("l/d", 0755) | mkdir("u/d", 0755));
	for (int i = 0; i < NAMES; i++)
		NEED(close(NEED(open(nth(i), O_WRONLY | O_CREAT, 0600))));
	NEED(mount("overlay", "m", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w"));
	changes();
	many();
	removed();
	NEED(umount("m"));
	scratch_leave();
}
