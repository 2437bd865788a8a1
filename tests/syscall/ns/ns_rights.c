/* SPDX-License-Identifier: MIT */
/*
 * ns_rights: what root of a user namespace may do with objects of its namespaces: lock segments
 * (within the machine's limit), set a child's timer slack, freeze.
 */
#include "userns.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/shm.h>

static void slack(pid_t pid)
{
	char path[64], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/timerslack_ns", (int)pid);
	fd = NEED(open(path, O_RDWR));
	T(write(fd, "60000", 5));
	T(pread(fd, text, sizeof(text) - 1, 0));
	say("%.5s", text);
	close(fd);
}

static void inside(void)
{
	struct rlimit none = { 0, 0 };
	int id = NEED(shmget(IPC_PRIVATE, 4096, 0600)), fd;
	pid_t pid;

	T(shmctl(id, SHM_LOCK, NULL));
	T(shmctl(id, SHM_UNLOCK, NULL));
	NEED(setrlimit(RLIMIT_MEMLOCK, &none));
	T(shmctl(id, SHM_LOCK, NULL));
	T(shmctl(id, SHM_UNLOCK, NULL));
	NEED(shmctl(id, IPC_RMID, NULL));

	NEED(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	NEED(mount("none", "/tmp", "tmpfs", 0, NULL));
	fd = NEED(open("/tmp", O_RDONLY));
	T(ioctl(fd, FIFREEZE, 0));
	T(ioctl(fd, FITHAW, 0));
	fd = NEED(open("/proc/version", O_RDONLY));
	T(ioctl(fd, FIFREEZE, 0));
	T(ioctl(fd, FITHAW, 0));

	pid = SPAWN(pause());
	slack(pid);
	t_kill(pid);
}

TEST(ns_rights)
{
	if (getuid())
		return;
	t_wait("child", userns_spawn(CLONE_NEWIPC | CLONE_NEWNS, 100000, 65536, inside));
}
