/* SPDX-License-Identifier: MIT */
/* truncate(2), ftruncate(2): shrinking, growing with zeros, limits, mappings, errors. */
#include "t.h"

static long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == -1 ? -1 : (long)st.st_size;
}

static void zeros(void)
{
	char buf[16];
	int fd;

	t_text("z", "0123456789");
	T(truncate("z", 4));
	T(truncate("z", 12));
	fd = NEED(open("z", O_RDWR));
	NEED(read(fd, buf, 12));
	say("%.4s then %d %d", buf, buf[4], buf[11]);
	T(ftruncate(fd, 1 << 20));
	T(size_of("z"));
	T(pread(fd, buf, 16, (1 << 20) - 8));
	T(ftruncate(fd, 0));
	T(pread(fd, buf, 16, 0));
	T(lseek(fd, 0, SEEK_CUR));
}

/* What a shrink cut off must not come back, not even through a mapping's last page. */
static void mapping(void)
{
	int fd = NEED(open("m", O_RDWR | O_CREAT, 0600));
	char *p;

	NEED(ftruncate(fd, 8192));
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(p, 'a', 8192);
	T(ftruncate(fd, 100));
	say("beyond the end in the page: %d", p[200]);
	T(ftruncate(fd, 8192));
	say("after growing: %c %d %d", p[99], p[200], p[5000]);
	T(ftruncate(fd, 4096));
	CHILD(p[5000] = 'x');
}

TEST(truncate)
{
	int fd;

	zeros();
	mapping();
	t_text("f", "abc");
	NEED(symlink("f", "l"));
	NEED(mkdir("d", 0755));
	NEED(mkfifo("p", 0600));
	T(truncate("l", 2));
	T(size_of("f"));
	T(truncate("f", -1));
	T(truncate("missing", 0));
	T(truncate("d", 0));
	T(truncate("p", 0));
	T(truncate("f/x", 0));
	T(truncate(BAD, 0));
	fd = NEED(open("f", O_RDONLY));
	T(ftruncate(fd, 0));
	T(ftruncate(-1, 0));
	T(ftruncate(NEED(open("f", O_PATH)), 0));
	T(ftruncate(NEED(open("f", O_RDWR)), -5));
	T(ftruncate(NEED(open("/dev/null", O_RDWR)), 0));
	NEED(chmod("f", 0444));
	CHILD({
		NEED(setuid(65534));
		T(truncate("f", 0));
	});
}
