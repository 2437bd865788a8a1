/* SPDX-License-Identifier: MIT */
/* io_uring on a pseudo terminal: who submits does not wait for the other side, which it may have to serve itself. */
#include "uring.h"
#include <sys/ioctl.h>
#include <termios.h>

static const char expected[] = "submitted to write: 1\n"
			       "written and read: the same number\n"
			       "submitted to read: 1\n"
			       "ready: 0\n"
			       "read: 2: 5\n"
			       "hello\n";

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

TEST(io_uring_tty)
{
	static char buf[65536], got[65536];
	int master, slave, res;
	struct pollfd any[2] = { { .events = POLLIN }, { .events = POLLIN } };
	long n, sum = 0;

	if (refused()) {
		NEED(write(1, expected, sizeof(expected) - 1));
		return;
	}
	alarm(20);
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
}
