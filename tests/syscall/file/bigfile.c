/* SPDX-License-Identifier: MIT */
/* Offsets beyond 4 GiB, sparse files, large reads and writes, mappings far into a file. */
#include "t.h"

TEST(bigfile)
{
	enum { N = 3 << 20 };
	unsigned char *buf = malloc(N), *p;
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600)), i, bad = 0;
	struct stat st;
	off_t far = (5l << 30) + 123;
	char text[8] = "";

	T(pwrite(fd, "far out", 7, far));
	NEED(fstat(fd, &st));
	say("size right %d, sparse %d", st.st_size == far + 7, st.st_blocks < 10000);
	T(pread(fd, text, 7, far));
	say("%s", text);
	T(pread(fd, text, 7, 4l << 30));
	say("hole %d", text[0]);
	T(lseek(fd, 0, SEEK_DATA) <= far);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, far & ~4095l);
	say("mapped: %.7s", p + (far & 4095));
	p[0] = 'M';
	T(pread(fd, text, 1, far & ~4095l));
	say("%c", text[0]);
	T(ftruncate(fd, 1l << 30));
	T(ftruncate(fd, 0));
	for (i = 0; i < N; i++)
		buf[i] = (unsigned char)(i * 31 >> 3);
	T(pwrite(fd, buf, N, 777));
	memset(buf, 0, N);
	T(pread(fd, buf, N, 777));
	for (i = 0; i < N; i++)
		bad += buf[i] != (unsigned char)(i * 31 >> 3);
	say("%d bad bytes", bad);
	T(fsync(fd));
	for (i = 0; i < 500; i++) { /* random small overwrites */
		unsigned at = (unsigned)i * 2654435761u % (N - 100);

		memset(buf + at, i, 100);
		NEED(pwrite(fd, buf + at, 100, 777 + at));
	}
	p = mmap(NULL, N + 8192, PROT_READ, MAP_PRIVATE, fd, 0);
	say("mapping agrees: %d", !memcmp(p + 777, buf, N));
	close(fd);
	fd = NEED(open("f", O_RDONLY));
	NEED0(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	memset(buf, 0, 1000);
	T(pread(fd, buf, 1000, 777));
	say("read again agrees: %d", !memcmp(p + 777, buf, 1000));
}
