/* SPDX-License-Identifier: MIT */
/* fallocate(2): growing, keeping the size, punching holes, zeroing, errors, signals. */
#include "newer.h"

static long size_of(int fd)
{
	struct stat st;

	NEED(fstat(fd, &st));
	return st.st_size;
}

/* Like a write, fallocate() of a user other than root clears the set-id bits. */
static void set_id(void)
{
	int fd = NEED(open("set-id", O_RDWR | O_CREAT, 0600));
	struct stat st;

	NEED(fchmod(fd, 06777));
	CHILD({
		NEED(setgid(1000));
		NEED(setuid(1000));
		T(fallocate(fd, 0, 0, 10));
	});
	NEED(fstat(fd, &st));
	say("mode %o", st.st_mode & 07777);
}

/* Allocating blocks that are there, and making a hole within a block, set the times. */
static void times(void)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE };
	const struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	int fd = NEED(open("times", O_RDWR | O_CREAT, 0600));
	struct stat st;

	NEED(ftruncate(fd, 10000));
	NEED(fallocate(fd, 0, 0, 10000));
	for (int i = 0; i < 4; i++) {
		NEED(futimens(fd, old));
		T(fallocate(fd, modes[i], 100, 50));
		NEED(fstat(fd, &st));
		say("mtime changed: %d", st.st_mtime != 1000);
	}
}

/* Only a fatal signal ends the allocation of a memfd. */
static void under_signals(void)
{
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { 0 };
	int fd = NEED(memfd_create("m", 0)), r;

	t_handle(SIGALRM, 0);
	NEED(setitimer(ITIMER_REAL, &often, NULL));
	/* older versions of Linux end at any signal */
	r = fallocate(fd, 0, 0, 64 << 20);
	have = !r;
	CHECK(r, 0);
	NEED(setitimer(ITIMER_REAL, &never, NULL));
	CHECK(size_of(fd), 64 << 20);
	close(fd);
}

TEST(fallocate)
{
	char buf[16384], *p;
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600)), fds[2], i, sum;

	T(fallocate(fd, 0, 0, 8192));
	T(size_of(fd));
	T(pread(fd, buf, 16384, 0));
	for (i = sum = 0; i < 8192; i++)
		sum += buf[i];
	say("zeros: %d", !sum);
	T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100000));
	T(size_of(fd));
	memset(buf, 'x', sizeof(buf));
	NEED(pwrite(fd, buf, 16384, 0));
	p = mmap(NULL, 16384, PROT_READ, MAP_SHARED, fd, 0);
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5000, 6000));
	say("punched: %c %d %d %c, size %ld", p[4999], p[5000], p[10999], p[11000], size_of(fd));
	NEED(pread(fd, buf, 16384, 0));
	say("read: %c %d %d %c", buf[4999], buf[5000], buf[10999], buf[11000]);
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100000, 4096));
	T(size_of(fd));
	T(fallocate(fd, 0, 0, 0));
	T(fallocate(fd, 0, -1, 10));
	T(fallocate(fd, 0, 0, -1));
	T(fallocate(fd, 0, INT64_MAX, 10));
	T(fallocate(fd, 0x8000, 0, 10));
	T(fallocate(-1, 0, 0, 10));
	T(fallocate(NEED(open("f", O_RDONLY)), 0, 0, 10));
	NEED(pipe(fds));
	T(fallocate(fds[1], 0, 0, 10));
	T(fallocate(NEED(open(".", O_RDONLY)), 0, 0, 10));
	T(fallocate(NEED(open("/dev/null", O_RDWR)), 0, 0, 10));
	T(posix_fallocate(fd, 16000, 4000));
	T(size_of(fd));
	set_id();
	times();
	under_signals();
}
