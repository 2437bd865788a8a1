/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of the copy of a disk's layer for a saved state: the copy has the content and length
 * of the layer, holes stay holes, a full disk is an error, and a file without a name is copied,
 * too.
 *
 * SOURCES: drivers/ubd/copy_host.c
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/ubd/copy_host.h"

#define GIB (1L << 30)
#define KIB 1024L

static char folder[] = "/tmp/ubd_copy.XXXXXX";

static int set_up(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	return rmdir(folder);
}

/* Makes a file in the folder, removes its name, and returns its descriptor. */
static int nameless(const char *name)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	return fd;
}

static void fill(int fd, off_t at, size_t n)
{
	char *p = malloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(rand() | 1);
	assert_int_equal(pwrite(fd, p, n, at), (ssize_t)n);
	free(p);
}

static off_t size_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_size;
}

static long blocks_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_blocks;
}

static void same(int a, int b, off_t at, size_t n)
{
	char *p = malloc(n), *q = malloc(n);

	assert_int_equal(pread(a, p, n, at), (ssize_t)n);
	assert_int_equal(pread(b, q, n, at), (ssize_t)n);
	assert_memory_equal(p, q, n);
	free(p);
	free(q);
}

/*
 * The data in a file of 10 GiB: at its start, inside, across a multiple of 1 GiB, and at its end.
 */
static const struct {
	off_t at;
	size_t n;
} extent[] = {
	{ 0, 8 * KIB },
	{ 3 * GIB + 12 * KIB, 300 * KIB + 17 },
	{ 7 * GIB - 64 * KIB, 128 * KIB },
	{ 10 * GIB - 512, 512 },
};
#define EXTENTS (sizeof(extent) / sizeof(extent[0]))

static int sparse_file(const char *name)
{
	int fd = nameless(name);

	assert_int_equal(ftruncate(fd, 10 * GIB), 0);
	for (size_t i = 0; i < EXTENTS; i++)
		fill(fd, extent[i].at, extent[i].n);
	return fd;
}

static void check_sparse(int from, int to)
{
	assert_int_equal(size_of(to), 10 * GIB);
	for (size_t i = 0; i < EXTENTS; i++)
		same(from, to, extent[i].at, extent[i].n);
	same(from, to, 3 * GIB, 512 * KIB);
	same(from, to, 10 * GIB - 64 * KIB, 64 * KIB);
	assert_true(blocks_of(to) <= 2 * 1024 * KIB / 512);
}

static void sparse(void **state)
{
	int from = sparse_file("a"), to = nameless("b");

	assert_int_equal(file_copy_sparse(from, to), 0);
	check_sparse(from, to);
	/* Earlier content of the target is removed. */
	fill(to, 5 * GIB, 100 * KIB);
	fill(to, 12 * GIB, 100 * KIB);
	assert_int_equal(file_copy_sparse(from, to), 0);
	check_sparse(from, to);
	same(from, to, 5 * GIB, 100 * KIB);
	close(from);
	close(to);
}

static void empty(void **state)
{
	int from = nameless("a"), to = nameless("b");

	fill(to, 0, 4 * KIB);
	assert_int_equal(file_copy_sparse(from, to), 0);
	assert_int_equal(size_of(to), 0);
	assert_int_equal(ftruncate(from, GIB + 5), 0); /* the file is one hole */
	assert_int_equal(file_copy_sparse(from, to), 0);
	assert_int_equal(size_of(to), GIB + 5);
	assert_true(blocks_of(to) <= 16);
	close(from);
	close(to);
}

/* ---- to another file system, which is full ---- */

static bool mount_small(void)
{
	return !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("tmpfs", folder, "tmpfs", 0, "size=1m");
}

static void full(void **state)
{
	int from = sparse_file("a"), big = nameless("c"), to;

	fill(big, 0, 4096 * KIB);
	if (!mount_small()) {
		close(from);
		close(big);
		skip();
	}
	to = nameless("b");
	assert_int_equal(file_copy_sparse(from, to), 0); /* to another file system */
	check_sparse(from, to);
	assert_int_equal(file_copy_sparse(big, to), -ENOSPC);
	assert_int_equal(file_copy_sparse(from, to), 0); /* there is room again */
	check_sparse(from, to);
	close(to);
	close(from);
	close(big);
	assert_int_equal(umount(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sparse),
		cmocka_unit_test(empty),
		cmocka_unit_test(full),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
