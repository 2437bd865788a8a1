/* SPDX-License-Identifier: MIT */
/* mprotect(2): changes by page, splitting, what a fault says, errors, sharing with children. */
#include "t.h"
#include <setjmp.h>

static sigjmp_buf back;
static volatile int fault_code;
static void *volatile fault_address;

static void on_fault(int sig, siginfo_t *si, void *context)
{
	fault_code = si->si_code;
	fault_address = si->si_addr;
	siglongjmp(back, 1);
}

static char try(volatile char *p, int write)
{
	if (sigsetjmp(back, 1))
		return fault_address == p ? (fault_code == SEGV_ACCERR ? 'a' : 'm') : '?';
	if (write)
		*p = 1;
	else
		(void)*p;
	return '.';
}

static void map(const char *what, char *p, int pages)
{
	char r[32] = "", w[32] = "";
	int i;

	for (i = 0; i < pages; i++) {
		r[i] = try(p + i * PAGE + 17, 0);
		w[i] = try(p + i * PAGE + 17, 1);
	}
	say("%s: read %s write %s", what, r, w);
}

TEST(mprotect)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i, bad = 0;

	sigaction(SIGSEGV, &sa, NULL);
	memset(p, 'x', 4 * PAGE);
	map("all", p, 8);
	T(mprotect(p + PAGE, PAGE, PROT_READ));
	T(mprotect(p + 2 * PAGE, 2 * PAGE, PROT_NONE));
	T(mprotect(p + 5 * PAGE, 1, PROT_READ)); /* a whole page */
	map("split", p, 8);
	NEED(munmap(p + 6 * PAGE, PAGE));
	map("hole", p, 8);
	T(mprotect(p + 4 * PAGE, 4 * PAGE, PROT_NONE)); /* changes the pages before the hole */
	map("up to the hole", p, 8);
	T(mprotect(p, 6 * PAGE, PROT_READ | PROT_WRITE));
	map("back", p, 8);
	for (i = 0; i < 4 * PAGE; i++)
		bad += p[i] != 'x' && i % PAGE != 17;
	say("contents kept: %d", !bad);
	T(mprotect(p + 1, PAGE, PROT_READ));
	T(mprotect(p, 0, PROT_NONE));
	T(mprotect(p, PAGE, 0x100));
	T(mprotect(p, -PAGE, PROT_READ));
	T(mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN));
	T(mprotect(t_unmapped(), PAGE, PROT_READ));
	CHILD({
		NEED(mprotect(p, PAGE, PROT_NONE));
		map("child", p, 1);
	});
	map("parent", p, 1);
	NEED(mprotect(p, PAGE, PROT_WRITE)); /* readable too on this machine */
	map("write only", p, 1);
	CHILD({ /* the kernel's own access obeys as well */
		int fds[2];

		NEED(pipe(fds));
		NEED(write(fds[1], "abc", 3));
		NEED(mprotect(p, PAGE, PROT_READ));
		T(read(fds[0], p, 3));
		T(write(fds[1], p, 3));
		NEED(mprotect(p, PAGE, PROT_NONE));
		T(write(fds[1], p, 3));
	});
}
