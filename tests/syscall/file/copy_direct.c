/* SPDX-License-Identifier: MIT */
/* copy_file_range(2), sendfile(2) and splice(2) to and from descriptors with O_DIRECT. */
#include "t.h"

#include "guest.h"
#include "recorded.h"
#include <sys/sendfile.h>

#define SIZE 131072

static char *buf, *other;

static const char expected[] =
#include "copy_direct.inc"
	;

static int direct(const char *name)
{
	return open(name, O_RDWR | O_CREAT | O_DIRECT, 0600);
}

static void look(const char *what, int fd, loff_t at, long n)
{
	long got;

	memset(other, 0, SIZE);
	got = pread(fd, other, n, at);
	say("%s: %ld %s", what, got, memcmp(buf, other, n) ? "different" : "same");
}

static void copies(int in, int out)
{
	loff_t a = 0, b = SIZE;

	T(copy_file_range(in, &a, in, &b, SIZE, 0));
	say("%ld %ld", (long)a, (long)b);
	look("behind itself", in, SIZE, SIZE);
	a = b = 0;
	T(copy_file_range(in, &a, out, &b, SIZE, 0));
	look("from direct to direct", out, 0, SIZE);
	a = 0;
	b = 4096;
	T(copy_file_range(in, &a, out, &b, 8192, 0));
	look("over data", out, 4096, 8192);
}

static void sends(int in, int out)
{
	int cached = NEED(open("in", O_RDONLY)), plain;
	off_t at = 0;

	T(ftruncate(out, 0));
	T(lseek(out, 0, SEEK_SET));
	T(sendfile(out, cached, &at, SIZE));
	say("%ld %ld", (long)at, (long)lseek(out, 0, SEEK_CUR));
	look("sent to direct", out, 0, SIZE);
	plain = NEED(open("plain", O_RDWR | O_CREAT | O_TRUNC, 0600));
	at = 0;
	T(sendfile(plain, in, &at, SIZE));
	look("sent from direct", plain, 0, SIZE);
	close(cached);
	close(plain);
}

static void splices(int in, int out)
{
	int p[2];
	loff_t a = 0, b = 0;

	NEED(pipe(p));
	memset(other, 0, SIZE);
	T(splice(in, &a, p[1], NULL, 16384, 0));
	T(splice(p[0], NULL, out, &b, 16384, 0));
	say("%ld %ld", (long)a, (long)b);
	look("spliced", out, 0, 16384);
	T(vmsplice(p[1], &(struct iovec){ buf + 4096, 8192 }, 1, 0));
	b = 65536;
	T(splice(p[0], NULL, out, &b, 8192, 0));
	memmove(buf, buf + 4096, 8192);
	look("vmspliced", out, 65536, 8192);
}

TEST(copy_direct)
{
	int in = direct("in"), out;

	/* a file system without O_DIRECT: tmpfs of old kernels */
	if (in < 0 && !in_guest())
		RECORDED(expected);
	NEED(in);
	out = NEED(direct("out"));
	buf = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	other = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < SIZE; i++)
		buf[i] = (char)(i * 7 + i / 4096);
	T(pwrite(in, buf, SIZE, 0));
	/* a frame that is freed too early is soon reused */
	for (int i = 0; i < 20; i++)
		copies(in, out);
	sends(in, out);
	splices(in, out);
}
