/* SPDX-License-Identifier: MIT */
/*
 * sock_waiters: while a thread waits for a socket, to read or to write, a non-blocking call of
 * another thread returns at once; and no byte is lost.
 */
#include "inet.h"
#include <sys/un.h>

#define READERS 4
#define EACH 2000

struct waiter {
	int fd;
	ssize_t got;
	volatile pid_t tid;
};

static void *waits(void *arg)
{
	struct waiter *w = arg;
	char c[64];

	w->tid = (pid_t)syscall(SYS_gettid);
	w->got = recv(w->fd, c, sizeof(c), 0);
	return NULL;
}

static void set_limit(int fd, int which)
{
	struct timeval tv = { .tv_usec = 20000 };

	NEED(setsockopt(fd, SOL_SOCKET, which, &tv, sizeof(tv)));
}

/* Sets a timeout while another thread waits without one, which does not change that wait. */
static void readers_wait(const char *what, int a, int b)
{
	struct waiter w = { .fd = b };
	pthread_t t;
	char c[64];

	say("%s", what);
	NEED0(pthread_create(&t, NULL, waits, &w));
	t_until_sleeps(&w.tid);
	T(recv(b, c, 1, MSG_DONTWAIT));
	T(recv(b, c, 1, MSG_PEEK | MSG_DONTWAIT));
	set_limit(b, SO_RCVTIMEO);
	T(recv(b, c, 1, 0));
	T(recv(b, c, 10, MSG_WAITALL));
	T(send(a, "0123456789", 10, 0));
	NEED0(pthread_join(t, NULL));
	say("the waiter got %zd", w.got);
	T(recv(b, c, 1, MSG_DONTWAIT));
}

static void *takes(void *arg)
{
	struct waiter *w = arg;
	char c;

	while (recv(w->fd, &c, 1, 0) == 1)
		w->got++;
	return NULL;
}

/* Lets several readers wait again and again for a byte each. */
static void share(const char *what, int a, int b)
{
	struct waiter w[READERS];
	pthread_t t[READERS];
	ssize_t sum = 0;
	char text[7] = "";

	for (int i = 0; i < READERS; i++) {
		w[i] = (struct waiter){ .fd = b };
		NEED0(pthread_create(&t[i], NULL, takes, &w[i]));
	}
	for (int i = 0; i < EACH; i++)
		NEED(send(a, text, sizeof(text), 0));
	NEED(shutdown(a, SHUT_WR));
	for (int i = 0; i < READERS; i++) {
		NEED0(pthread_join(t[i], NULL));
		sum += w[i].got;
	}
	say("%s: %zd bytes read", what, sum);
}

#define MUCH (16 << 20)
static char much[MUCH];

static void *sends(void *arg)
{
	struct waiter *w = arg;

	w->tid = (pid_t)syscall(SYS_gettid);
	w->got = send(w->fd, much, MUCH, 0);
	return NULL;
}

static void writers_wait(int a, int b)
{
	struct waiter w = { .fd = a };
	ssize_t n, sum = 0;
	pthread_t t;

	NEED0(pthread_create(&t, NULL, sends, &w));
	t_until_sleeps(&w.tid);
	T(send(a, "x", 1, MSG_DONTWAIT));
	set_limit(a, SO_SNDTIMEO);
	T(send(a, "x", 1, 0));
	while (sum < MUCH && (n = recv(b, much, MUCH, 0)) > 0)
		sum += n;
	NEED0(pthread_join(t, NULL));
	say("sent %zd, read %zd", w.got, sum);
	T(recv(b, much, 1, MSG_DONTWAIT));
}

/*
 * connect() waits for room at the listener no longer than its timeout, and then is not restarted
 * after a signal.
 */
static void connects(int type)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	/* again and again: the first may come before connect() */
	struct itimerval soon = { { 0, 30000 }, { 0, 30000 } };
	socklen_t n = sizeof(a);
	int l = NEED(socket(AF_UNIX, type, 0)), c;

	NEED(bind(l, (void *)&a, sizeof(sa_family_t)));
	NEED(listen(l, 0));
	NEED(getsockname(l, (void *)&a, &n));
	for (int i = 0; i < 3; i++) {
		c = NEED(socket(AF_UNIX, type, 0));
		set_limit(c, SO_SNDTIMEO);
		T(connect(c, (void *)&a, n));
	}
	t_handle(SIGALRM, SA_RESTART);
	c = NEED(socket(AF_UNIX, type, 0));
	NEED(setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ .tv_sec = 20 },
		sizeof(struct timeval)));
	NEED(setitimer(ITIMER_REAL, &soon, NULL));
	T(connect(c, (void *)&a, n));
	NEED(setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL));
	close(l);
}

static volatile bool over;

/* Returns the longest of its calls, each with a limit of 300 ms, in ms. */
static void *longest(void *arg)
{
	struct waiter *w = arg;
	long most = 0;
	char c[8];

	w->tid = (pid_t)syscall(SYS_gettid);
	while (!over) {
		long start = now_ms();

		if (recv(w->fd, c, sizeof(c), 0) < 0)
			over = true;
		if (now_ms() - start > most)
			most = now_ms() - start;
	}
	return (void *)most;
}

/* The limit is that of the call, also where another is first again and again. */
static long trickle_once(int from, int to)
{
	struct waiter w = { .fd = to };
	pthread_t t;
	void *most;
	char c[8];

	over = false;
	NEED0(pthread_create(&t, NULL, longest, &w));
	t_until_sleeps(&w.tid);
	for (int i = 0; i < 100 && !over; i++) {
		NEED(send(from, "x", 1, 0));
		recv(to, c, sizeof(c), MSG_DONTWAIT);
		sleep_ms(50);
	}
	over = true;
	NEED0(pthread_join(t, &most));
	return (long)most;
}

/* a machine that stands still lengthens a wait too, but not every one */
static void trickle(const char *what, int from, int to)
{
	bool fine = false;

	NEED(setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_usec = 300000 },
		sizeof(struct timeval)));
	for (int i = 0; i < 5 && !fine; i++)
		fine = trickle_once(from, to) < 4000;
	say("%s: none waited much longer than it wished: %d", what, fine);
}

static void trickles(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int s[2];

	s[0] = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	s[1] = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	NEED(bind(s[1], (void *)&a, sizeof(a)));
	NEED(getsockname(s[1], (void *)&a, &n));
	NEED(connect(s[0], (void *)&a, sizeof(a)));
	trickle("udp", s[0], s[1]);
	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	trickle("unix datagrams", s[0], s[1]);
}

TEST(sock_waiters)
{
	static const struct {
		const char *name;
		int type;
	} kinds[] = { { "unix stream", SOCK_STREAM }, { "unix datagrams", SOCK_DGRAM },
		{ "unix packets", SOCK_SEQPACKET } };
	int s[2];

	lo_up();
	for (unsigned i = 0; i < 3; i++) {
		NEED(socketpair(AF_UNIX, kinds[i].type, 0, s));
		readers_wait(kinds[i].name, s[0], s[1]);
		close(s[0]);
		close(s[1]);
	}
	connects(SOCK_STREAM);
	connects(SOCK_SEQPACKET);
	trickles();
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	share("unix stream", s[0], s[1]);
	tcp_pair(s);
	readers_wait("tcp", s[0], s[1]);
	tcp_pair(s);
	share("tcp", s[0], s[1]);
	tcp_pair(s);
	writers_wait(s[0], s[1]);
}
