/* SPDX-License-Identifier: MIT */
/*
 * exec_keeps: what outlives exec and what does not: POSIX locks of a process with threads, a
 * descriptor table that is shared with another process, pending signals of timers.
 */
#include "t.h"

#define LOCKED 10 /* the descriptor */

static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* Prints whether another process than the child has locked the file. */
static void show_lock(void)
{
	CHILD({
		struct flock fl = { .l_type = F_WRLCK };

		NEED(fcntl(LOCKED, F_GETLK, &fl));
		say("the lock %s", fl.l_type == F_WRLCK ? "is held" : "is gone");
	});
}

static void lock_and_exec(int threads)
{
	CHILD({
		struct flock fl = { .l_type = F_WRLCK };
		pthread_t t;

		NEED(dup2(NEED(open("file", O_RDWR | O_CREAT, 0600)), LOCKED));
		NEED(fcntl(LOCKED, F_SETLK, &fl));
		while (threads--)
			pthread_create(&t, NULL, sleeper, NULL);
		execl("/proc/self/exe", "exec_keeps", "lock", NULL);
	});
}

/*
 * An exec of a child that shares our table of descriptors: what its new program closes stays open
 * here, but the close drops that process's locks on the file.
 */
static void table_of_two(void)
{
	int p[2];
	pid_t pid;
	char c;

	NEED(pipe(p));
	NEED(dup2(NEED(open("file", O_RDWR | O_CREAT, 0600)), LOCKED));
	pid = NEED((pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
	if (!pid) {
		execl("/proc/self/exe", "exec_keeps", "close", NULL);
		_exit(1);
	}
	t_wait("it closes", pid);
	say("still open here: %d", fcntl(LOCKED, F_GETFD) == 0);
	close(p[1]);
	say("nobody has the pipe: %zd", read(p[0], &c, 1));
	close(p[0]);
	close(LOCKED);
}

static void timer_signal(int sig)
{
	CHILD({
		struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig };
		struct itimerspec its = { .it_value.tv_nsec = 1000 };
		sigset_t set;
		timer_t id;

		sigemptyset(&set);
		sigaddset(&set, sig);
		NEED(sigprocmask(SIG_BLOCK, &set, NULL));
		NEED(timer_create(CLOCK_MONOTONIC, &ev, &id));
		NEED(timer_settime(id, 0, &its, NULL));
		T_WAIT(!sigpending(&set) && sigismember(&set, sig));
		raise(SIGUSR2); /* what is not a timer's stays */
		execl("/proc/self/exe", "exec_keeps", "pending", NULL);
	});
}

static void child(const char *what)
{
	sigset_t set;

	if (!strcmp(what, "lock"))
		show_lock();
	if (!strcmp(what, "close"))
		say("close: %d", close(LOCKED));
	if (!strcmp(what, "pending")) {
		NEED(sigpending(&set));
		say("USR1 %d, USR2 %d, RTMIN+1 %d", sigismember(&set, SIGUSR1),
			sigismember(&set, SIGUSR2), sigismember(&set, SIGRTMIN + 1));
	}
}

TEST(exec_keeps)
{
	if (t_argc > 1) {
		child(t_argv[1]);
		return;
	}
	lock_and_exec(0);
	lock_and_exec(1);
	lock_and_exec(3);
	table_of_two();
	t_block(SIGUSR2);
	timer_signal(SIGUSR1);
	timer_signal(SIGRTMIN + 1);
}
