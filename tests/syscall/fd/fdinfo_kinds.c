/* SPDX-License-Identifier: MIT */
/*
 * fdinfo_kinds: what lsfd reads of descriptors: leases in fdinfo and in /proc/locks, the number of
 * a pty's master, the name of an inotify; lists longer than a page.
 */
#include "t.h"
#include <sys/epoll.h>
#include <sys/inotify.h>

/* Prints the words of the lines of leases, without the numbers. */
static void print_leases(const char *what, const char *path, const char *begin)
{
	FILE *f = fopen(path, "r");
	char line[256], kind[16], state[16], type[16], end[16];
	unsigned long long ino, start;
	unsigned major, minor;
	int nr, pid, seen = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, begin, strlen(begin)) ||
			sscanf(line + strlen(begin), "%d: %15s %15s %15s %d %x:%x:%llu %llu %15s",
				&nr, kind, state, type, &pid, &major, &minor, &ino, &start,
				end) != 10 ||
			strcmp(kind, "LEASE") || pid != getpid())
			continue;
		seen++;
		say("%s: %s %s %s, %llu to %s", what, kind, state, type, start, end);
	}
	say("%s: %d leases", what, seen);
	if (f)
		fclose(f);
}

static void leases(const char *what, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	print_leases(what, path, "lock:\t");
	print_leases(what, "/proc/locks", "");
}

static void lines(const char *what, int fd, const char *begin)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, begin, strlen(begin)))
			say("%s: %.*s", what, (int)strlen(begin), line);
	if (f)
		fclose(f);
}

/* Prints how many lines begin with @begin, and whether these and the last line are whole. */
static void count(const char *what, int fd, const char *begin)
{
	char path[64], line[256];
	int n = 0, cut = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		n += !strncmp(line, begin, strlen(begin));
		cut += line[strlen(line) - 1] != '\n';
	}
	if (f)
		fclose(f);
	say("%s: %d lines, %d cut", what, n, cut);
}

/* Prints how many locks fdinfo has, whether they are in order, and their last number. */
static void locks(int fd)
{
	long n = 0, start, last = -1;
	char path[64], line[256];
	bool order = true;
	int nr = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "lock: %d: POSIX ADVISORY WRITE %*d %*s %ld", &nr, &start) != 2)
			continue;
		n++;
		order = order && start > last;
		last = start;
	}
	if (f)
		fclose(f);
	say("%ld locks, %s, the last is %d", n, order ? "in order" : "in disorder", nr);
}

static void many(void)
{
	int in = NEED(inotify_init()), ep = NEED(epoll_create1(0)), ends[2],
	    file = NEED(open("many", O_RDWR | O_CREAT, 0600));
	struct epoll_event event = { .events = EPOLLIN };
	struct flock lock = { .l_type = F_WRLCK, .l_len = 1 };
	char name[16];

	NEED(pipe(ends));
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		NEED(mkdir(name, 0700));
		NEED(inotify_add_watch(in, name, IN_CREATE));
		NEED(epoll_ctl(ep, EPOLL_CTL_ADD, NEED(dup(ends[0])), &event));
		lock.l_start = 2 * i;
		NEED(fcntl(file, F_SETLK, &lock));
	}
	for (int i = 2000; i > 300; i--) {
		lock.l_start = 2 * i;
		NEED(fcntl(file, F_SETLK, &lock));
	}
	count("inotify", in, "inotify wd:");
	count("epoll", ep, "tfd:");
	count("locks", file, "lock:\t");
	locks(file);
}

TEST(fdinfo_kinds)
{
	char text[64] = "", name[64];
	int fd;

	signal(SIGIO, SIG_IGN);
	close(NEED(open("f", O_WRONLY | O_CREAT, 0600)));
	fd = NEED(open("f", O_RDONLY));
	leases("none", fd);
	NEED(fcntl(fd, F_SETLEASE, F_RDLCK));
	leases("read", fd);
	T(open("f", O_WRONLY | O_NONBLOCK));
	leases("breaking", fd);
	NEED(fcntl(fd, F_SETLEASE, F_UNLCK));
	leases("given up", fd);
	close(fd);
	fd = NEED(open("f", O_WRONLY));
	NEED(fcntl(fd, F_SETLEASE, F_WRLCK));
	leases("write", fd);
	close(fd);
	leases("closed", 0);
	fd = NEED(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	lines("master", fd, "tty-index:\t");
	close(fd);
	fd = NEED(inotify_init1(0));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	NEED(readlink(name, text, sizeof(text) - 1));
	say("%s", text);
	close(fd);
	many();
}
