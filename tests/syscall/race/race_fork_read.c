/* SPDX-License-Identifier: MIT */
/*
 * race_fork_read: after a fork a thread writes to page after page, which copies them, while another
 * reads a file into the same pages. What a read has put there is seen by the reader at once.
 */
#include "t.h"

#include <pthread.h>

#define PAGES 256
#define ROUNDS 400
#define SECONDS 10 /* on a busy machine it is fewer rounds */

static struct {
	volatile char *area;
	pthread_barrier_t begin, end;
	int fd;
	volatile int lost;
	volatile bool done;
} r;

static void *writer(void *arg)
{
	while (pthread_barrier_wait(&r.begin), !r.done) {
		for (int i = 0; i < PAGES; i++)
			r.area[i * 4096L]++;
		pthread_barrier_wait(&r.end);
	}
	return arg;
}

static void *reader(void *arg)
{
	unsigned int at = 0;

	while (pthread_barrier_wait(&r.begin), !r.done) {
		for (int i = 0; i < PAGES; i++) {
			volatile char *p = r.area + i * 4096L + 2048;

			at = (at + 1) % 251;
			r.lost += pread(r.fd, (char *)p, 1, at) != 1 || *p != (char)(at + 1);
		}
		pthread_barrier_wait(&r.end);
	}
	return arg;
}

/* Forks a child that shares the parent's page frames until its pipe is closed. */
static pid_t start_child(int *hold)
{
	int fds[2];
	pid_t pid;
	char c;

	NEED(pipe(fds));
	pid = NEED(fork());
	if (!pid) {
		close(fds[1]);
		_exit(read(fds[0], &c, 1) != 0);
	}
	close(fds[0]);
	*hold = fds[1];
	return pid;
}

TEST(race_fork_read)
{
	time_t end = time(NULL) + SECONDS;
	pthread_t threads[2];
	char bytes[256];

	r.fd = NEED(memfd_create("bytes", MFD_CLOEXEC));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i + 1);
	NEED(write(r.fd, bytes, sizeof(bytes)));
	r.area = mmap(
		NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset((char *)r.area, 0, PAGES * 4096);
	pthread_barrier_init(&r.begin, NULL, 3);
	pthread_barrier_init(&r.end, NULL, 3);
	pthread_create(&threads[0], NULL, writer, NULL);
	pthread_create(&threads[1], NULL, reader, NULL);
	for (int i = 0; i < ROUNDS && time(NULL) < end && !r.lost; i++) {
		int hold, status = -1;
		pid_t child = start_child(&hold);

		pthread_barrier_wait(&r.begin);
		pthread_barrier_wait(&r.end);
		close(hold);
		waitpid(child, &status, 0);
		if (status)
			r.lost = -1;
	}
	r.done = true;
	pthread_barrier_wait(&r.begin);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	say("reads lost: %s", r.lost ? "some" : "none");
}
