/* SPDX-License-Identifier: MIT */
/*
 * race_umount_busy: an umount that succeeds leaves no file of the mount open, although another
 * thread opens one at that moment, by the mount or by a propagated copy.
 */
#include "mounts.h"

#define ROUNDS 6000

/* numbers of the round that has begun, in which the file is open, and which has ended */
static int begun, tried, ended;
static const char *path;
static dev_t dev; /* of the mounted file system */
static int opened;

static void set(int *to, int round)
{
	__atomic_store_n(to, round, __ATOMIC_RELEASE);
}

/* Waits without sleep, since to wake up takes longer than an umount. */
static void await(const int *at, int round)
{
	for (int i = 1; __atomic_load_n(at, __ATOMIC_ACQUIRE) != round; i++)
		if (i % 4096 == 0)
			sched_yield();
}

static void *opens(void *arg)
{
	struct stat st;

	for (int i = 1; i <= ROUNDS; i++) {
		int fd;

		await(&begun, i);
		fd = open(path, O_RDONLY);
		opened = fd >= 0 && !fstat(fd, &st) && st.st_dev == dev;
		set(&tried, i);
		await(&ended, i);
		close(fd);
	}
	return arg;
}

TEST(race_umount_busy)
{
	int broken = 0, odd = 0;
	struct stat st;
	pthread_t t;

	own_mounts();
	scratch_enter(NULL);
	NEED(mount(NULL, ".", NULL, MS_SHARED, NULL));
	NEED(mkdir("m", 0755) | mkdir("peer", 0755));
	NEED(mount(".", "peer", NULL, MS_BIND, NULL));
	NEED0(pthread_create(&t, NULL, opens, NULL));
	for (int i = 1; i <= ROUNDS; i++) {
		int err;

		NEED(mount("none", "m", "tmpfs", 0, NULL));
		NEED(stat("m", &st));
		dev = st.st_dev;
		path = i % 2 ? "peer/m" : "m";
		set(&begun, i);
		for (volatile int spin = i % 32 * 16; spin; spin--)
			;
		err = umount2("m", 0) ? errno : 0;
		await(&tried, i);
		broken += !err && opened;
		odd += err && err != EBUSY;
		set(&ended, i);
		umount2("m", MNT_DETACH);
	}
	pthread_join(t, NULL);
	say("unmounted and open: %d, other errors: %d", broken, odd);
	NEED(umount2("peer", MNT_DETACH));
	scratch_leave();
}
