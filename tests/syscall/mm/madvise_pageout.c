/* SPDX-License-Identifier: MIT */
/*
 * madvise_pageout: COLD and PAGEOUT for pages of files: which pages leave memory, which stay, and
 * what they read afterwards.
 */
#include "t.h"

#define PAGES 64
#define LEN ((size_t)PAGES * PAGE)

static char expected(int i)
{
	return (char)('A' + i % 26);
}

/* Makes a file of PAGES pages, and writes it out. Returns its descriptor. */
static int make(const char *name)
{
	int fd = NEED(open(name, O_RDWR | O_CREAT | O_TRUNC, 0644));
	static char page[PAGE];

	for (int i = 0; i < PAGES; i++) {
		memset(page, expected(i), PAGE);
		NEED(write(fd, page, PAGE));
	}
	NEED(fsync(fd));
	return fd;
}

static char *map(int fd, int flags)
{
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, flags, fd, 0);

	NEED(p == MAP_FAILED ? -1 : 0);
	return p;
}

static void touch(const char *p)
{
	for (int i = 0; i < PAGES; i++)
		(void)*(const volatile char *)(p + i * PAGE);
}

static int present(char *p)
{
	unsigned char vec[PAGES];
	int n = 0;

	NEED(mincore(p, LEN, vec));
	for (int i = 0; i < PAGES; i++)
		n += vec[i] & 1;
	return n;
}

/*
 * Pages out the mapping, repeatedly, since some pages may be pinned for a moment. Returns how many
 * pages are left.
 */
static int page_out(char *p)
{
	for (int i = 0; i < 50 && present(p); i++) {
		touch(p);
		NEED(madvise(p, LEN, MADV_PAGEOUT));
		if (present(p))
			usleep(10000);
	}
	return present(p);
}

static int wrong(const char *p)
{
	int n = 0;

	for (int i = 0; i < PAGES; i++)
		n += p[i * PAGE] != expected(i) || p[i * PAGE + PAGE - 1] != expected(i);
	return n;
}

static void clean(int flags, const char *what)
{
	int fd = make("f");
	char *p = map(fd, flags);
	int bad;

	touch(p);
	T(madvise(p, LEN, MADV_COLD));
	say("%s, cold: %d present, %d wrong", what, present(p), wrong(p));
	say("%s, paged out: %d present", what, page_out(p));
	bad = wrong(p);
	say("%s: %d wrong, then %d present", what, bad, present(p));
	NEED(munmap(p, LEN));
	close(fd);
}

/* Pages that a private mapping has copied cannot be written anywhere. */
static void copies(void)
{
	int fd = make("f");
	char *p = map(fd, MAP_PRIVATE);

	for (int i = 0; i < PAGES; i += 2)
		p[i * PAGE + 1] = 'x';
	touch(p);
	for (int i = 0; i < 5; i++)
		NEED(madvise(p, LEN, MADV_PAGEOUT));
	for (int i = 0; i < PAGES; i += 2)
		if (p[i * PAGE + 1] != 'x')
			say("copy %d is lost", i);
	say("copies stay, %d wrong", wrong(p));
	NEED(munmap(p, LEN));
	close(fd);
}

/* What the mapping has written stays, also in the file, after any number of page-outs. */
static void written(void)
{
	int fd = make("f"), bad = 0;
	char *p = map(fd, MAP_SHARED), c;

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < PAGES; i += 3)
			p[i * PAGE + 7] = (char)(round + i);
		if (round & 1)
			NEED(msync(p, LEN, MS_SYNC));
		NEED(madvise(p, LEN, MADV_PAGEOUT));
		for (int i = 0; i < PAGES; i += 3) {
			NEED(pread(fd, &c, 1, i * PAGE + 7));
			bad += p[i * PAGE + 7] != (char)(round + i) || c != (char)(round + i);
		}
	}
	say("written: %d lost, %d wrong", bad, wrong(p));
	NEED(munmap(p, LEN));
	close(fd);
}

/* A page that another process maps, too, is not ours to send away. */
static void shared(void)
{
	int fd = make("f"), go[2], ready[2], status;
	char *p = map(fd, MAP_SHARED), c = 0;
	pid_t pid;

	NEED(pipe(go));
	NEED(pipe(ready));
	pid = NEED(fork());
	if (!pid) {
		touch(p);
		NEED(write(ready[1], &c, 1));
		NEED(read(go[0], &c, 1));
		_exit(wrong(p) != 0);
	}
	touch(p);
	NEED(read(ready[0], &c, 1));
	NEED(madvise(p, LEN, MADV_PAGEOUT));
	say("mapped twice: %d present", present(p));
	NEED(write(go[1], &c, 1));
	NEED(waitpid(pid, &status, 0));
	say("the other one: %d", status);
	say("mapped once: %d present", page_out(p));
	NEED(munmap(p, LEN));
	close(fd);
}

static void say_once(int round, int right)
{
	if (!round || !right)
		say("all of it was advised: %d", right);
}

static long page_out_of(int pidfd, char *at)
{
	struct iovec v = { at, LEN };

	return syscall(SYS_process_madvise, pidfd, &v, 1UL, MADV_PAGEOUT, 0);
}

/*
 * Another process has touched the pages, and waits or still writes; this process has not touched
 * its mapping of them.
 */
static void foreign(bool writes)
{
	int fd = make("f"), go[2], ready[2], pidfd, status, left = PAGES;
	char *p = map(fd, MAP_SHARED), c = 0;
	unsigned char n = 0;
	pid_t pid;

	NEED(pipe(go));
	NEED(pipe(ready));
	pid = NEED(fork());
	if (!pid) {
		touch(p);
		NEED(write(ready[1], &c, 1));
		NEED(fcntl(go[0], F_SETFL, writes ? O_NONBLOCK : 0));
		for (; read(go[0], &c, 1) != 1; n++)
			for (int i = 0; i < PAGES; i++) {
				p[i * PAGE + 11] = (char)n;
				if (p[i * PAGE + 11] != (char)n)
					_exit(2);
			}
		_exit(wrong(p) != 0);
	}
	pidfd = NEED((int)syscall(SYS_pidfd_open, pid, 0));
	NEED(read(ready[0], &c, 1));
	for (int i = 0; i < 50 && left; i++) {
		say_once(i, page_out_of(pidfd, p) == (long)LEN);
		left = writes ? PAGES : present(p);
		if (writes && i % 8 == 0)
			NEED(fsync(fd));
	}
	if (!writes)
		say("another's, which waits: %d present", left);
	NEED(write(go[1], &c, 1));
	NEED(waitpid(pid, &status, 0));
	say("another's: it ended with %d", status);
	say("%d wrong", wrong(p));
	NEED(munmap(p, LEN));
	close(pidfd);
	close(fd);
}

/* A caller that neither owns the file nor may write to it changes nothing. */
static void others(void)
{
	int fd = make("f");
	char *p;

	close(fd);
	NEED(chmod("f", 0644));
	NEED(chmod(".", 0755));
	CHILD({
		char *q;
		int g = NEED(open("f", O_RDONLY));

		NEED(setuid(65534));
		q = mmap(NULL, LEN, PROT_READ, MAP_SHARED, g, 0);
		touch(q);
		T(madvise(q, LEN, MADV_PAGEOUT));
		T(madvise(q, LEN, MADV_COLD));
		NEED(munmap(q, LEN));
	});
	fd = NEED(open("f", O_RDWR));
	p = map(fd, MAP_SHARED);
	say("not theirs: %d present", present(p));
	NEED(munmap(p, LEN));
	close(fd);
}

static volatile int stop;

static void *writer(void *arg)
{
	char *p = arg;
	unsigned char n = 0;

	for (; !stop; n++)
		for (int i = 0; i < PAGES; i++) {
			p[i * PAGE + 9] = (char)n;
			if (p[i * PAGE + 9] != (char)n)
				return (void *)1;
		}
	return NULL;
}

/* A thread writes and reads back meanwhile. */
static void beside(void)
{
	int fd = make("f");
	char *p = map(fd, MAP_SHARED);
	pthread_t t;
	void *lost;

	NEED0(pthread_create(&t, NULL, writer, p));
	for (int i = 0; i < 200; i++) {
		NEED(madvise(p, LEN, MADV_PAGEOUT));
		if (i % 8 == 0)
			NEED(msync(p, LEN, MS_SYNC));
	}
	stop = 1;
	NEED0(pthread_join(t, &lost));
	say("beside a writer: %s, %d wrong", lost ? "lost" : "nothing lost", wrong(p));
	NEED(munmap(p, LEN));
	close(fd);
}

static void errors(void)
{
	int fd = make("f");
	char *p = map(fd, MAP_SHARED);

	NEED(mlock(p, PAGE));
	T(madvise(p, LEN, MADV_PAGEOUT));
	T(madvise(p, LEN, MADV_COLD));
	NEED(munlock(p, PAGE));
	T(madvise(p + 1, PAGE, MADV_PAGEOUT));
	T(madvise(t_unmapped(), PAGE, MADV_PAGEOUT));
	T(madvise(p, 0, MADV_PAGEOUT));
	NEED(munmap(p, LEN));
	close(fd);
}

TEST(madvise_pageout)
{
	clean(MAP_SHARED, "shared");
	clean(MAP_PRIVATE, "private");
	copies();
	written();
	shared();
	foreign(false);
	foreign(true);
	others();
	beside();
	errors();
}
