/* SPDX-License-Identifier: MIT */
/*
 * fd_table: descriptor tables up to fs.nr_open: dup2, dup3, F_DUPFD, close_range, fork and unshare
 * with high numbers cost only what is used; the limit is lowered below an open number. Hosts seldom
 * permit such a limit: then the host's side prints what Linux documents.
 */
#include "guest.h"

#include <linux/close_range.h>
#include <dirent.h>

#define TOP (1 << 20)

static void nr_open(long n)
{
	char text[32];
	int fd;

	if (!in_guest())
		return;
	fd = NEED(open("/proc/sys/fs/nr_open", O_WRONLY));
	NEED(write(fd, text, sprintf(text, "%ld\n", n)));
	close(fd);
}

static void limit(long n)
{
	struct rlimit lim = { n, n };

	GNEED(setrlimit(RLIMIT_NOFILE, &lim));
}

static int count_fds(void)
{
	struct dirent **names;
	int n = scandir("/proc/self/fd", &names, NULL, NULL);

	return n - 3; /* . and .. and its own */
}

static void dup_high(void)
{
	struct rlimit above = { TOP + 1, TOP + 1 };
	struct stat st;
	int was = count_fds();

	limit(TOP);
	G(setrlimit(RLIMIT_NOFILE, &above), "-1 EPERM");
	G(dup2(1, 524288), "524288");
	G(dup2(1, TOP - 1), "1048575");
	G(dup2(1, TOP), "-1 EBADF");
	G(dup3(1, TOP - 2, O_CLOEXEC), "1048574");
	G(dup3(1, TOP, O_CLOEXEC), "-1 EBADF");
	G(fcntl(TOP - 2, F_GETFD), "1");
	G(fcntl(TOP - 1, F_GETFD), "0");
	G(fcntl(TOP - 3, F_GETFD), "-1 EBADF");
	G(fcntl(1, F_DUPFD, TOP - 3), "1048573");
	G(fcntl(1, F_DUPFD, TOP - 3), "-1 EMFILE");
	G(fcntl(1, F_DUPFD, TOP), "-1 EINVAL");
	G(fcntl(1, F_DUPFD, 700000), "700000");
	G(fcntl(1, F_DUPFD, 700000), "700001");
	G(fstat(700001, &st), "0");
	G(close(700000), "0");
	G(close(700000), "-1 EBADF");
	G(count_fds() - was, "5");
}

static void copies(void)
{
	int status;
	pid_t pid = NEED(fork());

	if (!pid)
		_exit(in_guest() && fcntl(TOP - 1, F_GETFD) != 0);
	NEED(waitpid(pid, &status, 0));
	say("a child has them: %d", WEXITSTATUS(status));
	pid = NEED(fork());
	if (!pid) {
		G(syscall(SYS_close_range, 524289, ~0U, 0), "0");
		G(fcntl(TOP - 1, F_GETFD), "-1 EBADF");
		G(fcntl(700001, F_GETFD), "-1 EBADF");
		G(fcntl(524288, F_GETFD), "0");
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0));
	G(fcntl(TOP - 1, F_GETFD), "0");
	G(syscall(SYS_close_range, 524288, TOP - 2, CLOSE_RANGE_CLOEXEC), "0");
	G(fcntl(524288, F_GETFD), "1");
	G(fcntl(TOP - 1, F_GETFD), "0");
}

/* Lowered below what is open, the limit forbids copies of the table but not its use. */
static void lowered(void)
{
	pthread_t t;

	if (in_guest())
		NEED0(pthread_create(&t, NULL, t_sleeper, NULL));
	nr_open(65536);
	G(dup2(1, TOP - 5), "1048571");
	G(dup2(1, 600000), "-1 EBADF");
	G(write(TOP - 1, "", 0), "0");
	G(fork(), "-1 EMFILE");
	G(unshare(CLONE_FILES), "-1 EMFILE");
	G(syscall(SYS_close_range, 3, 100, CLOSE_RANGE_UNSHARE), "-1 EMFILE");
	G(syscall(SYS_close_range, 1000, ~0U, CLOSE_RANGE_UNSHARE), "0");
	G(fcntl(TOP - 1, F_GETFD), "-1 EBADF");
	G(dup2(1, 600000), "-1 EBADF");
	G(dup2(1, 65535), "65535");
	nr_open(TOP);
	G(dup2(1, 600000), "600000");
}

/* open and pipe take the lowest number above what is full. */
static void filled(void)
{
	int fd = -1, p[2];

	limit(3000);
	G(syscall(SYS_close_range, 3, ~0U, 0), "0");
	while (in_guest() && (fd = open("/", O_PATH)) >= 0 && fd < 2997)
		;
	G(fd, "2997");
	G(pipe(p), "0");
	G(p[1], "2999");
	G(open("/", O_PATH), "-1 EMFILE");
	G(close(129), "0");
	G(pipe(p), "-1 EMFILE");
	G(open("/", O_PATH), "129");
}

TEST(fd_table)
{
	dup_high();
	copies();
	lowered();
	filled();
}
