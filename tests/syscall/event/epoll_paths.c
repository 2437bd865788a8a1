/* SPDX-License-Identifier: MIT */
/*
 * epoll_paths: a file may be watched along a limited number of paths of epoll files, since a
 * wake-up takes each of them. Paths without an epoll file that is watched are not limited.
 */
#include "t.h"
#include <sys/epoll.h>

static int first; /* the first descriptor of a test */

static int add(int ep, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) ? errno : 0;
}

static int begin(void)
{
	int p[2];

	closefrom(first);
	NEED(pipe(p));
	return p[0];
}

/* Adds up to @n new epoll files that watch @fd. Prints which was refused. */
static void watchers(const char *what, int fd, int n)
{
	int err = 0, i = 0;

	while (i < n && !(err = add(NEED(epoll_create1(0)), fd)))
		i++;
	if (err)
		say("%s: watcher %d is refused: %s", what, i, t_errno(err));
}

/* The file is added to epoll files that are watched already. */
static void file_last(void)
{
	int fd = begin(), err = 0;

	for (int i = 0; i < 14 && !err; i++) {
		int child = NEED(epoll_create1(0));

		watchers("file last", child, 50);
		err = add(child, fd);
		if (err)
			say("file last: child %d is refused: %s", i, t_errno(err));
	}
}

/* The epoll files that watch the file are added to others. */
static void file_first(void)
{
	int fd = begin();

	for (int i = 0; i < 12; i++) {
		int child = NEED(epoll_create1(0));

		NEED(add(child, fd) ? -1 : 0);
		watchers(i == 10 ? "file first, child 10" : "file first", child, i < 10 ? 50 : 1);
	}
}

/* Longer paths have a lower limit. */
static void longer(void)
{
	int fd = begin(), top = NEED(epoll_create1(0)), err = 0;

	watchers("longer", top, 10);
	for (int i = 0; i < 14 && !err; i++) {
		int child = NEED(epoll_create1(0));

		NEED(add(top, child) ? -1 : 0);
		err = add(child, fd);
		if (err)
			say("longer: child %d is refused: %s", i, t_errno(err));
	}
}

/* A file that one epoll file watches by several descriptors has a path for each. */
static void several(void)
{
	int fd = begin(), child = NEED(epoll_create1(0)), err = 0, i;

	watchers("several", child, 100);
	for (i = 0; i < 10 && !err; i++)
		err = add(child, NEED(dup(fd)));
	say("several: %d, then %s", i, t_errno(err));
	T(add(NEED(epoll_create1(0)), fd));
}

TEST(epoll_paths)
{
	first = NEED(dup(0));
	file_last();
	file_first();
	longer();
	several();
	watchers("direct", begin(), 700);
	say("done");
}
