/* SPDX-License-Identifier: MIT */
/*
 * slirp_host.c: `eth0=slirp`: a network for a user without any privilege. A helper process
 * (tools/slirp), which jails itself, runs libslirp; frames are sent over a SOCK_SEQPACKET pair. The
 * helper is embedded in this program and started from memory, so it needs no file. The helper ends
 * when this process's end of the pair closes, however the process ends.
 *
 * At a restore, starting the helper would delay the guest, so the jail's broker starts it:
 *
 *      kernel process                 broker                       its child
 *      makes the pair
 *      the helper's end, words -->    keeps them
 *      closes the jail         -->    forks                  -->   starts the helper
 *      reads "ok"              <------------------------------------- helper: "ok"
 *                                     adopts the helper      <--   ends
 *
 * The child ends when the helper has answered. If the helper ends before that, the child sends the
 * reason in its place. If the kernel process closes its end, the child kills the helper.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/audit/audit_host.h"
#include "drivers/net/internal_host.h"
#include "os-linux/host.h"

#define HELPER_FD 3 /* also in tools/slirp/slirp.h */
#define IMAGE_PATH "/proc/self/fd/4"
#define IMAGE_FD 4
#define AUDIT_FD 5    /* word audit= */
#define ANSWERED_FD 6 /* word answered= */
#define SPARE_FD 10
/* The helper accepts this many words: 64 ports, 64 rules of allow= (tools/slirp), and others. */
#define WORDS_MAX (64 + 64 + 16)
#define START_MS 10000
#define SOCKET_BUFFER (4 << 20) /* or less if the host limits it */

extern const char slirp_helper_start[], slirp_helper_end[];

/*
 * Makes a memfd with the helper's program. Hosts before Linux 6.3 do not know MFD_EXEC. Returns the
 * memfd, or -1 with errno set.
 */
static int image_fd(void)
{
	size_t size = (size_t)(slirp_helper_end - slirp_helper_start), done = 0;
	int fd = memfd_create("nestling-slirp", MFD_CLOEXEC | 0x10 /* MFD_EXEC */);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("nestling-slirp", MFD_CLOEXEC);
	while (fd >= 0 && done < size) {
		ssize_t n = write(fd, slirp_helper_start + done, size - done);

		if (n <= 0) {
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	return fd;
}

/* Gives descriptor @from the number @to; -1 leaves that number closed. */
static void place(int from, int to)
{
	if (from < 0)
		close(to);
	else
		dup2(from, to);
}

/*
 * Runs between vfork() and exec(). Standard input and output belong to the guest; standard error
 * stays open for messages. @answered is -1 or a pipe, for the word answered=.
 */
static void exec_helper(int socket, int image, int answered, char *const *argv)
{
	static char *const envp[] = { NULL };
	int s = fcntl(socket, F_DUPFD, SPARE_FD), i = fcntl(image, F_DUPFD, SPARE_FD);
	int a = fcntl(audit_host_fd(), F_DUPFD, SPARE_FD);
	int w = fcntl(answered, F_DUPFD, SPARE_FD);
	int null = open("/dev/null", O_RDWR);

	/* Signals to this process's group, and keys of the terminal, must not reach the helper. */
	setsid();
	if (s < 0 || i < 0 || dup2(s, HELPER_FD) < 0 || dup2(i, IMAGE_FD) < 0)
		_exit(1);
	for (int fd = 0; fd < 3; fd++)
		if (null >= 0)
			dup2(null, fd);
	os_child_signals();
	place(a, AUDIT_FD);
	place(w, ANSWERED_FD);
	os_close_from(ANSWERED_FD + 1);
	fcntl(IMAGE_FD, F_SETFD, FD_CLOEXEC);
	os_user_become();
	syscall(SYS_execveat, IMAGE_FD, "", argv, envp, AT_EMPTY_PATH);
	/* Some hosts, such as Debian's Linux 5.10, do not accept an empty path. */
	if (errno == ENOENT)
		execve(IMAGE_PATH, argv, envp);
	_exit(126);
}

static __attribute__((noinline)) pid_t spawn(int socket, int image, int answered, char *const *argv)
{
	pid_t pid = vfork();

	if (!pid)
		exec_helper(socket, image, answered, argv);
	return pid;
}

/*
 * Splits the link's words into an argument vector, and adds the words for the audit and, with
 * @tells, for a pipe. @text is cut into words.
 */
static int split(char *text, char **argv, bool tells)
{
	int n = 1;

	argv[0] = (char *)"nestling-slirp";
	for (char *word = strsep(&text, ","); word; word = strsep(&text, ",")) {
		if (!*word)
			continue;
		if (n == WORDS_MAX - 3)
			return -E2BIG;
		argv[n++] = word;
	}
	if (audit_host_fd() >= 0)
		argv[n++] = (char *)"audit=5";
	if (tells)
		argv[n++] = (char *)"answered=6";
	argv[n] = NULL;
	return 0;
}

/* Kills and reaps the helper. Returns its wait status, or 0 if this process has no helper. */
static int end_helper(struct net_host *h)
{
	int status = 0;

	if (!h->pid)
		return 0;
	host_kill(h->pid);
	status = host_reap(h->pid);
	h->pid = 0;
	return status;
}

/* The links whose helpers slirp_at_jail() starts, by net_host.next. */
static struct net_host *delayed;

/* Drops the delayed start of the helper, or ends the helper. */
static void end(struct net_host *h)
{
	if (h->helper_end >= 0) {
		for (struct net_host **at = &delayed; *at; at = &(*at)->next)
			if (*at == h) {
				*at = h->next;
				break;
			}
		close(h->helper_end);
		h->helper_end = -1;
	}
	end_helper(h);
}

#define NO_LIBRARY 127 /* exit status of the dynamic loader */
static const char no_library[] = "libslirp is not installed (Debian: libslirp0)";

/* True if the helper's message is that another process has a port. */
static bool is_taken(const char *text)
{
	const char *why = strerror(EADDRINUSE);
	size_t n = strlen(text), len = strlen(why);

	return n >= len && !strcmp(text + n - len, why);
}

/* True if a helper with this wait status has found no libslirp. */
static bool lacks_library(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == NO_LIBRARY;
}

/*
 * Reads the helper's first message: "ok" or an error. Returns 0, -EINPROGRESS if it has not come
 * yet, or another -errno with h->err set: -ELIBACC if libslirp is missing, -EADDRINUSE if another
 * process has a port.
 */
static int hear(struct net_host *h)
{
	char text[200];
	ssize_t n = host_recv(h->asked, text, sizeof(text) - 1, MSG_DONTWAIT);
	int err, status;

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		err = net_wait_on(h);
		if (err == -EINPROGRESS)
			return err;
	}
	if (n > 0)
		text[n] = 0;
	if (n > 0 && !strcmp(text, "ok")) {
		h->fd = h->asked;
		h->asked = -1;
		return 0;
	}
	net_stop_asking(h);
	status = end_helper(h);
	if ((n > 0 && !strcmp(text, no_library)) || lacks_library(status))
		return net_fail(h, ELIBACC, "%s", no_library);
	if (n > 0)
		return net_fail(h, is_taken(text) ? EADDRINUSE : EINVAL, "%s", text);
	return net_fail(h, EIO, "the slirp helper does not start");
}

static int slirp_check(struct net_host *h)
{
	if (slirp_helper_end - slirp_helper_start < 64)
		return net_fail(h, EINVAL, "this build has no slirp: libslirp-dev was missing");
	return 0;
}

/*
 * Starts the helper with the words @words and its end of the socket. @answered is -1 or a pipe, to
 * which the helper writes a byte when it has answered. Returns its pid, or -errno.
 */
static pid_t start(const char *words, int socket, int answered)
{
	char *argv[WORDS_MAX], *text = strdup(words);
	int image = -1, err = text ? split(text, argv, answered >= 0) : -ENOMEM;
	pid_t pid = err;

	if (!err) {
		image = image_fd();
		pid = image < 0 ? -1 : spawn(socket, image, answered, argv);
		if (pid < 0)
			pid = -errno;
	}
	if (image >= 0)
		close(image);
	free(text);
	return pid;
}

/* Writes why start() has failed into @text. */
static void explain(char *text, size_t size, int err)
{
	if (err == -E2BIG)
		snprintf(text, size, "too many words for the slirp helper");
	else
		snprintf(text, size, "cannot start the slirp helper: %s", strerror(-err));
}

/*
 * Runs in a child of the broker: starts the helper, and waits until it has answered or ended, or
 * the kernel process has closed its end of the socket.
 */
static void start_for_jailed(const char *words, int socket)
{
	char text[200] = "", byte;
	int answered[2], err = pipe2(answered, O_CLOEXEC) ? -errno : 0;
	pid_t pid = err ? err : start(words, socket, answered[1]);

	if (!err)
		close(answered[1]);
	if (pid < 0) {
		explain(text, sizeof(text), pid);
	} else {
		struct pollfd p[] = { { answered[0], POLLIN, 0 }, { socket, 0, 0 } };

		while (poll(p, 2, -1) < 0 && errno == EINTR)
			;
		if (p[1].revents)
			host_kill(pid);
		else if (read(answered[0], &byte, 1) != 1 && lacks_library(host_reap(pid)))
			snprintf(text, sizeof(text), "%s", no_library);
	}
	if (*text)
		send(socket, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Starts the helper as a child of this process. Returns 0, or -errno with h->err set. */
static int start_here(struct net_host *h, int socket)
{
	pid_t pid = start(h->args, socket, -1);

	if (pid < 0) {
		explain(h->err, sizeof(h->err), pid);
		return pid;
	}
	h->pid = pid;
	return 0;
}

void slirp_at_jail(void)
{
	while (delayed) {
		struct net_host *h = delayed;

		delayed = h->next;
		if (os_jail_helper(start_for_jailed, h->args, h->helper_end))
			start_here(h, h->helper_end);
		close(h->helper_end);
		h->helper_end = -1;
	}
}

/*
 * Makes the socket, and starts the helper or delays that. Its answer is expected on h->asked.
 * Returns 0, or -errno with h->err set.
 */
static int begin(struct net_host *h)
{
	int size = SOCKET_BUFFER, pair[2], err = 0;

	end(h);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return net_fail(h, errno, "cannot start the slirp helper: %s", strerror(errno));
	for (int i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (h->may_delay) {
		h->helper_end = pair[1];
		h->next = delayed;
		delayed = h;
	} else {
		err = start_here(h, pair[1]);
		close(pair[1]);
	}
	if (err) {
		close(pair[0]);
		return err;
	}
	host_no_wait(pair[0]);
	h->asked = pair[0];
	h->give_up = net_now_ms() + START_MS;
	return 0;
}

static int slirp_open(struct net_host *h)
{
	int err = h->asked < 0 ? begin(h) : 0;

	return err ? err : hear(h);
}

const struct net_link slirp_link = {
	.check = slirp_check, .open = slirp_open, .close = end, .starts = true
};
