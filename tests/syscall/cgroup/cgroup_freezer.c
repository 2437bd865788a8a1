/* SPDX-License-Identifier: MIT */
/*
 * cgroup_freezer: freezing tasks that are stopped, traced or in vfork(), and moving frozen or
 * stopped tasks; a frozen group does not thaw, not even for a moment, when a task of it is
 * continued. A test may not change the host's groups, so the host's side prints what is expected.
 */
#include "cgroup.h"

#include <sys/ptrace.h>

static long frozen(const char *group)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/cgroup.events", group);
	return figure(path, "frozen ");
}

static void freeze(const char *group, const char *how)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/cgroup.freeze", group);
	NEED(put(path, how));
}

static pid_t in(const char *group)
{
	pid_t pid = SPAWN(for (;;) pause());

	t_until(pid, 'S');
	cgroup_move(pid, group);
	return pid;
}

static void moved(void)
{
	pid_t pid = in("a");

	freeze("a", "1");
	T_WAIT(frozen("a") == 1);
	freeze("b", "1");
	cgroup_move(pid, "b");
	say("from frozen to frozen: %ld %ld", frozen("a"), frozen("b"));
	freeze("a", "0");
	cgroup_move(pid, "a");
	T_WAIT(frozen("a") == 0);
	say("to one that is not: %ld %ld", frozen("a"), frozen("b"));
	NEED(kill(pid, SIGSTOP));
	t_until(pid, 'T');
	cgroup_move(pid, "b");
	/* it counts as frozen a moment after it is seen to have stopped */
	T_WAIT(frozen("b") == 1);
	say("stopped: %ld", frozen("b"));
	cgroup_move(pid, "a");
	t_kill(pid);
	freeze("b", "0");
}

static void traced(void)
{
	pid_t pid = in("a");

	NEED(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
	NEED(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL));
	NEED(waitpid(pid, NULL, 0));
	freeze("b", "1");
	cgroup_move(pid, "b");
	T_WAIT(frozen("b") == 1);
	say("traced: %ld", frozen("b"));
	NEED(ptrace(PTRACE_DETACH, pid, NULL, NULL));
	/* from the stop into the trap, thawed for a moment */
	T_WAIT(t_state(pid) == 'S' && frozen("b") == 1);
	t_kill(pid);
	freeze("b", "0");
}

/*
 * A task that is continued in a frozen group goes from its stop into the trap, without an event for
 * a thaw.
 */
static void continued(void)
{
	struct pollfd p = { .events = POLLPRI };
	pid_t pid = in("a");
	char text[64];

	NEED(kill(pid, SIGSTOP));
	t_until(pid, 'T');
	freeze("a", "1");
	T_WAIT(frozen("a") == 1);
	p.fd = NEED(open("a/cgroup.events", O_RDONLY));
	NEED(pread(p.fd, text, sizeof(text), 0));
	NEED(kill(pid, SIGCONT));
	T_WAIT(t_state(pid) == 'S');
	say("continued: told of %d, frozen %ld", poll(&p, 1, 0), frozen("a"));
	close(p.fd);
	freeze("a", "0");
	t_kill(pid);
}

/*
 * Nothing changes in a group that an ancestor has frozen already, but a waiting reader of its
 * events is notified.
 */
static void told(void)
{
	struct pollfd p = { .events = POLLPRI };
	char text[64];

	NEED(mkdir("a/b", 0755));
	freeze("a", "1");
	p.fd = NEED(open("a/b/cgroup.events", O_RDONLY));
	NEED(pread(p.fd, text, sizeof(text), 0));
	freeze("a/b", "1");
	say("frozen above: told of %d, frozen %ld", poll(&p, 1, 0), frozen("a/b"));
	NEED(pread(p.fd, text, sizeof(text), 0));
	freeze("a/b", "1");
	say("again: told of %d", poll(&p, 1, 0));
	close(p.fd);
	freeze("a", "0");
	NEED(rmdir("a/b"));
}

static void vforked(void)
{
	pid_t pid = SPAWN(cgroup_move(getpid(), "a"); if (!vfork()) {
		for (;;)
			pause();
	});

	T_WAIT(figure("a/pids.current", "") == 2);
	freeze("a", "1");
	T_WAIT(frozen("a") == 1);
	say("in vfork: %ld", frozen("a"));
	NEED(put("a/cgroup.kill", "1"));
	NEED(waitpid(pid, NULL, 0));
	T_WAIT(figure("a/cgroup.events", "populated ") == 0);
	freeze("a", "0");
}

TEST(cgroup_freezer)
{
	if (!cgroup_enter()) {
		say("from frozen to frozen: 1 1\nto one that is not: 0 1\nstopped: 1\ntraced: 1");
		say("continued: told of 0, frozen 1\nin vfork: 1\nfrozen above: told of 1, frozen "
		    "1\nagain: told of 0");
		return;
	}
	NEED(put("cgroup.subtree_control", "+pids"));
	NEED(mkdir("a", 0755));
	NEED(mkdir("b", 0755));
	moved();
	traced();
	continued();
	vforked();
	told();
	NEED(rmdir("a"));
	NEED(rmdir("b"));
	NEED(put("cgroup.subtree_control", "-pids"));
	cgroup_leave();
}
