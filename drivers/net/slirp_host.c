/* SPDX-License-Identifier: MIT */
/*
 * slirp_host.c: `eth0=slirp`: a network for a user without any privilege. A helper process
 * (tools/slirp), which jails itself, runs libslirp; frames are sent over a SOCK_SEQPACKET pair. The
 * helper is embedded in this program and started from memory, so it needs no file. The helper ends
 * when this process's end of the pair closes, however the process ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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
#define AUDIT_FD 5 /* word audit= */
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

/*
 * Runs between vfork() and exec(). Standard input and output belong to the guest; standard error
 * stays open for messages.
 */
static void exec_helper(int socket, int image, char *const *argv)
{
	static char *const envp[] = { NULL };
	int s = fcntl(socket, F_DUPFD, SPARE_FD), i = fcntl(image, F_DUPFD, SPARE_FD);
	int a = fcntl(audit_host_fd(), F_DUPFD, SPARE_FD);
	int null = open("/dev/null", O_RDWR);

	/* Signals to this process's group, and keys of the terminal, must not reach the helper. */
	setsid();
	if (s < 0 || i < 0 || dup2(s, HELPER_FD) < 0 || dup2(i, IMAGE_FD) < 0)
		_exit(1);
	for (int fd = 0; fd < 3; fd++)
		if (null >= 0)
			dup2(null, fd);
	os_child_signals();
	if (a >= 0)
		dup2(a, AUDIT_FD);
	os_close_from(a >= 0 ? AUDIT_FD + 1 : IMAGE_FD + 1);
	fcntl(IMAGE_FD, F_SETFD, FD_CLOEXEC);
	os_user_become();
	syscall(SYS_execveat, IMAGE_FD, "", argv, envp, AT_EMPTY_PATH);
	/* Some hosts, such as Debian's Linux 5.10, do not accept an empty path. */
	if (errno == ENOENT)
		execve(IMAGE_PATH, argv, envp);
	_exit(126);
}

static __attribute__((noinline)) pid_t spawn(int socket, int image, char *const *argv)
{
	pid_t pid = vfork();

	if (!pid)
		exec_helper(socket, image, argv);
	return pid;
}

/*
 * Splits the link's words into an argument vector, and adds the word for the audit. @text is cut
 * into words.
 */
static int split(char *text, char **argv)
{
	int n = 1;

	argv[0] = (char *)"nestling-slirp";
	for (char *word = strsep(&text, ","); word; word = strsep(&text, ",")) {
		if (!*word)
			continue;
		if (n == WORDS_MAX - 2)
			return -E2BIG;
		argv[n++] = word;
	}
	if (audit_host_fd() >= 0)
		argv[n++] = (char *)"audit=5";
	argv[n] = NULL;
	return 0;
}

/* Reaps the helper and returns its wait status, or 0 if there is no helper. */
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

static void reap(struct net_host *h)
{
	end_helper(h);
}

#define NO_LIBRARY 127 /* exit status of the dynamic loader */

/* True if the helper's message is that another process has a port. */
static bool is_taken(const char *text)
{
	const char *why = strerror(EADDRINUSE);
	size_t n = strlen(text), len = strlen(why);

	return n >= len && !strcmp(text + n - len, why);
}

/*
 * Reads the helper's first message: "ok" or an error. Returns -ELIBACC if libslirp is missing,
 * -EADDRINUSE if another process has a port.
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
	if (n > 0)
		return net_fail(h, is_taken(text) ? EADDRINUSE : EINVAL, "%s", text);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_LIBRARY)
		return net_fail(h, ELIBACC, "libslirp is not installed (Debian: libslirp0)");
	return net_fail(h, EIO, "the slirp helper does not start");
}

static int slirp_check(struct net_host *h)
{
	if (slirp_helper_end - slirp_helper_start < 64)
		return net_fail(h, EINVAL, "this build has no slirp: libslirp-dev was missing");
	return 0;
}

/* Starts the helper, whose answer is expected on h->asked. Returns 0, or -errno with h->err set. */
static int start(struct net_host *h)
{
	char *argv[WORDS_MAX], *text = strdup(h->args);
	int size = SOCKET_BUFFER, pair[2], image, err = text ? split(text, argv) : -ENOMEM;

	reap(h);
	if (err) {
		free(text);
		return net_fail(h, -err, "%s",
			err == -E2BIG ? "too many words for the slirp helper" : strerror(-err));
	}
	image = image_fd();
	if (image < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		err = net_fail(h, errno, "cannot start the slirp helper: %s", strerror(errno));
		goto out;
	}
	for (int i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	h->pid = spawn(pair[1], image, argv);
	close(pair[1]);
	if (h->pid < 0)
		h->pid = 0;
	host_no_wait(pair[0]);
	h->asked = pair[0];
	h->give_up = net_now_ms() + START_MS;
out:
	if (image >= 0)
		close(image);
	free(text);
	return err;
}

static int slirp_open(struct net_host *h)
{
	int err = h->asked < 0 ? start(h) : 0;

	return err ? err : hear(h);
}

const struct net_link slirp_link = {
	.check = slirp_check, .open = slirp_open, .close = reap, .starts = true
};
