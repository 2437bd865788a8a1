/* SPDX-License-Identifier: MIT */
/*
 * overlay_redirect: folders of a lower layer move while another thread renames the folder above for
 * the first time: after a remount each still has its lower file. overlay_faults forces what is left
 * to chance here.
 */
#include "mounts.h"
#include <sys/mount.h>

#define ROUNDS 1000
#define LONG "a_name_that_is_too_long_to_be_kept_in_the_entry_itself"
#define OPTIONS "lowerdir=l,upperdir=u,workdir=w,redirect_dir=on"

static volatile int turn[2];
static int lost[2];

static const char *in_folder(const char *layer, int i, const char *name)
{
	static __thread char path[4][128];
	static __thread int k;

	k = (k + 1) % 4;
	snprintf(path[k], sizeof(path[k]), "%s/%d%s", layer, i, name);
	return path[k];
}

/* Waits until both threads have reached round @i, and then for a time that differs by round. */
static void meet(int me, int i)
{
	turn[me] = i + 1;
	for (int k = 0; turn[!me] <= i; k++)
		if (k > 2000)
			sched_yield();
	for (volatile int k = (me ? i * 37 : i * 101) % 3000; k; k--)
		;
}

static void *renames_above(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		meet(1, i);
		lost[1] += rename(in_folder("m", i, "/a"),
				   in_folder("m", i, i & 1 ? "/b" : "/" LONG)) != 0;
	}
	return NULL;
}

/* Moves the folder x, which the other thread may have given another path meanwhile. */
static int moves(int i)
{
	const char *to = in_folder("m/to", i, "");

	return rename(in_folder("m", i, "/a/x"), to) &&
	       rename(in_folder("m", i, i & 1 ? "/b/x" : "/" LONG "/x"), to);
}

static int all_there(void)
{
	int n = 0;

	for (int i = 0; i < ROUNDS; i++)
		n += access(in_folder("m/to", i, "/f"), F_OK) == 0;
	return n;
}

TEST(overlay_redirect)
{
	pthread_t t;

	own_mounts();
	scratch_enter("mode=755");
	for (const char *d = "l\0u\0w\0m\0l/to\0"; *d; d += strlen(d) + 1)
		NEED(mkdir(d, 0755));
	for (int i = 0; i < ROUNDS; i++) {
		NEED(mkdir(in_folder("l", i, ""), 0755));
		NEED(mkdir(in_folder("l", i, "/a"), 0755));
		NEED(mkdir(in_folder("l", i, "/a/x"), 0755));
		NEED(mknod(in_folder("l", i, "/a/x/f"), S_IFREG | 0600, 0));
	}
	NEED(mount("overlay", "m", "overlay", 0, OPTIONS));
	for (int i = 0; i < ROUNDS; i++)
		NEED(chmod(in_folder("m", i, "/a/x"), 0700)); /* copies up */
	NEED0(pthread_create(&t, NULL, renames_above, NULL));
	for (int i = 0; i < ROUNDS; i++) {
		meet(0, i);
		lost[0] += moves(i) != 0;
	}
	pthread_join(t, NULL);
	say("not moved: %d, not renamed: %d, files: %d", lost[0], lost[1], all_there());
	NEED(umount("m"));
	NEED(mount("overlay", "m", "overlay", 0, OPTIONS));
	say("files after a remount: %d", all_there());
	NEED(umount("m"));
	scratch_leave();
}
