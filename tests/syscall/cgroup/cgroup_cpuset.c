/* SPDX-License-Identifier: MIT */
/*
 * cgroup_cpuset: the cpuset controller: which vCPUs the tasks of a group use, as set by its files,
 * by moves between groups and by fork, and combined with sched_setaffinity(). A test may not change
 * the host's groups, so the host's side prints what a machine with two vCPUs answers. A guest with
 * fewer does so, too.
 */
#include "cgroup.h"

#include <linux/sched.h>

/* Returns the affinity of a task, as bits of the first two vCPUs. */
static unsigned long cpus_of(pid_t pid)
{
	unsigned long mask = 0;

	NEED(syscall(SYS_sched_getaffinity, pid, sizeof(mask), &mask));
	return mask & 3;
}

static long wish(pid_t pid, unsigned long mask)
{
	return syscall(SYS_sched_setaffinity, pid, sizeof(mask), &mask);
}

/* Returns the vCPU on which a task runs, or ran last. */
static int runs_on(pid_t pid)
{
	char path[32], *p;
	int field = 2;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	get(path);
	p = strrchr(cgroup_text, ')');
	for (; p && field < 39; p = strchr(p + 1, ' '))
		field++;
	return p ? atoi(p) : -1;
}

static void files(void)
{
	GIVES(put("cgroup.subtree_control", "+cpuset +pids"), 0);
	GIVES(mkdir("a", 0755), 0);
	GIVES(mkdir("a/b", 0755), 0);
	WANT("not below yet", access("a/b/cpuset.cpus", F_OK) == -1);
	GIVES(put("a/cgroup.subtree_control", "+cpuset"), 0);
	WANT("nothing written", text_is("a/cpuset.cpus", "\n") && text_is("a/cpuset.mems", "\n"));
	WANT("the root has them all", text_is("cpuset.cpus.effective", "0-1\n") &&
					      text_is("a/cpuset.cpus.effective", "0-1\n"));
	WANT("the root is not limited", access("cpuset.cpus", F_OK) == -1);
	WANT("memory", text_is("a/cpuset.mems.effective", "0\n"));
	GIVES(put("a/cpuset.cpus", "x"), EINVAL);
	GIVES(put("a/cpuset.cpus", "1-0"), EINVAL);
	GIVES(put("a/cpuset.cpus", "0-"), EINVAL);
	GIVES(put("a/cpuset.cpus", "0:1"), EINVAL);
	GIVES(put("a/cpuset.cpus", "0-1:3/2"), EINVAL);
	GIVES(put("a/cpuset.cpus", "64"), ERANGE);
	GIVES(put("a/cpuset.mems", "1"), EINVAL);
	GIVES(put("a/cpuset.mems", "1024"), ERANGE);
	GIVES(put("a/cpuset.mems", "0"), 0);
	WANT("node", text_is("a/cpuset.mems", "0\n"));
	GIVES(put("a/cpuset.mems", "\n"), 0);
	GIVES(put("a/cpuset.cpus", "0,1"), 0);
	WANT("both", text_is("a/cpuset.cpus", "0-1\n"));
	GIVES(put("a/cpuset.cpus", "0-1:1/2"), 0);
	WANT("the first of two", text_is("a/cpuset.cpus", "0\n"));
	GIVES(put("a/b/cpuset.cpus", "1"), 0);
	WANT("its parent has it not",
		text_is("a/b/cpuset.cpus", "1\n") && text_is("a/b/cpuset.cpus.effective", "0\n"));
	GIVES(put("a/cpuset.cpus", "0-1"), 0);
	WANT("now it has", text_is("a/b/cpuset.cpus.effective", "1\n"));
	WANT("a member", text_is("a/cpuset.cpus.partition", "member\n"));
	GIVES(put("a/cpuset.cpus.partition", "member"), 0);
	GIVES(put("a/cpuset.cpus.partition", "some"), EINVAL);
}

static void tasks(void)
{
	char path[64];
	pid_t pid = SPAWN(for (;;) getppid());

	put_pid(pid, "a/b/cgroup.procs");
	WANT("by its move", cpus_of(pid) == 2);
	snprintf(path, sizeof(path), "/proc/%d/cpuset", pid);
	WANT("its group", text_is(path, "/a/b\n"));
	T_WAIT(runs_on(pid) == 1);
	WANT("kept", put("a/b/cpuset.cpus", "\n") == -1 && errno == ENOSPC);
	WANT("outside", wish(pid, 1) == -1 && errno == EINVAL);
	WANT("partly", !wish(pid, 3) && cpus_of(pid) == 2);
	WANT("other", NEED(put("a/b/cpuset.cpus", "0")) && cpus_of(pid) == 1);
	T_WAIT(runs_on(pid) == 0);
	WANT("both", NEED(put("a/b/cpuset.cpus", "0-1")) && cpus_of(pid) == 3);
	WANT("its wish", !wish(pid, 2) && cpus_of(pid) == 2);
	WANT("none of its wish", NEED(put("a/b/cpuset.cpus", "0")) && cpus_of(pid) == 1);
	WANT("its wish again", NEED(put("a/cpuset.cpus", "1")) &&
				       text_is("a/b/cpuset.cpus.effective", "1\n") &&
				       cpus_of(pid) == 2);
	NEED(put("a/cpuset.cpus", "0-1"));
	WANT("not enabled", NEED(put("a/cgroup.subtree_control", "-cpuset")) && cpus_of(pid) == 2);
	WANT("whose group", text_is(path, "/a\n"));
	NEED(put("a/cgroup.subtree_control", "+cpuset"));
	WANT("forgotten", text_is("a/b/cpuset.cpus", "\n"));
	t_kill(pid);
}

static void births(void)
{
	struct clone_args ca = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	pid_t pid;
	int status;

	NEED(put("a/b/cpuset.cpus", "1"));
	ca.cgroup = (unsigned long)NEED(open("a/b", O_PATH | O_DIRECTORY));
	pid = (pid_t)NEED(syscall(SYS_clone3, &ca, sizeof(ca)));
	if (!pid)
		_exit(cpus_of(0) != 2 || sched_getcpu() != 1);
	waitpid(pid, &status, 0);
	close((int)ca.cgroup);
	WANT("born there", !status);
	pid = SPAWN(put_pid(getpid(), "a/b/cgroup.procs"); pid_t c = SPAWN(_exit(cpus_of(0) != 2));
		    int s; waitpid(c, &s, 0); _exit(s != 0));
	waitpid(pid, &status, 0);
	WANT("inherited", !status);
}

TEST(cgroup_cpuset)
{
	guest = cgroup_enter() && sysconf(_SC_NPROCESSORS_CONF) == 2;
	files();
	if (guest) {
		tasks();
		births();
	} else {
		static const char *const all[] = { "by its move", "its group", "kept", "outside",
			"partly", "other", "both", "its wish", "none of its wish", "its wish again",
			"not enabled", "whose group", "forgotten", "born there", "inherited" };

		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			say("%s: yes", all[i]);
	}
	GIVES(rmdir("a/b"), 0);
	GIVES(rmdir("a"), 0);
	GIVES(put("cgroup.subtree_control", "-cpuset -pids"), 0);
	cgroup_leave();
}
