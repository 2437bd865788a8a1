/* SPDX-License-Identifier: MIT */
/*
 * probe.c: what the tests of image file systems do, on the host and in the guest.
 *
 *	probe list DIR [unix|plain]      everything that stat, read, readlink and the attributes say
 *                                       of the tree, sorted; unix: without
 *	                                 attributes and counts of links, plain: without owners,
 *	                                 modes and times as well
 *	probe touch DIR                  the same calls, the answers thrown away, bounded: for
 *                                       damaged images
 *	probe handles DIR                every file again by its handle
 *	probe map DIR                    every file by mmap, compared with read
 *	probe place DIR DISK             sync_file_range writes a file to DISK (of /sys/block);
 *                                       FIBMAP
 *	probe gap DIR                    what lies between a file's end and a write after it is
 *                                       zeros, whatever was there before
 *	probe broken DIR                 writes to b, reads a until it fails, and says what fsync of
 *                                       b says then
 *	probe damage IN OUT SEED FROM TO OUT is IN with some bytes changed in [FROM, TO); what was
 *	done is printed
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

static int full = 1, plain, quiet, bad;
static long entries;
static char buf[1 << 17];

static uint64_t hash(uint64_t h, const void *p, size_t n)
{
	const unsigned char *c = p;

	while (n--)
		h = (h ^ *c++) * 0x100000001b3;
	return h;
}

static void contents(const char *path, long most)
{
	uint64_t h = 0xcbf29ce484222325;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = -1;

	while (fd >= 0 && most > 0 && (n = read(fd, buf, sizeof(buf))) > 0) {
		h = hash(h, buf, (size_t)n);
		most -= n;
	}
	if (!quiet)
		printf(n < 0 ? " unreadable" : " %" PRIx64, h);
	if (fd >= 0)
		close(fd);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void attributes(const char *path)
{
	char names[4096], value[65536], *at[256];
	ssize_t n = llistxattr(path, names, sizeof(names));
	int k = 0;

	for (char *p = names; n > 0 && p < names + n && k < 256; p += strlen(p) + 1)
		at[k++] = p;
	qsort(at, (size_t)k, sizeof(at[0]), by_name);
	for (int i = 0; i < k; i++) {
		ssize_t len = lgetxattr(path, at[i], value, sizeof(value));

		if (!quiet && strncmp(at[i], "security.", 9))
			printf(" %s=%zd:%" PRIx64, at[i], len,
				len > 0 ? hash(1, value, (size_t)len) : 0);
	}
}

static void show(const char *path, const struct stat *s)
{
	char target[PATH_MAX];
	ssize_t n;

	if (!quiet) {
		printf("%s %o", path, plain ? s->st_mode & S_IFMT : s->st_mode);
		if (!plain)
			printf(" %d:%d %" PRId64, s->st_uid, s->st_gid, (int64_t)s->st_mtime);
		if (full && !S_ISDIR(s->st_mode))
			printf(" %d", (int)s->st_nlink);
		if (S_ISREG(s->st_mode) || S_ISLNK(s->st_mode))
			printf(" %" PRId64, (int64_t)s->st_size);
		if (S_ISBLK(s->st_mode) || S_ISCHR(s->st_mode))
			printf(" %d,%d", major(s->st_rdev), minor(s->st_rdev));
	}
	if (S_ISREG(s->st_mode))
		contents(path, quiet ? 1 << 20 : LONG_MAX);
	n = S_ISLNK(s->st_mode) ? readlink(path, target, sizeof(target)) : 0;
	if (!quiet && n > 0)
		printf(" -> %.*s", (int)n, target);
	if (full)
		attributes(path);
	if (!quiet)
		putchar('\n');
}

static void same_by_handle(const char *path, const struct stat *s)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + 128];
	} u = { .h.handle_bytes = 128 };
	int mnt = open(".", O_RDONLY), id, fd;
	struct stat t;

	fd = -1;
	if (name_to_handle_at(AT_FDCWD, path, &u.h, &id, 0) == 0)
		fd = open_by_handle_at(mnt, &u.h, O_PATH);
	if (fd < 0 || fstat(fd, &t) || t.st_ino != s->st_ino || t.st_size != s->st_size) {
		printf("%s: by its handle: %s\n", path, strerror(errno));
		bad = 1;
	}
	close(fd);
	close(mnt);
}

static void same_by_mmap(const char *path, const struct stat *s)
{
	size_t n = (size_t)s->st_size, at = n;
	char *m;
	int fd;

	if (!S_ISREG(s->st_mode) || !n)
		return;
	fd = open(path, O_RDONLY);
	m = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	while (m != MAP_FAILED && at) { /* backwards: no read-ahead helps */
		size_t part = at < sizeof(buf) ? at : sizeof(buf);
		uint64_t h;

		at -= part;
		h = hash(1, m + at, part);
		if (pread(fd, buf, part, (off_t)at) != (ssize_t)part || hash(1, buf, part) != h)
			bad = printf("%s: other bytes at %zu\n", path, at);
	}
	if (m == MAP_FAILED)
		bad = printf("%s: mmap: %s\n", path, strerror(errno));
	else
		munmap(m, n);
	close(fd);
}

static void walk(const char *path, int depth, void (*each)(const char *path, const struct stat *s))
{
	struct dirent *e;
	char **name = NULL, *child;
	size_t n = 0, room = 0;
	struct stat s;
	DIR *d;

	if (lstat(path, &s) || (quiet && ++entries > 20000))
		return;
	each(path, &s);
	if (!S_ISDIR(s.st_mode) || depth > 100 || !(d = opendir(path)))
		return;
	while ((e = readdir(d)) && (!quiet || n < 20000)) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (n == room)
			name = realloc(name, (room = room * 2 + 64) * sizeof(*name));
		if (asprintf(&name[n++], "%s", e->d_name) < 0)
			exit(2);
	}
	closedir(d);
	qsort(name, n, sizeof(*name), by_name);
	for (size_t i = 0; i < n; i++) {
		if (asprintf(&child, "%s/%s", path, name[i]) < 0)
			exit(2);
		walk(child, depth + 1, each);
		free(child);
		free(name[i]);
	}
	free(name);
}

/* ---- damage ---- */

static uint64_t state;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void change(unsigned char *at, size_t left)
{
	static const uint64_t odd[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x1000, 0x7fff, 0x8000,
		0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff6, 0xffffffff, 1UL << 40,
		~0UL >> 1, ~0UL };
	size_t width = (size_t)1 << next() % 4;
	uint64_t v = next() % 3 ? odd[next() % (sizeof(odd) / sizeof(odd[0]))] : next();

	if (width > left)
		width = 1;
	if (next() % 4 == 0)
		v = at[0] ^ 1U << next() % 8, width = 1;
	memcpy(at, &v, width);
}

static int damage(const char *in, const char *out, uint64_t seed, size_t from, size_t to)
{
	int fd = open(in, O_RDONLY), fo = open(out, O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct stat s;
	unsigned char *m;
	unsigned n;

	if (fd < 0 || fo < 0 || fstat(fd, &s))
		return 2;
	m = malloc((size_t)s.st_size);
	if (!m || read(fd, m, (size_t)s.st_size) != s.st_size)
		return 2;
	if (to > (size_t)s.st_size)
		to = (size_t)s.st_size;
	state = seed * 0x9e3779b97f4a7c15 + 1;
	for (n = 0; n < 8; n++)
		next();
	for (n = (unsigned)(1 + next() % 6); n && from < to; n--) {
		size_t at = from + next() % (to - from);

		if (next() % 8 == 0)
			at = next() % 128 % (size_t)s.st_size; /* the superblock */
		change(m + at, (size_t)s.st_size - at);
	}
	return write(fo, m, (size_t)s.st_size) == s.st_size ? 0 : 2;
}

/* Returns 0 if the file has zeros in [@from, @to). */
static int zeros(int fd, long from, long to)
{
	ssize_t n = pread(fd, buf, (size_t)(to - from), from);

	for (ssize_t i = 0; i < n; i++)
		if (buf[i])
			return printf("byte %ld of the gap is %#x\n", from + i, buf[i] & 0xff);
	return n != to - from;
}

/*
 * The gap before a write with RWF_NOAPPEND on an O_APPEND file, and after a write that RLIMIT_FSIZE
 * refused. Returns 0 if it is zeros.
 */
static int gap(void)
{
	struct iovec v = { "end", 3 };
	struct rlimit limit = { 200000, RLIM_INFINITY };
	struct stat st = { 0 };
	int fd = open("gap", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0644);

	if (write(fd, "begin", 5) != 5 ||
		syscall(SYS_pwritev2, fd, &v, 1, 100000L, 0L, 0x20 /* RWF_NOAPPEND */) != 3)
		return 2;
	if (zeros(fd, 5, 100000))
		return 1;
	signal(SIGXFSZ, SIG_IGN);
	close(fd);
	fd = open("gap", O_RDWR);
	if (setrlimit(RLIMIT_FSIZE, &limit) || pwrite(fd, "x", 1, 250000) != -1 || errno != EFBIG ||
		fstat(fd, &st) || st.st_size != 100003)
		return printf("a write beyond the limit leaves %ld bytes\n", (long)st.st_size);
	if (ftruncate(fd, 150000) || zeros(fd, 100003, 150000))
		return 1;
	return close(fd);
}

static int broken(void)
{
	int b = open("b", O_RDWR | O_CREAT, 0644), a = open("a", O_RDONLY);

	memset(buf, 'b', 5000);
	if (write(b, buf, 5000) != 5000)
		return 2;
	while (read(a, buf, sizeof(buf)) > 0)
		;
	printf("read: %s, write: ", strerror(errno));
	printf("%s, ", pwrite(b, buf, 1, 9000) == 1 ? "done" : strerror(errno));
	printf("fsync: %s\n", fsync(b) ? strerror(errno) : "done");
	return 0;
}

/* Returns the sectors written to the disk @name since boot. */
static unsigned long sectors_written(const char *name)
{
	char path[64], line[256] = "";
	unsigned long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/block/%s/stat", name);
	f = fopen(path, "r");
	if (f && fgets(line, sizeof(line), f))
		sscanf(line, "%*u %*u %*u %*u %*u %*u %lu", &n);
	if (f)
		fclose(f);
	return n;
}

/* True if /dev/@name has the bytes i % 251 of block @n of @fd where FIBMAP says. */
static int lies_there(int fd, const char *name, int n, int size)
{
	unsigned char got[4096];
	char path[64];
	int block = n, dev, same = 1;

	snprintf(path, sizeof(path), "/dev/%s", name);
	dev = open(path, O_RDONLY);
	if (ioctl(fd, FIBMAP, &block) || block <= 0 ||
		pread(dev, got, size, (off_t)block * size) != size)
		same = 0;
	for (int i = 0; i < size && same; i++)
		same = got[i] == (n * size + i) % 251;
	close(dev);
	return same;
}

/* Checks that sync_file_range(2) writes a file to the disk @name, where FIBMAP says. */
static int place(const char *name)
{
	static unsigned char buf[40000];
	struct fiemap map = { .fm_length = sizeof(buf) };
	int fd = open("placed", O_RDWR | O_CREAT, 0644), size = 0, far = 100000000;
	unsigned long before;

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (unsigned char)(i % 251);
	if (write(fd, buf, sizeof(buf)) != sizeof(buf))
		return 2;
	before = sectors_written(name);
	if (sync_file_range(fd, 0, 0,
		    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			    SYNC_FILE_RANGE_WAIT_AFTER))
		return puts("sync_file_range"), 1;
	if (sectors_written(name) - before < sizeof(buf) / 512)
		return printf("%lu sectors were written\n", sectors_written(name) - before), 1;
	if (ioctl(fd, FIGETBSZ, &size) || size < 512 || size > 4096)
		return puts("FIGETBSZ"), 1;
	if (!lies_there(fd, name, 0, size) || !lies_there(fd, name, 30000 / size, size))
		return puts("FIBMAP"), 1;
	if (ioctl(fd, FIBMAP, &far) || far)
		return puts("FIBMAP behind the end"), 1;
	if (!ioctl(fd, FS_IOC_FIEMAP, &map) || errno != EOPNOTSUPP)
		return puts("FIEMAP"), 1;
	return unlink("placed") != 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	struct statfs st;

	if (!strcmp(what, "damage") && argc == 7)
		return damage(argv[2], argv[3], strtoull(argv[4], 0, 0), strtoul(argv[5], 0, 0),
			strtoul(argv[6], 0, 0));
	if (argc < 3 || chdir(argv[2]))
		return 2;
	if (!strcmp(what, "gap"))
		return gap();
	if (!strcmp(what, "broken"))
		return broken();
	if (!strcmp(what, "place") && argc == 4)
		return place(argv[3]);
	quiet = !strcmp(what, "touch");
	full = argc <= 3;
	plain = argc > 3 && !strcmp(argv[3], "plain");
	if (!strcmp(what, "list") || quiet)
		walk(".", 0, show);
	else if (!strcmp(what, "handles"))
		walk(".", 0, same_by_handle);
	else if (!strcmp(what, "map"))
		walk(".", 0, same_by_mmap);
	else
		return 2;
	return bad || (!quiet && statfs(".", &st));
}
