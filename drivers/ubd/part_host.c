/* SPDX-License-Identifier: MIT */
/* part_host.c: see part_host.h. */
#include "drivers/ubd/part_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/ubd/copy_host.h"
#include "os-linux/calls.h"

#define DECODE_MAX (256UL << 10)

int part_name(char name[PART_NAME], const char *dir, uint32_t unit, int n)
{
	int len = n ? snprintf(name, PART_NAME, "%s/ubd%u.layer.%d", dir, unit, n) :
		      snprintf(name, PART_NAME, "%s/ubd%u.layer", dir, unit);

	return len < PART_NAME ? 0 : -ENAMETOOLONG;
}

/* ---- merging ---- */

/*
 * Finds the first piece of [off, off + len) in the layers. *holder is the layer that has it, or
 * NULL.
 */
static int find(struct layer *l, const struct layer *last, uint64_t off, uint64_t len,
	struct image_piece *p, struct layer **holder)
{
	int err;

	*holder = NULL;
	p->len = len;
	for (;; l = l->below) {
		err = l->ops->where(l, off, p->len, false, p);
		if (err)
			return err;
		if (p->fd != LAYER_BELOW)
			*holder = l;
		if (*holder || l == last)
			return 0;
	}
}

/* Copies a compressed piece, or its beginning; p->len is then that of the beginning. */
static int copy_decoded(struct layer *holder, struct layer *to, uint64_t off, struct image_piece *p)
{
	struct iovec iov;
	int err;

	if (p->len > DECODE_MAX)
		p->len = DECODE_MAX;
	iov = (struct iovec){ malloc(p->len), p->len };
	err = iov.iov_base ? holder->ops->decode(holder, off, &iov, 1, false) : -ENOMEM;
	if (!err)
		err = layer_pwrite(to->fd, iov.iov_base, p->len, to->base + off);
	free(iov.iov_base);
	return err;
}

static int copy_piece(struct layer *holder, struct layer *to, uint64_t off, struct image_piece *p)
{
	int err = to->ops->begin ? to->ops->begin(to, off, p->len) : 0;

	if (!err && p->fd == IMAGE_DECODED)
		err = copy_decoded(holder, to, off, p);
	else if (!err)
		err = file_copy_part(
			holder->fd, (off_t)p->off, to->fd, (off_t)(to->base + off), (off_t)p->len);
	if (!err && to->ops->own)
		err = to->ops->own(to, off, p->len);
	return err;
}

int part_merge(struct layer *first, const struct layer *last, struct layer *to)
{
	struct image_piece p;
	struct layer *holder;
	int err = 0;

	/* a unit that is written in part would have to be completed from below */
	if (to->unit != LAYER_SECTOR || to->size != first->size)
		return -EOPNOTSUPP;
	for (uint64_t off = 0; !err && off < first->size; off += p.len) {
		err = find(first, last, off, first->size - off, &p, &holder);
		if (!err && holder)
			err = copy_piece(holder, to, off, &p);
	}
	return err;
}

/* ---- files without names ---- */

int part_new_file(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char name[PART_NAME];

	if (fd >= 0)
		return fd;
	if (snprintf(name, sizeof(name), "%s/layer-XXXXXX", dir) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(name);
	return fd;
}

static void self_name(char name[40], int fd)
{
	snprintf(name, 40, "/proc/self/fd/%d", fd);
}

bool file_is_nameless(int fd)
{
	static const char mark[] = " (deleted)";
	char self[40], target[PART_NAME];
	struct stat st, named;
	ssize_t n;

	self_name(self, fd);
	n = readlink(self, target, sizeof(target) - 1);
	if (n <= (ssize_t)strlen(mark) || strncmp(target + n - strlen(mark), mark, strlen(mark)))
		return false;
	target[n] = '\0';
	/* false if a file of this very name exists: then the ending is part of the name */
	return host_fstat(fd, &st) || stat(target, &named) || st.st_dev != named.st_dev ||
	       st.st_ino != named.st_ino;
}

int file_link(int fd, const char *name)
{
	char self[40];

	self_name(self, fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) ? -errno : 0;
}
