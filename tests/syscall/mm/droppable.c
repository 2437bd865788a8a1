/* SPDX-License-Identifier: MIT */
/*
 * droppable: MAP_DROPPABLE (Linux 6.11): permitted combinations, what a child gets, and that its
 * pages are dropped before the OOM killer kills a task. A test may not change the host's groups, so
 * the host's side prints what is expected.
 */
#include "cgroup.h"

#define DROPPABLE 8
#define RW (PROT_READ | PROT_WRITE)
#define LEN (256 * PAGE)

static char *droppable(void)
{
	return mmap(NULL, LEN, RW, DROPPABLE | MAP_ANONYMOUS, -1, 0);
}

static void try(const char *what, int prot, int flags, int fd)
{
	void *p = mmap(NULL, LEN, prot, flags, fd, 0);

	say("%s: %s", what, p == MAP_FAILED ? t_errno(errno) : "mapped");
	if (p != MAP_FAILED)
		munmap(p, LEN);
}

static void kinds(void)
{
	int fd = NEED(open("/dev/zero", O_RDWR)), mem = NEED(memfd_create("m", 0));

	NEED(ftruncate(mem, LEN));
	try("plain", RW, DROPPABLE | MAP_ANONYMOUS, -1);
	try("executable", RW | PROT_EXEC, DROPPABLE | MAP_ANONYMOUS, -1);
	try("no access", PROT_NONE, DROPPABLE | MAP_ANONYMOUS, -1);
	try("locked", RW, DROPPABLE | MAP_ANONYMOUS | MAP_LOCKED, -1);
	try("growing", RW, DROPPABLE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1);
	try("huge", RW, DROPPABLE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	try("populated", RW, DROPPABLE | MAP_ANONYMOUS | MAP_POPULATE, -1);
	try("/dev/zero", RW, DROPPABLE, fd);
	try("memfd", RW, DROPPABLE, mem);
	for (int type = 4; type < 16; type++) {
		char what[16];

		snprintf(what, sizeof(what), "type %d", type);
		try(what, RW, type | MAP_ANONYMOUS, -1);
	}
	close(fd);
	close(mem);
}

/* Prints those flags of the area in smaps that the test is about. */
static void flags(const char *when, void *at)
{
	static const char *const asked[] = { "rd", "wr", "lo", "nr", "wf", "dd", "mg", "dp", "ac" };
	char line[512], start[32], got[64] = "";
	FILE *f = fopen("/proc/self/smaps", "r");
	bool here = false;

	snprintf(start, sizeof(start), "%lx-", (unsigned long)at);
	while (fgets(line, sizeof(line), f)) {
		here = here || !strncmp(line, start, strlen(start));
		if (here && !strncmp(line, "VmFlags:", 8))
			break;
	}
	fclose(f);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		if (strstr(line, asked[i]))
			sprintf(got + strlen(got), " %s", asked[i]);
	say("%s:%s", when, got);
}

static void advice(void)
{
	static const int all[] = { 0, 1, 2, 3, 4, 8, 10, 11, 12, 13, 16, 17, 18, 19, 20, 21, 22, 23,
		24 };
	char *p = droppable();

	flags("new", p);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		memset(p, 1, LEN);
		say("madvise %d: %s", all[i], madvise(p, LEN, all[i]) ? t_errno(errno) : "0");
	}
	flags("advised", p);
	T(mlock(p, LEN));
	T(mlock2(p, PAGE, MLOCK_ONFAULT));
	flags("locked", p);
	T(mprotect(p, LEN, PROT_READ));
	T(mprotect(p, LEN, RW));
	flags("protected", p);
	munmap(p, LEN);
	NEED(mlockall(MCL_FUTURE));
	p = droppable();
	flags("mlockall", p);
	munlockall();
	munmap(p, LEN);
}

/*
 * MADV_PAGEOUT drops the pages. A page that has another reference for a moment stays, so the call
 * is repeated.
 */
static void paged_out(void)
{
	char *p = droppable();
	int left = 1;

	memset(p, 1, LEN);
	NEED(madvise(p, PAGE, 21));
	say("the others stay: %d", p[LEN - 1]);
	for (int i = 0; left && i < 1000; i++) {
		NEED(madvise(p, LEN, 21));
		left = p[0] || p[LEN - 1];
		if (left)
			sleep_ms(5);
	}
	say("paged out: %d", !left);
	memset(p, 2, LEN);
	say("and back: %d", p[0] == 2 && p[LEN - 1] == 2);
	munmap(p, LEN);
}

static void inherited(void)
{
	volatile char *p = droppable();
	int status;

	memset((char *)p, 5, LEN);
	NEED(waitpid(SPAWN(_exit(p[0] * 16 + p[LEN - 1])), &status, 0));
	t_status("the child's", status);
	say("ours: %d %d", p[0], p[LEN - 1]);
	munmap((char *)p, LEN);
}

#define SOME (10UL << 20)

static size_t nonzero(const char *p)
{
	size_t n = 0;

	for (size_t i = 0; i < SOME; i += PAGE)
		n += p[i] != 0;
	return n;
}

static void eats(void)
{
	char *p = mmap(NULL, SOME, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(p, 1, SOME);
	_exit(nonzero(p) != SOME / PAGE);
}

/* Runs in a group that has room for one and a half such areas. */
static void pressed(void)
{
	char *p = mmap(NULL, SOME, RW, DROPPABLE | MAP_ANONYMOUS, -1, 0);
	int status;

	memset(p, 1, SOME);
	say("before: %d", nonzero(p) == SOME / PAGE);
	NEED(waitpid(SPAWN(eats()), &status, 0));
	t_status("who wants as much", status);
	say("afterwards some have gone %d", nonzero(p) < SOME / PAGE);
	memset(p, 1, SOME);
	say("and come again: %d", nonzero(p) == SOME / PAGE);
	_exit(0);
}

static void under_pressure(void)
{
	int status;

	if (!cgroup_enter()) {
		say("before: 1\nwho wants as much: exited 0\nafterwards some have gone 1\nand come "
		    "again: 1\nall: exited 0\nkilled: 0");
		return;
	}
	NEED(put("cgroup.subtree_control", "+memory"));
	NEED(mkdir("d", 0755));
	NEED(put("d/memory.max", "15M"));
	NEED(waitpid(SPAWN(NEED(put("d/cgroup.procs", "0")); pressed()), &status, 0));
	t_status("all", status);
	say("killed: %ld", figure("d/memory.events", "oom_kill "));
	NEED(rmdir("d"));
	NEED(put("cgroup.subtree_control", "-memory"));
	cgroup_leave();
}

TEST(droppable)
{
	kinds();
	advice();
	paged_out();
	inherited();
	under_pressure();
}
