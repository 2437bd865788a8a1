/* SPDX-License-Identifier: MIT */
/*
 * direct: O_DIRECT: reads and writes of whole sectors, mixed with cached ones; unaligned transfers;
 * fcntl(F_SETFL).
 */
#include "t.h"

#define SIZE 65536

static unsigned char *buf, *other;

static void fill(int seed)
{
	int i;

	for (i = 0; i < SIZE; i++)
		buf[i] = (unsigned char)(i * 7 + i / 4096 + seed);
}

static void compare(const char *what, long n)
{
	say("%s: %s", what, n > 0 && !memcmp(buf, other, n) ? "same" : "different");
}

/* True if the file system has O_DIRECT. Without it (tmpfs of old kernels) nothing is tested. */
static bool known(void)
{
	int fd = open("f", O_RDWR | O_CREAT | O_DIRECT, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void transfers(void)
{
	int fd = open("f", O_RDWR | O_DIRECT), cached = open("f", O_RDWR);
	struct iovec v[2] = { { other, 4096 }, { other + 4096, 8192 } };

	fill(1);
	say("write %ld", (long)write(fd, buf, SIZE));
	say("read %ld", (long)pread(fd, other, SIZE, 0));
	compare("direct after direct", SIZE);
	say("cached %ld", (long)pread(cached, other, SIZE, 0));
	compare("cached after direct", SIZE);
	fill(2);
	say("cached write %ld", (long)pwrite(cached, buf, SIZE, 0));
	say("read %ld", (long)pread(fd, other, SIZE, 0));
	compare("direct after cached", SIZE);
	memset(other, 0, SIZE);
	say("readv %ld", (long)preadv(fd, v, 2, 0));
	compare("in pieces", 12288);
	memset(buf, 'z', 4096);
	say("write %ld", (long)pwrite(fd, buf, 4096, 8192));
	say("cached %ld", (long)pread(cached, other, 4096, 8192));
	compare("cached after direct", 4096);
	say("at the end %ld", (long)pread(fd, other, 4096, SIZE));
	say("over the end %ld", (long)pread(fd, other, 8192, SIZE - 4096));
	close(fd);
	close(cached);
}

static void flags(void)
{
	int fd = open("f", O_RDWR), p[2];

	T(fcntl(fd, F_SETFL, O_DIRECT));
	say("flag %d", !!(fcntl(fd, F_GETFL) & O_DIRECT));
	say("read %ld", (long)pread(fd, other, 4096, 0));
	T(fcntl(fd, F_SETFL, 0));
	say("read %ld", (long)pread(fd, other + 1, 100, 3));
	close(fd);
	T(open("/proc/self/status", O_RDONLY | O_DIRECT));
	NEED(pipe2(p, O_DIRECT)); /* packets */
	T(write(p[1], "ab", 2));
	T(write(p[1], "cd", 2));
	T(read(p[0], other, 10));
}

TEST(direct)
{
	buf = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	other = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!known()) {
		close(open("f", O_RDWR | O_CREAT, 0600));
		say("no O_DIRECT here");
		return;
	}
	transfers();
	flags();
}
