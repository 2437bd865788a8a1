/* SPDX-License-Identifier: MIT */
/*
 * hole_write: stores of threads through a shared mapping behind a hole stay in the file while
 * fallocate(2) punches the hole again and again.
 */
#include "t.h"
#include <pthread.h>

#define PAGES 2048L
#define ROUNDS 300

static volatile long *map;
static long stored[PAGES];
static int end;

static void *storing(void *arg)
{
	for (long n = 1; !__atomic_load_n(&end, __ATOMIC_ACQUIRE); n++)
		for (long i = (long)arg; i < PAGES; i += 64)
			map[i * PAGE / 8] = stored[i] = n;
	return NULL;
}

TEST(hole_write)
{
	long in_map = 0, in_file = 0, holes = 0, word;
	pthread_t t[2];
	int fd;

	fd = NEED(open("f", O_RDWR | O_CREAT | O_TRUNC, 0600));
	NEED(ftruncate(fd, PAGES * PAGE));
	map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(map == MAP_FAILED ? -1 : 0);
	for (long i = 0; i < PAGES; i++)
		map[i * PAGE / 8 + 1] = i;
	for (long i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, storing, (void *)(i + 1));
	for (int i = 0; i < ROUNDS; i++)
		NEED(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	__atomic_store_n(&end, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	for (long i = 0; i < PAGES; i++) {
		in_map += map[i * PAGE / 8] != stored[i];
		holes += map[i * PAGE / 8 + 1] != i;
	}
	NEED(munmap((void *)map, PAGES * PAGE));
	for (long i = 0; i < PAGES; i++) {
		NEED(pread(fd, &word, sizeof(word), i * PAGE));
		in_file += word != stored[i];
	}
	say("stores that are gone from the mapping: %ld, from the file: %ld; pages without what "
	    "they had: %ld",
		in_map, in_file, holes);
}
