/* SPDX-License-Identifier: MIT */
/*
 * uring_parts: requests that transfer their data in parts, and are cancelled in the middle: they
 * report what they have transferred, also if they hide success, and a linked request does not run.
 */
#include "uring.h"
#include "recorded.h"
#include <sys/ioctl.h>
#include <sys/socket.h>

static const char expected[] = "recv: request: 1: 10\n"
			       "recv: next: 2: ECANCELED\n"
			       "recv: cancel: 3: 0\n"
			       "silent recv: request: 1: 10\n"
			       "silent recv: cancel: 3: 0\n"
			       "nothing yet: request: 1: ECANCELED\n"
			       "nothing yet: next: 2: ECANCELED\n"
			       "nothing yet: cancel: 3: 0\n"
			       "in time: request: 1: 10\n"
			       "in time: next: 2: ECANCELED\n"
			       "in time: limit: 4: ETIME\n"
			       "send: as much as has come, and some\n"
			       "splice: as much as has come, and some\n"
			       "silent and short: read: 1: 3\n";

/* Prints the completions in the order of user data. */
static void tell(const char *what, unsigned n)
{
	static const char *const names[] = { "", "request", "next", "cancel", "limit" };
	bool there[5] = { false };
	int res[5];

	while (ready() < n)
		NEED(enter(0, n, IORING_ENTER_GETEVENTS));
	for (; ready(); __atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE)) {
		struct io_uring_cqe *c = &cqes[*cq_head & (p.cq_entries - 1)];

		there[c->user_data] = true;
		res[c->user_data] = c->res;
	}
	for (int i = 1; i < 5; i++)
		if (there[i] && res[i] < 0)
			say("%s: %s: %d: %s", what, names[i], i, t_errno(-res[i]));
		else if (there[i])
			say("%s: %s: %d: %d", what, names[i], i, res[i]);
}

static int pending(int fd)
{
	int n;

	NEED(ioctl(fd, FIONREAD, &n));
	return n;
}

/* Makes a request for 100 bytes where there are @have. */
static void receives(const char *what, int have, unsigned flags, int limit_ms)
{
	struct __kernel_timespec ts = { 0, limit_ms * 1000000L };
	char buf[100] = "0123456789";
	int s[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	if (have)
		NEED(write(s[1], buf, have));
	struct io_uring_sqe *e = add(IORING_OP_RECV, s[0], buf, sizeof(buf), 0, 1);
	e->msg_flags = MSG_WAITALL;
	e->flags = IOSQE_IO_LINK | flags;
	if (limit_ms)
		add(IORING_OP_LINK_TIMEOUT, -1, &ts, 1, 0, 4)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	NEED(enter(limit_ms ? 3 : 2, 0, IORING_ENTER_GETEVENTS));
	if (!limit_ms) {
		add(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0, 3);
		NEED(enter(1, 1, IORING_ENTER_GETEVENTS));
	}
	tell(what, flags & IOSQE_CQE_SKIP_SUCCESS ? 2 : 3);
	close(s[0]);
	close(s[1]);
}

/* Cancels request 1 when it has filled @s[0]: its result must be what @s[1] has. */
static void cut_short(const char *what, const int *s)
{
	int res = 0, last = 0, n = 0;

	NEED(enter(1, 0, IORING_ENTER_GETEVENTS));
	do {
		last = n;
		T_WAIT(pending(s[1]) > 0);
		n = pending(s[1]);
	} while (n != last);
	add(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0, 3);
	NEED(enter(1, 2, IORING_ENTER_GETEVENTS));
	while (ready() < 2)
		NEED(enter(0, 2, IORING_ENTER_GETEVENTS));
	for (; ready(); __atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE))
		if (cqes[*cq_head & (p.cq_entries - 1)].user_data == 1)
			res = cqes[*cq_head & (p.cq_entries - 1)].res;
	if (res > 0 && res == pending(s[1]))
		say("%s: as much as has come, and some", what);
	else
		say("%s: %d, but %d have come", what, res, pending(s[1]));
}

static void small_pair(int *s)
{
	int size = 4096;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
}

static void sends(void)
{
	static char buf[1 << 20];
	int s[2];

	small_pair(s);
	add(IORING_OP_SEND, s[0], buf, sizeof(buf), 0, 1)->msg_flags = MSG_WAITALL;
	cut_short("send", s);
	close(s[0]);
	close(s[1]);
}

static void splices(void)
{
	static char buf[65536];
	struct io_uring_sqe *e;
	int s[2], fds[2];

	small_pair(s);
	NEED(pipe(fds));
	NEED(write(fds[1], buf, sizeof(buf)));
	e = add(IORING_OP_SPLICE, s[0], (void *)-1L, sizeof(buf), (uint64_t)-1, 1);
	e->splice_fd_in = fds[0];
	cut_short("splice", s);
	close(s[0]);
	close(s[1]);
	close(fds[0]);
	close(fds[1]);
}

/* A short read is reported even with CQE_SKIP_SUCCESS. */
static void reads(void)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600));
	char buf[10];

	NEED(write(fd, "abc", 3));
	add(IORING_OP_READ, fd, buf, sizeof(buf), 0, 1)->flags = IOSQE_CQE_SKIP_SUCCESS;
	NEED(enter(1, 1, IORING_ENTER_GETEVENTS));
	reap("silent and short: read");
	close(fd);
}

TEST(uring_parts)
{
	if (refused())
		RECORDED(expected);
	alarm(200);
	open_ring(8, 0, 0);
	receives("recv", 10, 0, 0);
	receives("silent recv", 10, IOSQE_CQE_SKIP_SUCCESS, 0);
	receives("nothing yet", 0, 0, 0);
	receives("in time", 10, 0, 20);
	sends();
	splices();
	reads();
	close_ring();
}
