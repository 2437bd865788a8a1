/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of the host half of hostfs: an error of the host in the middle of a read or write is
 * told apart from the end of the file, and as many workers start as requests wait.
 *
 * SOURCES: drivers/hostfs/data_host.c os-linux/object.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cmocka.h>

#include "drivers/hostfs/internal_host.h"
#include "os-linux/host.h"

/* ---- fakes ---- */

/* What the next calls of the host return: bytes, or -errno. */
static ssize_t answers[4];
static int at;

static ssize_t answer(void)
{
	ssize_t n = answers[at++];

	if (n >= 0)
		return n;
	errno = (int)-n;
	return -1;
}

ssize_t preadv2(int fd, const struct iovec *v, int nr, off_t off, int flags)
{
	return answer();
}

ssize_t pwritev2(int fd, const struct iovec *v, int nr, off_t off, int flags)
{
	return answer();
}

struct hostfs_node *node_find(int number)
{
	return NULL;
}

void node_get(struct hostfs_node *n)
{
}

void node_put(struct hostfs_node *n)
{
}

int node_pin(struct hostfs_node *n)
{
	return -ESTALE;
}

void node_unpin(struct hostfs_node *n)
{
}

int fd_reserve(void)
{
	return 0;
}

void fd_release(void)
{
}

bool fd_pressure(int err)
{
	return false;
}

int attr_at(int dirfd, const char *name, struct hostfs_attr *a)
{
	return 0;
}

int open_again(int fd, int flags)
{
	return -1;
}

void os_irq_raise(int line)
{
}

/* The workers that were started; none can be while may_start is false. */
static bool may_start;
static int started;
static void (*worker)(void *arg);

int os_worker_start(const char *name, void (*fn)(void *arg), void *arg)
{
	if (!may_start)
		return -EAGAIN;
	started++;
	worker = fn;
	return 0;
}

/* ends a worker that waits for work */
static jmp_buf waits;

int os_futex_wait(uint32_t *word, uint32_t val, uint64_t deadline)
{
	longjmp(waits, 1);
}

int os_futex_wake(uint32_t *word, int n)
{
	return 0;
}

/* ---- tests ---- */

#define SIZE 8192

/* Returns a request for SIZE bytes, and sets what the calls of the host return. */
static struct hostfs_io *request(ssize_t first, ssize_t second)
{
	static char data[SIZE];
	static int file;
	struct hostfs_io *io = calloc(1, sizeof(*io) + sizeof(io->vec[0]));

	assert_non_null(io);
	if (!file)
		assert_int_equal(open_handle(1000, &file), 0);
	io->file = file;
	io->nr = 1;
	io->vec[0] = (struct hostfs_vec){ data, SIZE };
	answers[0] = first;
	answers[1] = second;
	at = 0;
	return io;
}

static void read_ends(void **state)
{
	struct hostfs_io *io = request(SIZE, 0);

	assert_int_equal(hostfs_host_read(io), SIZE);
	assert_int_equal(io->err, 0);
	free(io);

	io = request(5000, 0); /* the end of the file */
	assert_int_equal(hostfs_host_read(io), 5000);
	assert_int_equal(io->err, 0);
	free(io);

	io = request(4096, -EIO);
	assert_int_equal(hostfs_host_read(io), 4096);
	assert_int_equal(io->err, -EIO);
	free(io);

	io = request(-EIO, 0);
	assert_int_equal(hostfs_host_read(io), -EIO);
	free(io);
}

/* The part that waits is read by a worker, and then fails. */
static void read_fails_later(void **state)
{
	struct hostfs_io *io = request(4096, -EAGAIN);

	assert_int_equal(hostfs_host_read(io), -EAGAIN);
	assert_int_equal(io->err, 0);
	answers[2] = -EIO;
	io->op = HOSTFS_OP_READ;
	assert_int_equal(hostfs_host_submit(io), 1);
	assert_int_equal(io->result, 4096);
	assert_int_equal(io->err, -EIO);
	free(io);
}

static void write_ends(void **state)
{
	struct hostfs_io *io = request(4096, -EDQUOT);

	assert_int_equal(hostfs_host_write(io), 4096);
	assert_int_equal(io->err, -EDQUOT);
	free(io);

	io = request(-EIO, 0);
	assert_int_equal(hostfs_host_write(io), -EIO);
	free(io);
}

/* Workers that wait, and were woken up for earlier requests, do not serve later ones. */
static void workers(void **state)
{
	static struct hostfs_io *io[4];

	may_start = true;
	for (int i = 0; i < 4; i++) {
		io[i] = request(SIZE, SIZE);
		io[i]->op = HOSTFS_OP_READ;
	}
	assert_int_equal(hostfs_host_submit(io[0]), 0);
	assert_int_equal(started, 1);
	if (!setjmp(waits))
		worker(NULL); /* it serves the request, and waits */
	assert_int_equal(hostfs_host_submit(io[1]), 0);
	assert_int_equal(started, 1); /* it was woken up, and does not run yet */
	assert_int_equal(hostfs_host_submit(io[2]), 0);
	assert_int_equal(started, 2);
	assert_int_equal(hostfs_host_submit(io[3]), 0);
	assert_int_equal(started, 3);
	for (int i = 0; i < 4; i++)
		free(io[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_ends),
		cmocka_unit_test(read_fails_later),
		cmocka_unit_test(write_ends),
		cmocka_unit_test(workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
