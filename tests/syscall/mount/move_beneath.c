/* SPDX-License-Identifier: MIT */
/*
 * move_mount(2) with MOVE_MOUNT_BENEATH: a mount goes below another one, which covers it until it
 * is unmounted.
 */
#include "mounts.h"

#include <sys/mount.h>

#define BENEATH 0x200
#define F_EMPTY 4
#define T_EMPTY 0x40
#define SET_GROUP 0x100

static int tree(const char *path)
{
	return NEED(syscall(SYS_open_tree, AT_FDCWD, path, 1 | O_CLOEXEC));
}

static long beneath(int fd, const char *where, unsigned more)
{
	return syscall(SYS_move_mount, fd, "", AT_FDCWD, where, BENEATH | F_EMPTY | more);
}

static void fresh(const char *dir, const char *file)
{
	char path[64];

	NEED(mkdir(dir, 0755));
	NEED(mount("none", dir, "tmpfs", 0, NULL));
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	close(NEED(open(path, O_CREAT | O_WRONLY, 0600)));
}

static int stop, seen;

static void *peek(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		seen += !access("covered/bare", F_OK);
	return NULL;
}

/* A covered mount never becomes visible, however often mounts are inserted between. */
static void always_covered(void)
{
	pthread_t t;

	NEED(mkdir("covered", 0755));
	close(NEED(open("covered/bare", O_CREAT | O_WRONLY, 0600)));
	NEED(mount("none", "covered", "tmpfs", 0, NULL));
	NEED0(pthread_create(&t, NULL, peek, NULL));
	for (int i = 0; i < 3000; i++) {
		int fd = tree("b");

		NEED(beneath(fd, "covered", 0));
		NEED(umount2("covered", MNT_DETACH)); /* it may be busy: a walk */
		close(fd);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
	say("seen %d times\n", seen);
	T(umount2("covered", MNT_DETACH));
}

TEST(move_beneath)
{
	int fd;

	own_mounts();
	fresh("a", "in-a");
	fresh("b", "in-b");
	NEED(mkdir("plain", 0755));
	NEED(mkdir("a/sub", 0755));
	NEED(mount("none", "a/sub", "tmpfs", 0, NULL));
	fd = tree("b");
	always_covered();
	T(beneath(fd, "plain", 0));
	T(beneath(fd, "a/in-a", 0));
	T(beneath(fd, "/", 0));
	T(beneath(fd, "a", SET_GROUP));
	T(beneath(fd, "none", 0));
	T(syscall(SYS_move_mount, AT_FDCWD, "plain", AT_FDCWD, "a", BENEATH));
	T(syscall(SYS_move_mount, AT_FDCWD, "a/sub", AT_FDCWD, "a", BENEATH));
	T(syscall(SYS_move_mount, AT_FDCWD, "a", AT_FDCWD, "a", BENEATH));
	T(beneath(fd, "a", 0));
	close(fd);
	T(access("a/in-a", F_OK));
	T(access("a/in-b", F_OK));
	T(umount("a/sub"));
	T(umount("a"));
	T(access("a/in-a", F_OK));
	T(access("a/in-b", F_OK));
	/* attached already */
	fresh("c", "in-c");
	T(syscall(SYS_move_mount, AT_FDCWD, "c", AT_FDCWD, "a", BENEATH));
	T(access("c/in-c", F_OK));
	T(access("a/in-b", F_OK));
	T(umount("a"));
	T(access("a/in-c", F_OK));
	T(umount("a"));
	T(access("a/in-c", F_OK));
	T(umount("a"));
	/* what has a mount upon it may not go below another */
	fresh("d", "in-d");
	fd = NEED(open("d", O_PATH));
	NEED(mount("none", "d", "tmpfs", 0, NULL));
	T(beneath(fd, "b", 0));
	close(fd);
	T(umount("d"));
	T(umount("b"));
	T(umount("d"));
}
