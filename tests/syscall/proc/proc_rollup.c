/* SPDX-License-Identifier: MIT */
/*
 * proc_rollup: /proc/PID/smaps_rollup: the kinds of memory; zeros for a process that has unmapped
 * all it had.
 */
#include "t.h"

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static void show(pid_t pid, const char *name)
{
	char path[64], buf[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = NEED(open(path, O_RDONLY));
	n = NEED(read(fd, buf, sizeof(buf) - 1));
	buf[n] = 0;
	say("%s: %ld bytes\n%s", name, (long)n, buf);
	close(fd);
}

static long rollup(const char *what)
{
	char buf[4096], *at;
	int fd = NEED(open("/proc/self/smaps_rollup", O_RDONLY));
	ssize_t n = NEED(read(fd, buf, sizeof(buf) - 1));

	buf[n] = 0;
	close(fd);
	at = strstr(buf, what);
	return at ? strtol(at + strlen(what), NULL, 10) : -1;
}

static void kinds(void)
{
	long anon = rollup("Pss_Anon:"), file = rollup("Pss_File:"), shmem = rollup("Pss_Shmem:");
	char *a, *m;

	say("there is some: %d %d", anon > 0, file > 0);
	a = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	m = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(a, 1, 2 << 20);
	memset(m, 1, 1 << 20);
	say("shmem has grown by %ld kB", rollup("Pss_Shmem:") - shmem);
	say("anon by as much: %d", labs(rollup("Pss_Anon:") - anon - 2048) < 100);
	NEED(munmap(m, 1 << 20));
	say("then %ld", rollup("Pss_Shmem:") - shmem);
}

TEST(proc_rollup)
{
	pid_t pid;
	int status;

	kinds();
	pid = NEED(fork());

	if (!pid) {
		NEED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
		munmap(NULL, (1UL << 47) - 4096);
		_exit(1);
	}
	NEED(waitpid(pid, &status, 0)); /* it stops at the fault */
	say("stopped: %d", WIFSTOPPED(status) ? WSTOPSIG(status) : -1);
	show(pid, "numa_maps");
	show(pid, "smaps_rollup");
	show(pid, "cmdline");
	show(pid, "environ");
	show(pid, "oom_score_adj");
	NEED(kill(pid, SIGKILL));
	T(waitpid(pid, &status, 0) == pid);
}
