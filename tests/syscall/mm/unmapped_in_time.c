/* SPDX-License-Identifier: MIT */
/*
 * unmapped_in_time: pages of shared memory are taken away while processes that map it exit: the
 * next process sees nothing at an address where it has no mapping, and a new mapping shows the
 * file's contents.
 */
#include "t.h"

#include <setjmp.h>
#include <stdatomic.h>

#define PAGES 64
#define CHILDREN 400

static sigjmp_buf out;

static void on_segv(int sig)
{
	(void)sig;
	siglongjmp(out, 1);
}

/* Returns how many of the pages, where nothing is mapped, can be read. */
static int readable(volatile char *at)
{
	volatile int n = 0;

	signal(SIGSEGV, on_segv);
	for (volatile int i = 0; i < PAGES; i++)
		if (!sigsetjmp(out, 1)) {
			(void)at[i * 4096L];
			n++;
		}
	return n;
}

static void child(char *at, int fd, atomic_int *seen, int left)
{
	char *p;

	*seen += readable(at);
	p = mmap(at, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (p != at)
		_exit(1);
	/* Exits at another point of the puncher's round each time. */
	for (int i = 0; i < PAGES + left % 8 * (PAGES / 8); i++)
		p[i % PAGES * 4096L] = 1;
	_exit(0);
}

TEST(unmapped_in_time)
{
	int fd = NEED(memfd_create("shared", MFD_CLOEXEC)), status;
	atomic_int *seen;
	char *at = t_pages(PAGES);
	pid_t puncher;

	NEED(ftruncate(fd, PAGES * 4096));
	seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(munmap(at, PAGES * 4096));
	puncher = NEED(fork());
	if (!puncher)
		for (;;)
			fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGES * 4096);
	for (int i = CHILDREN; i; i--) {
		pid_t pid = NEED(fork());

		if (!pid)
			child(at, fd, seen, i);
		NEED(waitpid(pid, &status, 0));
		if (status) {
			say("a child ended with %#x", status);
			break;
		}
	}
	NEED(kill(puncher, SIGKILL));
	NEED(waitpid(puncher, &status, 0));
	say("pages of an elder sibling: %s", *seen ? "seen" : "none");
}
