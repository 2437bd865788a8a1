/* SPDX-License-Identifier: MIT */
/*
 * exec_thread: a thread that is not the leader execs. To its parent, group and children the process
 * stays what it was, and the thread's id is free. Also: the name of a program that is run by its
 * descriptor.
 */
#include "recorded.h"
#include <dirent.h>
#include <sys/prctl.h>

static int forked[2];

static const char *comm(void)
{
	static char name[32];

	NEED(prctl(PR_GET_NAME, name));
	return name;
}

static int nr_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	int n = 0;

	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static pid_t child_of(void)
{
	return SPAWN({
		char c;

		close(forked[1]);
		NEED(read(forked[0], &c, 1)); /* until its parent's program lets go */
	});
}

static void *execs(void *leaders_child)
{
	char tid[16], first[16], second[16], end[16];

	snprintf(tid, sizeof(tid), "%d", (int)syscall(SYS_gettid));
	snprintf(first, sizeof(first), "%d", *(pid_t *)leaders_child);
	snprintf(second, sizeof(second), "%d", child_of());
	snprintf(end, sizeof(end), "%d", forked[1]);
	close(forked[0]);
	execl("/proc/self/exe", "exec_thread", tid, first, second, end, NULL);
	return NULL;
}

/* The new program. */
static void after(void)
{
	pid_t tid = atoi(t_argv[1]), first = atoi(t_argv[2]), second = atoi(t_argv[3]);
	char path[64];

	say("number: %d, group: %d, threads: %d", syscall(SYS_gettid) == getpid(),
		getpgrp() == getpid(), nr_threads());
	T(kill(tid, 0));
	T(syscall(SYS_tgkill, getpid(), tid, 0));
	T(getpgid(tid));
	T(sched_getscheduler(tid));
	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	T(open(path, O_RDONLY));
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	T(open(path, O_RDONLY));
	T(waitpid(tid, NULL, 0));
	say("children: %d %d", waitpid(first, NULL, WNOHANG | __WNOTHREAD),
		waitpid(second, NULL, WNOHANG | __WNOTHREAD));
	close(atoi(t_argv[4]));
	say("both end: %d %d", waitpid(first, NULL, __WNOTHREAD) == first,
		waitpid(second, NULL, __WNOTHREAD) == second);
	T(waitpid(-1, NULL, 0));
	_exit(5);
}

static void before(void)
{
	pid_t child;
	pthread_t t;

	NEED(setpgid(0, 0));
	NEED(pipe(forked));
	child = child_of();
	pthread_create(&t, NULL, execs, &child);
	for (;;)
		pause();
}

static void by_descriptor(void)
{
	int fd;

	t_copy_self("a-name-of-more-than-fifteen");
	fd = NEED(open("a-name-of-more-than-fifteen", O_PATH));
	if (older_than(6, 14)) { /* the descriptor's number */
		say("name: a-name-of-more-");
		say("child: exited 0");
	} else {
		CHILD(syscall(SYS_execveat, fd, "", ((char *[]){ "exec_thread", "name", NULL }),
			((char *[]){ NULL }), AT_EMPTY_PATH));
	}
	fd = NEED(open(".", O_PATH));
	CHILD(syscall(SYS_execveat, fd, "a-name-of-more-than-fifteen",
		((char *[]){ "exec_thread", "name", NULL }), ((char *[]){ NULL }), 0));
}

TEST(exec_thread)
{
	pid_t pid;
	int status;

	if (t_argc == 2) {
		say("name: %s", comm());
		return;
	}
	if (t_argc > 1)
		after();
	pid = SPAWN(before());
	/* the child may have done this, and have executed the new program */
	setpgid(pid, pid);
	say("%d", waitpid(-pid, &status, 0) == pid);
	t_status("it", status);
	by_descriptor();
}
