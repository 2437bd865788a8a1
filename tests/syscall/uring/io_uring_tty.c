/* SPDX-License-Identifier: MIT */
/*
 * io_uring_tty: io_uring on a pseudo terminal, and on a full socket: a submit does not wait for the
 * other side, which the submitter may have to serve itself.
 */
#include "uring.h"
#include "recorded.h"
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

static const char expected[] = "submitted to write: 1\n"
			       "written and read: the same number\n"
			       "submitted to read: 1\n"
			       "ready: 0\n"
			       "read: 2: 5\n"
			       "hello\n"
			       "submitted to a full socket: 2\n"
			       "all is there: yes\n"
			       "spliced: 65536\n"
			       "read: some\n";

static void pair(int *master, int *slave)
{
	int n, zero = 0;
	char name[32];
	struct termios t;

	*master = NEED(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	NEED(ioctl(*master, TIOCSPTLCK, &zero));
	NEED(ioctl(*master, TIOCGPTN, &n));
	snprintf(name, sizeof(name), "/dev/pts/%d", n);
	*slave = NEED(open(name, O_RDWR | O_NOCTTY));
	NEED(tcgetattr(*slave, &t));
	cfmakeraw(&t);
	NEED(tcsetattr(*slave, TCSANOW, &t));
}

/* Splices a pipe to a socket with little room: all of it goes as room appears. */
static void splice_to_full(void)
{
	static char buf[65536];
	int sv[2], fds[2], small = 16384, res[2] = { 0 };
	struct io_uring_sqe *s;
	long n, got = 0, sum = 65536;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	NEED(setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
	while ((n = send(sv[0], buf, 1000, MSG_DONTWAIT)) > 0)
		sum += n;
	NEED(pipe(fds));
	NEED(write(fds[1], buf, 65536));
	open_ring(8, 0, 0);
	s = add(IORING_OP_SPLICE, sv[0], NULL, 65536, -1, 0);
	s->splice_fd_in = fds[0];
	s->splice_off_in = -1;
	add(IORING_OP_READ, sv[1], buf, 1000, 0, 1);
	say("submitted to a full socket: %ld", enter(2, 0, 0));
	while (ready() < 1)
		NEED(enter(0, 1, IORING_ENTER_GETEVENTS));
	got = 1000;
	while (got < sum && (n = read(sv[1], buf, 1000)) > 0)
		got += n;
	say("all is there: %s", got == sum ? "yes" : "no");
	while (ready() < 2)
		NEED(enter(0, 2, IORING_ENTER_GETEVENTS));
	for (int i = 0; i < 2; i++)
		res[cqes[i].user_data & 1] = cqes[i].res;
	say("spliced: %d", res[0]);
	say("read: %s", res[1] == 1000 ? "some" : "wrong");
	close_ring();
}

TEST(io_uring_tty)
{
	static char buf[65536], got[65536];
	int master, slave, res;
	struct pollfd any[2] = { { .events = POLLIN }, { .events = POLLIN } };
	long n, sum = 0;

	if (refused())
		RECORDED(expected);
	alarm(100);
	pair(&master, &slave);
	open_ring(8, 0, 0);
	add(IORING_OP_WRITE, slave, buf, sizeof(buf), 0, 1);
	say("submitted to write: %ld", enter(1, 0, 0));
	NEED(fcntl(master, F_SETFL, O_NONBLOCK));
	any[0].fd = master;
	any[1].fd = ring;
	while ((n = read(master, got, sizeof(got))) > 0 || !ready())
		if (n > 0)
			sum += n;
		else
			NEED(poll(any, 2, -1));
	res = cqes[*cq_head & (p.cq_entries - 1)].res;
	__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	NEED(fcntl(master, F_SETFL, 0));
	while (sum < res && (n = read(master, got, sizeof(got))) > 0) /* it may be on its way yet */
		sum += n;
	if (res > 0 && res == sum)
		say("written and read: the same number");
	else
		say("written %d, read %ld", res, sum);
	add(IORING_OP_READ, slave, buf, 100, 0, 2);
	say("submitted to read: %ld", enter(1, 0, 0));
	say("ready: %u", ready());
	NEED(write(master, "hello", 5));
	enter(0, 1, IORING_ENTER_GETEVENTS);
	reap("read");
	say("%.5s", buf);
	close_ring();
	splice_to_full();
}
