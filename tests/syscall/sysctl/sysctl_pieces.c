/* SPDX-License-Identifier: MIT */
/*
 * sysctl_pieces: writes at a position of /proc files: a string of /proc/sys goes on there
 * (kernel.sysctl_writes_strict is 1), here the host name of a namespace of the test's own; a login
 * is written from its start.
 */
#include "guest.h"
#include "recorded.h"

static const char expected[] =
#include "sysctl_pieces.inc"
	;
static int fd;

static void name(void)
{
	char buf[100] = "";
	ssize_t n = NEED(pread(fd, buf, sizeof(buf) - 1, 0));

	if (n && buf[n - 1] == '\n')
		buf[n - 1] = 0;
	say("is \"%s\"", buf);
}

static void put(const char *text)
{
	NEED(lseek(fd, 0, SEEK_SET));
	TN(text, write(fd, text, strlen(text)));
	name();
}

TEST(sysctl_pieces)
{
	char longer[100];

	NEED(unshare(CLONE_NEWUTS));
	NEED(sethostname("before", 6));
	fd = open("/proc/sys/kernel/hostname", O_RDWR);
	/* a container's, which is not to be written to */
	if (fd == -1 && !in_guest())
		RECORDED(expected);
	put("one");
	T(write(fd, "two\n", 4));
	name();
	T(write(fd, "three", 5)); /* behind its end: the line feed counted */
	name();
	T(lseek(fd, 0, SEEK_CUR));
	T(pwrite(fd, "X", 1, 2));
	name();
	T(pwrite(fd, "", 0, 1));
	name();
	T(pwrite(fd, "\n", 1, 1));
	name();
	T(pwrite(fd, "Y", 1, 100));
	name();
	put(" with blanks ");
	put("a line\nand one more");
	put("\n");
	put("again");
	memset(longer, 'x', sizeof(longer));
	T(pwrite(fd, longer, sizeof(longer), 5));
	name();
	T(pwrite(fd, BAD, 3, 0));
	close(fd);
	fd = GNEED(open("/proc/self/loginuid", O_WRONLY));
	G(pwrite(fd, "5", 1, 1), "-1 EINVAL");
	G(lseek(fd, 1, SEEK_SET), "1");
	G(write(fd, "5", 1), "-1 EINVAL");
	close(fd);
}
