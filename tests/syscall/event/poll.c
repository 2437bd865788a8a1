/* SPDX-License-Identifier: MIT */
/* poll(2), ppoll(2): events of every kind of descriptor, timeouts, masks, errors. */
#include "t.h"
#include <sys/socket.h>

static void state(const char *what, int fd, int events)
{
	struct pollfd p = { fd, events, 0 };
	int n = poll(&p, 1, 0);

	say("%s: %d %#x", what, n, p.revents);
}

#define ALL (POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM)

static void kinds(void)
{
	int p[2], s[2], l, fd;

	t_text("f", "x");
	fd = NEED(open("f", O_RDWR));
	state("file", fd, ALL);
	state("directory", NEED(open(".", O_RDONLY)), ALL);
	state("null", NEED(open("/dev/null", O_RDWR)), ALL);
	state("O_PATH", NEED(open("f", O_PATH)), ALL);
	state("closed", 500, ALL);
	state("negative", -5, ALL);
	NEED(pipe(p));
	state("pipe", p[0], 0);
	close(p[1]);
	state("pipe without writer, nothing asked", p[0], 0);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	state("socket", s[0], ALL);
	NEED(write(s[1], "x", 1));
	state("socket with data", s[0], ALL);
	shutdown(s[1], SHUT_WR);
	state("socket, peer shut down", s[0], ALL);
	close(s[1]);
	state("socket, peer closed", s[0], ALL);
	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	state("datagram", s[0], ALL);
	close(s[1]);
	state("datagram, peer closed", s[0], ALL);
	l = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	state("unconnected", l, ALL);
}

static void many(void)
{
	struct pollfd p[3];
	int a[2], b[2];

	NEED(pipe(a));
	NEED(pipe(b));
	NEED(write(b[1], "x", 1));
	p[0] = (struct pollfd){ a[0], POLLIN, -1 };
	p[1] = (struct pollfd){ b[0], POLLIN, -1 };
	p[2] = (struct pollfd){ -1, POLLIN, -1 };
	T(poll(p, 3, 1000));
	say("%#x %#x %#x", p[0].revents, p[1].revents, p[2].revents);
	T(poll(NULL, 0, 0));
	T(poll(BAD, 1, 0));
	T(poll(p, 1, 0));
	CHILD({
		struct rlimit lim = { 20, 20 };

		NEED(setrlimit(RLIMIT_NOFILE, &lim));
		T(syscall(SYS_poll, p, 21, 0));
	});
}

static void times(void)
{
	struct timespec ts = { 0, 30000000 }, bad = { 0, -1 }, neg = { -1, 0 };
	struct pollfd p;
	long start;
	int a[2];
	sigset_t set;

	NEED(pipe(a));
	p = (struct pollfd){ a[0], POLLIN, 0 };
	start = now_ms();
	T(poll(&p, 1, 30));
	say("%d", now_ms() - start >= 29);
	start = now_ms();
	T(ppoll(&p, 1, &ts, NULL));
	say("%d", now_ms() - start >= 29);
	T(syscall(SYS_ppoll, &p, 1, &bad, NULL, 8));
	T(syscall(SYS_ppoll, &p, 1, &neg, NULL, 8));
	T(syscall(SYS_ppoll, &p, 1, BAD, NULL, 8));
	T(syscall(SYS_ppoll, &p, 1, &ts, BAD, 8));
	T(syscall(SYS_ppoll, &p, 1, &ts, &set, 4));

	/* woken by a writer, by a signal only while the mask lets it in */
	CHILD({
		pid_t me = getpid();

		SPAWN({
			t_until(me, 'S');
			NEED(write(a[1], "x", 1));
		});
		T(poll(&p, 1, -1));
		NEED(read(a[0], &set, 1));
	});
	t_handle(SIGUSR1, SA_RESTART);
	t_block(SIGUSR1);
	raise(SIGUSR1);
	T(poll(&p, 1, 20));
	say("%d", t_signals);
	sigemptyset(&set);
	T(ppoll(&p, 1, NULL, &set));
	say("%d", t_signals);
	sigprocmask(SIG_BLOCK, NULL, &set);
	say("mask is back: %d", sigismember(&set, SIGUSR1));
	{
		struct timespec left = { 1000, 0 };

		NEED(write(a[1], "x", 1));
		sleep_ms(5);
		T(syscall(SYS_ppoll, &p, 1, &left, NULL, 8));
		say("what is left is told: %d", left.tv_sec < 1000 && left.tv_sec > 700);
	}
}

TEST(poll)
{
	kinds();
	many();
	times();
}
