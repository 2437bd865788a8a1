/* SPDX-License-Identifier: MIT */
/* rt_sigsuspend(2), pause(2): the mask while waiting, the mask afterwards, what wakes. */
#include "t.h"

static sigset_t seen;
static void look(int sig)
{
	sigprocmask(SIG_BLOCK, NULL, &seen);
}

TEST(rt_sigsuspend)
{
	pid_t self = getpid();
	sigset_t wait, now;

	t_block(SIGUSR1);
	signal(SIGUSR1, look);
	raise(SIGUSR1);
	sigfillset(&wait);
	sigdelset(&wait, SIGUSR1);
	T(sigsuspend(&wait));
	say("in the handler HUP was blocked: %d", sigismember(&seen, SIGHUP));
	sigprocmask(SIG_BLOCK, NULL, &now);
	say("afterwards USR1 %d HUP %d", sigismember(&now, SIGUSR1), sigismember(&now, SIGHUP));
	T(syscall(SYS_rt_sigsuspend, &wait, 4));
	T(syscall(SYS_rt_sigsuspend, BAD, 8));
	t_handle(SIGALRM, SA_RESTART);
	SPAWN({
		t_until(self, 'S');
		kill(self, SIGALRM);
	});
	T(pause());
	say("%d", t_signals);

	/* an ignored signal does not wake, a stop and continue neither */
	CHILD({
		pid_t me = getpid();

		signal(SIGUSR2, SIG_IGN);
		t_signals = 0;
		SPAWN({
			t_until(me, 'S');
			kill(me, SIGUSR2);
			kill(me, SIGSTOP);
			t_until(me, 'T');
			kill(me, SIGCONT);
			sleep_ms(30);
			kill(me, SIGALRM);
		});
		T(pause());
		say("%d", t_signals);
	});
	CHILD({
		signal(SIGALRM, SIG_DFL);
		alarm(1);
		pause();
	});
}
