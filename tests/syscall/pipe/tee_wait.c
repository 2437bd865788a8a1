/* SPDX-License-Identifier: MIT */
/*
 * tee_wait: a tee that waited for data takes none of it, so a reader that waits behind it is woken,
 * too. The order of the two is left open: the tee may miss the data.
 */
#include "t.h"

static int in[2], out[2];

static void *tees(void *arg)
{
	*(volatile pid_t *)arg = gettid();
	return (void *)tee(in[0], out[1], 100, 0);
}

static void *reads(void *arg)
{
	char c;

	*(volatile pid_t *)arg = gettid();
	return (void *)read(in[0], &c, 1);
}

static const char *result(pthread_t t)
{
	struct timespec end;
	void *r;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 100;
	if (pthread_timedjoin_np(t, &r, &end))
		return "waits";
	return (long)r == 1 ? "1" : "another";
}

/* Starts a thread that runs @fn, and waits until it sleeps. Returns the thread. */
static pthread_t waits(void *(*fn)(void *))
{
	volatile pid_t tid = 0;
	pthread_t t;

	NEED0(pthread_create(&t, NULL, fn, (void *)&tid));
	T_WAIT(tid && t_state(tid) == 'S');
	return t;
}

TEST(tee_wait)
{
	pthread_t b;

	NEED(pipe(in));
	NEED(pipe(out));
	waits(tees);
	b = waits(reads);
	T(write(in[1], "x", 1));
	say("read: %s", result(b));
}
