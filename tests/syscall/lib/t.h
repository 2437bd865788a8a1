/* SPDX-License-Identifier: MIT */
/*
 * t.h: shared by all differential tests of system calls.
 *
 * A test is an ordinary Linux program that prints what it observes. It runs on the host first and
 * in the guest afterwards; the outputs must agree to the byte. So nothing may be printed that
 * differs between two right kernels or between two runs: no pids, addresses, times, inode numbers,
 * sizes of directories or block counts.
 *
 *	#include "t.h"
 *	TEST(read)				the file's name, which is the program's name
 *	{
 *		int fd = open("f", O_RDWR | O_CREAT, 0600);
 *		T(read(fd, buf, 10));		prints "read(fd, buf, 10) = 0"
 *		T(read(-1, buf, 10));		prints "read(-1, buf, 10) = -1 EBADF"
 *		OK(fork());			prints only whether it worked
 *	}
 *
 * The test runs in a fresh directory below the current one, which is removed afterwards. Lines are
 * written with one write() each, so forked children may print too. Several tests may be linked into
 * one program (see build): argv[0] chooses. A test that runs itself again uses /proc/self/exe with
 * its own name as argv[0], and reads its arguments in t_argc and t_argv.
 */
#ifndef TESTS_SYSCALL_T_H
#define TESTS_SYSCALL_T_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct t_entry {
	const char *name;
	void (*fn)(void);
};

/* Defines a test, whose name is a word. */
#define TEST(n)                                                                                    \
	static void test_##n(void);                                                                \
	static const struct t_entry t_entry_##n                                                    \
		__attribute__((used, section("t_entries"), aligned(16))) = { #n, test_##n };       \
	static void test_##n(void)

#define T_UNUSED __attribute__((unused))

__attribute__((weak)) int t_argc;
__attribute__((weak)) char **t_argv;

/* ---- printing ---- */

/* Prints a line, which is cut at 4 KiB, with one write(). Keeps errno. */
static T_UNUSED __attribute__((format(printf, 1, 2))) void say(const char *fmt, ...)
{
	char line[4096];
	va_list ap;
	int n, err = errno;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(1, line, n) != n)
		_exit(99);
	errno = err;
}

/* Returns the name of an error number, such as "ENOENT", or "E?" if it has none. */
static T_UNUSED const char *t_errno(int err)
{
	const char *name = strerrorname_np(err);

	return name ? name : "E?";
}

/* Returns a signal's name: "SIGINT" or "signal 40". The thread's next call overwrites it. */
static T_UNUSED const char *t_signame(int sig)
{
	static __thread char text[16];
	const char *name = sigabbrev_np(sig);

	snprintf(text, sizeof(text), name ? "SIG%s" : "signal %.0s%d", name ? name : "", sig);
	return text;
}

/*
 * Sets only a soft limit. It cuts @soft to the hard limit, which comes from the environment and
 * which the test may not be able to raise. Returns the result of setrlimit().
 */
static T_UNUSED int t_soft_limit(int which, rlim_t soft)
{
	struct rlimit lim;

	if (getrlimit(which, &lim))
		return -1;
	lim.rlim_cur = soft < lim.rlim_max ? soft : lim.rlim_max;
	return setrlimit(which, &lim);
}

/* For T(): prints @text with the result @r. Returns @r with errno @err. */
static T_UNUSED long t_result(const char *text, long r, int err)
{
	if (r == -1 && err)
		say("%s = -1 %s", text, t_errno(err));
	else
		say("%s = %ld", text, r);
	errno = err;
	return r;
}

/* For OK(): prints @text with "ok" or the error. Returns @r with errno @err. */
static T_UNUSED long t_ok(const char *text, long r, int err)
{
	if (r == -1)
		say("%s = -1 %s", text, t_errno(err));
	else
		say("%s = ok", text);
	errno = err;
	return r;
}

/* Evaluates, prints text and result; the value is the result. */
#define T(e)                                                                                       \
	({                                                                                         \
		errno = 0;                                                                         \
		long r_ = (long)(e);                                                               \
		t_result(#e, r_, errno);                                                           \
	})
/* Like T(), for a result that may differ between runs: prints -1 and errno, or "ok". */
#define OK(e)                                                                                      \
	({                                                                                         \
		errno = 0;                                                                         \
		long r_ = (long)(e);                                                               \
		t_ok(#e, r_, errno);                                                               \
	})
/* Like T() with a text of the caller's, for loops. */
#define TN(text, e)                                                                                \
	({                                                                                         \
		errno = 0;                                                                         \
		long r_ = (long)(e);                                                               \
		t_result(text, r_, errno);                                                         \
	})
/* Prints "text: yes" or "text: no". */
#define IS(e) say("%s: %s", #e, (e) ? "yes" : "no")

/*
 * Makes a step that is no part of the test: prints nothing, and ends the test if the step returns
 * -1.
 */
#define NEED(e)                                                                                    \
	({                                                                                         \
		errno = 0;                                                                         \
		long n_ = (long)(e);                                                               \
		if (n_ == -1) {                                                                    \
			say("needed: %s: %s", #e, t_errno(errno));                                 \
			exit(98);                                                                  \
		}                                                                                  \
		n_;                                                                                \
	})
/* Like NEED() for a step that returns 0 or an error number, as pthread_create() does. */
#define NEED0(e)                                                                                   \
	do {                                                                                       \
		int err_ = (e);                                                                    \
		if (err_) {                                                                        \
			say("needed: %s: %s", #e, t_errno(err_ < 0 ? -err_ : err_));               \
			exit(98);                                                                  \
		}                                                                                  \
	} while (0)

/* ---- processes and time ---- */

/* Prints a wait status. @who begins the line. */
static T_UNUSED void t_status(const char *who, int status)
{
	if (WIFEXITED(status))
		say("%s: exited %d", who, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		say("%s: killed by %s", who, t_signame(WTERMSIG(status)));
	else if (WIFSTOPPED(status))
		say("%s: stopped by %s", who, t_signame(WSTOPSIG(status)));
	else if (WIFCONTINUED(status))
		say("%s: continued", who);
	else
		say("%s: status %#x", who, status);
}

/* Waits for a child and prints how it ended. Returns its wait status, or -1. */
static T_UNUSED int t_wait(const char *who, pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR) {
			say("%s: waitpid: %s", who, t_errno(errno));
			return -1;
		}
	t_status(who, status);
	return status;
}

/* Forks a child that runs the statements; the value is its pid. */
#define SPAWN(...)                                                                                 \
	({                                                                                         \
		pid_t pid_ = NEED(fork());                                                         \
		if (!pid_) {                                                                       \
			__VA_ARGS__;                                                               \
			_exit(0);                                                                  \
		}                                                                                  \
		pid_;                                                                              \
	})
/* Runs the statements in a forked child, waits for it and prints how it ended. */
#define CHILD(...) t_wait("child", SPAWN(__VA_ARGS__))

static T_UNUSED void sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) == -1 && errno == EINTR)
		;
}

/* Returns the time of CLOCK_MONOTONIC in ms. now_us() returns it in us. */
static T_UNUSED long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static T_UNUSED double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Kills a child and reaps it, silently. */
static T_UNUSED void t_kill(pid_t pid)
{
	NEED(kill(pid, SIGKILL));
	NEED(TEMP_FAILURE_RETRY(waitpid(pid, NULL, 0)));
}

/* Gives up root's rights for the ids of a user, for good. */
static T_UNUSED void t_become(uid_t uid, gid_t gid)
{
	NEED(setgroups(0, NULL));
	NEED(setresgid(gid, gid, gid));
	NEED(setresuid(uid, uid, uid));
}

/* A thread that sleeps until its process ends. */
static T_UNUSED void *t_sleeper(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* Returns the state letter of a task in /proc, or '?' if it is gone. */
static T_UNUSED char t_state(pid_t pid)
{
	char path[64], buf[512], *p;
	int fd, n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	if (fd == -1)
		return '?';
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return '?';
	buf[n] = 0;
	p = strrchr(buf, ')');
	return p ? p[2] : '?';
}

/*
 * Waits for a condition that no event reports; gives up after 100 seconds, since the host may be
 * busy. Evaluates the condition once in each round, because it may hold for a moment only.
 */
#define T_WAIT(cond)                                                                               \
	do {                                                                                       \
		long end_ = now_ms() + 100000;                                                     \
		bool held_;                                                                        \
                                                                                                   \
		while (!(held_ = (cond)) && now_ms() < end_)                                       \
			sleep_ms(1);                                                               \
		if (!held_)                                                                        \
			say("never: %s", #cond);                                                   \
	} while (0)

/*
 * Waits until the task has this state letter of /proc: it sleeps (S), is stopped (T), is a zombie
 * (Z).
 */
static T_UNUSED void t_until(pid_t pid, char state)
{
	T_WAIT(t_state(pid) == state);
}

/* Waits until a thread has stored its id in *@tid and sleeps in a call. */
static T_UNUSED void t_until_sleeps(volatile pid_t *tid)
{
	T_WAIT(*tid && t_state(*tid) == 'S');
}

/*
 * Forks a child that sends its parent a SIGALRM once the parent sleeps. A timer might expire before
 * the call that it is to interrupt.
 */
static T_UNUSED void t_alarm_asleep(void)
{
	pid_t me = getpid();

	SPAWN({
		t_until(me, 'S');
		kill(me, SIGALRM);
	});
}

/*
 * Waits until a change gets another time than earlier changes: file times have the grain of a clock
 * tick.
 */
static T_UNUSED void t_tick(void)
{
	struct timespec from, now;

	clock_gettime(CLOCK_REALTIME, &from);
	T_WAIT(!clock_gettime(CLOCK_REALTIME_COARSE, &now) &&
		(now.tv_sec > from.tv_sec ||
			(now.tv_sec == from.tv_sec && now.tv_nsec > from.tv_nsec)));
}

/*
 * Forks a child in a process group of its own that waits for a signal. Returns its pid, which is
 * that of the group.
 */
static T_UNUSED pid_t t_group(void)
{
	pid_t pid = SPAWN({
		setpgid(0, 0);
		pause();
	});

	setpgid(pid, pid);
	return pid;
}

/* ---- signals ---- */

__attribute__((weak)) volatile sig_atomic_t t_signals; /* signals that t_on_signal() has got */
__attribute__((weak)) volatile sig_atomic_t t_last_signal;

static T_UNUSED void t_on_signal(int sig)
{
	t_signals++;
	t_last_signal = sig;
}

/* Sets t_on_signal() as the handler of @sig, with flags SA_*. */
static T_UNUSED void t_handle(int sig, int flags)
{
	struct sigaction sa = { .sa_handler = t_on_signal, .sa_flags = flags };

	NEED(sigaction(sig, &sa, NULL));
}

/* Blocks a signal in the calling thread. */
static T_UNUSED void t_block(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	NEED(sigprocmask(SIG_BLOCK, &set, NULL));
}

/* ---- memory ---- */

#define BAD ((void *)(uintptr_t)0xdead0000000000UL) /* no canonical address */
#define PAGE 4096

/* Maps @pages pages to read and write, with an inaccessible page behind them. */
static T_UNUSED char *t_pages(int pages)
{
	char *p = mmap(NULL, (pages + 1) * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p == MAP_FAILED ? -1 : 0);
	NEED(mprotect(p + pages * PAGE, PAGE, PROT_NONE));
	return p;
}

/* Returns an address that was mapped and is not any more. */
static T_UNUSED char *t_unmapped(void)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(munmap(p, PAGE));
	return p;
}

/* ---- files ---- */

/* Makes or replaces a file with @n bytes, or with a text. */
static T_UNUSED void t_file(const char *path, const void *data, size_t n)
{
	int fd = NEED(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	NEED(write(fd, data, n) == (ssize_t)n ? 0 : -1);
	close(fd);
}

static T_UNUSED void t_text(const char *path, const char *text)
{
	t_file(path, text, strlen(text));
}

/* Copies this program to @to, as a new file. */
static T_UNUSED void t_copy_self(const char *to)
{
	int in = NEED(open("/proc/self/exe", O_RDONLY)),
	    out = NEED(open(to, O_WRONLY | O_CREAT, 0755));
	char buf[65536];
	int n;

	while ((n = (int)read(in, buf, sizeof(buf))) > 0)
		NEED(write(out, buf, (size_t)n));
	close(in);
	close(out);
}

/* Prints the first 200 bytes of a file, with dots for those that are not printable. */
static T_UNUSED void t_cat(const char *path)
{
	char buf[200];
	int fd = open(path, O_RDONLY | O_NONBLOCK), i;
	ssize_t n;

	if (fd == -1) {
		say("%s: %s", path, t_errno(errno));
		return;
	}
	n = read(fd, buf, sizeof(buf));
	close(fd);
	for (i = 0; i < n; i++)
		if (buf[i] < ' ' || buf[i] > '~')
			buf[i] = '.';
	say("%s: %zd \"%.*s\"", path, n, n < 0 ? 0 : (int)n, buf);
}

/* Returns a word for the type of file. */
static T_UNUSED const char *t_type(mode_t mode)
{
	return S_ISREG(mode)  ? "file" :
	       S_ISDIR(mode)  ? "dir" :
	       S_ISLNK(mode)  ? "link" :
	       S_ISFIFO(mode) ? "fifo" :
	       S_ISSOCK(mode) ? "sock" :
	       S_ISCHR(mode)  ? "chr" :
	       S_ISBLK(mode)  ? "blk" :
				"?";
}

/* ---- the frame around a test ---- */

static T_UNUSED int t_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/*
 * Keeps the test on one CPU from now on: packets over a link stay in order, and so do counts by
 * CPU.
 */
static T_UNUSED void t_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	NEED(sched_setaffinity(0, sizeof(one), &one));
}

extern const struct t_entry __start_t_entries[], __stop_t_entries[];

__attribute__((weak)) int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	const struct t_entry *e = __start_t_entries;
	struct rlimit no_core = { 0, 0 };
	char dir[] = "t.XXXXXX";

	t_argc = argc;
	t_argv = argv;
	for (; e < __stop_t_entries && strcmp(e->name, name) != 0; e++)
		;
	if (e == __stop_t_entries) {
		for (e = __start_t_entries; e < __stop_t_entries; e++)
			say("%s", e->name);
		return 97;
	}
	setrlimit(RLIMIT_CORE, &no_core);
	umask(022);
	if (argc > 1) { /* the test has executed itself */
		e->fn();
		return 0;
	}
	NEED(mkdtemp(dir) ? 0 : -1);
	NEED(chmod(dir, 0755));
	NEED(chdir(dir));
	e->fn();
	NEED(chdir(".."));
	nftw(dir, t_remove, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

#endif
