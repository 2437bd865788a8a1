/* SPDX-License-Identifier: MIT */
/*
 * proc_mm_open: files of /proc/PID about memory refer to the memory that the process had when they
 * were opened: after an exec, in a zombie and when the process is gone. A process that has become
 * non-dumpable shows nothing of its new memory.
 */
#include "t.h"

#include <dirent.h>

static const char *const names[] = { "maps", "smaps", "smaps_rollup", "environ", "auxv", "mem",
	"pagemap" };
#define N (sizeof(names) / sizeof(names[0]))

static void open_all(pid_t pid, int *fds)
{
	char path[64];

	for (size_t i = 0; i < N; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
		fds[i] = open(path, O_RDONLY);
		if (fds[i] < 0)
			say("%s: open %s", names[i], t_errno(errno));
	}
}

static void read_all(const char *when, int *fds)
{
	static char buf[4096];

	for (size_t i = 0; i < N; i++) {
		ssize_t n = pread(fds[i], buf, sizeof(buf), 0);

		say("%s, %s: %s", when, names[i],
			n < 0 ? t_errno(errno) :
			n     ? "something" :
				"nothing");
	}
}

static void close_all(int *fds)
{
	for (size_t i = 0; i < N; i++)
		close(fds[i]);
}

/* pipes: a byte of order[] makes the child go on; its answer comes by done[] */
static int order[2], done[2];

static void tell(void)
{
	char c;

	NEED(write(order[1], "x", 1));
	NEED(read(done[0], &c, 1));
}

static void child(char *self)
{
	char c;

	NEED(write(done[1], "x", 1));
	NEED(read(order[0], &c, 1));
	execl("/proc/self/exe", self, "again", NULL);
	_exit(9);
}

static void again(void)
{
	char c = 0;

	NEED(write(11, "x", 1));
	NEED(read(10, &c, 1));
	_exit(3);
}

/* Lists a folder of a zombie, which is empty if none of its contents is left. */
static void list(const char *name, pid_t pid)
{
	char path[64];
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	d = opendir(path);
	if (!d) {
		say("zombie's %s: errno %d", name, errno);
		return;
	}
	errno = 0;
	while (readdir(d))
		n++;
	say("zombie's %s: %d entries, errno %d", name, n, errno);
	closedir(d);
}

TEST(proc_mm_open)
{
	int fds[N], now[N];
	siginfo_t si;
	pid_t pid;
	char c;

	if (t_argc > 1)
		again();
	NEED(pipe(order));
	NEED(pipe(done));
	pid = fork();
	if (!pid) {
		NEED(dup2(order[0], 10));
		NEED(dup2(done[1], 11));
		child(t_argv[0]);
	}
	NEED(read(done[0], &c, 1));
	open_all(pid, fds);
	/* mem's first page is not mapped: only what it says after the exec tells */
	read_all("before", fds);
	tell();
	read_all("after exec", fds);
	open_all(pid, now);
	read_all("opened anew", now);
	NEED(write(order[1], "x", 1));
	NEED(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT));
	read_all("zombie", now);
	close_all(fds);
	open_all(pid, fds);
	read_all("opened as a zombie", fds);
	list("map_files", pid);
	list("fd", pid);
	list("fdinfo", pid);
	NEED(waitpid(pid, NULL, 0));
	read_all("gone", now);
	read_all("gone, opened as a zombie", fds);
}
