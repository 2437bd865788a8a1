/* SPDX-License-Identifier: MIT */
/* sendfile(2): positions, offsets, into pipes, FIFOs, sockets and files, errors. */
#include "t.h"
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

/* Into a pipe that was opened by name, from files without a position too. */
static void into_named(void)
{
	char buf[8] = "", path[64];
	int p[2], s[2], from, to;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(mkfifo("fifo", 0600));
	from = NEED(open("fifo", O_RDONLY | O_NONBLOCK));
	to = NEED(open("fifo", O_WRONLY));
	NEED(write(s[0], "hello", 5));
	T(sendfile(to, s[1], NULL, 5));
	T(read(from, buf, sizeof(buf)));
	T(sendfile(to, s[1], NULL, 0));
	NEED(pipe(p));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[1]);
	to = NEED(open(path, O_WRONLY));
	NEED(write(s[0], "again", 5));
	T(sendfile(to, s[1], NULL, 5));
	T(read(p[0], buf, sizeof(buf)));
	T(sendfile(to, p[0], NULL, 5));
	say("%s", buf);
}

/* Files that have only read(). */
static void from_events(int out)
{
	struct itimerspec soon = { .it_value = { 0, 1 } };
	int e = NEED(eventfd(5, EFD_NONBLOCK)), t = NEED(timerfd_create(CLOCK_MONOTONIC, 0)),
	    i = NEED(inotify_init1(IN_NONBLOCK)), s[2];
	sigset_t set;

	NEED(timerfd_settime(t, 0, &soon, NULL));
	sigemptyset(&set);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	T(sendfile(out, e, NULL, 8));
	T(sendfile(s[0], e, NULL, 8));
	T(sendfile(out, t, NULL, 8));
	T(sendfile(out, i, NULL, 8));
	T(sendfile(out, NEED(signalfd(-1, &set, SFD_NONBLOCK)), NULL, 8));
	T(sendfile(out, NEED(open("/dev/zero", O_RDONLY)), NULL, 8));
}

TEST(sendfile)
{
	char buf[64], data[100000];
	off_t off = 3;
	int in, out, p[2], s[2], i;
	long n;

	t_text("in", "0123456789");
	in = NEED(open("in", O_RDONLY));
	out = NEED(open("out", O_RDWR | O_CREAT, 0600));
	T(sendfile(out, in, NULL, 4));
	T(lseek(in, 0, SEEK_CUR));
	T(sendfile(out, in, &off, 4));
	T(off);
	T(lseek(in, 0, SEEK_CUR));
	t_cat("out");
	T(sendfile(out, in, NULL, 100));
	T(sendfile(out, in, NULL, 100));
	T(sendfile(out, in, NULL, 0));
	off = -1;
	T(sendfile(out, in, &off, 4));
	off = 100;
	T(sendfile(out, in, &off, 4));
	T(sendfile(out, in, BAD, 4));
	T(sendfile(-1, in, NULL, 4));
	T(sendfile(out, -1, NULL, 4));
	T(sendfile(in, out, NULL, 4));
	T(sendfile(out, NEED(open("in", O_WRONLY)), NULL, 4));
	NEED(pipe2(p, O_NONBLOCK));
	off = 0;
	T(sendfile(p[1], in, &off, 5));
	T(read(p[0], buf, sizeof(buf)));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	off = 5;
	T(sendfile(s[0], in, &off, 50));
	T(read(s[1], buf, sizeof(buf)));
	T(sendfile(out, NEED(open("out", O_RDWR | O_APPEND)), NULL, 3));
	T(sendfile(NEED(open("out", O_RDWR | O_APPEND)), in, NULL, 3));
	T(sendfile(out, s[0], NULL, 3));
	for (i = 0; i < (int)sizeof(data); i++)
		data[i] = (char)(i * 13);
	t_file("big", data, sizeof(data));
	in = NEED(open("big", O_RDONLY));
	out = NEED(open("copy", O_RDWR | O_CREAT, 0600));
	for (n = 0; (i = sendfile(out, in, NULL, 30000)) > 0;)
		n += i;
	say("copied %ld", n);
	memset(data, 0, sizeof(data));
	T(pread(out, data, sizeof(data), 0));
	for (i = n = 0; i < (int)sizeof(data); i++)
		n += data[i] != (char)(i * 13);
	say("wrong bytes %ld", n);
	T(sendfile(p[1], in, (off = 0, &off), 1 << 20)); /* a pipe's room */
	into_named();
	from_events(out);
}
