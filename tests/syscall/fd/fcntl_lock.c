/* SPDX-License-Identifier: MIT */
/*
 * fcntl(2) record locks (F_SETLK) and OFD locks: conflicts, splitting, owners, deadlock, release at
 * close.
 */
#include "t.h"

static int lock(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(fd, cmd, &fl);
}

static void query(int fd, int cmd, int type, off_t start, off_t len, pid_t expect)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	if (fcntl(fd, cmd, &fl) == -1)
		say("query: %s", t_errno(errno));
	else if (fl.l_type == F_UNLCK)
		say("query %ld+%ld: free", (long)start, (long)len);
	else
		say("query %ld+%ld: %s %ld+%ld pid %s", (long)start, (long)len,
			fl.l_type == F_RDLCK ? "read" : "write", (long)fl.l_start, (long)fl.l_len,
			fl.l_pid == expect ? "right" :
			fl.l_pid == -1     ? "-1" :
					     "wrong");
}

static void posix(void)
{
	int fd = NEED(open("f", O_RDWR)), ro = NEED(open("f", O_RDONLY)),
	    wo = NEED(open("f", O_WRONLY));
	pid_t me = getpid();

	T(lock(fd, F_SETLK, F_WRLCK, 10, 10));
	T(lock(fd, F_SETLK, F_RDLCK, 30, 0));
	T(lock(fd, F_SETLK, F_WRLCK, 5, 10)); /* own locks merge */
	T(lock(ro, F_SETLK, F_WRLCK, 50, 1));
	T(lock(wo, F_SETLK, F_RDLCK, 50, 1));
	T(lock(fd, F_SETLK, 77, 50, 1));
	T(lock(fd, F_SETLK, F_WRLCK, -1, 1));
	T(lock(fd, F_SETLK, F_WRLCK, 2, -2));
	T(lock(fd, F_SETLK, F_WRLCK, 2, -3));
	T(fcntl(fd, F_SETLK, BAD));
	T(lock(-1, F_SETLK, F_WRLCK, 0, 1));
	query(fd, F_GETLK, F_WRLCK, 0, 0, me);
	CHILD({
		query(fd, F_GETLK, F_WRLCK, 0, 2, me);
		query(fd, F_GETLK, F_WRLCK, 2, 3, me);
		query(fd, F_GETLK, F_WRLCK, 0, 0, me);
		query(fd, F_GETLK, F_RDLCK, 25, 100, me);
		query(fd, F_GETLK, F_WRLCK, 25, 100, me);
		T(lock(fd, F_SETLK, F_WRLCK, 19, 1));
		T(lock(fd, F_SETLK, F_WRLCK, 20, 10));
		T(lock(fd, F_SETLK, F_RDLCK, 35, 1));
		T(lock(fd, F_SETLK, F_UNLCK, 5, 10)); /* not mine: no effect */
		T(lock(fd, F_SETLK, F_WRLCK, 12, 1));
	});
	T(lock(fd, F_SETLK, F_UNLCK, 8, 4)); /* splits */
	CHILD({
		query(fd, F_GETLK, F_WRLCK, 0, 0, me);
		query(fd, F_GETLK, F_WRLCK, 8, 0, me);
	});
	close(ro); /* any close of the file drops all locks */
	CHILD(query(fd, F_GETLK, F_WRLCK, 0, 0, me));
}

static void waits(void)
{
	int fd = NEED(open("f", O_RDWR));
	pid_t pid;

	T(lock(fd, F_SETLK, F_WRLCK, 0, 10));
	pid = SPAWN({
		T(lock(fd, F_SETLKW, F_WRLCK, 5, 1));
		say("child has it");
	});
	t_until(pid, 'S');
	say("unlocking");
	NEED(lock(fd, F_SETLK, F_UNLCK, 5, 1));
	t_wait("child", pid);
	pid = SPAWN({
		t_handle(SIGALRM, 0);
		t_alarm_asleep();
		T(lock(fd, F_SETLKW, F_WRLCK, 0, 1));
	});
	t_wait("child", pid);
}

static void deadlock(void)
{
	int fd = NEED(open("f", O_RDWR)), p[2];
	pid_t pid;
	char c;

	NEED(pipe(p));
	NEED(lock(fd, F_SETLK, F_WRLCK, 100, 1));
	pid = SPAWN({
		NEED(lock(fd, F_SETLK, F_WRLCK, 101, 1));
		NEED(write(p[1], "x", 1));
		T(lock(fd, F_SETLKW, F_WRLCK, 100, 1));
	});
	NEED(read(p[0], &c, 1));
	t_until(pid, 'S');
	T(lock(fd, F_SETLKW, F_WRLCK, 101, 1));
	NEED(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	t_wait("child", pid);
}

static void ofd(void)
{
	int a = NEED(open("f", O_RDWR)), b = NEED(open("f", O_RDWR)), c = NEED(dup(a));

	T(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	T(lock(b, F_OFD_SETLK, F_WRLCK, 5, 10));
	T(lock(b, F_OFD_SETLK, F_WRLCK, 10, 10));
	T(lock(c, F_OFD_SETLK, F_WRLCK, 5, 1));
	query(b, F_OFD_GETLK, F_WRLCK, 0, 5, 0);
	query(a, F_GETLK, F_WRLCK, 0, 5, 0);
	T(lock(a, F_SETLK, F_WRLCK, 0, 5));
	close(a);
	T(lock(b, F_OFD_SETLK, F_WRLCK, 5, 1)); /* the copy still holds it */
	CHILD(T(lock(c, F_OFD_SETLK, F_RDLCK, 0, 10)));
	T(lock(b, F_OFD_SETLK, F_RDLCK, 5, 1));
	close(c);
	T(lock(b, F_OFD_SETLK, F_WRLCK, 5, 1));
	T(({
		struct flock fl = { .l_type = F_WRLCK, .l_pid = 1 };
		fcntl(b, F_OFD_SETLK, &fl);
	}));
}

/* Asks by F_UNLCK whether the open file description itself has a lock there. */
static void own(int fd, long start, long len)
{
	struct flock fl = { .l_type = F_UNLCK, .l_start = start, .l_len = len };

	T(fcntl(fd, F_OFD_GETLK, &fl));
	say("type %d at %ld, %ld bytes, of %d", fl.l_type, (long)fl.l_start, (long)fl.l_len,
		fl.l_pid);
}

static void ofd_own(void)
{
	int a = NEED(open("f", O_RDWR)), b = NEED(open("f", O_RDWR));

	T(lock(a, F_OFD_SETLK, F_RDLCK, 0, 10));
	T(lock(a, F_OFD_SETLK, F_WRLCK, 20, 10));
	T(lock(a, F_SETLK, F_WRLCK, 40, 10));
	own(a, 0, 0);
	own(b, 0, 0);
	own(a, 12, 3);
	own(a, 25, 1);
	own(a, 40, 0);
	T(lock(b, F_OFD_SETLK, F_RDLCK, 5, 10));
	own(b, 0, 0);
	own(a, 5, 20);
	query(a, F_GETLK, F_UNLCK, 0, 5, 0);
	close(a);
	close(b);
}

/* The start must not be negative, also if the length makes up for it. */
static void limits(void)
{
	int fd = NEED(open("f", O_RDWR));

	T(lock(fd, F_SETLK, F_WRLCK, INT64_MIN, -1));
	T(lock(fd, F_SETLK, F_WRLCK, INT64_MIN, 0));
	T(lock(fd, F_SETLK, F_WRLCK, -1, 5));
	T(lock(fd, F_SETLK, F_WRLCK, INT64_MAX, -1));
	T(lock(fd, F_SETLK, F_WRLCK, INT64_MAX, INT64_MIN));
	T(lock(fd, F_SETLK, F_WRLCK, 5, -6));
	close(fd);
}

TEST(fcntl_lock)
{
	t_text("f", "0123456789012345678901234567890123456789");
	posix();
	waits();
	deadlock();
	ofd();
	ofd_own();
	limits();
}
