/* SPDX-License-Identifier: MIT */
/*
 * Stopping and continuing: SIGCONT through a block, SIGSTOP of a whole thread group, discarded
 * stops, SA_NOCLDSTOP.
 */
#include "t.h"
#include <sys/prctl.h>

static volatile int *turns;
static void *spinner(void *arg)
{
	for (;;) {
		turns[(intptr_t)arg]++;
		usleep(1000);
	}
	return NULL;
}

/* SIGCHLD may come after waitpid() has seen the change. */
static void signals(const char *what, int want)
{
	T_WAIT(t_signals >= want);
	sleep_ms(20);
	say("SIGCHLDs after %s: %d", what, t_signals);
}

/*
 * A group has a member that was killed while it was stopped, and one that runs: the session's
 * leader ends, and the group becomes an orphan.
 */
static void session(int tell)
{
	pid_t pids[2];

	setsid();
	pids[0] = t_group();
	pids[1] = SPAWN(for (;;) pause());
	setpgid(pids[1], pids[0]);
	kill(pids[0], SIGSTOP);
	t_until(pids[0], 'T');
	kill(pids[0], SIGKILL);
	t_until(pids[0], 'Z');
	NEED(write(tell, pids, sizeof(pids)));
}

static void killed_while_stopped(void)
{
	pid_t pids[2];
	int p[2];

	NEED(prctl(PR_SET_CHILD_SUBREAPER, 1));
	NEED(pipe(p));
	t_wait("leader", SPAWN(session(p[1])));
	NEED(read(p[0], pids, sizeof(pids)));
	kill(pids[1], SIGTERM); /* it would have had SIGHUP by now */
	t_wait("killed while it was stopped", pids[0]);
	t_wait("the other of its group", pids[1]);
}

TEST(stop)
{
	int status, before;
	pid_t pid;
	pthread_t t;

	turns = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = SPAWN({
		NEED0(pthread_create(&t, NULL, spinner, (void *)1));
		spinner((void *)0);
	});
	while (!turns[0] || !turns[1])
		usleep(1000);
	kill(pid, SIGSTOP);
	T(waitpid(pid, &status, WUNTRACED) == pid);
	t_status("threads", status);
	sleep_ms(20);
	before = turns[0] + turns[1];
	sleep_ms(50);
	say("all threads stand still: %d", before == turns[0] + turns[1]);
	kill(pid, SIGCONT);
	T_WAIT(turns[0] + turns[1] > before + 1);
	say("all go on: %d", turns[0] + turns[1] > before + 1);
	kill(pid, SIGKILL);
	t_wait("threads", pid);

	/* SIGCONT continues even where it is blocked, and discards pending stops */
	pid = SPAWN({
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGCONT);
		sigaddset(&set, SIGTSTP);
		sigprocmask(SIG_BLOCK, &set, NULL);
		raise(SIGTSTP);
		raise(SIGCONT);
		sigpending(&set);
		say("pending: TSTP %d CONT %d", sigismember(&set, SIGTSTP),
			sigismember(&set, SIGCONT));
		raise(SIGSTOP);
		sigpending(&set);
		say("CONT %d", sigismember(&set, SIGCONT));
	});
	T(waitpid(pid, &status, WUNTRACED) == pid);
	kill(pid, SIGCONT);
	t_wait("child", pid);

	/* SIGCHLD for stops, unless SA_NOCLDSTOP */
	t_handle(SIGCHLD, SA_RESTART);
	pid = SPAWN(for (;;) pause());
	t_until(pid, 'S');
	kill(pid, SIGSTOP);
	NEED(waitpid(pid, &status, WUNTRACED));
	signals("a stop", 1);
	kill(pid, SIGCONT);
	NEED(waitpid(pid, &status, WCONTINUED));
	signals("a continue", 2);
	t_handle(SIGCHLD, SA_RESTART | SA_NOCLDSTOP);
	kill(pid, SIGSTOP);
	NEED(waitpid(pid, &status, WUNTRACED));
	signals("a stop with SA_NOCLDSTOP", 2);
	kill(pid, SIGKILL);
	t_wait("child", pid);
	signals("a death", 3);

	/* terminal stop signals of an orphaned group are ignored by default */
	CHILD({
		setsid();
		T(raise(SIGTSTP));
		say("went on");
	});
	CHILD(killed_while_stopped());
}
