/* SPDX-License-Identifier: MIT */
/*
 * copy_host.c: see copy_host.h. The host's cheapest way is tried first: shared blocks, then
 * copy_file_range(2) for each range of data, then reads and writes.
 */
#include "drivers/ubd/copy_host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os-linux/calls.h"

#define BUFFER (256UL << 10)
#define RANGE (1UL << 30) /* bytes of a call */

/* Writes all @n bytes. */
static int write_all(int to, const char *p, size_t n, off_t at)
{
	while (n) {
		ssize_t done = host_pwrite(to, p, n, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done ? -errno : -ENOSPC;
		p += done;
		n -= (size_t)done;
		at += done;
	}
	return 0;
}

/* Copies [at, end) with reads and writes, to the offset @at + @shift. */
static int copy_by_hand(int from, int to, off_t at, off_t end, off_t shift)
{
	char *buf = malloc(BUFFER);
	int err = buf ? 0 : -ENOMEM;

	while (!err && at < end) {
		size_t want = (size_t)(end - at) < BUFFER ? (size_t)(end - at) : BUFFER;
		ssize_t n = host_pread(from, buf, want, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) /* 0: the file was cut since */
			err = n ? -errno : -EIO;
		else
			err = write_all(to, buf, (size_t)n, at + shift);
		at += n;
	}
	free(buf);
	return err;
}

/* True if the host does not support this way of copying; false if only this copy failed. */
static bool is_no_way(int err)
{
	return err == EXDEV || err == ENOSYS || err == EOPNOTSUPP || err == EINVAL || err == EPERM;
}

/*
 * Copies as copy_by_hand(), but by the host's own call. If the host does not support it here, sets
 * *@by_hand, and copies the rest with reads and writes.
 */
static int copy_range(int from, int to, off_t at, off_t end, off_t shift, bool *by_hand)
{
	while (!*by_hand && at < end) {
		off_t in = at, out = at + shift;
		size_t want = (size_t)(end - at) < RANGE ? (size_t)(end - at) : RANGE;
		ssize_t n = copy_file_range(from, &in, to, &out, want, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !is_no_way(errno))
			return -errno;
		/* some hosts return 0 for files that they cannot copy */
		if (n <= 0)
			*by_hand = true;
		else
			at += n;
	}
	return at < end ? copy_by_hand(from, to, at, end, shift) : 0;
}

/*
 * Finds the range of data at or after *@at. Returns 0, -ENXIO if there is none, or another -errno.
 */
static int find_data(int from, off_t *at, off_t *end, off_t size)
{
	off_t data = lseek(from, *at, SEEK_DATA), hole;

	if (data < 0 && errno == EINVAL) /* a host that does not report holes */
		data = *at;
	if (data < 0)
		return -errno;
	hole = lseek(from, data, SEEK_HOLE);
	*at = data;
	*end = hole < 0 || hole > size ? size : hole;
	return data < size ? 0 : -ENXIO;
}

/* Makes [at, end) read as zeros; mostly it already does. */
static int clear_range(int to, off_t at, off_t end)
{
	static const char zeros[64 << 10];
	off_t stop;

	for (int err; at < end; at = stop) {
		err = find_data(to, &at, &stop, end);
		if (err)
			return err == -ENXIO ? 0 : err;
		if (!fallocate(to, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, stop - at))
			continue;
		if (!is_no_way(errno))
			return -errno;
		for (off_t n; at < stop && !err; at += n) {
			n = stop - at < (off_t)sizeof(zeros) ? stop - at : (off_t)sizeof(zeros);
			err = write_all(to, zeros, (size_t)n, at);
		}
		if (err)
			return err;
	}
	return 0;
}

int file_copy_part(int from, off_t at, int to, off_t to_at, off_t len)
{
	off_t end = at + len, shift = to_at - at, data, stop;
	bool by_hand = false;
	int err = 0;

	for (; !err && at < end; at = stop) {
		data = at;
		err = find_data(from, &data, &stop, end);
		if (err == -ENXIO)
			return clear_range(to, at + shift, end + shift);
		if (!err)
			err = clear_range(to, at + shift, data + shift);
		if (!err)
			err = copy_range(from, to, data, stop, shift, &by_hand);
	}
	return err;
}

/*
 * Overwrites the content without truncating the file first: truncation takes tens of milliseconds
 * on a host whose journal is busy, and most of the content is unchanged.
 */
int file_copy_sparse(int from, int to)
{
	struct stat st, old;

	if (host_fstat(from, &st) || host_fstat(to, &old))
		return -errno;
	if (!ioctl(to, FICLONE, from))
		return old.st_size > st.st_size && ftruncate(to, st.st_size) ? -errno : 0;
	if (old.st_size != st.st_size && ftruncate(to, st.st_size))
		return -errno;
	return file_copy_part(from, 0, to, 0, st.st_size);
}
