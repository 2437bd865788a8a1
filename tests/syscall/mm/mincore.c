/* SPDX-License-Identifier: MIT */
/* mincore(2), msync(2), mlock(2) and their family: residence, flushing, limits, errors. */
#include "t.h"

static void incore(void)
{
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char vec[8] = { 9, 9, 9, 9, 9, 9, 9, 9 };

	p[PAGE] = 'x';
	T(mincore(p, 4 * PAGE, vec));
	say("touched page is there: %d, vector ends: %d", vec[1] & 1, vec[4]);
	T(mincore(p, PAGE + 1, vec));
	T(mincore(p + 1, PAGE, vec));
	T(mincore(p, 0, vec));
	T(mincore(p, PAGE, BAD));
	T(mincore(t_unmapped(), PAGE, vec));
	T(mincore(p, -PAGE, vec));
}

static void sync_(void)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600));
	char *p;

	NEED(ftruncate(fd, 4 * PAGE));
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memcpy(p, "synced", 6);
	T(msync(p, 4 * PAGE, MS_SYNC));
	T(msync(p, 4 * PAGE, MS_ASYNC));
	T(msync(p, 4 * PAGE, MS_SYNC | MS_INVALIDATE));
	T(msync(p, 4 * PAGE, MS_SYNC | MS_ASYNC));
	T(msync(p, 4 * PAGE, 0));
	T(msync(p, 4 * PAGE, 8));
	T(msync(p + 1, PAGE, MS_SYNC));
	T(msync(p, 0, MS_SYNC));
	T(msync(t_unmapped(), PAGE, MS_SYNC));
	NEED(munmap(p + PAGE, PAGE));
	T(msync(p, 4 * PAGE, MS_SYNC));
	T(msync(p, -PAGE, MS_SYNC));
}

static void locks(void)
{
	char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rlimit lim = { 2 * PAGE, 2 * PAGE }, none = { 0, 0 };
	unsigned char vec[8];

	T(mlock(p, 2 * PAGE));
	NEED(mincore(p, 2 * PAGE, vec));
	say("faulted in: %d %d", vec[0] & 1, vec[1] & 1);
	T(munlock(p, 2 * PAGE));
	T(munlock(p, 2 * PAGE));
	T(mlock(p + 1, PAGE)); /* Linux rounds down */
	T(mlock(t_unmapped(), PAGE));
	T(mlock(p, -PAGE));
	T(mlock(p, 0));
	T(syscall(SYS_mlock2, p, PAGE, MLOCK_ONFAULT));
	T(syscall(SYS_mlock2, p, PAGE, 8));
	T(mlockall(MCL_CURRENT));
	T(mlockall(MCL_FUTURE | MCL_ONFAULT));
	T(mlockall(0));
	T(mlockall(MCL_ONFAULT));
	T(mlockall(64));
	T(munlockall());
	CHILD({
		NEED(setrlimit(RLIMIT_MEMLOCK, &lim));
		NEED(setuid(65534));
		T(mlock(p, 2 * PAGE));
		T(mlock(p, 2 * PAGE));
		T(mlock(p, 3 * PAGE));
		T(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) ==
					MAP_FAILED ?
				errno :
				0);
		T(munlock(p, PAGE));
		T(mlock(p + 4 * PAGE, PAGE));
	});
	CHILD({
		NEED(setrlimit(RLIMIT_MEMLOCK, &none));
		NEED(setuid(65534));
		T(mlock(p, PAGE));
		T(mlockall(MCL_CURRENT));
	});
}

TEST(mincore)
{
	incore();
	sync_();
	locks();
}
