/* SPDX-License-Identifier: MIT */
/*
 * overlap.c: makes two writes at once to the same sector, or the same unit of several sectors, of a
 * COW file of version 3. It replaces media_host.c: during the first write's call to the host a
 * second thread begins its own write, and goes as far as it can without waiting for the first.
 *
 *	overlap ok|fail SECTOR-FILE	a write that ends has its bit in the file, although the
 *                                      first one's is not there yet (or never, fail)
 *	overlap unit UNIT-FILE		a write to a part of a unit leaves the rest of it to the
 *                                      writer of all of it
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/ubd/image_host.h"
#include "drivers/ubd/media_host.h"

#define SECTOR 512UL

static struct image *image;
static int live = -1, ended, second_err, early;
static enum { NOTHING, AT_BITMAP, BEHIND_DATA } when;
static bool fails;
static uint64_t second_off;
static pthread_t second;
static pid_t second_id;

static void write_sectors(uint64_t off, int byte, uint64_t sectors, int *err)
{
	uint8_t buf[4 * SECTOR];
	struct iovec iov = { buf, sectors * SECTOR };

	memset(buf, byte, sizeof(buf));
	*err = image_writev(image, off, &iov, 1);
}

static void *write_too(void *arg)
{
	__atomic_store_n(&second_id, gettid(), __ATOMIC_SEQ_CST);
	write_sectors(second_off, 'b', 1, &second_err);
	__atomic_store_n(&ended, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/*
 * True if the second thread waits: it is seen asleep 100 times, since it may also sleep for a
 * moment.
 */
static bool second_sleeps(void)
{
	char path[64], text[256], *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
		__atomic_load_n(&second_id, __ATOMIC_SEQ_CST));
	for (int seen = 0; seen < 100; seen++) {
		fd = open(path, O_RDONLY);
		n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n < 0 ? 0 : n] = 0;
		state = strrchr(text, ')');
		if (!state || state[1] != ' ' || state[2] != 'S')
			return false;
		sched_yield();
	}
	return true;
}

/* Runs the second write until it ends or waits. If it ends here, the file has what it relies on. */
static void meanwhile(void)
{
	when = NOTHING;
	if (pthread_create(&second, NULL, write_too, NULL))
		exit(2);
	while (!__atomic_load_n(&ended, __ATOMIC_SEQ_CST) && !second_sleeps())
		sched_yield();
	early = __atomic_load_n(&ended, __ATOMIC_SEQ_CST);
}

/* ---- in the place of media_host.c ---- */

ssize_t media_pwritev(int fd, const struct iovec *iov, int nr, uint64_t off)
{
	ssize_t n;

	if (fd == live && when == AT_BITMAP && iov->iov_len < SECTOR) {
		meanwhile();
		if (fails) {
			errno = EIO;
			return -1;
		}
	}
	n = pwritev(fd, iov, nr, (off_t)off);
	if (fd == live && when == BEHIND_DATA && iov->iov_len >= SECTOR)
		meanwhile();
	return n;
}

ssize_t media_preadv2(int fd, const struct iovec *iov, int nr, uint64_t off, int flags)
{
	return preadv2(fd, iov, nr, (off_t)off, flags);
}

bool media_watches(void)
{
	return true;
}

int media_punch(int fd, uint64_t off, uint64_t len)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len);
}

int media_fdatasync(int fd)
{
	return fdatasync(fd);
}

/* ---- */

static int sector_is(uint64_t off, const char *bytes)
{
	uint8_t buf[SECTOR];
	struct iovec iov = { buf, SECTOR };

	if (image_readv(image, off, &iov, 1, false))
		return 0;
	for (unsigned long i = 1; i < SECTOR; i++)
		if (buf[i] != buf[0])
			return 0;
	return strchr(bytes, buf[0]) != NULL;
}

static void open_it(const char *path)
{
	struct image_open o = { .file = path };

	if (image_open(&o)) {
		printf("NOT OK  %s\n", o.err);
		exit(1);
	}
	image = o.image;
	live = image_fd(image);
}

int main(int argc, char **argv)
{
	bool unit = !strcmp(argv[1], "unit");
	uint64_t off = 64 * SECTOR;
	int err, good;

	fails = !strcmp(argv[1], "fail");
	open_it(argv[2]);
	when = unit ? BEHIND_DATA : AT_BITMAP;
	second_off = off;
	write_sectors(off, 'a', unit ? 2 : 1, &err);
	pthread_join(second, NULL);
	if (unit)
		good = !err && !second_err && sector_is(off, "ab") && sector_is(off + SECTOR, "a");
	else
		good = !early && !second_err && err == (fails ? -EIO : 0) && sector_is(off, "ab");
	image_close(image);
	open_it(argv[2]); /* also in the file */
	good = good && sector_is(off, "ab") && (!unit || sector_is(off + SECTOR, "a"));
	image_close(image);
	printf("%s  %s: %d and %d%s\n", good ? "ok    " : "NOT OK", argv[1], err, second_err,
		early ? ", ended early" : "");
	return !good;
}
