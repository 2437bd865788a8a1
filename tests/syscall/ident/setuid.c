/* SPDX-License-Identifier: MIT */
/*
 * setuid: calls that set and return user ids: setuid, setreuid, setresuid, seteuid by libc,
 * setfsuid, getresuid.
 */
#include "t.h"
#include <sys/fsuid.h>

static void show(const char *what)
{
	int r, e, s;

	NEED(syscall(SYS_getresuid, &r, &e, &s));
	say("%s: %d %d %d fs %d", what, r, e, s, (int)syscall(SYS_setfsuid, -1));
	if ((int)syscall(SYS_getuid) != r || (int)syscall(SYS_geteuid) != e)
		say("getuid or geteuid disagrees");
}

#define CALL(...)                                                                                  \
	do {                                                                                       \
		T(syscall(__VA_ARGS__));                                                           \
		show("now");                                                                       \
	} while (0)

TEST(setuid)
{
	show("at first");
	CHILD(CALL(SYS_setuid, 1000); CALL(SYS_setuid, 0); CALL(SYS_setuid, 1000));
	CHILD(CALL(SYS_setreuid, 1000, 2000); CALL(SYS_setreuid, 2000, 1000);
		CALL(SYS_setreuid, -1, 0); CALL(SYS_setreuid, 3000, -1); CALL(SYS_setuid, 2000));
	CHILD(CALL(SYS_setreuid, -1, 2000); CALL(SYS_setreuid, -1, 0);
		CALL(SYS_setreuid, 1000, -1));
	CHILD(CALL(SYS_setresuid, 1000, 2000, 3000); CALL(SYS_setresuid, 3000, 1000, 2000);
		CALL(SYS_setresuid, -1, 4000, -1); CALL(SYS_setresuid, -1, 2000, -1);
		CALL(SYS_setuid, 3000); CALL(SYS_setuid, 1000));
	CHILD(CALL(SYS_setresuid, 0, 1000, 0); CALL(SYS_setuid, 0); CALL(SYS_setuid, 500));
	CHILD(CALL(SYS_setresuid, -1, -1, -1));
	CHILD({
		T(setfsuid(1000));
		show("fs only");
		T(setfsuid(2000));
		T(setfsuid(-1));
		CALL(SYS_setresuid, -1, 3000, -1); /* the fs id follows */
		T(setfsuid(4000));
		T(setfsuid(0));
		show("now");
	});
	CHILD(CALL(SYS_setuid, -1); CALL(SYS_setreuid, -2, -2));
	T(syscall(SYS_getresuid, BAD, BAD, BAD));
}
