/* SPDX-License-Identifier: MIT */
/*
 * proc_locks: /proc/locks lists all of many locks, and their owners as the pid namespace of the
 * mount numbers them; locks of owners outside of it are not shown.
 */
#include "t.h"
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#define MANY 3000

static int lock(int fd, int cmd, long start)
{
	struct flock fl = { .l_type = F_WRLCK, .l_start = start, .l_len = 1 };

	return fcntl(fd, cmd, &fl);
}

static int made(const char *name)
{
	return NEED(open(name, O_RDWR | O_CREAT, 0644));
}

/* Prints what @list shows of locks on the file @name. */
static void shown(const char *list, const char *name)
{
	char kind[16], type[16], end[24], line[256];
	unsigned long ino;
	unsigned int ma, mi;
	FILE *f = fopen(list, "r");
	struct stat st;
	int pid, n = 0;

	NEED(f ? 0 : -1);
	NEED(stat(name, &st));
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d: %15s %*s %15s %d %x:%x:%lu %*s %23s", kind, type, &pid, &ma,
			    &mi, &ino, end) != 7 ||
			ino != st.st_ino || makedev(ma, mi) != st.st_dev)
			continue;
		n++;
		say("%s, %s: %s %s to %s of %s", list, name, kind, type, end,
			pid == -1       ? "nobody" :
			pid == getpid() ? "me" :
			pid == 1        ? "1" :
					  "another");
	}
	fclose(f);
	if (!n)
		say("%s, %s: none", list, name);
}

static void all(const char *list)
{
	shown(list, "outside");
	shown(list, "posix");
	shown(list, "flock");
	shown(list, "description");
	shown(list, "lease");
}

static int beyond[2], back[2];

static void inside(void)
{
	char c;

	NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	NEED(mount("proc", "here", "proc", 0, NULL));
	NEED(lock(made("posix"), F_SETLK, 0));
	NEED(flock(made("flock"), LOCK_EX));
	NEED(lock(made("description"), F_OFD_SETLK, 0));
	NEED(fcntl(made("lease"), F_SETLEASE, F_WRLCK));
	all("here/locks");
	all("/proc/locks");
	NEED(write(back[1], "", 1));
	NEED(read(beyond[0], &c, 1));
}

static void namespaces(void)
{
	pid_t pid;
	char c;

	NEED(mkdir("here", 0755));
	NEED(pipe(beyond));
	NEED(pipe(back));
	NEED(lock(made("outside"), F_SETLK, 0));
	pid = SPAWN({
		NEED(unshare(CLONE_NEWPID | CLONE_NEWNS));
		CHILD(inside());
	});
	NEED(read(back[0], &c, 1));
	all("/proc/locks");
	NEED(write(beyond[1], "", 1));
	t_wait("maker", pid);
}

/* Locks every other byte, so that no locks are merged. */
static void many(void)
{
	static char seen[MANY];
	int fd = made("many"), n = 0;
	unsigned long ino;
	struct stat st;
	long start;
	char line[256];
	FILE *f;

	for (long i = 0; i < MANY; i++)
		NEED(lock(fd, F_SETLK, 2 * i));
	NEED(fstat(fd, &st));
	f = fopen("/proc/locks", "r");
	NEED(f ? 0 : -1);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: %*s %*s %*s %*d %*x:%*x:%lu %ld", &ino, &start) == 2 &&
			ino == st.st_ino && start / 2 < MANY && !seen[start / 2]) {
			seen[start / 2] = 1;
			n++;
		}
	fclose(f);
	say("%d of %d", n, MANY);
	close(fd);
}

TEST(proc_locks)
{
	namespaces();
	many();
}
