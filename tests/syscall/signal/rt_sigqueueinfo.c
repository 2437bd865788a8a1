/* SPDX-License-Identifier: MIT */
/* rt_sigqueueinfo(2), rt_tgsigqueueinfo(2), rt_sigtimedwait(2): values, order, limits, timeouts. */
#include "t.h"

static void show(const char *what, int r, const siginfo_t *si)
{
	if (r == -1)
		say("%s: %s", what, t_errno(errno));
	else
		say("%s: %s code %d value %d", what, t_signame(r), si->si_code,
			si->si_value.sival_int);
}

static int queue(int sig, int value, int code)
{
	siginfo_t si = { 0 };

	si.si_signo = sig;
	si.si_code = code;
	si.si_pid = getpid();
	si.si_value.sival_int = value;
	return syscall(SYS_rt_sigqueueinfo, getpid(), sig, &si);
}

/*
 * Sends signals that look as if kill or the kernel had sent them: a thread may send them to itself,
 * but not to the other threads of its process.
 */
static void *as_kernel(void *arg)
{
	siginfo_t si = { .si_code = SI_USER };

	T(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), 0, &si));
	T(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), 0, &si));
	T(syscall(SYS_rt_sigqueueinfo, gettid(), 0, &si));
	T(syscall(SYS_rt_sigqueueinfo, getpid(), 0, &si));
	si.si_code = SI_TKILL;
	T(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), 0, &si));
	T(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), 0, &si));
	return NULL;
}

TEST(rt_sigqueueinfo)
{
	struct timespec zero = { 0, 0 }, little = { 0, 30000000 }, bad = { 0, 1000000000 };
	sigset_t set;
	siginfo_t si;
	pthread_t t;
	int i, n;

	NEED0(pthread_create(&t, NULL, as_kernel, NULL));
	pthread_join(t, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	T(queue(SIGRTMIN, 1, SI_QUEUE));
	T(queue(SIGRTMIN, 2, SI_QUEUE));
	T(queue(SIGRTMIN + 1, 3, SI_QUEUE));
	T(queue(SIGUSR1, 4, SI_QUEUE));
	T(queue(SIGUSR1, 5, SI_QUEUE)); /* merges */
	for (i = 0; i < 5; i++)
		show("wait", sigtimedwait(&set, &si, &zero), &si);
	show("wait a little", sigtimedwait(&set, &si, &little), &si);
	show("bad time", sigtimedwait(&set, &si, &bad), &si);
	T(syscall(SYS_rt_sigtimedwait, &set, &si, &zero, 4));
	T(syscall(SYS_rt_sigtimedwait, BAD, &si, &zero, 8));
	T(syscall(SYS_rt_sigtimedwait, &set, &si, BAD, 8));
	NEED(queue(SIGRTMIN, 6, SI_QUEUE));
	T(syscall(SYS_rt_sigtimedwait, &set, BAD, &zero, 8));
	T(queue(SIGUSR1, 1, SI_USER) == 0); /* to oneself any code */
	show("own code", sigtimedwait(&set, &si, &zero), &si);
	T(queue(65, 1, SI_QUEUE));
	T(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, BAD));
	T(syscall(SYS_rt_sigqueueinfo, 1 << 29, SIGUSR1, &si) == -1);
	si.si_code = SI_USER;
	T(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &si)); /* pretends to be the kernel or kill */
	si.si_code = SI_QUEUE;
	T(syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGUSR1, &si));
	show("thread", sigtimedwait(&set, &si, &zero), &si);
	si.si_code = SI_QUEUE;
	T(syscall(SYS_rt_tgsigqueueinfo, getpid(), 1 << 29, SIGUSR1, &si));
	T(syscall(SYS_rt_tgsigqueueinfo, -1, 1, SIGUSR1, &si));

	/* a handler of another signal interrupts; a waited one does not run its handler */
	t_handle(SIGALRM, SA_RESTART);
	ualarm(30000, 30000); /* the first may come before we wait */
	show("interrupted", sigwaitinfo(&set, &si), &si);
	ualarm(0, 0);
	t_handle(SIGUSR1, 0);
	t_signals = 0;
	raise(SIGUSR1);
	show("raised", sigwaitinfo(&set, &si), &si);
	say("handlers ran: %d", t_signals);
	CHILD({
		struct rlimit lim = { 10, 10 };

		NEED(setuid(4242));
		NEED(setrlimit(RLIMIT_SIGPENDING, &lim));
		for (n = 0; n < 100 && queue(SIGRTMIN, n, SI_QUEUE) == 0; n++)
			;
		say("queued %d then %s", n, t_errno(errno));
		T(kill(getpid(), SIGRTMIN + 1)); /* kill always gets through */
		show("value lost", sigtimedwait(&set, &si, &zero), &si);
	});
}
