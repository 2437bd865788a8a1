/* SPDX-License-Identifier: MIT */
/*
 * race_umount: walks to the root of a mount, lists, watches and unmounts during mounts and unmounts
 * by other processes. A walk that comes too late finds the folder below, and none uses what an
 * unmount has already freed. The host's side prints what is expected.
 */
#include "guest.h"

#include <sys/inotify.h>
#include <sys/mount.h>

static volatile bool stop;
static volatile unsigned long walks;

static void *looks(void *arg)
{
	struct stat st;
	long odd = 0;

	while (!stop) {
		int fd = open("m", O_PATH | O_CLOEXEC);

		odd += fd < 0 || stat("m/.", &st) || access("m/nothing", F_OK) != -1 ||
		       errno != ENOENT;
		close(fd);
		walks++;
	}
	return (void *)odd;
}

static void *unmounts(void *arg)
{
	long odd = 0;

	while (!stop)
		odd += umount2("m", 0) && errno != EINVAL && errno != EBUSY && errno != ENOENT;
	return (void *)odd;
}

static void *watches(void *arg)
{
	long odd = 0;

	while (!stop) {
		int in = inotify_init1(IN_CLOEXEC);

		odd += in < 0 || inotify_add_watch(in, "m", IN_CREATE | IN_UNMOUNT) < 0;
		close(in);
	}
	return (void *)odd;
}

static long mounts(const char *type)
{
	long done = 0;

	for (int i = 0; i < 1500; i++) {
		if (mount("none", "m", type, 0, NULL))
			continue;
		done++;
		close(open("m/f", O_CREAT | O_WRONLY, 0644));
		unlink("m/f");
		umount2("m", i % 2 ? MNT_DETACH : 0);
	}
	return done;
}

TEST(race_umount)
{
	void *(*const fns[])(void *) = { looks, looks, unmounts, watches };
	pthread_t t[4];
	long odd = 0, done = 0;
	void *ret;

	if (!in_guest()) {
		say("mounted: yes\nodd: 0");
		return;
	}
	NEED(mkdir("m", 0755));
	for (int i = 0; i < 4; i++)
		NEED0(pthread_create(&t[i], NULL, fns[i], NULL));
	done += mounts("tmpfs");
	done += mounts("ramfs");
	stop = true;
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &ret);
		odd += (long)ret;
	}
	while (!umount2("m", MNT_DETACH))
		;
	NEED(rmdir("m"));
	say("mounted: %s\nodd: %ld", done > 100 ? "yes" : "no", odd);
}
