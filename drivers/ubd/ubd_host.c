/* SPDX-License-Identifier: MIT */
/*
 * ubd_host.c: the half of the ubd driver that touches the host: files, locks, worker threads.
 *
 * A write to a COW file goes: data into the COW file, then the bits in memory, then the bytes of the bitmap into the file, then the
 * request ends. A kernel that is killed in between leaves the sectors as the backing file has them, so what was acknowledged is there
 * and what was not is old or new, sector by sector. A write that fails (host disk full) sets no bit. Flush is fdatasync, so data and
 * bitmap reach the disk together.
 *
 * Invariants: 1. a bit is set in the file only after its sector's data was written; 2. the bitmap in memory never says less than the
 * one in the file, except between a set and its write, under bitmap_lock; 3. a request ends exactly once.
 * Locks: bitmap_lock (bits and their write); queue lock (todo list, idle count); done list is lock-free (push) and taken whole.
 * Not here: merging (kernel/block/queue.c), caching (the guest has its own, the host too).
 */
#include "drivers/ubd/ubd_host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "drivers/ubd/cow_host.h"
#include "drivers/ubd/media_host.h"
#include "os-linux/host.h"

#define WORKERS 2
#define SECTOR 512UL
#define MAX_IOV 256

struct ubd_host {
	int fd, backing_fd; /* backing_fd -1: a raw file; immutable */
	uint32_t flags;
	int irq;
	uint64_t size;
	struct cow_info cow;
	uint8_t *bitmap; /* cow.bitmap_len bytes */
	pthread_mutex_t bitmap_lock;

	pthread_mutex_t lock;
	pthread_cond_t work;
	struct ubd_req *todo, **todo_tail; /* under lock */
	int idle, threads;                 /* under lock */
	int closing;                       /* under lock */

	struct ubd_req *done; /* atomic stack */
};

/* ---- the COW bitmap ---- */

static bool bit_get(const struct ubd_host *h, uint64_t sector)
{
	return __atomic_load_n(&h->bitmap[sector / 8], __ATOMIC_ACQUIRE) >> (sector % 8) & 1;
}

/* How many sectors from @sector on have the same bit, at most @max. */
static uint64_t bit_run(const struct ubd_host *h, uint64_t sector, uint64_t max)
{
	bool bit = bit_get(h, sector);
	uint8_t full = bit ? 0xff : 0;
	uint64_t n = 1;

	while (n < max) {
		uint64_t s = sector + n;

		if (s % 8 == 0 && max - n >= 8 &&
			__atomic_load_n(&h->bitmap[s / 8], __ATOMIC_ACQUIRE) == full)
			n += 8;
		else if (bit_get(h, s) == bit)
			n++;
		else
			break;
	}
	return n;
}

static int write_full(int fd, const uint8_t *p, size_t n, off_t off)
{
	while (n) {
		ssize_t r = media_pwrite(fd, p, n, (uint64_t)off);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r ? -errno : -ENOSPC;
		p += r;
		n -= (size_t)r;
		off += r;
	}
	return 0;
}

/* Sets the bits of [sector, sector + n), in memory and in the file; none on failure. */
static int bits_set(struct ubd_host *h, uint64_t sector, uint64_t n)
{
	uint64_t first = sector / 8, last = (sector + n - 1) / 8, s;
	uint8_t *old;
	int err;

	if (bit_get(h, sector) && bit_run(h, sector, n) == n)
		return 0;
	old = malloc(last - first + 1);
	if (!old)
		return -ENOMEM;
	pthread_mutex_lock(&h->bitmap_lock);
	memcpy(old, h->bitmap + first, last - first + 1);
	for (s = sector; s < sector + n; s++)
		__atomic_or_fetch(&h->bitmap[s / 8], (uint8_t)(1U << (s % 8)), __ATOMIC_RELEASE);
	err = write_full(
		h->fd, h->bitmap + first, last - first + 1, (off_t)(h->cow.bitmap_off + first));
	if (err)
		for (s = first; s <= last; s++)
			__atomic_store_n(&h->bitmap[s], old[s - first], __ATOMIC_RELEASE);
	pthread_mutex_unlock(&h->bitmap_lock);
	free(old);
	return err;
}

/* ---- moving data ---- */

/* A cursor over a request's vectors. */
struct cursor {
	struct ubd_req *r;
	uint32_t i;
	uint64_t off;
};

/* The next pieces of the request, at most @max bytes, as an iovec; how many bytes they are. The cursor moves on. */
static uint64_t next_iov(struct cursor *c, uint64_t max, struct iovec *iov, int *nr)
{
	uint64_t total = 0;

	*nr = 0;
	while (total < max && c->i < c->r->nr_vecs && *nr < MAX_IOV) {
		struct ubd_vec *v = &c->r->vec[c->i];
		uint64_t n = v->len - c->off;

		if (n > max - total)
			n = max - total;
		iov[*nr] = (struct iovec){ (char *)v->p + c->off, n };
		(*nr)++;
		total += n;
		c->off += n;
		if (c->off == v->len) {
			c->i++;
			c->off = 0;
		}
	}
	return total;
}

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

static void iov_zero(struct iovec *iov, int nr)
{
	while (nr--) {
		memset(iov->iov_base, 0, iov->iov_len);
		iov++;
	}
}

/* Whole transfer, or -errno. Past the end of a file it reads as zeros. @nowait: -EAGAIN rather than wait for a disk. */
static int transfer(int fd, bool write, struct iovec *iov, int nr, uint64_t off, bool nowait)
{
	while (nr) {
		ssize_t n = write ? media_pwritev(fd, iov, nr, off) :
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
			return 0;
		}
		off += (uint64_t)n;
		iov_skip(&iov, &nr, (size_t)n);
		if (nr && nowait)
			return -EAGAIN;
	}
	return 0;
}

static int do_read(struct ubd_host *h, struct ubd_req *r, bool nowait)
{
	struct cursor c = { r, 0, 0 };
	struct iovec iov[MAX_IOV];
	uint64_t off = r->off, end = r->off + r->len;

	while (off < end) {
		uint64_t n = end - off, base = 0;
		int fd = h->fd, nr, err;

		if (h->backing_fd >= 0) {
			n = bit_run(h, off / SECTOR, n / SECTOR) * SECTOR;
			if (bit_get(h, off / SECTOR))
				base = h->cow.data_off;
			else
				fd = h->backing_fd;
		}
		n = next_iov(&c, n, iov, &nr);
		err = transfer(fd, false, iov, nr, base + off, nowait);
		if (err)
			return err;
		off += n;
	}
	return 0;
}

static int do_write(struct ubd_host *h, struct ubd_req *r)
{
	struct cursor c = { r, 0, 0 };
	struct iovec iov[MAX_IOV];
	uint64_t off = r->off, end = r->off + r->len;
	uint64_t base = h->backing_fd >= 0 ? h->cow.data_off : 0;

	while (off < end) {
		int nr, err;
		uint64_t n = next_iov(&c, end - off, iov, &nr);

		err = transfer(h->fd, true, iov, nr, base + off, false);
		if (err)
			return err;
		off += n;
	}
	return h->backing_fd >= 0 ? bits_set(h, r->off / SECTOR, r->len / SECTOR) : 0;
}

static int write_zeros(struct ubd_host *h, uint64_t off, uint64_t len)
{
	static const uint8_t zeros[65536];
	uint64_t base = h->backing_fd >= 0 ? h->cow.data_off : 0, done = 0;

	if (media_punch(h->fd, base + off, len) < 0)
		while (done < len) {
			size_t n = len - done < sizeof(zeros) ? len - done : sizeof(zeros);
			int err = write_full(h->fd, zeros, n, (off_t)(base + off + done));

			if (err)
				return err;
			done += n;
		}
	return h->backing_fd >= 0 ? bits_set(h, off / SECTOR, len / SECTOR) : 0;
}

/* Blocks of the COW file that the guest no longer needs are given back; where the backing file still shows, nothing is to be had. */
static int do_discard(struct ubd_host *h, struct ubd_req *r)
{
	uint64_t off = r->off, end = r->off + r->len, n;

	for (; off < end; off += n) {
		uint64_t base = 0;

		n = end - off;
		if (h->backing_fd >= 0) {
			n = bit_run(h, off / SECTOR, n / SECTOR) * SECTOR;
			if (!bit_get(h, off / SECTOR))
				continue;
			base = h->cow.data_off;
		}
		if (media_punch(h->fd, base + off, n) < 0)
			return -EOPNOTSUPP;
	}
	return 0;
}

static int do_flush(struct ubd_host *h)
{
	if (h->flags & UBD_F_RDONLY)
		return 0;
	return media_fdatasync(h->fd) < 0 ? -errno : 0;
}

static int serve(struct ubd_host *h, struct ubd_req *r)
{
	int err = 0;

	if (r->preflush || r->op == UBD_FLUSH)
		err = do_flush(h);
	if (err)
		return err;
	switch (r->op) {
	case UBD_READ: return do_read(h, r, false);
	case UBD_WRITE: err = do_write(h, r); break;
	case UBD_ZERO: err = write_zeros(h, r->off, r->len); break;
	case UBD_DISCARD: err = do_discard(h, r); break;
	default: break;
	}
	if (!err && (r->fua || (h->flags & UBD_F_SYNC && r->op == UBD_WRITE)))
		err = do_flush(h);
	return err;
}

/* ---- workers ---- */

static void finished(struct ubd_host *h, struct ubd_req *r)
{
	struct ubd_req *old = __atomic_load_n(&h->done, __ATOMIC_RELAXED);

	do {
		r->next = old;
	} while (!__atomic_compare_exchange_n(
		&h->done, &old, r, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	if (!old)
		os_irq_raise(h->irq);
}

static void worker(void *arg)
{
	struct ubd_host *h = arg;

	pthread_mutex_lock(&h->lock);
	while (!h->closing) {
		struct ubd_req *r = h->todo;

		if (!r) {
			h->idle++;
			pthread_cond_wait(&h->work, &h->lock);
			h->idle--;
			continue;
		}
		h->todo = r->next;
		if (!h->todo)
			h->todo_tail = &h->todo;
		pthread_mutex_unlock(&h->lock);
		r->status = serve(h, r);
		if (r->status == -ENOSPC || r->status == -EDQUOT || r->status == -EFBIG)
			r->status = -EIO; /* a disk does not fill up: for the guest it is broken */
		finished(h, r);
		pthread_mutex_lock(&h->lock);
	}
	h->threads--;
	pthread_cond_broadcast(&h->work);
	pthread_mutex_unlock(&h->lock);
}

int ubd_host_submit(struct ubd_host *h, struct ubd_req *r)
{
	if (r->op == UBD_READ && !r->preflush && do_read(h, r, true) == 0) {
		r->status = 0;
		return 1;
	}
	r->next = NULL;
	pthread_mutex_lock(&h->lock);
	*h->todo_tail = r;
	h->todo_tail = &r->next;
	if (h->idle)
		pthread_cond_signal(&h->work);
	else if (h->threads < WORKERS && os_worker_start("ubd", worker, h) == 0)
		h->threads++;
	if (!h->threads) { /* no thread to be had: serve it here, slow but right */
		h->todo = NULL;
		h->todo_tail = &h->todo;
		pthread_mutex_unlock(&h->lock);
		r->status = serve(h, r);
		return 1;
	}
	pthread_mutex_unlock(&h->lock);
	return 0;
}

struct ubd_req *ubd_host_reap(struct ubd_host *h)
{
	struct ubd_req *r = __atomic_exchange_n(&h->done, NULL, __ATOMIC_ACQUIRE), *list = NULL;

	while (r) {
		struct ubd_req *next = r->next;

		r->next = list;
		list = r;
		r = next;
	}
	return list;
}

/* ---- opening ---- */

static int fail(struct ubd_open *o, const char *file, const char *why)
{
	snprintf(o->err, sizeof(o->err), "%s: %s", file, why);
	return -EINVAL;
}

/* Size of a regular file or a block device. */
static int image_size(struct ubd_open *o, const char *file, int fd, uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(o, file, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return fail(o, file, "is a directory, not an image");
	if (S_ISBLK(st.st_mode)) {
		if (ioctl(fd, BLKGETSIZE64, size) < 0)
			return fail(o, file, strerror(errno));
	} else if (S_ISREG(st.st_mode)) {
		*size = (uint64_t)st.st_size;
	} else {
		return fail(o, file, "is neither a file nor a block device");
	}
	if (!*size)
		return fail(o, file, "is empty");
	if (*size > (1UL << 56))
		return fail(o, file, "is too large");
	return 0;
}

static int lock_file(struct ubd_open *o, const char *file, int fd, bool write)
{
	struct flock fl = { .l_type = write ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };

	if (o->flags & UBD_F_SHARED)
		return 0;
	if (fcntl(fd, F_OFD_SETLK, &fl) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return fail(o, file,
			write ? "is in use by another instance" :
				"is being written by another instance");
	if (errno == ENOLCK || errno == EINVAL || errno == EOPNOTSUPP) {
		snprintf(o->note, sizeof(o->note), "%s: the host cannot lock it", file);
		return 0;
	}
	return fail(o, file, strerror(errno));
}

/* For writing where that is wanted and possible; o->rdonly says what became of it. */
static int open_image(struct ubd_open *o, const char *file)
{
	int fd = -1;

	if (!o->rdonly) {
		fd = open(file, O_RDWR | O_CLOEXEC);
		if (fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM)) {
			fd = open(file, O_RDONLY | O_CLOEXEC);
			if (fd >= 0) {
				snprintf(o->note, sizeof(o->note),
					"%s: no permission to write, read-only", file);
				o->rdonly = 1;
			}
		}
	} else {
		fd = open(file, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return fail(o, file, strerror(errno));
	return fd;
}

static int load_bitmap(struct ubd_open *o, struct ubd_host *h)
{
	uint64_t at = 0;

	h->bitmap = calloc(1, h->cow.bitmap_len + 8);
	if (!h->bitmap)
		return fail(o, o->file, strerror(ENOMEM));
	while (at < h->cow.bitmap_len) {
		off_t data = lseek(h->fd, (off_t)(h->cow.bitmap_off + at), SEEK_DATA);
		size_t n = 1 << 20;
		ssize_t r;

		if (data < 0 && errno == ENXIO)
			break;
		if (data >= 0)
			at = (uint64_t)data - h->cow.bitmap_off;
		if (at >= h->cow.bitmap_len)
			break;
		if (n > h->cow.bitmap_len - at)
			n = h->cow.bitmap_len - at;
		r = pread(h->fd, h->bitmap + at, n, (off_t)(h->cow.bitmap_off + at));
		if (r <= 0)
			return fail(o, o->file, r ? strerror(errno) : "COW file cut short");
		at += (uint64_t)r;
	}
	return 0;
}

/* An existing COW file: its header must fit the backing file, which it names itself when the user does not. */
static int open_cow(struct ubd_open *o, struct ubd_host *h, bool created)
{
	char why[400];
	const char *backing = o->backing;

	if (cow_read_header(h->fd, &h->cow, why, sizeof(why)) < 0)
		return fail(o, o->file, why);
	if (!backing)
		backing = h->cow.backing;
	if (h->backing_fd < 0)
		h->backing_fd = open(backing, O_RDONLY | O_CLOEXEC);
	if (h->backing_fd < 0)
		return fail(o, backing, strerror(errno));
	if (cow_check_backing(&h->cow, h->backing_fd, why, sizeof(why)) < 0)
		return fail(o, o->file, why);
	if (!created && !o->rdonly && o->backing) {
		char *real = realpath(o->backing, NULL);

		if (real && strcmp(real, h->cow.backing) &&
			cow_rename_backing(h->fd, real, why, sizeof(why)) == 0)
			snprintf(o->note, sizeof(o->note), "%s: its backing file is now %.150s",
				o->file, real);
		free(real);
	}
	if (lock_file(o, backing, h->backing_fd, false) < 0)
		return -EINVAL;
	return load_bitmap(o, h);
}

static int open_files(struct ubd_open *o, struct ubd_host *h)
{
	char why[400];
	bool created = false;
	uint64_t size;

	if (o->backing) {
		h->backing_fd = open(o->backing, O_RDONLY | O_CLOEXEC);
		if (h->backing_fd < 0)
			return fail(o, o->backing, strerror(errno));
		if (image_size(o, o->backing, h->backing_fd, &size) < 0)
			return -EINVAL;
		if (access(o->file, F_OK) < 0 && errno == ENOENT) {
			if (o->rdonly)
				return fail(o, o->file,
					"no such COW file, and read-only: none is made");
			/* refuse before anything is made */
			if (lock_file(o, o->backing, h->backing_fd, false) < 0)
				return -EINVAL;
			h->fd = cow_create(o->file, o->backing, h->backing_fd, why, sizeof(why));
			if (h->fd < 0)
				return fail(o, o->file, why);
			created = true;
		}
	}
	if (h->fd < 0)
		h->fd = open_image(o, o->file);
	if (h->fd < 0)
		return h->fd;
	if (image_size(o, o->file, h->fd, &h->size) < 0 ||
		lock_file(o, o->file, h->fd, !o->rdonly) < 0)
		return -EINVAL;
	if (o->backing || (!(o->flags & UBD_F_DATA) && cow_is_cow(h->fd))) {
		int err = open_cow(o, h, created);

		if (err)
			return err;
		h->size = h->cow.size;
	}
	return 0;
}

int ubd_host_record(const char *path)
{
	return media_record(path);
}

int ubd_host_fault(const char *spec)
{
	return media_fault(spec);
}

int ubd_host_open(struct ubd_open *o)
{
	struct ubd_host *h = calloc(1, sizeof(*h));
	int err;

	if (!h) {
		snprintf(o->err, sizeof(o->err), "%s: %s", o->file, strerror(ENOMEM));
		return -ENOMEM;
	}
	h->fd = h->backing_fd = -1;
	o->rdonly = !!(o->flags & UBD_F_RDONLY);
	o->note[0] = 0;
	err = open_files(o, h);
	if (err) {
		ubd_host_close(h);
		return err;
	}
	h->size = (h->size + SECTOR - 1) / SECTOR * SECTOR;
	h->flags = o->flags | (o->rdonly ? UBD_F_RDONLY : 0);
	h->irq = o->irq;
	h->todo_tail = &h->todo;
	if (!o->rdonly)
		media_attach(h->fd, o->unit, o->file);
	pthread_mutex_init(&h->lock, NULL);
	pthread_mutex_init(&h->bitmap_lock, NULL);
	pthread_cond_init(&h->work, NULL);
	o->host = h;
	o->size = h->size;
	o->discard = !o->rdonly && !(o->flags & UBD_F_NODISCARD);
	return 0;
}

void ubd_host_close(struct ubd_host *h)
{
	if (h->threads) {
		pthread_mutex_lock(&h->lock);
		h->closing = 1;
		pthread_cond_broadcast(&h->work);
		while (h->threads)
			pthread_cond_wait(&h->work, &h->lock);
		pthread_mutex_unlock(&h->lock);
	}
	media_detach(h->fd);
	if (h->fd >= 0)
		close(h->fd);
	if (h->backing_fd >= 0)
		close(h->backing_fd);
	free(h->bitmap);
	free(h);
}
