/* SPDX-License-Identifier: MIT */
/* Threads that touch memory while others map, unmap, protect and fork. */
#include "t.h"
#include <setjmp.h>

#define PAGES 64

static char *area;
static volatile int stop;
static volatile long rounds;
static __thread sigjmp_buf back;
static __thread volatile int armed;

static void on_fault(int sig)
{
	if (!armed)
		_exit(77);
	siglongjmp(back, 1);
}

static void *toucher(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	volatile int sum = 0;

	while (!stop) {
		if (!sigsetjmp(back, 1)) {
			armed = 1;
			seed = seed * 1103515245 + 12345;
			if (seed >> 16 & 1)
				area[(seed >> 17) % PAGES * PAGE] = (char)seed;
			else
				sum += area[(seed >> 17) % PAGES * PAGE];
		}
		armed = 0;
		__atomic_add_fetch(&rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *changer(void *arg)
{
	unsigned seed = 99;
	int i;

	for (i = 0; i < 3000; i++) {
		size_t from, n;

		seed = seed * 1103515245 + 12345;
		from = (seed >> 16) % PAGES;
		n = 1 + (seed >> 22) % 8;
		if (from + n > PAGES)
			n = PAGES - from;
		switch (seed >> 28 & 3) {
		case 0: NEED(mprotect(area + from * PAGE, n * PAGE, PROT_READ)); break;
		case 1: NEED(mprotect(area + from * PAGE, n * PAGE, PROT_READ | PROT_WRITE)); break;
		case 2: NEED(madvise(area + from * PAGE, n * PAGE, MADV_DONTNEED)); break;
		default:
			mmap(area + from * PAGE, n * PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		}
	}
	return NULL;
}

static void *forker(void *arg)
{
	int i, status;

	for (i = 0; i < 30; i++) {
		pid_t pid = NEED(fork());

		if (!pid)
			_exit(i);
		NEED(waitpid(pid, &status, 0));
		if (status != i << 8)
			say("child %d ended with %#x", i, status);
	}
	return NULL;
}

/*
 * Two threads write to their own half of every page; nothing may get lost when the pages are copied
 * at fork.
 */
static volatile int writing;
static void *half(void *arg)
{
	char *p = area + (uintptr_t)arg * (PAGE / 2);
	int i, n;

	for (n = 1; n <= 100; n++)
		for (i = 0; i < PAGES; i++)
			(*(volatile int *)(p + i * PAGE))++;
	__atomic_sub_fetch(&writing, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

TEST(race_mmap)
{
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	pthread_t t[3], c, f;
	int i, bad = 0;

	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaction(SIGSEGV, &sa, NULL);
	for (i = 0; i < 3; i++)
		NEED0(pthread_create(&t[i], NULL, toucher, (void *)(uintptr_t)(i + 1)));
	NEED0(pthread_create(&c, NULL, changer, NULL));
	NEED0(pthread_create(&f, NULL, forker, NULL));
	pthread_join(c, NULL);
	pthread_join(f, NULL);
	stop = 1;
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	say("all came through: %d", rounds > 0);

	mmap(area, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		-1, 0);
	writing = 2;
	for (i = 0; i < 2; i++)
		NEED0(pthread_create(&t[i], NULL, half, (void *)(uintptr_t)i));
	do {
		pid_t pid = SPAWN(_exit(0));

		NEED(waitpid(pid, NULL, 0));
	} while (writing);
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < 2 * PAGES; i++)
		bad += *(int *)(area + i * (PAGE / 2)) != 100;
	say("writes lost at fork: %d", bad);
}
