/* SPDX-License-Identifier: MIT */
/*
 * flow.c: processes whose work must go on without a gap. Each writes to a file of DIR what it has
 * done.
 *
 *	flow DIR [DISKDIR [US]]	without DISKDIR only the process of DIR/tick runs; US: the
 *				others sleep for so many us between two steps
 *
 *	DIR/tick	a counter, one more about each ms, and the longest gap in ns between two
 *			readings of real time; a file DIR/reset is removed, and starts the gap at 0
 *	DIR/tcp		how many numbers have come through a connection over lo, in order
 *	DIR/pipe	how many numbers have come through a pipe, in order
 *	DIR/disk	how many files were written to DISKDIR, brought to the disk, and read back
 *	DIR/bad		what went wrong; it is not there if nothing has
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *dir;
static useconds_t rest;

static void pause_for_others(void)
{
	if (rest)
		usleep(rest);
}

static void put(const char *name, const char *text)
{
	char path[300], fresh[320];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	f = fopen(fresh, "w");
	if (f) {
		fprintf(f, "%s\n", text);
		fclose(f);
		rename(fresh, path);
	}
}

static void bad(const char *what, unsigned long n)
{
	char text[100];

	snprintf(text, sizeof(text), "%s %lu", what, n);
	put("bad", text);
	exit(1);
}

static void tell(const char *name, unsigned long a, unsigned long b)
{
	char text[60];

	snprintf(text, sizeof(text), "%lu %lu", a, b);
	put(name, text);
}

static unsigned long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000UL + t.tv_nsec;
}

static void tick(void)
{
	unsigned long last = now(), longest = 0, n = 0, told = last;
	char reset[300];

	snprintf(reset, sizeof(reset), "%s/reset", dir);
	for (;;) {
		unsigned long t;

		usleep(1000);
		t = now();
		if (t - last > longest && t > last)
			longest = t - last;
		last = t;
		n++;
		if (t - told < 20000000)
			continue;
		told = t;
		if (!unlink(reset))
			longest = 0;
		tell("tick", n, longest);
		last = now();
	}
}

/* Reads numbers from 0 on, each of which must be the last one plus 1. Does not return. */
static void take(int fd, const char *name)
{
	static unsigned long buf[4096];
	unsigned long next = 0, told = 0;
	size_t have = 0;

	for (;;) {
		ssize_t n = read(fd, (char *)buf + have, sizeof(buf) - have);

		if (n <= 0)
			bad(name, next);
		have += n;
		for (size_t i = 0; i < have / sizeof(buf[0]); i++)
			if (buf[i] != next++)
				bad(name, next - 1);
		memmove(buf, buf + have / sizeof(buf[0]), have % sizeof(buf[0]));
		have %= sizeof(buf[0]);
		if (next - told >= (rest ? 4096 : 4096 * 16))
			tell(name, told = next, 0);
	}
}

static void feed(int fd, const char *name)
{
	static unsigned long buf[1000];
	unsigned long next = 0;

	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		for (int i = 0; i < 1000; i++)
			buf[i] = next++;
		for (size_t at = 0; at < sizeof(buf);) {
			ssize_t n = write(fd, (char *)buf + at, sizeof(buf) - at);

			if (n <= 0)
				bad(name, next);
			at += n;
		}
		pause_for_others();
	}
}

static void piped(void)
{
	int fd[2];

	if (pipe(fd))
		bad("pipe", 0);
	if (!fork())
		take(fd[0], "pipe");
	feed(fd[1], "pipe");
}

static void tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(s, (void *)&a, sizeof(a)) || listen(s, 1) || getsockname(s, (void *)&a, &size) ||
		connect(c, (void *)&a, sizeof(a)))
		bad("tcp: no connection", 0);
	if (!fork())
		take(accept(s, NULL, NULL), "tcp");
	feed(c, "tcp");
}

static void disk(const char *folder)
{
	static char out[20000], in[20000];
	char path[300];

	for (unsigned long n = 0;; n++) {
		int fd;

		snprintf(path, sizeof(path), "%s/flow.%lu", folder, n % 32);
		for (size_t i = 0; i < sizeof(out); i++)
			out[i] = (char)(n * 7 + i * 13 + i / 256);
		fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
		if (fd < 0 || write(fd, out, sizeof(out)) != sizeof(out) || fsync(fd))
			bad("disk: cannot be written: file", n);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		if (pread(fd, in, sizeof(in), 0) != sizeof(in) || memcmp(in, out, sizeof(in)))
			bad("disk: another content: file", n);
		close(fd);
		tell("disk", n + 1, 0);
		pause_for_others();
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	dir = argv[1];
	rest = argc > 3 ? (useconds_t)atoi(argv[3]) : 0;
	if (argc == 2)
		tick();
	if (!fork())
		tick();
	if (!fork())
		tcp();
	if (!fork())
		piped();
	disk(argv[2]);
}
