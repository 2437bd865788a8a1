/* SPDX-License-Identifier: MIT */
/*
 * close(2): a closed descriptor is gone, the open file lives on in copies of the descriptor.
 * O_CLOEXEC is tested in execve.c.
 */
#include "t.h"

static volatile pid_t reader;

static void *blocked_reader(void *arg)
{
	char c;

	reader = gettid();
	T(read(*(int *)arg, &c, 1));
	return NULL;
}

TEST(close)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600)), copy = NEED(dup(fd)), p[2];
	pthread_t thread;
	char c;

	T(close(fd));
	T(close(fd));
	T(write(copy, "x", 1));
	T(close(copy));
	T(close(-1));
	T(close(99999));
	T(syscall(SYS_close, 0xffffffffUL));
	NEED(pipe(p));
	CHILD(close(p[0]); close(p[1]));
	T(write(p[1], "y", 1));
	T(close(p[1]));
	T(read(p[0], &c, 1));
	T(read(p[0], &c, 1));
	close(p[0]);

	/* a read that sleeps holds the description, not the number */
	NEED(pipe(p));
	NEED0(pthread_create(&thread, NULL, blocked_reader, &p[0]));
	t_until_sleeps(&reader);
	T(close(p[0]));
	NEED(write(p[1], "z", 1));
	pthread_join(thread, NULL);

	/* an unlinked file lives until its last descriptor */
	fd = NEED(open("f", O_RDWR));
	NEED(unlink("f"));
	T(pread(fd, &c, 1, 0));
	T(close(fd));
	T(open("f", O_RDONLY));
}
