/* SPDX-License-Identifier: MIT */
/*
 * keeper.c: the process that stays with a restored kernel after nestctl has ended. It keeps open
 * the host's ends of init's pipes (con4, con5), since a closed pipe would wake up init again and
 * again. It reads the kernel's standard error and waits for the kernel's end. When the guest of a
 * machine restarts, it starts the next kernel. The kernel dies with the keeper (PR_SET_PDEATHSIG).
 *
 * Reports go through a pipe to nestctl: "k PID\n" when a kernel has started; "r" from the kernel
 * itself when the instance runs (ready=); "e STATUS TEXT" when the last kernel has ended, with
 * waitpid's status and the beginning of its standard error. Reports are lost once nestctl has
 * ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/state/state.h"

/* a whole report is shorter than PIPE_BUF, so that it is written atomically */
#define SAID_MAX 2000

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes all descriptors from 3 on except @kept. */
static void close_others(int *kept, size_t n)
{
	unsigned int from = 3;

	qsort(kept, n, sizeof(*kept), by_number);
	for (size_t i = 0; i < n; i++) {
		if (kept[i] < (int)from)
			continue;
		if (kept[i] > (int)from)
			close_range(from, (unsigned int)kept[i] - 1, 0);
		from = (unsigned int)kept[i] + 1;
	}
	close_range(from, ~0U, 0);
}

static void __attribute__((noreturn))
become_kernel(const struct keeper *k, const char *const *argv, pid_t keeper, int errors)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/*
	 * The state's own files have absolute names. Other names are relative to the folder of the
	 * saved kernel.
	 */
	if (chdir(k->cwd) && chdir("/"))
		_exit(1);
	if (dup2(errors, 2) < 0)
		_exit(1);
	execv(k->kernel, (char *const *)argv);
	dprintf(2, "%s: %s\n", k->kernel, strerror(errno));
	_exit(1);
}

/*
 * Reads available bytes, and stores the first SAID_MAX of all in @said. Returns false at the end of
 * the pipe.
 */
static bool take(int fd, char *said, size_t *n)
{
	char buf[4096];
	ssize_t got = read(fd, buf, sizeof(buf));
	size_t room = SAID_MAX - *n;

	if (got <= 0)
		return got < 0 && (errno == EINTR || errno == EAGAIN);
	if (said) {
		size_t keep = (size_t)got < room ? (size_t)got : room;

		memcpy(said + *n, buf, keep);
		*n += keep;
	}
	return true;
}

/* Reports to nestctl that a kernel cannot be started, and ends the keeper. */
static void __attribute__((noreturn)) give_up(const struct keeper *k, const char *why)
{
	dprintf(k->report, "e 256 cannot start: %s", why);
	_exit(1);
}

/* Starts a kernel and reports its process. *@errors is then the pipe of its standard error. */
static pid_t start(const struct keeper *k, const char *const *argv, int *errors)
{
	pid_t keeper = getpid(), pid;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		give_up(k, strerror(errno));
	/* vfork() avoids the copy of the page tables */
	pid = vfork();
	if (!pid)
		become_kernel(k, argv, keeper, fds[1]);
	if (pid < 0)
		give_up(k, task_error(errno));
	close(fds[1]);
	*errors = fds[0];
	dprintf(k->report, "k %d\n", (int)pid);
	return pid;
}

/*
 * Reads the pipes until the kernel ends, and closes @errors. Returns the kernel's wait status, and
 * in @said the beginning of its standard error.
 */
static int keep(const struct keeper *k, pid_t pid, int errors, char said[SAID_MAX + 1])
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status;
	struct pollfd p[2 + KEEPER_FDS] = { { .fd = pidfd, .events = POLLIN },
		{ .fd = errors, .events = POLLIN } };
	size_t n = 0;

	/* POLLIN is not needed for the end of a write-only pipe: poll(2) always reports POLLERR. */
	for (int i = 0; i < KEEPER_FDS; i++)
		p[2 + i] = (struct pollfd){ .fd = k->fds[i], .events = POLLIN };
	while (pidfd >= 0 && !p[0].revents) {
		if (poll(p, 2 + KEEPER_FDS, -1) < 0)
			continue;
		for (int i = 1; i < 2 + KEEPER_FDS; i++)
			if (p[i].revents && !take(p[i].fd, i == 1 ? said : NULL, &n))
				p[i].fd = -1;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	fcntl(errors, F_SETFL, O_NONBLOCK);
	errno = 0;
	while (take(errors, said, &n) && n < SAID_MAX && errno != EAGAIN)
		;
	said[n] = '\0';
	close(errors);
	close(pidfd);
	return status;
}

/* Closes what neither the keeper nor a next kernel needs. */
static void close_rest(const struct keeper *k, int errors)
{
	int kept[KEEPER_FDS + KEEPER_HELD + 2], n = 0;

	for (int i = 0; i < KEEPER_FDS; i++)
		kept[n++] = k->fds[i];
	for (int i = 0; i < k->nr_held; i++)
		kept[n++] = k->held[i];
	kept[n++] = errors;
	kept[n++] = k->report;
	close_others(kept, (size_t)n);
}

static void __attribute__((noreturn)) run_keeper(const struct keeper *k)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), errors, status, len;
	char said[SAID_MAX + 1], text[SAID_MAX + 100];
	pid_t pid;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_IGN);
	setsid();
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		give_up(k, strerror(errno));
	pid = start(k, k->argv, &errors);
	close_rest(k, errors);
	/* only a kernel that goes on from a state reports */
	fcntl(k->report, F_SETFD, FD_CLOEXEC);
	if (k->boot)
		fcntl(k->initrd, F_SETFD, 0);
	if (chdir("/"))
		_exit(1);
	for (;;) {
		status = keep(k, pid, errors, said);
		if (!k->boot || !WIFEXITED(status) || WEXITSTATUS(status) != MACHINE_RESTARTS)
			break;
		pid = start(k, k->boot, &errors);
	}
	len = snprintf(text, sizeof(text), "e %d %s", status, said);
	_exit(write(k->report, text, (size_t)len) == len ? 0 : 1);
}

void keeper_start(const struct keeper *k)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("cannot start a process: %s", task_error(errno));
	if (!pid)
		run_keeper(k);
}
