/* SPDX-License-Identifier: MIT */
/*
 * setgid: calls that set and return group ids: setgid, setregid, setresgid, setfsgid, setgroups,
 * getgroups.
 */
#include "t.h"
#include <sys/fsuid.h>

static void show(const char *what)
{
	int r, e, s;

	NEED(syscall(SYS_getresgid, &r, &e, &s));
	say("%s: %d %d %d fs %d", what, r, e, s, (int)syscall(SYS_setfsgid, -1));
	if ((int)syscall(SYS_getgid) != r || (int)syscall(SYS_getegid) != e)
		say("getgid or getegid disagrees");
}

#define CALL(...)                                                                                  \
	do {                                                                                       \
		T(syscall(__VA_ARGS__));                                                           \
		show("now");                                                                       \
	} while (0)

static void groups(void)
{
	gid_t in[] = { 30, 10, 20 }, out[8] = { 0 };
	int n;

	T(syscall(SYS_setgroups, 3, in));
	n = T(syscall(SYS_getgroups, 8, out));
	if (n == 3)
		say("%d %d %d", (int)out[0], (int)out[1], (int)out[2]);
	T(syscall(SYS_getgroups, 0, NULL));
	T(syscall(SYS_getgroups, 2, out));
	T(syscall(SYS_getgroups, -1, out));
	T(syscall(SYS_getgroups, 8, BAD));
	T(syscall(SYS_setgroups, 3, BAD));
	T(syscall(SYS_setgroups, 65537, in));
	CHILD({
		NEED(setuid(1000));
		T(syscall(SYS_setgroups, 1, in));
		T(syscall(SYS_getgroups, 8, out));
	});
	T(syscall(SYS_setgroups, 0, NULL));
	T(syscall(SYS_getgroups, 8, out));
}

TEST(setgid)
{
	show("at first");
	CHILD(CALL(SYS_setgid, 1000); CALL(SYS_setgid, 0)); /* still root */
	CHILD(CALL(SYS_setresgid, 10, 20, 30); NEED(setuid(1000)); CALL(SYS_setgid, 30);
		CALL(SYS_setgid, 40); CALL(SYS_setresgid, 20, 30, 10);
		CALL(SYS_setresgid, -1, 40, -1); CALL(SYS_setregid, 30, 10));
	CHILD(CALL(SYS_setregid, 10, 20); NEED(setuid(1000)); CALL(SYS_setregid, 20, 10);
		CALL(SYS_setregid, 5, -1));
	CHILD(T(setfsgid(7)); show("fs only"); T(setfsgid(-1)));
	CHILD(CALL(SYS_setgid, -1));
	CHILD(groups());
	T(syscall(SYS_getresgid, BAD, BAD, BAD));
}
