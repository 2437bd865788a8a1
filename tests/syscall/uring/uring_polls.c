/* SPDX-License-Identifier: MIT */
/*
 * uring_polls: polls of io_uring are cancelled while their file wakes them, mostly for nothing:
 * each completes once. A worker's use of a freed request shows where freed memory is poisoned.
 */
#include "uring.h"
#include <stdatomic.h>

#define ROUNDS 3000
#define POLLS 4

static int fds[2];
static atomic_bool over;

/* Writes and reads bytes, each of which is there for a moment. */
static void *wakes(void *arg)
{
	char c;

	while (!over) {
		NEED(write(fds[1], "x", 1));
		NEED(read(fds[0], &c, 1));
	}
	return arg;
}

static void *cancels(void *arg)
{
	struct io_uring_sync_cancel_reg c = { .flags = IORING_ASYNC_CANCEL_ANY };

	c.timeout.tv_sec = c.timeout.tv_nsec = -1;
	while (!over)
		reg(IORING_REGISTER_SYNC_CANCEL, &c, 1);
	return arg;
}

/* Takes all completions. Returns how many were a poll's last. */
static unsigned take(unsigned *ends)
{
	unsigned last = 0;

	for (unsigned n = ready(); n; n--) {
		struct io_uring_cqe *c = &cqes[*cq_head & (p.cq_entries - 1)];

		if (!(c->flags & IORING_CQE_F_MORE)) {
			ends[c->user_data % POLLS]++;
			last++;
		}
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	}
	return last;
}

static bool one_round(void)
{
	unsigned ends[POLLS] = { 0 }, last = 0;
	bool ok = true;

	for (int i = 0; i < POLLS; i++)
		add(IORING_OP_POLL_ADD, fds[0], NULL, i & 1 ? IORING_POLL_ADD_MULTI : 0, 0, i)
			->poll32_events = POLLIN;
	NEED(enter(POLLS, 0, 0));
	while ((last += take(ends)) < POLLS)
		NEED(enter(0, 1, IORING_ENTER_GETEVENTS));
	for (int i = 0; i < POLLS; i++)
		ok = ok && ends[i] == 1;
	return ok;
}

TEST(uring_polls)
{
	pthread_t waker, canceller;
	int good = 0;

	if (refused()) {
		say("ended once: %d of %d rounds", ROUNDS, ROUNDS);
		return;
	}
	alarm(200);
	NEED(pipe(fds));
	open_ring(8, 0, 0);
	NEED0(pthread_create(&waker, NULL, wakes, NULL));
	NEED0(pthread_create(&canceller, NULL, cancels, NULL));
	for (int i = 0; i < ROUNDS; i++)
		good += one_round();
	over = true;
	NEED0(pthread_join(waker, NULL));
	NEED0(pthread_join(canceller, NULL));
	say("ended once: %d of %d rounds", good, ROUNDS);
	close_ring();
}
