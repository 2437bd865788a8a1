/* SPDX-License-Identifier: MIT */
/*
 * pty_ahead: writes to a raw pseudo terminal that is not read: it takes more than its line buffer
 * has room for, both ways; then a write is short, or waits. The exact amount depends on when
 * Linux's worker runs, so bounds are printed.
 */
#include "t.h"
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

static char out[100000], in[200000];

static void make(int *m, int *s)
{
	struct termios t;

	NEED(openpty(m, s, NULL, NULL, NULL));
	tcgetattr(*s, &t);
	cfmakeraw(&t);
	NEED(tcsetattr(*s, TCSANOW, &t));
}

static bool writable(int fd)
{
	struct pollfd p = { fd, POLLOUT, 0 };

	return poll(&p, 1, 0) == 1 && p.revents & POLLOUT;
}

static void settle(void)
{
	usleep(30000); /* Linux's worker moves what there is */
}

/* Waits at most a second for the line buffer to be full. Returns how much is in it. */
static int queued(int fd)
{
	int n = -1;

	for (int i = 0; i < 200 && !ioctl(fd, FIONREAD, &n) && n < 4095; i++)
		usleep(5000);
	return n;
}

/* Writes until nothing more is taken. Returns how much was taken. */
static long fill(int fd)
{
	long sum = 0, n;

	while ((n = write(fd, out + sum % 50000, sizeof(out) / 2)) > 0) {
		if (!sum)
			say("first: %s",
				n > 8192 && n < 50000 ? "a part, more than two pages" : "other");
		sum += n;
		settle();
	}
	say("then %s", n < 0 ? t_errno(errno) : "0");
	return sum;
}

static long drain(int fd, long want, bool *same)
{
	struct pollfd p = { fd, POLLIN, 0 };
	long sum = 0, n;

	while (sum < want && poll(&p, 1, 500) > 0) {
		n = read(fd, in + sum, sizeof(in) - (size_t)sum);
		if (n <= 0)
			break;
		sum += n;
	}
	*same = true;
	for (long i = 0; i < sum; i++)
		if (in[i] != out[i % 50000])
			*same = false;
	return sum;
}

static void nobody_reads(bool master)
{
	int m, s, w, r, left = -1;
	long sum, n;
	bool same;

	say("== %s writes", master ? "the master" : "the slave");
	make(&m, &s);
	w = master ? m : s;
	r = master ? s : m;
	fcntl(w, F_SETFL, O_NONBLOCK);
	fcntl(r, F_SETFL, O_NONBLOCK);
	say("writable: %d", writable(w));
	sum = fill(w);
	say("all: %s",
		sum > 12288 && sum < 32768 ? "more than three pages, less than eight" : "other");
	say("writable: %d", writable(w));
	say("queued %d", queued(r));
	T(ioctl(w, TIOCOUTQ, &left));
	say("to go %d", left);
	T(read(r, in, 4000));
	say("queued %d", queued(r));
	close(w == m ? s : m);
	close(w);

	make(&m, &s);
	w = master ? m : s;
	r = master ? s : m;
	fcntl(w, F_SETFL, O_NONBLOCK);
	fcntl(r, F_SETFL, O_NONBLOCK);
	sum = fill(w);
	n = drain(r, sum, &same);
	say("all are read: %s, %s", n == sum ? "yes" : "no", same ? "the same" : "not the same");
	say("writable: %d", writable(w));
	T(read(r, in, 10));

	sum = fill(w);
	T(tcflush(r, TCIFLUSH));
	settle();
	T(read(r, in, 10));
	say("writable: %d", writable(w));
	T(write(w, "abc", 3));
	settle();
	T(read(r, in, 10));
	close(m);
	close(s);
}

static void *writer(void *arg)
{
	int fd = *(int *)arg;
	long n = 0, k;

	while (n < (long)sizeof(out) && (k = write(fd, out + n, sizeof(out) - (size_t)n)) > 0)
		n += k;
	say("the writer has written %ld", n);
	return NULL;
}

static void somebody_reads(bool master)
{
	pthread_t t;
	long sum = 0;
	int m, s, w, r;
	ssize_t n;

	make(&m, &s);
	w = master ? m : s;
	r = master ? s : m;
	NEED0(pthread_create(&t, NULL, writer, &w));
	settle();
	while (sum < (long)sizeof(out) && (n = read(r, in + sum, 777)) > 0)
		sum += n;
	pthread_join(t, NULL);
	say("the reader has read %ld, %s", sum,
		memcmp(in, out, sizeof(out)) ? "not the same" : "the same");
	close(m);
	close(s);
}

/* Checks that the master gets all that the slave has written before it was closed. */
static void closed(void)
{
	int m, s;
	long sum;
	bool same;

	make(&m, &s);
	fcntl(s, F_SETFL, O_NONBLOCK);
	sum = fill(s);
	close(s);
	say("after it is closed: %s", drain(m, sum, &same) == sum && same ? "all" : "not all");
	T(read(m, in, 10));
	close(m);
}

TEST(pty_ahead)
{
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (char)('a' + (i * 7 + i / 26) % 26);
	memcpy(out + 50000, out, 50000);
	nobody_reads(true);
	nobody_reads(false);
	somebody_reads(true);
	somebody_reads(false);
	closed();
}
