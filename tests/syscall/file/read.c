/* SPDX-License-Identifier: MIT */
/* read(2): end of file, short reads, bad descriptors and buffers, huge counts. */
#include "t.h"

static void bad_buffers(int fd)
{
	char *p = t_pages(1);

	NEED(lseek(fd, 0, SEEK_SET));
	T(read(fd, BAD, 4));
	T(read(fd, NULL, 4));
	T(read(fd, t_unmapped(), 4));
	T(lseek(fd, 0, SEEK_CUR));
	NEED(mprotect(p, PAGE, PROT_READ));
	T(read(fd, p, 4));
	T(read(fd, BAD, 0));
}

/* A buffer whose end is not there is filled as far as it goes. */
static void partial_buffer(int fd)
{
	char *p = t_pages(1);

	NEED(lseek(fd, 0, SEEK_SET));
	T(read(fd, p + PAGE - 6, 10));
	say("got %.6s", p + PAGE - 6);
	T(lseek(fd, 0, SEEK_CUR));
}

static void descriptors(void)
{
	char buf[8];
	int p[2], fd;

	T(read(-1, buf, 4));
	T(read(1000, buf, 4));
	fd = NEED(open("f", O_WRONLY));
	T(read(fd, buf, 4));
	close(fd);
	fd = NEED(open(".", O_RDONLY));
	T(read(fd, buf, 4));
	close(fd);
	fd = NEED(open("f", O_PATH));
	T(read(fd, buf, 4));
	close(fd);
	NEED(pipe(p));
	T(read(p[1], buf, 4));
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	T(read(p[0], buf, 4));
	close(p[1]);
	T(read(p[0], buf, 4));
	fd = NEED(open("/dev/null", O_RDWR));
	T(read(fd, buf, 4));
}

TEST(read)
{
	char buf[64] = "";
	char *huge;
	int fd;

	t_text("f", "hello, world");
	fd = NEED(open("f", O_RDONLY));
	T(read(fd, buf, 5));
	T(read(fd, buf + 5, 64 - 5));
	T(read(fd, buf, 5));
	T(read(fd, buf, 0));
	say("%s", buf);
	T(lseek(fd, 100, SEEK_SET));
	T(read(fd, buf, 5));
	bad_buffers(fd);
	partial_buffer(fd);
	huge = t_pages(2);
	NEED(lseek(fd, 0, SEEK_SET));
	T(read(fd, huge, 8192));
	NEED(lseek(fd, 0, SEEK_SET));
	T(read(fd, huge, SSIZE_MAX));
	T(syscall(SYS_read, fd, huge, (size_t)-1));
	descriptors();
}
