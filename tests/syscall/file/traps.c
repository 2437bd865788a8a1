/* SPDX-License-Identifier: MIT */
/*
 * traps: what reimplementations of this ABI often get wrong: copies at the end of a file, transfers
 * at the edge of memory, the events of each change of a file, a pty that hangs up or is read in
 * packet mode, waits that a handler interrupts.
 */
#include "await.h"

#include <linux/futex.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <linux/sockios.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <termios.h>

static char buf[4096];

/* ---- copies ---- */

static void copy(int in, loff_t from, int out, loff_t to, size_t n)
{
	loff_t i = from, o = to;
	long r = copy_file_range(in, &i, out, &o, n, 0);

	say("%lld -> %lld, %zu: %ld %s, then at %lld and %lld", (long long)from, (long long)to, n,
		r, r == -1 ? t_errno(errno) : "", (long long)i, (long long)o);
}

static void copies(void)
{
	int a, b, p[2];
	loff_t at = 8;

	t_text("a", "0123456789");
	t_text("b", "");
	a = NEED(open("a", O_RDWR));
	b = NEED(open("b", O_RDWR));
	copy(a, 8, b, 0, 100);
	copy(a, 10, b, 0, 5);
	copy(a, 20, b, 0, 5);
	copy(a, LLONG_MAX, b, 0, 10);
	copy(a, 0, b, LLONG_MAX, 1);
	copy(a, 5, b, 0, SIZE_MAX);
	copy(a, 0, a, 5, 5);
	copy(a, 0, a, 5, 6);
	copy(a, 5, a, 0, 5);
	copy(a, 20, a, 15, 10);
	copy(a, 0, a, 0, 0);
	NEED(lseek(a, 0, SEEK_SET));
	T(sendfile(a, a, NULL, 3));
	T(lseek(a, 0, SEEK_CUR));
	T(sendfile(b, a, &at, 100));
	NEED(pipe(p));
	T(copy_file_range(a, NULL, p[1], NULL, 1, 0));
	t_cat("a");
	t_cat("b");
}

/* ---- the edge of memory ---- */

static void edges(void)
{
	char *end = t_pages(1) + PAGE;
	int p[2], s[2];

	memcpy(end - 4, "WXYZ", 4);
	NEED(pipe2(p, O_NONBLOCK));
	T(write(p[1], end - 4, 10));
	T(read(p[0], buf, 100));
	NEED(write(p[1], "12345678", 8));
	T(read(p[0], end - 3, 8));
	T(read(p[0], buf, 100));
	NEED(pipe2(p, O_NONBLOCK | O_DIRECT));
	NEED(write(p[1], "a packet", 8));
	NEED(write(p[1], "two", 3));
	T(read(p[0], buf, 3));
	T(read(p[0], buf, 100));
	NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
	T(write(s[0], end - 4, 10));
	NEED(write(s[0], "12345678", 8));
	T(read(s[1], end - 3, 8));
	NEED(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s));
	T(write(s[0], end - 4, 10));
	NEED(write(s[0], "12345678", 8));
	T(read(s[1], end - 3, 8));
	T(read(s[1], buf, 100));
}

/* ---- events ---- */

static int watch;

static void events(const char *what)
{
	char line[512] = "";
	ssize_t n = read(watch, buf, sizeof(buf));

	for (char *p = buf; p < buf + n;) {
		const struct inotify_event *e = (const void *)p;

		snprintf(line + strlen(line), sizeof(line) - strlen(line), " %#x", e->mask);
		p += sizeof(*e) + e->len;
	}
	say("%s:%s", what, n == -1 ? " none" : line);
}

static void changes(void)
{
	struct timespec atime[2] = { { 1, 0 }, { 0, UTIME_OMIT } };
	struct timespec mtime[2] = { { 0, UTIME_OMIT }, { 1, 0 } };
	int fd;

	NEED(mkdir("w", 0755));
	t_text("w/f", "hello");
	watch = NEED(inotify_init1(IN_NONBLOCK));
	NEED(inotify_add_watch(watch, "w", IN_ALL_EVENTS));
	fd = NEED(open("w/f", O_RDWR | O_TRUNC));
	events("open, O_TRUNC");
	NEED(ftruncate(fd, 0));
	events("ftruncate to the same");
	NEED(fchown(fd, -1, -1));
	events("fchown to the same");
	NEED(fchmod(fd, 0600));
	events("fchmod");
	NEED(futimens(fd, atime));
	events("the one time");
	NEED(futimens(fd, mtime));
	events("the other");
	NEED(futimens(fd, NULL));
	events("both");
	NEED(write(fd, "", 0));
	events("nothing written");
	close(fd);
	events("close");
	fd = NEED(open("w", O_RDONLY));
	NEED(syscall(SYS_getdents64, fd, buf, sizeof(buf)));
	close(fd);
	events("reading the directory");
}

/* ---- ptys ---- */

static int master, slave;

static void pty(bool raw)
{
	struct termios t;
	int no = 0;

	master = NEED(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	NEED(ioctl(master, TIOCSPTLCK, &no));
	slave = NEED(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
	NEED(tcgetattr(slave, &t));
	if (raw)
		cfmakeraw(&t);
	NEED(tcsetattr(slave, TCSANOW, &t));
}

static short polled(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLPRI, 0 };

	poll(&p, 1, 1000);
	return p.revents;
}

static void packets(void)
{
	struct termios t;
	int on = 1;

	pty(true);
	T(ioctl(master, TIOCPKT, &on));
	NEED(tcflush(slave, TCIFLUSH));
	say("flushed: %#x", polled(master));
	T(read(master, buf, 10));
	say("status %d", buf[0]);
	NEED(tcflow(slave, TCOOFF));
	T(read(master, buf, 10));
	say("status %d", buf[0]);
	NEED(tcflow(slave, TCOON));
	T(read(master, buf, 10));
	say("status %d", buf[0]);
	NEED(tcgetattr(slave, &t));
	t.c_iflag |= IXON;
	NEED(tcsetattr(slave, TCSANOW, &t));
	T(read(master, buf, 10));
	say("status %d", buf[0]);
	NEED(tcgetattr(slave, &t));
	t.c_cflag = 0;
	T(tcsetattr(slave, TCSANOW, &t));
	NEED(tcgetattr(slave, &t));
	say("c_cflag %#x", t.c_cflag);
	T(ioctl(slave, TIOCGPTPEER, O_RDWR));
	close(slave);
	T(write(master, "abc", 3));
	say("without a slave: %#x", polled(master) & POLLHUP);
}

static void hung_up(void)
{
	int ready[2], go[2];
	pid_t pid;

	pty(false);
	NEED(pipe(ready));
	NEED(pipe(go));
	pid = SPAWN({
		close(master);
		setsid();
		NEED(ioctl(slave, TIOCSCTTY, 0));
		t_handle(SIGHUP, 0);
		t_handle(SIGCONT, 0);
		NEED(write(ready[1], "", 1));
		t_await_signal(&t_signals, 2);
		T(read(slave, buf, 10));
		T(write(slave, "x", 1));
		say("revents %#x", polled(slave));
		T(tcgetpgrp(slave));
		T(ioctl(slave, TIOCSCTTY, 0));
		T(open("/dev/tty", O_RDWR));
	});
	NEED(read(ready[0], buf, 1));
	close(slave);
	close(master);
	t_wait("leader", pid);
}

/* ---- SIGIO ---- */

static void wait_sigio(const char *what)
{
	say("%s: %s", what, t_await_signal(&t_signals, 1) ? "SIGIO" : "nothing");
	t_signals = 0;
}

static void async(void)
{
	int s[2];

	t_handle(SIGIO, 0);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(fcntl(s[0], F_SETOWN, getpid()));
	NEED(fcntl(s[0], F_SETFL, O_ASYNC));
	NEED(write(s[1], "x", 1));
	wait_sigio("socket");
	pty(true);
	NEED(fcntl(slave, F_SETOWN, getpid()));
	NEED(fcntl(slave, F_SETFL, O_ASYNC));
	NEED(write(master, "x", 1));
	wait_sigio("terminal");
}

/* ---- sockets that are shut down ---- */

static void shut_down(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int l = NEED(socket(AF_UNIX, SOCK_STREAM, 0)), c = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	int s[2], who = getpid(), got = 0;

	T(shutdown(c, SHUT_RDWR));
	c = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	NEED(bind(l, (void *)&name, sizeof(name)));
	T(bind(l, (void *)&name, sizeof(name)));
	name.sun_path[0] = 'x';
	T(bind(l, (void *)&name, sizeof(name)));
	name.sun_path[0] = 's';
	NEED(listen(l, 5));
	NEED(connect(c, (void *)&name, sizeof(name)));
	NEED(shutdown(l, SHUT_RD));
	OK(accept(l, NULL, NULL));
	T(accept(l, NULL, NULL));
	c = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	T(connect(c, (void *)&name, sizeof(name)));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(shutdown(s[0], SHUT_WR));
	say("the other writes no more: %#x", polled(s[1]));
	NEED(shutdown(s[0], SHUT_RD));
	say("and reads no more: %#x", polled(s[1]));
	T(ioctl(s[0], SIOCSPGRP, &who));
	T(ioctl(s[0], SIOCGPGRP, &got));
	IS(got == who);
}

/* ---- interrupted ---- */

static void interrupted(void)
{
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } };
	struct timespec ts;
	int word = 0;

	t_handle(SIGALRM, SA_RESTART);
	NEED(clock_gettime(CLOCK_MONOTONIC, &ts));
	ts.tv_sec += 10;
	NEED(setitimer(ITIMER_REAL, &it, NULL));
	T(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &ts, NULL, -1));
}

TEST(traps)
{
	copies();
	edges();
	changes();
	CHILD(packets());
	CHILD(hung_up());
	CHILD(async());
	CHILD(shut_down());
	CHILD(interrupted());
}
