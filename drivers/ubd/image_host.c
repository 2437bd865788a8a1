/* SPDX-License-Identifier: MIT */
/*
 * image_host.c: reads and writes data of a chain of layers. See image_host.h; chain_host.c opens
 * and closes the layers.
 *
 * A read walks down the chain: each layer returns the piece of the range that it has, and the layer
 * below serves the rest. A piece that lies in one file is read by one system call, with the
 * caller's iovec. A write always goes to the first layer, to its base plus the offset: begin(),
 * data, own(). If a unit larger than a sector is written in part, and the layer does not have the
 * unit yet, the unit is first completed from below.
 *
 * Locks: a layer's fill_lock is held while units larger than a sector become its own, from begin()
 * to own(). A thread that completes a unit writes all of it, and would overwrite what other threads
 * write to it meanwhile, in part or as a whole.
 */
#include "drivers/ubd/image_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "drivers/ubd/backup_host.h"
#include "drivers/ubd/chain_host.h"
#include "drivers/ubd/media_host.h"
#include "os-linux/calls.h"

#define MAX_IOV 256

/* ---- a cursor over an iovec ---- */

struct cursor {
	const struct iovec *iov;
	int nr;
	uint64_t off; /* in iov[0] */
};

/*
 * Takes the next bytes, at most @max in at most MAX_IOV pieces, and returns their number. Advances
 * the cursor.
 */
static uint64_t next_iov(struct cursor *c, uint64_t max, struct iovec *out, int *nr)
{
	uint64_t total = 0;

	*nr = 0;
	while (total < max && c->nr && *nr < MAX_IOV) {
		uint64_t n = c->iov->iov_len - c->off;

		if (n > max - total)
			n = max - total;
		out[(*nr)++] = (struct iovec){ (char *)c->iov->iov_base + c->off, n };
		total += n;
		c->off += n;
		if (c->off == c->iov->iov_len) {
			c->iov++;
			c->nr--;
			c->off = 0;
		}
	}
	return total;
}

static uint64_t iov_bytes(const struct iovec *iov, int nr)
{
	uint64_t n = 0;

	while (nr--)
		n += iov++->iov_len;
	return n;
}

/* ---- finding data ---- */

/*
 * Finds a piece as image_where() does, from layer @l on. *holder is the layer that has the piece,
 * or NULL.
 */
static int find(struct layer *l, uint64_t off, uint64_t len, bool nowait, struct image_piece *p,
	struct layer **holder)
{
	int err;

	p->depth = 0;
	p->len = len;
	for (; l; l = l->below, p->depth++) {
		if (off >= l->size)
			/* a layer may be larger than the one below it */
			break;
		if (p->len > l->size - off)
			p->len = l->size - off;
		err = l->ops->where(l, off, p->len, nowait, p);
		if (err)
			return err;
		if (p->fd != LAYER_BELOW) {
			*holder = l;
			return 0;
		}
	}
	p->fd = IMAGE_ZEROS;
	p->off = 0;
	*holder = NULL;
	return 0;
}

int image_where(struct image *im, uint64_t off, uint64_t len, bool nowait, struct image_piece *p)
{
	struct layer *holder;

	return find(im->top, off, len, nowait, p, &holder);
}

int image_where_direct(struct image *im, uint64_t off, uint64_t len, uint64_t *at)
{
	struct image_piece p;
	struct layer *holder;

	if (media_watches() || find(im->top, off, len, true, &p, &holder) || p.len < len ||
		!holder || p.fd != holder->fd || holder->direct_fd < 0)
		return -EAGAIN;
	*at = p.off;
	return holder->direct_fd;
}

#ifndef SYS_cachestat /* Linux 6.5 */
#define SYS_cachestat 451
#endif

int image_is_cached(int fd, uint64_t at, uint64_t len)
{
	struct {
		uint64_t off, len;
	} range = { at, len };
	struct {
		uint64_t cached, dirty, written, evicted, recently_evicted;
	} s = { 0 };
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (syscall(SYS_cachestat, fd, &range, &s, 0U))
		return -errno;
	return s.cached >= (at + len - 1) / page - at / page + 1;
}

uint64_t image_size(const struct image *im)
{
	return im->size;
}

int image_fd(const struct image *im)
{
	return im->top->fd;
}

int image_base_fd(const struct image *im)
{
	const struct layer *l = im->top;

	while (l->below)
		l = l->below;
	if (l->ops != &layer_raw_ops)
		return -EOPNOTSUPP;
	return l == im->top && !im->rdonly ? -EROFS : l->fd;
}

void image_each(const struct image *im, void (*fn)(int fd, const char *path, bool written))
{
	for (const struct layer *l = im->top; l; l = l->below)
		fn(l->fd, l->path, l == im->top && !l->rdonly);
}

static unsigned int cow_version(const struct layer *l)
{
	return l->ops == &layer_cow4_ops ? 4 : cow3_version(l);
}

/*
 * Finds the file's present name: the name by which it was opened, else the one that the host gives
 * for the descriptor.
 */
static void name_now(const struct layer *l, char *name, size_t size)
{
	char *real = realpath(l->path, NULL), self[64];
	struct stat st;
	ssize_t n = -1;

	if (real && !stat(real, &st) && st.st_dev == l->dev && st.st_ino == l->ino) {
		snprintf(name, size, "%s", real);
	} else {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", l->fd);
		n = readlink(self, name, size - 1);
		name[n > 0 ? n : 0] = 0;
	}
	free(real);
}

int image_describe(const struct image *im, uint32_t depth, char *text, size_t size)
{
	const struct layer *l = im->top;
	char name[4096], format[16] = "raw";
	bool part = false;

	while (l && depth--) {
		part = l->more;
		l = l->below;
	}
	if (!l)
		return -ENOENT;
	name_now(l, name, sizeof(name));
	if (l->ops != &layer_raw_ops)
		snprintf(format, sizeof(format), "v%u", cow_version(l));
	snprintf(text, size, "%s %s %d %s",
		part      ? "part" :
		l->rdonly ? "ro" :
			    "rw",
		format, l->fd, name);
	return 0;
}

/* ---- reading ---- */

static void zero_iov(const struct iovec *iov, int nr)
{
	for (; nr--; iov++)
		memset(iov->iov_base, 0, iov->iov_len);
}

static int read_piece(struct layer *l, const struct image_piece *p, uint64_t off, struct iovec *iov,
	int nr, bool nowait)
{
	switch (p->fd) {
	case IMAGE_ZEROS: zero_iov(iov, nr); return 0;
	case IMAGE_DECODED: return l->ops->decode(l, off, iov, nr, nowait);
	}
	if (l->ops == &layer_raw_ops)
		return layer_read_raw(l, iov, nr, p->off, nowait);
	return layer_transfer(p->fd, false, iov, nr, p->off, nowait);
}

static int read_from(struct layer *l, uint64_t off, const struct iovec *iov, int nr, bool nowait)
{
	struct cursor c = { iov, nr, 0 };
	uint64_t end = off + iov_bytes(iov, nr);
	struct iovec part[MAX_IOV];
	struct image_piece p;
	struct layer *holder;
	int err;

	for (; off < end; off += p.len) {
		err = find(l, off, end - off, nowait, &p, &holder);
		if (err)
			return err;
		p.len = next_iov(&c, p.len, part, &nr);
		err = read_piece(holder, &p, off, part, nr, nowait);
		if (err)
			return err;
	}
	return 0;
}

int image_readv(struct image *im, uint64_t off, const struct iovec *iov, int nr, bool nowait)
{
	return read_from(im->top, off, iov, nr, nowait);
}

int image_readv_direct(struct image *im, uint64_t off, const struct iovec *iov, int nr)
{
	struct cursor c = { iov, nr, 0 };
	uint64_t len = iov_bytes(iov, nr), done, n, at;
	int fd = image_where_direct(im, off, len, &at);
	struct iovec part[MAX_IOV];

	if (fd < 0)
		return fd;
	for (done = 0; done < len; done += n) {
		ssize_t got;

		n = next_iov(&c, len - done, part, &nr);
		got = media_preadv2(fd, part, nr, at + done, 0);
		if (got != (ssize_t)n)
			return got < 0 ? -errno : -EAGAIN;
	}
	return 0;
}

/* ---- writing ---- */

/*
 * Completes the unit around @off in this layer: copies it from below if the layer lacks it.
 * fill_lock is held.
 */
static int fill_unit_locked(struct layer *l, uint64_t off)
{
	uint64_t start = off / l->unit * l->unit, n = l->unit;
	struct image_piece p;
	struct iovec iov;
	int err;

	if (n > l->size - start)
		n = l->size - start;
	err = l->ops->where(l, start, n, false, &p);
	if (err || p.fd != LAYER_BELOW)
		return err;
	iov = (struct iovec){ malloc(n), n };
	err = iov.iov_base ? read_from(l->below, start, &iov, 1, false) : -ENOMEM;
	if (!err)
		err = layer_pwrite(l->fd, iov.iov_base, n, l->base + start);
	if (!err)
		err = l->ops->own(l, start, n);
	free(iov.iov_base);
	return err;
}

/* True if the layer has all units that the range touches, in one piece. */
static bool holds(struct layer *l, uint64_t off, uint64_t len)
{
	uint64_t start = off / l->unit * l->unit,
		 end = (off + len + l->unit - 1) / l->unit * l->unit;
	struct image_piece p;

	if (end > l->size)
		end = l->size;
	return !l->ops->where(l, start, end - start, false, &p) && p.fd != LAYER_BELOW &&
	       p.len == end - start;
}

/* True if the host has blocks for the whole range in the layer's file. */
static bool has_blocks(const struct layer *l, uint64_t off, uint64_t len)
{
	off_t hole = lseek(l->fd, (off_t)(l->base + off), SEEK_HOLE);

	return hole >= (off_t)(l->base + off + len);
}

bool image_has_room(struct image *im, uint64_t off, uint64_t len, uint64_t room, uint64_t most)
{
	struct layer *l = im->top;
	struct stat st;

	if (!l->ops->own || host_fstat(l->fd, &st) || (uint64_t)st.st_blocks * 512 + room <= most)
		return true;
	/* a range that the layer has may be a hole of its file: zeros, or discarded */
	return holds(l, off, len) && (!room || has_blocks(l, off, len));
}

static void note_write(struct image *im)
{
	if (!__atomic_load_n(&im->written, __ATOMIC_RELAXED))
		__atomic_store_n(&im->written, true, __ATOMIC_RELAXED);
}

/* Called before [off, off + len) is changed in the file; finish() follows in any case. */
static int begin(struct layer *l, uint64_t off, uint64_t len, bool *locked)
{
	int err = l->ops->begin ? l->ops->begin(l, off, len) : 0;

	*locked = !err && l->unit > LAYER_SECTOR && !holds(l, off, len);
	if (!*locked)
		return err;
	pthread_mutex_lock(&l->fill_lock);
	if (off % l->unit)
		err = fill_unit_locked(l, off);
	if (!err && (off + len) % l->unit && off + len < l->size)
		err = fill_unit_locked(l, off + len);
	return err;
}

/* Marks the range as the layer's own, if no error occurred. */
static int finish(struct layer *l, uint64_t off, uint64_t len, bool locked, int err)
{
	if (!err && l->ops->own)
		err = l->ops->own(l, off, len);
	if (locked)
		pthread_mutex_unlock(&l->fill_lock);
	return err;
}

int image_writev(struct image *im, uint64_t off, const struct iovec *iov, int nr)
{
	struct layer *l = im->top;
	struct cursor c = { iov, nr, 0 };
	uint64_t len = iov_bytes(iov, nr), done, n;
	struct iovec part[MAX_IOV];
	bool locked;
	int err;

	backup_before(im, off, len);
	err = begin(l, off, len, &locked);
	for (done = 0; !err && done < len; done += n) {
		n = next_iov(&c, len - done, part, &nr);
		err = layer_transfer(l->fd, true, part, nr, l->base + off + done, false);
	}
	note_write(im);
	return finish(l, off, len, locked, err);
}

static int write_zeros(struct layer *l, uint64_t off, uint64_t len)
{
	static const uint8_t zeros[65536];
	uint64_t done, n;
	int err = 0;

	for (done = 0; !err && done < len; done += n) {
		n = len - done < sizeof(zeros) ? len - done : sizeof(zeros);
		err = layer_pwrite(l->fd, zeros, n, l->base + off + done);
	}
	return err;
}

int image_punch(struct image *im, uint64_t off, uint64_t len)
{
	struct layer *l = im->top;
	bool locked;
	int err;

	backup_before(im, off, len);
	err = begin(l, off, len, &locked);
	if (!err && media_punch(l->fd, l->base + off, len) < 0)
		err = -EOPNOTSUPP;
	note_write(im);
	return finish(l, off, len, locked, err);
}

int image_zero(struct image *im, uint64_t off, uint64_t len)
{
	struct layer *l = im->top;
	bool locked;
	int err = image_punch(im, off, len);

	if (err != -EOPNOTSUPP)
		return err;
	err = begin(l, off, len, &locked);
	if (!err)
		err = write_zeros(l, off, len);
	return finish(l, off, len, locked, err);
}

/*
 * Gives back blocks of the first layer. It still has these ranges, which now read as zeros. Ranges
 * whose data is in other layers are not changed.
 */
int image_discard(struct image *im, uint64_t off, uint64_t len)
{
	struct layer *l = im->top;
	uint64_t end = off + len;
	struct image_piece p;
	int err;

	backup_before(im, off, len);
	for (; off < end; off += p.len) {
		err = l->ops->where(l, off, end - off, false, &p);
		if (err)
			return err;
		if (p.fd != l->fd)
			continue;
		err = l->ops->begin ? l->ops->begin(l, off, p.len) : 0;
		if (err)
			return err;
		if (media_punch(l->fd, p.off, p.len) < 0)
			return -EOPNOTSUPP;
		note_write(im);
	}
	return 0;
}

/* Flushes the parts below the first file that were written while they were the first. */
static int flush_parts(struct image *im)
{
	int err = 0;

	for (struct layer *l = im->top; !err && l->more; l = l->below) {
		if (!__atomic_load_n(&l->below->unflushed, __ATOMIC_ACQUIRE))
			continue;
		err = l->below->ops->flush(l->below);
		if (!err)
			__atomic_store_n(&l->below->unflushed, false, __ATOMIC_RELEASE);
	}
	return err;
}

int image_flush(struct image *im)
{
	int err;

	if (im->rdonly)
		return 0;
	err = flush_parts(im);
	if (err)
		return err;
	__atomic_store_n(&im->written, false, __ATOMIC_RELAXED);
	return im->top->ops->flush(im->top);
}

int image_at_exit(struct image *im)
{
	if (im->rdonly)
		return 0;
	if (im->top->ops->at_exit)
		return im->top->ops->at_exit(im->top);
	if (!__atomic_load_n(&im->written, __ATOMIC_RELAXED) || layer_is_nameless(im->top))
		return 0;
	return layer_sync(im->top);
}
