/* SPDX-License-Identifier: MIT */
/* write(2): appending, holes, bad descriptors and buffers, limits, SIGXFSZ. */
#include "t.h"

static void bad_buffers(int fd)
{
	char *p = t_pages(1);

	memset(p, 'x', PAGE);
	T(write(fd, BAD, 4));
	T(write(fd, NULL, 4));
	T(write(fd, t_unmapped(), 1));
	T(write(fd, BAD, 0));
	T(lseek(fd, 0, SEEK_CUR));
	T(write(fd, p + PAGE - 6, 10));
	T(lseek(fd, 0, SEEK_CUR));
	T(syscall(SYS_write, fd, p, (size_t)-1));
}

static void limit(void)
{
	long n, m, k, l;
	int fd = NEED(open("lim", O_RDWR | O_CREAT, 0600));

	/* stdout may be a file as well, so nothing is printed under the limit */
	CHILD({
		NEED(t_soft_limit(RLIMIT_FSIZE, 10));
		n = write(fd, "0123456789abc", 13);
		t_soft_limit(RLIMIT_FSIZE, RLIM_INFINITY);
		say("write over the limit: %ld", n);
		t_soft_limit(RLIMIT_FSIZE, 10);
		write(fd, "x", 1);
	});
	CHILD({
		signal(SIGXFSZ, SIG_IGN);
		NEED(t_soft_limit(RLIMIT_FSIZE, 10));
		n = write(fd, "x", 1) == -1 ? errno : 0;
		m = pwrite(fd, "abcdef", 6, 7);
		k = ftruncate(fd, 11) == -1 ? errno : 0;
		l = ftruncate(fd, 4);
		t_soft_limit(RLIMIT_FSIZE, RLIM_INFINITY);
		say("write %s, pwrite %ld, ftruncate %s, smaller %ld", t_errno(n), m, t_errno(k),
			l);
	});
	t_cat("lim");
}

static void broken_pipe(void)
{
	int p[2];

	NEED(pipe(p));
	close(p[0]);
	CHILD(write(p[1], "x", 1));
	CHILD({
		signal(SIGPIPE, SIG_IGN);
		T(write(p[1], "x", 1));
	});
	CHILD({
		t_handle(SIGPIPE, 0);
		T(write(p[1], "x", 1));
		say("signals: %d", t_signals);
	});
}

TEST(write)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600));
	int ro;

	T(write(fd, "hello", 5));
	T(write(fd, ", world", 7));
	t_cat("f");
	NEED(lseek(fd, 20, SEEK_SET));
	T(write(fd, "hole", 4));
	t_cat("f");
	NEED(lseek(fd, 0, SEEK_SET));
	NEED(fcntl(fd, F_SETFL, O_APPEND));
	T(write(fd, "end", 3));
	T(lseek(fd, 0, SEEK_CUR));
	t_cat("f");
	bad_buffers(fd);
	ro = NEED(open("f", O_RDONLY));
	T(write(ro, "x", 1));
	T(write(-1, "x", 1));
	T(write(NEED(open(".", O_RDONLY)), "x", 1));
	T(write(NEED(open("f", O_PATH)), "x", 1));
	T(write(NEED(open("/dev/null", O_WRONLY)), "xyz", 3));
	limit();
	broken_pipe();
}
