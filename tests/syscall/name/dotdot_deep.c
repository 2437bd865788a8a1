/* SPDX-License-Identifier: MIT */
/*
 * dotdot_deep: ".." from deep in a bind mount: to its root and beyond, many in a row, down and up
 * again, during renames, and from a folder that was moved out of what the mount shows. The host's
 * side prints what is expected.
 */
#include "guest.h"

#include <sys/mount.h>

#define DEEP 3000

static struct stat base, shown, at[DEEP + 1];

/* Returns "../" @n times, and @end. */
static const char *ups(int n, const char *end)
{
	static char p[PATH_MAX];

	for (int i = 0; i < n; i++)
		memcpy(p + 3 * i, "../", 3);
	strcpy(p + 3 * n, end);
	return p;
}

static bool is(const char *path, const struct stat *want)
{
	struct stat st;

	return !stat(path, &st) && st.st_dev == want->st_dev && st.st_ino == want->st_ino;
}

static void go_deep(void)
{
	GNEED(stat("m", &shown));
	GNEED(chdir("m"));
	for (int i = 0; in_guest() && i < DEEP; i++) {
		NEED(mkdir("d", 0755));
		NEED(chdir("d"));
		NEED(stat(".", &at[i + 1]));
	}
}

static void rows(void)
{
	char p[PATH_MAX];

	GIS(is(ups(1, ""), &at[DEEP - 1]));
	GIS(is(ups(1300, ""), &at[DEEP - 1300]));
	GIS(is(ups(1000, "d/d/../../.."), &at[DEEP - 1001]));
	GIS(is(ups(999, "."), &at[DEEP - 999]));
	strcpy(p, ups(5, ""));
	for (int i = 0; i < 400; i++)
		strcat(p, "d/../");
	GIS(is(p, &at[DEEP - 5]));
	GNEED(chdir(ups(1300, "")));
	GNEED(chdir(ups(1300, "")));
	GIS(is(ups(DEEP - 2600, ""), &shown));
	GIS(is(ups(DEEP - 2600 + 1, ""), &base)); /* past the mount's root */
	GIS(is(ups(DEEP - 2600 + 1, "m/d"), &at[1]));
	GIS(open(ups(DEEP - 2600, "d"), O_PATH | O_DIRECTORY) >= 0);
}

static volatile bool stop;

static void *renames(void *arg)
{
	long odd = 0;

	while (!stop)
		odd += rename("/proc/self/cwd/../x", "/proc/self/cwd/../y") &&
		       rename("/proc/self/cwd/../y", "/proc/self/cwd/../x");
	return (void *)odd;
}

static void while_renaming(void)
{
	pthread_t t;
	void *odd;
	int bad = 0;

	GNEED(mkdir("../x", 0755));
	if (!in_guest()) {
		say("bad: 0, odd: 0");
		return;
	}
	NEED0(pthread_create(&t, NULL, renames, NULL));
	for (int i = 0; i < 200; i++)
		bad += !is(ups(DEEP - 2600, ""), &shown);
	stop = true;
	pthread_join(t, &odd);
	say("bad: %d, odd: %ld", bad, (long)odd);
}

/* at[1] leaves the folder that is mounted; its root is above it no more. */
static void moved_out(int top)
{
	struct stat st;

	GIS(is("..", &at[DEEP - 2601]));
	GNEED(renameat(top, "t/s/d", top, "t/out"));
	GIS(is(".", &at[DEEP - 2600]));
	G(stat("..", &st), "-1 ENOENT");
	G(stat("../..", &st), "-1 ENOENT");
	G(stat(ups(DEEP - 2600, ""), &st), "-1 ENOENT");
	GIS(is("d/d", &at[DEEP - 2598]));
	G(stat("d/..", &st), "-1 ENOENT");
	GNEED(renameat(top, "t/out", top, "t/s/e"));
	GIS(is("..", &at[DEEP - 2601]));
	GIS(is(ups(DEEP - 2600, "e"), &at[1]));
}

TEST(dotdot_deep)
{
	int top;

	GNEED(unshare(CLONE_NEWNS));
	GNEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	NEED(mkdir("t", 0755));
	NEED(mkdir("m", 0755));
	top = NEED(open(".", O_PATH));
	NEED(stat(".", &base));
	GNEED(mount("t", "t", "tmpfs", 0, NULL));
	GNEED(mkdir("t/s", 0755));
	GNEED(mount("t/s", "m", NULL, MS_BIND, NULL));
	go_deep();
	rows();
	while_renaming();
	moved_out(top);
	GNEED(fchdir(top));
	GNEED(umount2("m", MNT_DETACH));
	GNEED(umount2("t", MNT_DETACH));
}
