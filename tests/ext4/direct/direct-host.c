/* SPDX-License-Identifier: MIT */
/*
 * direct-host.c: tests O_DIRECT on a disk of the host.
 *
 *	direct-host sum FILE        reads it, 300 requests of libaio at a time, of 512 bytes to 1
 *                                  MiB, and writes it to stdout
 *	direct-host errors DEVICE   what a read and a write say, each by a plain call and by libaio
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEPTH 300 /* more than a disk takes at once */
#define MOST (1L << 20)

static aio_context_t ctx;
static char *buf;

static long wait_one(struct io_event *e)
{
	return syscall(SYS_io_getevents, ctx, 1L, 1L, e, NULL);
}

static long by_aio(int write, int fd, char *p, long n, long at)
{
	struct iocb io = { .aio_lio_opcode = write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = (uintptr_t)p,
		.aio_nbytes = (uint64_t)n,
		.aio_offset = at,
		.aio_data = (uintptr_t)p };
	struct iocb *list = &io;

	return syscall(SYS_io_submit, ctx, 1L, &list);
}

static void said(const char *what, long n)
{
	printf("%s: %ld%s%s\n", what, n, n < 0 ? " " : "", n < 0 ? strerrorname_np(errno) : "");
}

static int errors(const char *path)
{
	struct io_event e = { .res = 0 };
	int fd = open(path, O_RDWR | O_DIRECT);

	said("read", pread(fd, buf, 4096, 0));
	said("write", pwrite(fd, buf, 4096, 8192));
	for (int write = 0; write < 2; write++) {
		if (by_aio(write, fd, buf, 4096, 65536) != 1 || wait_one(&e) != 1)
			return 1;
		errno = e.res < 0 ? (int)-e.res : 0;
		said(write ? "libaio's write" : "libaio's read", e.res < 0 ? -1 : e.res);
	}
	return 0;
}

/*
 * Returns the size of request @i: a sector, a block, more than the host takes without waiting, or
 * the largest size.
 */
static long piece(int i)
{
	static const long sizes[] = { 512, 4096, 1024, 65536, 8192, 131072, 12288 };

	return i % 31 == 30 ? MOST : sizes[i % 7];
}

static int sum(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECT), under_way = 0, i = 0;
	struct io_event e;
	struct stat st;
	long at = 0;
	char *all;

	if (fd < 0 || fstat(fd, &st))
		return 1;
	all = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0);
	while (at < st.st_size || under_way) {
		long n = piece(i);

		if (at < st.st_size && under_way < DEPTH) {
			if (n > st.st_size - at)
				n = st.st_size - at;
			if (by_aio(0, fd, all + at, n, at) != 1)
				return 1;
			under_way++;
			at += n;
			i++;
			continue;
		}
		if (wait_one(&e) != 1 || e.res <= 0)
			return 1;
		under_way--;
	}
	return fwrite(all, 1, (size_t)st.st_size, stdout) != (size_t)st.st_size;
}

int main(int argc, char **argv)
{
	if (argc < 3 || syscall(SYS_io_setup, DEPTH, &ctx))
		return 2;
	buf = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return strcmp(argv[1], "sum") ? errors(argv[2]) : sum(argv[2]);
}
