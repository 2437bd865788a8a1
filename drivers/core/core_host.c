/* SPDX-License-Identifier: MIT */
/*
 * core_host.c: makes the host write a core. The host decides whether and where (core(5): ulimit -c,
 * kernel.core_pattern). Memory files that are mapped shared count as anonymous; the caller chooses
 * which parts of them are in the core.
 */
#include "drivers/core/core_host.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os-linux/host.h"

/*
 * Values of /proc/PID/coredump_filter (core(5)). FILTER: private and shared anonymous memory, and
 * ELF headers. FILTER_FILES: shared files too.
 */
#define FILTER "0x13"
#define FILTER_FILES "0x1b"

void core_host_take(void *addr, uint64_t len)
{
	madvise(addr, len, MADV_DODUMP);
}

static void set_filter(const char *mask)
{
	int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, mask, strlen(mask)) < 0)
		os_write_stderr("nestling: the core may be large\n", 32);
	close(fd);
}

static void be_killed(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGABRT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(SIGABRT);
}

static void allow_core(const char *mask)
{
	struct rlimit rl;

	signal(SIGABRT, SIG_DFL);
	set_filter(mask);
	if (!getrlimit(RLIMIT_CORE, &rl)) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_CORE, &rl);
	}
	prctl(PR_SET_DUMPABLE, 1);
}

/* Finds the folder in which the host writes cores; false if it uses no folder. */
static bool core_folder(char *dir, size_t size)
{
	int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, dir, size - 1);
	char *slash;

	if (fd >= 0)
		close(fd);
	if (n <= 0 || *dir == '|')
		return false;
	dir[n] = 0;
	slash = strrchr(dir, '/');
	if (!slash)
		strcpy(dir, ".");
	else
		slash[slash == dir] = 0;
	return true;
}

/*
 * Raises the limit, sets the filter and grants the folder of cores before the jail closes: a jailed
 * process may neither raise its limits nor open a file.
 */
static void before_jail(void)
{
	char dir[512];

	if (!os_jail_is_open())
		return;
	allow_core(FILTER);
	if (core_folder(dir, sizeof(dir)))
		os_jail_cores(dir);
}

void core_host_prepare(void)
{
	os_at_jail(before_jail);
}

void core_host_dump(int files)
{
	if (!os_jailed())
		allow_core(files ? FILTER_FILES : FILTER);
	os_end_by(be_killed);
}
