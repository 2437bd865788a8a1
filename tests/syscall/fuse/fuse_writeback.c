/* SPDX-License-Identifier: MIT */
/*
 * fuse_writeback: a server with FUSE_WRITEBACK_CACHE: when it gets the writes, and that size and
 * times are the kernel's.
 */
#include "fuse_server.h"
#include <sys/ioctl.h>

#define ROOM 400000

static char store[ROOM]; /* the server's idea of the file */
static volatile unsigned long size = 10000, claimed = 10000;
static volatile int writes, cached, reads, times, fail;
static volatile unsigned long written;
static volatile int writes_then; /* when the time was told last */

static void serve_write(const struct fuse_in_header *h, const struct fuse_write_in *w)
{
	struct fuse_write_out took = { .size = w->size };

	writes++;
	cached += !!(w->write_flags & FUSE_WRITE_CACHE);
	written += w->size;
	if (fail) {
		reply(h->unique, -fail, NULL, 0);
		return;
	}
	if (w->offset + w->size <= ROOM)
		memcpy(store + w->offset, w + 1, w->size);
	if (w->offset + w->size > size)
		size = w->offset + w->size;
	reply(h->unique, 0, &took, sizeof(took));
}

static void serve_read(const struct fuse_in_header *h, const struct fuse_read_in *r)
{
	size_t n = r->offset < size ? size - r->offset : 0;

	reads++;
	reply(h->unique, 0, store + (n ? r->offset : 0), n < r->size ? n : r->size);
}

/* The server's times never are those that it was told. */
static void serve_attr(const struct fuse_in_header *h)
{
	const struct fuse_setattr_in *in = (const void *)(h + 1);
	struct fuse_attr_out a = { .attr_valid = 0 };

	if (h->opcode == FUSE_SETATTR && in->valid & FATTR_SIZE) {
		size = in->size < ROOM ? in->size : ROOM;
		memset(store + size, 0, ROOM - size);
	}
	if (h->opcode == FUSE_SETATTR && in->valid & FATTR_MTIME) {
		times++;
		writes_then = writes;
	}
	file_attr(&a.attr, h->nodeid, 0666, h->opcode == FUSE_SETATTR ? size : claimed);
	a.attr.mtime = 1000;
	reply(h->unique, 0, &a, sizeof(a));
}

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;

	switch (h->opcode) {
	case FUSE_WRITE: serve_write(h, (const void *)(h + 1)); break;
	case FUSE_READ: serve_read(h, (const void *)(h + 1)); break;
	case FUSE_GETATTR:
	case FUSE_SETATTR: serve_attr(h); break;
	case FUSE_FSYNC: reply(h->unique, 0, NULL, 0); break;
	default: serve_file(h, 0666, claimed);
	}
}

static void forget(void)
{
	writes = cached = times = 0;
	written = 0;
}

/* Prints what the server has got since the last call. */
static void heard(const char *what)
{
	say("%s: %d writes, %d of the cache, %lu bytes; times %d; size %lu", what, writes, cached,
		written, times > 0, size);
	forget();
}

static long size_of(int fd)
{
	struct stat st;

	NEED(fstat(fd, &st));
	return (long)st.st_size;
}

static void put(int fd, char c, size_t n, long off)
{
	static char buf[100000];
	long ret;

	memset(buf, c, n);
	t_tick();
	ret = pwrite(fd, buf, n, off);
	say("write %ld at %ld: %ld; size %ld", (long)n, off, ret, size_of(fd));
}

static void show(const char *buf, long n)
{
	for (long i = 1, from = 0; i <= n; i++)
		if (i == n || buf[i] != buf[from]) {
			say("  %ld..%ld %c", from, i, buf[from] ? buf[from] : '0');
			from = i;
		}
}

static void through_cache(void)
{
	static char buf[ROOM];
	int fd = NEED(open("m/f", O_RDWR));

	put(fd, 'a', 4096, 0);
	put(fd, 'b', 4096, 4096);
	heard("two pages");
	put(fd, 'c', 100, 9000); /* the rest of the page must be read */
	say("read %d", reads);
	put(fd, 'd', 100, 20000); /* after the end */
	say("pread %ld", (long)pread(fd, buf, sizeof(buf), 0));
	show(buf, size_of(fd));
	say("seek %ld", (long)lseek(fd, 0, SEEK_END));
	heard("before");
	T(fsync(fd));
	heard("synced");
	show(store, (long)size);
	put(fd, 'e', 50000, 30000);
	put(fd, 'f', 1, 30000);
	T(close(fd));
	heard("closed");
	show(store, (long)size);
}

static void appended(void)
{
	int fd = NEED(open("m/f", O_WRONLY | O_APPEND));

	say("size %ld", size_of(fd));
	t_tick();
	T(write(fd, "xyz", 3));
	T(write(fd, "uvw", 3));
	say("size %ld", size_of(fd));
	T(close(fd));
	heard("appended");
	show(store + size - 10, 10);
}

static void truncated(void)
{
	int fd = NEED(open("m/f", O_RDWR));

	put(fd, 'g', 5000, 100);
	t_tick();
	T(ftruncate(fd, 3000));
	say("size %ld", size_of(fd));
	T(ftruncate(fd, 6000));
	put(fd, 'h', 10, 7000);
	T(close(fd));
	say("size %lu", size);
	show(store, (long)size);
	fd = NEED(open("m/f", O_RDWR | O_TRUNC));
	say("size %ld", size_of(fd));
	put(fd, 'i', 10, 0);
	T(close(fd));
	forget();
}

static void mapped(void)
{
	int fd = NEED(open("m/f", O_RDWR));
	char *p;

	put(fd, 'j', 8192, 0);
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p[10] = 'k';
	p[8000] = 'l';
	say("%c %c %c", p[9], p[10], p[8000]);
	T(msync(p, 8192, MS_SYNC));
	show(store, (long)size);
	munmap(p, 8192);
	T(close(fd));
	forget();
}

static void direct(void)
{
	static char buf[8192] __attribute__((aligned(4096)));
	int fd = NEED(open("m/f", O_RDWR)), d = NEED(open("m/f", O_RDWR | O_DIRECT));

	put(fd, 'm', 100, 50);
	T(pread(d, buf, 4096, 0));
	show(buf, 4096);
	memset(buf, 'n', sizeof(buf));
	put(fd, 'o', 100, 4000);
	T(pwrite(d, buf, 4096, 0));
	T(pread(fd, buf, 8192, 0));
	show(buf, 8192);
	T(close(d));
	T(close(fd));
	show(store, 8192);
	forget();
}

static void times_kept(void)
{
	struct timespec t[2] = { { 5000, 0 }, { 6000, 7 } };
	int fd = NEED(open("m/f", O_RDWR));
	struct stat st;

	put(fd, 'p', 10, 0);
	NEED(fstat(fd, &st));
	say("the server's time %d", st.st_mtime == 1000);
	T(futimens(fd, t));
	say("the server had the data before the time: %d", writes_then);
	NEED(fstat(fd, &st));
	say("mtime %ld.%09ld", (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	T(close(fd));
	say("told %d", times > 0);
}

/* A process that leaves does not close the file. */
static void left_open(void)
{
	pid_t pid = NEED(fork());

	if (!pid) {
		int fd = open("m/f", O_RDWR);

		t_tick();
		_exit(fd == -1 || pwrite(fd, "r", 1, 0) != 1);
	}
	t_wait("child", pid);
	/* the exit does not wait for the server */
	for (int i = 0; i < 6000 && !(times && writes && store[0] == 'r'); i++)
		usleep(10000);
	say("told %d, written %d %c", times > 0, writes > 0, store[0]);
	forget();
}

static void failing(void)
{
	int fd = NEED(open("m/f", O_RDWR));

	fail = ENOSPC;
	put(fd, 'q', 10, 0);
	T(fsync(fd));
	T(fsync(fd));
	put(fd, 'q', 10, 0);
	T(close(fd));
	fail = 0;
	forget();
}

TEST(fuse_writeback)
{
	memset(store, 's', 10000);
	fuse_init_flags = FUSE_WRITEBACK_CACHE | FUSE_MAX_PAGES;
	fuse_serve();
	through_cache();
	appended();
	truncated();
	mapped();
	direct();
	times_kept();
	left_open();
	failing();
	NEED(umount2("m", MNT_DETACH));
}
