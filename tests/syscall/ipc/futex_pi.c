/* SPDX-License-Identifier: MIT */
/*
 * futex(2): PI locks that inherit priorities and notice deadlocks, requeueing to them;
 * futex_waitv(2).
 */
#include "t.h"
#include <linux/futex.h>
#include <semaphore.h>

static int lock_a __attribute__((aligned(64))), lock_b __attribute__((aligned(64)));
static int cond, mutex, words[3];
static sem_t begun, go_on;
static pid_t tids[2]; /* set before "begun" */
static long results[2];

static long futex(int *w, int op, long val, const void *timeout, int *w2, int val3)
{
	return syscall(SYS_futex, w, op, val, timeout, w2, val3);
}

static long plain(int *w, int op)
{
	return futex(w, op, 0, NULL, NULL, 0);
}

/* Returns field 18 of /proc/PID/stat, the priority. */
static int priority_of(pid_t tid)
{
	char path[64], buf[512], *p;
	int fd, n, i;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	fd = NEED(open(path, O_RDONLY));
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	p = strrchr(buf, ')') + 2;
	for (i = 3; i < 18; i++)
		p = strchr(p, ' ') + 1;
	return atoi(p);
}

static void here_i_am(int i)
{
	tids[i] = syscall(SYS_gettid);
	sem_post(&begun);
}

/* Waits until thread @i, which announces its next call, sleeps in it. Returns its id. */
static pid_t wait_asleep(int i)
{
	sem_wait(&begun);
	t_until(tids[i], 'S');
	return tids[i];
}

/* ---- inheritance ---- */

static void *holds_b(void *arg)
{
	plain(&lock_b, FUTEX_LOCK_PI);
	here_i_am(0);
	sem_wait(&go_on);
	plain(&lock_b, FUTEX_UNLOCK_PI);
	return NULL;
}

static void *waits_for_a(void *arg)
{
	struct sched_param sp = { 10 };

	if (arg)
		sched_setscheduler(0, SCHED_FIFO, &sp);
	here_i_am(1);
	results[1] = plain(&lock_a, FUTEX_LOCK_PI);
	if ((lock_a & FUTEX_TID_MASK) != tids[1])
		say("woken without the lock");
	plain(&lock_a, FUTEX_UNLOCK_PI);
	return NULL;
}

static void *middle(void *arg)
{
	here_i_am(1);
	plain(&lock_a, FUTEX_LOCK_PI);
	plain(&lock_b, FUTEX_LOCK_PI);
	plain(&lock_b, FUTEX_UNLOCK_PI);
	plain(&lock_a, FUTEX_UNLOCK_PI);
	return NULL;
}

static bool may_be_realtime(void)
{
	struct sched_param sp = { 10 }, normal = { 0 };

	if (sched_setscheduler(0, SCHED_FIFO, &sp) == -1)
		return false;
	sched_setscheduler(0, SCHED_OTHER, &normal);
	return true;
}

/*
 * A real-time thread waits for a lock whose owner waits for the lock of a third thread: both owners
 * run at its priority.
 */
static void chain(void)
{
	pthread_t owner, between, waiter;
	bool rt = may_be_realtime();
	pid_t first, second;

	NEED0(pthread_create(&owner, NULL, holds_b, NULL));
	first = wait_asleep(0);
	NEED0(pthread_create(&between, NULL, middle, NULL));
	second = wait_asleep(1);
	say("before: %d %d", priority_of(first) > 0, priority_of(second) > 0);
	NEED0(pthread_create(&waiter, NULL, waits_for_a, (void *)rt));
	wait_asleep(1);
	say("inherited: %d %d", rt ? priority_of(first) : -11, rt ? priority_of(second) : -11);
	sem_post(&go_on);
	pthread_join(owner, NULL);
	pthread_join(between, NULL);
	pthread_join(waiter, NULL);
	say("%ld, words %d %d", results[1], lock_a, lock_b);
}

static void *crosses(void *arg)
{
	plain(&lock_a, FUTEX_LOCK_PI);
	here_i_am(0);
	sem_wait(&go_on);
	results[0] = plain(&lock_b, FUTEX_LOCK_PI);
	plain(&lock_b, FUTEX_UNLOCK_PI);
	plain(&lock_a, FUTEX_UNLOCK_PI);
	return NULL;
}

static void deadlocks(void)
{
	pthread_t t;

	NEED0(pthread_create(&t, NULL, crosses, NULL));
	sem_wait(&begun);
	T(plain(&lock_b, FUTEX_LOCK_PI));
	T(plain(&lock_b, FUTEX_LOCK_PI));
	sem_post(&go_on);
	T_WAIT(__atomic_load_n(&lock_b, __ATOMIC_RELAXED) & FUTEX_WAITERS);
	t_until(tids[0], 'S');
	T(plain(&lock_a, FUTEX_LOCK_PI));
	T(plain(&lock_b, FUTEX_UNLOCK_PI));
	pthread_join(t, NULL);
	say("the other: %ld", results[0]);
}

static void clocks(void)
{
	struct timespec past = { 1, 0 };

	lock_a = 1; /* init has it, and will not give it up */
	T(futex(&lock_a, FUTEX_LOCK_PI, 0, &past, NULL, 0));
	T(futex(&lock_a, FUTEX_LOCK_PI2, 0, &past, NULL, 0));
	T(futex(&lock_a, FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME, 0, &past, NULL, 0));
	T(futex(&lock_a, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, &past, NULL, 0));
	T(plain(&lock_a, FUTEX_TRYLOCK_PI));
	T(plain(&lock_a, FUTEX_UNLOCK_PI));
	lock_a = 0x3fffffff;
	T(plain(&lock_a, FUTEX_LOCK_PI));
	lock_a = 0;
}

/* ---- requeueing ---- */

static void *waits_on_cond(void *arg)
{
	long i = (long)arg;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += 20;
	here_i_am((int)i);
	results[i] = futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &ts, &mutex, 0);
	if (results[i] == 0 && (mutex & FUTEX_TID_MASK) != tids[i])
		say("woken without the mutex");
	if (results[i] == 0)
		plain(&mutex, FUTEX_UNLOCK_PI_PRIVATE);
	return NULL;
}

static void two_waiters(pthread_t *t)
{
	for (long i = 0; i < 2; i++) {
		NEED0(pthread_create(&t[i], NULL, waits_on_cond, (void *)i));
		wait_asleep((int)i);
	}
}

static long requeue(int nr_wake, long nr_move, int *to, int cmp)
{
	return futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, nr_wake, (void *)nr_move, to, cmp);
}

static void requeue_errors(void)
{
	struct timespec past = { 1, 0 };

	T(requeue(1, 1, &mutex, 0));
	T(requeue(1, 1, &mutex, 1));
	T(requeue(2, 1, &mutex, 0));
	T(requeue(0, 1, &mutex, 0));
	T(requeue(1, -1, &mutex, 0));
	T(requeue(1, 1, &cond, 0));
	T(requeue(1, 1, BAD, 0));
	T(futex(&cond, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &cond, 0));
	T(futex(&cond, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &mutex, 0));
	T(futex(&cond, FUTEX_WAIT_REQUEUE_PI, 0, &past, &mutex, 0));
	T(futex(&cond, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 0, &past, &mutex, 0));
	T(futex(&cond, FUTEX_WAIT_REQUEUE_PI, 0, BAD, &mutex, 0));
}

static void requeues(void)
{
	pthread_t t[2];

	requeue_errors();
	two_waiters(t);
	T(futex(&cond, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	T(futex(&cond, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, &mutex, 0));
	T(requeue(1, 1, &lock_b, 0));
	T(plain(&mutex, FUTEX_LOCK_PI_PRIVATE));
	T(requeue(1, 10, &mutex, 0));
	IS(mutex & FUTEX_WAITERS);
	plain(&mutex, FUTEX_UNLOCK_PI_PRIVATE);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	say("%ld %ld, mutex %d", results[0], results[1], mutex);
	two_waiters(t);
	T(requeue(1, 0, &mutex, 0)); /* free: the first has it at once */
	T(requeue(1, 0, &mutex, 0));
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	say("%ld %ld, mutex %d", results[0], results[1], mutex);
}

/* ---- futex_waitv ---- */

static struct futex_waitv vec[3];

static long waitv(const void *v, unsigned nr, unsigned flags, const void *timeout, int clock)
{
	return syscall(SYS_futex_waitv, v, nr, flags, timeout, clock);
}

static void *waits_for_any(void *arg)
{
	here_i_am(0);
	results[0] = waitv(vec, 3, 0, NULL, 0);
	return NULL;
}

static void wake_one_of(int *word, int op)
{
	pthread_t t;
	long n;

	NEED0(pthread_create(&t, NULL, waits_for_any, NULL));
	wait_asleep(0);
	T_WAIT((n = futex(word, op, 1, NULL, NULL, 0))); /* Linux queues it after state S */
	say("wake = %ld", n);
	pthread_join(t, NULL);
	say("waitv = %ld", results[0]);
}

static void waitv_words(const struct timespec *ts)
{
	vec[1].val = 1;
	T(waitv(vec, 3, 0, ts, CLOCK_MONOTONIC));
	vec[1].val = 0;
	vec[1].flags = 0;
	T(waitv(vec, 3, 0, ts, CLOCK_MONOTONIC));
	vec[1].flags = FUTEX_32 | 64;
	T(waitv(vec, 3, 0, ts, CLOCK_MONOTONIC));
	vec[1].flags = FUTEX_32;
	vec[1].__reserved = 1;
	T(waitv(vec, 3, 0, ts, CLOCK_MONOTONIC));
	vec[1].__reserved = 0;
	vec[1].uaddr++;
	T(waitv(vec, 3, 0, ts, CLOCK_MONOTONIC));
	vec[1].uaddr = 0;
	T(waitv(vec, 3, 0, ts, CLOCK_MONOTONIC));
}

static void waitvs(void)
{
	struct timespec ts = { 0, 1 }, bad = { 0, -1 };
	int i;

	for (i = 0; i < 3; i++)
		vec[i] = (struct futex_waitv){ .uaddr = (uintptr_t)&words[i],
			.flags = FUTEX_32 | (i ? FUTEX_PRIVATE_FLAG : 0) };
	wake_one_of(&words[1], FUTEX_WAKE_PRIVATE);
	wake_one_of(&words[0], FUTEX_WAKE);
	wake_one_of(&words[2], FUTEX_WAKE_PRIVATE);
	T(waitv(vec, 0, 0, NULL, 0));
	T(waitv(vec, 129, 0, NULL, 0));
	T(waitv(NULL, 1, 0, NULL, 0));
	T(waitv(vec, 1, 1, NULL, 0));
	T(waitv(BAD, 1, 0, NULL, 0));
	T(waitv(vec, 3, 0, &ts, CLOCK_MONOTONIC));
	T(waitv(vec, 3, 0, &ts, CLOCK_REALTIME));
	T(waitv(vec, 3, 0, &ts, CLOCK_BOOTTIME));
	T(waitv(vec, 3, 0, BAD, CLOCK_MONOTONIC));
	T(waitv(vec, 3, 0, &bad, CLOCK_MONOTONIC));
	waitv_words(&ts);
}

/*
 * The owner's exit takes long: the init of a namespace waits for its last process, which only this
 * test can reap. The owner has given up its locks by then, so a thread that requests the lock does
 * not wait for the rest of the exit.
 */
static void owner_exits(void)
{
	static int word;
	pid_t owner, other;

	NEED(unshare(CLONE_NEWPID));
	owner = SPAWN(for (;;) pause());
	other = SPAWN(for (;;) pause());
	word = owner;
	NEED(kill(owner, SIGKILL));
	t_until(other, 'Z');
	T(plain(&word, FUTEX_LOCK_PI));
	say("its word: %d", (word & FUTEX_TID_MASK) == owner);
	t_wait("last process", other);
	t_wait("owner", owner);
	T(plain(&word, FUTEX_LOCK_PI));
}

TEST(futex_pi)
{
	sem_init(&begun, 0, 0);
	sem_init(&go_on, 0, 0);
	chain();
	deadlocks();
	clocks();
	requeues();
	waitvs();
	CHILD(owner_exits());
}
