/* SPDX-License-Identifier: MIT */
/*
 * calls.c: what the kernel's paths cost, one row each: "name value unit" (medians; ns for an
 * operation, MB/s for a rate, % for two_threads). Static, so that the same binary runs natively, in
 * Nestling, in User Mode Linux and in gVisor (bench/run).
 *
 *	calls [ROW...]		all rows, or those named
 *	calls -n N ROW		N operations of one row (not of a rate or two_threads), without
 *                              clocks: for counting what they cost the host (tests/speed)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 15
#define BATCH_NS 2e6
#define FILE_MB 32
#define PAGE 4096

static int zero, null, epfd;
static char block[1 << 16];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
	qsort(v, n, sizeof(v[0]), by_value);
	return v[n / 2];
}

/* ---- calls ---- */

/* A kernel may answer getppid() without being entered: then op_call() is what a call costs. */
static void op_getppid(long n)
{
	while (n--)
		syscall(SYS_getppid);
}

static void op_call(long n)
{
	while (n--)
		syscall(SYS_getpgrp);
}

static void op_clock(long n)
{
	struct timespec t;

	while (n--)
		clock_gettime(CLOCK_REALTIME, &t);
}

static void op_read(long n)
{
	while (n--)
		need(read(zero, block, 1) == 1, "read");
}

static void op_write(long n)
{
	while (n--)
		need(write(null, block, 1) == 1, "write");
}

static void op_stat(long n)
{
	struct stat st;

	while (n--)
		need(!stat("/usr/bin", &st), "stat");
}

static void op_open(long n)
{
	while (n--) {
		int f = open("/etc/passwd", O_RDONLY);

		need(f >= 0, "/etc/passwd");
		close(f);
	}
}

static void op_epoll(long n)
{
	struct epoll_event e;

	while (n--)
		need(epoll_wait(epfd, &e, 1, 0) == 1, "epoll_wait");
}

static void op_yield(long n)
{
	while (n--)
		sched_yield();
}

static void on_signal(int sig)
{
	(void)sig;
}

static void op_signal(long n)
{
	signal(SIGUSR1, on_signal);
	while (n--)
		raise(SIGUSR1);
}

/* ---- two that talk ---- */

static void pong(int from, int to, long n)
{
	char c;

	while (n-- && read(from, &c, 1) == 1 && write(to, &c, 1) == 1)
		;
}

static void ping(int to, int from, long n)
{
	char c = 0;

	while (n--)
		need(write(to, &c, 1) == 1 && read(from, &c, 1) == 1, "ping");
}

static void op_pipe(long n)
{
	int a[2], b[2];
	pid_t p;

	need(!pipe(a) && !pipe(b), "pipe");
	p = fork();
	if (!p) {
		pong(a[0], b[1], n);
		_exit(0);
	}
	ping(a[1], b[0], n);
	waitpid(p, NULL, 0);
	close(a[0]), close(a[1]), close(b[0]), close(b[1]);
}

static void op_unix(long n)
{
	int s[2];
	pid_t p;

	need(!socketpair(AF_UNIX, SOCK_STREAM, 0, s), "socketpair");
	p = fork();
	if (!p) {
		pong(s[1], s[1], n);
		_exit(0);
	}
	ping(s[0], s[0], n);
	waitpid(p, NULL, 0);
	close(s[0]), close(s[1]);
}

struct talk {
	int a[2], b[2];
	long n;
};

static void *pong_thread(void *arg)
{
	struct talk *t = arg;

	pong(t->a[0], t->b[1], t->n);
	return NULL;
}

static void op_thread(long n)
{
	struct talk t = { .n = n };
	pthread_t other;

	need(!pipe(t.a) && !pipe(t.b) && !pthread_create(&other, NULL, pong_thread, &t), "thread");
	ping(t.a[1], t.b[0], n);
	pthread_join(other, NULL);
	close(t.a[0]), close(t.a[1]), close(t.b[0]), close(t.b[1]);
}

/* ---- processes, threads ---- */

static void *nothing(void *arg)
{
	return arg;
}

static void op_pthread(long n)
{
	pthread_t t;

	while (n--) {
		need(!pthread_create(&t, NULL, nothing, NULL), "pthread_create");
		pthread_join(t, NULL);
	}
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

static void op_exec(long n)
{
	char *argv[] = { "calls", "--exit", NULL };

	while (n--) {
		pid_t p = fork();

		if (!p) {
			execv("/proc/self/exe", argv);
			_exit(9);
		}
		waitpid(p, NULL, 0);
	}
}

/* Each child writes to 256 pages that it shares with its parent. */
static void op_cow(long n)
{
	long i, pages = 256;
	char *m = mmap(
		NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(m, 1, pages * PAGE);
	while (n--) {
		pid_t p = fork();

		if (!p) {
			for (i = 0; i < pages; i++)
				m[i * PAGE] = 2;
			_exit(0);
		}
		waitpid(p, NULL, 0);
	}
	munmap(m, pages * PAGE);
}

/* ---- memory ---- */

static void op_fault(long n)
{
	char *m = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long i;

	madvise(m, n * PAGE, MADV_NOHUGEPAGE);
	for (i = 0; i < n; i++)
		m[i * PAGE] = 1;
	munmap(m, n * PAGE);
}

static void op_mmap(long n)
{
	int i;

	while (n--) {
		char *m = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

		for (i = 0; i < 16; i++)
			m[i * PAGE] = 1;
		munmap(m, 16 * PAGE);
	}
}

/*
 * ---- two threads that compute half the work each: their time in % of one thread's for all of it;
 * 50 where they run in parallel ----
 */

#define WORK 30000000UL
static void *compute(void *arg)
{
	volatile unsigned x = 1;
	unsigned long i;

	for (i = 0; i < (unsigned long)arg; i++)
		x = x * 1664525u + 1013904223u;
	return NULL;
}

static double in_parallel(void)
{
	double t = now(), one;
	pthread_t a;

	compute((void *)WORK);
	one = now() - t;
	t = now();
	need(!pthread_create(&a, NULL, compute, (void *)(WORK / 2)), "pthread_create");
	compute((void *)(WORK / 2));
	pthread_join(a, NULL);
	return (now() - t) / one * 100;
}

/* ---- files ---- */

static void op_create(long n)
{
	while (n--) {
		int f = open("bench.tmp", O_CREAT | O_RDWR, 0600);

		need(f >= 0, "bench.tmp");
		close(f);
		unlink("bench.tmp");
	}
}

static double op_write_fsync(void)
{
	double t = now();
	int i, f = open("bench.dat", O_CREAT | O_TRUNC | O_RDWR, 0600);

	need(f >= 0, "bench.dat");
	for (i = 0; i < FILE_MB * 16; i++)
		need(write(f, block, sizeof(block)) == sizeof(block), "write");
	fsync(f);
	close(f);
	return FILE_MB * 1.048576e9 / (now() - t);
}

static int data_file(void)
{
	int f = open("bench.dat", O_RDONLY);

	if (f < 0) {
		op_write_fsync();
		f = open("bench.dat", O_RDONLY);
	}
	need(f >= 0, "bench.dat");
	return f;
}

static double op_read_cached(void)
{
	int f = data_file();
	double t = now();

	while (read(f, block, sizeof(block)) > 0)
		;
	close(f);
	return FILE_MB * 1.048576e9 / (now() - t);
}

static double op_mmap_cached(void)
{
	int f = data_file();
	volatile char sum = 0;
	double t = now();
	char *m = mmap(NULL, FILE_MB << 20, PROT_READ, MAP_SHARED, f, 0);
	long i;

	need(m != MAP_FAILED, "mmap");
	for (i = 0; i < FILE_MB << 20; i += PAGE)
		sum += m[i];
	munmap(m, FILE_MB << 20);
	close(f);
	return FILE_MB * 1.048576e9 / (now() - t);
}

static double op_pipe_rate(void)
{
	double t = now();
	int p[2], i;
	pid_t k;

	need(!pipe(p), "pipe");
	k = fork();
	if (!k) {
		close(p[1]);
		while (read(p[0], block, sizeof(block)) > 0)
			;
		_exit(0);
	}
	close(p[0]);
	for (i = 0; i < FILE_MB * 16; i++)
		need(write(p[1], block, sizeof(block)) == sizeof(block), "pipe");
	close(p[1]);
	waitpid(k, NULL, 0);
	return FILE_MB * 1.048576e9 / (now() - t);
}

/* ---- the table ---- */

static const struct row {
	const char *name;
	void (*op)(long);
	double (*rate)(void);
	const char *unit;
} rows[] = {
	{ "getppid", op_getppid, NULL, "ns" },
	{ "getpgrp", op_call, NULL, "ns" },
	{ "clock_gettime", op_clock, NULL, "ns" },
	{ "read_1", op_read, NULL, "ns" },
	{ "write_1", op_write, NULL, "ns" },
	{ "stat", op_stat, NULL, "ns" },
	{ "open_close", op_open, NULL, "ns" },
	{ "epoll_wait_ready", op_epoll, NULL, "ns" },
	{ "sched_yield", op_yield, NULL, "ns" },
	{ "signal_self", op_signal, NULL, "ns" },
	{ "pipe_ping_pong", op_pipe, NULL, "ns" },
	{ "unix_ping_pong", op_unix, NULL, "ns" },
	{ "thread_ping_pong", op_thread, NULL, "ns" },
	{ "pthread_create", op_pthread, NULL, "ns" },
	{ "fork_exit_wait", op_fork, NULL, "ns" },
	{ "fork_exec_wait", op_exec, NULL, "ns" },
	{ "fork_cow_256", op_cow, NULL, "ns" },
	{ "anon_fault", op_fault, NULL, "ns" },
	{ "mmap_touch_16", op_mmap, NULL, "ns" },
	{ "create_unlink", op_create, NULL, "ns" },
	{ "two_threads", NULL, in_parallel, "%" },
	{ "pipe_rate", NULL, op_pipe_rate, "MB/s" },
	{ "write_fsync", NULL, op_write_fsync, "MB/s" },
	{ "read_cached", NULL, op_read_cached, "MB/s" },
	{ "mmap_cached", NULL, op_mmap_cached, "MB/s" },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Returns the median ns of an operation, of batches of BATCH_NS to about twice that. */
static double measure(void (*op)(long))
{
	double t, v[BATCHES];
	long n = 1;
	int i;

	for (;;) {
		t = now();
		op(n);
		t = now() - t;
		if (t > BATCH_NS || n > 1 << 22)
			break;
		n *= 2;
	}
	for (i = 0; i < BATCHES; i++) {
		t = now();
		op(n);
		v[i] = (now() - t) / n;
	}
	return median(v, BATCHES);
}

static void run(const struct row *r)
{
	double v[5], value;
	int i;

	if (r->op) {
		value = measure(r->op);
	} else {
		for (i = 0; i < 5; i++)
			v[i] = r->rate();
		value = median(v, 5);
	}
	printf("%-16s %12.1f %s\n", r->name, value, r->unit);
	fflush(stdout);
}

static void set_up(void)
{
	struct epoll_event e = { .events = EPOLLIN };

	memset(block, 7, sizeof(block));
	zero = open("/dev/zero", O_RDONLY);
	null = open("/dev/null", O_WRONLY);
	epfd = epoll_create1(0);
	need(zero >= 0 && null >= 0, "/dev");
	need(!epoll_ctl(epfd, EPOLL_CTL_ADD, eventfd(1, 0), &e), "epoll");
}

static bool chosen(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	const struct row *r;

	if (argc > 1 && !strcmp(argv[1], "--exit"))
		return 0;
	set_up();
	for (r = rows; r < rows + ROWS; r++) {
		if (argc == 4 && !strcmp(argv[1], "-n")) {
			if (!strcmp(r->name, argv[3]) && r->op)
				r->op(atol(argv[2]));
		} else if (chosen(r->name, argc, argv)) {
			run(r);
		}
	}
	unlink("bench.dat");
	return 0;
}
