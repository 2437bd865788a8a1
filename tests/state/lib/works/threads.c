/* SPDX-License-Identifier: MIT */
/* threads.c: threads that wait for each other in futexes, and FPU registers. */
#include <errno.h>
#include <immintrin.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "works.h"

/* ---- mutexes and conditions ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int whose;
static volatile uint64_t count;

static void *take_turns(void *arg)
{
	int me = (long)arg;

	for (;;) {
		uint64_t v;

		pthread_mutex_lock(&mutex);
		while (whose != me)
			pthread_cond_wait(&cond, &mutex);
		v = count;
		count = v + 1;
		if (count != v + 1)
			BAD("another thread is in the mutex");
		whose = (me + 1) % 3;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
		if (!me)
			done();
	}
	return NULL;
}

static void run_futex(void)
{
	pthread_t t;

	MUST(!pthread_create(&t, NULL, take_turns, (void *)1));
	MUST(!pthread_create(&t, NULL, take_turns, (void *)2));
	take_turns((void *)0);
}
WORK(futex, run_futex, NULL);

/* ---- mutexes with priority inheritance, robust ones, timeouts, threads that end ---- */

static pthread_mutex_t pi, robust;
static sem_t begun;

static void *add_under_pi(void *arg)
{
	for (int i = 0; i < 50; i++) {
		MUST(!pthread_mutex_lock(&pi));
		count++;
		MUST(!pthread_mutex_unlock(&pi));
	}
	return arg;
}

static void *die_with_it(void *arg)
{
	MUST(!pthread_mutex_lock(&robust));
	sem_post(&begun);
	return arg;
}

static void robust_round(void)
{
	pthread_t t;
	int err;

	MUST(!pthread_create(&t, NULL, die_with_it, NULL));
	MUST(!sem_wait(&begun));
	err = pthread_mutex_lock(&robust);
	if (err != EOWNERDEAD)
		BAD("a robust mutex: %d", err);
	MUST(!pthread_mutex_consistent(&robust) && !pthread_mutex_unlock(&robust));
	MUST(!pthread_join(t, NULL));
}

static void run_mutex(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	MUST(!pthread_mutex_init(&pi, &attr));
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	MUST(!pthread_mutex_init(&robust, &attr) && !sem_init(&begun, 0, 0));
	for (;; done()) {
		struct timespec end = in_ns(now(CLOCK_MONOTONIC) + MS);
		pthread_t t[3];
		void *value;

		count = 0;
		for (long i = 0; i < 3; i++)
			MUST(!pthread_create(&t[i], NULL, add_under_pi, (void *)i));
		for (long i = 0; i < 3; i++)
			MUST(!pthread_join(t[i], &value) && value == (void *)i);
		if (count != 150)
			BAD("%lu additions under a PI mutex, not 150", count);
		robust_round();
		MUST(sem_clockwait(&begun, CLOCK_MONOTONIC, &end) && errno == ETIMEDOUT);
	}
}
WORK(mutex, run_mutex, NULL);

/* ---- FPU ---- */

static double series(int from)
{
	double x = from + 0.5;

	for (int i = 0; i < 100000; i++) {
		x = x * 1.0000001 + 1e-9;
		__asm__ volatile("" : "+x"(x));
	}
	return x;
}

static void *compute(void *arg)
{
	double wanted = series((long)arg);

	for (;;) {
		double x = series((long)arg);

		if (memcmp(&x, &wanted, sizeof(x)))
			BAD("%a, not %a", x, wanted);
		if (!arg)
			done();
	}
	return NULL;
}

static void run_fpu(void)
{
	pthread_t t;

	MUST(!pthread_create(&t, NULL, compute, (void *)1));
	compute(NULL);
}
WORK(fpu, run_fpu, NULL);

/* A vector register keeps its value over a loop without calls. */
static void run_vector(void)
{
	for (uint32_t k = 1;; k++, done()) {
		uint32_t got[4];

		__asm__ volatile("movd %1, %%xmm13\n"
				 "pshufd $0, %%xmm13, %%xmm13\n"
				 "mov $300000, %%ecx\n"
				 "1: dec %%ecx\n"
				 "jnz 1b\n"
				 "movdqu %%xmm13, %0\n"
				 : "=m"(got)
				 : "r"(k)
				 : "xmm13", "rcx", "cc");
		for (int i = 0; i < 4; i++)
			if (got[i] != k)
				BAD("a vector register has %x, not %x", got[i], k);
	}
}
WORK(vector, run_vector, NULL);
