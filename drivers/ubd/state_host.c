/* SPDX-License-Identifier: MIT */
/*
 * state_host.c: see state_host.h.
 *
 * A layer is copied whole, with its header: it opens as a file that was not closed. The file that
 * is to have its content is locked before it is changed, and must be empty, or hold a layer of its
 * kind: a wrong name on the command line destroys no image.
 */
#include "drivers/ubd/state_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/fs.h>

#include "drivers/ubd/chain_host.h"
#include "drivers/ubd/copy_host.h"
#include "drivers/ubd/cow_host.h"

#define NAME_MAX_OF_STATE 4200

static int fail(char *err, size_t size, const char *file, const char *why)
{
	snprintf(err, size, "%.300s: %.200s", file, why);
	return -EINVAL;
}

static int fail_host(char *err, size_t size, const char *file, int error)
{
	fail(err, size, file, strerror(-error));
	return error;
}

static int name_layer(char *name, const char *dir, uint32_t unit)
{
	int n = snprintf(name, NAME_MAX_OF_STATE, "%s/ubd%u.layer", dir, unit);

	return n < NAME_MAX_OF_STATE ? 0 : -ENAMETOOLONG;
}

static int sync_file(int fd)
{
	while (fsync(fd))
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* ---- saving ---- */

/* Writes what the format holds back in memory into the file. */
static int settle(struct image *im)
{
	return im->top->ops->at_exit ? image_flush(im) : 0;
}

int layer_save(struct image *im, const char *dir, uint32_t unit, char *err, size_t size)
{
	const struct layer *l = im->top;
	char name[NAME_MAX_OF_STATE];
	struct stat st;
	int to, result = name_layer(name, dir, unit);

	if (result)
		return fail_host(err, size, dir, result);
	if (fstat(l->fd, &st))
		return fail_host(err, size, l->path, -errno);
	if (!S_ISREG(st.st_mode))
		return fail(err, size, l->path,
			"is a block device, which no state keeps: a COW file over it can be saved");
	result = settle(im);
	if (result)
		return fail_host(err, size, l->path, result);
	to = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to < 0)
		return fail_host(err, size, name, -errno);
	result = file_copy_sparse(l->fd, to);
	if (!result)
		result = sync_file(to);
	close(to);
	if (result) {
		unlink(name);
		return fail_host(err, size, name, result);
	}
	return 0;
}

/* ---- going on ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Returns 0 if the content of @to may be replaced by that of @from. */
static int check_target(struct ubd_open *o, int from, int to)
{
	struct stat was, is;

	if (fstat(from, &was) || fstat(to, &is))
		return fail_host(o->err, sizeof(o->err), o->file, -errno);
	if (!S_ISREG(was.st_mode) || !S_ISREG(is.st_mode))
		return fail(o->err, sizeof(o->err), o->file, "is no file: name a new or empty one");
	if (same_file(&was, &is))
		return fail(o->err, sizeof(o->err), o->file,
			"is the state's own copy of the disk: name a new or empty file");
	if (!is.st_size)
		return 0;
	if ((cow_kind(from) == COW_NONE) != (cow_kind(to) == COW_NONE) ||
		(cow_kind(from) == COW_NONE && was.st_size != is.st_size))
		return fail(o->err, sizeof(o->err), o->file,
			"holds something else than this disk's changes: name a new or empty file");
	return 0;
}

/* Opens and locks the file that gets the content. */
static int open_target(struct ubd_open *o)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(o->file, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
	char holder[100], why[200];

	if (fd < 0)
		return fail_host(o->err, sizeof(o->err), o->file, -errno);
	if (o->flags & UBD_F_SHARED || !fcntl(fd, F_OFD_SETLK, &fl) ||
		(errno != EAGAIN && errno != EACCES))
		return fd;
	snprintf(why, sizeof(why), "is in use by another instance%s",
		file_holder(fd, holder, sizeof(holder)));
	close(fd);
	return fail(o->err, sizeof(o->err), o->file, why);
}

static int replace(struct ubd_open *o, int from)
{
	int to = open_target(o), err;

	if (to < 0)
		return to;
	err = check_target(o, from, to);
	if (!err) {
		err = file_copy_sparse(from, to);
		if (err)
			fail_host(o->err, sizeof(o->err), o->file, err);
	}
	close(to);
	return err;
}

int layer_load(struct ubd_open *o)
{
	char name[NAME_MAX_OF_STATE];
	int from, err = name_layer(name, o->state, o->unit);

	if (err)
		return fail_host(o->err, sizeof(o->err), o->state, err);
	from = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (from < 0)
		return fail_host(o->err, sizeof(o->err), name, -errno);
	err = replace(o, from);
	close(from);
	return err;
}

/* ---- what is only read ---- */

void image_identify(const struct image *im, struct ubd_base *base)
{
	const struct layer *l = im->rdonly ? im->top : im->top->below;
	struct stat st;

	memset(base, 0, sizeof(*base));
	if (!l || fstat(l->fd, &st))
		return;
	snprintf(base->file, sizeof(base->file), "%s", l->path);
	base->size = (uint64_t)st.st_size;
	if (S_ISBLK(st.st_mode)) /* its time is that of its entry in /dev */
		ioctl(l->fd, BLKGETSIZE64, &base->size);
	else
		base->ns = st.st_mtim.tv_sec * 1000000000L + st.st_mtim.tv_nsec;
}
