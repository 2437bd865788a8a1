/* SPDX-License-Identifier: MIT */
/*
 * proc_nlink: link counts of directories in /proc: one for each subdirectory, and for `task` one
 * for each thread, which sandboxes count.
 */
#include "t.h"
#include <dirent.h>

static long links(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -errno : (long)st.st_nlink;
}

/* Returns a directory's links beyond its subdirectories, which come and go in /proc itself. */
static long beyond(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	long n = 0;

	while (d && (e = readdir(d)))
		n += e->d_type == DT_DIR;
	closedir(d);
	return links(path) - n;
}

static int pipes[2];

static void *waits(void *arg)
{
	char c;

	(void)!read(pipes[0], &c, 1);
	return NULL;
}

static void settle(const char *path, long want)
{
	T_WAIT(links(path) == want);
	say("%s: %ld", path, links(path));
}

TEST(proc_nlink)
{
	pthread_t t[3];
	char path[64];

	NEED(pipe(pipes));
	say("task: %ld", links("/proc/self/task"));
	say("task/: %ld", links("/proc/self/task/"));
	for (int i = 0; i < 3; i++)
		NEED0(pthread_create(&t[i], NULL, waits, NULL));
	settle("/proc/self/task", 6);
	for (int i = 0; i < 3; i++)
		NEED(write(pipes[1], "x", 1));
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	settle("/proc/self/task", 3);
	CHILD(say("in a child: %ld", links("/proc/self/task")));
	say("self/: %ld", beyond("/proc/self/"));
	snprintf(path, sizeof(path), "/proc/self/task/%d", (int)syscall(SYS_gettid));
	say("task/TID: %ld", beyond(path));
	for (const char *const *p = (const char *const[]){ "/proc/self/fd", "/proc/self/fdinfo",
		     "/proc/self/ns", "/proc/self/status", "/proc/sys", "/proc/sys/kernel",
		     "/proc/cpuinfo", NULL };
		*p; p++)
		say("%s: %ld", *p, links(*p));
	say("/proc/sysvipc: %ld", beyond("/proc/sysvipc"));
	say("/proc has more than its processes: %d", links("/proc") > 3);
	say("/sys: %ld", beyond("/sys"));
	say("/sys/class: %ld", beyond("/sys/class"));
}
