/* SPDX-License-Identifier: MIT */
/*
 * sigio: O_ASYNC: SIGIO, or the signal of F_SETSIG with its siginfo, from pipes, sockets and
 * terminals; which process gets it; which devices can be polled.
 */
#include "inet.h"
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

static sigset_t both;
static long patience_ms; /* a terminal's input comes by and by */

/* Prints the next signal, or that none is pending. */
static void next(const char *what, int fd)
{
	struct timespec now = { patience_ms / 1000, patience_ms % 1000 * 1000000 };
	siginfo_t si = { 0 };
	int sig = sigtimedwait(&both, &si, &now);

	if (sig == -1)
		say("%s: %s", what, t_errno(errno));
	else if (sig == SIGIO && si.si_code == SI_KERNEL)
		say("%s: SIGIO by the kernel", what);
	else
		say("%s: %s code %d fd %s band%s%s%s", what, sig == SIGIO ? "SIGIO" : "SIGRTMIN+1",
			si.si_code, si.si_fd == fd ? "right" : "wrong",
			si.si_band & POLLIN ? " IN" : "", si.si_band & POLLOUT ? " OUT" : "",
			si.si_band & POLLHUP ? " HUP" : "");
}

static void arm(int fd, int sig)
{
	T(fcntl(fd, F_SETOWN, getpid()));
	T(fcntl(fd, F_SETSIG, sig));
	T(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
	IS(fcntl(fd, F_GETFL) & O_ASYNC);
}

static void pipes(void)
{
	char c = 0;
	int p[2];

	say("-- pipe");
	NEED(pipe(p));
	arm(p[0], SIGRTMIN + 1);
	next("nothing", p[0]);
	T(write(p[1], "a", 1));
	next("write", p[0]);
	next("again", p[0]);
	T(fcntl(p[0], F_SETSIG, 0));
	T(write(p[1], "a", 1));
	next("plain", p[0]);
	T(read(p[0], &c, 1));
	T(fcntl(p[0], F_SETFL, 0));
	T(write(p[1], "a", 1));
	next("off", p[0]);
	arm(p[1], SIGRTMIN + 1);
	T(read(p[0], &c, 1));
	next("read", p[1]);
	close(p[0]);
	next("closed", p[1]);
	close(p[1]);
}

static void sockets(int type)
{
	int s[2], on = 1, off = 0;

	say("-- socketpair %d", type);
	NEED(socketpair(AF_UNIX, type, 0, s));
	arm(s[0], SIGRTMIN + 1);
	T(write(s[1], "abc", 3));
	next("write", s[0]);
	T(ioctl(s[0], FIOASYNC, &off));
	IS(fcntl(s[0], F_GETFL) & O_ASYNC);
	T(write(s[1], "abc", 3));
	next("off", s[0]);
	T(ioctl(s[0], FIOASYNC, &on));
	T(write(s[1], "abc", 3));
	next("on", s[0]);
	close(s[0]);
	close(s[1]);
}

static void connections(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "s" };
	int l = NEED(socket(AF_UNIX, SOCK_STREAM, 0)), c = NEED(socket(AF_UNIX, SOCK_STREAM, 0)), s;

	say("-- listener");
	NEED(bind(l, (struct sockaddr *)&a, sizeof(a)));
	NEED(listen(l, 5));
	arm(l, SIGRTMIN + 1);
	T(connect(c, (struct sockaddr *)&a, sizeof(a)));
	next("connect", l);
	s = NEED(accept(l, NULL, NULL));
	next("accept", l);
	arm(s, SIGRTMIN + 1);
	close(c);
	next("closed", s);
	while (sigtimedwait(&both, NULL, &(struct timespec){ 0, 0 }) > 0)
		;
	close(s);
	close(l);
}

static void tcp_listener(void)
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	int l, c = NEED(socket(AF_INET, SOCK_STREAM, 0));

	say("-- listener of TCP");
	lo_up();
	l = listener(5);
	NEED(getsockname(l, SA(&a), &n));
	arm(l, SIGRTMIN + 1);
	T(connect(c, SA(&a), n));
	/* the third segment of the handshake is on its way still */
	patience_ms = 100000;
	next("connect", l);
	patience_ms = 0;
	close(c);
	close(l);
}

static void terminals(void)
{
	struct termios t;
	char name[64], c = 0;
	int m = NEED(posix_openpt(O_RDWR | O_NOCTTY)), s, no = 0;

	say("-- pty");
	patience_ms = 20000;
	NEED(ioctl(m, TIOCSPTLCK, &no));
	NEED0(ptsname_r(m, name, sizeof(name)));
	s = NEED(open(name, O_RDWR | O_NOCTTY));
	NEED(tcgetattr(s, &t));
	cfmakeraw(&t);
	NEED(tcsetattr(s, TCSANOW, &t));
	T(fcntl(s, F_SETFL, O_RDWR | O_ASYNC | O_NONBLOCK));
	IS(fcntl(s, F_GETOWN) == getpid());
	T(write(m, "x", 1));
	next("slave, no owner set", s);
	T(read(s, &c, 1));
	arm(s, SIGRTMIN + 1);
	T(write(m, "x", 1));
	next("slave", s);
	arm(m, SIGRTMIN + 1);
	T(write(s, "y", 1));
	next("master", m);
	T(read(m, &c, 1));
	close(m);
	close(s);
	patience_ms = 0;
}

static void devices(void)
{
	static const char *const names[] = { "/dev/random", "/dev/urandom", "/dev/null",
		"/dev/zero", "/dev/full" };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT };
	int ep = NEED(epoll_create1(0)), fd;
	struct pollfd p;

	say("-- devices");
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		fd = NEED(open(names[i], O_RDWR));
		say("%s", names[i]);
		T(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
		p = (struct pollfd){ fd, POLLIN | POLLOUT, 0 };
		T(poll(&p, 1, 0));
		say("%#x", p.revents);
		T(fcntl(fd, F_SETFL, O_NONBLOCK));
		close(fd);
	}
}

/*
 * A process that may not signal a group cannot do so by making it the owner of a file. The ids at
 * the time of F_SETOWN count.
 */
static void strangers(void)
{
	int p[2];
	pid_t group = t_group();

	say("-- a group of others");
	NEED(pipe(p));
	CHILD({
		NEED(setresuid(65534, 65534, 65534));
		T(fcntl(p[0], F_SETSIG, SIGUSR1));
		T(fcntl(p[0], F_SETOWN, -group));
		T(fcntl(p[0], F_SETFL, O_ASYNC));
		T(write(p[1], "x", 1));
	});
	T(write(p[1], "x", 1));
	T(fcntl(p[0], F_SETSIG, SIGTERM));
	T(fcntl(p[0], F_SETOWN, -group));
	T(write(p[1], "x", 1));
	t_wait("the group", group);
	close(p[0]);
	close(p[1]);
}

TEST(sigio)
{
	sigemptyset(&both);
	sigaddset(&both, SIGIO);
	sigaddset(&both, SIGRTMIN + 1);
	NEED(sigprocmask(SIG_BLOCK, &both, NULL));
	pipes();
	sockets(SOCK_STREAM);
	sockets(SOCK_DGRAM);
	sockets(SOCK_SEQPACKET);
	connections();
	tcp_listener();
	terminals();
	devices();
	strangers();
}
