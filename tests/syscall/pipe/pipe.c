/* SPDX-License-Identifier: MIT */
/* pipe(2), pipe2(2): capacity, atomic writes, blocking, end of file, FIONREAD, F_SETPIPE_SZ. */
#include "guest.h"
#include <sys/ioctl.h>

static char big[1 << 20];

static void creation(void)
{
	int p[2], i;

	T(pipe(p));
	say("consecutive %d, read end %#o, write end %#o", p[1] == p[0] + 1, fcntl(p[0], F_GETFL),
		fcntl(p[1], F_GETFL));
	T(syscall(SYS_pipe, BAD));
	T(pipe2(p, O_NONBLOCK | O_CLOEXEC));
	for (i = 0; i < 2; i++)
		say("%#o %d", fcntl(p[i], F_GETFL), fcntl(p[i], F_GETFD));
	T(pipe2(p, O_RDWR));
	T(pipe2(p, O_APPEND));
	/* O_NOTIFICATION_PIPE, where there are no watch queues */
	G(pipe2(p, O_EXCL), "-1 ENOPKG");
	T(pipe2(p, O_EXCL | O_APPEND));
	T(pipe2(p, O_DIRECT));
	T(write(p[1], "one", 3));
	T(write(p[1], "second", 6));
	T(read(p[0], big, 100)); /* packets */
	T(read(p[0], big, 2));
	T(fcntl(p[0], F_GETFL));
}

static void full(void)
{
	int p[2], n;

	NEED(pipe2(p, O_NONBLOCK));
	T(fcntl(p[0], F_GETPIPE_SZ));
	T(write(p[1], big, sizeof(big)));
	T(write(p[1], "x", 1));
	T(ioctl(p[0], FIONREAD, &n));
	say("FIONREAD %d", n);
	T(read(p[0], big, 100));
	T(write(p[1], "x", 1)); /* no slot is free */
	T(read(p[0], big, PAGE));
	T(write(p[1], big, 2 * PAGE)); /* more than PIPE_BUF: partial */
	T(write(p[1], big, PAGE));     /* PIPE_BUF: all or nothing */
	T(ioctl(p[1], FIONREAD, &n));
	T(fcntl(p[1], F_SETPIPE_SZ, 4096));
	T(fcntl(p[1], F_SETPIPE_SZ, 100000));
	T(fcntl(p[1], F_GETPIPE_SZ));
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	T(write(p[1], "x", 1));
	NEED(pipe2(p, O_NONBLOCK));
	T(fcntl(p[1], F_SETPIPE_SZ, 1));
	T(write(p[1], big, 5000));
	T(fcntl(p[1], F_SETPIPE_SZ, 0));
}

static void small_writes(void)
{
	int p[2], i, n = 0;

	NEED(pipe2(p, O_NONBLOCK));
	for (i = 0; i < 10000; i++)
		n += write(p[1], "ab", 2);
	say("wrote %d", n);
	n = 0;
	while ((i = read(p[0], big, 777)) > 0)
		n += i;
	say("read %d, then %s", n, t_errno(errno));
}

static void blocking(void)
{
	int p[2], i;
	pid_t pid;

	NEED(pipe(p));
	pid = SPAWN({
		long sum = 0, n;

		close(p[1]);
		while ((n = read(p[0], big, 10000)) > 0)
			for (i = 0; i < n; i++)
				sum += (unsigned char)big[i];
		say("sum %ld, end %ld", sum, n);
	});
	close(p[0]);
	for (i = 0; i < (int)sizeof(big); i++)
		big[i] = (char)(i * 7);
	T(write(p[1], big, sizeof(big)));
	close(p[1]);
	t_wait("reader", pid);
}

static void interrupted(void)
{
	int p[2];

	NEED(pipe(p));
	CHILD({
		pid_t me = getpid();

		t_handle(SIGUSR1, 0);
		if (!fork()) {
			t_until(me, 'S');
			kill(me, SIGUSR1);
			_exit(0);
		}
		T(read(p[0], big, 1));
	});
	CHILD({
		pid_t me = getpid();

		t_handle(SIGUSR1, 0);
		if (!fork()) {
			t_until(me, 'S');
			kill(me, SIGUSR1);
			_exit(0);
		}
		T(write(p[1], big, sizeof(big))); /* what fitted counts */
	});
}

static void poll_state(const char *when, int fd)
{
	struct pollfd f = { fd, POLLIN | POLLOUT, 0 };
	int n = poll(&f, 1, 0);

	say("%s: %d %#x", when, n, f.revents);
}

static void polls(void)
{
	int p[2];

	NEED(pipe2(p, O_NONBLOCK));
	poll_state("empty, read end", p[0]);
	poll_state("empty, write end", p[1]);
	NEED(write(p[1], big, sizeof(big)));
	poll_state("full, read end", p[0]);
	poll_state("full, write end", p[1]);
	close(p[1]);
	poll_state("no writer", p[0]);
	NEED(pipe2(p, O_NONBLOCK));
	close(p[1]);
	poll_state("empty, no writer", p[0]);
	NEED(pipe2(p, O_NONBLOCK));
	close(p[0]);
	poll_state("no reader", p[1]);
}

/* By way of /proc/self/fd a pipe opens as a FIFO does, but waits for no other side. */
static void opened_again(void)
{
	char name[64], buf[10];
	int p[2], rd, wr, both;

	NEED(pipe(p));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", p[0]);
	rd = open(name, O_RDONLY);
	wr = open(name, O_WRONLY);
	both = open(name, O_RDWR | O_NONBLOCK);
	say("opened: %d %d %d", rd >= 0, wr >= 0, both >= 0);
	T(write(wr, "abc", 3));
	T(read(rd, buf, 1));
	T(read(both, buf, 1));
	T(write(both, "d", 1));
	T(read(p[0], buf, 10));
	T(read(both, buf, 10));
	close(p[1]);
	close(both);
	poll_state("one writer is left", rd);
	close(wr);
	poll_state("no writer is left", rd);
	T(read(rd, buf, 10));
	wr = open(name, O_WRONLY | O_NONBLOCK);
	say("opened for writing: %d", wr >= 0);
	poll_state("a writer is back", p[0]);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", wr);
	close(rd);
	close(p[0]);
	poll_state("no reader is left", wr);
	both = open(name, O_WRONLY | O_NONBLOCK);
	say("opened without readers: %d", both >= 0);
	T(write(both, "x", 1));
}

TEST(pipe)
{
	creation();
	full();
	small_writes();
	signal(SIGPIPE, SIG_DFL);
	blocking();
	interrupted();
	polls();
	signal(SIGPIPE, SIG_IGN);
	opened_again();
}
