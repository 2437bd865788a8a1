/* SPDX-License-Identifier: MIT */
/* handoff.c: what tests/sched/handoff runs in a guest, and on the host for comparison. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAIRS 11

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *work(void *rounds)
{
	volatile unsigned long x = 1;

	for (long n = (long)rounds; n; n--)
		x = x * 3 + 1;
	return NULL;
}

/* Computes without system calls: the clock is read without one. */
static void compute(double seconds)
{
	for (double end = now() + seconds; now() < end;)
		work((void *)100000L);
}

static void calls(long n)
{
	while (n--)
		/* getppid() may need no kernel entry */
		syscall(SYS_getpgrp);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Two processes send a byte to and fro @n times. */
static void pingpong(long n)
{
	int a[2], b[2];
	char c = 0;

	if (pipe(a) || pipe(b))
		die("pipe");
	if (!fork()) {
		while (n-- && read(a[0], &c, 1) == 1 && write(b[1], &c, 1) == 1)
			;
		_exit(0);
	}
	while (n--)
		if (write(a[1], &c, 1) != 1 || read(b[0], &c, 1) != 1)
			die("pingpong");
	wait(NULL);
}

static double threads(int n, long rounds)
{
	double start = now();
	pthread_t t;

	if (n == 2 && pthread_create(&t, NULL, work, (void *)(rounds / 2)))
		die("pthread_create");
	work((void *)(rounds / n));
	if (n == 2)
		pthread_join(t, NULL);
	return now() - start;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * Prints the time of two threads relative to a single thread for the same work, in thousandths: the
 * median and the lowest.
 */
static void parallel(long rounds)
{
	double ratio[PAIRS];

	for (int i = 0; i < PAIRS; i++) {
		double one = threads(1, rounds);

		ratio[i] = threads(2, rounds) / one;
	}
	qsort(ratio, PAIRS, sizeof(*ratio), by_value);
	printf("parallel %d %d\n", (int)(ratio[PAIRS / 2] * 1000), (int)(ratio[0] * 1000));
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	if (!strcmp(argv[1], "compute"))
		compute(atof(argv[2]));
	else if (!strcmp(argv[1], "calls"))
		calls(atol(argv[2]));
	else if (!strcmp(argv[1], "pingpong"))
		pingpong(atol(argv[2]));
	else if (!strcmp(argv[1], "parallel"))
		parallel(atol(argv[2]));
	else
		return 2;
	return 0;
}
