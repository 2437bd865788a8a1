/* SPDX-License-Identifier: MIT */
/*
 * futex_wake, futex_wait and futex_requeue: flags, values, time-outs, private and shared words,
 * nodes.
 */
#include "newer.h"

#define WAKE 454
#define WAIT 455
#define REQUEUE 456
#define U32 0x02
#define NUMA 0x04
#define MPOL 0x08
#define PRIVATE 0x80
#define ANY 0xffffffffUL

struct waiter {
	uint64_t val, uaddr;
	uint32_t flags, reserved;
};

static uint32_t word[4] __attribute__((aligned(16)));
static struct timespec past = { 0, 1 };

static void wrong(void)
{
	struct timespec bad = { 0, 2000000000 };

	for (int f = 0; f < 16; f++)
		CHECK(syscall(WAKE, word, ANY, 1, f), (f & 3) == U32 ? 0 : -EINVAL);
	CHECK(syscall(WAKE, word, ANY, 1, U32 | 0x10), -EINVAL);
	CHECK(syscall(WAKE, word, 0, 1, U32), -EINVAL);
	CHECK(syscall(WAKE, word, ANY + 1, 1, U32), -EINVAL);
	CHECK(syscall(WAKE, (char *)word + 1, 1, 1, U32), -EINVAL);
	CHECK(syscall(WAKE, NULL, 1, 1, U32), -EFAULT);
	CHECK(syscall(WAKE, word, 1, 0, U32), 0);
	CHECK(syscall(WAKE, word, 1, -1, U32), 0);
	CHECK(syscall(WAIT, word, 0, 0, U32, &past, 1), -EINVAL);
	CHECK(syscall(WAIT, word, 0, -1L, U32, &past, 1), -EINVAL);
	CHECK(syscall(WAIT, word, ANY + 1, 1, U32, &past, 1), -EINVAL);
	CHECK(syscall(WAIT, word, 0, 1, PRIVATE, &past, 1), -EINVAL);
	CHECK(syscall(WAIT, word, 0, 1, U32 | 1, &past, 1), -EINVAL);
	CHECK(syscall(WAIT, word, 0, 1, U32, &past, 7), -EINVAL);
	CHECK(syscall(WAIT, word, 0, 1, U32, &bad, 1), -EINVAL);
	CHECK(syscall(WAIT, word, 0, 1, U32, (void *)8, 1), -EFAULT);
	CHECK(syscall(WAIT, (char *)word + 1, 0, 1, U32, &past, 1), -EINVAL);
	CHECK(syscall(WAIT, (void *)8, 0, 1, U32, &past, 1), -EFAULT);
}

static void times(void)
{
	CHECK(syscall(WAIT, word, 0, 1, U32, &past, CLOCK_MONOTONIC), -ETIMEDOUT);
	CHECK(syscall(WAIT, word, 0, ANY, U32 | PRIVATE, &past, CLOCK_REALTIME), -ETIMEDOUT);
	CHECK(syscall(WAIT, word, 1, 1, U32, NULL, 77), -EAGAIN);
}

static void nodes(void)
{
	word[0] = word[1] = word[3] = 0;
	CHECK(syscall(WAKE, word, 1, 1, U32 | NUMA), 0);
	CHECK(syscall(WAKE, word + 1, 1, 1, U32 | NUMA), -EINVAL);
	word[1] = 9999;
	CHECK(syscall(WAKE, word, 1, 1, U32 | NUMA), -EINVAL);
	word[1] = -1U;
	CHECK(syscall(WAIT, word, 0, 1, U32 | NUMA, &past, 1), -ETIMEDOUT);
	HOLDS(word[1] != -1U);
	word[1] = 0;
}

static void requeue_wrong(void)
{
	struct waiter w[2] = { { 0, (uintptr_t)word, U32, 0 }, { 0, (uintptr_t)&word[2], U32, 0 } };

	CHECK(syscall(REQUEUE, w, 0, 1, 1), 0);
	CHECK(syscall(REQUEUE, w, 1, 1, 1), -EINVAL);
	CHECK(syscall(REQUEUE, NULL, 0, 1, 1), -EINVAL);
	CHECK(syscall(REQUEUE, (void *)8, 0, 1, 1), -EFAULT);
	CHECK(syscall(REQUEUE, w, 0, -1, 1), -EINVAL);
	CHECK(syscall(REQUEUE, w, 0, 1, -1), -EINVAL);
	w[0].val = 1;
	CHECK(syscall(REQUEUE, w, 0, 1, 1), -EAGAIN);
	w[0].val = ANY + 1;
	CHECK(syscall(REQUEUE, w, 0, 1, 1), -EINVAL);
	w[0].val = 0;
	w[1].val = 7;
	CHECK(syscall(REQUEUE, w, 0, 1, 1), 0);
	w[1].flags = U32 | PRIVATE;
	CHECK(syscall(REQUEUE, w, 0, 1, 1), -EINVAL);
	w[1].flags = 0;
	CHECK(syscall(REQUEUE, w, 0, 1, 1), -EINVAL);
	w[1].flags = U32;
	w[1].reserved = 1;
	CHECK(syscall(REQUEUE, w, 0, 1, 1), -EINVAL);
	w[1].reserved = 0;
	w[1].uaddr = 8;
	CHECK(syscall(REQUEUE, w, 0, 1, 1), -EFAULT);
}

static void *waits(void *flags)
{
	return (void *)(syscall(WAIT, word, 0, 4, (uintptr_t)flags, NULL, 0) ? (long)errno : 0L);
}

/* Wakes waiters of @w with @mask until @n have been woken. Returns their number. */
static int wake_all(uint32_t *w, unsigned long mask, int flags, int n)
{
	int woken = 0;

	for (int i = 0; have && woken < n && i < 100000; i++) {
		woken += (int)syscall(WAKE, w, mask, n - woken, flags);
		usleep(woken < n ? 1000 : 0);
	}
	return woken;
}

static void wakes(uintptr_t flags)
{
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		NEED0(pthread_create(&t[i], NULL, waits, (void *)flags));
	CHECK(syscall(WAKE, word, 3, 5, flags), 0);
	HOLDS(wake_all(word, 12, (int)flags, 2) == 2);
	for (int i = 0; i < 2; i++) {
		void *r;

		pthread_join(t[i], &r);
		HOLDS(!r);
	}
}

/* Requeues from a word to another: a wake of the first wakes no waiter any more. */
static void moves(void)
{
	struct waiter w[2] = { { 0, (uintptr_t)word, U32 | PRIVATE, 0 },
		{ 0, (uintptr_t)&word[2], U32 | PRIVATE, 0 } };
	long moved = 0;
	pthread_t t;
	void *r;

	NEED0(pthread_create(&t, NULL, waits, (void *)(U32 | PRIVATE)));
	for (int i = 0; have && !moved && i < 100000; i++) {
		moved = syscall(REQUEUE, w, 0, 0, 1);
		usleep(1000);
	}
	HOLDS(moved == 1);
	CHECK(syscall(WAKE, word, ANY, 1, U32 | PRIVATE), 0);
	CHECK(syscall(WAKE, &word[2], ANY, 1, U32), 0);
	CHECK(syscall(WAKE, &word[2], 4, 1, U32 | PRIVATE), 1);
	pthread_join(t, &r);
	HOLDS(!r);
}

static void interrupted(void)
{
	t_handle(SIGALRM, 0);
	if (have)
		t_alarm_asleep();
	CHECK(syscall(WAIT, word, 0, 1, U32, NULL, 0), -EINTR);
}

TEST(futex2)
{
	have = known(WAKE);
	wrong();
	times();
	nodes();
	requeue_wrong();
	wakes(U32);
	wakes(U32 | PRIVATE);
	moves();
	interrupted();
}
