/* SPDX-License-Identifier: MIT */
/*
 * clock_set_wakes: waits for an absolute time of CLOCK_REALTIME end when the clock is set past that
 * time. Relative waits, and waits on other clocks, do not end. Guests only, since the host's clock
 * must not change.
 */
#include "uring.h"
#include "guest.h"

#include <linux/futex.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>

#define FUTEX_LOCK_PI2_ 13
#define SYS_futex_waitv_ 449
#define SYS_futex_wait_ 455

static struct timespec at; /* half an hour ahead */
static unsigned word, pi_word;
static mqd_t empty, full;
static pthread_rwlock_t written = PTHREAD_RWLOCK_INITIALIZER; /* by the main thread */

static long lasting(int op, struct timespec *until)
{
	return syscall(SYS_futex, &word, op, 0, until, NULL, ~0U);
}

static long by_bitset(void)
{
	return lasting(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, &at);
}

static long by_lock_pi(void)
{
	return syscall(SYS_futex, &pi_word, FUTEX_LOCK_PI, 0, &at, NULL, 0);
}

static long by_lock_pi2(void)
{
	return syscall(
		SYS_futex, &pi_word, FUTEX_LOCK_PI2_ | FUTEX_CLOCK_REALTIME, 0, &at, NULL, 0);
}

static long by_requeue_pi(void)
{
	return syscall(SYS_futex, &word, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 0, &at,
		&pi_word, 0);
}

static long by_waitv(void)
{
	struct {
		uint64_t val, uaddr;
		uint32_t flags, reserved;
	} v = { 0, (uintptr_t)&word, 2, 0 };

	return syscall(SYS_futex_waitv_, &v, 1, 0, &at, CLOCK_REALTIME);
}

static long by_futex_wait(void)
{
	return syscall(SYS_futex_wait_, &word, 0UL, ~0U, 2U, &at, CLOCK_REALTIME);
}

static long by_receive(void)
{
	char b[8];

	return mq_timedreceive(empty, b, 8, NULL, &at);
}

static long by_send(void)
{
	return mq_timedsend(full, "x", 1, 0, &at);
}

static long by_sem(void)
{
	sem_t s;

	sem_init(&s, 0, 0);
	return sem_timedwait(&s, &at);
}

static long by_cond(void)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t c = PTHREAD_COND_INITIALIZER;

	pthread_mutex_lock(&m);
	errno = pthread_cond_timedwait(&c, &m, &at);
	return errno ? -1 : 0;
}

static long by_rwlock(void)
{
	errno = pthread_rwlock_timedrdlock(&written, &at);
	return errno ? -1 : 0;
}

static long by_nanosleep(void)
{
	errno = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL);
	return errno ? -1 : 0;
}

static struct wait {
	const char *name, *wanted;
	long (*wait)(void);
	pthread_t thread;
	pid_t tid; /* atomic; 0: not begun */
	long ret;
	int err;
} waits[] = {
	{ "FUTEX_WAIT_BITSET", "-1 ETIMEDOUT", by_bitset },
	{ "FUTEX_LOCK_PI", "-1 ETIMEDOUT", by_lock_pi },
	{ "FUTEX_LOCK_PI2", "-1 ETIMEDOUT", by_lock_pi2 },
	{ "FUTEX_WAIT_REQUEUE_PI", "-1 ETIMEDOUT", by_requeue_pi },
	{ "futex_waitv", "-1 ETIMEDOUT", by_waitv },
	{ "futex_wait", "-1 ETIMEDOUT", by_futex_wait },
	{ "mq_timedreceive", "-1 ETIMEDOUT", by_receive },
	{ "mq_timedsend", "-1 ETIMEDOUT", by_send },
	{ "sem_timedwait", "-1 ETIMEDOUT", by_sem },
	{ "pthread_cond_timedwait", "-1 ETIMEDOUT", by_cond },
	{ "pthread_rwlock_timedrdlock", "-1 ETIMEDOUT", by_rwlock },
	{ "clock_nanosleep", "0", by_nanosleep },
};
#define N ((int)(sizeof(waits) / sizeof(*waits)))

static void *waiter(void *arg)
{
	struct wait *w = arg;

	__atomic_store_n(&w->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	w->ret = w->wait();
	w->err = errno;
	return NULL;
}

static bool asleep(pid_t tid)
{
	char path[64], text[256] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return strstr(text, ") S ");
}

/* Ends when its long wait, on a clock that is not set, is stopped. */
static void *relative(void *arg)
{
	struct timespec span = { .tv_sec = 1800 };

	__atomic_store_n((pid_t *)arg, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	lasting(FUTEX_WAIT_BITSET, &(struct timespec){ .tv_sec = 1000000000 });
	syscall(SYS_futex, &word, FUTEX_WAIT, 0, &span, NULL, 0);
	return NULL;
}

static void timeout_at(struct io_uring_sqe *s, int op, struct __kernel_timespec *ts, unsigned flags)
{
	*s = (struct io_uring_sqe){ .opcode = op,
		.addr = (uintptr_t)ts,
		.len = 1,
		.timeout_flags = IORING_TIMEOUT_ABS | flags,
		.user_data = flags + op };
}

static void queue(const struct io_uring_sqe *s)
{
	unsigned tail = *sq_tail;

	sqes[tail % p.sq_entries] = *s;
	sq_array[tail % p.sq_entries] = tail % p.sq_entries;
	__atomic_store_n(sq_tail, tail + 1, __ATOMIC_RELEASE);
}

static int result_of(uint64_t data)
{
	for (unsigned i = *cq_head; i != __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE); i++)
		if (cqes[i % p.cq_entries].user_data == data)
			return cqes[i % p.cq_entries].res;
	return 1;
}

static bool come(unsigned n)
{
	return __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE) - *cq_head >= n;
}

/* A timeout, the limit of a poll, and a timeout that became one at a time by an update. */
static void rings_wait(void)
{
	struct __kernel_timespec ts = { .tv_sec = at.tv_sec }, far = { .tv_sec = 1800 },
				 up = { .tv_sec = 1000000000 };
	struct io_uring_sqe s;
	int pipes[2];

	NEED(pipe(pipes));
	open_ring(8, 0, 16);
	timeout_at(&s, IORING_OP_TIMEOUT, &ts, IORING_TIMEOUT_REALTIME);
	queue(&s);
	timeout_at(&s, IORING_OP_TIMEOUT, &up, 0);
	queue(&s);
	timeout_at(&s, IORING_OP_TIMEOUT, &far, IORING_TIMEOUT_REALTIME);
	s.timeout_flags = IORING_TIMEOUT_REALTIME;
	s.user_data = 500;
	queue(&s);
	queue(&(struct io_uring_sqe){ .opcode = IORING_OP_POLL_ADD,
		.fd = pipes[0],
		.poll32_events = POLLIN,
		.flags = IOSQE_IO_LINK,
		.user_data = 600 });
	timeout_at(&s, IORING_OP_LINK_TIMEOUT, &ts, IORING_TIMEOUT_REALTIME);
	queue(&s);
	NEED(enter(5, 0, 0));
	queue(&(struct io_uring_sqe){ .opcode = IORING_OP_TIMEOUT_REMOVE,
		.addr = 500,
		.addr2 = (uintptr_t)&ts,
		.timeout_flags = IORING_TIMEOUT_UPDATE | IORING_TIMEOUT_ABS,
		.user_data = 700 });
	NEED(enter(1, 1, IORING_ENTER_GETEVENTS));
}

static void rings_end(void)
{
	T_WAIT(!in_guest() || (enter(0, 0, IORING_ENTER_GETEVENTS) >= 0 && come(5)));
	GIS(result_of(700) == 0);
	GIS(result_of(IORING_TIMEOUT_REALTIME + IORING_OP_TIMEOUT) == -ETIME);
	GIS(result_of(IORING_OP_TIMEOUT) == 1);
	GIS(result_of(500) == -ETIME);
	GIS(result_of(600) == -ECANCELED);
	GIS(result_of(IORING_TIMEOUT_REALTIME + IORING_OP_LINK_TIMEOUT) == -ETIME);
}

TEST(clock_set_wakes)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	pid_t stays = 0;
	pthread_t other;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec += 1800;
	if (in_guest()) {
		pi_word = (unsigned)getpid();
		pthread_rwlock_wrlock(&written);
		empty = mq_open("/clock_set_empty", O_RDWR | O_CREAT, 0600, &attr);
		full = mq_open("/clock_set_full", O_RDWR | O_CREAT, 0600, &attr);
		mq_unlink("/clock_set_empty");
		mq_unlink("/clock_set_full");
		NEED(mq_send(full, "x", 1, 0));
		for (int i = 0; i < N; i++)
			pthread_create(&waits[i].thread, NULL, waiter, &waits[i]);
		pthread_create(&other, NULL, relative, &stays);
		for (int i = 0; i < N; i++)
			T_WAIT(waits[i].tid && asleep(waits[i].tid));
		T_WAIT(stays && asleep(stays));
		rings_wait();
		clock_gettime(CLOCK_REALTIME, &now);
		now.tv_sec += 900;
		NEED(clock_settime(CLOCK_REALTIME, &now)); /* not yet */
		for (int i = 0; i < N; i++)
			if (!asleep(waits[i].tid))
				say("%s: ended too early", waits[i].name);
		if (result_of(IORING_TIMEOUT_REALTIME + IORING_OP_TIMEOUT) != 1)
			say("a ring's timeout ended too early");
		now.tv_sec += 1000;
		NEED(clock_settime(CLOCK_REALTIME, &now));
	}
	for (int i = 0; i < N; i++) {
		if (in_guest()) {
			pthread_join(waits[i].thread, NULL);
			t_result(waits[i].name, waits[i].ret, waits[i].err);
		} else {
			say("%s = %s", waits[i].name, waits[i].wanted);
		}
	}
	rings_end();
	GIS(asleep(stays));
	now.tv_sec -= 1900;
	GNEED(clock_settime(CLOCK_REALTIME, &now));
}
