// SPDX-License-Identifier: MIT
/*
 * files.c: reads, writes, maps, cuts, punches and shifts two files, and copies between them, with
 * all system calls for it.
 *
 *	files DIR SEED OPERATIONS [OPTION...]	options: direct (O_DIRECT as well), shift (collapse
 *                                              and insert), drop (page cache, in a guest)
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "model.h"

#define MAX (256 * 1024)
#define BLOCK 4096

static uint8_t buf[MAX + BLOCK] __attribute__((aligned(BLOCK))),
	other[MAX] __attribute__((aligned(BLOCK)));
static char name[2][512];
static int fd[2], direct, shift, drop;

static void die(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(2);
}

static void fill(struct run *r, size_t n)
{
	uint32_t c = rnd(r, 256);
	size_t i;

	for (i = 0; i < n; i++)
		buf[i] = (uint8_t)(c + i * 3 + (i >> 8));
}

static void reopen(struct run *r, int f)
{
	static const int flags[] = { 0, 0, 0, O_APPEND, O_SYNC, O_DSYNC };
	int extra = flags[rnd(r, 6)];

	close(fd[f]);
	fd[f] = open(name[f], O_RDWR | O_CREAT | extra, 0600);
	if (fd[f] < 0)
		die(name[f]);
}

static long size_of(int f)
{
	struct stat st;

	fstat(fd[f], &st);
	return (long)st.st_size;
}

static long mapped(struct run *r, int f, long off, long len, int write)
{
	long size = size_of(f), n;
	uint8_t *p;

	if (off >= size)
		return 0;
	n = len < size - off ? len : size - off;
	p = mmap(NULL, (size_t)size, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd[f], 0);
	if (p == MAP_FAILED)
		return -1;
	if (write) {
		fill(r, (size_t)n);
		memcpy(p + off, buf, (size_t)n);
		if (rnd(r, 3) == 0 && msync(p, (size_t)size, rnd(r, 2) ? MS_SYNC : MS_ASYNC))
			n = -1;
	} else {
		n = (long)(hash(p + off, (size_t)n) & 0xffffff);
	}
	munmap(p, (size_t)size);
	return n;
}

static long allocate(struct run *r, int f, long *off, long *len, const char **what)
{
	static const struct {
		int mode;
		const char *name;
	} modes[] = { { 0, "allocate" }, { FALLOC_FL_KEEP_SIZE, "allocate beyond" },
		{ FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "punch" },
		{ FALLOC_FL_ZERO_RANGE, "zero" },
		{ FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, "zero keeping" },
		{ FALLOC_FL_COLLAPSE_RANGE, "collapse" }, { FALLOC_FL_INSERT_RANGE, "insert" } };
	uint32_t k = rnd(r, shift ? 7 : 5);

	*what = modes[k].name;
	if (k >= 5 && rnd(r, 8)) { /* mostly valid ranges */
		*off = *off / BLOCK * BLOCK;
		*len = (*len / BLOCK + 1) * BLOCK;
	}
	if (k == 6 && size_of(f) + *len > MAX)
		return -2;
	return fallocate(fd[f], modes[k].mode, *off, *len);
}

static long direct_io(struct run *r, int f, long off, long len)
{
	int d = open(name[f], O_RDWR | O_DIRECT);
	long n;

	if (d < 0)
		return -1;
	off = off / BLOCK * BLOCK;
	len = (len / BLOCK + 1) * BLOCK;
	if (rnd(r, 2)) {
		fill(r, (size_t)len);
		n = pwrite(d, buf, (size_t)len, off);
	} else {
		n = pread(d, buf, (size_t)len, off);
		if (n > 0)
			n += (long)(hash(buf, (size_t)n) & 0xffffff) << 20;
	}
	close(d);
	return n;
}

static long through_pipe(int from, int to, loff_t off, loff_t at, size_t len)
{
	int p[2];
	ssize_t n, m;
	long total = 0;

	if (pipe(p))
		die("pipe");
	if (len > 60000)
		len = 60000;
	while (len && (n = splice(fd[from], &off, p[1], NULL, len, 0)) > 0) {
		len -= (size_t)n;
		for (; n > 0; n -= m, total += m) {
			m = splice(p[0], NULL, fd[to], &at, (size_t)n, 0);
			if (m <= 0) {
				total = total ? total : -1;
				len = 0;
				break;
			}
		}
	}
	close(p[0]);
	close(p[1]);
	return total;
}

static void vectors(struct iovec *v, long len)
{
	v[0] = (struct iovec){ buf, (size_t)(len / 3) };
	v[1] = (struct iovec){ buf + len / 3, 0 };
	v[2] = (struct iovec){ buf + len / 3, (size_t)(len - len / 3) };
}

static long seen(long n)
{
	return n > 0 ? n + ((long)(hash(buf, (size_t)n) & 0xffffff) << 20) : n;
}

static void one(struct run *r)
{
	int f = (int)rnd(r, 2);
	long off = rnd(r, MAX - BLOCK), len = 1 + rnd(r, rnd(r, 3) ? 2000 : 40000), res = 0;
	loff_t at, to;
	struct iovec v[3];
	const char *what = "";

	if (rnd(r, 4) == 0) {
		off = off / BLOCK * BLOCK;
		len = (len + BLOCK - 1) / BLOCK * BLOCK;
	}
	if (off + len > MAX)
		len = MAX - off;
	errno = 0;
	switch (rnd(r, 26)) {
	case 0:
	case 1: what = "pread", res = seen(pread(fd[f], buf, (size_t)len, off)); break;
	case 2: what = "read", res = seen(read(fd[f], buf, (size_t)len)); break;
	case 3:
		vectors(v, len);
		what = "preadv", res = seen(preadv(fd[f], v, 3, off));
		break;
	case 4:
	case 5:
	case 6:
		fill(r, (size_t)len), what = "pwrite", res = pwrite(fd[f], buf, (size_t)len, off);
		break;
	case 7:
		fill(r, (size_t)len);
		if (size_of(f) + len > MAX || lseek(fd[f], 0, SEEK_CUR) + len > MAX)
			what = "lseek", res = lseek(fd[f], off, SEEK_SET);
		else
			what = "write", res = write(fd[f], buf, (size_t)len);
		break;
	case 8:
		fill(r, (size_t)len);
		vectors(v, len);
		what = "pwritev", res = pwritev(fd[f], v, 3, off);
		break;
	case 9:
	case 10: what = "map and read", res = mapped(r, f, off, len, 0); break;
	case 11:
	case 12: what = "map and write", res = mapped(r, f, off, len, 1); break;
	case 13: what = "truncate", res = ftruncate(fd[f], rnd(r, 3) ? off : off / 8); break;
	case 14:
	case 15:
	case 16: res = allocate(r, f, &off, &len, &what); break;
	case 17:
		at = off, to = rnd(r, MAX / 2);
		what = "copy_file_range",
		res = copy_file_range(fd[f], &at, fd[!f], &to, (size_t)len, 0);
		break;
	case 18:
		at = off, to = rnd(r, MAX / 2);
		what = "copy within", res = copy_file_range(fd[f], &at, fd[f], &to, (size_t)len, 0);
		break;
	case 19:
		at = off;
		lseek(fd[!f], rnd(r, MAX / 2), SEEK_SET);
		what = "sendfile",
		res = size_of(!f) + len > MAX ? 0 : sendfile(fd[!f], fd[f], &at, (size_t)len);
		break;
	case 20:
		what = "splice", res = through_pipe(f, !f, off, rnd(r, MAX / 2), (size_t)len);
		break;
	case 21: what = "fsync", res = rnd(r, 2) ? fsync(fd[f]) : fdatasync(fd[f]); break;
	case 22:
		what = "sync_file_range",
		res = sync_file_range(fd[f], off, len, SYNC_FILE_RANGE_WRITE);
		break;
	case 23: what = "reopen", reopen(r, f); break;
	case 24: what = "fadvise", res = posix_fadvise(fd[f], off, len, POSIX_FADV_DONTNEED); break;
	default:
		if (direct)
			what = "direct", res = direct_io(r, f, off, len);
	}
	outcome(r, "%s %d %ld %ld = %ld %s", what, f, off, len, res,
		res < 0 ? strerror(errno) : "");
	if (size_of(f) > 2 * MAX || size_of(!f) > 2 * MAX) {
		ftruncate(fd[0], 1000);
		ftruncate(fd[1], 1000);
	}
}

static void look(struct run *r)
{
	struct stat st;
	int f, d;

	for (f = 0; f < 2; f++) {
		long n = pread(fd[f], other, sizeof(other), 0);

		fstat(fd[f], &st);
		outcome(r, "file %d: %ld of %ld bytes, %llx, mode %o, links %d", f, n,
			(long)st.st_size, (unsigned long long)hash(other, n > 0 ? (size_t)n : 0),
			st.st_mode, (int)st.st_nlink);
	}
	if (drop && rnd(r, 4) == 0) {
		sync();
		d = open("/proc/sys/vm/drop_caches", O_WRONLY);
		if (d < 0 || write(d, "3", 1) != 1)
			die("drop_caches");
		close(d);
	} else if (!drop) {
		rnd(r, 4);
	}
}

int main(int argc, char **argv)
{
	struct run r;
	long ops;
	int i;

	if (argc < 4)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 4; i < argc; i++) {
		direct |= !strcmp(argv[i], "direct");
		shift |= !strcmp(argv[i], "shift");
		drop |= !strcmp(argv[i], "drop");
	}
	run_begin(&r, "files", strtoull(argv[2], NULL, 10));
	ops = atol(argv[3]);
	for (i = 0; i < 2; i++) {
		snprintf(name[i], sizeof(name[i]), "%s/file-%d", argv[1], i);
		unlink(name[i]);
		fd[i] = -1;
		reopen(&r, i);
	}
	while (r.n < ops) {
		one(&r);
		if (r.n % 25 == 0)
			look(&r);
		step_done(&r);
	}
	look(&r);
	printf("files end %016llx\n", (unsigned long long)r.sum);
	return 0;
}
