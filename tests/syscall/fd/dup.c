/* SPDX-License-Identifier: MIT */
/* dup(2), dup2(2), dup3(2), fcntl F_DUPFD: numbers, flags, limits. */
#include "t.h"

TEST(dup)
{
	struct rlimit lim = { 20, 20 };
	int fd = NEED(open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600)), low;

	low = NEED(dup(fd));
	say("next number: %d", low == fd + 1);
	T(fcntl(low, F_GETFD));
	T(dup(-1));
	T(dup(500));
	T(dup2(fd, 50));
	T(fcntl(50, F_GETFD));
	T(dup2(fd, 50));
	T(dup2(50, 50));
	T(dup2(51, 51));
	T(dup2(51, 50));
	T(fcntl(50, F_GETFD));
	T(dup2(fd, -1));
	T(dup2(fd, 1 << 30));
	T(dup3(fd, 60, O_CLOEXEC));
	T(fcntl(60, F_GETFD));
	T(dup3(fd, 60, 0));
	T(fcntl(60, F_GETFD));
	T(dup3(60, 60, 0));
	T(dup3(fd, 61, O_NONBLOCK));
	T(dup3(fd, -1, 0));
	T(dup3(500, 61, 0));
	T(fcntl(fd, F_DUPFD, 100));
	T(fcntl(fd, F_DUPFD, 100));
	T(fcntl(fd, F_DUPFD_CLOEXEC, 100));
	T(fcntl(102, F_GETFD));
	T(fcntl(fd, F_DUPFD, -1));
	T(fcntl(fd, F_DUPFD, 1 << 30));

	/* one description */
	NEED(write(fd, "abc", 3));
	T(lseek(50, 0, SEEK_CUR));
	NEED(fcntl(50, F_SETFL, O_APPEND));
	T(fcntl(60, F_GETFL) & O_APPEND);

	NEED(setrlimit(RLIMIT_NOFILE, &lim));
	T(dup2(fd, 19));
	T(dup2(fd, 20));
	T(fcntl(fd, F_DUPFD, 20));
	T(write(100, "still open", 10));
	while ((low = dup(fd)) >= 0)
		;
	say("at the limit: %s", t_errno(errno));
	T(open("f", O_RDONLY));
	T(fcntl(fd, F_DUPFD, 5));
}
