/* SPDX-License-Identifier: MIT */
/*
 * Mutexes, condition variables, semaphores, barriers and rwlocks under contention, in threads and
 * across processes.
 */
#include "t.h"
#include <semaphore.h>

struct shared {
	pthread_mutex_t lock, pi;
	pthread_cond_t cond;
	pthread_barrier_t barrier;
	pthread_rwlock_t rw;
	sem_t sem;
	int counter, pi_counter, queue[8], head, tail, sum, a, b, torn, done;
};

static struct shared *s;

static void work(int me)
{
	int i;

	pthread_barrier_wait(&s->barrier);
	for (i = 0; i < 2000; i++) {
		pthread_mutex_lock(&s->lock);
		s->counter++;
		pthread_mutex_unlock(&s->lock);
		if (i % 8 == 0) {
			pthread_mutex_lock(&s->pi);
			s->pi_counter++;
			pthread_mutex_unlock(&s->pi);
		}
		if (i % 16 == me) {
			pthread_rwlock_wrlock(&s->rw);
			s->a++;
			s->b++;
			pthread_rwlock_unlock(&s->rw);
		} else {
			pthread_rwlock_rdlock(&s->rw);
			if (s->a != s->b)
				s->torn++;
			pthread_rwlock_unlock(&s->rw);
		}
	}
	sem_post(&s->sem);
}

static void *thread(void *arg)
{
	work((int)(intptr_t)arg);
	return NULL;
}

static void *producer(void *arg)
{
	int i;

	for (i = 1; i <= 1000; i++) {
		pthread_mutex_lock(&s->lock);
		while (s->head - s->tail == 8)
			pthread_cond_wait(&s->cond, &s->lock);
		s->queue[s->head++ % 8] = i;
		pthread_cond_broadcast(&s->cond);
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

static void *consumer(void *arg)
{
	for (;;) {
		pthread_mutex_lock(&s->lock);
		while (s->head == s->tail && !s->done)
			pthread_cond_wait(&s->cond, &s->lock);
		if (s->head == s->tail) {
			pthread_mutex_unlock(&s->lock);
			return NULL;
		}
		s->sum += s->queue[s->tail++ % 8];
		pthread_cond_broadcast(&s->cond);
		pthread_mutex_unlock(&s->lock);
	}
}

static void init(int workers)
{
	pthread_mutexattr_t m;
	pthread_condattr_t c;
	pthread_barrierattr_t b;
	pthread_rwlockattr_t r;

	memset(s, 0, sizeof(*s));
	pthread_mutexattr_init(&m);
	pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&s->lock, &m);
	pthread_mutexattr_setprotocol(&m, PTHREAD_PRIO_INHERIT);
	NEED0(pthread_mutex_init(&s->pi, &m));
	pthread_condattr_init(&c);
	pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&s->cond, &c);
	pthread_barrierattr_init(&b);
	pthread_barrierattr_setpshared(&b, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&s->barrier, &b, workers);
	pthread_rwlockattr_init(&r);
	pthread_rwlockattr_setpshared(&r, PTHREAD_PROCESS_SHARED);
	pthread_rwlock_init(&s->rw, &r);
	sem_init(&s->sem, 1, 0);
}

static void result(const char *what)
{
	int i;

	for (i = 0; i < 4; i++)
		while (sem_wait(&s->sem) == -1)
			;
	say("%s: %d %d %d torn %d", what, s->counter, s->pi_counter, s->a, s->torn);
}

TEST(race_futex)
{
	struct timespec ts;
	pthread_t t[4];
	int i;

	s = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	init(4);
	for (i = 0; i < 4; i++)
		NEED0(pthread_create(&t[i], NULL, thread, (void *)(intptr_t)i));
	result("threads");
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	init(4);
	for (i = 0; i < 4; i++)
		SPAWN(work(i));
	result("processes");
	while (wait(NULL) > 0)
		;
	init(1);
	for (i = 0; i < 2; i++)
		NEED0(pthread_create(&t[i], NULL, producer, NULL));
	for (i = 2; i < 4; i++)
		NEED0(pthread_create(&t[i], NULL, consumer, NULL));
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	pthread_mutex_lock(&s->lock);
	s->done = 1;
	pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
	for (i = 2; i < 4; i++)
		pthread_join(t[i], NULL);
	say("queue: %d", s->sum);
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 20000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	say("timed out: %s", sem_timedwait(&s->sem, &ts) == -1 ? t_errno(errno) : "no");
	pthread_mutex_lock(&s->lock);
	say("cond timed out: %s", t_errno(pthread_cond_timedwait(&s->cond, &s->lock, &ts)));
}
