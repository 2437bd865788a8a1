/* SPDX-License-Identifier: MIT */
/*
 * Threads as glibc makes them: creation, joining, keys, condition variables, cancellation, many at
 * once.
 */
#include "t.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turn, counter;
static __thread int local = 5;

static void *adder(void *arg)
{
	int i;

	for (i = 0; i < 20000; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
	}
	local += (int)(intptr_t)arg;
	return (void *)(intptr_t)local;
}

static void *ping(void *arg)
{
	int me = (int)(intptr_t)arg, i;

	for (i = 0; i < 200; i++) {
		pthread_mutex_lock(&lock);
		while (turn % 2 != me)
			pthread_cond_wait(&cond, &lock);
		turn++;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void *same_process(void *arg)
{
	say("same pid %d, other tid %d", getpid() == *(pid_t *)arg,
		(int)syscall(SYS_gettid) != *(pid_t *)arg);
	return NULL;
}

static void *quick(void *arg)
{
	return arg;
}

static void *exec_thread(void *arg)
{
	execl("/proc/self/exe", "pthread", "after", NULL);
	return NULL;
}

TEST(pthread)
{
	pthread_t t[16];
	pid_t me = getpid();
	void *ret;
	int i, ok = 0;

	if (t_argc > 1) {
		say("exec from a thread: pid kept %d, tid is pid %d", getppid() > 0,
			syscall(SYS_gettid) == getpid());
		return;
	}
	for (i = 0; i < 8; i++)
		NEED0(pthread_create(&t[i], NULL, adder, (void *)(intptr_t)i));
	for (i = 0; i < 8; i++) {
		pthread_join(t[i], &ret);
		ok += (intptr_t)ret == 5 + i;
	}
	say("counter %d, thread locals right %d, mine %d", counter, ok, local);
	for (i = 0; i < 2; i++)
		NEED0(pthread_create(&t[i], NULL, ping, (void *)(intptr_t)i));
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	say("turns %d", turn);
	NEED0(pthread_create(&t[0], NULL, same_process, &me));
	pthread_join(t[0], NULL);
	NEED0(pthread_create(&t[0], NULL, t_sleeper, NULL));
	sleep_ms(20);
	T(pthread_cancel(t[0]));
	pthread_join(t[0], &ret);
	say("cancelled: %d", ret == PTHREAD_CANCELED);
	for (i = ok = 0; i < 500; i++) {
		NEED0(pthread_create(&t[0], NULL, quick, (void *)(intptr_t)i));
		pthread_join(t[0], &ret);
		ok += (intptr_t)ret == i;
	}
	say("%d of 500 short threads", ok);
	CHILD({ /* the main thread may go first */
		NEED0(pthread_create(&t[0], NULL, t_sleeper, NULL));
		NEED0(pthread_create(&t[1], NULL, quick, NULL));
		pthread_join(t[1], NULL);
		if (!fork())
			_exit(0);
		_exit(12);
	});
	CHILD({
		NEED0(pthread_create(&t[0], NULL, exec_thread, NULL));
		pthread_join(t[0], NULL);
	});
	CHILD({
		NEED0(pthread_create(&t[0], NULL, adder, NULL));
		/* only this thread; the process ends with its last one, by exit(0) of glibc */
		syscall(SYS_exit, 0);
	});
}
