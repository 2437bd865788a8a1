/* SPDX-License-Identifier: MIT */
/*
 * splice_orders: splice(2), vmsplice(2) and sendfile(2) with pipes: which error comes first if
 * several apply, and how many buffers of the pipe the data takes: each page of a file or of memory
 * is a buffer of its own, to which no write appends.
 */
#include "t.h"

#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

static int r, w, file, dir, null;
static char buf[8 * PAGE] __attribute__((aligned(PAGE)));

static void fresh(int size, int flags)
{
	int p[2];

	close(r);
	close(w);
	NEED(pipe2(p, O_NONBLOCK | flags));
	r = p[0], w = p[1];
	NEED(fcntl(w, F_SETPIPE_SZ, size));
}

static void rooms(void)
{
	loff_t at = PAGE - 10;
	off_t from = PAGE - 10;
	struct iovec odd = { buf + 100, 2 * PAGE }, part = { buf, 10 };

	fresh(2 * PAGE, 0);
	T(splice(file, &at, w, NULL, 20, SPLICE_F_NONBLOCK));
	T(write(w, buf, 1));
	T(fcntl(w, F_SETPIPE_SZ, PAGE));
	fresh(2 * PAGE, 0);
	T(sendfile(w, file, &from, 20));
	T(write(w, buf, 1));
	IS(from == PAGE + 10);
	fresh(2 * PAGE, 0);
	T(vmsplice(w, &odd, 1, SPLICE_F_NONBLOCK));
	T(vmsplice(w, &odd, 1, SPLICE_F_NONBLOCK));
	fresh(2 * PAGE, 0);
	T(vmsplice(w, &part, 1, SPLICE_F_NONBLOCK));
	T(write(w, buf, 10));
	T(write(w, buf, 10));
	T(write(w, buf, PAGE));
}

static void packets(void)
{
	struct iovec to = { buf, 10 };

	fresh(4 * PAGE, O_DIRECT);
	T(write(w, buf, 15));
	T(write(w, buf, 15));
	T(vmsplice(r, &to, 1, SPLICE_F_NONBLOCK));
	to.iov_len = 100;
	T(vmsplice(r, &to, 1, SPLICE_F_NONBLOCK));
	T(vmsplice(r, &to, 1, SPLICE_F_NONBLOCK));
}

static void orders(void)
{
	loff_t minus = -5;
	off_t back = -1, fine = 3;
	int pair[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
	fresh(PAGE, 0);
	T(splice(r, NULL, w, NULL, 0, 0x1000));
	T(splice(-1, NULL, -1, NULL, 0, 0));
	T(splice(r, NULL, file, &minus, 10, SPLICE_F_NONBLOCK));
	T(splice(file, &minus, w, NULL, 10, SPLICE_F_NONBLOCK));
	T(sendfile(-1, file, &back, 10));
	T(sendfile(r, file, &back, 10));
	T(sendfile(w, file, &back, 0));
	T(sendfile(-1, r, &fine, 10));
	T(sendfile(-1, r, NULL, 10));
	T(sendfile(file, r, NULL, 0));
	T(sendfile(file, pair[0], NULL, 0));
	T(sendfile(pair[0], file, NULL, 0));
	T(sendfile(w, dir, NULL, 10));
	T(splice(dir, NULL, w, NULL, 10, SPLICE_F_NONBLOCK));
	T(splice(null, NULL, w, NULL, 10, SPLICE_F_NONBLOCK));
	T(write(w, buf, PAGE));
	T(sendfile(w, dir, NULL, 10));
	T(sendfile(w, null, NULL, 10));
	T(sendfile(w, r, NULL, 10));
	T(splice(dir, NULL, w, NULL, 10, SPLICE_F_NONBLOCK));
	close(r);
	r = -1;
	T(sendfile(w, null, NULL, 10));
	T(splice(dir, NULL, w, NULL, 10, SPLICE_F_NONBLOCK));
	T(splice(file, NULL, w, NULL, 10, SPLICE_F_NONBLOCK));
}

TEST(splice_orders)
{
	signal(SIGPIPE, SIG_IGN);
	r = w = -1;
	file = NEED(open("f", O_RDWR | O_CREAT, 0600));
	NEED(write(file, buf, sizeof(buf)));
	dir = NEED(open(".", O_RDONLY));
	null = NEED(open("/dev/null", O_RDWR));
	rooms();
	packets();
	orders();
}
