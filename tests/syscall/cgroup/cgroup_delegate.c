/* SPDX-License-Identifier: MIT */
/*
 * cgroup_delegate: the rights in a delegated group: from inside a cgroup namespace (nsdelegate),
 * and from another group of the same user. A test may not change the host's groups, so the host's
 * side prints what is expected.
 */
#include "cgroup.h"

#include <linux/sched.h>

/* Clones a child into the group @dir. Returns the result of clone3(). */
static long born_in(const char *dir)
{
	struct clone_args ca = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	int fd = NEED(open(dir, O_PATH | O_DIRECTORY)), err;
	long pid;

	ca.cgroup = (unsigned long)fd;
	pid = syscall(SYS_clone3, &ca, sizeof(ca));
	if (!pid)
		_exit(0);
	err = errno;
	close(fd);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	errno = err;
	return pid;
}

static void inside(void)
{
	int before = -1;

	if (guest) {
		NEED(put("c/cgroup.procs", "0"));
		before = NEED(open("c/pids.max", O_WRONLY));
		NEED(unshare(CLONE_NEWCGROUP));
	}
	GIVES(put("c/pids.max", "50"), EPERM);
	GIVES(put("c/memory.max", "max"), EPERM);
	GIVES(put("c/cgroup.freeze", "0"), EPERM);
	GIVES(put("c/cgroup.max.depth", "7"), EPERM);
	GIVES(put("c/cgroup.type", "threaded"), EPERM);
	GIVES(write(before, "60", 2), 0);
	GIVES(put("c/memory.oom.group", "0"), 0);
	GIVES(mkdir("c/new", 0755), 0);
	GIVES(put("c/new/cgroup.procs", "0"), 0);
	GIVES(put("c/cgroup.subtree_control", "+pids"), 0);
	GIVES(put("c/new/pids.max", "50"), 0);
	GIVES(born_in("c/new"), 0);
	GIVES(put("out/cgroup.procs", "0"), ENOENT);
	GIVES(put("cgroup.procs", "0"), ENOENT);
	GIVES(born_in("out"), ENOENT);
	GIVES(put("out/pids.max", "50"), 0);
}

static void by_group(void)
{
	gid_t group = 30;

	if (guest) {
		NEED(put("g/x/cgroup.procs", "0"));
		NEED(setgroups(1, &group));
		NEED(setgid(1000));
		NEED(setuid(1000));
	}
	GIVES(put("g/y/cgroup.procs", "0"), 0);
	GIVES(put("g/x/cgroup.procs", "0"), EACCES);
}

static void lend(const char *path)
{
	GIVES(chown(path, 0, 30), 0);
	GIVES(chmod(path, 0664), 0);
}

TEST(cgroup_delegate)
{
	guest = cgroup_enter();
	GIVES(put("cgroup.subtree_control", "+pids +memory"), 0);
	GIVES(mkdir("c", 0755), 0);
	GIVES(mkdir("out", 0755), 0);
	CHILD(inside());
	GIVES(rmdir("c/new"), 0);
	GIVES(rmdir("c"), 0);
	GIVES(rmdir("out"), 0);

	GIVES(mkdir("g", 0755), 0);
	GIVES(mkdir("g/x", 0755), 0);
	GIVES(mkdir("g/y", 0755), 0);
	lend("g/cgroup.procs");
	lend("g/y/cgroup.procs");
	CHILD(by_group());
	GIVES(rmdir("g/x"), 0);
	GIVES(rmdir("g/y"), 0);
	GIVES(rmdir("g"), 0);
	GIVES(put("cgroup.subtree_control", "-pids -memory"), 0);
	cgroup_leave();
}
