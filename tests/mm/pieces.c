/* SPDX-License-Identifier: MIT */
/*
 * pieces.c: nearly all memory is in use, and the free memory lies in pairs of pages: calls that
 * move data in large buffers must go on with small buffers. Prints what failed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1UL << 20)
#define SIZE (4 * MIB)

static int bad;

static void need(const char *what, long r, long want)
{
	if (r == want)
		return;
	printf("%s: %ld (%s)\n", what, r, r == -1 ? strerror(errno) : "short");
	bad = 1;
}

static unsigned long meminfo(const char *key)
{
	char line[128];
	unsigned long kb = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			kb = strtoul(strchr(line, ':') + 1, NULL, 10);
	fclose(f);
	return kb << 10;
}

/* Returns the number of free blocks of 32 KiB or more. */
static long large_blocks(void)
{
	char line[256], *at;
	long n = 0;
	FILE *f = fopen("/proc/buddyinfo", "r");

	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, "zone") + 4 + strspn(strstr(line, "zone") + 4, " ");
		at += strcspn(at, " ");
		for (int order = 0; *at && *at != '\n'; order++) {
			long count = strtol(at, &at, 10);

			if (order > 2) /* 32 KiB */
				n += count;
			at += strspn(at, " ");
		}
	}
	if (f)
		fclose(f);
	return n;
}

static char *take(unsigned long n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);

	for (unsigned long i = 0; i < n; i += 4096)
		p[i] = 1;
	return p;
}

/*
 * Takes the free memory and frees two of every four pages, then takes a little more until no large
 * block is free.
 */
static void crumble(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	unsigned long n;
	char *p;

	sync();
	need("drop_caches", write(fd, "3", 1), 1);
	close(fd);
	n = (meminfo("MemFree") - 2 * MIB) & ~16383UL;
	p = take(n);

	for (unsigned long i = 0; i < n; i += 16384)
		madvise(p + i, 8192, MADV_DONTNEED);
	for (int round = 0; round < 64 && large_blocks(); round++)
		take(MIB / 4);
	printf("# %ld large blocks, %lu KiB free\n", large_blocks(), meminfo("MemFree") >> 10);
}

static void *drain(void *arg)
{
	static __thread char buf[65536];
	int fd = *(int *)arg;
	long all = 0, n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		all += n;
	return (void *)all;
}

/* Writes SIZE bytes to @fd, whose other end is @other. */
static void stream(const char *what, int fd, int other, const char *data)
{
	unsigned long done = 0;
	pthread_t t;
	void *got;
	long n = 0;

	pthread_create(&t, NULL, drain, &other);
	while (done < SIZE && (n = write(fd, data + done, SIZE - done)) > 0)
		done += n;
	if (n == -1)
		need(what, -1, 0);
	close(fd);
	pthread_join(t, &got);
	close(other);
	need(what, (long)got, SIZE);
}

static void tcp(const char *data)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);

	need("bind", bind(s, (void *)&a, sizeof(a)), 0);
	need("listen", listen(s, 1), 0);
	getsockname(s, (void *)&a, &len);
	need("connect", connect(c, (void *)&a, sizeof(a)), 0);
	stream("TCP", c, accept(s, NULL, NULL), data);
	close(s);
}

int main(void)
{
	char *data = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int in = open("in", O_RDWR | O_CREAT | O_TRUNC, 0600), sv[2], p[2];
	int out = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600);
	unsigned long done;
	pid_t child;
	long n = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	memset(data, 7, SIZE);
	need("write", write(in, data, SIZE), SIZE);
	crumble();
	for (int round = 0; round < 8; round++) {
		for (int more = 0; more < 16 && large_blocks(); more++)
			take(MIB / 4);
		lseek(in, 0, SEEK_SET);
		lseek(out, 0, SEEK_SET);
		for (done = 0; done < SIZE &&
			       (n = copy_file_range(in, NULL, out, NULL, SIZE - done, 0)) > 0;)
			done += n;
		need("copy_file_range", n < 0 ? n : (long)done, SIZE);
		lseek(in, 0, SEEK_SET);
		lseek(out, 0, SEEK_SET);
		for (done = 0; done < SIZE && (n = sendfile(out, in, NULL, SIZE - done)) > 0;)
			done += n;
		need("sendfile", n < 0 ? n : (long)done, SIZE);
		tcp(data);
		need("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
		stream("unix", sv[0], sv[1], data);
		need("pipe", pipe(p), 0);
		fcntl(p[1], F_SETPIPE_SZ, 1 << 20);
		stream("pipe", p[1], p[0], data);
		need("socketpair", socketpair(AF_UNIX, SOCK_DGRAM, 0, sv), 0);
		need("datagram", send(sv[0], data, 8000, 0), 8000);
		need("datagram", recv(sv[1], data, 8000, 0), 8000);
		close(sv[0]);
		close(sv[1]);
		child = fork();
		if (!child)
			_exit(0);
		need("fork", child < 0 ? -1 : waitpid(child, NULL, 0) == child, 1);
	}
	puts(bad ? "failed" : "done");
	return 0;
}
