/* SPDX-License-Identifier: MIT */
/*
 * proc_tid: /proc/TID of a thread that is not the leader has what /proc/PID has, with the sums of
 * the process; task/TID has less.
 */
#include "t.h"
#include <dirent.h>

static int hold[2];
static pid_t tid;
static pthread_barrier_t ready;

static void *waits(void *arg)
{
	char c;

	tid = (pid_t)syscall(SYS_gettid);
	pthread_barrier_wait(&ready);
	(void)!read(hold[0], &c, 1);
	return NULL;
}

static const char *const some[] = { "task", "map_files", "coredump_filter", "timerslack_ns", "fd",
	"stat", "status", "children", "comm", "io", "exe", NULL };

static void presence(const char *what, const char *dir)
{
	char path[128], line[256] = "";

	for (int i = 0; some[i]; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, some[i]);
		if (!access(path, F_OK)) {
			strcat(line, " ");
			strcat(line, some[i]);
		}
	}
	say("%s:%s", what, line);
}

static void threads_of(const char *what, const char *dir)
{
	char path[128];
	bool first = false, second = false;
	int n = 0;
	DIR *d;
	struct dirent *e;

	snprintf(path, sizeof(path), "%s/task", dir);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.') {
			n++;
			first |= atoi(e->d_name) == getpid();
			second |= atoi(e->d_name) == tid;
		}
	if (d)
		closedir(d);
	say("%s/task: %d threads, the first %d, the second %d", what, n, first, second);
}

static unsigned long field(const char *dir, int wanted)
{
	char path[128], text[2048] = "", *p;
	int fd;

	snprintf(path, sizeof(path), "%s/stat", dir);
	fd = open(path, O_RDONLY);
	(void)!read(fd, text, sizeof(text) - 1);
	close(fd);
	p = strrchr(text, ')');
	for (int i = 2; p && i < wanted; i++)
		p = strchr(p + 1, ' ');
	return p ? strtoul(p, NULL, 10) : 0;
}

static void burn_in_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		struct timespec t;

		do
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
		while (!t.tv_sec && t.tv_nsec < 60000000);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void signal_through(const char *what, const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	long r = syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0);

	say("pidfd_send_signal, %s: %ld %s", what, r, r ? strerrorname_np(errno) : "");
	close(fd);
}

TEST(proc_tid)
{
	char own[64], below[64], path[96];
	pthread_t t;

	NEED(pipe(hold));
	pthread_barrier_init(&ready, NULL, 2);
	NEED0(pthread_create(&t, NULL, waits, NULL));
	pthread_barrier_wait(&ready);
	snprintf(own, sizeof(own), "/proc/%d", (int)tid);
	snprintf(below, sizeof(below), "/proc/self/task/%d", (int)tid);
	presence("PID", "/proc/self");
	presence("TID", own);
	presence("task/TID", below);
	threads_of("TID", own);
	snprintf(path, sizeof(path), "%s/task/%d", own, (int)getpid());
	presence("TID/task/PID", path);
	burn_in_child();
	say("what ended children took: PID %d, TID %d, task/TID %d",
		field("/proc/self", 16) + field("/proc/self", 17) > 0,
		field(own, 16) + field(own, 17) > 0, field(below, 16) + field(below, 17) > 0);
	say("its number is the thread's: %d %d", field(own, 4) == (unsigned long)getppid(),
		access(own, F_OK));
	signal_through("PID", "/proc/self");
	signal_through("TID", own);
	signal_through("task/TID", below);
	NEED(write(hold[1], "x", 1));
	pthread_join(t, NULL);
}
