/* SPDX-License-Identifier: MIT */
/*
 * unix_chain: sockets in flight in the queues of sockets in flight. Closes of other sockets take
 * time that is linear in them, at most. Descriptors arrive, and cycles are collected.
 */
#include "guest.h"
#include "scm.h"
#include <sys/un.h>

static int recv_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	int fd = -1;

	NEED(recvmsg(sock, &m, 0));
	if (CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

/* Returns a socket whose queue has a socket, and so on, @n times; the last one's has a file. */
static int chain(int n)
{
	int last = NEED(open("end", O_RDONLY)), s[2];

	while (n--) {
		NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
		NEED(send_fds(s[0], &last, 1, 0));
		close(last);
		close(s[0]);
		last = s[1];
	}
	return last;
}

/* Receives what chain() made, and prints the file's text. */
static void unchain(int sock, int n)
{
	char buf[32] = "";
	int next;

	for (; n--; sock = next) {
		next = recv_fd(sock);
		close(sock);
	}
	say("read %zd: %s", read(sock, buf, sizeof(buf) - 1), buf);
	close(sock);
}

/* Returns the least time of ten rounds, in us, that closes take while a chain is in flight. */
static double time_closes(int n)
{
	int first = chain(n), s[2];
	double least = 1e9;

	for (int round = 0; round < 10; round++) {
		double from = now_us();

		for (int i = 0; i < 5; i++) {
			NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
			close(s[0]);
			close(s[1]);
		}
		if (now_us() - from < least)
			least = now_us() - from;
	}
	unchain(first, n);
	return least;
}

/*
 * Prints the times if closes take more than @limit times as long with @many in flight as with @few.
 * Only the guest's count: before Linux 6.10 each close went through all sockets in flight.
 */
static void compare(const char *what, int few, int many, int limit)
{
	double a = time_closes(few), b = time_closes(many);

	if (b > limit * a && in_guest())
		say("%s: %d in flight: %.0f us, %d: %.0f us", what, few, a, many, b);
}

/* Closes a socket, which starts a collection. */
static void close_some(void)
{
	int s[2];

	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	close(s[0]);
	close(s[1]);
}

/* Waits until the other end of a pipe is closed. */
static void until_gone(const char *what, int fd)
{
	struct pollfd p = { .fd = fd };

	say("%s: %d", what, poll(&p, 1, 100000));
	close(fd);
}

/* A cycle of @n sockets, which also holds one end of a pipe. */
static void cycle(int n)
{
	int first[2], s[2], last, pipes[2];

	NEED(pipe(pipes));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, first));
	NEED(send_fds(first[0], &pipes[1], 1, 0));
	close(pipes[1]);
	last = NEED(dup(first[1]));
	for (int i = 1; i < n; i++) {
		NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
		NEED(send_fds(s[0], &last, 1, 0));
		close(last);
		close(s[0]);
		last = s[1];
	}
	NEED(send_fds(first[0], &last, 1, 0));
	close(last);
	close(first[0]);
	close(first[1]);
	close_some();
	until_gone("cycle", pipes[0]);
}

/* A task goes on sending to a socket that is garbage. */
static void flooded(int type)
{
	int s[2], pipes[2];
	pid_t pid;

	NEED(pipe(pipes));
	NEED(socketpair(AF_UNIX, type, 0, s));
	NEED(send_fds(s[0], &pipes[1], 1, 0));
	NEED(send_fds(s[0], &s[1], 1, 0));
	close(pipes[1]);
	pid = SPAWN({
		close(s[1]);
		signal(SIGPIPE, SIG_IGN);
		while (send(s[0], "x", 1, MSG_DONTWAIT) == 1 || errno == EAGAIN)
			;
		exit(errno); /* EPIPE, or ECONNREFUSED */
	});
	close(s[0]);
	close(s[1]);
	T_WAIT((close_some(), poll(&(struct pollfd){ pipes[0] }, 1, 0) == 1));
	until_gone("flooded", pipes[0]);
	t_wait("sender", pid);
}

static int connected(const struct sockaddr_un *a)
{
	int c = NEED(socket(AF_UNIX, SOCK_STREAM, 0));

	NEED(connect(c, (const struct sockaddr *)a, sizeof(*a)));
	return c;
}

/* Listeners in flight, with descriptors in connections that are not accepted. */
static void unaccepted(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "listener" };
	int l = NEED(socket(AF_UNIX, SOCK_STREAM, 0)), s[2], pipes[2], c[2], far;

	NEED(bind(l, (struct sockaddr *)&a, sizeof(a)));
	NEED(listen(l, 4));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(pipe(pipes));
	c[0] = connected(&a);
	c[1] = connected(&a);
	far = chain(3);
	NEED(send_fds(c[1], &far, 1, 0));
	close(far);
	NEED(send_fds(s[0], &l, 1, 0));
	close(l);
	/* so a collection has found no garbage in the listener */
	cycle(1);
	l = recv_fd(s[1]);
	close(NEED(accept(l, NULL, NULL)));
	far = NEED(accept(l, NULL, NULL));
	unchain(recv_fd(far), 3);
	close(far);
	close(c[0]);
	close(c[1]);

	/* The listener is in the queue of its own second connection. */
	c[0] = connected(&a);
	c[1] = connected(&a);
	NEED(send_fds(c[1], &pipes[1], 1, 0));
	NEED(send_fds(c[1], &l, 1, 0));
	close(pipes[1]);
	close(l);
	close_some();
	until_gone("listener", pipes[0]);
}

TEST(unix_chain)
{
	int s[2];

	t_soft_limit(RLIMIT_NOFILE, 20000);
	t_text("end", "the end");
	compare("a chain", 0, 2000, 30);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(send_fds(s[0], &s[1], 1, 0));
	/* linear: about 20 times; quadratic: 400 times */
	compare("with a cycle", 50, 1000, 150);
	close(s[0]);
	close(s[1]);
	cycle(1);
	cycle(2);
	cycle(300);
	flooded(SOCK_STREAM);
	flooded(SOCK_DGRAM);
	unaccepted();
}
