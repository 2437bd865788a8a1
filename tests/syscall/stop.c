/* SPDX-License-Identifier: MIT */
/* Stopping and continuing: SIGCONT through a block, SIGSTOP of a whole thread group, discarded stops, SA_NOCLDSTOP. */
#include "t.h"

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
	int i;

	for (i = 0; i < 1000 && t_signals < want; i++)
		usleep(1000);
	sleep_ms(20);
	say("SIGCHLDs after %s: %d", what, t_signals);
}

TEST(stop)
{
	int status, before;
	pid_t pid;
	pthread_t t;

	turns = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = SPAWN({
		NEED(-pthread_create(&t, NULL, spinner, (void *)1));
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
	sleep_ms(50);
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
}
