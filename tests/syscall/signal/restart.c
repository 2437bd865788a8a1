/* SPDX-License-Identifier: MIT */
/* restart: which calls go on after a handler with SA_RESTART, and which never do. */
#include "t.h"
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>

/* Something outside sends the signal while we sleep, and the data later. */
static int fds[2], sv[2];

static void *helper(void *arg)
{
	pid_t main_thread = getpid();
	sigset_t set;

	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	t_until(main_thread, 'S');
	/* less of a sleep remains then, despite the timer's slack */
	sleep_ms(2);
	syscall(SYS_tgkill, main_thread, main_thread, SIGUSR1);
	/* a late wakeup would find the data, too */
	T_WAIT(t_signals);
	NEED(write(fds[1], "data", 4));
	NEED(write(sv[1], "data", 4));
	return NULL;
}

static void around(const char *name, int flags, long (*call)(void))
{
	pthread_t t;
	char text[64];

	NEED(pipe(fds));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	t_handle(SIGUSR1, flags);
	t_signals = 0;
	NEED0(pthread_create(&t, NULL, helper, NULL));
	snprintf(text, sizeof(text), "%s %s", name, flags & SA_RESTART ? "restart" : "plain");
	TN(text, call());
	pthread_join(t, NULL);
	if (t_signals != 1)
		say("signals %d", t_signals);
	close(fds[0]);
	close(fds[1]);
	close(sv[0]);
	close(sv[1]);
}

static char buf[16];
static long do_read(void)
{
	return read(fds[0], buf, sizeof(buf));
}
static long do_recv(void)
{
	return recv(sv[0], buf, sizeof(buf), 0);
}
static long do_recv_timeout(void)
{
	struct timeval tv = { 100, 0 };

	setsockopt(sv[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return recv(sv[0], buf, sizeof(buf), 0);
}
static long do_poll(void)
{
	struct pollfd p = { fds[0], POLLIN, 0 };

	return poll(&p, 1, 100000);
}
static long do_select(void)
{
	struct timeval tv = { 100, 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	return select(fds[0] + 1, &set, NULL, NULL, &tv);
}
static long do_epoll(void)
{
	struct epoll_event e = { .events = EPOLLIN }, out;
	int ep = epoll_create1(0), r, err;

	epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e);
	r = epoll_wait(ep, &out, 1, 100000);
	err = errno;
	close(ep);
	errno = err;
	return r;
}
static long do_nanosleep(void)
{
	struct timespec ts = { 100, 0 }, rem = { -1, -1 };
	int r = nanosleep(&ts, &rem);

	if (r == -1)
		say("  remains less: %d",
			rem.tv_sec >= 0 && rem.tv_sec < 100 && rem.tv_sec + rem.tv_nsec > 0);
	return r;
}
static long do_pause(void)
{
	return pause();
}
static long do_sigwait(void)
{
	struct timespec ts = { 100, 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	return sigtimedwait(&set, NULL, &ts);
}
static long do_futex(void)
{
	struct timespec ts = { 100, 0 };
	int word = 0;

	return syscall(SYS_futex, &word, 0, 0, &ts, NULL, 0);
}

TEST(restart)
{
	static const struct {
		const char *name;
		long (*call)(void);
	} calls[] = {
		{ "read", do_read },
		{ "recv", do_recv },
		{ "recv with a timeout", do_recv_timeout },
		{ "poll", do_poll },
		{ "select", do_select },
		{ "epoll_wait", do_epoll },
		{ "nanosleep", do_nanosleep },
		{ "pause", do_pause },
		{ "sigtimedwait", do_sigwait },
		{ "futex", do_futex },
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		around(calls[i].name, 0, calls[i].call);
		around(calls[i].name, SA_RESTART, calls[i].call);
	}
}
