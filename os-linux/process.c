/* SPDX-License-Identifier: MIT */
/*
 * process.c: how the host process begins and ends. The first caller of os_exit() ends it; later
 * callers wait.
 */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "os-linux/internal.h"
#include "os-linux/os_space.h"

#define MAX_AT_EXIT 16

static void (*at_exit[MAX_AT_EXIT])(void);
static int nr_at_exit;
static int exiting, at_exit_ran;
static int data_lost;       /* atomic: see os_note_lost() */
static sigset_t first_mask; /* signal mask at the process's start */

int os_at_exit(void (*fn)(void))
{
	int i = __atomic_fetch_add(&nr_at_exit, 1, __ATOMIC_SEQ_CST);

	if (i >= MAX_AT_EXIT)
		return -ENOSPC;
	__atomic_store_n(&at_exit[i], fn, __ATOMIC_RELEASE);
	return 0;
}

void os_run_at_exit(void)
{
	if (__atomic_exchange_n(&at_exit_ran, 1, __ATOMIC_SEQ_CST))
		return;
	for (int i = MAX_AT_EXIT - 1; i >= 0; i--) {
		void (*fn)(void) = __atomic_load_n(&at_exit[i], __ATOMIC_ACQUIRE);

		if (fn)
			fn();
	}
}

static void be_the_only_one(void)
{
	if (!__atomic_exchange_n(&exiting, 1, __ATOMIC_SEQ_CST))
		return;
	for (;;)
		poll(NULL, 0, -1);
}

#ifdef CONFIG_COV_HOST
void __gcov_dump(void);
static void dump_coverage(void)
{
	__gcov_dump();
}
#else
static void dump_coverage(void)
{
}
#endif

void os_note_lost(void)
{
	__atomic_store_n(&data_lost, 1, __ATOMIC_RELEASE);
}

void os_exit(int status)
{
	be_the_only_one();
	os_run_at_exit();
	dump_coverage();
	if (!status && __atomic_load_n(&data_lost, __ATOMIC_ACQUIRE))
		status = OS_EXIT_LOST;
	_exit(status);
}

void os_end_by(void (*end)(void))
{
	be_the_only_one();
	os_run_at_exit();
	dump_coverage();
	end();
	_exit(2);
}

/*
 * Executes the program again. All descriptors of this process close on exec, and the zygote ends
 * with its socket. The calling vCPU may be pinned; the new program must not be.
 */
void os_exec_again(char **argv, const char *dir)
{
	be_the_only_one();
	os_run_at_exit();
	dump_coverage();
	/* checked late, since the signal thread still receives signals until here */
	if (os_end_asked())
		_exit(1);
	if (os_jailed())
		os_jail_again(dir);
	sigprocmask(SIG_SETMASK, &first_mask, NULL);
	os_space_pin_self(-1);
	execv("/proc/self/exe", argv);
	perror("nestling: cannot start again");
	_exit(1);
}

void os_restart(void)
{
	os_exec_again(os_argv, "");
}

static void block_signals(void)
{
	/* SIGURG: makes each thread give up its rights (jail/threads.c) */
	static const int open[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGURG };
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		sigdelset(&set, open[i]);
	sigprocmask(SIG_SETMASK, &set, &first_mask);
}

/*
 * Disables SIGCHLD for stops. A thread that needs a child's status waits for the child, and a
 * SIGCHLD for each stop of a traced process would wake a thread at each system call of a guest.
 */
static void no_signals_of_children(void)
{
	struct sigaction sa = { .sa_flags = SA_NOCLDSTOP };

	/* if SIGCHLD were ignored, the host would reap children */
	sa.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &sa, NULL);
}

/* the profiler's function, called on the thread that SIGPROF interrupts, or NULL; atomic */
static void (*on_sample)(void *context);

void os_sample_set(void (*fn)(void *context))
{
	__atomic_store_n(&on_sample, fn, __ATOMIC_SEQ_CST);
}

static void on_prof(int sig, siginfo_t *si, void *context)
{
	void (*fn)(void *context) = __atomic_load_n(&on_sample, __ATOMIC_SEQ_CST);

	if (fn)
		fn(context);
}

/*
 * Installs the handler of SIGPROF, which vCPUs do not block (thread.c). It is never removed: the
 * jail admits no change of handlers.
 */
static void handle_samples(void)
{
	struct sigaction sa = { .sa_sigaction = on_prof,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };

	sigaction(SIGPROF, &sa, NULL);
}

void os_process_setup(void)
{
	const char *why = os_inherit_setup();
	int err = why ? 0 : os_lacks_call();

	if (err)
		why = os_why(err);
	if (why) {
		fprintf(stderr, "nestling: %s\n", why);
		exit(1);
	}
	/* threads allocate little here, and an arena for each would cost host calls and pages */
	mallopt(M_ARENA_MAX, 1);
	block_signals();
	signal(SIGPIPE, SIG_IGN);
	handle_samples();
	no_signals_of_children();
}

static int write_all(int fd, const char *buf, size_t n)
{
	while (n) {
		ssize_t done = write(fd, buf, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		buf += done;
		n -= done;
	}
	return 0;
}

/* Writes a carriage return before each newline if standard error is a terminal in raw mode. */
void os_write_stderr(const char *buf, size_t n)
{
	struct termios t;
	bool raw = !tcgetattr(STDERR_FILENO, &t) && !(t.c_oflag & OPOST);

	while (n) {
		const char *nl = raw ? memchr(buf, '\n', n) : NULL;
		size_t k = nl ? (size_t)(nl - buf) : n;

		write_all(STDERR_FILENO, buf, k);
		if (nl)
			write_all(STDERR_FILENO, "\r\n", 2);
		k += nl != NULL;
		buf += k;
		n -= k;
	}
}

int os_write_stdout(const char *buf, size_t n)
{
	return write_all(STDOUT_FILENO, buf, n);
}
