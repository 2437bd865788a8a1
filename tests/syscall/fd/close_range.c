/* SPDX-License-Identifier: MIT */
/* close_range(2): ranges, CLOEXEC, UNSHARE. */
#include "t.h"

static void show(void)
{
	char line[64] = "";
	int fd;

	for (fd = 10; fd < 20; fd++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), " %s",
			fcntl(fd, F_GETFD) == -1 ? "-" :
			fcntl(fd, F_GETFD)       ? "x" :
						   "o");
	say("10..19:%s", line);
}

static void fill(void)
{
	int fd;

	for (fd = 10; fd < 20; fd++)
		NEED(dup2(1, fd));
}

static void *unsharer(void *arg)
{
	T(close_range(12, 13, CLOSE_RANGE_UNSHARE));
	show();
	return NULL;
}

TEST(close_range)
{
	pthread_t thread;

	fill();
	show();
	T(close_range(12, 14, 0));
	show();
	T(close_range(12, 14, 0));
	T(close_range(15, 16, CLOSE_RANGE_CLOEXEC));
	show();
	T(close_range(14, 12, 0));
	T(close_range(11, 12, 8));
	T(close_range(17, ~0U, 0));
	show();
	fill();
	NEED0(pthread_create(&thread, NULL, unsharer, NULL));
	pthread_join(thread, NULL);
	show();
	T(close_range(10, ~0U, CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC));
	show();
}
