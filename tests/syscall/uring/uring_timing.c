/* SPDX-License-Identifier: MIT */
/*
 * uring_timing: io_uring: multishot timeouts, waiting for a minimum time and by a clock; results
 * that a NOP is given; flags that MSG_RING passes on.
 */
#include "uring.h"
#include "recorded.h"
#include <time.h>

#define NOP_RESULT 1
#define NOP_FILE 2
#define NOP_FIXED_FILE 4
#define NOP_FIXED_BUFFER 8
#define NOP_TASK_WORK 16
#define MULTISHOT 64
#define ABS_TIMER 32
#define REG_CLOCK 29

static const char expected[] =
#include "uring_timing.inc"
	;

static struct __kernel_timespec times[4];

struct done {
	uint64_t user_data;
	int res;
	unsigned flags;
};

/* Waits for the next completion and returns it. */
static struct done next(void)
{
	const struct io_uring_cqe *c;
	struct done d;

	if (!ready())
		enter(0, 1, IORING_ENTER_GETEVENTS);
	c = &cqes[*cq_head & (p.cq_entries - 1)];
	d = (struct done){ c->user_data, c->res, c->flags };
	__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	return d;
}

static void tell(const char *what, struct done c)
{
	say("%s: %lld: %s %d flags %x", what, (long long)c.user_data,
		c.res < 0 ? t_errno(-c.res) : "", c.res < 0 ? -1 : c.res, c.flags);
}

/* Takes @n completions and no more: a timeout with several shots may have made more. */
static void wait_for(const char *what, unsigned n)
{
	while (n--)
		tell(what, next());
}

static void submit(const char *what, unsigned n)
{
	unsigned todo = *sq_tail - __atomic_load_n(sq_head, __ATOMIC_ACQUIRE);

	T(enter(todo, n, IORING_ENTER_GETEVENTS));
	wait_for(what, n);
}

/* ---- NOP, MSG_RING ---- */

static void nop(const char *what, int fd, unsigned len, unsigned flags, unsigned index)
{
	struct io_uring_sqe *s = add(IORING_OP_NOP, fd, NULL, len, 0, 1);

	s->rw_flags = (int)flags;
	s->buf_index = (uint16_t)index;
	submit(what, 1);
}

static void nops(void)
{
	static char page[4096];
	struct iovec v = { page, sizeof(page) };
	int fd = NEED(open("/dev/null", O_RDWR));

	nop("plain", -1, 7, 0, 0);
	nop("result", -1, 7, NOP_RESULT, 0);
	nop("failure", -1, (unsigned)-ENOSPC, NOP_RESULT, 0);
	nop("task work", -1, 9, NOP_RESULT | NOP_TASK_WORK, 0);
	nop("file", fd, 3, NOP_RESULT | NOP_FILE, 0);
	nop("no file", 999, 3, NOP_RESULT | NOP_FILE, 0);
	nop("no registered file", 0, 3, NOP_FILE | NOP_FIXED_FILE, 0);
	nop("no buffer", -1, 3, NOP_FIXED_BUFFER, 0);
	NEED(reg(IORING_REGISTER_FILES, &fd, 1));
	NEED(reg(IORING_REGISTER_BUFFERS, &v, 1));
	nop("registered file", 0, 3, NOP_FILE | NOP_FIXED_FILE, 0);
	nop("buffer", -1, 3, NOP_RESULT | NOP_FIXED_BUFFER, 0);
	nop("no such buffer", -1, 3, NOP_FIXED_BUFFER, 1);
	nop("unknown", -1, 3, 1U << 20, 0);
	add(IORING_OP_NOP, -1, NULL, (unsigned)-EIO, 0, 1)->flags = IOSQE_IO_LINK;
	sqes[(*sq_tail - 1) & (p.sq_entries - 1)].rw_flags = NOP_RESULT;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	submit("linked", 2);
	NEED(reg(IORING_UNREGISTER_FILES, NULL, 0));
	NEED(reg(IORING_UNREGISTER_BUFFERS, NULL, 0));
	close(fd);
}

static void message(const char *what, unsigned flags, unsigned pass)
{
	struct io_uring_sqe *s = add(IORING_OP_MSG_RING, ring, NULL, 5, 77, 1);

	s->rw_flags = (int)flags;
	s->file_index = pass;
	submit(what, 2 - !!(flags & ~2U || (pass && !flags)));
}

static void messages(void)
{
	message("no flags", 0, 0);
	message("flags are passed on", 2, 0x5a00);
	message("flags without leave", 0, 0x5a00);
	message("no completion", 1, 0);
	message("unknown", 4, 0);
}

/* ---- timeouts ---- */

static struct io_uring_sqe *timeout(int ms, unsigned shots, unsigned flags, unsigned data)
{
	struct __kernel_timespec *t = &times[data & 3];
	struct io_uring_sqe *s;

	*t = (struct __kernel_timespec){ ms / 1000, ms % 1000 * 1000000L };
	s = add(IORING_OP_TIMEOUT, -1, t, 1, shots, data);
	s->timeout_flags = flags;
	return s;
}

static void update(int ms, unsigned which, unsigned data)
{
	struct io_uring_sqe *s = add(IORING_OP_TIMEOUT_REMOVE, -1, NULL, 0, 0, data);

	times[3] = (struct __kernel_timespec){ ms / 1000, ms % 1000 * 1000000L };
	s->addr = which;
	s->addr2 = (uintptr_t)&times[3];
	s->timeout_flags = IORING_TIMEOUT_UPDATE;
}

/* Returns the next completion that is the last of its request. */
static struct done next_end(void)
{
	struct done c;

	do
		c = next();
	while (c.flags & IORING_CQE_F_MORE);
	return c;
}

/* Ends the first timeout, of which another shot may come meanwhile. */
static void take_away(const char *what)
{
	unsigned todo = 1, n = 2;

	add(IORING_OP_TIMEOUT_REMOVE, -1, (void *)1, 0, 0, 2);
	T(enter(todo, n, IORING_ENTER_GETEVENTS));
	for (; n; n--)
		tell(what, next_end());
}

static void two(void)
{
	struct done all[16] = { 0 };

	timeout(20, 0, MULTISHOT, 1); /* does not count as a completion */
	timeout(60000, 2, 0, 2);
	submit("two", 0);
	wait_for("two", 3);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 11);
	add(IORING_OP_TIMEOUT_REMOVE, -1, (void *)1, 0, 0, 3);
	T(enter(2, 4, IORING_ENTER_GETEVENTS));
	for (int i = 0; i < 4; i++) {
		struct done c = next_end();

		all[c.user_data & 15] = c;
	}
	for (int i = 0; i < 16; i++)
		if (all[i].user_data)
			tell("the second is reached", all[i]);
}

static void shots(void)
{
	timeout(20, 3, MULTISHOT, 1);
	submit("three", 0);
	wait_for("three", 3);
	timeout(20, 1, MULTISHOT, 1);
	submit("one", 1);
	timeout(20, 0, MULTISHOT, 1);
	submit("no end", 0);
	wait_for("no end", 4);
	take_away("removed");
	timeout(20, 1, MULTISHOT | IORING_TIMEOUT_ABS, 1);
	submit("at a time", 1);
	timeout(20, 2, MULTISHOT | IORING_TIMEOUT_ETIME_SUCCESS, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	submit("linked", 0);
	wait_for("linked", 3);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 1)->flags = IOSQE_IO_LINK;
	timeout(20, 0, MULTISHOT, 2)->opcode = IORING_OP_LINK_TIMEOUT;
	submit("a limit", 2);

	timeout(50000, 2, MULTISHOT, 1);
	submit("changed", 0);
	update(20, 1, 3);
	submit("changed", 1);
	wait_for("changed", 3); /* there is no end of them now */
	take_away("changed, removed");

	timeout(50000, 2, 0, 1);
	submit("counting, changed", 0);
	update(60000, 1, 3);
	submit("counting, changed", 1);
	for (int i = 0; i < 4; i++)
		add(IORING_OP_NOP, -1, NULL, 0, 0, 10);
	submit("counting no longer", 4);
	take_away("counting, removed");
	two();
}

/* ---- waiting ---- */

static struct getevents {
	uint64_t mask;
	uint32_t mask_size, min_us;
	uint64_t ts;
} arg;

static long ms_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static long wait_arg(unsigned n, unsigned flags)
{
	return syscall(SYS_io_uring_enter, ring, 0, n,
		IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | flags, &arg, sizeof(arg));
}

static void *writer(void *fd)
{
	usleep(100000);
	NEED(write((int)(intptr_t)fd, "x", 1));
	return NULL;
}

/*
 * Waits for @n completions, at least @min_ms. One comes after 100 ms, or with @never only after the
 * wait. Prints whether the wait took between @from and @to ms.
 */
static void least(const char *what, bool never, unsigned n, int min_ms, int from, int to)
{
	static char buf[16];
	pthread_t t;
	int pipes[2];
	long begin, took;

	NEED(pipe(pipes));
	add(IORING_OP_READ, pipes[0], buf, sizeof(buf), 0, 1);
	submit(what, 0);
	begin = ms_of(CLOCK_MONOTONIC);
	if (!never)
		NEED0(pthread_create(&t, NULL, writer, (void *)(intptr_t)pipes[1]));
	arg.min_us = min_ms * 1000;
	T(wait_arg(n, 0));
	took = ms_of(CLOCK_MONOTONIC) - begin;
	say("%s: %d ready, %s", what, ready(),
		took < from      ? "too soon" :
		to && took >= to ? "too late" :
				   "in time");
	if (never)
		NEED(write(pipes[1], "x", 1));
	else
		pthread_join(t, NULL);
	if (!ready())
		enter(0, 1, IORING_ENTER_GETEVENTS);
	reap(what);
	close(pipes[0]);
	close(pipes[1]);
}

static void waits(void)
{
	struct __kernel_timespec limit = { 60, 0 };

	arg.ts = (uintptr_t)&limit;
	least("one of four, within the least time", false, 4, 800, 750, 30000);
	least("one of four, after the least time", false, 4, 20, 90, 30000);
	least("one of one", false, 1, 30000, 90, 20000);
	limit = (struct __kernel_timespec){ 0, 20000000 };
	least("none in time", true, 4, 10, 19, 0);
	arg.ts = 0;
	least("no limit", true, 4, 10, 9, 0);
	arg.min_us = 0;
}

static void clocks(void)
{
	struct {
		uint32_t clock, resv[3];
	} c = { CLOCK_BOOTTIME, { 0 } };
	struct __kernel_timespec limit;
	long begin;

	T(reg(REG_CLOCK, NULL, 0));
	T(reg(REG_CLOCK, &c, 1));
	T(reg(REG_CLOCK, &c, 0));
	c.clock = CLOCK_REALTIME;
	T(reg(REG_CLOCK, &c, 0));
	c.clock = CLOCK_MONOTONIC;
	c.resv[1] = 1;
	T(reg(REG_CLOCK, &c, 0));
	for (int i = 0; i < 2; i++) {
		clockid_t clock = i ? CLOCK_MONOTONIC : CLOCK_BOOTTIME;

		c.clock = (uint32_t)clock;
		c.resv[1] = 0;
		T(reg(REG_CLOCK, &c, 0));
		begin = ms_of(clock) + 100;
		limit = (struct __kernel_timespec){ begin / 1000, begin % 1000 * 1000000L };
		arg.ts = (uintptr_t)&limit;
		T(wait_arg(1, ABS_TIMER));
		say("waited until then: %d", ms_of(clock) >= begin);
		limit = (struct __kernel_timespec){ 0, 1 };
		T(wait_arg(1, ABS_TIMER));
	}
	T(enter(0, 0, ABS_TIMER));
}

TEST(uring_timing)
{
	if (refused())
		RECORDED(expected);
	alarm(200);
	open_ring(16, 0, 0);
	nops();
	messages();
	shots();
	waits();
	clocks();
	close_ring();
	open_ring(16, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0);
	shots();
	waits();
	close_ring();
}
