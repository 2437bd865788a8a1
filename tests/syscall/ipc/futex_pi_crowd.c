/* SPDX-License-Identifier: MIT */
/*
 * futex_pi_crowd: PI futexes: what waiters lend when their priorities change; thousands that wait
 * for one lock.
 */
#include "t.h"
#include <linux/futex.h>

#define CROWD 2000
#define STACK 65536

static int lock_a __attribute__((aligned(64)));
static volatile pid_t tids[2];
static int announced, through;

static long pi(int op)
{
	return syscall(SYS_futex, &lock_a, op, 0, NULL, NULL, 0);
}

/* ---- a crowd ---- */

static void *one_of_many(void *unused)
{
	__atomic_add_fetch(&announced, 1, __ATOMIC_RELAXED);
	if (pi(FUTEX_LOCK_PI))
		say("no lock: %s", t_errno(errno));
	through++; /* under the lock */
	pi(FUTEX_UNLOCK_PI);
	return NULL;
}

/* Lets a crowd of threads wait for the lock, which each gets in turn. */
static void crowd(void)
{
	static pthread_t t[CROWD];
	pthread_attr_t attr;
	long begun;
	int err = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	NEED(pi(FUTEX_LOCK_PI));
	begun = now_ms();
	for (int i = 0; i < CROWD && !err; i++)
		err = pthread_create(&t[i], &attr, one_of_many, NULL);
	if (err) {
		say("no thread: %s", t_errno(err));
		return;
	}
	T_WAIT(__atomic_load_n(&announced, __ATOMIC_RELAXED) == CROWD);
	NEED(pi(FUTEX_UNLOCK_PI));
	for (int i = 0; i < CROWD; i++)
		pthread_join(t[i], NULL);
	if (now_ms() - begun > 30000)
		say("took more than 30 s");
	say("through: %d, word %d", through, lock_a);
}

/* ---- what is lent ---- */

static bool set_priority(pid_t tid, int prio)
{
	struct sched_param sp = { prio };

	return !sched_setscheduler(tid, prio ? SCHED_FIFO : SCHED_OTHER, &sp);
}

/* Returns field 18 of the thread's stat as a real-time priority; 0: none. */
static int own_priority(void)
{
	char path[64], buf[512], *p;
	int fd, n;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)gettid());
	fd = NEED(open(path, O_RDONLY));
	n = (int)read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	p = strrchr(buf, ')') + 2;
	for (int i = 3; i < 18; i++)
		p = strchr(p, ' ') + 1;
	return atoi(p) < 0 ? -1 - atoi(p) : 0;
}

static void *waits(void *tid)
{
	*(volatile pid_t *)tid = gettid();
	if (pi(FUTEX_LOCK_PI))
		say("no lock: %s", t_errno(errno));
	pi(FUTEX_UNLOCK_PI);
	return NULL;
}

/* Changes the priorities of two waiters, both of which are fair at first. */
static void changes(void)
{
	static const struct {
		int who, prio, lent;
	} steps[] = { { 0, 7, 7 }, { 0, 3, 3 }, { 1, 5, 5 }, { 0, 9, 9 }, { 0, 0, 5 }, { 1, 0, 0 },
		{ 1, 2, 2 } };
	bool realtime = set_priority(0, 1) && set_priority(0, 0);
	pthread_t t[2];

	NEED(pi(FUTEX_LOCK_PI));
	for (int i = 0; i < 2; i++) {
		NEED0(pthread_create(&t[i], NULL, waits, (void *)&tids[i]));
		t_until_sleeps(&tids[i]);
	}
	say("fair waiters lend %d", own_priority());
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (realtime)
			set_priority(tids[steps[i].who], steps[i].prio);
		say("waiter %d has %d: lent %d", steps[i].who, steps[i].prio,
			realtime ? own_priority() : steps[i].lent);
	}
	pi(FUTEX_UNLOCK_PI);
	say("without the lock: %d", own_priority());
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	say("word %d", lock_a);
}

TEST(futex_pi_crowd)
{
	changes();
	crowd();
}
