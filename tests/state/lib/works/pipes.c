/* SPDX-License-Identifier: MIT */
/* pipes.c: bytes, descriptors and messages between processes. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "works.h"

#define MOST 10000

struct ends {
	int in, out;
};

/* Sends back what it reads. */
static void echo(void *arg)
{
	struct ends *e = arg;
	char buf[MOST];
	ssize_t n;

	while ((n = read(e->in, buf, sizeof(buf))) > 0)
		write_all(e->out, buf, n);
	BAD("the echo's end: %zd %m", n);
}

static void splicer(void *arg)
{
	struct ends *e = arg;

	for (;;)
		if (splice(e->in, NULL, e->out, NULL, MOST, SPLICE_F_MOVE) <= 0)
			BAD("splice: %m");
}

/* Sends blocks of all sizes and gets each back. */
static void to_and_fro(const char *what, int to, int from)
{
	static unsigned char buf[MOST];
	uint64_t row = 7;

	for (uint64_t key = 0;; key += MOST, done()) {
		size_t n = 1 + chance(&row, MOST);

		fill(buf, n, key);
		write_all(to, buf, n);
		memset(buf, 0, n);
		read_all(from, buf, n);
		check(what, buf, n, key);
	}
}

static void run_pipe(void)
{
	int a[2], b[2];

	MUST(!pipe(a) && !pipe(b));
	helper(echo, &(struct ends){ a[0], b[1] });
	to_and_fro("pipe", a[1], b[0]);
}
WORK(pipe, run_pipe, NULL);

static void run_splice(void)
{
	int a[2], b[2], c[2];

	MUST(!pipe(a) && !pipe(b) && !pipe(c));
	helper(splicer, &(struct ends){ a[0], b[1] });
	helper(splicer, &(struct ends){ b[0], c[1] });
	to_and_fro("splice", a[1], c[0]);
}
WORK(splice, run_splice, NULL);

static void run_socketpair(void)
{
	int s[2];

	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	helper(echo, &(struct ends){ s[1], s[1] });
	to_and_fro("socketpair", s[0], s[0]);
}
WORK(socketpair, run_socketpair, NULL);

/* Passes the read end of a pipe in a message, while bytes wait in the pipe. */
static void run_scm(void)
{
	int s[2];

	MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
	for (uint64_t key = 0;; key += 64, done()) {
		union {
			struct cmsghdr head;
			char room[CMSG_SPACE(sizeof(int))];
		} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
		char text[8] = "message", bytes[64];
		struct iovec iov = { text, sizeof(text) };
		struct msghdr m = { .msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control) };
		int p[2], got;

		MUST(!pipe(p));
		memcpy(CMSG_DATA(&control.head), &p[0], sizeof(int));
		fill(bytes, sizeof(bytes), key);
		write_all(p[1], bytes, sizeof(bytes));
		MUST(sendmsg(s[0], &m, 0) == sizeof(text));
		close(p[0]);
		close(p[1]);
		if (key % 256 == 0)
			nanosleep(&(struct timespec){ 0, MS }, NULL);
		memset(&control, 0, sizeof(control));
		m.msg_controllen = sizeof(control);
		MUST(recvmsg(s[1], &m, 0) == sizeof(text));
		memcpy(&got, CMSG_DATA(&control.head), sizeof(int));
		memset(bytes, 0, sizeof(bytes));
		read_all(got, bytes, sizeof(bytes));
		check("a passed pipe", bytes, sizeof(bytes), key);
		MUST(read(got, bytes, 1) == 0);
		close(got);
	}
}
WORK(scm, run_scm, NULL);

/* ---- TCP and UDP over lo, in full flow ---- */

static struct sockaddr_in6 any_port = { .sin6_family = AF_INET6 };

static int listener(int family, struct sockaddr_in6 *at)
{
	struct sockaddr_in *four = (struct sockaddr_in *)at;
	socklen_t len = family == AF_INET ? sizeof(*four) : sizeof(*at);
	int fd = socket(family, SOCK_STREAM, 0);

	memset(at, 0, sizeof(*at));
	at->sin6_family = family;
	if (family == AF_INET)
		four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		at->sin6_addr = in6addr_loopback;
	MUST(fd >= 0 && !bind(fd, (void *)at, len) && !listen(fd, 4));
	MUST(!getsockname(fd, (void *)at, &len));
	return fd;
}

#define BLOCK 60000

static void flow(void *arg)
{
	static unsigned char buf[BLOCK];
	int fd = *(int *)arg;

	for (uint64_t key = 0;; key += BLOCK) {
		fill(buf, BLOCK, key);
		write_all(fd, buf, BLOCK);
	}
}

/* Reads the data of a connection while this end sends other data. */
static void run_flow(int family)
{
	static unsigned char buf[BLOCK];
	struct sockaddr_in6 at = any_port;
	int fd = listener(family, &at), a, b;

	a = socket(family, SOCK_STREAM, 0);
	MUST(!connect(a, (void *)&at, family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(at)));
	b = accept(fd, NULL, NULL);
	MUST(b >= 0);
	helper(flow, &a);
	helper(flow, &b);
	for (uint64_t key = 0;; key += BLOCK, done()) {
		read_all(a, buf, BLOCK);
		check("tcp", buf, BLOCK, key);
		read_all(b, buf, BLOCK);
		check("tcp", buf, BLOCK, key);
	}
}

static void run_tcp(void)
{
	run_flow(AF_INET);
}
WORK(tcp, run_tcp, NULL);

static void run_tcp6(void)
{
	run_flow(AF_INET6);
}
WORK(tcp6, run_tcp6, "/proc/net/if_inet6");

/* Opens and closes connections. */
static void run_connect(void)
{
	struct sockaddr_in6 at = any_port;
	int fd = listener(AF_INET, &at);

	for (uint64_t key = 0;; key += 512, done()) {
		char buf[512];
		int a = socket(AF_INET, SOCK_STREAM, 0), b;

		MUST(!connect(a, (void *)&at, sizeof(struct sockaddr_in)));
		b = accept(fd, NULL, NULL);
		fill(buf, sizeof(buf), key);
		write_all(a, buf, sizeof(buf));
		MUST(!shutdown(a, SHUT_WR));
		memset(buf, 0, sizeof(buf));
		read_all(b, buf, sizeof(buf));
		check("connect", buf, sizeof(buf), key);
		MUST(read(b, buf, 1) == 0);
		/* the FIN of @a was the first, so @a gets TIME_WAIT */
		close(b);
		MUST(read(a, buf, 1) == 0);
		close(a);
		nanosleep(&(struct timespec){ 0, 2 * MS }, NULL);
	}
}
WORK(connect, run_connect, NULL);

static void run_udp(void)
{
	struct sockaddr_in at[2];
	int fd[2];

	for (int i = 0; i < 2; i++) {
		socklen_t len = sizeof(at[i]);

		fd[i] = socket(AF_INET, SOCK_DGRAM, 0);
		memset(&at[i], 0, sizeof(at[i]));
		at[i].sin_family = AF_INET;
		at[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		MUST(!bind(fd[i], (void *)&at[i], len) &&
			!getsockname(fd[i], (void *)&at[i], &len));
	}
	for (uint64_t key = 0;; key += 3000, done())
		for (int k = 0; k < 8; k++) {
			unsigned char buf[3000];

			fill(buf, sizeof(buf), key + k);
			MUST(sendto(fd[0], buf, sizeof(buf), 0, (void *)&at[1], sizeof(at[1])) ==
				sizeof(buf));
			memset(buf, 0, sizeof(buf));
			MUST(recv(fd[1], buf, sizeof(buf), 0) == sizeof(buf));
			check("udp", buf, sizeof(buf), key + k);
		}
}
WORK(udp, run_udp, NULL);

/* ---- signals and messages ---- */

static void sender(void *arg)
{
	int fd = *(int *)arg;
	union sigval value = { .sival_int = 0 };

	for (;; value.sival_int++) {
		uint64_t n;

		MUST(!sigqueue(getppid(), SIGRTMIN + 1, value));
		if (value.sival_int % 8 == 7)
			MUST(read(fd, &n, sizeof(n)) == sizeof(n));
	}
}

/* Queued signals come in order, each once, from signalfd() and sigwaitinfo() in turn. */
static void run_signals(void)
{
	int fd = eventfd(0, 0), sfd;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sfd = signalfd(-1, &set, 0);
	helper(sender, &fd);
	for (int wanted = 0;; wanted++, done()) {
		struct signalfd_siginfo s;
		siginfo_t info;
		uint64_t n = 1;
		int got;

		if (wanted & 1) {
			MUST(read(sfd, &s, sizeof(s)) == sizeof(s));
			got = s.ssi_int;
		} else {
			MUST(sigwaitinfo(&set, &info) > 0);
			got = info.si_value.sival_int;
		}
		if (got != wanted)
			BAD("signal %d came, not %d", got, wanted);
		if (wanted % 8 == 7)
			MUST(write(fd, &n, sizeof(n)) == sizeof(n));
	}
}
WORK(signals, run_signals, NULL);

static void mq_echo(void *arg)
{
	mqd_t *q = arg;
	char buf[128];

	for (;;) {
		ssize_t n = mq_receive(q[0], buf, sizeof(buf), NULL);

		MUST(n > 0 && !mq_send(q[1], buf, n, 3));
	}
}

static void run_mq(void)
{
	struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 128 };
	mqd_t q[2];

	for (int i = 0; i < 2; i++) {
		char name[40];

		snprintf(name, sizeof(name), "/work-%d-%d", getpid(), i);
		q[i] = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
		MUST(q[i] >= 0 && !mq_unlink(name));
	}
	helper(mq_echo, q);
	for (uint64_t key = 0;; key += 16, done()) {
		char buf[128];

		for (int k = 0; k < 3; k++) {
			fill(buf, sizeof(buf), key + k);
			MUST(!mq_send(q[0], buf, sizeof(buf), 3));
		}
		for (int k = 0; k < 3; k++) {
			MUST(mq_receive(q[1], buf, sizeof(buf), NULL) == sizeof(buf));
			check("mq", buf, sizeof(buf), key + k);
		}
	}
}
WORK(mq, run_mq, NULL);
