/* SPDX-License-Identifier: MIT */
/*
 * layer_host.c: complete transfers to and from a layer's file, through media_host.h; and the raw
 * format, in which byte n of the disk is byte n of the file.
 */
#include "drivers/ubd/layer_host.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "drivers/ubd/media_host.h"
#include "os-linux/calls.h"

#define WRITE_PIECE (64U << 10)
#define SYNC_NS 1000000000UL

/* Drops the first @n bytes of an iovec. */
static void iov_skip(struct iovec **iov, int *nr, size_t n)
{
	while (*nr && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		(*nr)--;
	}
	if (*nr) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

/*
 * Returns the number of pieces of an iovec up to the next multiple of WRITE_PIECE in the file; the
 * last piece is shortened by *cut. Linux's page cache keeps data of one call in folios as large as
 * the call, and ext4 scans each block of a folio whenever one of them is written or flushed. So
 * writing and flushing 4 KiB takes 20 to 40 us longer if the file was written by the megabyte.
 * Writing in pieces makes large writes a tenth slower.
 */
static int iov_piece(struct iovec *iov, int nr, uint64_t off, size_t *cut)
{
	size_t left = WRITE_PIECE - off % WRITE_PIECE;
	int i = 0;

	while (i < nr && iov[i].iov_len <= left)
		left -= iov[i++].iov_len;
	*cut = 0;
	if (i == nr || !left)
		return i;
	*cut = iov[i].iov_len - left;
	iov[i].iov_len = left;
	return i + 1;
}

static ssize_t write_piece(int fd, struct iovec *iov, int nr, uint64_t off)
{
	size_t cut;
	int some = iov_piece(iov, nr, off, &cut);
	ssize_t n = media_pwritev(fd, iov, some, off);

	iov[some - 1].iov_len += cut;
	return n;
}

static void iov_zero(struct iovec *iov, int nr)
{
	while (nr--) {
		memset(iov->iov_base, 0, iov->iov_len);
		iov++;
	}
}

/*
 * Transfers all bytes. *end is the end of the file if it comes before that of the transfer; the
 * rest is then read as zeros.
 */
static int transfer(
	int fd, bool write, struct iovec *iov, int nr, uint64_t off, bool nowait, uint64_t *end)
{
	while (nr) {
		ssize_t n = write ? write_piece(fd, iov, nr, off) :
				    media_preadv2(fd, iov, nr, off, nowait ? RWF_NOWAIT : 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return nowait ? -EAGAIN : -errno;
		if (!n && write)
			return -ENOSPC;
		if (!n && nowait)
			return -EAGAIN;
		if (!n) {
			iov_zero(iov, nr);
			*end = off;
			return 0;
		}
		off += (uint64_t)n;
		iov_skip(&iov, &nr, (size_t)n);
		if (nr && nowait)
			return -EAGAIN;
	}
	return 0;
}

int layer_transfer(int fd, bool write, struct iovec *iov, int nr, uint64_t off, bool nowait)
{
	uint64_t end;

	return transfer(fd, write, iov, nr, off, nowait, &end);
}

int layer_read_raw(struct layer *l, struct iovec *iov, int nr, uint64_t off, bool nowait)
{
	uint64_t end = l->size;
	int err = transfer(l->fd, false, iov, nr, off, nowait, &end);

	return !err && end + LAYER_SECTOR <= l->size ? -EIO : err;
}

int layer_pwrite(int fd, const void *p, uint64_t n, uint64_t off)
{
	struct iovec iov = { (void *)p, n };

	return layer_transfer(fd, true, &iov, 1, off, false);
}

int layer_pread(int fd, void *p, uint64_t n, uint64_t off)
{
	struct iovec iov = { p, n };

	return layer_transfer(fd, false, &iov, 1, off, false);
}

/* Does not use libc's fstat(), for which a jailed process would ask its broker. */
bool layer_is_nameless(const struct layer *l)
{
	struct stat st;

	return !host_fstat(l->fd, &st) && S_ISREG(st.st_mode) && !st.st_nlink;
}

/*
 * True if the file need not be synced now, since it is lost at a power cut in any case. Now and
 * then it is synced, only to learn of the host's errors.
 */
static bool may_wait(struct layer *l)
{
	uint64_t last = __atomic_load_n(&l->synced, __ATOMIC_RELAXED), now;
	struct timespec t;

	if (media_watches() || !layer_is_nameless(l))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	if (last && now - last < SYNC_NS)
		return true;
	__atomic_store_n(&l->synced, now, __ATOMIC_RELAXED);
	return !last;
}

int layer_sync(struct layer *l)
{
	int err = __atomic_load_n(&l->lost, __ATOMIC_ACQUIRE), none = 0;

	if (!err && may_wait(l))
		return 0;
	while (!err && media_fdatasync(l->fd) < 0) {
		if (errno == EINTR)
			continue;
		__atomic_compare_exchange_n(
			&l->lost, &none, -errno, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
		err = -errno;
	}
	return err;
}

/* ---- raw ---- */

static int raw_where(
	struct layer *l, uint64_t off, uint64_t len, bool nowait, struct image_piece *p)
{
	p->fd = l->fd;
	p->off = off;
	p->len = len;
	return 0;
}

static void raw_close(struct layer *l, bool clean)
{
}

const struct layer_ops layer_raw_ops = {
	.name = "raw",
	.where = raw_where,
	.flush = layer_sync,
	.close = raw_close,
};

/* Opens a raw layer; its size is that of the regular file or block device. */
int layer_open_raw(struct layer *l, struct layer_open *lo)
{
	struct stat st;

	if (host_fstat(l->fd, &st) < 0)
		return -errno;
	if (S_ISBLK(st.st_mode)) {
		if (ioctl(l->fd, BLKGETSIZE64, &l->size) < 0)
			return -errno;
	} else {
		l->size = (uint64_t)st.st_size;
	}
	l->ops = &layer_raw_ops;
	l->unit = LAYER_SECTOR;
	l->size = (l->size + LAYER_SECTOR - 1) / LAYER_SECTOR * LAYER_SECTOR;
	return 0;
}
