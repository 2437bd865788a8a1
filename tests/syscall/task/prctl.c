/* SPDX-License-Identifier: MIT */
/* prctl(2): names, death signals, dumpability, no_new_privs, subreapers, timer slack, errors. */
#include "t.h"
#include <sys/prctl.h>

static void names(void)
{
	char name[17] = "", buf[64];
	int fd, n;

	T(prctl(PR_SET_NAME, "a name that is too long", 0, 0, 0));
	T(prctl(PR_GET_NAME, name, 0, 0, 0));
	say("%s", name);
	fd = NEED(open("/proc/self/comm", O_RDONLY));
	n = NEED(read(fd, buf, sizeof(buf)));
	say("%.*s", n - 1, buf);
	CHILD({
		prctl(PR_GET_NAME, name, 0, 0, 0);
		say("inherited: %s", name);
		execl("/proc/self/exe", "prctl", "name", NULL);
	});
	T(prctl(PR_SET_NAME, BAD, 0, 0, 0));
	T(prctl(PR_GET_NAME, BAD, 0, 0, 0));
}

static void death(void)
{
	int sig = 77, p[2];
	char c;

	T(prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0));
	say("%d", sig);
	T(prctl(PR_SET_PDEATHSIG, 65, 0, 0, 0));
	NEED(pipe(p));
	CHILD({
		if (!fork()) {
			NEED(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
			NEED(write(p[1], "r", 1));
			pause();
			_exit(0);
		}
		NEED(read(p[0], &c, 1));
	});
	close(p[1]);
	T(read(p[0], &c, 1)); /* the grandchild died with its parent */
	close(p[0]);
	NEED(pipe(p));
	/* a parent that has become another user may not signal its child */
	CHILD({
		pid_t parent = getpid();

		if (!fork()) {
			struct pollfd dead = { NEED(syscall(SYS_pidfd_open, parent, 0)), POLLIN,
				0 };

			NEED(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
			NEED(write(p[1], "r", 1));
			NEED(poll(&dead, 1, -1)); /* after the signal */
			NEED(write(p[1], "s", 1));
			_exit(0);
		}
		NEED(read(p[0], &c, 1));
		NEED(setresuid(1000, 1000, 1000));
	});
	close(p[1]);
	T(read(p[0], &c, 1)); /* it has survived */
	CHILD({
		NEED(prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0));
		CHILD({
			prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0);
			say("not inherited: %d", sig);
		});
	});
}

static void reaper(void)
{
	int v = 7;

	T(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	T(prctl(PR_GET_CHILD_SUBREAPER, &v, 0, 0, 0));
	say("%d", v);
	CHILD({
		pid_t mid = getpid();

		if (!fork()) {
			while (getppid() == mid)
				usleep(1000);
			_exit(66);
		}
	});
	t_wait("adopted", -1);
	T(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0));
}

/* PR_SET_TIMERSLACK 0 restores the slack that the parent had at fork. */
static void slack(void)
{
	T(prctl(PR_SET_TIMERSLACK, 7000, 0, 0, 0));
	CHILD({
		int fd = open("/proc/self/timerslack_ns", O_WRONLY);

		T(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
		T(prctl(PR_SET_TIMERSLACK, 99, 0, 0, 0));
		T(prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0));
		T(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
		T(prctl(PR_SET_TIMERSLACK, 99, 0, 0, 0));
		T(write(fd, "0", 1));
		T(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
		T(prctl(PR_SET_TIMERSLACK, -1L, 0, 0, 0));
		T(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
	});
	T(prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0));
	T(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
}

TEST(prctl)
{
	if (t_argc > 1) {
		char name[17] = "";

		prctl(PR_GET_NAME, name, 0, 0, 0);
		say("after exec it is the file's: %s", !strcmp(name, "exe") ? name : "other");
		return;
	}
	names();
	death();
	reaper();
	T(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	T(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
	T(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	T(prctl(PR_SET_DUMPABLE, 2, 0, 0, 0));
	T(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	CHILD({
		T(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
		T(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
		CHILD(T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)));
	});
	T(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
	T(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
	T(prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0));
	T(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
	T(prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0));
	T(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
	slack();
	T(prctl(9999, 0, 0, 0, 0));
}
