/* SPDX-License-Identifier: MIT */
/*
 * futex(2): wait, wake, bitsets, requeue, wake-op, timeouts, private and shared, priority
 * inheritance.
 */
#include "t.h"
#include <linux/futex.h>

static int words[8], *shared;

static long futex(int *w, int op, int val, const void *timeout, int *w2, int val3)
{
	return syscall(SYS_futex, w, op, val, timeout, w2, val3);
}

struct waiter {
	int *word, op, val3;
	long result;
	volatile pid_t tid;
};

static void *waiting(void *arg)
{
	struct waiter *w = arg;

	w->tid = syscall(SYS_gettid);
	w->result = futex(w->word, w->op, 0, NULL, NULL, w->val3) == -1 ? -errno : 0;
	return NULL;
}

static void start(pthread_t *t, struct waiter *w)
{
	w->tid = 0;
	NEED0(pthread_create(t, NULL, waiting, w));
	while (!w->tid)
		usleep(500);
	t_until(w->tid, 'S');
}

static void basics(void)
{
	struct timespec ts = { 0, 20000000 }, bad = { 0, 1000000000 }, past = { 1, 0 };

	T(futex(words, FUTEX_WAIT, 1, NULL, NULL, 0));
	T(futex(words, FUTEX_WAIT, 0, &ts, NULL, 0));
	T(futex(words, FUTEX_WAIT, 0, &bad, NULL, 0));
	T(futex(words, FUTEX_WAIT, 0, BAD, NULL, 0));
	T(futex(words, FUTEX_WAKE, 1, NULL, NULL, 0));
	T(futex(BAD, FUTEX_WAIT, 0, NULL, NULL, 0));
	T(futex(NULL, FUTEX_WAKE, 1, NULL, NULL, 0));
	T(futex((int *)((char *)words + 1), FUTEX_WAIT, 0, NULL, NULL, 0));
	T(futex((int *)((char *)words + 2), FUTEX_WAKE, 0, NULL, NULL, 0));
	T(futex(words, FUTEX_WAIT_BITSET, 0, &past, NULL, -1));
	T(futex(words, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &past, NULL, -1));
	T(futex(words, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
	T(futex(words, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
	T(futex(words, 77, 0, NULL, NULL, 0));
	T(futex(words, FUTEX_FD, 0, NULL, NULL, 0));
	T(futex(words, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0));
}

static void wakes(void)
{
	struct waiter w[3] = { { words, FUTEX_WAIT_PRIVATE, 0, 9, 0 },
		{ words, FUTEX_WAIT_PRIVATE, 0, 9, 0 }, { words, FUTEX_WAIT_PRIVATE, 0, 9, 0 } };
	pthread_t t[3];
	int i;

	for (i = 0; i < 3; i++)
		start(&t[i], &w[i]);
	T(futex(words + 1, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0));
	T(futex(words, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0));
	T(futex(words, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0));
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	say("%ld %ld %ld", w[0].result, w[1].result, w[2].result);
}

static void bitsets(void)
{
	struct waiter a = { words, FUTEX_WAIT_BITSET_PRIVATE, 1, 9, 0 },
		      b = { words, FUTEX_WAIT_BITSET_PRIVATE, 2, 9, 0 };
	pthread_t ta, tb;

	start(&ta, &a);
	start(&tb, &b);
	T(futex(words, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 4));
	T(futex(words, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 2));
	pthread_join(tb, NULL);
	T(futex(words, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0));
	pthread_join(ta, NULL);
}

static void requeue(void)
{
	struct waiter w[3] = { { words, FUTEX_WAIT, 0, 9, 0 }, { words, FUTEX_WAIT, 0, 9, 0 },
		{ words, FUTEX_WAIT, 0, 9, 0 } };
	pthread_t t[3];
	int i;

	for (i = 0; i < 3; i++)
		start(&t[i], &w[i]);
	T(futex(words, FUTEX_CMP_REQUEUE, 1, (void *)10ul, words + 1, 5));
	T(futex(words, FUTEX_CMP_REQUEUE, 1, (void *)10ul, words + 1, 0));
	T(futex(words, FUTEX_WAKE, 10, NULL, NULL, 0));
	T(futex(words + 1, FUTEX_REQUEUE, 0, (void *)1ul, words + 2, 0));
	T(futex(words + 2, FUTEX_WAKE, 10, NULL, NULL, 0));
	T(futex(words + 1, FUTEX_WAKE, 10, NULL, NULL, 0));
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	T(futex(words, FUTEX_CMP_REQUEUE, -1, (void *)1ul, words + 1, 0));
}

static void wake_op(void)
{
	struct waiter a = { words, FUTEX_WAIT, 0, 9, 0 }, b = { words + 1, FUTEX_WAIT, 0, 9, 0 };
	pthread_t ta, tb;

	start(&ta, &a);
	start(&tb, &b);
	T(futex(words, FUTEX_WAKE_OP, 10, (void *)10ul, words + 1,
		FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 1)));
	say("%d", words[1]);
	pthread_join(ta, NULL);
	T(futex(words, FUTEX_WAKE_OP, 10, (void *)10ul, words + 1,
		FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_GT, 4)));
	say("%d", words[1]);
	pthread_join(tb, NULL);
	T(futex(words, FUTEX_WAKE_OP, 1, (void *)1ul, words + 1,
		FUTEX_OP(FUTEX_OP_OR, 12, FUTEX_OP_CMP_NE, 0)));
	T(futex(words, FUTEX_WAKE_OP, 1, (void *)1ul, words + 1,
		FUTEX_OP(FUTEX_OP_ANDN, 4, FUTEX_OP_CMP_NE, 0)));
	T(futex(words, FUTEX_WAKE_OP, 1, (void *)1ul, words + 1,
		FUTEX_OP((FUTEX_OP_XOR | FUTEX_OP_OPARG_SHIFT), 0, FUTEX_OP_CMP_NE, 0)));
	say("%d", words[1]);
	T(futex(words, FUTEX_WAKE_OP, 1, (void *)1ul, BAD, 0));
	words[1] = 0;
}

static void processes(void)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600)), *map, *priv;
	pid_t pid;

	pid = SPAWN(_exit(futex(shared, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 0 : 1));
	t_until(pid, 'S');
	T(futex(shared, FUTEX_WAKE, 10, NULL, NULL, 0));
	t_wait("anonymous shared", pid);
	NEED(ftruncate(fd, PAGE));
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pid = SPAWN({
		int *other = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		_exit(futex(other, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 0 : 1);
	});
	t_until(pid, 'S');
	T(futex(map, FUTEX_WAKE, 10, NULL, NULL, 0)); /* by file, not by address */
	t_wait("file", pid);
	priv = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	priv[0] = 0;
	t_handle(SIGUSR1, 0);
	pid = SPAWN(
		_exit(futex(priv, FUTEX_WAIT, 0, NULL, NULL, 0) == -1 && errno == EINTR ? 0 : 1));
	t_until(pid, 'S');
	T(futex(priv, FUTEX_WAKE, 10, NULL, NULL, 0)); /* copies are different words */
	kill(pid, SIGUSR1);
	t_wait("private", pid);
}

static void *locker(void *arg)
{
	struct waiter *w = arg;

	w->tid = syscall(SYS_gettid);
	w->result = futex(w->word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == -1 ? -errno : 0;
	return NULL;
}

static void inheritance(void)
{
	struct timespec past = { 1, 0 };
	struct waiter w = { words + 4, 0, 0, 9, 0 };
	pthread_t t;
	int me = (int)syscall(SYS_gettid);

	words[4] = 0;
	T(futex(words + 4, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	say("owner is me %d", words[4] == me);
	T(futex(words + 4, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	T(futex(words + 4, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	NEED0(pthread_create(&t, NULL, locker, &w));
	while (!w.tid)
		usleep(500);
	t_until(w.tid, 'S');
	say("waiters bit %d", !!(words[4] & FUTEX_WAITERS));
	T(futex(words + 4, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	pthread_join(t, NULL);
	say("handed over %d: %ld", (words[4] & FUTEX_TID_MASK) == w.tid, w.result);
	T(futex(words + 4, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0)); /* not mine */
	words[5] = 1 << 29;
	T(futex(words + 5, FUTEX_LOCK_PI, 0, &past, NULL, 0)); /* no such owner */
}

/*
 * A word that other processes may share has to be there, and in a page that is not this process's
 * alone.
 */
static void read_only(void)
{
	int *lone = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int *all = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int *none = mmap(NULL, PAGE, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct timespec soon = { 0, 1 };

	T(futex(lone, FUTEX_WAKE, 1, NULL, NULL, 0));
	T(futex(lone, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	T(futex(lone, FUTEX_WAIT, 0, &soon, NULL, 0));
	T(futex(lone, FUTEX_WAIT_PRIVATE, 0, &soon, NULL, 0));
	T(futex(lone, FUTEX_CMP_REQUEUE, 1, (void *)1, words, 0));
	T(futex(all, FUTEX_WAKE, 1, NULL, NULL, 0));
	T(futex(all, FUTEX_WAIT, 0, &soon, NULL, 0));
	T(futex(none, FUTEX_WAKE, 1, NULL, NULL, 0));
	T(futex(none, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
}

/* A word after the end of the mapped file, shared or private. */
static void behind_the_end(void)
{
	int fd = NEED(memfd_create("x", 0));
	int *two[2];

	NEED(ftruncate(fd, 2 * PAGE));
	for (int i = 0; i < 2; i++) {
		two[i] = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, i ? MAP_PRIVATE : MAP_SHARED,
			fd, 0);
		two[i][PAGE / 4] = 1;
	}
	NEED(ftruncate(fd, 100));
	for (int i = 0; i < 2; i++) {
		int *at = two[i] + PAGE / 4;

		T(futex(at - 1, FUTEX_WAKE, 1, NULL, NULL, 0));
		T(futex(at, FUTEX_WAKE, 1, NULL, NULL, 0));
		T(futex(at, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
		T(futex(at, FUTEX_REQUEUE, 1, (void *)1, words, 0));
		T(futex(words, FUTEX_REQUEUE, 1, (void *)1, at, 0));
		T(futex(at, FUTEX_WAIT, 1, NULL, NULL, 0));
	}
	close(fd);
}

TEST(futex)
{
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	basics();
	wakes();
	bitsets();
	requeue();
	wake_op();
	read_only();
	behind_the_end();
	processes();
	inheritance();
}
