/* SPDX-License-Identifier: MIT */
/*
 * proc_private: what a process's files in /proc hide from other users: fdinfo, frame numbers, the
 * environment behind its arguments; and mem with a bad buffer.
 */
#include "t.h"

#include <dirent.h>
#include <sys/prctl.h>

#define NOBODY 65534
#define LONG 131071 /* the longest argument */

static const char *result(long r)
{
	return r < 0 ? t_errno(errno) : "ok";
}

static void look(const char *pid)
{
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	d = opendir(path);
	say("list %s: %s", path, result(d ? 0 : -1));
	if (d)
		closedir(d);
	snprintf(path, sizeof(path), "/proc/%s/fdinfo/0", pid);
	say("open %s: %s", path, result(open(path, O_RDONLY)));
}

/* Reads the parent's fdinfo in a child that is no longer root. */
static void others_fdinfo(void)
{
	pid_t pid = NEED(fork());
	int status;

	if (!pid) {
		if (!getuid())
			NEED(setresuid(NOBODY, NOBODY, NOBODY));
		look("1");
		look("self");
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0));
}

/* Opens pagemap without capabilities, and reads it with them. */
static void frames(void)
{
	uint64_t entry = 0;
	int fd;

	if (!getuid())
		NEED(seteuid(NOBODY));
	NEED(prctl(PR_SET_DUMPABLE, 1));
	fd = NEED(open("/proc/self/pagemap", O_RDONLY));
	NEED(seteuid(getuid()));
	NEED(prctl(PR_SET_DUMPABLE, 1));
	NEED(pread(fd, &entry, 8, (long)((uintptr_t)&entry / PAGE * 8)));
	say("pagemap: present %d, frame %s", (int)(entry >> 63),
		entry << 9 >> 9 ? "shown" : "hidden");
	close(fd);
}

/* Reads a command line of @n long arguments, longer than two pages, behind which is a secret. */
static void arguments(int n)
{
	static char arg[LONG + 1], text[65536];
	char *argv[20] = { "sh", "-c", "cat /proc/$$/cmdline; :" }, *envp[] = { "SECRET=x", NULL };
	bool secret = false;
	ssize_t got;
	int p[2];
	pid_t pid;

	memset(arg, 'a', LONG);
	for (int i = 0; i < n; i++)
		argv[3 + i] = arg;
	NEED(pipe(p));
	pid = NEED(fork());
	if (!pid) {
		NEED(dup2(p[1], 1));
		close(p[1]);
		execve("/bin/sh", argv, envp);
		_exit(1);
	}
	close(p[1]);
	while ((got = read(p[0], text, sizeof(text))) > 0)
		secret |= memmem(text, (size_t)got, "SECRET", 6) != NULL;
	close(p[0]);
	NEED(waitpid(pid, NULL, 0));
	say("cmdline with %d long arguments: environment %s", n, secret ? "shown" : "hidden");
}

static void bad_buffer(void)
{
	char *two =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static char from[2 * PAGE];
	int fd = NEED(open("/proc/self/mem", O_RDWR));

	NEED(two == MAP_FAILED ? -1 : 0);
	NEED(munmap(two + PAGE, PAGE));
	say("mem into no memory: %s", result(pread(fd, two + PAGE, PAGE, (long)from)));
	say("mem into half of it: %s", result(pread(fd, two, 2 * PAGE, (long)from)));
	say("mem from no memory: %s", result(pwrite(fd, two + PAGE, PAGE, (long)from)));
	say("mem from half of it: %s", result(pwrite(fd, two, 2 * PAGE, (long)from)));
	say("mem of no memory: %s", result(pread(fd, from, PAGE, (long)(two + PAGE))));
	close(fd);
}

TEST(proc_private)
{
	others_fdinfo();
	frames();
	arguments(1);
	arguments(11);
	bad_buffer();
}
