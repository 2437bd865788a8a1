/* SPDX-License-Identifier: MIT */
/*
 * overlay_links: two names of a file in the upper layer are the same file of the overlay, also for
 * two threads that look them up at the same time: a lock shows it.
 */
#include "mounts.h"
#include <sys/file.h>
#include <sys/mount.h>

#define FILES 3000

static volatile int turn[2];
static int fds[2][FILES];

static const char *named(const char *dir, char c, int i)
{
	static __thread char path[64];

	snprintf(path, sizeof(path), "%s/%c/%d", dir, c, i);
	return path;
}

static void *opener(void *arg)
{
	int me = arg != NULL;

	for (int i = 0; i < FILES; i++) {
		turn[me] = i + 1;
		for (int k = 0; turn[!me] <= i; k++)
			if (k > 2000)
				sched_yield();
		fds[me][i] = open(named("m", me ? 'b' : 'a', i), O_RDONLY);
	}
	return NULL;
}

TEST(overlay_links)
{
	struct rlimit lim = { 2 * FILES + 100, 2 * FILES + 100 };
	int two = 0, missing = 0;
	pthread_t t;

	NEED(setrlimit(RLIMIT_NOFILE, &lim));
	own_mounts();
	scratch_enter("mode=755");
	for (const char *d = "l\0u\0w\0m\0"; *d; d += strlen(d) + 1)
		NEED(mkdir(d, 0755));
	NEED(mkdir("u/a", 0755));
	NEED(mkdir("u/b", 0755));
	for (int i = 0; i < FILES; i++) {
		char a[64];

		strcpy(a, named("u", 'a', i));
		NEED(mknod(a, S_IFREG | 0600, 0));
		NEED(link(a, named("u", 'b', i)));
	}
	NEED(mount("overlay", "m", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w"));
	NEED0(pthread_create(&t, NULL, opener, fds));
	opener(NULL);
	pthread_join(t, NULL);
	for (int i = 0; i < FILES; i++) {
		missing += fds[0][i] < 0 || fds[1][i] < 0;
		NEED(flock(fds[0][i], LOCK_EX));
		two += flock(fds[1][i], LOCK_EX | LOCK_NB) == 0;
		close(fds[0][i]);
		close(fds[1][i]);
	}
	say("not opened: %d, two files where there is one: %d", missing, two);
	NEED(umount2("m", MNT_DETACH));
	scratch_leave();
}
