/* SPDX-License-Identifier: MIT */
/*
 * uring_ends: requests in flight when their thread ends: a second thread that execs (its id
 * changes), rings that poll themselves, timeouts that end by each other's completions, and work
 * that would run after the ring was closed.
 */
#include "guest.h"
#include "uring.h"
#include "recorded.h"
#include <sys/sysinfo.h>

static const char expected[] = "execed\n"
			       "in order: 11: 0\n"
			       "in order: 1: 0\n"
			       "in order: 12: 0\n"
			       "in order: 2: 0\n"
			       "in order: 13: 0\n"
			       "in order: 3: 0\n"
			       "in order: 14: 0\n"
			       "what timeouts ended has ended\n"
			       "all rings could be made\n"
			       "no group is left\n";

static void *execs(void *arg)
{
	static int fds[2];

	NEED(pipe(fds));
	open_ring(4, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0);
	add(IORING_OP_POLL_ADD, fds[0], NULL, 0, 0, 1)->poll32_events = POLLIN;
	NEED(enter(1, 0, 0));
	execl("/proc/self/exe", "uring_ends", "done", NULL);
	return NULL;
}

static void from_a_thread(void)
{
	pthread_t t;

	alarm(100);
	NEED0(pthread_create(&t, NULL, execs, NULL));
	pthread_join(t, NULL);
}

/* Returns @n in a guest. A host's user may lock little memory, and has it back only later. */
static int many(int n)
{
	return in_guest() ? n : 4;
}

/* Makes rings that would use a quarter of a guest's memory of 1 GiB if they were not freed. */
static void polls_itself(void)
{
	for (int i = 0; i < many(20); i++) {
		open_ring(4096, 0, 0);
		add(IORING_OP_POLL_ADD, ring, NULL, 0, 0, 1)->poll32_events = POLLIN;
		NEED(enter(1, 0, 0));
	}
}

/* Returns the free memory: it shows a leak that does not use up a guest of 1 GiB. */
static long free_mib(void)
{
	struct sysinfo s;

	NEED(sysinfo(&s));
	return (long)(s.freeram * s.mem_unit >> 20);
}

/* Makes timeouts that end after so many completions; the request linked to each adds another. */
static void timeouts_in_a_row(unsigned flags)
{
	static struct __kernel_timespec far = { .tv_sec = 1000 };

	open_ring(1024, flags, 0);
	for (int i = 0; i < 400; i++) {
		add(IORING_OP_TIMEOUT, -1, &far, 1, i ? i : 1, i)->flags = IOSQE_IO_LINK;
		add(IORING_OP_NOP, -1, NULL, 0, 0, i);
	}
	NEED(enter(800, 0, 0));
}

static void row_is_closed(void)
{
	timeouts_in_a_row(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	close_ring();
}

/* Makes timeouts out of order. A large number of completions is far off, not in the past. */
static void timeouts_in_order(void)
{
	static struct __kernel_timespec far = { .tv_sec = 1000 };
	static const unsigned after[] = { 3, 1, 0xfffffff0, 2 };

	open_ring(8, 0, 0);
	for (int i = 0; i < 4; i++)
		add(IORING_OP_TIMEOUT, -1, &far, 1, after[i], after[i]);
	go("four timeouts", 0);
	for (int i = 11; i <= 14; i++) {
		add(IORING_OP_NOP, -1, NULL, 0, 0, i);
		go("in order", i == 14 ? 1 : 2);
	}
	close_ring();
}

/* Leaves the ring to a child when the submitter, its parent, has gone. */
static void row_is_left(int start, int done)
{
	char c;

	timeouts_in_a_row(0);
	SPAWN({
		NEED(read(start, &c, 1));
		add(IORING_OP_NOP, -1, NULL, 0, 0, 1000);
		NEED(enter(1, 1, IORING_ENTER_GETEVENTS));
		NEED(write(done, "x", 1));
	});
}

static void rows(void)
{
	int start[2], done[2];
	char c;

	alarm(100);
	NEED(waitpid(SPAWN(row_is_closed()), NULL, 0));
	NEED(pipe(start));
	NEED(pipe(done));
	NEED(waitpid(SPAWN(row_is_left(start[0], done[1])), NULL, 0));
	NEED(write(start[1], "x", 1));
	NEED(read(done[0], &c, 1));
	alarm(0);
	say("what timeouts ended has ended");
}

struct late {
	int up[2], go[2];
};

/* Waits for a child while its ring is closed, with a request for a group of buffers to come. */
static void *makes_group(void *arg)
{
	static struct __kernel_timespec far = { .tv_sec = 1000 };
	struct late *l = arg;
	char c;

	add(IORING_OP_TIMEOUT, -1, &far, 1, 1, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_PROVIDE_BUFFERS, 65535, l, 1, 0, 2);
	NEED(enter(2, 0, 0));
	if (!vfork()) {
		close(ring);
		write(l->up[1], "x", 1);
		read(l->go[0], &c, 1);
		_exit(0);
	}
	return arg;
}

/* Ends the timeout by a completion of another thread, and closes the ring. */
static void closed_before_it_runs(void)
{
	struct late l;
	pthread_t t;
	char c;

	NEED(pipe(l.up));
	NEED(pipe(l.go));
	open_ring(8, 0, 0);
	NEED0(pthread_create(&t, NULL, makes_group, &l));
	NEED(read(l.up[0], &c, 1));
	add(IORING_OP_NOP, -1, NULL, 0, 0, 3);
	NEED(enter(1, 1, IORING_ENTER_GETEVENTS));
	close_ring();
	NEED(write(l.go[1], "x", 1));
	NEED0(pthread_join(t, NULL));
	for (int i = 0; i < 2; i++) {
		close(l.up[i]);
		close(l.go[i]);
	}
}

TEST(uring_ends)
{
	long before;

	if (t_argc > 1) {
		say("execed");
		_exit(0);
	}
	if (refused())
		RECORDED(expected);
	NEED(waitpid(SPAWN(from_a_thread()), NULL, 0));
	timeouts_in_order();
	rows();
	before = free_mib();
	for (int i = 0; i < many(40); i++)
		NEED(waitpid(SPAWN(polls_itself()), NULL, 0));
	if (in_guest())
		T_WAIT(free_mib() > before - 100);
	say("all rings could be made");
	before = free_mib();
	alarm(200);
	for (int i = 0; i < many(40); i++)
		closed_before_it_runs();
	if (in_guest())
		T_WAIT(free_mib() > before - 40);
	say("no group is left");
}
