// SPDX-License-Identifier: MIT
/*
 * limits.c: tests files and names on a file system that is too small for them, or whose disk has
 * read errors. A model in memory says what each must contain, since file systems differ in when
 * they are full: a call may fail, but only with ENOSPC (or EIO). Then only the range of the call
 * may have changed, each byte of it to the value that the call was to write.
 *
 *	limits DIR SEED OPERATIONS full|host|eio [COMMAND]      COMMAND mounts it anew, and
 *	everything is checked again
 *
 * host: a file system that does not see stores into a mapping and finds only at writeback that a
 * hole gets no block. No mapping is written to.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "model.h"

#define FILES 8
#define NAMES 48
#define MAX (1024 * 1024)
#define BLOCK 4096

static struct {
	int fd;
	long size;
	uint8_t data[MAX]; /* zeros after the size */
} file[FILES];
/* kinds: 0: none, 1: folder, 2: long symbolic link, 3: empty file */
static int names[NAMES];
static uint8_t buf[MAX + BLOCK] __attribute__((aligned(BLOCK))),
	seen[MAX + BLOCK] __attribute__((aligned(BLOCK)));
static int eio, host;
/* calls that succeeded, calls that failed; 1: the file system takes no more writes */
static long done, refused, ended;
static sigjmp_buf out;
static struct run run;

__attribute__((format(printf, 1, 2), noreturn)) static void wrong(const char *form, ...)
{
	va_list ap;

	va_start(ap, form);
	printf("limits: operation %ld: ", run.n);
	vprintf(form, ap);
	putchar('\n');
	exit(1);
}

static uint32_t below(uint32_t n)
{
	return rnd(&run, n);
}

static const char *file_name(int f)
{
	static char text[20];

	snprintf(text, sizeof(text), "file-%d", f);
	return text;
}

static const char *entry_name(int k)
{
	static char text[2][260];
	static int turn;
	char *t = text[turn ^= 1];

	memset(t, 'x', 200);
	sprintf(t + 200, "-%d", k);
	return t;
}

/* Ends the run unless errno is one that the file system may return. */
static void allow(const char *what)
{
	refused++;
	if (errno == ENOSPC || (eio && errno == EIO))
		return;
	if (eio && (errno == EROFS || errno == EUCLEAN)) {
		ended = 1;
		return;
	}
	wrong("%s: %s", what, strerror(errno));
}

static void fill(size_t n)
{
	uint32_t c = below(255);

	for (size_t i = 0; i < n; i++)
		buf[i] = (uint8_t)(1 + (c + i * 3 + (i >> 8)) % 255);
}

/*
 * Reads a range of file @f into @seen. Tries up to 60 times after EIO. Returns 0 if it could not be
 * read.
 */
static int look(int f, long off, long len)
{
	for (int tries = 0; tries < 60; tries++) {
		long n = 0, got = 0;

		while (got < len &&
			(n = pread(file[f].fd, seen + got, (size_t)(len - got), off + got)) > 0)
			got += n;
		if (got == len)
			return 1;
		if (n == 0)
			wrong("file %d ends at %ld", f, off + got);
		if (!eio || errno != EIO)
			wrong("read of file %d: %s", f, strerror(errno));
	}
	return 0;
}

/*
 * Checks that each byte of [off, off + len) has its old value or that of @now (NULL: zeros), and
 * takes the file's values and size into the model.
 */
static void adopt(int f, const char *what, long off, long len, const uint8_t *now)
{
	struct stat st;
	long end = off + len;

	if (fstat(file[f].fd, &st))
		wrong("fstat: %s", strerror(errno));
	if (st.st_size != file[f].size && (st.st_size < file[f].size || st.st_size > end))
		wrong("%s of file %d: %ld bytes became %ld", what, f, file[f].size,
			(long)st.st_size);
	file[f].size = st.st_size;
	if (end > file[f].size)
		end = file[f].size;
	if (off >= end)
		return;
	if (!look(f, off, end - off)) {
		ended = 1;
		return;
	}
	for (long i = off; i < end; i++) {
		if (seen[i - off] != file[f].data[i] && seen[i - off] != (now ? now[i - off] : 0))
			wrong("%s of file %d failed: byte %ld is %d, neither %d nor %d", what, f, i,
				seen[i - off], file[f].data[i], now ? now[i - off] : 0);
		file[f].data[i] = seen[i - off];
	}
}

/* Ends the run if file @f differs from the model. */
static void check_file(int f)
{
	struct stat st;

	if (fstat(file[f].fd, &st) || st.st_size != file[f].size)
		wrong("file %d has %ld bytes, not %ld", f, (long)st.st_size, file[f].size);
	if (!file[f].size || !look(f, 0, file[f].size))
		return;
	for (long i = 0; i < file[f].size; i++)
		if (seen[i] != file[f].data[i])
			wrong("file %d: byte %ld is %d, not %d", f, i, seen[i], file[f].data[i]);
}

static void check_names(void)
{
	struct stat st;

	for (int k = 0; k < NAMES; k++) {
		int kind = 0;

		if (!lstat(entry_name(k), &st))
			kind = S_ISDIR(st.st_mode) ? 1 : S_ISLNK(st.st_mode) ? 2 : 3;
		else if (errno == EIO && eio)
			continue;
		else if (errno != ENOENT)
			wrong("lstat: %s", strerror(errno));
		if (kind != names[k])
			wrong("name %d is of kind %d, not %d", k, kind, names[k]);
	}
}

/* ---- operations ---- */

/* Handles the result @n of a call that was to write @len bytes of @buf. */
static void wrote(int f, const char *what, long off, long len, long n)
{
	if (n > len || n == 0)
		wrong("%s of %ld bytes: %ld", what, len, n);
	if (n < 0) {
		allow(what);
		adopt(f, what, off, len, buf);
		return;
	}
	done++;
	memcpy(file[f].data + off, buf, (size_t)n);
	if (off + n > file[f].size)
		file[f].size = off + n;
	if (n < len) /* checks the rest of the range */
		adopt(f, what, off, len, buf);
}

static void do_write(int f, long off, long len)
{
	fill((size_t)len);
	wrote(f, "write", off, len, pwrite(file[f].fd, buf, (size_t)len, off));
}

static void do_direct(int f, long off, long len)
{
	int fd = open(file_name(f), O_RDWR | O_DIRECT);

	if (fd < 0 && errno == EINVAL)
		return; /* an old tmpfs */
	if (fd < 0) {
		allow("open");
		return;
	}
	off = off / BLOCK * BLOCK;
	len = (len / BLOCK + 1) * BLOCK;
	if (off + len > MAX)
		len = MAX - off;
	fill((size_t)len);
	wrote(f, "direct write", off, len, pwrite(fd, buf, (size_t)len, off));
	close(fd);
}

static void on_bus(int sig)
{
	siglongjmp(out, sig);
}

/* Writes page by page to a mapping, so that SIGBUS tells which page got no block. */
static void do_map(int f, long off, long len)
{
	long size = file[f].size;
	volatile long at = off;
	uint8_t *p;

	if (off >= size || host)
		return;
	if (len > size - off)
		len = size - off;
	fill((size_t)len);
	p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, file[f].fd, 0);
	if (p == MAP_FAILED) {
		allow("mmap");
		return;
	}
	if (sigsetjmp(out, 1)) {
		refused++;
		munmap(p, (size_t)size);
		adopt(f, "map", at, off + len - at, buf + (at - off));
		return;
	}
	while (at < off + len) {
		long next = (at / BLOCK + 1) * BLOCK,
		     n = (next < off + len ? next : off + len) - at;

		*(volatile uint8_t *)(p + at) = buf[at - off];
		memcpy(p + at, buf + (at - off), (size_t)n);
		memcpy(file[f].data + at, buf + (at - off), (size_t)n);
		at += n;
	}
	done++;
	if (below(3) == 0 && msync(p, (size_t)size, MS_SYNC)) {
		if (!eio)
			wrong("msync: %s", strerror(errno));
		allow("msync");
		ended = 1;
	}
	munmap(p, (size_t)size);
}

static void do_truncate(int f, long size)
{
	if (ftruncate(file[f].fd, size)) {
		allow("truncate");
		adopt(f, "truncate", 0, file[f].size, NULL);
		return;
	}
	done++;
	if (size < file[f].size)
		memset(file[f].data + size, 0, (size_t)(file[f].size - size));
	file[f].size = size;
}

static void do_allocate(int f, long off, long len)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE };
	uint32_t k = below(5);
	int zeros = k >= 2;
	long end = off + len;

	if (fallocate(file[f].fd, modes[k], off, len)) {
		if (errno == EOPNOTSUPP && zeros)
			return;
		allow("fallocate");
		if (zeros || k == 0)
			adopt(f, "fallocate", off, len, zeros ? NULL : file[f].data + off);
		return;
	}
	done++;
	if (zeros)
		memset(file[f].data + off, 0,
			(size_t)((end < file[f].size ? end : file[f].size) > off ?
					 (end < file[f].size ? end : file[f].size) - off :
					 0));
	if (!(modes[k] & FALLOC_FL_KEEP_SIZE) && end > file[f].size)
		file[f].size = end;
}

static void do_copy(int f, int from, long off, long len)
{
	loff_t in = below(MAX / 2), to = off;
	long n;

	if (f == from || in >= file[from].size)
		return;
	if (len > file[from].size - in)
		len = file[from].size - in;
	memcpy(buf, file[from].data + in, (size_t)len);
	n = copy_file_range(file[from].fd, &in, file[f].fd, &to, (size_t)len, 0);
	if (n < 0 && errno == EXDEV)
		return;
	wrote(f, "copy", off, len, n);
}

static void do_sync(int f)
{
	if (below(2) ? fsync(file[f].fd) : fdatasync(file[f].fd)) {
		if (!eio) /* written data has a block */
			wrong("fsync: %s", strerror(errno));
		allow("fsync");
		/* it is unknown what has reached the disk */
		ended = 1;
	} else {
		done++;
	}
}

static void open_file(int f)
{
	for (int tries = 0; tries < 60; tries++) {
		file[f].fd = open(file_name(f), O_RDWR | O_CREAT, 0600);
		if (file[f].fd >= 0 || !eio || errno != EIO)
			break;
	}
	if (file[f].fd < 0)
		wrong("%s: %s", file_name(f), strerror(errno));
}

static void reopen(int f)
{
	int fd = open(file_name(f), O_RDWR);

	if (fd < 0) {
		allow("open");
		return;
	}
	close(file[f].fd);
	file[f].fd = fd;
}

static void do_name(int k)
{
	char target[900];
	int other = (int)below(NAMES), res;

	memset(target, 't', sizeof(target));
	target[60 + below(800)] = 0;
	if (names[k] && below(3) == 0 && !names[other]) {
		res = rename(entry_name(k), entry_name(other));
		if (!res) {
			names[other] = names[k];
			names[k] = 0;
		}
	} else if (names[k]) {
		res = names[k] == 1 ? rmdir(entry_name(k)) : unlink(entry_name(k));
		if (!res)
			names[k] = 0;
	} else {
		int kind = 1 + (int)below(3);

		res = kind == 1 ? mkdir(entry_name(k), 0700) :
		      kind == 2 ? symlink(target, entry_name(k)) :
				  mknod(entry_name(k), S_IFREG | 0600, 0);
		if (!res)
			names[k] = kind;
	}
	if (res)
		allow("name");
	else
		done++;
}

static void one(void)
{
	int f = (int)below(FILES);
	long off = below(MAX - BLOCK), len = 1 + below(below(3) ? 6000 : 200000);

	if (below(3) == 0) {
		off = off / BLOCK * BLOCK;
		len = (len + BLOCK - 1) / BLOCK * BLOCK;
	}
	if (off + len > MAX)
		len = MAX - off;
	switch (below(20)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4: do_write(f, off, len); break;
	case 5:
		off = file[f].size;
		do_write(f, off < MAX ? off : 0, off < MAX && len > MAX - off ? MAX - off : len);
		break;
	case 6: do_direct(f, off, len); break;
	case 7:
	case 8: do_map(f, off, len); break;
	case 9: do_truncate(f, below(4) ? off : off / 8); break;
	case 10:
	case 11:
	case 12: do_allocate(f, off, len); break;
	case 13: do_copy(f, (int)below(FILES), off, len); break;
	case 14: do_sync(f); break;
	case 15: reopen(f); break;
	default: do_name((int)below(NAMES));
	}
}

static void check_all(void)
{
	for (int f = 0; f < FILES; f++)
		check_file(f);
	check_names();
}

/*
 * Writes all files out and empties the cache. @command: mounts the file system anew instead of
 * emptying the cache.
 */
static void anew(const char *dir, const char *command)
{
	int d, f;

	for (f = 0; f < FILES; f++) {
		if (fsync(file[f].fd)) {
			if (!eio)
				wrong("fsync: %s", strerror(errno));
			ended = 1;
			return;
		}
	}
	if (command) {
		for (f = 0; f < FILES; f++)
			close(file[f].fd);
		if (chdir("/") || system(command) || chdir(dir))
			wrong("%s: %s", command, strerror(errno));
		for (f = 0; f < FILES; f++)
			open_file(f);
		return;
	}
	d = open("/proc/sys/vm/drop_caches", O_WRONLY);
	if (d < 0 || write(d, "3", 1) != 1)
		wrong("drop_caches: %s", strerror(errno));
	close(d);
}

int main(int argc, char **argv)
{
	struct sigaction bus = { .sa_handler = on_bus };
	long ops;

	if (argc < 5)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	eio = !strcmp(argv[4], "eio");
	host = !strcmp(argv[4], "host");
	run_begin(&run, "limits", strtoull(argv[2], NULL, 10));
	ops = atol(argv[3]);
	sigaction(SIGBUS, &bus, NULL);
	if (chdir(argv[1]))
		wrong("%s: %s", argv[1], strerror(errno));
	for (int f = 0; f < FILES; f++)
		open_file(f);
	for (; run.n < ops && !ended; run.n++) {
		one();
		if (run.n % 64 == 63 && !ended)
			check_all();
		if (run.n % (eio ? 32 : 512) == 31 && !ended)
			anew(argv[1], argc > 5 && run.n % 2048 == 2047 ? argv[5] : NULL);
	}
	if (!ended) {
		anew(argv[1], argc > 5 ? argv[5] : NULL);
		check_all();
	}
	printf("limits end: %ld of %ld operations, %ld done, %ld refused\n", run.n, ops, done,
		refused);
	return !done || (ops > 2000 && !refused);
}
