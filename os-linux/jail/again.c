/* SPDX-License-Identifier: MIT */
/*
 * again.c: reboots a jailed kernel process, or makes it continue from a state. The filter outlives
 * an execve(2), so a new process has to take the place of the kernel process. But the parent waits
 * for the old process, which therefore stays, as a stub.
 *
 *      kernel process              broker
 *      parks its threads
 *      ASK_AGAIN, descriptors -->  checks the request
 *      closes what the next
 *      process may want
 *      ASK_GO                 -->  becomes the launcher: starts a new kernel process, which has
 *      closes the rest             a broker of its own
 *      becomes the stub
 *
 *      parent <- stub <- launcher <- kernel process <- broker        (x <- y: y is a child of x)
 *
 * The stub has no memory of the guest, and its only descriptor is the socket to the launcher. It
 * forwards signals. It ends with the launcher's status, which is that of the last kernel process.
 * At the next reboot, the broker passes the request on to the launcher and ends, and the launcher
 * kills the kernel process. So there are never more processes than these.
 *
 * Memory, and files without names, take the host milliseconds to free. So the kernel process frees
 * them after the request for the next kernel process, while that process starts.
 *
 * The command line is the broker's own copy. The kernel process may only choose the state to start
 * from, and only a state that the console's owner has named.
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

/* the environment variable with the number of the launcher's socket */
#define LAUNCHER "NESTLING_LAUNCHER"
/* numbers from here on are for descriptors that do not have their final number yet */
#define OUT_OF_THE_WAY 1000
#define WORDS_MAX 4096
/*
 * The range where the guest's memory is mapped (arch/um/layout.h). Only mappings of at least
 * GUEST_LEAST bytes in it are unmapped.
 */
#define GUEST_FROM 0x100000000000UL
#define GUEST_TO 0x700000000000UL
#define GUEST_LEAST (1UL << 20)
#define NUMBERS_MAX 65536 /* limit of descriptor numbers */
#define LOOK_AT 1024
#define LEFT_MAX 64
#define FORK_MS 1000
#define FORK_STEP_MS 10

/* ---- the broker and the launcher ---- */

static char *words[WORDS_MAX + 1];
static uint32_t nr_words;
/* words that the owner has replaced, from [1] on, which a launcher has to know, too */
#define PLACED_MAX 32
static char *placed[PLACED_MAX + 1];
static uint32_t nr_placed = 1;
/*
 * The recorded request for the next kernel process, if @asked. @dir: the state, or "". @fd: the
 * broker's descriptors, which get the numbers @number there.
 */
static struct {
	bool asked;
	char dir[ASK_TEXT];
	int fd[ASK_FDS], number[ASK_FDS], nr;
} next;
static bool hup_was_ignored;
/* true: the kernel process has a launcher */
static bool was_launched;
static pid_t broker_pid;

void again_word(const char *word)
{
	if (nr_words < WORDS_MAX)
		words[nr_words++] = strdup(word);
}

void again_place(const char *word)
{
	if (nr_words < WORDS_MAX && nr_placed < PLACED_MAX && !os_place_in(words, &nr_words, word))
		os_place_in(placed, &nr_placed, word);
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

/* Drops the recorded request, with its descriptors. */
static void forget(void)
{
	next.asked = false;
	while (next.nr)
		close(next.fd[--next.nr]);
}

/*
 * Records the request in place of an earlier one. Returns false if the request is malformed; then
 * the descriptors stay the caller's. Does not check whether the owner has named the state.
 */
static bool note(const struct ask *a, const int *fds, int nr)
{
	char *dir = strchr((char *)a->text, ':');
	const char *p = a->text;

	forget();
	if (!dir || nr > ASK_FDS)
		return false;
	for (int i = 0; i < nr; i++) {
		unsigned long number;
		char *end;

		number = strtoul(p, &end, 10);
		if (end == p || number >= OUT_OF_THE_WAY)
			return false;
		next.number[i] = (int)number;
		next.fd[i] = fds[i];
		p = end;
	}
	next.nr = nr;
	snprintf(next.dir, sizeof(next.dir), "%s", dir + 1);
	next.asked = true;
	return true;
}

bool again_ask(const struct ask *a, const int *fds, int nr)
{
	const char *dir = strchr(a->text, ':');

	return dir && (!dir[1] || files_named(dir + 1)) && note(a, fds, nr);
}

/* Called in a child: gives the descriptors their numbers and executes the program. */
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
		/* the list of files is empty (restore.c) */
		*end = "old=";
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

/* Ends the launcher, and with it the stub, after a line on the instance's standard error. */
static void __attribute__((noreturn)) give_up(const char *call, int err)
{
	for (int i = 0; i < next.nr; i++)
		if (next.number[i] == 2)
			dprintf(next.fd[i], "nestling: no next kernel process can start: %s: %s\n",
				call, strerror(err));
	_exit(1);
}

/*
 * Forks. The threads of the last kernel process may count against a limit for a moment after its
 * end, so a refusal for a limit is tried again for FORK_MS. Returns as fork(2).
 */
static pid_t fork_patiently(void)
{
	pid_t pid = fork();

	for (int ms = 0; pid < 0 && errno == EAGAIN && ms < FORK_MS; ms += FORK_STEP_MS) {
		poll(NULL, 0, FORK_STEP_MS);
		pid = fork();
	}
	return pid;
}

/*
 * Starts the next kernel process, and sets *@way to the launcher's end of its socket. Returns its
 * pid, or ends the launcher if the host refuses.
 */
static pid_t start_next(int *way)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		give_up("socketpair", errno);
	pid = fork_patiently();
	if (pid < 0)
		give_up("fork", errno);
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

/* Ends with the status of the kernel process. */
static void __attribute__((noreturn)) end_as(int status)
{
	if (WIFSIGNALED(status)) {
		os_child_signals();
		kill(getpid(), WTERMSIG(status));
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/*
 * Receives the request that the broker of the kernel process passes on, after the words that the
 * owner has replaced. Returns false if the broker has ended without a request, or if it is
 * malformed.
 */
static bool hear_next(int way)
{
	int fds[ASK_FDS + 1], nr;
	struct ask a;

	broker.ask = way;
	do {
		nr = way < 0 ? -1 : broker_hear(&a, fds);
		if (nr == 0 && a.kind == ASK_WORD && nr_words < WORDS_MAX)
			os_place_in(words, &nr_words, a.text);
	} while (nr == 0 && a.kind == ASK_WORD);
	return nr >= 0 && a.kind == ASK_AGAIN && note(&a, fds, nr);
}

/*
 * Called when the kernel process has ended. Returns the pid of the next one, or ends the launcher.
 */
static pid_t follow(int status, int *way)
{
	/* with status 0 the kernel process may have asked its broker for a reboot */
	if (!WIFEXITED(status) || WEXITSTATUS(status) || !hear_next(*way))
		end_as(status);
	return start_next(way);
}

/*
 * Called when the broker has passed on a request for the next kernel process, or has ended. The
 * present kernel process has closed the files that the next one may need, so its end is not waited
 * for. Returns the pid of the next kernel process, or @kernel if the broker has ended without a
 * request.
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
 * Called when children have stopped or ended: the kernel process, or a child that it has left, such
 * as its broker. Returns the pid of the present kernel process.
 */
static pid_t look_at_children(pid_t kernel, int *way)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != kernel)
			continue;
		if (WIFSTOPPED(status))
			kill(getppid(), SIGSTOP); /* makes a waiting shell see the stop */
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
		for (uint32_t i = 1; i < nr_placed; i++)
			broker_ask(broker.launcher, ASK_WORD, 0, placed[i], NULL, 0);
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
			/* the stub was killed: the launcher ends the kernel process, its child */
			kill(kernel, SIGKILL);
			_exit(1);
		}
		if (a.kind == ASK_SIGNAL)
			kill(kernel, (int)a.value);
	}
}

/* ---- the kernel process ---- */

/*
 * Collects the open descriptors that the new process needs: 0 to 2, and those that the command line
 * names. They keep their numbers there. Sets fd[] and the text of ASK_AGAIN. Returns how many
 * descriptors there are.
 */
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

/* ---- freeing memory and files ---- */

/* files that the host frees with their last descriptor: guest memory, data written to a disk */
static int left[LEFT_MAX], nr_left;

/* Closes a descriptor, or saves it to be closed later. */
static void let_go(int fd)
{
	if (nr_left < LEFT_MAX && os_file_is_left(fd))
		left[nr_left++] = fd;
	else if (!os_packet_drop(fd))
		close(fd);
}

/*
 * Closes all descriptors except @sock and @maps. A call of poll(2) shows which of LOOK_AT numbers
 * are open.
 */
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
		/* if poll() fails, all numbers count as open */
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

/* Unmaps the mapping of a line of /proc/self/maps if it is a large one of the guest. */
static void forget_mapping(const char *line)
{
	char *end;
	unsigned long from = strtoul(line, &end, 16),
		      to = *end == '-' ? strtoul(end + 1, &end, 16) : 0;

	if (from >= GUEST_FROM && to <= GUEST_TO && to > from && to - from >= GUEST_LEAST)
		munmap((void *)from, to - from);
}

/*
 * Unmaps the guest's memory: all large mappings below the libraries' range. This thread's stack
 * stays, since it is smaller than GUEST_LEAST. @maps is /proc/self/maps, which the broker has
 * opened. Does not allocate, as a parked thread may hold the allocator's lock. The host continues
 * its list at an address, so no line is skipped although mappings vanish meanwhile.
 */
static void forget_guest(int maps)
{
	static char buf[16384];
	size_t have = 0;
	ssize_t n;

	while (maps >= 0 && (n = read(maps, buf + have, sizeof(buf) - 1 - have)) > 0) {
		char *line = buf, *newline;

		have += (size_t)n;
		buf[have] = '\0';
		for (; (newline = strchr(line, '\n')); line = newline + 1)
			forget_mapping(line);
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
	}
	if (maps >= 0)
		close(maps);
}

/* True if the launcher, which was the broker, has ended. Sets *@status to the stub's status. */
static bool has_ended(int *status)
{
	siginfo_t si = { 0 };

	if (waitid(P_PID, (id_t)broker_pid, &si, WEXITED | WNOHANG) || !si.si_pid)
		return false;
	*status = si.si_code == CLD_EXITED ? si.si_status & 0xff : 128 + (si.si_status & 0x7f);
	return true;
}

/* Stops a vCPU's timer, which this process still has: its signal must not be forwarded. */
static void stop_timer(int timer)
{
	const struct itimerspec never = { 0 };

	syscall(SYS_timer_settime, timer, 0, &never, NULL);
}

/*
 * Forwards signals to the launcher, which reports by a SIGSTOP when the kernel process has stopped.
 * Ends with the launcher's status when that has ended.
 */
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
	/* a broker with a launcher ends now, and the launcher kills this process */
	if (was_launched)
		_exit(host_recv(sock, &a, sizeof(a), 0) > 0);
	forget_guest(maps);
	close_left();
	be_stub(sock);
}
