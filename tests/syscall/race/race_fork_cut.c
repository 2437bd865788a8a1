/* SPDX-License-Identifier: MIT */
/*
 * race_fork_cut: a file is truncated, and grows again, while a process that has private copies of
 * its pages forks. The child sees the copies, the file or nothing, but not the data of others in
 * the frames of the copies.
 */
#include "t.h"

#include <setjmp.h>

#define PAGES 512
#define CHILDREN 300
#define SEEN 3
#define SECONDS 15 /* on a busy machine it is fewer of them */

static sigjmp_buf out;

static void on_bus(int sig)
{
	(void)sig;
	siglongjmp(out, 1);
}

static void mark(volatile char *p)
{
	for (volatile int i = 0; i < PAGES; i++)
		if (!sigsetjmp(out, 1))
			p[i * 4096L] = 1;
}

/* Returns how many pages hold neither our mark nor the file's zero. Writes to them as well. */
static int foreign(volatile char *p)
{
	volatile int n = 0;

	for (volatile int i = 0; i < PAGES; i++)
		if (!sigsetjmp(out, 1)) {
			n += p[i * 4096L] & ~1;
			p[i * 4096L + 1] = 1;
			n += p[i * 4096L] & ~1;
		}
	return n != 0;
}

static void cut(int fd)
{
	for (;;) {
		ftruncate(fd, 0);
		ftruncate(fd, PAGES * 4096);
	}
}

/* Allocates page frames and fills them, again and again. */
static void churn(void)
{
	for (;;) {
		char *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(p, 0x76, PAGES * 4096);
		munmap(p, PAGES * 4096);
	}
}

TEST(race_fork_cut)
{
	int fd = NEED(memfd_create("cut", MFD_CLOEXEC)), status, bad = 0;
	time_t end = time(NULL) + SECONDS;
	pid_t other[2], pid;
	char *p;

	NEED(ftruncate(fd, PAGES * 4096));
	p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	signal(SIGBUS, on_bus);
	for (int i = 0; i < 2; i++) {
		other[i] = NEED(fork());
		if (!other[i] && i)
			churn();
		else if (!other[i])
			cut(fd);
	}
	for (int i = 0; i < CHILDREN && !bad && time(NULL) < end; i++) {
		mark(p);
		pid = NEED(fork());
		if (!pid)
			_exit(foreign(p) ? SEEN : 0);
		NEED(waitpid(pid, &status, 0));
		bad = status;
	}
	if (!bad && foreign(p))
		bad = W_EXITCODE(SEEN, 0);
	for (int i = 0; i < 2; i++) {
		kill(other[i], SIGKILL);
		NEED(waitpid(other[i], &status, 0));
	}
	NEED(munmap(p, PAGES * 4096));
	if (bad && !(WIFEXITED(bad) && WEXITSTATUS(bad) == SEEN))
		say("a child's status: %#x", bad);
	else
		say("memory of others: %s", bad ? "seen" : "none");
}
