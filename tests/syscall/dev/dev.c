/* SPDX-License-Identifier: MIT */
/* The memory devices: null, zero, full, random, urandom. */
#include "t.h"
#include <sys/sysmacros.h>

static int node(const char *name, int major, int minor)
{
	NEED(mknod(name, S_IFCHR | 0666, makedev(major, minor)));
	return NEED(open(name, O_RDWR));
}

TEST(dev)
{
	char a[100] = "", b[100] = "", *p;
	int null = node("null", 1, 3), zero = node("zero", 1, 5), full = node("full", 1, 7), i,
	    sum = 0;
	int random = node("random", 1, 8), urandom = node("urandom", 1, 9);

	T(read(null, a, 100));
	T(write(null, a, 100));
	T(write(null, BAD, 100));
	T(lseek(null, 5, SEEK_SET));
	memset(a, 'x', 100);
	T(read(zero, a, 100));
	for (i = 0; i < 100; i++)
		sum += a[i];
	say("%d", sum);
	T(write(zero, a, 100));
	T(read(zero, BAD, 10));
	T(read(full, a, 100));
	T(write(full, a, 100));
	T(write(full, a, 0));
	T(read(urandom, a, 100));
	T(read(urandom, b, 100));
	say("differ %d", memcmp(a, b, 100) != 0);
	T(read(random, a, 10));
	T(write(urandom, a, 10));
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
	p[0] = 'z';
	say("%c %d", p[0], p[1]);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);
	CHILD(p[0] = 's');
	say("shared %c", p[0]);
	T(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, null, 0) == MAP_FAILED ? errno : 0);
	T(ftruncate(null, 0));
	T(fsync(null));
}
