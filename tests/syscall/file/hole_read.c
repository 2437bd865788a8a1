/* SPDX-License-Identifier: MIT */
/*
 * hole_read: threads read(2) and mmap(2) a file, and so fill the page cache, while fallocate(2) or
 * ftruncate(2) takes the file's blocks away.
 */
#include "t.h"
#include <pthread.h>

#define SIZE (256 * PAGE)

static int fd, end;

static void *reading(void *arg)
{
	static char buf[2][16 * PAGE];

	while (!__atomic_load_n(&end, __ATOMIC_ACQUIRE)) {
		for (long at = 0; at < SIZE; at += sizeof(buf[0]))
			if (pread(fd, buf[arg != NULL], sizeof(buf[0]), at) < 0)
				return (void *)t_errno(errno);
		/* so that the thread that changes the file gets the CPU on a busy machine too */
		usleep(1000);
	}
	return NULL;
}

/* Returns how many old bytes the file has, which should be one hole. */
static long old_bytes(void)
{
	static char buf[SIZE];
	long n = 0;

	memset(buf, 0, sizeof(buf));
	NEED(pread(fd, buf, SIZE, 0));
	for (long i = 0; i < SIZE; i++)
		n += buf[i] != 0;
	return n;
}

static void fill(void)
{
	static char buf[SIZE];

	memset(buf, 'A', sizeof(buf));
	NEED(pwrite(fd, buf, SIZE, 0));
	NEED(fsync(fd));
	NEED0(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
}

TEST(hole_read)
{
	pthread_t t[2];
	void *err[2];
	long punched = 0, cut = 0;

	fd = NEED(open("f", O_RDWR | O_CREAT | O_TRUNC, 0600));
	fill();
	for (long i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, reading, i ? &fd : NULL);
	for (int i = 0; i < 30; i++) {
		fill();
		NEED(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE));
		punched += old_bytes();
		fill();
		NEED(ftruncate(fd, 0));
		NEED(ftruncate(fd, SIZE));
		cut += old_bytes();
	}
	__atomic_store_n(&end, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], &err[i]);
	say("old bytes in a hole: %ld, in a file cut and grown: %ld", punched, cut);
	say("reading: %s, %s", err[0] ? (char *)err[0] : "ok", err[1] ? (char *)err[1] : "ok");
	close(fd);
}
