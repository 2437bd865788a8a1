/* SPDX-License-Identifier: MIT */
/*
 * uring_waits: requests of io_uring that wait: those behind a DRAIN, a cancel between the event and
 * its task, polls that are changed, timeouts that are changed, a full eventfd.
 */
#include "uring.h"
#include "recorded.h"
#include <sys/eventfd.h>

static const char expected[] =
#include "uring_waits.inc"
	;

/* Checks that a reader behind a drain gets what the request after it writes. */
static void behind_a_drain(void)
{
	int a[2], b[2];
	char c, d;

	NEED(pipe(a));
	NEED(pipe(b));
	open_ring(8, 0, 0);
	add(IORING_OP_READ, a[0], &c, 1, 0, 1);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2)->flags = IOSQE_IO_DRAIN;
	add(IORING_OP_READ, b[0], &d, 1, 0, 3);
	add(IORING_OP_WRITE, b[1], "x", 1, 0, 4);
	go("behind a drain", 0);
	NEED(write(a[1], "x", 1));
	NEED(enter(0, 4, IORING_ENTER_GETEVENTS));
	reap_sorted("behind a drain");
	add(IORING_OP_READ, a[0], &c, 1, 0, 1);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 3)->flags = IOSQE_IO_DRAIN;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 4);
	go("a drain in a chain", 0);
	NEED(write(a[1], "x", 1));
	NEED(enter(0, 4, IORING_ENTER_GETEVENTS));
	reap("a drain in a chain");
	close_ring();
}

/*
 * Cancels a read whose pipe was written while its task waits for a child of vfork. The end of a
 * later poll, which the child made, shows that the event has been handled.
 */
static void cancelled_on_its_way(void)
{
	int a[2], b[2];
	char c;

	NEED(pipe(a));
	NEED(pipe(b));
	open_ring(8, 0, 0);
	add(IORING_OP_READ, a[0], &c, 1, 0, 1);
	NEED(enter(1, 0, 0));
	if (!vfork()) {
		write(a[1], "x", 1);
		add(IORING_OP_POLL_ADD, b[0], NULL, 0, 0, 2)->poll32_events = POLLIN;
		enter(1, 0, 0);
		write(b[1], "x", 1);
		enter(0, 1, IORING_ENTER_GETEVENTS);
		add(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0, 3);
		enter(1, 0, 0);
		_exit(0);
	}
	NEED(enter(0, 3, IORING_ENTER_GETEVENTS));
	reap_sorted("cancelled on its way");
	close_ring();
}

static void rename_poll(uint64_t from, uint64_t to, uint64_t data)
{
	add(IORING_OP_POLL_REMOVE, -1, (void *)from, IORING_POLL_UPDATE_USER_DATA, to, data);
}

static void changed_polls(unsigned flags)
{
	int a[2];

	NEED(pipe(a));
	open_ring(8, flags, 0);
	add(IORING_OP_POLL_ADD, a[0], NULL, 0, 0, 1)->poll32_events = POLLIN;
	rename_poll(1, 2, 10);
	rename_poll(2, 3, 11);
	add(IORING_OP_POLL_REMOVE, -1, (void *)3, 0, 0, 12);
	NEED(enter(4, 4, IORING_ENTER_GETEVENTS));
	reap_sorted("a poll that is renamed");
	add(IORING_OP_POLL_ADD, a[0], NULL, IORING_POLL_ADD_MULTI, 0, 1)->poll32_events = POLLIN;
	rename_poll(1, 2, 10);
	NEED(enter(2, 1, IORING_ENTER_GETEVENTS));
	reap("a poll of several shots");
	NEED(write(a[1], "x", 1));
	NEED(enter(0, 1, IORING_ENTER_GETEVENTS));
	reap("a poll of several shots");
	close_ring();
}

static void update_timeout(
	const struct __kernel_timespec *ts, uint64_t which, unsigned flags, uint64_t data)
{
	struct io_uring_sqe *s =
		add(IORING_OP_TIMEOUT_REMOVE, -1, (void *)which, 0, (uintptr_t)ts, data);

	s->timeout_flags = IORING_TIMEOUT_UPDATE | flags;
}

static void changed_timeouts(void)
{
	static struct __kernel_timespec far = { .tv_sec = 1L << 33 }, soon, ms = { 0, 1000000 };
	struct timespec now;
	int a[2];
	char c;

	NEED(pipe(a));
	open_ring(8, 0, 0);
	NEED(clock_gettime(CLOCK_REALTIME, &now));
	soon.tv_sec = now.tv_sec + 1;
	add(IORING_OP_TIMEOUT, -1, &far, 1, 0, 1)->timeout_flags =
		IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME;
	update_timeout(&soon, 1, IORING_TIMEOUT_ABS, 2);
	NEED(enter(2, 2, IORING_ENTER_GETEVENTS));
	reap("of the real time");
	add(IORING_OP_READ, a[0], &c, 1, 0, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_LINK_TIMEOUT, -1, &far, 1, 0, 2);
	update_timeout(&ms, 1, IORING_LINK_TIMEOUT_UPDATE, 3);
	update_timeout(&ms, 2, 0, 4);
	NEED(enter(4, 2, IORING_ENTER_GETEVENTS));
	reap("of a request");
	update_timeout(&ms, 2, IORING_LINK_TIMEOUT_UPDATE, 5);
	NEED(enter(1, 3, IORING_ENTER_GETEVENTS));
	reap_sorted("of a request");
	close_ring();
}

/* Signals an eventfd that is full for a write: one more completion counts, and then none. */
static void full_eventfd(void)
{
	uint64_t n = UINT64_MAX - 1;
	int fd = NEED(eventfd(0, EFD_NONBLOCK));
	struct pollfd p = { fd, POLLIN | POLLOUT, 0 };

	open_ring(8, 0, 0);
	NEED(write(fd, &n, 8));
	T(reg(IORING_REGISTER_EVENTFD, &fd, 1));
	add(IORING_OP_NOP, -1, NULL, 0, 0, 1);
	go("an eventfd", 1);
	T(poll(&p, 1, 0));
	say("%#x", p.revents);
	n = 1;
	T(write(fd, &n, 8));
	T(read(fd, &n, 8));
	say("%d", n == UINT64_MAX);
	close_ring();
}

TEST(uring_waits)
{
	if (refused())
		RECORDED(expected);
	alarm(200);
	behind_a_drain();
	cancelled_on_its_way();
	changed_polls(0);
	changed_polls(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	changed_timeouts();
	full_eventfd();
}
