/* SPDX-License-Identifier: MIT */
/* copy.c: copies of sparse files. */
#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/state/state.h"

#define PIECE (64U << 10)

static bool all_zeros(const char *p, size_t n)
{
	return !p[0] && !memcmp(p, p + 1, n - 1);
}

/* Writes all bytes. Returns false with errno. */
static bool write_at(int fd, const char *p, size_t n, uint64_t off)
{
	while (n) {
		ssize_t done = pwrite(fd, p, n, (off_t)off);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			errno = done ? errno : ENOSPC;
			return false;
		}
		p += done;
		n -= (size_t)done;
		off += (uint64_t)done;
	}
	return true;
}

/* A copy in progress. */
struct copying {
	int from, to;
	uint64_t size;
	const char *name;
};

/* Copies [off, end). True on success, false with errno. */
static bool copy_range(const struct copying *c, uint64_t off, uint64_t end, char *buf)
{
	while (off < end) {
		size_t want = end - off < PIECE ? (size_t)(end - off) : PIECE;
		ssize_t n = pread(c->from, buf, want, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : EIO; /* n 0: the file was truncated */
			return false;
		}
		if (!all_zeros(buf, (size_t)n) && !write_at(c->to, buf, (size_t)n, off))
			return false;
		off += (uint64_t)n;
		progress("copy", c->name, off, c->size);
	}
	return true;
}

bool file_copy(int from, int to, uint64_t size, const char *name)
{
	const struct copying c = { from, to, size, name };
	uint64_t off = 0;
	bool good = true;
	char *buf;

	if (!ioctl(to, FICLONE, from))
		return true;
	if (ftruncate(to, (off_t)size))
		return false;
	buf = xalloc(PIECE);
	while (good && off < size) {
		off_t data = lseek(from, (off_t)off, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break;
		off = data < 0 ? off : (uint64_t)data;
		hole = data < 0 ? -1 : lseek(from, (off_t)off, SEEK_HOLE);
		uint64_t end = hole < 0 || (uint64_t)hole > size ? size : (uint64_t)hole;

		good = copy_range(&c, off, end, buf);
		off = end;
	}
	free(buf);
	progress_end();
	return good;
}
