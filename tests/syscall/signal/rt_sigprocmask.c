/* SPDX-License-Identifier: MIT */
/* rt_sigprocmask(2), rt_sigpending(2): how, unblockable signals, threads, order of delivery. */
#include "t.h"

static volatile sig_atomic_t order[16], count;

static void note(int sig)
{
	if (count < 16)
		order[count++] = sig;
}

static void *thread(void *arg)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	say("a thread inherits: %d", sigismember(&set, SIGUSR1));
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return NULL;
}

TEST(rt_sigprocmask)
{
	static const int sigs[] = { SIGTERM, SIGUSR1, SIGHUP };
	uint64_t set = 1ull << (SIGUSR1 - 1), old = 0, all = ~0ull, none = 0;
	pthread_t t;
	int i;
	char text[200] = "";

	T(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, &old, 8));
	say("%#lx", (long)old);
	T(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &old, 8));
	say("%#lx", (long)old);
	T(syscall(SYS_rt_sigprocmask, 99, NULL, &old, 8)); /* how does not matter without a set */
	T(syscall(SYS_rt_sigprocmask, 99, &set, &old, 8));
	T(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, &old, 4));
	T(syscall(SYS_rt_sigprocmask, SIG_BLOCK, BAD, NULL, 8));
	T(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, BAD, 8));
	T(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8));
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &old, 8);
	say("all but KILL and STOP: %#lx", (long)old);
	T(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &all, NULL, 8));
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &old, 8);
	say("%#lx", (long)old);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, 8);
	NEED0(pthread_create(&t, NULL, thread, NULL));
	pthread_join(t, NULL);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &old, 8);
	say("a thread's own is its own: %#lx", (long)old);

	/*
	 * pending signals that are unblocked together are delivered by number; real-time signals
	 * queue
	 */
	signal(SIGUSR1, note);
	for (i = 0; i < 3; i++)
		signal(sigs[i], note);
	signal(SIGRTMIN, note);
	signal(SIGRTMIN + 1, note);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
	for (i = 0; i < 3; i++)
		kill(getpid(), sigs[i]);
	kill(getpid(), SIGUSR1); /* merges */
	kill(getpid(), SIGRTMIN + 1);
	kill(getpid(), SIGRTMIN);
	kill(getpid(), SIGRTMIN);
	T(syscall(SYS_rt_sigpending, &old, 8));
	say("pending %#lx", (long)old);
	T(syscall(SYS_rt_sigpending, &old, 16));
	T(syscall(SYS_rt_sigpending, BAD, 8));
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
	say("%d handled", (int)count);
	T(syscall(SYS_rt_sigpending, &old, 8));
	say("pending %#lx", (long)old);
	for (i = 0; i < count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d", (int)order[i]);
	say("order, last entered first:%s", text);
}
