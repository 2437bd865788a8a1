/* SPDX-License-Identifier: MIT */
/*
 * fallocate_reserve: what fallocate(2) reserves in a tmpfs file counts as blocks, but is a hole to
 * SEEK_DATA and not resident until it is touched. An over-large call gives back what it reserved,
 * and earlier reservations stay.
 */
#include "t.h"
#include <sys/sendfile.h>

#define N 8

static char *map;
static int fd;

static void show(const char *what)
{
	unsigned char vec[N];
	char line[2 * N + 1] = "";
	struct stat st;

	NEED(mincore(map, N * PAGE, vec));
	for (int i = 0; i < N; i++)
		sprintf(line + 2 * i, " %d", vec[i] & 1);
	NEED(fstat(fd, &st));
	say("%s:%s, %ld blocks, data at %ld, hole at %ld", what, line, (long)st.st_blocks,
		(long)lseek(fd, 0, SEEK_DATA), (long)lseek(fd, 0, SEEK_HOLE));
}

static void touched(void)
{
	char buf[PAGE];
	off_t off = 5 * PAGE;
	loff_t at = 5 * PAGE;
	int p[2];

	show("empty");
	T(pwrite(fd, "a", 1, 0));
	show("page 0 written");
	T(fallocate(fd, 0, 0, 6 * PAGE));
	show("0 to 5 reserved");
	T(pread(fd, buf, PAGE, PAGE));
	NEED(pipe(p));
	T(sendfile(p[1], fd, &off, PAGE));
	T(splice(fd, &at, p[1], NULL, PAGE, 0));
	show("reading takes none");
	T(pwrite(fd, "x", 1, 2 * PAGE + 5));
	show("2 written");
	say("beside it: %d %d", map[2 * PAGE + 4], map[2 * PAGE + 6]);
	say("3 read: %d", map[3 * PAGE + 7]);
	map[4 * PAGE] = 1;
	show("3 and 4 touched");
	T(lseek(fd, PAGE, SEEK_DATA));
	T(lseek(fd, 5 * PAGE, SEEK_DATA));
	T(lseek(fd, 2 * PAGE, SEEK_HOLE));
	T(madvise(map + PAGE, PAGE, MADV_POPULATE_READ));
	show("1 populated");
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, N * PAGE));
	show("punched");
	T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 12 * PAGE));
	show("more than the file has");
	T(ftruncate(fd, 0));
	T(ftruncate(fd, N * PAGE));
	show("cut");
	T(fallocate(fd, FALLOC_FL_KEEP_SIZE, N * PAGE, 4 * PAGE));
	show("reserved beyond the end");
	T(ftruncate(fd, N * PAGE));
	show("cut to the size that it has");
}

static void private_mapping(void)
{
	char *p = mmap(NULL, N * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	T(fallocate(fd, 0, 0, 2 * PAGE));
	p[0] = 'p';
	say("private: %d, the file's: %d, next %d", p[0], map[0], p[PAGE]);
	show("both touched");
	munmap(p, N * PAGE);
}

/* Two processes fill the same reservation; readers see zeros or written bytes only. */
static void together(void)
{
	long sum = 0;
	pid_t pid;

	T(ftruncate(fd, 0));
	T(fallocate(fd, 0, 0, N * PAGE));
	pid = NEED(fork());
	for (int i = 0; i < N; i++)
		map[i * PAGE + (pid ? 100 : 200)] = 1;
	if (!pid)
		_exit(0);
	NEED(waitpid(pid, NULL, 0));
	for (int i = 0; i < N * PAGE; i++)
		sum += map[i];
	say("sum %ld", sum);
	show("filled");
}

TEST(fallocate_reserve)
{
	fd = NEED(memfd_create("m", 0));
	NEED(ftruncate(fd, N * PAGE));
	map = mmap(NULL, N * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	touched();
	private_mapping();
	together();
}
