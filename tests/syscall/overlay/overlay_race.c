/* SPDX-License-Identifier: MIT */
/*
 * overlay_race: renames in an overlay during renames in its layers: no deadlock. Removal of files
 * while another process writes to them and so copies them up: they are gone afterwards.
 */
#include "mounts.h"
#include <sys/mount.h>

#define DIRS 8
#define ROUNDS 500 /* in each */

static const char *in_dir(const char *layer, int dir, const char *name)
{
	static char path[4][64];
	static int k;

	k = (k + 1) % 4;
	snprintf(path[k], sizeof(path[k]), "%s/%d%s%s", layer, dir, *name ? "/" : "", name);
	return path[k];
}

static const char *nth(const char *name, int i)
{
	static char text[2][16];
	static int k;

	k = !k;
	snprintf(text[k], sizeof(text[k]), "%s%d", name, i);
	return text[k];
}

/* Renames files of the upper layer whose names have not been looked up in the lower one yet. */
static void in_the_overlay(int dir)
{
	for (int i = 0; i < ROUNDS; i++)
		NEED(rename(in_dir("m", dir, nth("a", i)), in_dir("m", dir, nth("b", i))));
}

static void between_layers(int dir)
{
	for (int i = 0; i < ROUNDS; i++) {
		NEED(rename(in_dir("l", dir, "x"), in_dir("u", dir, "y")));
		NEED(rename(in_dir("u", dir, "y"), in_dir("l", dir, "x")));
	}
}

/* ---- removing what is being copied up ---- */

static void write_to_all(void)
{
	for (int k = 0; k < ROUNDS; k++) {
		int fd = open(in_dir("m", DIRS, nth("c", k)), O_WRONLY);

		if (fd >= 0)
			close(fd);
	}
}

static void remove_all(void)
{
	pid_t pid = SPAWN({ write_to_all(); });
	int failed = 0;

	for (int k = 0; k < ROUNDS; k++)
		failed += unlink(in_dir("m", DIRS, nth("c", k))) != 0;
	t_wait("writes", pid);
	say("not removed: %d", failed);
	T(rmdir(in_dir("m", DIRS, "")));
}

/* Which of two directories is locked first may depend on where they are in memory. */
static void make_layers(void)
{
	for (const char *d = "l\0u\0w\0m\0"; *d; d += strlen(d) + 1)
		NEED(mkdir(d, 0755));
	NEED(mkdir(in_dir("l", DIRS, ""), 0755));
	for (int k = 0; k < ROUNDS; k++)
		t_text(in_dir("l", DIRS, nth("c", k)), "some text");
	for (int i = 0; i < DIRS; i++) {
		NEED(mkdir(in_dir(i & 1 ? "l" : "u", i, ""), 0755));
		NEED(mkdir(in_dir(i & 1 ? "u" : "l", i, ""), 0755));
		t_text(in_dir("l", i, "x"), "x");
		for (int k = 0; k < ROUNDS; k++)
			NEED(mknod(in_dir("u", i, nth("a", k)), S_IFREG | 0600, 0));
	}
}

TEST(overlay_race)
{
	pid_t pid;

	own_mounts();
	scratch_enter("mode=755");
	make_layers();
	NEED(mount("overlay", "m", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w"));
	for (int i = 0; i < DIRS; i++) {
		pid = SPAWN({ between_layers(i); });
		in_the_overlay(i);
		t_wait("between layers", pid);
	}
	remove_all();
	NEED(umount2("m", MNT_DETACH));
	scratch_leave();
}
