/* SPDX-License-Identifier: MIT */
/*
 * epoll_create1(2), epoll_ctl(2), epoll_wait(2), epoll_pwait(2), epoll_pwait2(2): triggers, one
 * shot, nesting.
 */
#include "t.h"
#include <linux/capability.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static int wait_for(const char *what, int ep, int timeout)
{
	struct epoll_event e[8];
	char text[200] = "";
	int n = epoll_wait(ep, e, 8, timeout), i;

	if (n == -1)
		say("%s: %s", what, t_errno(errno));
	for (i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d:%#x",
			(int)e[i].data.u64, e[i].events);
	if (n >= 0)
		say("%s: %d%s", what, n, text);
	return n;
}

static int control(int ep, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = { .events = events, .data.u64 = data };

	return epoll_ctl(ep, op, fd, &e);
}

static void levels(int ep)
{
	char buf[8];
	int p[2];

	NEED(pipe2(p, O_NONBLOCK));
	T(control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	wait_for("empty", ep, 0);
	NEED(write(p[1], "ab", 2));
	wait_for("level", ep, 0);
	wait_for("level again", ep, 0);
	NEED(read(p[0], buf, 8));
	wait_for("drained", ep, 0);
	T(control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET, 2));
	NEED(write(p[1], "ab", 2));
	wait_for("edge", ep, 0);
	wait_for("edge again", ep, 0);
	NEED(write(p[1], "cd", 2));
	wait_for("more came", ep, 0);
	NEED(read(p[0], buf, 1));
	wait_for("partly read", ep, 0);
	T(control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT, 3));
	wait_for("one shot", ep, 0);
	wait_for("one shot again", ep, 0);
	T(control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN, 4));
	wait_for("armed again", ep, 0);
	T(control(ep, EPOLL_CTL_MOD, p[0], 0, 5));
	wait_for("nothing asked", ep, 0);
	close(p[1]);
	wait_for("hang up is always told", ep, 0);
	T(control(ep, EPOLL_CTL_DEL, p[0], 0, 0));
	wait_for("removed", ep, 0);
}

static void lifetime(int ep)
{
	int p[2], copy;

	NEED(pipe(p));
	NEED(write(p[1], "x", 1));
	T(control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 10));
	copy = dup(p[0]);
	T(control(ep, EPOLL_CTL_ADD, copy, EPOLLIN, 11)); /* the same description, another number */
	wait_for("both", ep, 0);
	close(p[0]);
	wait_for("closed, but alive as a copy", ep, 0);
	close(copy);
	wait_for("gone", ep, 0);
	close(p[1]);
}

static void errors(int ep)
{
	struct epoll_event e;
	int p[2], fd;

	NEED(pipe(p));
	t_text("f", "");
	fd = NEED(open("f", O_RDONLY));
	T(control(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 0));
	T(control(ep, EPOLL_CTL_ADD, NEED(open(".", O_RDONLY)), EPOLLIN, 0));
	T(control(ep, EPOLL_CTL_ADD, -1, EPOLLIN, 0));
	T(control(-1, EPOLL_CTL_ADD, p[0], EPOLLIN, 0));
	T(control(p[1], EPOLL_CTL_ADD, p[0], EPOLLIN, 0));
	T(control(ep, EPOLL_CTL_ADD, ep, EPOLLIN, 0));
	T(control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN, 0));
	T(control(ep, EPOLL_CTL_DEL, p[0], EPOLLIN, 0));
	T(control(ep, 77, p[0], EPOLLIN, 0));
	NEED(control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 0));
	T(control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 0));
	T(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], BAD));
	T(control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLEXCLUSIVE, 0));
	T(epoll_wait(ep, &e, 0, 0));
	T(epoll_wait(ep, &e, -1, 0));
	T(epoll_wait(-1, &e, 1, 0));
	T(epoll_wait(p[0], &e, 1, 0));
	NEED(write(p[1], "x", 1));
	T(syscall(SYS_epoll_wait, ep, BAD, 1, 0));
	T(epoll_create1(77));
	T(epoll_create(0));
	OK(epoll_create(1));
	T(fcntl(epoll_create1(EPOLL_CLOEXEC), F_GETFD));
	T(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
}

static void nested(int ep)
{
	int inner = NEED(epoll_create1(0)), p[2];
	struct pollfd pf = { ep, POLLIN, 0 };

	NEED(pipe(p));
	T(control(inner, EPOLL_CTL_ADD, p[0], EPOLLIN, 20));
	T(control(ep, EPOLL_CTL_ADD, inner, EPOLLIN, 21));
	T(control(inner, EPOLL_CTL_ADD, ep, EPOLLIN, 22)); /* a loop */
	wait_for("outer", ep, 0);
	T(poll(&pf, 1, 0));
	NEED(write(p[1], "x", 1));
	wait_for("outer", ep, 0);
	wait_for("inner", inner, 0);
	T(poll(&pf, 1, 0));
	close(inner);
	wait_for("inner closed", ep, 0);
}

/*
 * Epoll files that watch each other along many paths: an add looks at each once, and a wake-up does
 * not follow all paths.
 */
static void lattice(int wide)
{
	int ep[4][100], p[2], refused = 0;

	NEED(pipe(p));
	for (int l = 0; l < 4; l++)
		for (int i = 0; i < wide; i++)
			ep[l][i] = NEED(epoll_create1(0));
	for (int i = 0; i < wide; i++)
		NEED(control(ep[3][i], EPOLL_CTL_ADD, p[0], EPOLLIN, 0));
	for (int l = 2; l >= 0; l--)
		for (int i = 0; i < wide; i++)
			for (int k = 0; k < wide; k++) {
				if (!control(ep[l][i], EPOLL_CTL_ADD, ep[l + 1][k], EPOLLIN, 0))
					continue;
				if (errno != EINVAL)
					say("%s", t_errno(errno));
				refused++;
			}
	NEED(write(p[1], "x", 1));
	wait_for("the bottom", ep[3][wide - 1], 0);
	if (wide < 10)
		wait_for("the top", ep[0][0], 0);
	else
		say("some are refused: %d", refused > 0);
	for (int l = 0; l < 4; l++)
		for (int i = 0; i < wide; i++)
			close(ep[l][i]);
	close(p[0]);
	close(p[1]);
}

static void fairness(int ep)
{
	struct epoll_event e;
	int p[4][2], seen = 0, i;

	for (i = 0; i < 4; i++) {
		NEED(pipe(p[i]));
		NEED(control(ep, EPOLL_CTL_ADD, p[i][0], EPOLLIN, 1u << i));
		NEED(write(p[i][1], "x", 1));
	}
	for (i = 0; i < 4; i++) {
		NEED(epoll_wait(ep, &e, 1, 0));
		seen |= (int)e.data.u64;
	}
	say("taken one by one, all are seen: %#x", seen);
	for (i = 0; i < 4; i++) {
		close(p[i][0]);
		close(p[i][1]);
	}
}

static void waiting(int ep)
{
	struct timespec ts = { 0, 20000000 };
	struct epoll_event e;
	sigset_t set;
	int p[2];
	long start = now_ms();
	pid_t me = getpid(), pid;

	T(epoll_wait(ep, &e, 1, 30));
	say("%d", now_ms() - start >= 29);
	T(syscall(SYS_epoll_pwait2, ep, &e, 1, &ts, NULL, 8));
	NEED(pipe(p));
	NEED(control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 30));
	pid = SPAWN({
		t_until(me, 'S');
		NEED(write(p[1], "x", 1));
	});
	wait_for("woken", ep, -1);
	t_wait("writer", pid);
	NEED(control(ep, EPOLL_CTL_DEL, p[0], 0, 0));
	t_handle(SIGUSR1, 0);
	t_block(SIGUSR1);
	raise(SIGUSR1);
	T(epoll_wait(ep, &e, 1, 10));
	sigemptyset(&set);
	T(epoll_pwait(ep, &e, 1, -1, &set));
	say("signals %d", t_signals);
	raise(SIGUSR1);
	T(syscall(SYS_epoll_pwait2, ep, &e, 1, NULL, &set, 8));
	say("signals %d", t_signals);
	T(syscall(SYS_epoll_pwait, ep, &e, 1, 0, &set, 4));
	ts.tv_nsec = -1;
	T(syscall(SYS_epoll_pwait2, ep, &e, 1, &ts, NULL, 8));
}

static void sockets(int ep)
{
	int s[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(control(ep, EPOLL_CTL_ADD, s[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, 40));
	wait_for("writable", ep, 0);
	wait_for("nothing new", ep, 0);
	NEED(write(s[1], "x", 1));
	wait_for("readable", ep, 0);
	shutdown(s[1], SHUT_WR);
	wait_for("shut down", ep, 0);
	close(s[1]);
	wait_for("closed", ep, 0);
	close(s[0]);
}

/* EPOLLWAKEUP is dropped for a caller that may not block suspend. */
static void wake_up(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct caps[2];
	int ep = epoll_create1(0), p[2];
	char path[64], text[400] = "";

	NEED(syscall(SYS_capget, &h, caps));
	caps[1].effective &= ~(1U << (CAP_BLOCK_SUSPEND - 32));
	NEED(syscall(SYS_capset, &h, caps));
	NEED(pipe(p));
	T(control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLWAKEUP, 1));
	T(control(ep, EPOLL_CTL_MOD, p[0], EPOLLOUT | EPOLLWAKEUP, 1));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ep);
	ep = open(path, O_RDONLY);
	NEED(read(ep, text, sizeof(text) - 1));
	say("%.16s", strstr(text, "events:") ? strstr(text, "events:") : "none");
	close(ep);
	close(p[0]);
	close(p[1]);
}

TEST(epoll)
{
	int ep = NEED(epoll_create1(0));

	levels(ep);
	lifetime(ep);
	errors(ep);
	nested(ep);
	lattice(3);
	lattice(100);
	fairness(ep);
	waiting(ep);
	sockets(ep);
	wake_up();
}
