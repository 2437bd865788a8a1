// SPDX-License-Identifier: MIT
/*
 * values.c: tests attributes of all sizes on a disk with read errors. A call may fail with EIO:
 * then the attribute has the old value or the new value, and no other attribute has changed.
 *
 *	values DIR SEED OPERATIONS
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define FILES 6
#define ATTRS 4
#define MAX 20000
#define TRIES 200

static struct value {
	int size; /* -1: none */
	uint8_t data[MAX];
} value[FILES][ATTRS];
static uint64_t rng;
static long op, done, refused;

static uint32_t below(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 20) % n;
}

static void wrong(const char *what, int f, int a)
{
	printf("values: operation %ld: %s of file %d, attribute %d: %s\n", op, what, f, a,
		strerror(errno));
	exit(1);
}

static const char *file_name(int f)
{
	static char text[16];

	sprintf(text, "f%d", f);
	return text;
}

static const char *attr_name(int a)
{
	static char text[16];

	sprintf(text, "user.a%d", a);
	return text;
}

static int may_fail(void)
{
	return errno == EIO || errno == ENOSPC;
}

/*
 * Reads attribute @a of file @f into @to. Returns its size, -1 if there is none, -2 if it cannot be
 * read.
 */
static int look(int f, int a, uint8_t *to)
{
	for (int i = 0; i < TRIES; i++) {
		int n = (int)getxattr(file_name(f), attr_name(a), to, MAX);

		if (n >= 0 || errno == ENODATA)
			return n >= 0 ? n : -1;
		if (errno != EIO)
			wrong("getxattr", f, a);
	}
	return -2;
}

static int same(const struct value *v, int n, const uint8_t *p)
{
	return v->size == n && (n < 0 || !memcmp(v->data, p, (size_t)n));
}

/*
 * Ends the run unless the attribute is as in the model, or is @other, which then goes into the
 * model. Returns 0 if it cannot be read.
 */
static int check(int f, int a, const struct value *other)
{
	static uint8_t p[MAX];
	int n = look(f, a, p);

	errno = 0;
	if (n == -2)
		return 0;
	if (other && same(other, n, p))
		value[f][a] = *other;
	else if (!same(&value[f][a], n, p))
		wrong("value", f, a);
	return 1;
}

static void anew(void)
{
	int d = open("/proc/sys/vm/drop_caches", O_WRONLY);

	sync();
	if (d < 0 || write(d, "3", 1) != 1)
		wrong("drop_caches", 0, 0);
	close(d);
}

/* Makes file @f if it is missing. Returns 0 if it cannot be made. */
static int make(int f)
{
	for (int i = 0; i < TRIES; i++) {
		int fd = open(file_name(f), O_CREAT | O_RDWR, 0600);

		if (fd >= 0) {
			close(fd);
			return 1;
		}
		if (errno != EIO)
			return 0;
	}
	return 0;
}

/*
 * Removes a file with all its attributes and makes it again. If unlink() fails, nothing has
 * changed. Returns 0 if the file cannot be made.
 */
static int replace(int f)
{
	if (unlink(file_name(f))) {
		refused++;
		return errno == EIO;
	}
	for (int a = 0; a < ATTRS; a++)
		value[f][a].size = -1;
	done++;
	return make(f);
}

/* Makes a random change. Returns 0 to end the run: it is unknown what the file has. */
static int one(void)
{
	static struct value next;
	int f = (int)below(FILES), a = (int)below(ATTRS), r;
	uint8_t c = (uint8_t)below(256);

	if (below(16) == 0)
		return replace(f);
	next.size = below(4) ? (int)below(below(2) ? 300 : MAX) : -1;
	for (int i = 0; i < next.size; i++)
		next.data[i] = (uint8_t)(c + i * 7 + (i >> 8));
	r = next.size < 0 ? removexattr(file_name(f), attr_name(a)) :
			    setxattr(file_name(f), attr_name(a), next.data, (size_t)next.size, 0);
	if (r && next.size < 0 && errno == ENODATA && value[f][a].size < 0)
		return 1;
	if (!r) {
		value[f][a] = next;
		done++;
		return 1;
	}
	if (errno == EROFS)
		return 0;
	if (!may_fail())
		wrong("change", f, a);
	refused++;
	return check(f, a, &next);
}

int main(int argc, char **argv)
{
	long ops = atol(argv[3]);

	rng = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15ULL + 99;
	if (chdir(argv[1]))
		return 2;
	for (int f = 0; f < FILES; f++) {
		if (!make(f))
			return 2;
		for (int a = 0; a < ATTRS; a++)
			value[f][a].size = -1;
	}
	for (; op < ops && one(); op++) {
		if (op % 4 == 3)
			anew();
		for (int f = 0; op % 64 == 63 && f < FILES; f++)
			for (int a = 0; a < ATTRS; a++)
				check(f, a, NULL);
	}
	printf("values end: %ld of %ld operations, %ld done, %ld refused\n", op, ops, done,
		refused);
	return !done;
}
