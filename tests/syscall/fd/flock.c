/* SPDX-License-Identifier: MIT */
/*
 * flock(2): shared and exclusive, conversion, inheritance, blocking, independence of fcntl locks.
 */
#include "t.h"
#include <sys/file.h>

TEST(flock)
{
	struct flock fl = { .l_type = F_WRLCK };
	int a, b, c;
	pid_t pid;

	t_text("f", "");
	a = NEED(open("f", O_RDWR));
	b = NEED(open("f", O_RDONLY));
	c = NEED(dup(a));
	T(flock(a, LOCK_EX));
	T(flock(b, LOCK_SH | LOCK_NB));
	T(flock(b, LOCK_EX | LOCK_NB));
	T(flock(c, LOCK_SH | LOCK_NB)); /* the same description: converts */
	T(flock(b, LOCK_SH | LOCK_NB));
	T(flock(a, LOCK_EX | LOCK_NB));
	T(flock(b, LOCK_UN));
	T(flock(b, LOCK_UN));
	T(flock(a, LOCK_EX | LOCK_NB));
	CHILD(T(fcntl(b, F_SETLK, &fl)));
	CHILD(T(fcntl(a, F_SETLK, &fl)));
	CHILD(T(flock(a, LOCK_UN))); /* a child's copy is the same lock */
	T(flock(b, LOCK_EX | LOCK_NB));
	pid = SPAWN({
		int own = NEED(open("f", O_RDONLY));

		T(flock(own, LOCK_EX));
	});
	t_until(pid, 'S');
	say("unlocking");
	NEED(flock(b, LOCK_UN));
	t_wait("child", pid);
	NEED(flock(a, LOCK_EX));
	close(a);
	T(flock(b, LOCK_EX | LOCK_NB));
	close(c);
	T(flock(b, LOCK_EX | LOCK_NB));
	CHILD({
		int own = NEED(open("f", O_RDONLY));

		t_handle(SIGALRM, 0);
		t_alarm_asleep();
		T(flock(own, LOCK_EX));
	});
	T(flock(b, 0));
	T(flock(b, LOCK_SH | LOCK_EX));
	T(flock(-1, LOCK_SH));
	T(flock(NEED(open("f", O_PATH)), LOCK_SH));
}
