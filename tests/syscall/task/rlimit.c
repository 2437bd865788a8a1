/* SPDX-License-Identifier: MIT */
/* getrlimit(2), setrlimit(2), prlimit64(2): raising and lowering, inheritance, effects, errors. */
#include "t.h"

static void show(const char *what, int which)
{
	struct rlimit lim;

	if (getrlimit(which, &lim) == -1)
		say("%s: %s", what, t_errno(errno));
	else
		say("%s: %ld %ld", what, (long)lim.rlim_cur, (long)lim.rlim_max);
}

TEST(rlimit)
{
	struct rlimit lim = { 100, 200 }, old, bad = { 201, 200 };
	struct rlimit lower = { 50, 100 }, higher = { 50, 150 };

	T(setrlimit(RLIMIT_NOFILE, &lim));
	show("set", RLIMIT_NOFILE);
	T(setrlimit(RLIMIT_NOFILE, &bad));
	CHILD({
		show("inherited", RLIMIT_NOFILE);
		NEED(setuid(65534));
		T(setrlimit(RLIMIT_NOFILE, &lower));
		T(setrlimit(RLIMIT_NOFILE, &higher));
		show("lowered for good", RLIMIT_NOFILE);
		T(prlimit(getppid(), RLIMIT_NOFILE, NULL, &old));
	});
	show("parent", RLIMIT_NOFILE);
	T(prlimit(0, RLIMIT_NOFILE, &higher, &old));
	say("old %ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
	{
		pid_t pid = SPAWN(pause());

		T(prlimit(pid, RLIMIT_NOFILE, &lower, NULL));
		T(prlimit(pid, RLIMIT_NOFILE, NULL, &old));
		say("child's %ld", (long)old.rlim_cur);
		kill(pid, SIGKILL);
		t_wait("child", pid);
		T(prlimit(pid, RLIMIT_NOFILE, NULL, &old));
	}
	lim = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	T(t_soft_limit(RLIMIT_CPU, 100000));
	T(t_soft_limit(RLIMIT_CPU, RLIM_INFINITY));
	NEED(getrlimit(RLIMIT_CPU, &old));
	IS(old.rlim_cur == old.rlim_max);
	T(setrlimit(RLIMIT_NOFILE, &lim)); /* above the system's */
	T(getrlimit(99, &lim));
	T(setrlimit(99, &lim));
	T(getrlimit(RLIMIT_CORE, BAD));
	T(setrlimit(RLIMIT_CORE, BAD));
	T(prlimit(-1, RLIMIT_CORE, NULL, &old));
	CHILD({ /* address space */
		struct rlimit as;

		getrlimit(RLIMIT_AS, &as);
		as.rlim_cur = 256 << 20;
		NEED(setrlimit(RLIMIT_AS, &as));
		T(mmap(NULL, 300 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
					MAP_FAILED ?
				errno :
				0);
		T(mmap(NULL, 10 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
					MAP_FAILED ?
				errno :
				0);
	});
	/* processor time: SIGXCPU at the soft limit, SIGKILL at the hard one */
	CHILD({
		struct rlimit cpu = { 1, 1000 };

		t_handle(SIGXCPU, 0);
		NEED(setrlimit(RLIMIT_CPU, &cpu));
		while (!t_signals)
			;
		say("SIGXCPU came");
		/* not earlier: it may miss the first second */
		cpu.rlim_max = 2;
		NEED(setrlimit(RLIMIT_CPU, &cpu));
		for (;;)
			;
	});
}
