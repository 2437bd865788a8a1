/* SPDX-License-Identifier: MIT */
/*
 * keeper.c: the process that stays with a restored kernel after nestctl has ended. It keeps open
 * the host's ends of init's pipes (con4, con5), since a closed pipe would wake up init again and
 * again. It reads the kernel's standard error and waits for the kernel's end. The kernel dies with
 * the keeper (PR_SET_PDEATHSIG).
 *
 * Reports go through a pipe to nestctl: "k PID\n" when the kernel has started; "r" from the kernel
 * itself when the instance runs (ready=); "e STATUS TEXT" when the kernel has ended, with waitpid's
 * status and the beginning of its standard error. Reports are lost once nestctl has ended.
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
become_kernel(const struct keeper *k, pid_t keeper, int errors)
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
	execv(k->kernel, (char *const *)k->argv);
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

/* Reads the pipes until the kernel ends, and reports its end. */
static void __attribute__((noreturn))
keep(const struct keeper *k, pid_t pid, int errors, int report)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status;
	struct pollfd p[2 + KEEPER_FDS] = { { .fd = pidfd, .events = POLLIN },
		{ .fd = errors, .events = POLLIN } };
	char said[SAID_MAX + 1], text[SAID_MAX + 100];
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
	while (take(errors, said, &n) && n < SAID_MAX && errno != EAGAIN)
		;
	said[n] = '\0';
	int len = snprintf(text, sizeof(text), "e %d %s", status, said);

	_exit(write(report, text, (size_t)len) == len ? 0 : 1);
}

static void __attribute__((noreturn)) run_keeper(const struct keeper *k)
{
	int report = k->report, errors[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int kept[KEEPER_FDS + 2];
	pid_t keeper = getpid(), pid;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_IGN);
	setsid();
	if (null < 0 || pipe2(errors, O_CLOEXEC) || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
		dup2(null, 2) < 0) {
		dprintf(report, "e 256 cannot start: %s", strerror(errno));
		_exit(1);
	}
	/* vfork() avoids the copy of the page tables */
	pid = vfork();
	if (!pid)
		become_kernel(k, keeper, errors[1]);
	if (pid < 0) {
		dprintf(report, "e 256 cannot start: %s", task_error(errno));
		_exit(1);
	}
	dprintf(report, "k %d\n", (int)pid);
	memcpy(kept, k->fds, sizeof(k->fds));
	kept[KEEPER_FDS] = errors[0];
	kept[KEEPER_FDS + 1] = report;
	close_others(kept, KEEPER_FDS + 2);
	if (chdir("/"))
		_exit(1);
	keep(k, pid, errors[0], report);
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
