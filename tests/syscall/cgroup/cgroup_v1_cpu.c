/* SPDX-License-Identifier: MIT */
/*
 * cgroup_v1_cpu: version 1's pids, cpu and cpuset, which are implemented by version 2's: which
 * hierarchy has them, their files, what is refused, and the effect of limits. A test may not change
 * the host's groups, so the host's side prints what real hierarchies of version 1 answered.
 */
#include "cgroup.h"

/* a pipe: children of child_in(), in the tasks of a group, wait for a byte from it */
static int gate[2];

static pid_t child_in(const char *group)
{
	char path[128], c;
	pid_t pid = guest ? fork() : -1;

	if (pid)
		return pid;
	snprintf(path, sizeof(path), "%s/tasks", group);
	if (put(path, "0") < 0)
		_exit(errno);
	close(gate[1]);
	read(gate[0], &c, 1);
	_exit(0);
}

static int end(pid_t pid)
{
	int status = 0;

	if (pid > 0 && waitpid(pid, &status, 0) == pid)
		return WEXITSTATUS(status);
	return -1;
}

static void let_go(void)
{
	if (guest) {
		close(gate[0]);
		close(gate[1]);
	}
}

static void open_gate(void)
{
	if (guest)
		NEED(pipe(gate));
}

/* ---- which hierarchy has a controller ---- */

static void owner(const char *name)
{
	char plus[32], minus[32], zero[32], line[32];

	snprintf(plus, sizeof(plus), "+%s", name);
	snprintf(minus, sizeof(minus), "-%s", name);
	snprintf(zero, sizeof(zero), "%s\t0\t", name);
	snprintf(line, sizeof(line), ":%s:/\n", name);
	say("== %s", name);
	WANT("version 2 has it", strstr(get("v2/cgroup.controllers"), name));
	GIVES(put("v2/cgroup.subtree_control", plus), 0);
	GIVES(mount("none", "v1", "cgroup", 0, name), EBUSY);
	GIVES(put("v2/cgroup.subtree_control", minus), 0);
	GIVES(mount("none", "v1", "cgroup", 0, name), 0);
	GIVES(put("v2/cgroup.subtree_control", plus), ENOENT);
	WANT("in /proc/cgroups", !strstr(get("/proc/cgroups"), zero));
	WANT("and of a process", strstr(get("/proc/self/cgroup"), line));
	GIVES(umount("v1"), 0);
	GIVES(put("v2/cgroup.subtree_control", plus), 0);
	GIVES(put("v2/cgroup.subtree_control", minus), 0);
}

/* ---- pids ---- */

/* Waits until the tasks that move by themselves have arrived. */
static void in_group(const char *file, long n)
{
	if (guest)
		T_WAIT(figure(file, "") == n);
}

static void pids(void)
{
	pid_t a, b, c;

	say("== limits of tasks");
	GIVES(mount("none", "v1", "cgroup", 0, "pids"), 0);
	GIVES(access("v1/pids.max", F_OK), ENOENT);
	GIVES(mkdir("v1/a", 0755), 0);
	GIVES(mkdir("v1/a/b", 0755), 0);
	TEXT("v1/a/pids.max", "max");
	TEXT("v1/a/pids.current", "0");
	TEXT("v1/a/pids.events", "max 0");
	GIVES(put("v1/a/pids.max", "-1"), EINVAL);
	GIVES(put("v1/a/pids.max", "4194305"), EINVAL);
	GIVES(put("v1/a/pids.max", "max x"), EINVAL);
	GIVES(put("v1/a/pids.max", " 7 "), 0);
	TEXT("v1/a/pids.max", "7");
	GIVES(put("v1/a/pids.max", "0x2"), 0);
	TEXT("v1/a/pids.max", "2");
	GIVES(put("v1/a/pids.peak", "0"), EINVAL);
	open_gate();
	a = child_in("v1/a/b");
	b = child_in("v1/a/b");
	in_group("v1/a/b/pids.current", 2);
	TEXT("v1/a/b/pids.current", "2");
	TEXT("v1/a/pids.current", "2");
	c = child_in("v1/a");
	in_group("v1/a/pids.current", 3);
	TEXT("v1/a/pids.current", "3");
	GIVES(rmdir("v1/a/b"), EBUSY);
	let_go();
	WANT("they moved", end(a) == 0 && end(b) == 0 && end(c) == 0);
	TEXT("v1/a/pids.current", "0");
	TEXT("v1/a/pids.peak", "3");
	GIVES(put("v1/a/pids.max", "1"), 0);
	GIVES(put("v1/a/b/tasks", "0"), 0);
	GIVES(fork(), EAGAIN);
	TEXT("v1/a/b/pids.events", "max 1");
	TEXT("v1/a/pids.events", "max 0");
	TEXT("v1/a/b/pids.peak", "2");
	GIVES(put("v1/a/pids.max", "2"), 0);
	a = guest ? fork() : -1;
	if (!a)
		_exit(0);
	if (guest)
		t_until(a, 'Z');
	TEXT("v1/a/b/pids.current", "2"); /* a zombie is one */
	GIVES(put("v1/tasks", "0"), 0);
	TEXT("v1/a/b/pids.current", "1");
	GIVES(rmdir("v1/a/b"), 0);
	TEXT("v1/a/pids.current", "1");
	end(a);
	TEXT("v1/a/pids.current", "0");
	GIVES(rmdir("v1/a"), 0);
	GIVES(umount("v1"), 0);
}

/* ---- cpu ---- */

static void settings(void)
{
	static const struct {
		const char *file, *text;
		int err;
		const char *then;
	} all[] = {
		{ "shares", "0", 0, "2" },
		{ "shares", "262145", 0, "262144" },
		{ "shares", "-1", EINVAL, "262144" },
		{ "shares", "100", 0, "100" },
		{ "cfs_quota_us", "0", EINVAL, "-1" },
		{ "cfs_quota_us", "999", EINVAL, "-1" },
		{ "cfs_quota_us", "1000", 0, "1000" },
		{ "cfs_quota_us", "-5", 0, "-1" },
		{ "cfs_quota_us", "99999999999999", EINVAL, "-1" },
		{ "cfs_quota_us", "17592186044415", 0, "17592186044415" },
		{ "cfs_quota_us", "200000", 0, "200000" },
		{ "cfs_period_us", "999", EINVAL, "100000" },
		{ "cfs_period_us", "1000", 0, "1000" },
		{ "cfs_period_us", "1000001", EINVAL, "1000" },
		{ "cfs_period_us", "100000", 0, "100000" },
		{ "cfs_burst_us", "200001", EINVAL, "0" },
		{ "cfs_burst_us", "200000", 0, "200000" },
		{ "cfs_quota_us", "100000", EINVAL, "200000" },
		{ "cfs_burst_us", "0", 0, "0" },
		{ "idle", "2", EINVAL, "0" },
		{ "idle", "1", 0, "1" },
		{ "shares", "5", EINVAL, "3" },
		{ "idle", "0", 0, "0" },
		{ "shares", "1024", 0, "1024" },
	};
	char path[64], line[64];

	for (unsigned i = 0; i < sizeof(all) / sizeof(*all); i++) {
		snprintf(path, sizeof(path), "v1/a/cpu.%s", all[i].file);
		snprintf(line, sizeof(line), "%s\n", all[i].then);
		say("%s %s", all[i].file, all[i].text);
		GIVES(put(path, all[i].text), all[i].err);
		WANT("then", text_is(path, line));
	}
}

static void parts(void)
{
	GIVES(mkdir("v1/a/b", 0755), 0);
	GIVES(mkdir("v1/a/b/c", 0755), 0);
	GIVES(put("v1/a/cpu.cfs_quota_us", "100000"), 0);
	GIVES(put("v1/a/b/cpu.cfs_quota_us", "100001"), EINVAL);
	GIVES(put("v1/a/b/cpu.cfs_quota_us", "100000"), 0);
	GIVES(put("v1/a/b/cpu.cfs_quota_us", "-1"), 0);
	GIVES(put("v1/a/b/c/cpu.cfs_quota_us", "100001"), EINVAL);
	GIVES(put("v1/a/b/c/cpu.cfs_quota_us", "90000"), 0);
	GIVES(put("v1/a/cpu.cfs_quota_us", "80000"), EINVAL);
	GIVES(put("v1/a/cpu.cfs_period_us", "200000"), EINVAL);
	GIVES(put("v1/a/cpu.cfs_period_us", "110000"), 0);
	GIVES(put("v1/a/cpu.cfs_quota_us", "-1"), 0);
	GIVES(rmdir("v1/a/b/c"), 0);
	GIVES(rmdir("v1/a/b"), 0);
}

static long spent(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	NEED0(clock_getcpuclockid(pid, &clock));
	NEED(clock_gettime(clock, &t));
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void busy_in(const char *group, pid_t *pid)
{
	char path[64];
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	snprintf(path, sizeof(path), "%s/tasks", group);
	*pid = SPAWN({
		NEED(sched_setaffinity(0, sizeof(set), &set));
		NEED(put(path, "0"));
		for (;;)
			;
	});
	T_WAIT(spent(*pid) >= 20);
}

/*
 * True if @p and @q got the right shares of a time in which both ran. Tries up to ten times, since
 * the host may be busy.
 */
static bool shared_out(pid_t p, pid_t q)
{
	for (int i = 0; i < 10; i++) {
		long a = -spent(p), b = -spent(q);

		sleep_ms(1500);
		a += spent(p);
		b += spent(q);
		if (a > 2 * b && b * 10 > a)
			return true;
	}
	return false;
}

/*
 * True if a task gets hardly more than a tenth of a second, and the group reports how long it was
 * throttled.
 */
static bool held_back(pid_t p)
{
	for (int i = 0; i < 10; i++) {
		long begin = now_ms(), a = -spent(p);

		sleep_ms(1000);
		a += spent(p);
		if (a * 5 < 2 * (now_ms() - begin) &&
			figure("v1/b/cpu.stat", "nr_throttled ") >= 2 &&
			figure("v1/b/cpu.stat", "throttled_time ") > 100000000)
			return true;
	}
	return false;
}

/*
 * True if a task that uses a period's quota saves it, and spends more than the quota later. Only
 * the latter counts as a burst.
 */
static bool bursts(void)
{
	pid_t pid;

	if (figure("v1/b/cpu.stat", "nr_bursts ") || figure("v1/b/cpu.stat", "burst_time "))
		return false;
	NEED(put("v1/b/cpu.cfs_burst_us", "10000"));
	sleep_ms(250);
	busy_in("v1/b", &pid);
	T_WAIT(spent(pid) >= 60);
	t_kill(pid);
	return figure("v1/b/cpu.stat", "nr_bursts ") >= 1 &&
	       figure("v1/b/cpu.stat", "burst_time ") >= 1000000 &&
	       figure("v1/b/cpu.stat", "burst_time ") <=
		       10000000 * figure("v1/b/cpu.stat", "nr_bursts ");
}

static void effects(void)
{
	pid_t p = 0, q = 0;

	GIVES(mkdir("v1/b", 0755), 0);
	GIVES(put("v1/a/cpu.shares", "3072"), 0);
	if (guest) {
		busy_in("v1/a", &p);
		busy_in("v1/b", &q);
	}
	WANT("three times the shares, more than twice the time, but not all", shared_out(p, q));
	if (guest)
		t_kill(p);
	GIVES(put("v1/b/cpu.cfs_quota_us", "10000"), 0);
	WANT("a tenth, and held back", held_back(q));
	if (guest)
		t_kill(q);
	WANT("what was saved is spent in bursts", bursts());
	GIVES(rmdir("v1/b"), 0);
}

static void cpu(void)
{
	say("== shares and quota");
	GIVES(mount("none", "v1", "cgroup", 0, "cpu,cpuacct"), 0);
	WANT("both", strstr(get("/proc/self/cgroup"), ":cpu,cpuacct:/\n"));
	TEXT("v1/cpu.shares", "1024");
	TEXT("v1/cpu.cfs_quota_us", "-1");
	GIVES(put("v1/cpu.shares", "1024"), EINVAL);
	GIVES(put("v1/cpu.cfs_quota_us", "-1"), EINVAL);
	GIVES(put("v1/cpu.cfs_period_us", "100000"), EINVAL);
	GIVES(put("v1/cpu.idle", "0"), EINVAL);
	GIVES(mkdir("v1/a", 0755), 0);
	WANT("cpu.stat", text_is("v1/a/cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"
						  "nr_bursts 0\nburst_time 0\n"));
	settings();
	parts();
	effects();
	GIVES(rmdir("v1/a"), 0);
	GIVES(umount("v1"), 0);
}

/* ---- cpuset ---- */

static bool allowed(const char *list)
{
	char line[64];

	snprintf(line, sizeof(line), "Cpus_allowed_list:\t%s\n", list);
	return strstr(get("/proc/self/status"), line);
}

static void sets(void)
{
	GIVES(put("v1/a/tasks", "0"), ENOSPC);
	GIVES(put("v1/a/cpuset.cpus", "0"), 0);
	GIVES(put("v1/a/tasks", "0"), ENOSPC);
	GIVES(put("v1/a/cpuset.mems", "0"), 0);
	GIVES(put("v1/a/tasks", "0"), 0);
	WANT("on the first", allowed("0"));
	TEXT("/proc/self/cpuset", "/a");
	GIVES(put("v1/a/cpuset.cpus", "1"), 0);
	WANT("on the second", allowed("1"));
	GIVES(put("v1/a/cpuset.cpus", "\n"), ENOSPC);
	GIVES(put("v1/a/cpuset.mems", "\n"), ENOSPC);
	GIVES(put("v1/a/cpuset.cpus", "0-1"), 0);
	WANT("on both", allowed("0-1"));
	GIVES(put("v1/a/b/cpuset.cpus", "0-1"), 0);
	GIVES(put("v1/a/cpuset.cpus", "0"), EBUSY);
	GIVES(put("v1/a/b/cpuset.mems", "1"), EINVAL);
	GIVES(put("v1/a/b/cpuset.mems", "0"), 0);
	GIVES(put("v1/a/b/cpuset.cpu_exclusive", "1"), EACCES);
	GIVES(put("v1/a/cpuset.cpu_exclusive", "1"), 0);
	GIVES(put("v1/a/b/cpuset.cpu_exclusive", "1"), 0);
	GIVES(put("v1/a/c/cpuset.cpus", "1"), EINVAL);
	GIVES(put("v1/a/b/cpuset.cpus", "0"), 0);
	GIVES(put("v1/a/c/cpuset.cpus", "1"), 0);
	GIVES(put("v1/a/cpuset.cpu_exclusive", "0"), EBUSY);
	GIVES(put("v1/a/b/cpuset.mem_exclusive", "1"), EACCES);
	GIVES(put("v1/a/b/cpuset.mem_hardwall", "1"), 0);
	TEXT("v1/a/b/cpuset.mem_hardwall", "1");
	GIVES(put("v1/a/b/cpuset.memory_migrate", "2"), 0);
	TEXT("v1/a/b/cpuset.memory_migrate", "1");
	GIVES(put("v1/a/b/cpuset.memory_pressure", "0"), EINVAL);
	GIVES(put("v1/a/b/cpuset.sched_relax_domain_level", "-2"), EINVAL);
	GIVES(put("v1/a/b/cpuset.sched_load_balance", "1"), 0);
	GIVES(put("v1/a/b/cpuset.cpus", "x"), EINVAL);
	GIVES(put("v1/a/b/cpuset.cpus", "1-0"), EINVAL);
	GIVES(put("v1/a/b/cpuset.cpus", "9999"), ERANGE);
	GIVES(put("v1/a/b/tasks", "0"), 0);
	WANT("on the first of the inner", allowed("0"));
	GIVES(put("v1/tasks", "0"), 0);
	WANT("on all again", allowed("0-1"));
}

static void cpuset(void)
{
	say("== sets");
	GIVES(mount("none", "v1", "cgroup", 0, "cpuset"), 0);
	GIVES(put("v1/cpuset.cpus", "0-1"), EACCES);
	GIVES(put("v1/cpuset.mems", "0"), EACCES);
	TEXT("v1/cpuset.cpus", "0-1");
	TEXT("v1/cpuset.mems", "0");
	TEXT("v1/cpuset.cpu_exclusive", "1");
	TEXT("v1/cpuset.memory_pressure_enabled", "0");
	GIVES(mkdir("v1/a", 0755), 0);
	GIVES(mkdir("v1/a/b", 0755), 0);
	GIVES(mkdir("v1/a/c", 0755), 0);
	TEXT("v1/a/cpuset.cpus", "");
	TEXT("v1/a/cpuset.sched_load_balance", "1");
	TEXT("v1/a/cpuset.sched_relax_domain_level", "-1");
	GIVES(access("v1/a/cpuset.memory_pressure_enabled", F_OK), ENOENT);
	sets();
	GIVES(put("v1/a/cgroup.clone_children", "1"), 0);
	GIVES(mkdir("v1/a/d", 0755), 0);
	TEXT("v1/a/d/cpuset.cpus", "");
	GIVES(put("v1/a/b/cpuset.cpu_exclusive", "0"), 0);
	GIVES(mkdir("v1/a/e", 0755), 0);
	TEXT("v1/a/e/cpuset.cpus", "0-1");
	TEXT("v1/a/e/cpuset.mems", "0");
	for (const char *const *g = (const char *const[]){ "v1/a/b", "v1/a/c", "v1/a/d", "v1/a/e",
		     "v1/a", NULL };
		*g; g++)
		GIVES(rmdir(*g), 0);
	GIVES(umount("v1"), 0);
	GIVES(mount("none", "v1", "cgroup", 0, "cpuset,noprefix"), 0);
	GIVES(access("v1/cpus", F_OK), 0);
	GIVES(access("v1/cpuset.cpus", F_OK), ENOENT);
	GIVES(umount("v1"), 0);
	GIVES(mount("none", "v1", "cgroup", 0, "cpu,noprefix"), EINVAL);
	GIVES(mount("none", "v1", "cgroup", 0, "noprefix"), EINVAL);
	GIVES(mount("none", "v1", "cgroup", 0, "none,name=bare,noprefix,cpuset_v2_mode"), 0);
	GIVES(access("v1/cgroup.procs", F_OK), 0);
	GIVES(mount("none", "v1", "cgroup", MS_REMOUNT, "none,name=bare,noprefix"), EINVAL);
	GIVES(umount("v1"), 0);
	GIVES(mount("none", "v1", "cpuset", 0, NULL), 0);
	GIVES(access("v1/mems", F_OK), 0);
	TEXT("v1/release_agent", "/sbin/cpuset_release_agent");
	GIVES(umount("v1"), 0);
}

TEST(cgroup_v1_cpu)
{
	guest = in_guest() && sysconf(_SC_NPROCESSORS_CONF) == 2;
	both_versions_enter();
	GIVES(mkdir("v2/g", 0755), 0);
	owner("pids");
	owner("cpu");
	owner("cpuset");
	GIVES(rmdir("v2/g"), 0);
	GIVES(umount("v2"), 0);
	pids();
	cpu();
	cpuset();
}
