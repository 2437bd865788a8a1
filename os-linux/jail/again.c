/* SPDX-License-Identifier: MIT */
/*
 * again.c: a reboot, or a way back to a state, of a jailed kernel process. Its filter outlives an
 * execve(2), so a new process has to take its place; but its parent waits for this one.
 *
 *      kernel process              broker
 *      parks its threads
 *      ASK_AGAIN, descriptors -->  looks at what is asked for
 *      closes what the next
 *      process may want
 *      ASK_GO                 -->  becomes the launcher: starts a new kernel process, which has
 *      closes the rest             a broker of its own
 *      becomes the stub
 *
 *      parent <- stub <- launcher <- kernel process <- broker
 *
 * The stub has no memory of the guest and no descriptor but the way to the launcher. It passes
 * signals on, and ends as the launcher does, which ends as the last kernel process did. The next
 * time, the broker passes the ask on to the launcher and ends, and the launcher kills the kernel
 * process: there are never more processes than these.
 *
 * Memory, and files without names, take the host milliseconds to free. So the kernel process gives
 * them back when the next one has been asked for, beside its start.
 *
 * The command line is the broker's own copy. What the kernel process may choose is a state to start
 * from, if the owner of the console has named it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/internal.h"
#include "os-linux/jail/broker.h"
#include "os-linux/jail/jail.h"

/* the variable with the number of the way to it */
#define LAUNCHER "NESTLING_LAUNCHER"
#define OUT_OF_THE_WAY 1000 /* descriptors that wait for their numbers */
#define WORDS_MAX 4096
/*
 * The range where the guest's memory is mapped (arch/um/layout.h); it is unmapped in larger pieces
 * than other mappings.
 */
#define GUEST_FROM 0x100000000000UL
#define GUEST_TO 0x700000000000UL
#define GUEST_LEAST (1UL << 20)
#define MAPS_MAX 4096
#define NUMBERS_MAX 65536 /* of descriptors */
#define LOOK_AT 1024
#define LEFT_MAX 64

/* ---- the broker and the launcher ---- */

static char *words[WORDS_MAX + 1];
static int nr_words;
static struct {
	bool asked;
	char dir[ASK_TEXT];
	int fd[ASK_FDS], number[ASK_FDS], nr;
} next;
static bool hup_was_ignored;
static bool was_launched; /* of the kernel process */
static pid_t broker_pid;

void again_word(const char *word)
{
	if (nr_words < WORDS_MAX)
		words[nr_words++] = strdup(word);
}

void again_begin(void)
{
	const char *number = getenv(LAUNCHER);
	struct sigaction hup;

	hup_was_ignored = !sigaction(SIGHUP, NULL, &hup) && hup.sa_handler == SIG_IGN;
	broker.launcher = number ? atoi(number) : -1;
	was_launched = number;
	if (number)
		fcntl(broker.launcher, F_SETFD, FD_CLOEXEC);
	unsetenv(LAUNCHER);
}

void again_broker(pid_t pid)
{
	broker_pid = pid;
	if (broker.launcher >= 0)
		close(broker.launcher);
	broker.launcher = -1;
}

/* Records the request without checking whether the state may be named. */
static bool note(const struct ask *a, const int *fds, int nr)
{
	char *dir = strchr((char *)a->text, ':');
	const char *p = a->text;

	next.asked = false;
	if (!dir || nr > ASK_FDS)
		return false;
	for (next.nr = 0; next.nr < nr; next.nr++) {
		char *end;

		next.number[next.nr] = (int)strtoul(p, &end, 10);
		if (end == p || next.number[next.nr] >= OUT_OF_THE_WAY)
			return false;
		next.fd[next.nr] = fds[next.nr];
		p = end;
	}
	snprintf(next.dir, sizeof(next.dir), "%s", dir + 1);
	next.asked = true;
	return true;
}

bool again_ask(const struct ask *a, const int *fds, int nr)
{
	const char *dir = strchr(a->text, ':');

	return dir && (!dir[1] || files_named(dir + 1)) && note(a, fds, nr);
}

/* In a child: the descriptors get their numbers, and the program starts. */
static void __attribute__((noreturn)) start_kernel(int way)
{
	char number[16], **argv = next.dir[0] ? os_words_from(words, next.dir) : words,
			 **end = argv;
	int self = open("/proc/self/exe", O_PATH | O_CLOEXEC), highest = 2;

	for (int i = 0; i < next.nr; i++)
		next.fd[i] = fcntl(next.fd[i], F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
	while (next.dir[0] && argv && *end)
		end++;
	if (next.dir[0] && argv)
		*end = "old="; /* no files are left (restore.c) */
	way = fcntl(way, F_DUPFD, OUT_OF_THE_WAY);
	self = fcntl(self, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
	for (int i = 0; i < next.nr; i++) {
		dup2(next.fd[i], next.number[i]);
		if (next.number[i] > highest)
			highest = next.number[i];
	}
	snprintf(number, sizeof(number), "%d", way);
	setenv(LAUNCHER, number, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	os_child_signals();
	if (hup_was_ignored)
		signal(SIGHUP, SIG_IGN);
	if (argv)
		fexecve(self, argv, environ);
	_exit(1);
}

static pid_t start_next(int *way)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	pid = fork();
	if (!pid)
		start_kernel(pair[1]);
	close(pair[1]);
	for (int i = 0; i < next.nr; i++)
		close(next.fd[i]);
	next.nr = 0;
	if (*way >= 0)
		close(*way);
	*way = pair[0];
	return pid;
}

/* Ends as the kernel process has. */
static void __attribute__((noreturn)) end_as(int status)
{
	if (WIFSIGNALED(status)) {
		os_child_signals();
		kill(getpid(), WTERMSIG(status));
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/*
 * Receives the request that the broker of the kernel process passes on. Returns false if the broker
 * has ended without one.
 */
static bool hear_next(int way)
{
	int fds[ASK_FDS + 1], nr;
	struct ask a;

	broker.ask = way;
	nr = way < 0 ? -1 : broker_hear(&a, fds);
	return nr >= 0 && a.kind == ASK_AGAIN && note(&a, fds, nr);
}

/* The kernel process has ended. Returns the next one, or does not return. */
static pid_t follow(int status, int *way)
{
	/* The next one was asked for, by the broker of this one, before this one could end. */
	if (!WIFEXITED(status) || WEXITSTATUS(status) || !hear_next(*way))
		end_as(status);
	return start_next(way);
}

/*
 * The broker has passed on which kernel process is the next one, or has ended. The present one has
 * closed what the next one may want, and its end is not waited for.
 */
static pid_t succeed(pid_t kernel, int *way)
{
	if (hear_next(*way)) {
		kill(kernel, SIGKILL);
		return start_next(way);
	}
	close(*way);
	*way = -1;
	return kernel;
}

/*
 * Children have stopped or ended: the kernel process, or one that it has left, such as its broker.
 * Returns the kernel process that runs from now on.
 */
static pid_t look_at_children(pid_t kernel, int *way)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != kernel)
			continue;
		if (WIFSTOPPED(status))
			kill(getppid(), SIGSTOP); /* for the shell that waits for it */
		else
			kernel = follow(status, way);
	}
	return kernel;
}

void again_go(void)
{
	int way = -1, stub = broker.ask, signals;
	sigset_t all;
	pid_t kernel;

	if (!next.asked)
		return;
	if (broker.launcher >= 0) {
		char text[ASK_TEXT] = "";
		size_t at = 0;

		for (int i = 0; i < next.nr; i++)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%d ", next.number[i]);
		snprintf(text + at, sizeof(text) - at, ":%s", next.dir);
		broker_ask(broker.launcher, ASK_AGAIN, 0, text, next.fd, next.nr);
		_exit(0);
	}
	prctl(PR_SET_NAME, "nestling-again");
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signals = signalfd(-1, &all, SFD_CLOEXEC);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	for (int fd = 0; fd < 3; fd++)
		open("/dev/null", O_RDWR);
	close(broker.listener);
	close(broker.memory);
	close(broker.console);
	close(broker.relay);
	kernel = start_next(&way);
	for (;;) {
		struct pollfd p[] = { { signals, POLLIN, 0 }, { stub, POLLIN, 0 },
			{ way, POLLIN, 0 } };
		struct signalfd_siginfo info;
		struct ask a;

		poll(p, 3, -1);
		if (p[2].revents)
			kernel = succeed(kernel, &way);
		if (p[0].revents && read(signals, &info, sizeof(info)) == sizeof(info) &&
			info.ssi_signo == SIGCHLD)
			kernel = look_at_children(kernel, &way);
		if (!p[1].revents)
			continue;
		broker.ask = stub;
		if (broker_hear(&a, NULL) < 0) {
			/* The stub was killed. Landlock keeps its parent-death signal from here. */
			kill(kernel, SIGKILL);
			_exit(1);
		}
		if (a.kind == ASK_SIGNAL)
			kill(kernel, (int)a.value);
	}
}

/* ---- the kernel process ---- */

/* Collects the descriptor numbers that the new process needs, which keep their numbers there. */
static int wanted(int *fd, char *text, size_t size)
{
	int nr = 0, next_number = 0;
	size_t at = 0;

	for (int i = 0; i < 3; i++)
		fd[nr++] = i;
	while (nr < ASK_FDS && (next_number = os_named_fd(next_number)) >= 0)
		if (next_number > 2 && next_number < OUT_OF_THE_WAY &&
			fcntl(next_number, F_GETFD) >= 0)
			fd[nr++] = next_number;
	for (int i = 0; i < nr; i++)
		at += (size_t)snprintf(text + at, size - at, "%d ", fd[i]);
	return nr;
}

/* ---- what is given back ---- */

/* Files that the host frees with their last descriptor: guest memory, what a disk was written. */
static int left[LEFT_MAX], nr_left;

/* Closes a descriptor, or notes it for later. */
static void let_go(int fd)
{
	if (nr_left < LEFT_MAX && os_file_is_left(fd))
		left[nr_left++] = fd;
	else if (!os_packet_drop(fd))
		close(fd);
}

/* Closes all descriptors but two. One poll(2) reports for many numbers which of them are open. */
static void let_all_go(int sock, int maps)
{
	static struct pollfd look[LOOK_AT];
	int end = (int)sysconf(_SC_OPEN_MAX);

	if (end < 0 || end > NUMBERS_MAX)
		end = NUMBERS_MAX;
	for (int from = 0; from < end; from += LOOK_AT) {
		int nr = end - from < LOOK_AT ? end - from : LOOK_AT;

		for (int i = 0; i < nr; i++)
			look[i] = (struct pollfd){ .fd = from + i };
		/* where it fails, all are taken to be open */
		poll(look, (nfds_t)nr, 0);
		for (int i = 0; i < nr; i++)
			if (!(look[i].revents & POLLNVAL) && from + i != sock && from + i != maps)
				let_go(from + i);
	}
}

static void close_left(void)
{
	while (nr_left)
		close(left[--nr_left]);
}

/*
 * Unmaps the guest's memory, which holds all large mappings below the libraries' range: the stack
 * of this thread is small. @maps is /proc/self/maps, which the broker has opened.
 */
static void forget_guest(int maps)
{
	static struct {
		unsigned long start, end;
	} large[MAPS_MAX];
	FILE *f = maps < 0 ? NULL : fdopen(maps, "r");
	char line[512];
	int nr = 0;

	while (f && nr < MAPS_MAX && fgets(line, sizeof(line), f)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start >= GUEST_FROM &&
			end <= GUEST_TO && end - start >= GUEST_LEAST) {
			large[nr].start = start;
			large[nr++].end = end;
		}
	}
	if (f)
		fclose(f);
	for (int i = 0; i < nr; i++)
		munmap((void *)large[i].start, large[i].end - large[i].start);
}

/* True if the broker has ended; with the status that the stub ends with. */
static bool has_ended(int *status)
{
	siginfo_t si = { 0 };

	if (waitid(P_PID, (id_t)broker_pid, &si, WEXITED | WNOHANG) || !si.si_pid)
		return false;
	*status = si.si_code == CLD_EXITED ? si.si_status & 0xff : 128 + (si.si_status & 0x7f);
	return true;
}

/* A timer of a vCPU, which this process still has: its signal would end the next kernel process. */
static void stop_timer(int timer)
{
	const struct itimerspec never = { 0 };

	syscall(SYS_timer_settime, timer, 0, &never, NULL);
}

/* Passes signals on. Of a stop it hears from the launcher, once the kernel process has stopped. */
static void __attribute__((noreturn)) be_stub(int sock)
{
	sigset_t set;
	int status;

	sigfillset(&set);
	for (;;) {
		siginfo_t info;
		int sig = sigwaitinfo(&set, &info);

		if (sig == SIGCHLD && has_ended(&status))
			_exit(status);
		else if (sig > 0 && info.si_code == SI_TIMER)
			stop_timer(info.si_timerid);
		else if (sig > 0 && sig != SIGCHLD)
			broker_ask(sock, ASK_SIGNAL, (uint64_t)sig, "", NULL, 0);
	}
}

void jail_again(int sock, const char *dir)
{
	static int fd[ASK_FDS];
	char text[ASK_TEXT];
	struct ask a;
	int nr = wanted(fd, text, sizeof(text));
	int maps = was_launched ? -1 : open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t at = strlen(text);

	snprintf(text + at, sizeof(text) - at, ":%s", dir);
	jail_park();
	if (broker_ask(sock, ASK_AGAIN, 0, text, fd, nr))
		_exit(1);
	let_all_go(sock, maps);
	if (broker_ask(sock, ASK_GO, 0, "", NULL, 0))
		_exit(1);
	/* A broker that has a launcher ends now, and the launcher ends this process. */
	if (was_launched)
		_exit(host_recv(sock, &a, sizeof(a), 0) > 0);
	forget_guest(maps);
	close_left();
	be_stub(sock);
}
