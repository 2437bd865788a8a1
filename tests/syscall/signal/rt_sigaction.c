/* SPDX-License-Identifier: MIT */
/*
 * rt_sigaction(2): what the kernel stores, flags, refused signals, masks during a handler, siginfo.
 */
#include "t.h"

static volatile sig_atomic_t depth, deepest, order[8], count;
static siginfo_t info;

static void nested(int sig)
{
	if (++depth > deepest)
		deepest = depth;
	order[count++] = sig;
	if (count == 1)
		raise(sig);
	if (count < 3 && sig == SIGUSR1)
		raise(SIGUSR2);
	depth--;
}

static void with_info(int sig, siginfo_t *si, void *context)
{
	info = *si;
}

static void nesting(int flags, int block)
{
	struct sigaction sa = { .sa_handler = nested, .sa_flags = flags };
	char text[100] = "";
	int i;

	sigemptyset(&sa.sa_mask);
	if (block)
		sigaddset(&sa.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	depth = deepest = count = 0;
	raise(SIGUSR1);
	for (i = 0; i < count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s",
			t_signame(order[i]));
	say("flags %#x block %d: depth %d order%s", flags, block, (int)deepest, text);
}

static void kept(void)
{
	struct sigaction sa = { .sa_handler = t_on_signal, .sa_flags = SA_RESTART | SA_NODEFER },
			 old;

	sigemptyset(&sa.sa_mask);
	sigaddset(&sa.sa_mask, SIGHUP);
	sigaddset(&sa.sa_mask, SIGKILL);
	T(sigaction(SIGUSR1, &sa, NULL));
	T(sigaction(SIGUSR1, NULL, &old));
	say("handler %d flags %#x mask HUP %d KILL %d", old.sa_handler == t_on_signal,
		old.sa_flags & ~0x04000000, sigismember(&old.sa_mask, SIGHUP),
		sigismember(&old.sa_mask, SIGKILL));
	T(sigaction(SIGKILL, &sa, NULL));
	T(sigaction(SIGSTOP, &sa, NULL));
	T(sigaction(SIGKILL, NULL, &old));
	T(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8));
	T(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
	T(syscall(SYS_rt_sigaction, 64, NULL, NULL, 8));
	T(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
	T(syscall(SYS_rt_sigaction, SIGUSR1, BAD, NULL, 8));
	T(syscall(SYS_rt_sigaction, SIGUSR1, NULL, BAD, 8));
}

static void reset(void)
{
	struct sigaction old;

	t_handle(SIGUSR1, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &old);
	say("after one: default %d", old.sa_handler == SIG_DFL);
	CHILD(raise(SIGUSR1));
}

static void infos(void)
{
	struct sigaction sa = { .sa_sigaction = with_info, .sa_flags = SA_SIGINFO };
	union sigval v = { .sival_int = 4711 };
	pid_t pid;

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	kill(getpid(), SIGUSR1);
	say("kill: signo %d code %d pid %d uid %d", info.si_signo, info.si_code,
		info.si_pid == getpid(), info.si_uid);
	raise(SIGUSR1);
	say("tkill: code %d", info.si_code);
	sigqueue(getpid(), SIGUSR1, v);
	say("sigqueue: code %d value %d", info.si_code, info.si_value.sival_int);
	sigaction(SIGCHLD, &sa, NULL);
	pid = SPAWN(_exit(9));
	t_wait("child", pid);
	say("SIGCHLD: code %d status %d pid %d", info.si_code, info.si_status, info.si_pid == pid);
	signal(SIGCHLD, SIG_DFL);
}

static volatile int in_handler;
static void show_mask(int sig)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	say("in the handler: own %d HUP %d USR2 %d", sigismember(&set, SIGUSR1),
		sigismember(&set, SIGHUP), sigismember(&set, SIGUSR2));
}

static void masks(void)
{
	struct sigaction sa = { .sa_handler = show_mask };
	sigset_t set;

	sigemptyset(&sa.sa_mask);
	sigaddset(&sa.sa_mask, SIGHUP);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	sa.sa_flags = SA_NODEFER;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	sigprocmask(SIG_BLOCK, NULL, &set);
	say("afterwards: own %d HUP %d", sigismember(&set, SIGUSR1), sigismember(&set, SIGHUP));
}

static void ignored(void)
{
	sigset_t set, p;

	/* ignoring a signal discards it if it is pending */
	t_handle(SIGUSR1, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	t_handle(SIGUSR1, 0);
	sigpending(&p);
	say("pending after SIG_IGN: %d", sigismember(&p, SIGUSR1));
	signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1); /* ignored but blocked: is kept on Linux */
	sigpending(&p);
	say("pending, ignored and blocked: %d", sigismember(&p, SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

TEST(rt_sigaction)
{
	kept();
	nesting(0, 0);
	nesting(SA_NODEFER, 0);
	nesting(0, 1);
	reset();
	infos();
	masks();
	ignored();
}
