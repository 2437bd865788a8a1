/* SPDX-License-Identifier: MIT */
/*
 * sysctl_list: a list below /proc/sys that is longer than a page is written in pieces: the reserved
 * ports of a network namespace.
 */
#include "t.h"
#include <fcntl.h>
#include <sched.h>

#define PATH "/proc/sys/net/ipv4/ip_local_reserved_ports"

static char text[16384];
static int fd;

static void show(void)
{
	static char now[16384];
	int again = NEED(open(PATH, O_RDONLY));
	ssize_t n, len = 0;

	while ((n = NEED(read(again, now + len, sizeof(now) - 1 - (size_t)len))) > 0)
		len += n;
	now[len] = 0;
	now[strcspn(now, "\n")] = 0;
	say("  position %ld, %zd bytes: %.40s", (long)lseek(fd, 0, SEEK_CUR), len, now);
	close(again);
}

static void put(const char *name, const char *what, size_t n)
{
	TN(name, write(fd, what, n));
	show();
}

static void anew(const char *what)
{
	NEED(lseek(fd, 0, SEEK_SET));
	put(what, what, strlen(what));
}

static void forms(void)
{
	static const char *const lists[] = { "100\n200", "100 200", "5,\n6,", "\n\n7\n8-9\n\n",
		",5", "5\n,6", "0x10", "010", "08", "5-\n", "00000000000000000012",
		"000000000000000000012", "18446744073709551617", "9\t", "3- 4", "+5", "1,70000" };

	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		anew(lists[i]);
	NEED(lseek(fd, 0, SEEK_SET));
	put("a zero inside", "5\0006", 3);
	put("a zero behind", "5", 2);
}

static void pieces(void)
{
	anew("80");
	put("90", "90", 2);
	put(",91", ",91", 3);
	put("line feed", "\n", 1);
	anew("\n");
}

static size_t fill(size_t want)
{
	size_t n = 0;

	for (int i = 0; n < want; i++)
		n += (size_t)sprintf(text + n, "%d,", 10000 + 2 * i);
	text[want] = 0;
	return want;
}

static void long_ones(void)
{
	char name[32];
	size_t at = 0, n;

	memset(text, '\n', sizeof(text));
	NEED(lseek(fd, 0, SEEK_SET));
	put("8192 line feeds", text, 8192);
	for (size_t len = 4090; len < 4105; len++) {
		sprintf(name, "%zu", fill(len));
		NEED(lseek(fd, 0, SEEK_SET));
		put(name, text, len);
	}
	n = fill(9000);
	NEED(lseek(fd, 0, SEEK_SET));
	for (ssize_t done = 1; done > 0 && at < n; at += (size_t)done) {
		done = NEED(write(fd, text + at, n - at));
		say("a piece of %zd", done);
	}
	show();
	memset(text, '1', sizeof(text));
	NEED(lseek(fd, 0, SEEK_SET));
	put("9000 digits", text, 9000);
	T(write(fd, BAD, 9));
}

TEST(sysctl_list)
{
	if (unshare(CLONE_NEWNET)) {
		say("no namespace");
		return;
	}
	fd = open(PATH, O_RDWR);
	if (fd == -1) {
		say("not to be written to");
		return;
	}
	forms();
	pieces();
	long_ones();
}
