/* SPDX-License-Identifier: MIT */
/*
 * keeper.c: the process that stays with a restored kernel after nestctl has ended. It keeps open
 * the host's ends of init's pipes (con4, con5), since a closed pipe would wake up init again and
 * again. It reads the kernel's standard error and waits for the kernel's end. When the guest of a
 * machine restarts, it starts the next kernel. The kernel dies with the keeper (PR_SET_PDEATHSIG).
 * A machine's console, its kernels' standard error and the last kernel's end go to a log
 * (machine_log.c), since no nestctl reads the reports then.
 *
 * Reports go through a pipe to nestctl: "k PID\n" when a kernel has started; from the kernel itself
 * (ready=) "w" when it waits (hold=console) and "r" when the instance runs; "e STATUS TEXT" when
 * the last kernel has ended, with waitpid's status and the beginning of its standard error. Reports
 * are lost once their reader, nestctl or a warmer (warm.h), has ended. The keeper then ends a copy
 * that still waits.
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
#include "tools/nestctl/service/log.h"
#include "tools/nestctl/state/warm.h"

/* a whole report is shorter than PIPE_BUF, so that it is written atomically */
#define SAID_MAX 2000
/* how often, and how long, the keeper of a copy that waits tries to end it without a warmer */
#define END_STEP_MS 1000
#define END_TRIES 60

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

/* The beginnings of a kernel's standard error and of its init's reports. */
struct said {
	char errors[SAID_MAX + 1], status[SAID_MAX + 1];
	size_t nr_errors, nr_status;
};

static void append(char *text, size_t *n, const char *more, size_t size)
{
	size_t room = SAID_MAX - *n;

	memcpy(text + *n, more, size < room ? size : room);
	*n += size < room ? size : room;
	text[*n] = '\0';
}

/* Reads available bytes of the pipe @fd. Returns false at its end. */
static bool take(const struct keeper *k, int fd, int errors, struct said *said)
{
	char buf[4096];
	ssize_t got = read(fd, buf, sizeof(buf));

	if (got <= 0)
		return got < 0 && (errno == EINTR || errno == EAGAIN);
	if (fd == errors)
		append(said->errors, &said->nr_errors, buf, (size_t)got);
	else if (fd == k->fds[KEEPER_STATUS])
		append(said->status, &said->nr_status, buf, (size_t)got);
	if (k->log && (fd == errors || fd == k->console))
		log_write(k->log, fd == errors ? LOG_ERR : LOG_OUT, buf, (size_t)got);
	return true;
}

/* Reads what is left in a pipe of a kernel that has ended. */
static void take_rest(const struct keeper *k, int fd, int errors, struct said *said)
{
	if (fd < 0)
		return;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	errno = 0;
	while (take(k, fd, errors, said) && errno != EAGAIN)
		;
}

/* Reports to nestctl that a kernel cannot be started, and ends the keeper. */
static void __attribute__((noreturn)) give_up(const struct keeper *k, const char *why)
{
	dprintf(k->report, "e 256 cannot start: %s", why);
	_exit(1);
}

/*
 * Starts a kernel and reports its process. Sets *errors to the pipe of the kernel's standard error.
 */
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

/* Reads the pipes until the kernel ends, and closes @errors. Returns the kernel's wait status. */
static int keep(const struct keeper *k, pid_t pid, int errors, struct said *said)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status;
	struct pollfd p[4 + KEEPER_FDS] = { { .fd = pidfd, .events = POLLIN },
		{ .fd = errors, .events = POLLIN }, { .fd = k->console, .events = POLLIN } };
	struct pollfd *reader = &p[3 + KEEPER_FDS];
	int tries = 0; /* to end a copy that waits */

	*said = (struct said){ .nr_errors = 0 };
	/* POLLIN is not needed for the end of a write-only pipe: poll(2) always reports POLLERR. */
	for (int i = 0; i < KEEPER_FDS; i++)
		p[3 + i] = (struct pollfd){ .fd = k->fds[i], .events = POLLIN };
	/* poll(2) reports POLLERR when no process reads the reports any more */
	*reader = (struct pollfd){ .fd = k->waits ? k->report : -1 };
	while (pidfd >= 0 && !p[0].revents) {
		int n = poll(p, 4 + KEEPER_FDS, tries ? END_STEP_MS : -1);

		if (n < 0)
			continue;
		if (reader->revents) {
			reader->fd = -1;
			reader->revents = 0;
			tries = END_TRIES;
		}
		/* a copy has no folder of this name before it waits, nor after it was taken */
		if (tries && n == 0 && !warm_end_copy(k->waits, pid))
			tries--;
		for (int i = 1; i < 3 + KEEPER_FDS; i++)
			if (p[i].revents && !take(k, p[i].fd, errors, said))
				p[i].fd = -1;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	take_rest(k, k->console, errors, said);
	take_rest(k, k->fds[KEEPER_STATUS], errors, said);
	take_rest(k, errors, errors, said);
	close(errors);
	close(pidfd);
	return status;
}

/* Closes what neither the keeper nor a next kernel needs. */
static void close_rest(const struct keeper *k, int errors)
{
	int kept[KEEPER_FDS + KEEPER_HELD + 5], n = 0;

	for (int i = 0; i < KEEPER_FDS; i++)
		kept[n++] = k->fds[i];
	for (int i = 0; i < k->nr_held; i++)
		kept[n++] = k->held[i];
	kept[n++] = errors;
	kept[n++] = k->report;
	if (k->log) {
		kept[n++] = k->console;
		kept[n++] = k->log->fd;
		kept[n++] = k->log->dir;
	}
	close_others(kept, (size_t)n);
}

/*
 * Adds to the log why the machine's last kernel has ended, unless the machine has powered off or
 * continues under another keeper.
 */
static void note_end(const struct keeper *k, int status, const struct said *said, bool is_next)
{
	const char *which = is_next ? "the machine's next kernel" : "the machine's kernel";
	char text[SAID_MAX + 100];
	int len = 0;

	if (!strncmp(said->status, "error ", 6))
		len = snprintf(text, sizeof(text), "%s cannot boot: %.*s\n", which,
			(int)strcspn(said->status + 6, "\r\n"), said->status + 6);
	else if (WIFSIGNALED(status))
		len = snprintf(text, sizeof(text), "%s was killed by signal %d\n", which,
			WTERMSIG(status));
	else if (WEXITSTATUS(status))
		len = snprintf(text, sizeof(text), "%s ended with status %d\n", which,
			WEXITSTATUS(status));
	if (k->log && !machine_log_goes_on(k->log->dir))
		log_write(k->log, LOG_OURS, text, (size_t)len);
	if (k->log)
		machine_log_end(k->log);
}

static void __attribute__((noreturn)) run_keeper(const struct keeper *k)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), errors, status, len;
	char text[SAID_MAX + 100];
	struct said said;
	bool is_next = false;
	pid_t pid;

	gain_no_rights();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_IGN);
	setsid();
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		give_up(k, strerror(errno));
	pid = start(k, k->argv, &errors);
	close_rest(k, errors);
	/* only the kernel that continues from the state has this pipe (ready=) */
	fcntl(k->report, F_SETFD, FD_CLOEXEC);
	if (k->boot)
		fcntl(k->initrd, F_SETFD, 0);
	if (chdir("/"))
		_exit(1);
	for (;;) {
		status = keep(k, pid, errors, &said);
		if (!k->boot || !WIFEXITED(status) || WEXITSTATUS(status) != MACHINE_RESTARTS)
			break;
		pid = start(k, k->boot, &errors);
		is_next = true;
	}
	note_end(k, status, &said, is_next);
	len = snprintf(text, sizeof(text), "e %d %s", status, said.errors);
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
