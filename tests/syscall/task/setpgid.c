/* SPDX-License-Identifier: MIT */
/* setpgid(2), getpgid(2), getpgrp(2), setsid(2), getsid(2): groups, sessions, orphaned groups. */
#include "t.h"

static void groups(void)
{
	pid_t pid, me = getpid();
	int p[2];
	char c;

	CHILD({
		T(setpgid(0, 0));
		say("own group %d %d", getpgrp() == getpid(), getpgid(0) == getpid());
		T(setpgid(0, 0));
		T(setpgid(getpid(), me) == 0 || errno == EPERM);
	});
	pid = SPAWN(pause());
	T(setpgid(pid, pid));
	T(getpgid(pid) == pid);
	T(setpgid(pid, 1 << 29));
	T(setpgid(pid, -1));
	T(setpgid(1 << 29, 0));
	T(setpgid(1, 0));
	T(getpgid(1 << 29));
	T(getpgid(-1));
	kill(pid, SIGKILL);
	t_wait("child", pid);

	/* not after it has called exec */
	NEED(pipe(p));
	pid = SPAWN({
		dup2(p[1], 60);
		close(p[1]);
		execl("/proc/self/exe", "setpgid", "child", NULL);
	});
	NEED(read(p[0], &c, 1));
	T(setpgid(pid, pid));
	kill(pid, SIGKILL);
	t_wait("child", pid);
}

static void sessions(void)
{
	CHILD({
		T(setsid() == getpid());
		say("leader %d %d", getsid(0) == getpid(), getpgrp() == getpid());
		T(setsid());
		T(setpgid(0, 0));
		CHILD({
			say("inherits %d", getsid(0) == getppid());
			T(setpgid(0, 0));
			T(setsid());
		});
		{
			pid_t pid = SPAWN({
				setsid();
				pause();
			});

			while (getsid(pid) != pid)
				usleep(1000);
			T(setpgid(pid, 0)); /* another session */
			kill(pid, SIGKILL);
			t_wait("other session", pid);
		}
	});
	T(getsid(1 << 29));
	T(getsid(-1));
	CHILD({
		setpgid(0, 0);
		T(setsid()); /* a group leader may not */
	});
}

/* Stopped members of a group that becomes orphaned get SIGHUP and SIGCONT. */
static void orphaned(void)
{
	int p[2];
	char buf[100];
	long n = 0, r;

	NEED(pipe(p));
	CHILD({
		setsid();
		if (!fork()) { /* the group's link to the session */
			pid_t pid;

			setpgid(0, 0);
			pid = fork();
			if (!pid) {
				t_handle(SIGHUP, 0);
				NEED(write(p[1], "s", 1));
				raise(SIGSTOP);
				NEED(write(p[1], t_last_signal == SIGHUP ? "h" : "-", 1));
				_exit(0);
			}
			NEED(read(p[0], buf, 1));
			t_until(pid, 'T');
			_exit(0);
		}
		wait(NULL);
	});
	close(p[1]);
	while ((r = read(p[0], buf + n, sizeof(buf) - n)) > 0)
		n += r;
	say("the stopped orphan says: %.*s", (int)n, buf);
}

TEST(setpgid)
{
	if (t_argc > 1) {
		NEED(write(60, "x", 1));
		pause();
	}
	groups();
	sessions();
	orphaned();
}
