/* SPDX-License-Identifier: MIT */
/* ioprio_set(2), ioprio_get(2). */
#include "t.h"

#define PROCESS 1
#define GROUP 2
#define USER 3
#define PRIO(class, level) ((class) << 13 | (level))

static long set(int which, int who, int prio)
{
	return syscall(SYS_ioprio_set, which, who, prio);
}

static long get(int which, int who)
{
	return syscall(SYS_ioprio_get, which, who);
}

/* User IDs are those of the caller's user namespace; 0 is the caller's user only for a read. */
static void users(void)
{
	CHILD({
		NEED(setresuid(54322, 54322, 54322));
		T(set(USER, 54322, PRIO(2, 3)));
		T(set(USER, 0, PRIO(2, 5)));
		T(get(USER, 0));
		NEED(unshare(CLONE_NEWUSER));
		T(get(USER, 54322)); /* not mapped */
		T(set(USER, 54322, PRIO(2, 4)));
		T(set(USER, 0, PRIO(2, 4)));
		T(get(USER, 0));
		T(set(USER, -1, PRIO(2, 4)));
	});
}

TEST(ioprio)
{
	int i;

	for (i = 0; i < 8; i++) {
		T(set(PROCESS, 0, PRIO(2, i)));
		T(get(PROCESS, 0));
	}
	T(set(PROCESS, getpid(), PRIO(3, 0)));
	T(get(PROCESS, getpid()));
	T(set(PROCESS, 0, PRIO(0, 4)));
	T(set(PROCESS, 0, PRIO(4, 0)));
	T(set(PROCESS, 0, -1));
	T(set(0, 0, 0));
	T(set(4, 0, 0));
	T(get(0, 0));
	T(get(4, 0));
	T(set(PROCESS, 1 << 29, 0));
	T(get(PROCESS, 1 << 29));
	T(set(GROUP, 1 << 29, 0));
	T(get(USER, 54321));
	CHILD({
		T(get(PROCESS, 0));
		setpgid(0, 0);
		T(set(GROUP, 0, PRIO(2, 1)));
		T(get(GROUP, 0));
		CHILD({
			T(set(PROCESS, 0, PRIO(2, 6)));
			T(get(GROUP, 0)); /* the best of all */
		});
		NEED(setresuid(54321, 54321, 54321));
		T(set(PROCESS, 0, PRIO(2, 3)));
		T(get(USER, 54321));
		T(set(PROCESS, getppid(), PRIO(2, 3)));
		T(set(PROCESS, 0, PRIO(1, 3)));
	});
	T(set(PROCESS, 0, 0));
	users();
}
