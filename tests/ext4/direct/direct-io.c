/* SPDX-License-Identifier: MIT */
/*
 * direct-io.c: tests O_DIRECT together with other operations on the file.
 *
 *	direct-io table DIR             what calls answer, a line each: the same on every ext4 whose
 *                                      disk has sectors of 512 bytes
 *	direct-io model DIR SEED STEPS  random operations on one file, direct, buffered, mapped,
 *                                      asynchronous, and a model in memory
 *	direct-io verify DIR SEED STEPS the same without touching the disk, then what lies there
 *	direct-io races DIR SECONDS     truncation, fork and exit while requests are under way
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX (1 << 20)
#define SECTOR 512
#define DEPTH 16

static int bad;
static char *buf, *other;
static aio_context_t ctx;

static void __attribute__((format(printf, 1, 2))) wrong(const char *fmt, ...)
{
	va_list ap;

	if (bad++ >= 10)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	puts("");
}

static void said(const char *what, long n)
{
	printf("%s: %ld%s%s\n", what, n, n < 0 ? " " : "", n < 0 ? strerrorname_np(errno) : "");
}

static int file(const char *name, int flags)
{
	int fd = open(name, flags | O_CREAT, 0600);

	if (fd < 0) {
		perror(name);
		exit(1);
	}
	return fd;
}

/* ---- requests ---- */

static struct iocb request(int write, int fd, void *p, size_t n, long at)
{
	return (struct iocb){ .aio_lio_opcode = write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
		.aio_fildes = fd,
		.aio_buf = (uintptr_t)p,
		.aio_nbytes = n,
		.aio_offset = at,
		.aio_data = n };
}

static void submit(struct iocb *io, int n)
{
	struct iocb *list[DEPTH];

	for (int i = 0; i < n; i++)
		list[i] = io + i;
	if (syscall(SYS_io_submit, ctx, (long)n, list) != n)
		wrong("io_submit: %s", strerror(errno));
}

/* Waits for @n requests. Each must have moved all its bytes. */
static void reap(int n)
{
	struct io_event e[DEPTH];
	long got = syscall(SYS_io_getevents, ctx, (long)n, (long)n, e, NULL);

	if (got != n)
		wrong("io_getevents: %ld", got);
	for (int i = 0; i < got; i++)
		if (e[i].res != (long long)e[i].data)
			wrong("request of %lld: %lld", (long long)e[i].data, (long long)e[i].res);
}

struct ring {
	int fd;
	char *map;
	struct io_uring_sqe *sqes;
	struct io_uring_params p;
};
static struct ring ring;

static unsigned *word(unsigned off)
{
	return (unsigned *)(ring.map + off);
}

static int ring_open(void)
{
	size_t size;

	ring.fd = (int)syscall(SYS_io_uring_setup, DEPTH, &ring.p);
	if (ring.fd < 0)
		return 0;
	size = ring.p.cq_off.cqes + ring.p.cq_entries * sizeof(struct io_uring_cqe);
	ring.map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd,
		IORING_OFF_SQ_RING);
	ring.sqes = mmap(NULL, DEPTH * sizeof(*ring.sqes), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQES);
	return ring.map != MAP_FAILED && ring.sqes != MAP_FAILED;
}

static void ring_add(int write, int fd, void *p, size_t n, long at)
{
	unsigned tail = *word(ring.p.sq_off.tail), i = tail & (DEPTH - 1);

	ring.sqes[i] = (struct io_uring_sqe){ .opcode = write ? IORING_OP_WRITE : IORING_OP_READ,
		.fd = fd,
		.addr = (uintptr_t)p,
		.len = (unsigned)n,
		.off = (unsigned long)at,
		.user_data = n };
	word(ring.p.sq_off.array)[i] = i;
	__atomic_store_n(word(ring.p.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
}

static void ring_finish(int n)
{
	struct io_uring_cqe *cqes = (void *)(ring.map + ring.p.cq_off.cqes);
	long r = syscall(SYS_io_uring_enter, ring.fd, n, n, IORING_ENTER_GETEVENTS, NULL, 0);

	if (r != n)
		wrong("io_uring_enter: %ld %s", r, strerror(errno));
	while (n--) {
		unsigned *head = word(ring.p.cq_off.head);
		struct io_uring_cqe *c = &cqes[*head & (ring.p.cq_entries - 1)];

		if (c->res != (int)c->user_data)
			wrong("uring request of %d: %d", (int)c->user_data, c->res);
		__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	}
}

/* ---- what calls answer ---- */

static void table_reads(int d, int b)
{
	struct iovec v[2] = { { buf, 512 }, { buf + 8192, 1024 } }, odd = { buf, 700 };

	said("write", pwrite(b, other, 10000, 0));
	said("read", pread(d, buf, 8192, 0));
	said("short at the end", pread(d, buf, 8192, 4096));
	said("one sector", pread(d, buf, 512, 512));
	said("the last sector", pread(d, buf, 512, 9728));
	said("behind the end", pread(d, buf, 4096, 12288));
	said("length", pread(d, buf, 700, 0));
	said("position", pread(d, buf, 512, 100));
	said("position behind the end", pread(d, buf, 512, 20001));
	said("memory of sectors", pread(d, buf + 512, 1024, 0));
	said("nothing", pread(d, buf, 0, 0));
	said("no memory", pread(d, (void *)4096, 4096, 0));
	said("half of the memory", pread(d, buf + MAX - 4096, 8192, 0));
	said("vectors", preadv(d, v, 2, 0));
	said("odd vector", preadv(d, &odd, 1, 0));
}

static void table_writes(int d, int b)
{
	struct stat st;

	said("write", pwrite(d, other, 4096, 4096));
	said("length", pwrite(d, other, 4095, 0));
	said("position", pwrite(d, other, 4096, 1));
	said("memory", pwrite(d, other + 3, 4096, 0));
	said("no memory", pwrite(d, (void *)4096, 4096, 0));
	said("a sector into a block", pwrite(d, other, 512, 1024));
	said("behind the end", pwrite(d, other, 512, 40960));
	fstat(b, &st);
	said("size", st.st_size);
	said("a hole", pread(b, buf, 4096, 16384));
	said("the block's rest", pread(b, buf, 4096, 40960));
	for (int i = 0; i < 512; i++)
		if (buf[i] != other[i])
			wrong("byte %d of the sector", i);
	said("grows", pwrite(d, other, 8192, 65536));
	fstat(b, &st);
	said("size", st.st_size);
	said("a sector behind it", pwrite(d, other, 512, 73728));
	fstat(b, &st);
	said("size", st.st_size);
}

static void table_nowait(int d, int b)
{
	struct iovec v = { buf, 4096 };

	fsync(b);
	posix_fadvise(b, 0, 0, POSIX_FADV_DONTNEED);
	said("read", preadv2(d, &v, 1, 0, RWF_NOWAIT));
	pwrite(b, other, 4096, 8192);
	said("read beside a dirty page", preadv2(d, &v, 1, 0, RWF_NOWAIT));
	fsync(b);
	posix_fadvise(b, 0, 0, POSIX_FADV_DONTNEED);
	said("write", pwritev2(d, &v, 1, 0, RWF_NOWAIT));
	said("into a hole", pwritev2(d, &v, 1, 20480, RWF_NOWAIT));
	said("behind the end", pwritev2(d, &v, 1, 1 << 20, RWF_NOWAIT));
	said("dsync", pwritev2(d, &v, 1, 0, RWF_DSYNC));
	said("sync", pwritev2(d, &v, 1, 4096, RWF_SYNC));
	said("appended", pwritev2(d, &v, 1, 0, RWF_APPEND));
	said("end", lseek(d, 0, SEEK_END));
}

static void table(void)
{
	int d = file("t", O_RDWR | O_DIRECT), b = file("t", O_RDWR);

	memset(other, 'x', 10000);
	table_reads(d, b);
	table_writes(d, b);
	table_nowait(d, b);
}

/* ---- random operations and a model ---- */

static unsigned char model[MAX], *mapped;
static long size;

static long upto(long n)
{
	return n > 0 ? random() % n : 0;
}

static void scribble(char *p, long n)
{
	char c = (char)random();

	for (long i = 0; i < n; i++)
		p[i] = (char)(c + i / 7 + i / 512);
}

static void put(const char *from, long at, long n)
{
	memcpy(model + at, from, (size_t)n);
	if (at + n > size)
		size = at + n;
}

static void expect(const char *what, const char *got, long at, long n)
{
	if (memcmp(got, model + at, (size_t)n)) {
		long i = 0;

		while (got[i] == (char)model[at + i])
			i++;
		wrong("%s at %ld of %ld: byte %ld is %#x, not %#x", what, at, n, at + i,
			(unsigned char)got[i], model[at + i]);
	}
}

static void write_some(int fd, int direct)
{
	long unit = direct ? (random() & 1 ? SECTOR : 4096) : 1;
	long n = (upto(random() & 3 ? 20000 : 200000) / unit + 1) * unit;
	long at = upto(MAX - n - unit) / unit * unit;
	long slip = direct ? upto(8) * SECTOR : upto(4096);

	scribble(buf + slip, n);
	if (pwrite(fd, buf + slip, (size_t)n, at) != n)
		wrong("%s write of %ld at %ld: %s", direct ? "direct" : "cached", n, at,
			strerror(errno));
	else
		put(buf + slip, at, n);
}

static void read_some(int fd, int direct)
{
	long unit = direct ? SECTOR : 1, n = (upto(100000) / unit + 1) * unit;
	long at = upto(size + 10000) / unit * unit, got = pread(fd, buf, (size_t)n, at);
	long want = at >= size ? 0 : n < size - at ? n : size - at;

	if (got != want)
		wrong("read of %ld at %ld of %ld: %ld", n, at, size, got);
	else
		expect(direct ? "direct read" : "cached read", buf, at, got);
}

/* Makes requests that do not overlap, all under way at once. */
static void many(int fd, int uring)
{
	struct iocb io[DEPTH];
	int n = 0;

	for (long at = upto(8) * SECTOR; n < DEPTH; n++) {
		long len = (upto(16) + 1) * SECTOR;

		if (at + len > size / SECTOR * SECTOR)
			break;
		if (random() & 1) {
			scribble(buf + at, len);
			put(buf + at, at, len);
			io[n] = request(1, fd, buf + at, (size_t)len, at);
		} else {
			io[n] = request(0, fd, other + at, (size_t)len, at);
		}
		at += len + upto(16) * SECTOR;
	}
	if (!n)
		return;
	if (uring) {
		for (int i = 0; i < n; i++)
			ring_add(io[i].aio_lio_opcode == IOCB_CMD_PWRITE, fd,
				(void *)(uintptr_t)io[i].aio_buf, io[i].aio_nbytes,
				(long)io[i].aio_offset);
		ring_finish(n);
	} else {
		submit(io, n);
		reap(n);
	}
	for (int i = 0; i < n; i++)
		if (io[i].aio_lio_opcode == IOCB_CMD_PREAD)
			expect(uring ? "uring read" : "aio read", other + io[i].aio_offset,
				(long)io[i].aio_offset, (long)io[i].aio_nbytes);
}

static void touch_mapping(void)
{
	long at = upto(size), n = upto(size - at);

	n = n < 5000 ? n : 5000;
	if (random() & 1) {
		scribble((char *)mapped + at, n);
		put((char *)mapped + at, at, n);
	} else {
		expect("mapped", (char *)mapped + at, at, n);
	}
}

static void cut(int fd)
{
	long at = upto(MAX - 100000), n = upto(100000) + 1;
	int r;

	switch (random() % 4) {
	case 0:
		r = ftruncate(fd, at);
		if (at < size)
			memset(model + at, 0, (size_t)(size - at));
		size = at;
		break;
	case 1:
		r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, n);
		memset(model + at, 0, (size_t)n);
		break;
	case 2: r = fallocate(fd, FALLOC_FL_KEEP_SIZE, at, n) && errno != EOPNOTSUPP; break;
	default: r = fsync(fd);
	}
	if (r)
		wrong("cut: %s", strerror(errno));
}

/* A direct read into a mapping of another file must change that file. */
static void into_mapping(int fd, int second)
{
	char *m = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, second, 0);
	long n = size < 65536 ? size / SECTOR * SECTOR : 65536;

	if (n && (pread(fd, m, (size_t)n, 0) != n || msync(m, 65536, MS_SYNC)))
		wrong("read into a mapping: %s", strerror(errno));
	munmap(m, 65536);
	if (n && pread(second, buf, (size_t)n, 0) != n)
		wrong("read of what was mapped");
	expect("through a mapping", buf, 0, n);
}

static void step(int d, int b, int second)
{
	switch (random() % 16) {
	case 0 ... 3: write_some(d, 1); break;
	case 4 ... 5: read_some(d, 1); break;
	case 6 ... 7: write_some(b, 0); break;
	case 8: read_some(b, 0); break;
	case 9 ... 10: many(d, 0); break;
	case 11: many(d, ring.fd > 0); break;
	case 12 ... 13: touch_mapping(); break;
	case 14: cut(b); break;
	case 15: into_mapping(d, second); break;
	}
}

static void run_model(int seed, int steps)
{
	int d = file("m", O_RDWR | O_DIRECT), b = file("m", O_RDWR), second = file("s", O_RDWR);

	srandom((unsigned)seed);
	if (ftruncate(second, 65536))
		wrong("truncate");
	mapped = mmap(NULL, MAX, PROT_READ | PROT_WRITE, MAP_SHARED, b, 0);
	for (int i = 0; i < steps && !bad; i++)
		step(d, b, second);
	if (pread(b, buf, MAX, 0) != size)
		wrong("size");
	expect("at last", buf, 0, size);
	close(file("size", O_RDWR | O_TRUNC));
	b = file("copy", O_RDWR | O_TRUNC);
	if (write(b, model, (size_t)size) != size)
		wrong("copy");
}

/* After another mount, compares the file with the copy that was written through the cache. */
static void verify(void)
{
	long n = read(file("copy", O_RDONLY), model, MAX);
	long got = read(file("m", O_RDONLY), buf, MAX);

	if (n != got)
		wrong("%ld bytes, not %ld", got, n);
	else
		expect("after mounting again", buf, 0, n);
}

/* ---- races ---- */

/* Cuts the file while writes are under way. Its blocks go to a file that must keep its contents. */
static void race_truncate(int seconds)
{
	time_t end = time(NULL) + seconds;
	pid_t writer = fork();
	int round = 0;

	if (!writer) {
		int d = file("w", O_RDWR | O_DIRECT);
		struct iocb io[8];

		ctx = 0;
		syscall(SYS_io_setup, DEPTH, &ctx);
		memset(buf, 'W', MAX);
		for (;;) {
			if (ftruncate(d, MAX) || fallocate(d, 0, 0, MAX))
				continue;
			for (int i = 0; i < 8; i++)
				io[i] = request(1, d, buf, 65536, i * 65536L);
			submit(io, 8);
			reap(8);
		}
	}
	while (time(NULL) < end) {
		int w = file("w", O_RDWR), g = file("g", O_RDWR | O_TRUNC);

		round++;
		memset(other, 'a' + round % 20, MAX);
		if (truncate("w", 0) || pwrite(g, other, MAX, 0) != MAX || fsync(g))
			wrong("round: %s", strerror(errno));
		usleep(1000);
		posix_fadvise(g, 0, 0, POSIX_FADV_DONTNEED);
		if (pread(g, buf, MAX, 0) != MAX || memcmp(buf, other, MAX))
			wrong("round %d: the other file has changed", round);
		close(w);
		close(g);
	}
	kill(writer, 9);
	waitpid(writer, NULL, 0);
}

/* The parent's memory must get what was read, whatever the child does. */
static void race_fork(void)
{
	int d = file("r", O_RDWR | O_DIRECT);
	struct iocb io[DEPTH];

	memset(buf, 'R', MAX);
	if (pwrite(d, buf, MAX, 0) != MAX || fsync(d))
		wrong("write");
	for (int round = 0; round < 30; round++) {
		char *p =
			mmap(NULL, MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		pid_t child;

		posix_fadvise(d, 0, 0, POSIX_FADV_DONTNEED);
		for (int i = 0; i < DEPTH; i++)
			io[i] = request(0, d, p + i * 65536L, 61440, i * 65536L);
		submit(io, DEPTH);
		child = fork();
		if (!child) {
			memset(p, 'c', MAX);
			_exit(0);
		}
		for (int i = 0; i < DEPTH; i++)
			p[i * 65536L + 65000] = 'p';
		reap(DEPTH);
		waitpid(child, NULL, 0);
		for (int i = 0; i < DEPTH; i++)
			if (memcmp(p + i * 65536L, buf, 61440) || p[i * 65536L + 65000] != 'p')
				wrong("fork, round %d: request %d", round, i);
		munmap(p, MAX);
	}
}

/*
 * The writes of a process that exits must be complete; memory that is unmapped must stay until they
 * end.
 */
static void race_exit(void)
{
	int d = file("e", O_RDWR | O_DIRECT);

	memset(buf, 'z', MAX);
	if (pwrite(d, buf, MAX, 0) != MAX)
		wrong("write");
	for (int round = 0; round < 20; round++) {
		pid_t child = fork();

		memset(other, 'A' + round, MAX);
		if (!child) {
			struct iocb io[DEPTH];

			ctx = 0;
			syscall(SYS_io_setup, DEPTH, &ctx);
			for (int i = 0; i < DEPTH; i++)
				io[i] = request(1, d, other + i * 65536L, 65536, i * 65536L);
			submit(io, DEPTH);
			munmap(other, MAX);
			if (round & 1)
				syscall(SYS_io_destroy, ctx);
			_exit(bad != 0);
		}
		waitpid(child, &child, 0);
		if (child || pread(d, buf, MAX, 0) != MAX || memcmp(buf, other, MAX))
			wrong("exit, round %d: status %d", round, child);
	}
}

/* An eventfd counts finished requests. A request that a disk has cannot be cancelled. */
static void tell(void)
{
	int d = file("e", O_RDWR | O_DIRECT), e = eventfd(0, 0);
	struct iocb io = request(0, d, buf, 4096, 0);
	struct io_event ev;
	uint64_t n = 0;

	io.aio_flags = IOCB_FLAG_RESFD;
	io.aio_resfd = (unsigned)e;
	submit(&io, 1);
	if (read(e, &n, sizeof(n)) != sizeof(n) || n != 1)
		wrong("eventfd: %lu", n);
	reap(1);
	io.aio_flags = 0;
	submit(&io, 1);
	if (syscall(SYS_io_cancel, ctx, &io, &ev) != -1 || errno != EINVAL)
		wrong("io_cancel: %s", strerror(errno));
	reap(1);
}

int main(int argc, char **argv)
{
	if (argc < 3 || chdir(argv[2]))
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	buf = mmap(NULL, MAX + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	other = mmap(NULL, MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(buf + MAX, 4096, PROT_NONE);
	if (!strcmp(argv[1], "model"))
		mprotect(buf + MAX, 4096, PROT_READ | PROT_WRITE);
	syscall(SYS_io_setup, DEPTH, &ctx);
	if (!ring_open())
		ring.fd = -1;
	if (!strcmp(argv[1], "table")) {
		table();
		return bad != 0;
	}
	if (!strcmp(argv[1], "model"))
		run_model(atoi(argv[3]), atoi(argv[4]));
	else if (!strcmp(argv[1], "verify"))
		verify();
	else {
		race_truncate(atoi(argv[3]));
		race_fork();
		race_exit();
		tell();
	}
	printf("%d wrong\n", bad);
	return bad != 0;
}
