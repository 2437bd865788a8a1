/* SPDX-License-Identifier: MIT */
/*
 * cgroup_v1_memory: version 1's memory and hugetlb, which are implemented by version 2's: their
 * files, what is refused, the effect of limits, and notifications. A test may not change the host's
 * groups, so the host's side prints what real hierarchies of version 1 answered.
 */
#include "cgroup.h"

#include <sys/eventfd.h>

#define MIB (1L << 20)
#define NONE "9223372036854771712"
#define A "v1/a/memory."

static long number(const char *path)
{
	return atol(get(path));
}

static void owner(const char *name)
{
	char plus[32], minus[32], line[32];

	snprintf(plus, sizeof(plus), "+%s", name);
	snprintf(minus, sizeof(minus), "-%s", name);
	snprintf(line, sizeof(line), ":%s:/\n", name);
	say("== %s", name);
	GIVES(put("v2/cgroup.subtree_control", plus), 0);
	GIVES(mount("none", "v1", "cgroup", 0, name), EBUSY);
	GIVES(put("v2/cgroup.subtree_control", minus), 0);
	GIVES(mount("none", "v1", "cgroup", 0, name), 0);
	GIVES(put("v2/cgroup.subtree_control", plus), ENOENT);
	WANT("it is of a process", strstr(get("/proc/self/cgroup"), line));
	GIVES(umount("v1"), 0);
	GIVES(put("v2/cgroup.subtree_control", plus), 0);
	GIVES(put("v2/cgroup.subtree_control", minus), 0);
}

static void settings(void)
{
	static const struct {
		const char *file, *text;
		int err;
		const char *then;
	} all[] = {
		{ "limit_in_bytes", "1M", 0, "1048576" },
		{ "limit_in_bytes", "1g", 0, "1073741824" },
		{ "limit_in_bytes", "2T", 0, "2199023255552" },
		{ "limit_in_bytes", "-1", 0, NONE },
		{ "limit_in_bytes", "-2", EINVAL, NONE },
		{ "limit_in_bytes", "x", EINVAL, NONE },
		{ "limit_in_bytes", "1M x", EINVAL, NONE },
		{ "limit_in_bytes", "9223372036854775807", 0, NONE },
		{ "limit_in_bytes", "18446744073709551615", 0, NONE },
		{ "limit_in_bytes", "1048577", 0, "1048576" },
		{ "limit_in_bytes", "10M", 0, "10485760" },
		{ "memsw.limit_in_bytes", "9M", EINVAL, NONE },
		{ "memsw.limit_in_bytes", "20M", 0, "20971520" },
		{ "limit_in_bytes", "21M", EINVAL, "10485760" },
		{ "limit_in_bytes", "-1", EINVAL, "10485760" },
		{ "memsw.limit_in_bytes", "-1", 0, NONE },
		{ "limit_in_bytes", "-1", 0, NONE },
		{ "soft_limit_in_bytes", "3M", 0, "3145728" },
		{ "soft_limit_in_bytes", "-1", 0, NONE },
		{ "max_usage_in_bytes", "x", 0, NULL },
		{ "failcnt", "5", 0, "0" },
		{ "use_hierarchy", "0", EINVAL, "1" },
		{ "use_hierarchy", "1", 0, "1" },
		{ "use_hierarchy", "2", EINVAL, "1" },
		{ "move_charge_at_immigrate", "0", 0, "0" },
		{ "move_charge_at_immigrate", "1", EINVAL, "0" },
		{ "swappiness", "201", EINVAL, NULL },
		{ "swappiness", "7", 0, "7" },
		{ "oom_control", "2", EINVAL, NULL },
		{ "usage_in_bytes", "0", EINVAL, NULL },
		{ "force_empty", "0", 0, NULL },
	};
	char path[80], line[64];

	for (unsigned i = 0; i < sizeof(all) / sizeof(*all); i++) {
		snprintf(path, sizeof(path), A "%s", all[i].file);
		snprintf(line, sizeof(line), "%s\n", all[i].then ? all[i].then : "");
		say("%s %s", all[i].file, all[i].text);
		GIVES(put(path, all[i].text), all[i].err);
		if (all[i].then)
			WANT("then", text_is(path, line));
	}
	TEXT("v1/memory.limit_in_bytes", NONE);
	GIVES(put("v1/memory.limit_in_bytes", "1G"), EINVAL);
	GIVES(put("v1/memory.oom_control", "0"), EINVAL);
	GIVES(put("v1/memory.force_empty", "0"), EINVAL);
	GIVES(take("v1/memory.force_empty"), EINVAL);
	GIVES(put("v1/a/cgroup.event_control", "x"), EINVAL);
	GIVES(put("v1/a/cgroup.event_control", "0 0"), EINVAL);
	WANT("oom_control",
		text_is(A "oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n"));
}

/* ---- what limits do ---- */

static int gate[2]; /* a child waits for a byte */

static pid_t toucher(long bytes)
{
	pid_t pid = guest ? NEED(fork()) : -1;
	char *p, c;

	if (pid)
		return pid;
	if (put("v1/a/tasks", "0") < 0)
		_exit(1);
	p = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (long at = 0; at < bytes; at += 4096)
		p[at] = 1;
	read(gate[0], &c, 1);
	_exit(0);
}

static int ended(pid_t pid)
{
	int status = -1;

	if (guest)
		NEED(waitpid(pid, &status, 0));
	return status;
}

static void go_on(void)
{
	if (guest)
		NEED(write(gate[1], "x", 1));
}

static bool comes_true(bool (*what)(void))
{
	bool seen = false;

	if (guest)
		T_WAIT(seen || (seen = what()));
	return seen;
}

/* True if the 12 MiB of the toucher are there. Kernel memory counts for the usage too. */
static bool twelve(void)
{
	return number(A "usage_in_bytes") >= 12 * MIB && figure(A "stat", "\nrss ") >= 12 * MIB;
}

static void limits(void)
{
	pid_t pid;
	long rss;

	GIVES(put(A "limit_in_bytes", "16M"), 0);
	GIVES(put(A "failcnt", "0"), 0);
	pid = toucher(12 * MIB);
	WANT("twelve MiB", comes_true(twelve));
	rss = figure(A "stat", "\nrss ");
	WANT("in stat", rss >= 12 * MIB && rss <= 16 * MIB);
	WANT("and of all", figure(A "stat", "total_rss ") == rss);
	WANT("the limit there", figure(A "stat", "hierarchical_memory_limit ") == 16 * MIB);
	GIVES(put(A "limit_in_bytes", "8M"), EBUSY);
	TEXT(A "limit_in_bytes", "16777216");
	go_on();
	WANT("it has ended", ended(pid) == 0);
	WANT("they are free", number(A "usage_in_bytes") < 4 * MIB);
	WANT("the most", number(A "max_usage_in_bytes") >= 12 * MIB);
	GIVES(put(A "max_usage_in_bytes", "0"), 0);
	WANT("begins anew", number(A "max_usage_in_bytes") < 4 * MIB);
	pid = toucher(32 * MIB);
	WANT("too much", ended(pid) == SIGKILL);
	WANT("once", figure(A "oom_control", "oom_kill ") == 1);
	WANT("it was refused", number(A "failcnt") > 0);
	WANT("hardly more",
		number(A "max_usage_in_bytes") <= 17 * MIB); /* a dying task is not refused */
	GIVES(put(A "memsw.limit_in_bytes", "16M"), 0);
	GIVES(put(A "memsw.limit_in_bytes", "12M"), EINVAL);
	pid = toucher(32 * MIB);
	WANT("too much of both", ended(pid) == SIGKILL);
	GIVES(put(A "memsw.limit_in_bytes", "-1"), 0);
}

/* ---- notifications ---- */

static long watch(int efd, const char *file, const char *arg)
{
	char path[80], line[80];
	int fd;
	long r;

	snprintf(path, sizeof(path), "v1/a/%s", file);
	fd = open(path, O_RDONLY);
	snprintf(line, sizeof(line), "%d %d%s", efd, fd, arg);
	r = put("v1/a/cgroup.event_control", line);
	close(fd);
	return r;
}

static int told_fd;

static bool told(void)
{
	uint64_t n;

	return read(told_fd, &n, sizeof(n)) == sizeof(n);
}

static bool under_oom(void)
{
	return figure(A "oom_control", "under_oom ") == 1;
}

static void events(void)
{
	pid_t pid;
	int efd = guest ? (int)NEED(eventfd(0, EFD_NONBLOCK)) : -1;
	int oom = guest ? (int)NEED(eventfd(0, EFD_NONBLOCK)) : -1;

	GIVES(watch(0, "memory.usage_in_bytes", " 1M"), EINVAL);
	GIVES(watch(efd, "cgroup.procs", " 1M"), EINVAL);
	GIVES(watch(efd, "memory.usage_in_bytes", " x"), EINVAL);
	GIVES(watch(efd, "memory.usage_in_bytes", " 10M"), 0);
	GIVES(watch(oom, "memory.oom_control", ""), 0);
	told_fd = efd;
	WANT("not yet", !told());
	pid = toucher(12 * MIB);
	WANT("ten MiB", comes_true(told));
	WANT("once", comes_true(twelve) && !told());
	go_on();
	WANT("it has ended", ended(pid) == 0);
	WANT("less again", comes_true(told));
	told_fd = oom;
	WANT("enough so far", !told());
	GIVES(put(A "oom_control", "1"), 0);
	pid = toucher(24 * MIB);
	WANT("it waits", comes_true(under_oom));
	WANT("told of it", comes_true(told));
	WANT("nobody is killed", guest && waitpid(pid, NULL, WNOHANG) == 0);
	GIVES(put(A "limit_in_bytes", "64M"), 0);
	go_on();
	WANT("it goes on", ended(pid) == 0);
	WANT("not any more", !under_oom());
	GIVES(put(A "oom_control", "0"), 0);
	told_fd = efd;
	WANT("of its memory, too", comes_true(told));
	GIVES(rmdir("v1/a"), 0);
	WANT("it has gone", comes_true(told));
	close(efd);
	close(oom);
}

static void memory(void)
{
	say("== limits of memory");
	GIVES(mount("none", "v1", "cgroup", 0, "memory"), 0);
	GIVES(mkdir("v1/a", 0755), 0);
	settings();
	if (guest)
		NEED(pipe(gate));
	limits();
	events();
	GIVES(umount("v1"), 0);
}

/* ---- hugetlb ---- */

#define H "v1/a/hugetlb.2MB."

static int touch_huge(int nr)
{
	pid_t pid = guest ? NEED(fork()) : -1;
	char *p;

	if (pid)
		return ended(pid);
	if (put("v1/a/tasks", "0") < 0)
		_exit(1);
	p = mmap(NULL, (size_t)nr * 2 * MIB, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		_exit(2);
	for (int i = 0; i < nr; i++)
		p[i * 2 * MIB] = 1;
	_exit(number(H "usage_in_bytes") == nr * 2 * MIB ? 0 : 3);
}

static void hugetlb(void)
{
	say("== limits of huge pages");
	GIVES(put("/proc/sys/vm/nr_hugepages", "4"), 0);
	GIVES(mount("none", "v1", "cgroup", 0, "hugetlb"), 0);
	GIVES(mkdir("v1/a", 0755), 0);
	TEXT(H "limit_in_bytes", NONE);
	TEXT(H "rsvd.limit_in_bytes", NONE);
	WANT("numa_stat", text_is(H "numa_stat", "total=0 N0=0\nhierarchical_total=0 N0=0\n"));
	GIVES(put(H "limit_in_bytes", "x"), EINVAL);
	GIVES(put(H "limit_in_bytes", "-1"), 0);
	TEXT(H "limit_in_bytes", "9223372036852678656");
	GIVES(put("v1/hugetlb.2MB.limit_in_bytes", "4M"), EINVAL);
	GIVES(put(H "limit_in_bytes", "5M"), 0);
	TEXT(H "limit_in_bytes", "4194304");
	WANT("two", touch_huge(2) == 0);
	TEXT(H "failcnt", "0");
	TEXT(H "max_usage_in_bytes", "4194304");
	WANT("three are too many", touch_huge(3) == SIGBUS);
	TEXT(H "failcnt", "1");
	GIVES(put(H "failcnt", "0"), 0);
	GIVES(put(H "max_usage_in_bytes", "0"), 0);
	TEXT(H "failcnt", "0");
	TEXT(H "max_usage_in_bytes", "0");
	GIVES(rmdir("v1/a"), 0);
	GIVES(umount("v1"), 0);
	GIVES(put("/proc/sys/vm/nr_hugepages", "0"), 0);
}

TEST(cgroup_v1_memory)
{
	guest = in_guest();
	both_versions_enter();
	GIVES(mkdir("v2/g", 0755), 0);
	owner("memory");
	owner("hugetlb");
	GIVES(rmdir("v2/g"), 0);
	GIVES(umount("v2"), 0);
	memory();
	hugetlb();
}
