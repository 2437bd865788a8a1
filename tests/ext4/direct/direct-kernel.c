/* SPDX-License-Identifier: MIT */
/*
 * direct-kernel.c: direct I/O on memory of the kernel: copy_file_range(2), sendfile(2) and
 * splice(2) to and from descriptors with O_DIRECT, and a loop device behind one.
 *
 *	direct-kernel copies DIR FILES   copies FILES files of DIR, beside cached writes: "N wrong"
 *	direct-kernel loop FILE DEVICE   binds FILE to the loop device, open with O_DIRECT
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define PIECE 65536
#define SIZE (4 * PIECE)

static int bad;
static char *data, *other;

static int file(const char *dir, const char *name, int i, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s%d", dir, name, i);
	fd = open(path, flags, 0600);
	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static void expect(const char *what, long got, long want)
{
	if (got != want && bad++ < 10)
		printf("%s: %ld %s\n", what, got, got < 0 ? strerror(errno) : "");
}

static void expect_data(const char *what, int fd, long n)
{
	memset(other, 0, SIZE);
	expect(what, pread(fd, other, n, 0), n);
	if (memcmp(data, other, n) && bad++ < 10)
		printf("%s: other data\n", what);
}

static void splice_all(int in, int out, const char *what)
{
	int p[2];
	long done = 0;

	if (pipe(p))
		exit(1);
	for (long n = 1; done < SIZE && n > 0; done += n) {
		n = splice(in, NULL, p[1], NULL, PIECE, 0);
		for (long left = n, m = 1; left > 0 && m > 0; left -= m)
			m = splice(p[0], NULL, out, NULL, left, 0);
	}
	expect(what, done, SIZE);
	close(p[0]);
	close(p[1]);
}

/* Uses memory, so that a frame that was freed too early is soon reused. */
static void churn(const char *dir)
{
	int fd = file(dir, "churn", 0, O_RDWR | O_CREAT | O_TRUNC),
	    drop = open("/proc/sys/vm/drop_caches", O_WRONLY);

	for (int k = 0; k < 32; k++)
		expect("cached write", write(fd, data, SIZE), SIZE);
	if (drop >= 0 && write(drop, "3", 1) != 1)
		perror("drop_caches");
	close(drop);
	close(fd);
}

static void copies(const char *dir, int i)
{
	int fd = file(dir, "f", i, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT), plain, out;
	loff_t from, to;

	for (int k = 0; k < SIZE; k++)
		data[k] = (char)(k / 512 * 31 + k + i);
	expect("write", pwrite(fd, data, PIECE, 0), PIECE);
	for (int k = 0; k < 2; k++) {
		from = 0;
		to = 2L * PIECE;
		expect("copy in one file", copy_file_range(fd, &from, fd, &to, PIECE, 0), PIECE);
	}
	expect_data("the copied part", fd, PIECE);
	expect("write", pwrite(fd, data, SIZE, 0), SIZE);
	plain = file(dir, "f", i, O_RDONLY);
	out = file(dir, "out", i, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT);
	expect("sendfile", sendfile(out, plain, NULL, SIZE), SIZE);
	expect_data("sendfile", out, SIZE);
	from = to = 0;
	expect("copy from cached", copy_file_range(plain, &from, out, &to, SIZE, 0), SIZE);
	expect_data("copy from cached", out, SIZE);
	lseek(out, 0, SEEK_SET);
	splice_all(fd, out, "splice");
	expect_data("splice", out, SIZE);
	close(out);
	out = file(dir, "out", i, O_RDWR | O_TRUNC);
	lseek(fd, 0, SEEK_SET);
	expect("sendfile from direct", sendfile(out, fd, NULL, SIZE), SIZE);
	expect_data("sendfile from direct", out, SIZE);
	close(out);
	close(plain);
	close(fd);
}

static int bind_loop(const char *path, const char *device)
{
	int fd = open(path, O_RDWR | O_DIRECT), loop = open(device, O_RDWR);

	if (fd < 0 || loop < 0 || ioctl(loop, LOOP_SET_FD, fd)) {
		perror(device);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	if (!strcmp(argv[1], "loop"))
		return bind_loop(argv[2], argv[3]);
	if (posix_memalign((void **)&data, 4096, SIZE) ||
		posix_memalign((void **)&other, 4096, SIZE))
		return 1;
	for (int i = 0; i < atoi(argv[3]); i++) {
		copies(argv[2], i);
		if (i % 4 == 3)
			churn(argv[2]);
	}
	printf("%d wrong\n", bad);
	return 0;
}
