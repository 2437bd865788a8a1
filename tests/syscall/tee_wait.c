/* SPDX-License-Identifier: MIT */
/* A tee that waited for data takes none of it: who waits to read behind it is woken too. (Who of the two is first is left open: the tee may miss it.) */
#include "t.h"

static int in[2], out[2];

static void *tees(void *arg)
{
	return (void *)tee(in[0], out[1], 100, 0);
}

static void *reads(void *arg)
{
	char c;

	return (void *)read(in[0], &c, 1);
}

static const char *result(pthread_t t)
{
	struct timespec end;
	void *r;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 5;
	if (pthread_timedjoin_np(t, &r, &end))
		return "waits";
	return (long)r == 1 ? "1" : "another";
}

TEST(tee_wait)
{
	pthread_t a, b;

	NEED(pipe(in));
	NEED(pipe(out));
	NEED(-pthread_create(&a, NULL, tees, NULL));
	usleep(200000);
	NEED(-pthread_create(&b, NULL, reads, NULL));
	usleep(200000);
	T(write(in[1], "x", 1));
	say("read: %s", result(b));
}
