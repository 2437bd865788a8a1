/* SPDX-License-Identifier: MIT */
/* brk(2): growing, shrinking, contents, limits. */
#include "t.h"

static char *brk_(void *p)
{
	return (char *)syscall(SYS_brk, p);
}

TEST(brk)
{
	struct rlimit lim;
	char *start = brk_(NULL), *p;
	int i, sum = 0;

	say("asking changes nothing: %d", brk_(NULL) == start);
	p = brk_(start + 5 * PAGE);
	say("grown: %d", p == start + 5 * PAGE);
	for (i = 0; i < 5 * PAGE; i++)
		sum += start[i];
	say("zero: %d", sum);
	memset(start, 'x', 5 * PAGE);
	say("odd ends are kept: %d", brk_(start + 100) == start + 100);
	say("shrunk and grown again: %d", brk_(start + 5 * PAGE) == start + 5 * PAGE);
	say("contents: %c, new pages %d", start[99], start[4 * PAGE]);
	say("too low changes nothing: %d", brk_((void *)4096) == start + 5 * PAGE);
	say("too high changes nothing: %d", brk_((void *)0x7ffffffff000ul) == start + 5 * PAGE);
	CHILD({
		say("child has its own: %d", brk_(start + 6 * PAGE) == start + 6 * PAGE);
		start[5 * PAGE] = 'c';
	});
	say("parent's: %d", brk_(NULL) == start + 5 * PAGE);
	CHILD({
		getrlimit(RLIMIT_DATA, &lim);
		lim.rlim_cur = 1 << 20;
		NEED(setrlimit(RLIMIT_DATA, &lim));
		say("RLIMIT_DATA: %d", brk_(start + (64 << 20)) == start + 5 * PAGE);
	});
	CHILD({
		mmap((void *)(((uintptr_t)start + 7 * PAGE) & ~4095ul), PAGE, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		say("a mapping in the way: %d", brk_(start + 20 * PAGE) == start + 5 * PAGE);
	});
	CHILD({
		mmap((void *)(((uintptr_t)start + 5 * PAGE + 4095) & ~4095ul), PAGE,
			PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		say("one that touches it: %d", brk_(start + 20 * PAGE) == start + 5 * PAGE);
	});
	say("back: %d", brk_(start) == start);
	CHILD(*(volatile char *)(((uintptr_t)start + 2 * PAGE) & ~4095ul) = 1);
}
