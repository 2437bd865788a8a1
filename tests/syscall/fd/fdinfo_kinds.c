/* SPDX-License-Identifier: MIT */
/*
 * fdinfo_kinds: what lsfd reads of descriptors: leases in fdinfo and in /proc/locks, the number of
 * a pty's master, the name of an inotify.
 */
#include "t.h"
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
}
