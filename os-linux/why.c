/* SPDX-License-Identifier: MIT */
/*
 * why.c: makes the text that says why the host has refused a call, from the call's name, the errno
 * and the cause. No other file makes such texts.
 *
 *      return os_refused("mremap", errno);     where the host refuses
 *      refuse("...: %s", os_why(err));         where the instance ends because of it
 *
 * A cause is what can be read: a limit, a sysctl, an installed filter. If nothing is found, the
 * text ends with the errno's own words, or, for EAGAIN, EPERM, EACCES and ENOSYS, with what may be
 * the cause.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os-linux/os.h"
#include "os-linux/os_space.h"
#include "os-linux/why.h"

/*
 * If a program's addresses (os_space_top()) end below this, they have fewer than the 47 bits that
 * the kernel and its guests need.
 */
#define TOP_WANTED (1UL << 46)

/* The thread's last refused call, or NULL, and its errno > 0. */
static __thread struct {
	const char *call;
	int err;
} refused;

int os_refused(const char *call, int err)
{
	refused.call = call;
	refused.err = err;
	return -err;
}

/* Returns the number with which a file of /proc begins, or -1. */
static long number_in(const char *path)
{
	FILE *f = fopen(path, "re");
	long v = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &v) != 1)
		v = -1;
	fclose(f);
	return v;
}

/* True if a seccomp filter is installed for this process. */
static bool filtered(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	int mode = 0;

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Seccomp: %d", &mode) == 1)
			break;
	fclose(f);
	return mode == 2;
}

/* True if the soft limit of @resource (RLIMIT_*) is finite; *@value is then that limit. */
static bool limited(int resource, unsigned long *value)
{
	struct rlimit rl;

	if (getrlimit(resource, &rl) || rl.rlim_cur == RLIM_INFINITY)
		return false;
	*value = rl.rlim_cur;
	return true;
}

void os_why_no_tasks(char *buf, size_t size)
{
	unsigned long limit;
	uint64_t max;
	char name[256];

	if (os_cgroup_pids_full(name, sizeof(name), &max))
		snprintf(buf, size, "pids.max of the control group %s is %lu", name, max);
	else if (geteuid() && limited(RLIMIT_NPROC, &limit))
		snprintf(buf, size, "ulimit -u is %lu", limit);
	else
		snprintf(buf, size, "kernel.threads-max, kernel.pid_max or ulimit -u");
}

/*
 * Writes the cause of ENOMEM, or nothing. os_space_top() tries mappings, which RLIMIT_AS could
 * refuse, so it is called only without that limit.
 */
static void why_no_memory(char *buf, size_t size)
{
	unsigned long limit;

	uint64_t top = limited(RLIMIT_AS, &limit) ? 0 : os_space_top();

	if (top && top < TOP_WANTED)
		snprintf(buf, size,
			"programs of this host have %d bits of addresses, 47 are needed",
			64 - __builtin_clzl(top - 1));
	else if (limited(RLIMIT_AS, &limit))
		snprintf(buf, size, "ulimit -v is %lu KiB", limit / 1024);
	else if (limited(RLIMIT_DATA, &limit))
		snprintf(buf, size, "ulimit -d is %lu KiB", limit / 1024);
	else if (number_in("/proc/sys/vm/overcommit_memory") == 2)
		snprintf(buf, size, "vm.overcommit_memory is 2");
}

/* Writes the cause of EPERM or EACCES, perhaps a guess. */
static void why_forbidden(const char *call, char *buf, size_t size)
{
	long scope = number_in("/proc/sys/kernel/yama/ptrace_scope");

	if (!strcmp(call, "ptrace") && scope >= 2)
		snprintf(buf, size, "kernel.yama.ptrace_scope is %ld", scope);
	else if (filtered())
		snprintf(buf, size, "by a seccomp filter, as containers have them");
	else
		snprintf(buf, size, "by a security module or the host's kernel");
}

/* Writes the cause of a refusal of @call ("": unknown) with @err, an errno > 0, or nothing. */
static void find_cause(const char *call, int err, char *buf, size_t size)
{
	long noexec = number_in("/proc/sys/vm/memfd_noexec");
	unsigned long limit;

	if (err == EACCES && noexec > 0 &&
		(!strcmp(call, "memfd_create") || !strcmp(call, "execveat"))) {
		snprintf(buf, size, "vm.memfd_noexec is %ld", noexec);
		return;
	}
	switch (err) {
	case EMFILE:
		if (limited(RLIMIT_NOFILE, &limit))
			snprintf(buf, size, "ulimit -n is %lu", limit);
		break;
	case EFBIG:
		if (limited(RLIMIT_FSIZE, &limit))
			snprintf(buf, size, "ulimit -f is %lu KiB", limit / 1024);
		break;
	case EAGAIN: os_why_no_tasks(buf, size); break;
	case ENOMEM: why_no_memory(buf, size); break;
	case ENOSYS:
		snprintf(buf, size, "%s",
			filtered() ? "by a seccomp filter, or the host's kernel is too old" :
				     "the host's kernel is too old, or built without it");
		break;
	case EPERM:
	case EACCES: why_forbidden(call, buf, size); break;
	}
}

const char *os_why(int err)
{
	static __thread char text[512];
	const char *call = refused.call && refused.err == -err ? refused.call : NULL;
	char cause[320] = "";

	find_cause(call ? call : "", -err, cause, sizeof(cause));
	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", call ? "the host refuses " : "",
		call ? call : "", call ? ": " : "", os_strerror(err), *cause ? " (" : "", cause,
		*cause ? ")" : "");
	return text;
}
