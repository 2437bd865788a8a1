/* SPDX-License-Identifier: MIT */
/* A memfd is sealed against writing while another thread maps it to write: one of the two fails. */
#include "t.h"

#define SIZE (32L << 20)
#define ROUNDS 60

static int memfd;
static bool started, mapped;

/* Unmaps the old mapping first, which is large. */
static void *map(void *at)
{
	__atomic_store_n(&started, true, __ATOMIC_SEQ_CST);
	mapped = mmap(at, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memfd, 0) !=
		 MAP_FAILED;
	return NULL;
}

/* True if a sealed file has a writable mapping. */
static bool both(int round)
{
	char *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	pthread_t t;
	long end;
	bool sealed;

	NEED(at == MAP_FAILED ? -1 : 0);
	memfd = NEED(memfd_create("x", MFD_ALLOW_SEALING));
	NEED(ftruncate(memfd, SIZE));
	started = mapped = false;
	NEED0(pthread_create(&t, NULL, map, at));
	while (!__atomic_load_n(&started, __ATOMIC_SEQ_CST))
		sched_yield();
	end = now_us() + round * 20;
	while (now_us() < end)
		;
	sealed = !fcntl(memfd, F_ADD_SEALS, F_SEAL_WRITE);
	pthread_join(t, NULL);
	if (!sealed && !mapped)
		say("neither");
	NEED(munmap(at, SIZE));
	close(memfd);
	return sealed && mapped;
}

TEST(race_seal)
{
	int n = 0;

	for (int i = 0; i < ROUNDS; i++)
		n += both(i);
	say("sealed and mapped: %d times", n);
}
