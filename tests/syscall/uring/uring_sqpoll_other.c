/* SPDX-License-Identifier: MIT */
/*
 * uring_sqpoll_other: another process has inherited a ring of SQPOLL: its submissions use the
 * descriptors and the memory of the process that made the ring, which may sleep meanwhile, and fail
 * once that has gone.
 */
#include "guest.h"
#include "uring.h"
#include "recorded.h"

static const char expected[] = "child: enter = 2\n"
			       "child: exited 0\n"
			       "done: 1:  4 times 1\n"
			       "done: 2:  0 times 1\n"
			       "read by the parent: ours\n"
			       "enter = 1\n"
			       "asleep: 3: 0\n"
			       "100 more: 100\n"
			       "nobody is left: -1 EOWNERDEAD\n";

static void push(const char *who, unsigned n)
{
	long r;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	r = enter(n, 0, IORING_ENTER_SQ_WAKEUP);
	if (r < 0)
		say("%s-1 %s", who, t_errno(errno));
	else if (n)
		say("%s%ld", who, r);
}

/* The number of the pipe is another file's in the child. */
static void child_submits(void)
{
	static char text[8] = "ours";
	int fds[2];
	char buf[8] = "";

	NEED(pipe(fds));
	CHILD({
		int null = NEED(open("/dev/null", O_RDWR));

		strcpy(text, "none");
		NEED(dup2(null, fds[1]));
		add(IORING_OP_WRITE, fds[1], text, 4, 0, 1);
		add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
		push("child: enter = ", 2);
	});
	NEED(enter(0, 2, IORING_ENTER_GETEVENTS));
	reap_sorted("done");
	NEED(read(fds[0], buf, sizeof(buf)));
	say("read by the parent: %s", buf);
}

/* Nothing but the completion tells the child that its sleeping parent has submitted. */
static void parent_sleeps(void)
{
	pid_t pid = SPAWN({
		add(IORING_OP_NOP, -1, NULL, 0, 0, 3);
		push("enter = ", 1);
		NEED(enter(0, 1, IORING_ENTER_GETEVENTS));
		reap("asleep");
		for (int i = 0, n = 0; i < 100; i++) {
			add(IORING_OP_NOP, -1, NULL, 0, 0, 4);
			NEED(enter(1, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP));
			n += ready();
			__atomic_store_n(cq_head, *cq_head + ready(), __ATOMIC_RELEASE);
			if (i == 99)
				say("100 more: %d", n);
		}
	});
	NEED(waitpid(pid, NULL, 0));
}

static void left_behind(void)
{
	int done[2];
	pid_t ring_maker;
	char c;

	NEED(pipe(done));
	if (!NEED(fork())) {
		open_ring(4, IORING_SETUP_SQPOLL, 0);
		ring_maker = getpid();
		if (NEED(fork()))
			_exit(0);
		while (getppid() == ring_maker ||
			!kill(ring_maker, 0)) /* until it was waited for */
			sched_yield();
		add(IORING_OP_NOP, -1, NULL, 0, 0, 1);
		push("nobody is left: ", 1);
		NEED(write(done[1], "x", 1));
		_exit(0);
	}
	NEED(wait(NULL));
	NEED(read(done[0], &c, 1));
}

TEST(uring_sqpoll_other)
{
	if (!in_guest())
		RECORDED(expected);
	alarm(100);
	open_ring(8, IORING_SETUP_SQPOLL, 0);
	child_submits();
	parent_sleeps();
	close_ring();
	left_behind();
}
