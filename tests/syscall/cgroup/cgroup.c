/* SPDX-License-Identifier: MIT */
/*
 * cgroup: version 2: the tree, the tasks of a group, its rules, and its controllers. A test may not
 * change the host's groups, so the host's side prints what is expected.
 */
#include "cgroup.h"

#include <linux/sched.h>
#include <sys/inotify.h>
#include <sys/vfs.h>

static void join(const char *dir)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	if (put(path, "0") < 0)
		_exit(77);
}

/*
 * Waits at most a hundred seconds until @key in cgroup.events is 1. poll() reports each change of
 * the file.
 */
static void await_event(const char *dir, const char *key)
{
	struct pollfd p = { .events = POLLPRI };
	char path[64], text[128];

	snprintf(path, sizeof(path), "%s/cgroup.events", dir);
	p.fd = NEED(open(path, O_RDONLY));
	do
		pread(p.fd, text, sizeof(text), 0);
	while (figure(path, key) != 1 && poll(&p, 1, 100000) == 1);
	close(p.fd);
}

static void tree(void)
{
	struct statfs fs;

	WANT("magic", !statfs(".", &fs) && fs.f_type == 0x63677270);
	WANT("controllers",
		!strcmp(get("cgroup.controllers"), "cpuset cpu io memory hugetlb pids\n"));
	GIVES(mkdir("a", 0755), 0);
	GIVES(mkdir("a", 0755), EEXIST);
	GIVES(mkdir("a/cgroup.procs", 0755), EEXIST);
	WANT("no memory yet", access("a/memory.max", F_OK) == -1 && errno == ENOENT);
	GIVES(put("a/cgroup.subtree_control", "+pids"), ENOENT);
	GIVES(put("cgroup.subtree_control", "+nothing"), EINVAL);
	GIVES(put("cgroup.subtree_control", "pids"), EINVAL);
	GIVES(put("cgroup.subtree_control", "+pids +memory +cpu"), 0);
	WANT("memory now", !access("a/memory.max", F_OK));
	WANT("given", !strcmp(get("a/cgroup.controllers"), "cpu memory pids\n"));
	GIVES(mkdir("a/b", 0755), 0);
	GIVES(put("a/cgroup.subtree_control", "+pids +memory"), 0);
	GIVES(put("cgroup.subtree_control", "-pids"), EBUSY);
	GIVES(rmdir("a"), EBUSY);
	WANT("stat", figure("a/cgroup.stat", "nr_descendants ") == 1);
	GIVES(put("a/cgroup.max.descendants", "1"), 0);
	GIVES(mkdir("a/c", 0755), EAGAIN);
	GIVES(put("a/cgroup.max.descendants", "max"), 0);
	GIVES(put("a/cgroup.max.depth", "0"), 0);
	GIVES(mkdir("a/c", 0755), EAGAIN);
	GIVES(put("a/cgroup.max.depth", "-1"), ERANGE);
	GIVES(put("a/cgroup.max.depth", "max"), 0);
	GIVES(unlink("a/cgroup.procs"), EPERM);
	GIVES(rename("a/b", "a/x"), EPERM);
}

static void members(void)
{
	struct clone_args ca = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	struct pollfd p = { .events = POLLPRI };
	char self[32], want[64];
	pid_t pid;

	GIVES(put("a/cgroup.procs", "0"), EBUSY); /* it gives pids to its children */
	GIVES(put("a/b/cgroup.procs", "1x"), EINVAL);
	GIVES(put("a/b/cgroup.procs", "999999"), ESRCH);
	if (!guest) {
		say("into b: %s", "yes");
		say("events: populated, poll, inotify: yes yes yes");
		say("by clone: yes");
		return;
	}
	p.fd = open("a/b/cgroup.events", O_RDONLY);
	read(p.fd, cgroup_text, sizeof(cgroup_text));
	int in = inotify_init();
	inotify_add_watch(in, "a/b/cgroup.events", IN_MODIFY);
	pid = SPAWN(join("a/b"); pause());
	await_event("a/b", "populated ");
	t_until(pid, 'S');
	snprintf(self, sizeof(self), "/proc/%d/cgroup", pid);
	snprintf(want, sizeof(want), "%d\n", pid);
	say("into b: %s",
		!strcmp(get(self), "0::/a/b\n") && !strcmp(get("a/b/cgroup.procs"), want) ? "yes" :
											    "no");
	bool polled = poll(&p, 1, 100000) == 1 && p.revents & POLLPRI, seen;
	struct pollfd q = { .fd = in, .events = POLLIN };

	seen = poll(&q, 1, 100000) == 1;
	say("events: populated, poll, inotify: %s %s %s",
		figure("a/b/cgroup.events", "populated ") == 1 ? "yes" : "no",
		polled ? "yes" : "no", seen ? "yes" : "no");
	t_kill(pid);
	close(p.fd);
	close(in);
	ca.cgroup = (unsigned long)open("a/b", O_PATH | O_DIRECTORY);
	pid = (pid_t)syscall(SYS_clone3, &ca, sizeof(ca));
	if (!pid)
		_exit(strcmp(get("/proc/self/cgroup"), "0::/a/b\n") != 0);
	int status = errno;

	if (pid > 0)
		waitpid(pid, &status, 0);
	close((int)ca.cgroup);
	say("by clone: %s", pid < 0 ? t_errno(status) : status ? "no" : "yes");
}

static long born_in(const char *dir)
{
	struct clone_args ca = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	int err;
	long pid;

	ca.cgroup = (unsigned long)open(dir, O_PATH | O_DIRECTORY);
	pid = syscall(SYS_clone3, &ca, sizeof(ca));
	err = errno;
	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	close((int)ca.cgroup);
	errno = err;
	return pid > 0 ? 0 : pid;
}

static long born_in_removed(void)
{
	struct clone_args ca = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	long pid;
	int err;

	mkdir("gone", 0755);
	ca.cgroup = (unsigned long)open("gone", O_PATH | O_DIRECTORY);
	rmdir("gone");
	pid = syscall(SYS_clone3, &ca, sizeof(ca));
	err = errno;
	close((int)ca.cgroup);
	errno = err;
	return pid;
}

/*
 * Clones a child into @into, as user 1000, which owns "own", and as a member of @from. Returns 0,
 * or -1 with errno.
 */
static long as_user(const char *from, const char *into)
{
	pid_t pid;
	int status;

	pid = SPAWN(join(from); NEED(setresuid(1000, 1000, 1000));
		    _exit(born_in(into) ? errno : 0));
	waitpid(pid, &status, 0);
	errno = WEXITSTATUS(status);
	return errno ? -1 : 0;
}

static volatile int races; /* not to be kept in a register */

static void *remove_and_make(void *arg)
{
	while (!races) {
		rmdir("race");
		mkdir("race", 0755);
	}
	return NULL;
}

/*
 * Clones into a group that is being removed: the child is in an existing group, or clone3() fails.
 */
static bool race_removal(void)
{
	struct clone_args ca = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	int born = 0, status, bad = 0;
	pthread_t t;

	mkdir("race", 0755);
	pthread_create(&t, NULL, remove_and_make, NULL);
	for (int i = 0; i < 500; i++) {
		int fd = open("race", O_PATH | O_DIRECTORY);
		pid_t pid;

		if (fd == -1)
			continue;
		ca.cgroup = (unsigned long)fd;
		pid = (pid_t)syscall(SYS_clone3, &ca, sizeof(ca));
		if (!pid)
			_exit(strcmp(get("/proc/self/cgroup"), "0::/race\n") != 0);
		close(fd);
		if (pid == -1) {
			bad += errno != ENODEV;
			continue;
		}
		waitpid(pid, &status, 0);
		bad += status != 0;
		born++;
	}
	races = 1;
	pthread_join(t, NULL);
	rmdir("race");
	return born && !bad;
}

static void births(void)
{
	GIVES(born_in("a"), EBUSY);
	GIVES(born_in_removed(), ENODEV);
	GIVES(mkdir("d", 0755), 0);
	GIVES(mkdir("d/t", 0755), 0);
	GIVES(mkdir("d/t/i", 0755), 0);
	GIVES(put("d/t/cgroup.type", "threaded"), 0);
	GIVES(born_in("d/t/i"), EOPNOTSUPP); /* an invalid domain */
	GIVES(born_in("d/t"), 0);
	GIVES(rmdir("d/t/i"), 0);
	GIVES(rmdir("d/t"), 0);
	GIVES(rmdir("d"), 0);
	GIVES(mkdir("own", 0755), 0);
	GIVES(mkdir("own/x", 0755), 0);
	GIVES(mkdir("own/y", 0755), 0);
	GIVES(chown("own/cgroup.procs", 1000, 1000), 0);
	GIVES(chown("own/y/cgroup.procs", 1000, 1000), 0);
	GIVES(as_user("own/x", "own/x"), EACCES);
	GIVES(as_user("own/x", "own/y"), 0);
	GIVES(as_user("own", "own/y"), 0);
	GIVES(as_user("a/b", "own/y"), EACCES); /* the common ancestor is root's */
	GIVES(rmdir("own/x"), 0);
	GIVES(rmdir("own/y"), 0);
	GIVES(rmdir("own"), 0);
	WANT("born in a group that is removed", race_removal());
}

static void pids(void)
{
	int status;
	pid_t pid;

	GIVES(put("a/b/pids.max", "2"), 0);
	GIVES(put("a/b/pids.max", "-5"), EINVAL);
	if (!guest) {
		say("third fork refused, second not: yes; events: yes");
		return;
	}
	pid = SPAWN(
		join("a/b"); pid_t c = fork(); if (!c) { pause(); } pid_t d = fork();
		if (!d) { pause(); } int e = errno; kill(c, SIGKILL); waitpid(c, NULL, 0);
		_exit(c > 0 && d == -1 && e == EAGAIN ? 0 : 1));
	waitpid(pid, &status, 0);
	say("third fork refused, second not: %s; events: %s", status ? "no" : "yes",
		figure("a/b/pids.events", "max ") == 1 ? "yes" : "no");
	T_WAIT(figure("a/b/pids.current", "") == 0);
	put("a/b/pids.max", "max");
}

static void freeze_and_kill(void)
{
	volatile long *turns =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	long used, before;
	int status;

	GIVES(put("a/cgroup.freeze", "2"), ERANGE);
	GIVES(put("a/cgroup.kill", "0"), ERANGE);
	if (!guest) {
		say("frozen yes, still there yes, thawed yes, killed by SIGKILL yes");
		return;
	}
	pid = SPAWN({
		join("a/b");
		for (;; getpid())
			(*turns)++;
	});
	await_event("a/b", "populated ");
	put("a/cgroup.freeze", "1");
	await_event("a", "frozen ");
	bool frozen = figure("a/cgroup.events", "frozen ") == 1;

	used = figure("a/b/cpu.stat", "usage_usec ");
	/* it may still use CPU time on its way into the trap */
	before = *turns;
	sleep_ms(20);
	bool there = waitpid(pid, &status, WNOHANG) == 0 && *turns == before;

	put("a/cgroup.freeze", "0");
	T_WAIT(*turns != before);
	T_WAIT(figure("a/b/cpu.stat", "usage_usec ") - used >= 2000);
	kill(pid, SIGUSR1);
	waitpid(pid, &status, 0);
	bool thawed = WIFSIGNALED(status);

	pid = SPAWN(join("a/b"); sleep(100));
	await_event("a/b", "populated ");
	put("a/cgroup.freeze", "1");
	put("a/cgroup.kill", "1");
	waitpid(pid, &status, 0);
	put("a/cgroup.freeze", "0");
	say("frozen %s, still there %s, thawed %s, killed by SIGKILL %s", frozen ? "yes" : "no",
		there ? "yes" : "no", thawed ? "yes" : "no",
		WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? "yes" : "no");
}

static void memory(void)
{
	pid_t pid;
	int status;

	GIVES(put("m/memory.max", "8M"), 0);
	GIVES(put("m/memory.max", "much"), EINVAL);
	GIVES(put("m/memory.high", "max"), 0);
	WANT("rounded", !strcmp(get("m/memory.max"), "8388608\n"));
	if (!guest) {
		say("killed by SIGKILL: yes; events: yes; below the limit: yes; all back: yes");
		return;
	}
	pid = SPAWN(join("m"); char *p = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		    for (long i = 0; i < 64 << 20; i += PAGE) p[i] = 1);
	waitpid(pid, &status, 0);
	T_WAIT(figure("m/memory.current", "") < 1 << 20);
	say("killed by SIGKILL: %s; events: %s; below the limit: %s; all back: %s",
		WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? "yes" : "no",
		figure("m/memory.events", "oom_kill ") == 1 ? "yes" : "no",
		figure("m/memory.peak", "") <= 8388608 ? "yes" : "no",
		figure("m/memory.current", "") < 1 << 20 ? "yes" : "no");
}

static void cpu(void)
{
	pid_t pid;
	long used = LONG_MAX, begun = now_ms();

	GIVES(put("m/cpu.weight", "0"), ERANGE);
	GIVES(put("m/cpu.weight", "10001"), ERANGE);
	GIVES(put("m/cpu.weight", "250"), 0);
	GIVES(put("m/cpu.idle", "0"), 0);
	WANT("a group that was not idle keeps its weight", figure("m/cpu.weight", "") == 250);
	GIVES(put("m/cpu.weight.nice", "-20"), 0);
	GIVES(put("m/cpu.max", "100 100000"), EINVAL);
	GIVES(put("m/cpu.max", "10000 50000"), 0);
	WANT("quota", !strcmp(get("m/cpu.max"), "10000 50000\n"));
	if (!guest) {
		say("held back: yes; says so: yes");
		return;
	}
	pid = SPAWN(join("m"); for (;;) getppid());
	T_WAIT(figure("m/cpu.stat", "nr_throttled ") > 0);
	/* a fifth of the time; a hypervisor may take some that counts as ours, but not always */
	for (int i = 0; i < 20 && used > 500 * (now_ms() - begun); i++) {
		begun = now_ms();
		used = figure("m/cpu.stat", "usage_usec ");
		sleep_ms(500);
		used = figure("m/cpu.stat", "usage_usec ") - used;
	}
	say("held back: %s; says so: %s", used <= 500 * (now_ms() - begun) ? "yes" : "no",
		figure("m/cpu.stat", "nr_throttled ") > 0 ? "yes" : "no");
	t_kill(pid);
}

/*
 * A group above its memory.high stalls: its pressure file reports that, and wakes the process that
 * set a trigger.
 */
static void pressure(void)
{
	struct pollfd p = { .events = POLLPRI };
	pid_t pid;

	GIVES(put("m/memory.pressure", "some 10 100"), EINVAL);
	GIVES(put("m/memory.pressure", "none 50000 500000"), EINVAL);
	GIVES(put("m/memory.pressure", "some 600000 500000"), EINVAL);
	if (!guest) {
		say("stalled: yes; told: yes; the machine too: yes");
		return;
	}
	put("m/memory.max", "max");
	put("m/memory.high", "4M");
	p.fd = open("m/memory.pressure", O_RDWR);
	write(p.fd, "some 50000 500000", 17);
	pid = SPAWN(join("m"); char *q = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		    for (long i = 0; i < 16 << 20; i += PAGE) q[i] = 1);
	bool told = poll(&p, 1, 100000) == 1 && p.revents & POLLPRI;

	t_kill(pid);
	close(p.fd);
	say("stalled: %s; told: %s; the machine too: %s",
		figure("m/memory.pressure", "total=") > 0 ? "yes" : "no", told ? "yes" : "no",
		figure("/proc/pressure/memory", "total=") > 0 ? "yes" : "no");
}

/*
 * A tree of groups, each with a process of several threads and its child: a single write kills all.
 */
static void kill_tree(void)
{
	static const char *const groups[] = { "k", "k/a", "k/a/b", "k/c", "k/c/d", "k/c/d/e" };
	enum { NR = sizeof(groups) / sizeof(groups[0]) };
	pid_t pids[NR];
	int killed = 0, status, heard;
	struct pollfd p = { .events = POLLIN };

	for (int i = 0; i < NR; i++)
		GIVES(mkdir(groups[i], 0755), 0);
	if (!guest) {
		say("all there: yes; killed: %d; heard: yes; empty: yes", NR);
	} else {
		for (int i = 0; i < NR; i++)
			pids[i] = SPAWN({
				pthread_t t;

				join(groups[i]);
				NEED0(pthread_create(&t, NULL, t_sleeper, NULL));
				SPAWN(pause());
				pause();
			});
		T_WAIT(figure("k/pids.current", "") == 3 * NR);
		p.fd = NEED(inotify_init1(IN_NONBLOCK));
		NEED(inotify_add_watch(p.fd, "k/cgroup.events", IN_MODIFY));
		put("k/cgroup.kill", "1");
		heard = poll(&p, 1, 100000);
		for (int i = 0; i < NR; i++) {
			waitpid(pids[i], &status, 0);
			killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		}
		T_WAIT(figure("k/pids.current", "") == 0); /* init reaps their children */
		say("all there: yes; killed: %d; heard: %s; empty: %s", killed,
			heard == 1 ? "yes" : "no",
			figure("k/cgroup.events", "populated ") == 0 ? "yes" : "no");
		close(p.fd);
	}
	for (int i = NR; i--;)
		GIVES(rmdir(groups[i]), 0);
}

/*
 * Moves a thread of this process to another group of its domain, and back. Stores its id in *@arg.
 */
static void *divided(void *arg)
{
	*(pid_t *)arg = gettid();
	GIVES(put("t/x/z/cgroup.threads", "0"), 0);
	WANT("a thread below", strstr(get("/proc/thread-self/cgroup"), "/t/x/z\n"));
	WANT("the process is not", strstr(get("/proc/self/cgroup"), "/t/x\n"));
	WANT("one thread", figure("t/x/z/pids.current", "") == 1);
	GIVES(put("t/cgroup.threads", "0"), 0);
	WANT("at the top", strstr(get("/proc/thread-self/cgroup"), "/t\n"));
	GIVES(put("t/y/cgroup.threads", "0"), EOPNOTSUPP);
	GIVES(put("m/cgroup.threads", "0"), EOPNOTSUPP);
	return NULL;
}

static void threads_in_groups(void)
{
	pthread_t t;
	pid_t tid;

	GIVES(put("t/x/cgroup.procs", "0"), 0);
	WANT("in x", strstr(get("/proc/self/cgroup"), "/t/x\n"));
	GIVES(take("t/x/cgroup.procs"), EOPNOTSUPP);
	WANT("its top has it", figure("t/cgroup.procs", "") > 0);
	GIVES(put("t/x/cgroup.kill", "1"), EOPNOTSUPP);
	GIVES(put("t/x/cgroup.subtree_control", "+memory"), ENOENT);
	GIVES(put("t/x/cgroup.subtree_control", "+cpu +pids"), 0);
	GIVES(mkdir("t/x/z", 0755), 0);
	WANT("below x", !strcmp(get("t/x/z/cgroup.type"), "domain invalid\n"));
	GIVES(put("t/x/z/cgroup.procs", "0"), EOPNOTSUPP);
	GIVES(put("t/x/z/cgroup.type", "threaded"), 0);
	WANT("its weight", figure("t/x/z/cpu.weight", "") == 100);
	NEED0(pthread_create(&t, NULL, divided, &tid));
	pthread_join(t, NULL);
	T_WAIT(t_state(tid) == '?'); /* joined before it has left its group */
	GIVES(put("t/x/z/cgroup.procs", "0"), 0);
	WANT("all of it",
		figure("t/x/z/pids.current", "") == 1 && figure("t/x/pids.current", "") == 1);
	GIVES(put("t/x/cgroup.subtree_control", "-cpu -pids"), 0);
	GIVES(put("t/cgroup.procs", "0"), 0);
	GIVES(rmdir("t/x/z"), 0);
}

/*
 * A group with tasks may give threaded controllers to its children: it becomes the top of a
 * threaded domain.
 */
static void becomes_threaded(void)
{
	GIVES(put("t/cgroup.procs", "0"), 0);
	GIVES(put("t/cgroup.subtree_control", "+memory"), EBUSY);
	GIVES(put("t/cgroup.subtree_control", "+pids"), 0);
	WANT("top", !strcmp(get("t/cgroup.type"), "domain threaded\n"));
	GIVES(mkdir("t/w", 0755), 0);
	WANT("below it", !strcmp(get("t/w/cgroup.type"), "domain invalid\n"));
	GIVES(put("t/cgroup.subtree_control", "+memory"), EOPNOTSUPP);
	GIVES(put("cgroup.procs", "0"), 0);
	WANT("no more", !strcmp(get("t/w/cgroup.type"), "domain\n"));
	GIVES(put("t/cgroup.procs", "0"), 0);
	GIVES(put("cgroup.procs", "0"), 0);
	GIVES(put("t/cgroup.subtree_control", "+memory"), 0);
	GIVES(put("t/cgroup.procs", "0"), EBUSY);
	GIVES(put("t/cgroup.subtree_control", "-memory -pids"), 0);
	GIVES(rmdir("t/w"), 0);
}

static void threaded(void)
{
	GIVES(mkdir("t", 0755), 0);
	becomes_threaded();
	GIVES(mkdir("t/x", 0755), 0);
	WANT("domain", !strcmp(get("t/x/cgroup.type"), "domain\n"));
	GIVES(put("t/x/cgroup.type", "domain"), EINVAL);
	GIVES(put("t/cgroup.subtree_control", "+cpu +pids"), 0);
	GIVES(put("t/x/cgroup.type", "threaded"), 0);
	WANT("its top", !strcmp(get("t/cgroup.type"), "domain threaded\n"));
	GIVES(mkdir("t/y", 0755), 0);
	WANT("its sibling", !strcmp(get("t/y/cgroup.type"), "domain invalid\n"));
	GIVES(put("t/y/cgroup.procs", "0"), EOPNOTSUPP);
	GIVES(put("t/x/cgroup.threads", "0"), EOPNOTSUPP);
	threads_in_groups();
	GIVES(put("cgroup.procs", "0"), 0);
	GIVES(rmdir("t/y"), 0);
	GIVES(rmdir("t/x"), 0);
	GIVES(rmdir("t"), 0);
}

TEST(cgroup)
{
	guest = cgroup_enter();
	tree();
	members();
	births();
	pids();
	freeze_and_kill();
	GIVES(mkdir("m", 0755), 0);
	memory();
	cpu();
	pressure();
	kill_tree();
	threaded();
	GIVES(rmdir("m"), 0);
	GIVES(rmdir("a/b"), 0);
	GIVES(rmdir("a"), 0);
	GIVES(put("cgroup.subtree_control", "-pids -memory -cpu"), 0);
	cgroup_leave();
}
