/* SPDX-License-Identifier: MIT */
/*
 * reset_guest.c: init of an instance with a reset server (kernel/state/reset_abi.h). It reads an
 * order, executes it, and writes a record of the state that it found. That state must be as at the
 * first read, whatever earlier runs have done.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HEAP (256 * 1024)
#define BLOCK 4096
#define BIG (20 << 20)

static int counter, thread_counter;
static char *heap;
static int fds[2], disk = -1;

static void say(const char *text)
{
	printf("%s\n", text);
	fflush(stdout);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void *count(void *unused)
{
	for (;;) {
		__atomic_fetch_add(&thread_counter, 1, __ATOMIC_RELAXED);
		usleep(1000);
	}
	return unused;
}

static char first_of_disk(void)
{
	static char block[BLOCK] __attribute__((aligned(BLOCK)));

	return disk >= 0 && pread(disk, block, BLOCK, 0) == BLOCK ? block[0] : '-';
}

/* Writes @letter over a block of the disk with O_DIRECT, and syncs the disk. */
static void write_disk(char letter)
{
	static char block[BLOCK] __attribute__((aligned(BLOCK)));

	memset(block, letter, BLOCK);
	if (pwrite(disk, block, BLOCK, 0) != BLOCK || fsync(disk))
		say("the disk cannot be written");
}

/*
 * Writes @letter over a file in memory that is larger than what a reset copies page by page.
 * Returns how many of its blocks did not begin with 'o'.
 */
static int write_big(char letter)
{
	static char block[64 * BLOCK];
	int fd = open("/big", O_RDWR | O_CREAT, 0644), wrong = 0;

	for (int at = 0; at < BIG; at += (int)sizeof(block)) {
		ssize_t n = pread(fd, block, sizeof(block), at);

		for (int i = 0; i < n; i += BLOCK)
			wrong += block[i] != 'o';
		memset(block, letter, sizeof(block));
		if (pwrite(fd, block, sizeof(block), at) != (ssize_t)sizeof(block))
			say("WRONG: the file in memory cannot be written");
	}
	close(fd);
	return wrong;
}

static int in_child(char order)
{
	pid_t p = fork();
	int status = -1;

	if (!p) {
		if (order == 'c')
			abort();
		memset(heap, 9, HEAP);
		_exit(7);
	}
	waitpid(p, &status, 0);
	return status;
}

static int obey(char order)
{
	int fd, status = 0;

	switch (order) {
	case 'm': memset(heap, 2, HEAP); break;
	case 'M': memset(malloc(32 << 20), 3, 32 << 20); break;
	case 'f':
	case 'c': return in_child(order);
	case 't':
		fd = open("/file", O_CREAT | O_EXCL | O_WRONLY, 0644);
		status = fd < 0 ? errno : 0;
		if (write(fd, heap, HEAP) != HEAP)
			status = -1;
		break;
	case 'd': write_disk('w'); break;
	case 'p': return write_big('w');
	case 'r':
		sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 99 });
		/* fall through */
	case 'h':
		for (;;)
			counter++;
	case 's': sleep(1000); break;
	}
	return status;
}

/* Tries calls that must fail before the first read. */
static void wrong_use(int fd)
{
	char c = 0;

	if (open("/proc/nestling/reset", O_RDWR) >= 0 || errno != EBUSY)
		say("WRONG: open twice");
	if (write(fd, &c, 1) >= 0 || errno != EINVAL)
		say("WRONG: a record without a run");
}

static void run(int fd, int ends)
{
	static char in[8192], record[2 << 20];
	double start = now(), waited;
	int threads = thread_counter;
	ssize_t n = read(fd, in, sizeof(in));
	char pipe_has[10];
	int status, len, had, bad = 0;

	if (n < 0) {
		printf("read: %s\n", strerror(errno));
		fflush(stdout);
		return;
	}
	waited = now() - start;
	counter++;
	had = (int)read(fds[0], pipe_has, sizeof(pipe_has));
	for (int i = 0; i < HEAP; i += 512)
		bad += heap[i] != 1;
	len = snprintf(record, sizeof(record),
		"%zd %.20s counter %d pipe %d bad %d disk %c threads %d soon %d", n, in, counter,
		had, bad, first_of_disk(), thread_counter - threads < 2000, waited < 5);
	status = obey(in[0]);
	len += snprintf(record + len, sizeof(record) - (size_t)len, " status %x", status);
	if (ends && in[0] == 'e')
		exit(3);
	if (in[0] == 'L' && (write(fd, record, sizeof(record)) >= 0 || errno != EINVAL))
		say("WRONG: a record that is too long");
	write(fd, record, (size_t)len);
	printf("write: %s\n", strerror(errno));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int fd, said = 0;

	if (argc > 1)
		return atoi(argv[1]) ? (int)sleep((unsigned)atoi(argv[1])) : 7;

	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, 0);
	mount("dev", "/dev", "devtmpfs", 0, 0);
	heap = malloc(HEAP);
	memset(heap, 1, HEAP);
	write_big('o');
	if (pipe2(fds, O_NONBLOCK) || write(fds[1], "abc", 3) != 3)
		say("WRONG: no pipe");
	disk = open("/dev/ubda", O_RDWR | O_DIRECT);
	pthread_create(&thread, NULL, count, NULL);
	for (;;) {
		fd = open("/proc/nestling/reset", O_RDWR);
		if (fd < 0 && !said++)
			printf("no server: %s\n", strerror(errno));
		fflush(stdout);
		if (fd < 0) {
			usleep(10000);
			continue;
		}
		wrong_use(fd);
		pid_t p = fork();
		if (!p) {
			run(fd, 1);
			exit(0);
		}
		close(fd);
		waitpid(p, NULL, 0);
		printf("after it: counter %d disk %c\n", counter, first_of_disk());
		fflush(stdout);
		said = 0;
	}
}
