/* SPDX-License-Identifier: MIT */
/* select(2), pselect6(2): sets, bad descriptors, timeouts and what is left of them, masks. */
#include "t.h"
#include <sys/select.h>

static int gone[2], there[2];
static volatile pid_t selector;

static void *selects(void *arg)
{
	struct timeval tv = { .tv_sec = 100 };
	fd_set r;

	FD_ZERO(&r);
	FD_SET(gone[0], &r);
	FD_SET(there[0], &r);
	selector = gettid();
	T(select(there[1], &r, NULL, NULL, &tv));
	say("%d %d", !!FD_ISSET(gone[0], &r), !!FD_ISSET(there[0], &r));
	return arg;
}

/* A descriptor that is closed meanwhile counts as ready. */
static void closed_meanwhile(void)
{
	pthread_t t;

	NEED(pipe(gone));
	NEED(pipe(there));
	NEED0(pthread_create(&t, NULL, selects, NULL));
	t_until_sleeps(&selector);
	close(gone[0]);
	NEED(write(there[1], "x", 1));
	NEED0(pthread_join(t, NULL));
}

TEST(select)
{
	struct timeval tv, bad = { 0, -1 };
	struct timespec ts = { 0, 20000000 };
	fd_set r, w, e;
	sigset_t none;
	int p[2], q[2], top;
	long start;

	NEED(pipe(p));
	NEED(pipe(q));
	top = q[1] + 1;
	NEED(write(q[1], "x", 1));
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&e);
	FD_SET(p[0], &r);
	FD_SET(q[0], &r);
	FD_SET(p[1], &w);
	FD_SET(p[0], &e);
	tv = (struct timeval){ 1000, 0 };
	T(select(top, &r, &w, &e, &tv));
	say("%d %d %d %d", !!FD_ISSET(p[0], &r), !!FD_ISSET(q[0], &r), !!FD_ISSET(p[1], &w),
		!!FD_ISSET(p[0], &e));
	say("left %d", tv.tv_sec <= 1000 && tv.tv_sec > 700);
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	tv = (struct timeval){ 0, 30000 };
	start = now_ms();
	T(select(top, &r, NULL, NULL, &tv));
	say("%d set %d left %ld", now_ms() - start >= 29, !!FD_ISSET(p[0], &r), (long)tv.tv_usec);
	T(select(0, NULL, NULL, NULL, &tv));
	FD_ZERO(&r);
	FD_SET(40, &r);
	tv = (struct timeval){ 0, 0 };
	T(select(41, &r, NULL, NULL, &tv));
	FD_ZERO(&r);
	FD_SET(q[0], &r);
	T(select(q[0], &r, NULL, NULL, &tv)); /* below its number */
	T(select(-1, NULL, NULL, NULL, &tv));
	T(syscall(SYS_select, 1, BAD, NULL, NULL, &tv));
	T(syscall(SYS_select, 0, NULL, NULL, NULL, &bad));
	T(syscall(SYS_select, 0, NULL, NULL, NULL, BAD));

	/* the end of the pipe is readable, a broken one is writable */
	close(p[1]);
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	T(select(top, &r, NULL, NULL, &tv));
	close(q[0]);
	FD_ZERO(&w);
	FD_ZERO(&e);
	FD_SET(q[1], &w);
	FD_SET(q[1], &e);
	T(select(top, NULL, &w, &e, &tv));
	say("%d %d", !!FD_ISSET(q[1], &w), !!FD_ISSET(q[1], &e));

	T(pselect(0, NULL, NULL, NULL, &ts, NULL));
	say("untouched %ld", ts.tv_nsec);
	t_handle(SIGUSR1, 0);
	sigemptyset(&none);
	t_block(SIGUSR1);
	raise(SIGUSR1);
	T(pselect(0, NULL, NULL, NULL, &ts, NULL));
	T(pselect(0, NULL, NULL, NULL, NULL, &none));
	say("%d", t_signals);
	ts.tv_nsec = -1;
	T(pselect(0, NULL, NULL, NULL, &ts, NULL));
	{
		struct {
			void *p;
			size_t n;
		} arg = { &none, 4 };

		ts.tv_nsec = 0;
		T(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &ts, &arg));
		T(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &ts, BAD));
	}
	closed_meanwhile();
}
