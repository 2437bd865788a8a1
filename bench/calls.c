/* SPDX-License-Identifier: MIT */
/*
 * calls.c: what the kernel's paths cost, one row each: "name nanoseconds" (medians of batches) or "name MB/s". Static, so that the same
 * binary runs natively, in Nestling and in User Mode Linux (bench/run).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 15
#define FILE_MB 32

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The median of batches that each take about two milliseconds. */
static void row(const char *name, void (*op)(long))
{
	double t, v[BATCHES];
	long n = 1;
	int i;

	for (;;) {
		t = now();
		op(n);
		t = now() - t;
		if (t > 2e6 || n > 1 << 22)
			break;
		n *= 2;
	}
	for (i = 0; i < BATCHES; i++) {
		t = now();
		op(n);
		v[i] = (now() - t) / n;
	}
	qsort(v, BATCHES, sizeof(v[0]), by_value);
	printf("%-16s %12.1f ns\n", name, v[BATCHES / 2]);
	fflush(stdout);
}

static void rate(const char *name, double (*op)(void))
{
	double v[3];
	int i;

	for (i = 0; i < 3; i++)
		v[i] = op();
	qsort(v, 3, sizeof(v[0]), by_value);
	printf("%-16s %12.1f MB/s\n", name, v[1]);
	fflush(stdout);
}

static void op_call(long n)
{
	while (n--)
		syscall(SYS_getppid);
}

static void op_clock(long n)
{
	struct timespec t;

	while (n--)
		clock_gettime(CLOCK_REALTIME, &t);
}

static void op_stat(long n)
{
	struct stat st;

	while (n--)
		if (stat("/bin", &st))
			exit(1);
}

static void op_fault(long n)
{
	char *m = mmap(NULL, n * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long i;

	for (i = 0; i < n; i++)
		m[i * 4096] = 1;
	munmap(m, n * 4096);
}

static void op_fork(long n)
{
	while (n--) {
		pid_t p = fork();

		if (!p)
			_exit(0);
		waitpid(p, NULL, 0);
	}
}

static void ping_pong(int near, int far, long n)
{
	char c = 0;
	pid_t p = fork();

	if (!p) {
		while (n-- && read(far, &c, 1) == 1 && write(far, &c, 1) == 1)
			;
		_exit(0);
	}
	while (n--)
		if (write(near, &c, 1) != 1 || read(near, &c, 1) != 1)
			exit(1);
	waitpid(p, NULL, 0);
}

static void op_socket(long n)
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		exit(1);
	ping_pong(s[0], s[1], n);
	close(s[0]);
	close(s[1]);
}

static char block[1 << 16];

static double op_write(void)
{
	double t = now();
	int i, f = open("bench.dat", O_CREAT | O_TRUNC | O_RDWR, 0600);

	for (i = 0; i < FILE_MB * 16; i++)
		if (write(f, block, sizeof(block)) != sizeof(block))
			exit(1);
	fsync(f);
	close(f);
	return FILE_MB * 1e9 / (now() - t) * 1.048576;
}

static double op_read(void)
{
	double t = now();
	int f = open("bench.dat", O_RDONLY);

	while (read(f, block, sizeof(block)) > 0)
		;
	close(f);
	return FILE_MB * 1e9 / (now() - t) * 1.048576;
}

int main(void)
{
	memset(block, 7, sizeof(block));
	row("getppid", op_call);
	row("clock_gettime", op_clock);
	row("stat", op_stat);
	row("anon_fault", op_fault);
	row("fork_exit_wait", op_fork);
	row("unix_ping_pong", op_socket);
	rate("write_fsync", op_write);
	rate("read_cached", op_read);
	unlink("bench.dat");
	return 0;
}
