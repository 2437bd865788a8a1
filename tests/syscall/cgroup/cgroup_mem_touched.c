/* SPDX-License-Identifier: MIT */
/*
 * cgroup_mem_touched: a program is charged for the pages that it has touched, also for those that
 * it filled with zeros by any means, and not for pages that only lie beside those. A test may not
 * change the host's groups, so the host's side prints what is expected.
 */
#include "cgroup.h"

#define MIB (1UL << 20)
#define LIMIT "24M"

static char *area(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void fill(char *p, size_t n, size_t step, char with)
{
	for (size_t i = 0; i < n; i += step)
		((volatile char *)p)[i] = with;
}

/* Runs the statements in a child in the group. Prints how it ended; the host prints @expected. */
#define MEMBER(what, expected, ...)                                                                \
	do {                                                                                       \
		int status_ = expected;                                                            \
		if (guest) {                                                                       \
			pid_t pid_ = SPAWN(NEED(put("t/cgroup.procs", "0")); __VA_ARGS__);         \
			NEED(waitpid(pid_, &status_, 0));                                          \
		}                                                                                  \
		t_status(what, status_);                                                           \
	} while (0)

/* Fills memory in two rounds: the second one gets frames that the first one has used. */
static void filled(void)
{
	for (int round = 0; round < 2; round++) {
		MEMBER("zeros", SIGKILL, fill(area(48 * MIB), 48 * MIB, PAGE, 0));
		MEMBER("ones", SIGKILL, fill(area(48 * MIB), 48 * MIB, PAGE, 1));
		MEMBER("zeros, as many as may be", 0, fill(area(20 * MIB), 20 * MIB, PAGE, 0));
	}
	MEMBER("memset", SIGKILL, char *p = area(48 * MIB); memset(p, 0, 48 * MIB);
		__asm__ volatile(""
				 :
				 : "r"(p)
				 : "memory"));
}

static void few(void)
{
	for (int round = 0; round < 2; round++)
		MEMBER("a page of each sixteen", 0, fill(area(256 * MIB), 256 * MIB, 16 * PAGE, 0));
}

static void by_calls(void)
{
	MEMBER("read of zeros", SIGKILL, char *p = area(48 * MIB);
		int fd = NEED(open("/dev/zero", O_RDONLY));
		for (size_t i = 0; i < 48 * MIB; i += MIB) NEED(read(fd, p + i, MIB)));
	MEMBER("populated", SIGKILL,
		NEED(madvise(area(48 * MIB), 48 * MIB, 23 /* POPULATE_WRITE */)));
}

/* What has been touched stays so when it moves, is protected, and after a fork. */
static void kept(void)
{
	MEMBER("moved", SIGKILL, char *p = area(16 * MIB); fill(p, 16 * MIB, PAGE, 0);
		p = mremap(p, 16 * MIB, 40 * MIB, MREMAP_MAYMOVE); NEED(p == MAP_FAILED ? -1 : 0);
		fill(p + 16 * MIB, 16 * MIB, PAGE, 0));
	MEMBER("protected", SIGKILL, char *p = area(32 * MIB); fill(p, 16 * MIB, PAGE, 0);
		NEED(mprotect(p, 16 * MIB, PROT_READ)); fill(p + 16 * MIB, 16 * MIB, PAGE, 0));
	MEMBER("after a fork", SIGKILL, char *p = area(32 * MIB); fill(p, 16 * MIB, PAGE, 0);
		pid_t c = NEED(fork()); if (!c) _exit(0); NEED(waitpid(c, NULL, 0));
		fill(p + 16 * MIB, 16 * MIB, PAGE, 0));
	MEMBER("given back", 0, char *p = area(32 * MIB); fill(p, 16 * MIB, PAGE, 0);
		NEED(madvise(p, 16 * MIB, MADV_DONTNEED)); fill(p + 16 * MIB, 16 * MIB, PAGE, 0));
}

/*
 * The first process touches a page here and there among many mapped pages. The second one fills
 * what the limit leaves.
 */
static void beside(void)
{
	int go[2];
	pid_t other = 0;
	char c;

	NEED(pipe(go));
	if (guest) {
		other = SPAWN(NEED(put("t/cgroup.procs", "0"));
			      fill(area(64 * MIB), 64 * MIB, 64 * PAGE, 0);
			      NEED(write(go[1], "", 1)); pause());
		NEED(read(go[0], &c, 1));
	}
	MEMBER("beside one who has few", 0, fill(area(20 * MIB), 20 * MIB, PAGE, 0));
	if (other) {
		WANT("who lives", !kill(other, 0) && !waitpid(other, NULL, WNOHANG));
		t_kill(other);
	} else {
		WANT("who lives", true);
	}
	close(go[0]);
	close(go[1]);
}

/* Checks that mincore() reports pages that hold zeros. */
static void resident(void)
{
	MEMBER("mincore", 0, char *p = area(64 * PAGE); unsigned char vec[64]; int n = 0;
		fill(p, 64 * PAGE, 2 * PAGE, 0); NEED(mincore(p, 64 * PAGE, vec));
		for (int i = 0; i < 64; i++) n += (vec[i] & 1) == !(i & 1); _exit(n != 64));
}

TEST(cgroup_mem_touched)
{
	guest = cgroup_enter();
	GIVES(put("cgroup.subtree_control", "+memory"), 0);
	GIVES(mkdir("t", 0755), 0);
	GIVES(put("t/memory.max", LIMIT), 0);
	GIVES(put("t/memory.swap.max", "0"), 0);
	filled();
	few();
	by_calls();
	kept();
	beside();
	resident();
	WANT("killed", figure("t/memory.events", "oom_kill ") == 10);
	WANT("for want of memory", figure("t/memory.events", "oom ") >= 10);
	WANT("nothing is left", figure("t/memory.current", "") < (long)MIB);
	GIVES(rmdir("t"), 0);
	GIVES(put("cgroup.subtree_control", "-memory"), 0);
	cgroup_leave();
}
