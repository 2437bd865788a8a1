/* SPDX-License-Identifier: MIT */
/*
 * cgroup_v1_controllers: hierarchies of version 1 with controllers, cpuacct's sums over live and
 * ended tasks, freezer's states, and a task that both versions freeze. A test may not change the
 * host's groups, so the host's side prints what is expected.
 */
#include "cgroup.h"

static volatile long *turns; /* a spinning child counts here */

static long mount_v1(const char *options)
{
	return mount("none", "v1", "cgroup", 0, options);
}

static pid_t spinner(void)
{
	return SPAWN(for (;;) {
		(*turns)++;
		getppid();
	});
}

static void hierarchies(void)
{
	GIVES(mount_v1("none,cpuacct"), EINVAL);
	GIVES(mount_v1("cpuacct,bogus"), EINVAL);
	GIVES(mount_v1("cpuacct"), 0);
	WANT("it is in mountinfo",
		strstr(get("/proc/self/mountinfo"), " - cgroup none rw,cpuacct\n"));
	WANT("and in cgroup", strstr(get("/proc/self/cgroup"), ":cpuacct:/\n"));
	GIVES(mkdir("v1/a", 0755), 0);
	WANT("two groups", strstr(get("/proc/cgroups"), "\t2\t1\nblkio"));
	GIVES(access("v1/a/freezer.state", F_OK), ENOENT);
	GIVES(mount("none", "other", "cgroup", 0, "cpuacct,freezer"), EBUSY);
	GIVES(mount("none", "other", "cgroup", 0, "cpuacct,name=x"), EBUSY);
	GIVES(mount("none", "other", "cgroup", 0, "cpuacct"), 0);
	GIVES(access("other/a", F_OK), 0);
	GIVES(umount("other"), 0);
	GIVES(umount("v1"), 0);
	GIVES(mount_v1("freezer,name=nest.two"), 0);
	WANT("another beside it", strstr(get("/proc/self/cgroup"), ":freezer,name=nest.two:/\n"));
	GIVES(access("v1/freezer.state", F_OK), ENOENT);
	GIVES(mount("none", "v1", NULL, MS_REMOUNT, "cpuacct"), EBUSY);
	GIVES(umount("v1"), 0);
	GIVES(mount_v1("cpuacct"), 0);
	GIVES(rmdir("v1/a"), 0);
	GIVES(umount("v1"), 0);
}

/* Controllers that have no files: many and deep groups, and their members. */
static void grouping_only(void)
{
	char path[256] = "v1";

	GIVES(mount_v1("none,perf_event"), EINVAL);
	GIVES(mount_v1("perf_event"), 0);
	WANT("it is in cgroup", strstr(get("/proc/self/cgroup"), ":perf_event:/\n"));
	WANT("and in cgroups", strstr(get("/proc/cgroups"), "\nperf_event\t"));
	GIVES(mount("none", "other", "cgroup", 0, "perf_event,freezer"), EBUSY);
	for (int i = 0; i < 40; i++) {
		strcat(path, "/g");
		if (guest)
			NEED(mkdir(path, 0755));
	}
	strcat(path, "/cgroup.procs");
	GIVES(put(path, "0"), 0);
	WANT("it is far down", strstr(get("/proc/self/cgroup"), ":perf_event:/g/g/g/g/"));
	GIVES(put("v1/cgroup.procs", "0"), 0);
	*strrchr(path, '/') = 0;
	for (int i = 0; i < 40; i++, *strrchr(path, '/') = 0)
		if (guest)
			NEED(rmdir(path));
	GIVES(umount("v1"), 0);
}

static long number(const char *path)
{
	return atol(get(path));
}

static void burn(const char *group)
{
	char path[64];
	long before;
	pid_t pid = spinner();

	snprintf(path, sizeof(path), "%s/cpuacct.usage", group);
	before = number(path);
	cgroup_move(pid, group);
	T_WAIT(number(path) > before + 1000000);
	t_kill(pid);
}

static void times(void)
{
	long a, ab;
	pid_t pid;

	GIVES(mount_v1("cpuacct,freezer"), 0);
	GIVES(mkdir("v1/a", 0755), 0);
	GIVES(mkdir("v1/a/b", 0755), 0);
	GIVES(mkdir("v1/c", 0755), 0);
	WANT("nothing yet", !number("v1/a/cpuacct.usage"));
	WANT("the top has the machine's", number("v1/cpuacct.usage") > 0);
	if (guest)
		burn("v1/a/b");
	a = number("v1/a/cpuacct.usage");
	ab = number("v1/a/b/cpuacct.usage");
	WANT("what has ended counts, above too", a > 0 && a == ab);
	if (guest)
		burn("v1/a");
	WANT("not below", number("v1/a/b/cpuacct.usage") == ab && number("v1/a/cpuacct.usage") > a);
	WANT("user and system",
		number("v1/a/cpuacct.usage_user") + number("v1/a/cpuacct.usage_sys") > 0);
	WANT("in ticks", figure("v1/a/cpuacct.stat", "user ") >= 0 &&
				 figure("v1/a/cpuacct.stat", "system ") >= 0);
	if (guest) {
		pid = spinner();
		cgroup_move(pid, "v1/c");
		T_WAIT(number("v1/c/cpuacct.usage") > 1000000);
		cgroup_move(pid, "v1/a/b");
		WANT("what lives counts", number("v1/c/cpuacct.usage") > 1000000);
		a = number("v1/c/cpuacct.usage");
		T_WAIT(number("v1/a/b/cpuacct.usage") > ab);
		t_kill(pid);
		WANT("a dead task does not", number("v1/c/cpuacct.usage") == a);
	} else {
		say("what lives counts: yes");
		say("a dead task does not: yes");
	}
	GIVES(put("v1/c/cpuacct.usage", "1"), EINVAL);
	GIVES(put("v1/c/cpuacct.usage", "x"), EINVAL);
	GIVES(put("v1/c/cpuacct.usage", "0"), 0);
	WANT("begun anew", !number("v1/c/cpuacct.usage"));
	GIVES(put("v1/cpuacct.usage", "0"), 0);
	WANT("but not the top", number("v1/cpuacct.usage") > 0);
}

static bool runs(void)
{
	long before = *turns;

	usleep(100000);
	return *turns != before;
}

static bool goes_on(void)
{
	long before = *turns;

	T_WAIT(*turns != before);
	return true;
}

#define STATE(group, want) say(group ": %s", guest ? get(group "/freezer.state") : want "\n")

static void freezer(void)
{
	pid_t pid = guest ? spinner() : 0;

	STATE("v1/a", "THAWED");
	GIVES(put("v1/a/freezer.state", "FREEZING"), EINVAL);
	GIVES(put("v1/a/freezer.state", "FROZEN\n"), 0);
	STATE("v1/a", "FROZEN");
	STATE("v1/a/b", "FROZEN");
	STATE("v1/c", "THAWED");
	WANT("by itself", number("v1/a/freezer.self_freezing") == 1 &&
				  !number("v1/a/freezer.parent_freezing"));
	WANT("by its parent", !number("v1/a/b/freezer.self_freezing") &&
				      number("v1/a/b/freezer.parent_freezing") == 1);
	GIVES(put("v1/a/b/freezer.state", "THAWED"), 0);
	STATE("v1/a/b", "FROZEN");
	if (guest) {
		cgroup_move(pid, "v1/a/b");
		T_WAIT(!strcmp(get("v1/a/freezer.state"), "FROZEN\n"));
	}
	WANT("who comes stops", !runs());
	if (guest)
		cgroup_move(pid, "v1/c");
	WANT("who leaves goes on", goes_on());
	GIVES(put("v1/c/freezer.state", "FROZEN"), 0);
	if (guest)
		T_WAIT(!strcmp(get("v1/c/freezer.state"), "FROZEN\n"));
	WANT("it stops where it is", !runs());
	GIVES(put("v1/c/freezer.state", "THAWED"), 0);
	STATE("v1/c", "THAWED");
	WANT("and goes on", goes_on());
	GIVES(put("v1/a/freezer.state", "THAWED"), 0);
	STATE("v1/a/b", "THAWED");
	if (guest)
		t_kill(pid);
}

static long frozen_in_2(void)
{
	return figure("v2/g/cgroup.events", "frozen ");
}

static void both_versions(void)
{
	pid_t pid = guest ? spinner() : 0;

	GIVES(mount("none", "v2", "cgroup2", 0, NULL), 0);
	GIVES(mkdir("v2/g", 0755), 0);
	if (guest) {
		cgroup_move(pid, "v1/c");
		cgroup_move(pid, "v2/g");
	}
	GIVES(put("v1/c/freezer.state", "FROZEN"), 0);
	GIVES(put("v2/g/cgroup.freeze", "1"), 0);
	if (guest)
		T_WAIT(frozen_in_2() == 1);
	GIVES(put("v1/c/freezer.state", "THAWED"), 0);
	WANT("version 2 holds it", !runs() && frozen_in_2() == 1);
	GIVES(put("v1/c/freezer.state", "FROZEN"), 0);
	GIVES(put("v2/g/cgroup.freeze", "0"), 0);
	WANT("version 1 does", !runs() && !frozen_in_2());
	GIVES(put("v1/c/freezer.state", "THAWED"), 0);
	WANT("nobody does", goes_on());
	if (guest)
		t_kill(pid);
	GIVES(rmdir("v2/g"), 0);
	GIVES(umount("v2"), 0);
}

/* Children that are born in a group while it is being frozen belong to it, too. */
static void born_meanwhile(void)
{
	pid_t pid = guest ? SPAWN(for (;;) {
		pid_t child = fork();

		if (!child) {
			(*turns)++;
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}) :
			    0;

	if (guest)
		cgroup_move(pid, "v1/c");
	for (int i = 0; guest && i < 20; i++) {
		NEED(put("v1/c/freezer.state", "FROZEN"));
		T_WAIT(!strcmp(get("v1/c/freezer.state"), "FROZEN\n"));
		NEED(put("v1/c/freezer.state", "THAWED"));
		usleep(2000);
	}
	WANT("it forks on", goes_on());
	if (guest)
		t_kill(pid);
	if (guest)
		T_WAIT(!*get("v1/c/tasks"));
	GIVES(rmdir("v1/c"), 0);
	GIVES(rmdir("v1/a/b"), 0);
	GIVES(rmdir("v1/a"), 0);
	GIVES(umount("v1"), 0);
	WANT("it has gone", !strstr(get("/proc/self/cgroup"), "cpuacct"));
}

TEST(cgroup_v1_controllers)
{
	guest = in_guest();
	turns = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(mkdir("v1", 0755));
	NEED(mkdir("v2", 0755));
	NEED(mkdir("other", 0755));
	hierarchies();
	grouping_only();
	times();
	freezer();
	both_versions();
	born_meanwhile();
}
