/* SPDX-License-Identifier: MIT */
/* splice(2), tee(2), vmsplice(2): files, pipes and sockets, offsets, emptiness, errors. */
#include "t.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static char buf[70000];

static void files(int in)
{
	int p[2], out = NEED(open("out", O_RDWR | O_CREAT, 0600));
	loff_t off = 2;

	NEED(pipe(p));
	T(splice(in, NULL, p[1], NULL, 4, 0));
	T(lseek(in, 0, SEEK_CUR));
	T(splice(in, &off, p[1], NULL, 3, SPLICE_F_MOVE));
	T(off);
	T(splice(p[0], NULL, out, NULL, 100, 0));
	t_cat("out");
	T(splice(p[0], NULL, out, NULL, 100, SPLICE_F_NONBLOCK));
	off = 100;
	T(splice(in, &off, p[1], NULL, 3, 0));
	NEED(write(p[1], "piped", 5));
	off = 1;
	T(splice(p[0], NULL, out, &off, 2, 0));
	T(off);
	t_cat("out");
	T(splice(in, NULL, out, NULL, 4, 0));
	T(splice(p[0], &off, out, NULL, 4, 0));
	T(splice(in, BAD, p[1], NULL, 4, 0));
	T(splice(in, NULL, p[1], NULL, 4, 0x100));
	T(splice(-1, NULL, p[1], NULL, 4, 0));
	T(splice(p[1], NULL, p[0], NULL, 4, 0));
	T(splice(in, NULL, p[1], NULL, 0, 0));
	T(splice(p[0], NULL, NEED(open("out", O_WRONLY | O_APPEND)), NULL, 3, 0));
	T(splice(p[0], NULL, p[1], NULL, 3, 0));
	close(p[1]);
	T(read(p[0], buf, 100));
	T(splice(p[0], NULL, out, NULL, 3, 0));
}

static void pipes(void)
{
	int a[2], b[2], s[2];

	NEED(pipe2(a, O_NONBLOCK));
	NEED(pipe2(b, O_NONBLOCK));
	NEED(write(a[1], "hello", 5));
	T(tee(a[0], b[1], 100, 0));
	T(read(b[0], buf, 100));
	T(tee(a[0], b[1], 2, 0));
	T(splice(a[0], NULL, b[1], NULL, 3, 0));
	T(read(b[0], buf, 100));
	say("%.5s", buf);
	T(read(a[0], buf, 100));
	T(tee(a[0], b[1], 100, SPLICE_F_NONBLOCK));
	T(tee(a[0], a[1], 100, 0));
	T(tee(a[0], -1, 100, 0));
	T(tee(a[0], 0, 100, 0));
	T(splice(a[0], NULL, b[1], NULL, 10, SPLICE_F_NONBLOCK));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(write(a[1], "to socket", 9));
	T(splice(a[0], NULL, s[0], NULL, 100, 0));
	T(splice(s[1], NULL, b[1], NULL, 100, 0));
	T(read(b[0], buf, 100));
	close(a[1]);
	T(tee(a[0], b[1], 100, 0));
}

static void vm(void)
{
	struct iovec v[2] = { { "gift", 4 }, { "wrap", 4 } }, bad = { BAD, 4 }, in = { buf, 100 };
	int p[2];

	NEED(pipe2(p, O_NONBLOCK));
	T(vmsplice(p[1], v, 2, 0));
	T(vmsplice(p[0], &in, 1, 0));
	say("%.8s", buf);
	T(vmsplice(p[1], &bad, 1, 0));
	T(vmsplice(p[1], v, 0, 0));
	T(vmsplice(p[1], v, 2000, 0));
	T(vmsplice(p[1], v, 1, 0x100));
	T(vmsplice(-1, v, 1, 0));
	T(vmsplice(NEED(open("out", O_RDWR)), v, 1, 0));
}

/* A file of messages, not bytes, cannot be spliced; the call fails at once instead of waiting. */
static void kinds(void)
{
	sigset_t none;
	int p[2], n = 0, fds[12];
	const char *names[12];

	NEED(pipe(p));
	sigemptyset(&none);
	names[n] = "eventfd", fds[n++] = NEED(eventfd(0, 0));
	names[n] = "signalfd", fds[n++] = NEED(signalfd(-1, &none, 0));
	names[n] = "timerfd", fds[n++] = NEED(timerfd_create(CLOCK_MONOTONIC, 0));
	names[n] = "inotify", fds[n++] = NEED(inotify_init1(0));
	names[n] = "epoll", fds[n++] = NEED(epoll_create1(0));
	names[n] = "pidfd", fds[n++] = NEED(syscall(SYS_pidfd_open, getpid(), 0));
	names[n] = "directory", fds[n++] = NEED(open(".", O_RDONLY));
	for (int i = 0; i < n; i++) {
		TN(names[i], splice(fds[i], NULL, p[1], NULL, 1, 0));
		TN(names[i], splice(p[0], NULL, fds[i], NULL, 1, 0));
		TN(names[i], tee(fds[i], p[1], 1, 0));
		TN(names[i], fcntl(fds[i], F_ADD_SEALS, F_SEAL_GROW));
	}
}

/* Files that Linux has written no splicing for: of one direction, or both. */
static void one_way(void)
{
	static const char *const from[] = { "/proc/self/maps", "/proc/self/status",
		"/proc/self/fdinfo/0", "/proc/self/mem", "/dev/null", "/proc/self/mountinfo",
		"/proc/version", "/dev/zero" };
	static const char *const to[] = { "/dev/full", "/proc/self/comm", "/proc/self/mem",
		"/dev/null" };
	int p[2], fd, out = NEED(open("out", O_RDWR | O_CREAT, 0600));

	NEED(pipe2(p, O_NONBLOCK));
	for (unsigned i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		fd = NEED(open(from[i], O_RDONLY));
		TN(from[i], splice(fd, NULL, p[1], NULL, 1, 0));
		if (strcmp(from[i], "/proc/self/mem") != 0)
			TN(from[i], sendfile(out, fd, NULL, 1));
		close(fd);
	}
	NEED(write(p[1], "abcdefgh", 8));
	for (unsigned i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		fd = NEED(open(to[i], O_WRONLY));
		TN(to[i], splice(p[0], NULL, fd, NULL, 1, 0));
		close(fd);
	}
	fd = NEED(open("in", O_RDONLY));
	T(sendfile(NEED(eventfd(0, EFD_NONBLOCK)), fd, NULL, 8));
	T(write(NEED(open("/dev/urandom", O_WRONLY)), NULL, 5));
}

static void vm_full(void)
{
	struct iovec v = { buf, sizeof(buf) }, in = { buf, 100 };
	int p[2];

	NEED(pipe(p));
	T(vmsplice(p[0], &in, 1, SPLICE_F_NONBLOCK));
	OK(vmsplice(p[1], &v, 1, SPLICE_F_NONBLOCK));
	T(vmsplice(p[1], &in, 1, SPLICE_F_NONBLOCK));
}

/* If the data at hand ends with a page, splice() returns it, and waits for no more. */
static void whole_pages(void)
{
	static const size_t sizes[] = { 4096, 8192, 8193 };
	int s[2], p[2];

	for (unsigned i = 0; i < 3; i++) {
		NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
		NEED(pipe(p));
		NEED(write(s[0], buf, sizes[i]));
		alarm(100);
		T(splice(s[1], NULL, p[1], NULL, 65536, 0));
		alarm(0);
		T(recv(s[1], buf, 1, MSG_DONTWAIT));
		NEED(shutdown(s[0], SHUT_WR));
		T(splice(s[1], NULL, p[1], NULL, 65536, 0));
		T(read(p[0], buf, sizeof(buf)));
		for (int k = 0; k < 2; k++) {
			close(s[k]);
			close(p[k]);
		}
	}
	T(splice(NEED(open("/dev/zero", O_RDONLY)), NULL, NEED(pipe(p)) ? -1 : p[1], NULL, 20000,
		0));
}

/* splice() does not wait for a stream socket, but for other sockets it does. */
static void sockets(void)
{
	int s[2], d[2], p[2];
	pid_t pid;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, d));
	NEED(pipe(p));
	T(splice(s[0], NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK));
	NEED(write(s[1], "text", 4));
	T(splice(s[0], NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK));
	NEED(fcntl(p[1], F_SETFL, O_NONBLOCK));
	T(splice(s[0], NULL, p[1], NULL, 100, 0));
	NEED(fcntl(p[1], F_SETFL, 0));
	pid = SPAWN({ T(splice(d[0], NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK)); });
	t_until(pid, 'S');
	NEED(write(d[1], "datagram", 8));
	t_wait("waits", pid);
}

/* Only read() loses the part of a pipe's packet that does not fit. */
static void packets(void)
{
	int p[2], fd = NEED(open("packet", O_RDWR | O_CREAT | O_TRUNC, 0600));
	char buf[16];

	NEED(pipe2(p, O_DIRECT | O_NONBLOCK));
	NEED(write(p[1], "12345678", 8));
	T(splice(p[0], NULL, fd, NULL, 3, 0));
	T(read(p[0], buf, sizeof(buf)));
	NEED(write(p[1], "12345678", 8));
	NEED(write(p[1], "abc", 3));
	T(splice(p[0], NULL, fd, NULL, 10, 0));
	T(read(p[0], buf, sizeof(buf)));
	NEED(write(p[1], "12345678", 8));
	T(read(p[0], buf, 3));
	T(read(p[0], buf, 3));
	say("%zd in the file", pread(fd, buf, sizeof(buf), 0));
}

TEST(splice)
{
	t_text("in", "0123456789");
	files(NEED(open("in", O_RDONLY)));
	pipes();
	vm();
	kinds();
	one_way();
	vm_full();
	whole_pages();
	sockets();
	packets();
}
