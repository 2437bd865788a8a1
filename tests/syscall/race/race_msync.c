/* SPDX-License-Identifier: MIT */
/*
 * race_msync: two threads write through a mapping of a file while others write it back and take its
 * pages out of their page table. After the next msync(2) the data is on the disk, whatever the
 * order.
 */
#include "t.h"

#define ROUNDS 150
#define PAGES 4

static pthread_barrier_t turn;
static volatile long *words;
static int lost;

static volatile long *word(int page, int writer)
{
	return words + page * PAGE / (int)sizeof(long) + writer;
}

static void *writes(void *arg)
{
	int writer = (int)(intptr_t)arg;

	for (long round = 1; round <= ROUNDS; round++) {
		pthread_barrier_wait(&turn);
		for (int page = 0; page < PAGES; page++)
			*word(page, writer) = round;
		pthread_barrier_wait(&turn);
		pthread_barrier_wait(&turn); /* it is looked at */
	}
	return NULL;
}

static void *drops(void *unused)
{
	for (int round = 1; round <= ROUNDS; round++) {
		pthread_barrier_wait(&turn);
		for (int page = 0; page < PAGES; page++)
			NEED(madvise((char *)words + page * PAGE, PAGE, MADV_DONTNEED));
		pthread_barrier_wait(&turn);
		pthread_barrier_wait(&turn);
	}
	return NULL;
}

static void look(int fd, long round)
{
	static long there[PAGE / sizeof(long)] __attribute__((aligned(PAGE)));

	NEED(msync((void *)words, PAGES * PAGE, MS_SYNC));
	for (int page = 0; page < PAGES; page++) {
		NEED(pread(fd, there, PAGE, page * PAGE) == PAGE ? 0 : -1);
		lost += there[0] != round || there[1] != round;
	}
}

TEST(race_msync)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600)), disk;
	pthread_t t[3];

	NEED(ftruncate(fd, PAGES * PAGE));
	disk = open("f", O_RDONLY | O_DIRECT);
	/* without a disk: what the file system keeps in memory */
	if (disk == -1)
		disk = NEED(open("f", O_RDONLY));
	words = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(words == MAP_FAILED ? -1 : 0);
	pthread_barrier_init(&turn, NULL, 4);
	NEED0(pthread_create(&t[0], NULL, writes, (void *)0));
	NEED0(pthread_create(&t[1], NULL, writes, (void *)1));
	NEED0(pthread_create(&t[2], NULL, drops, NULL));
	for (int round = 1; round <= ROUNDS; round++) {
		pthread_barrier_wait(&turn);
		NEED(msync((void *)words, PAGES * PAGE, round & 1 ? MS_SYNC : MS_ASYNC));
		pthread_barrier_wait(&turn);
		look(disk, round);
		pthread_barrier_wait(&turn);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	say("lost: %d", lost);
}
