/* SPDX-License-Identifier: MIT */
/*
 * chain_host.c: opens and locks the files of an image, from the first one down, and closes them.
 *
 * Locks are F_OFD_SETLK on whole files: for writing on a file that is written, for reading on all
 * others. So many instances share a backing file, no two write to one file, and no file is written
 * that is another's backing file. A lock ends with its descriptor.
 */
#include "drivers/ubd/chain_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/ubd/cow_host.h"
#include "drivers/ubd/trust_host.h"
#include "os-linux/calls.h"

static int fail(struct image_open *o, const char *file, const char *why)
{
	snprintf(o->err, sizeof(o->err), "%s: %s", file, why);
	return -EINVAL;
}

/*
 * Locks the file for writing or against writers. Returns 0, also if the host cannot lock it
 * (o->note), or -EINVAL with o->err set.
 */
static int lock_file(struct image_open *o, const char *file, int fd, bool write)
{
	struct flock fl = { .l_type = write ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };
	char who[100], why[200];
	int err;

	if (o->flags & IMAGE_SHARED)
		return 0;
	err = file_lock(fd, &fl, who, sizeof(who));
	if (!err)
		return 0;
	if (err == -EAGAIN) {
		snprintf(why, sizeof(why), "is %s by another instance%s",
			write ? "in use" : "being written",
			who[0] ? who : ", or another disk of this one");
		return fail(o, file, why);
	}
	if (err == -ENOLCK || err == -EINVAL || err == -EOPNOTSUPP) {
		snprintf(o->note, sizeof(o->note), "%s: the host cannot lock it", file);
		return 0;
	}
	return fail(o, file, strerror(-err));
}

/*
 * Opens a file for writing if that is requested and possible; o->rdonly is the result. O_NONBLOCK,
 * in every open of this file, makes the open of a FIFO fail at once instead of waiting for a peer;
 * it has no effect on files and disks.
 */
static int open_file(struct image_open *o, const char *file)
{
	int fd = -1;

	if (!o->rdonly) {
		fd = open(file, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM)) {
			fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
			if (fd >= 0) {
				snprintf(o->note, sizeof(o->note),
					"%s: no permission to write, read-only", file);
				o->rdonly = true;
			}
		}
	} else {
		fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	return fd < 0 ? fail(o, file, strerror(errno)) : fd;
}

/* ---- layers ---- */

static void layer_free(struct layer *l, bool clean)
{
	while (l) {
		struct layer *below = l->below;

		if (l->ops)
			l->ops->close(l, clean && !l->rdonly);
		if (l->fd >= 0)
			close(l->fd);
		if (l->direct_fd >= 0)
			close(l->direct_fd);
		free(l->path);
		free(l);
		l = below;
	}
}

static struct layer *layer_new(const char *path, int fd, bool rdonly)
{
	struct layer *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->path = strdup(path);
	if (!l->path) {
		free(l);
		return NULL;
	}
	l->fd = fd;
	l->direct_fd = -1;
	l->rdonly = rdonly;
	l->unit = LAYER_SECTOR;
	pthread_mutex_init(&l->fill_lock, NULL);
	return l;
}

/* Closes the descriptors of parts that are not in a layer yet. */
static void drop_parts(struct image_open *o, int from)
{
	for (int i = from; i < o->nr_parts; i++)
		close(o->parts[i].fd);
}

/* Links the parts below the first layer. They are opened after it. */
static int add_parts(struct image_open *o, struct layer *l)
{
	for (int i = 0; i < o->nr_parts; i++) {
		l->below = layer_new(o->parts[i].name, o->parts[i].fd, true);
		if (!l->below) {
			drop_parts(o, i);
			return fail(o, o->file, strerror(ENOMEM));
		}
		l->more = true;
		l = l->below;
	}
	return 0;
}

/* Returns 0 if the file can be an image and is not in the chain already. */
static int check_file(struct image_open *o, const struct layer *top, struct layer *l)
{
	const struct layer *above;
	struct stat st;

	if (host_fstat(l->fd, &st) < 0)
		return fail(o, l->path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return fail(o, l->path, "is a directory, not an image");
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return fail(o, l->path, "is neither a file nor a block device");
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	for (above = top; above && above != l; above = above->below)
		if (above->dev == l->dev && above->ino == l->ino)
			return fail(o, l->path, "is a backing file of itself");
	return 0;
}

/*
 * Opens a file again with O_DIRECT, which is a flag of the open file description: writes use the
 * other description, through the host's cache. Returns -1 if the host does not support that.
 */
static int open_direct(int fd)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return open(self, O_RDONLY | O_DIRECT | O_CLOEXEC | O_NONBLOCK);
}

/* Reads the file's format; lo->backing is the file below. */
static int open_format(struct image_open *o, struct layer *l, bool raw, struct layer_open *lo)
{
	int kind = raw ? COW_NONE : cow_kind(l->fd), err;

	if (kind == COW_NESTLING)
		err = cow4_open(l, lo);
	else
		err = kind == COW_UML ? layer_open_cow3(l, lo) : layer_open_raw(l, lo);
	o->damaged = err == -EINVAL || err == -EIO;
	if (err)
		return fail(o, l->path, lo->why[0] ? lo->why : strerror(-err));
	if (!l->size)
		return fail(o, l->path, "is empty");
	if (l->size > (1UL << 56))
		return fail(o, l->path, "is too large");
	return 0;
}

/*
 * Writes the backing file's new name into the header: the user has named the same file by another
 * name.
 */
static void note_backing(
	struct image_open *o, struct layer *l, const char *backing, const struct layer_open *lo)
{
	char *real = realpath(backing, NULL);

	if (real && strcmp(real, lo->backing) &&
		!l->ops->rebase(l, real, l->below->fd, lo->backing_raw))
		snprintf(o->note, sizeof(o->note), "%s: its backing file is now %.150s", l->path,
			real);
	free(real);
}

static int open_layer(struct image_open *o, struct image *im, struct layer *l, const char *backing,
	bool raw, int depth);
static int open_below(struct image_open *o, struct image *im, struct layer *l, const char *backing,
	bool raw, int depth);

/* Opens the part below @l, whose layer is already linked. */
static int open_part(
	struct image_open *o, struct image *im, struct layer *l, const char *backing, int depth)
{
	int err = depth + 1 >= IMAGE_DEPTH ?
			  fail(o, l->path, "the chain of backing files is too long") :
			  open_layer(o, im, l->below, backing, false, depth + 1);

	if (!err && l->below->size != l->size)
		err = fail(o, l->below->path, "is of another size than the file over it");
	return err;
}

/*
 * Opens the backing file of @l, if it has one, and compares it with the header. If only the header
 * names the file, it must be trusted (trust_host.h).
 */
static int open_backing(struct image_open *o, struct image *im, struct layer *l,
	const char *backing, struct layer_open *lo, int depth)
{
	int err = 0;

	if (backing && !lo->backing)
		err = fail(o, l->path,
			l->ops == &layer_raw_ops ? "not a COW file" : "has no backing file");
	if (!err && lo->backing && !backing && !(o->flags & IMAGE_TRUST) &&
		!backing_counts(l->fd, l->path, lo->backing, lo->why, sizeof(lo->why)))
		err = fail(o, l->path, lo->why);
	if (!err && lo->backing)
		err = open_below(
			o, im, l, backing ? backing : lo->backing, lo->backing_raw, depth + 1);
	if (!err && l->below && !(o->flags & IMAGE_ANY) && l->ops->check(l, lo))
		err = fail(o, l->path, lo->why);
	if (!err && backing && lo->backing && !(o->flags & IMAGE_PASSING))
		backing_remember(l->fd, backing);
	if (!err && backing && lo->backing && !l->rdonly && !(o->flags & IMAGE_ANY))
		note_backing(o, l, backing, lo);
	return err;
}

/*
 * Opens @l, a layer with a descriptor, and the layers below it. @backing is a name that replaces
 * the one in the header, or NULL.
 */
static int open_layer(struct image_open *o, struct image *im, struct layer *l, const char *backing,
	bool raw, int depth)
{
	struct layer_open lo = { 0 };
	int err = check_file(o, im->top, l);

	if (!err)
		err = lock_file(o, l->path, l->fd, !l->rdonly);
	if (!err)
		err = open_format(o, l, raw, &lo);
	if (!err && o->flags & IMAGE_DIRECT)
		l->direct_fd = open_direct(l->fd);
	if (!err)
		err = l->more ? open_part(o, im, l, backing, depth) :
				open_backing(o, im, l, backing, &lo, depth);
	free(lo.backing);
	return err;
}

static int open_below(struct image_open *o, struct image *im, struct layer *l, const char *backing,
	bool raw, int depth)
{
	int fd;

	if (depth >= IMAGE_DEPTH)
		return fail(o, l->path, "the chain of backing files is too long");
	fd = open(backing, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail(o, backing, strerror(errno));
	l->below = layer_new(backing, fd, true);
	if (!l->below) {
		close(fd);
		return fail(o, backing, strerror(ENOMEM));
	}
	return open_layer(o, im, l->below, NULL, raw, depth);
}

/* Makes a COW file that does not exist, after all checks that may refuse it. */
static int make_cow(struct image_open *o)
{
	struct layer below = { .path = (char *)o->backing };
	char why[400];
	int fd, err;

	if (o->rdonly)
		return fail(o, o->file, "no such COW file, and read-only: none is made");
	below.fd = open(o->backing, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (below.fd < 0)
		return fail(o, o->backing, strerror(errno));
	err = check_file(o, NULL, &below);
	if (!err)
		err = lock_file(o, o->backing, below.fd, false);
	if (!err) {
		fd = cow_create(o->file, o->backing, below.fd, why, sizeof(why));
		err = fd < 0 ? fail(o, o->file, why) : fd;
		if (fd >= 0 && !(o->flags & IMAGE_PASSING))
			backing_remember(fd, o->backing);
	}
	close(below.fd);
	return err;
}

/* Opens the first file. Returns a descriptor, or -errno with o->err. */
static int open_first(struct image_open *o)
{
	if (o->fd)
		return o->fd;
	if (o->backing && access(o->file, F_OK) < 0 && errno == ENOENT)
		return make_cow(o);
	return open_file(o, o->file);
}

static bool odd_bytes(int fd)
{
	struct stat st;

	return !host_fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size % (off_t)LAYER_SECTOR;
}

int image_open(struct image_open *o)
{
	struct image *im = calloc(1, sizeof(*im));
	int fd, err = -EINVAL;

	o->rdonly = !!(o->flags & IMAGE_RDONLY);
	o->note[0] = o->err[0] = 0;
	o->image = NULL;
	fd = im ? open_first(o) : fail(o, o->file, strerror(ENOMEM));
	if (fd < 0)
		goto err_parts;
	im->top = layer_new(o->file, fd, o->rdonly);
	if (!im->top) {
		close(fd);
		fail(o, o->file, strerror(ENOMEM));
		goto err_parts;
	}
	pthread_mutex_init(&im->backup_lock, NULL);
	err = add_parts(o, im->top);
	if (!err)
		err = open_layer(
			o, im, im->top, o->backing, o->flags & IMAGE_RAW && !o->backing, 0);
	if (err)
		goto err_free;
	if (o->flags & IMAGE_SECTORS && im->top->ops == &layer_raw_ops && odd_bytes(im->top->fd)) {
		err = fail(o, o->file, "is not whole sectors of 512 bytes (truncate -s %512)");
		goto err_free;
	}
	im->rdonly = o->rdonly;
	im->size = o->size = im->top->size;
	o->image = im;
	return 0;

err_parts:
	drop_parts(o, 0);
	free(im);
	return err;

err_free:
	layer_free(im->top, false);
	free(im);
	return err;
}

int image_close(struct image *im)
{
	int err;

	if (!im)
		return 0;
	err = image_flush(im);
	layer_free(im->top, !err);
	free(im);
	return err;
}

/* ---- adding and removing layers ---- */

struct layer *layer_open_fd(int fd, const char *path, uint32_t flags, char *err, size_t size)
{
	struct image_open o = { .file = path, .flags = flags };
	struct layer *l = layer_new(path, fd, flags & IMAGE_RDONLY);
	struct layer_open lo = { 0 };
	int bad;

	if (!l) {
		close(fd);
		snprintf(err, size, "%s: %s", path, strerror(ENOMEM));
		return NULL;
	}
	bad = check_file(&o, NULL, l);
	if (!bad)
		bad = lock_file(&o, path, fd, !l->rdonly);
	if (!bad)
		bad = open_format(&o, l, flags & IMAGE_RAW, &lo);
	free(lo.backing);
	if (bad) {
		layer_free(l, false);
		snprintf(err, size, "%s", o.err);
		return NULL;
	}
	if (flags & IMAGE_DIRECT)
		l->direct_fd = open_direct(fd);
	return l;
}

void layer_close(struct layer *l, bool clean)
{
	layer_free(l, clean);
}

/*
 * Changes the lock. The host cannot refuse a weaker lock, nor a stronger one on a file that no
 * other process can open. A file with a name keeps its lock: the host could refuse the stronger one
 * later, when another process reads what this one is about to write.
 */
void layer_set_rdonly(struct layer *l, bool rdonly)
{
	struct flock fl = { .l_type = rdonly ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

	fcntl(l->fd, F_OFD_SETLK, &fl);
	l->rdonly = rdonly;
}

void image_push(struct image *im, struct layer *l)
{
	struct layer *old = im->top;

	old->rdonly = true;
	if (__atomic_exchange_n(&im->written, false, __ATOMIC_ACQ_REL))
		__atomic_store_n(&old->unflushed, true, __ATOMIC_RELEASE);
	l->below = old;
	l->more = true;
	__atomic_store_n(&im->top, l, __ATOMIC_RELEASE);
}

void image_pop(struct image *im)
{
	struct layer *l = im->top, *old = l->below;

	old->rdonly = im->rdonly;
	if (__atomic_exchange_n(&old->unflushed, false, __ATOMIC_ACQ_REL))
		__atomic_store_n(&im->written, true, __ATOMIC_RELEASE);
	l->below = NULL;
	l->more = false;
	__atomic_store_n(&im->top, old, __ATOMIC_RELEASE);
}

void image_replace(struct image *im, struct layer *l)
{
	struct layer *old = im->top;

	l->below = old->below;
	l->more = old->more;
	old->below = NULL;
	old->more = false;
	__atomic_store_n(&im->written, false, __ATOMIC_RELEASE);
	__atomic_store_n(&im->top, l, __ATOMIC_RELEASE);
}
