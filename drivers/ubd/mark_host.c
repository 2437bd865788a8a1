/* SPDX-License-Identifier: MIT */
/*
 * mark_host.c: puts a disk back in place, for the front end (ubd_host.h). While there is a mark,
 * the first file of the chain is a layer in memory, empty at first. Going back replaces it by a new
 * empty one, if anything was written. After a rollback the first file is already an empty one
 * without a name on the host's disk; a rollback in place replaces that file.
 *
 * During all of these calls the machine is stopped, and no request is in progress.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/ubd/chain_host.h"
#include "drivers/ubd/cow_host.h"
#include "drivers/ubd/disk_host.h"
#include "drivers/ubd/image_host.h"
#include "drivers/ubd/media_host.h"
#include "drivers/ubd/part_host.h"
#include "drivers/ubd/state_host.h"
#include "drivers/ubd/ubd_host.h"
#include "os-linux/host.h"

struct disk_mark {
	struct layer *layer;
	/* blocks that the layer's file had when the layer was empty */
	blkcnt_t blocks;
};

static blkcnt_t blocks_of(const struct layer *l)
{
	struct stat st;

	return host_fstat(l->fd, &st) ? -1 : st.st_blocks;
}

static struct layer *new_layer(const struct ubd_host *h)
{
	int fd = memfd_create("ubd", MFD_CLOEXEC);
	char why[600];

	if (fd < 0)
		return NULL;
	if (cow_init_part(fd, h->size)) {
		close(fd);
		return NULL;
	}
	return layer_open_fd(fd, h->file, 0, why, sizeof(why));
}

/* Notes the layer that the disk writes to from now on. */
static void note_layer(struct disk_mark *m, struct layer *l)
{
	m->layer = l;
	m->blocks = blocks_of(l);
}

int ubd_host_mark(int host)
{
	struct ubd_host *h = os_object(host);
	struct layer *l;

	if (h->mark)
		return -EBUSY;
	h->mark = calloc(1, sizeof(*h->mark));
	l = h->mark ? new_layer(h) : NULL;
	if (!l) {
		free(h->mark);
		h->mark = NULL;
		return -ENOMEM;
	}
	note_layer(h->mark, l);
	image_push(h->image, l);
	return 0;
}

int ubd_host_put_back(int host)
{
	struct ubd_host *h = os_object(host);
	struct layer *old = h->mark ? h->mark->layer : NULL, *l;

	if (!old || blocks_of(old) == h->mark->blocks)
		return old ? 0 : -EINVAL;
	l = new_layer(h);
	if (!l)
		return -ENOMEM;
	note_layer(h->mark, l);
	image_replace(h->image, l);
	layer_close(old, true);
	return 0;
}

void ubd_host_unmark(int host)
{
	struct ubd_host *h = os_object(host);

	if (!h->mark)
		return;
	image_pop(h->image);
	layer_close(h->mark->layer, true);
	free(h->mark);
	h->mark = NULL;
}

/* ---- a rollback in place ---- */

int ubd_host_note(int host)
{
	struct ubd_host *h = os_object(host);
	const struct layer *top = h->image->top;

	h->noted = NULL;
	if (h->flags & UBD_F_KEPT || top->ops == &layer_raw_ops || !top->more ||
		!file_is_nameless(top->fd) || media_watches())
		return -EOPNOTSUPP;
	h->noted = top;
	h->noted_blocks = blocks_of(top);
	return 0;
}

/* Makes an empty file like @old, in its folder or in @dir. Returns its layer or NULL. */
static struct layer *another(const struct layer *old, const char *dir)
{
	int fd = fcntl(old->fd, F_DUPFD_CLOEXEC, 3);
	char why[600];

	if (fd >= 0)
		fd = disk_empty_file(fd, dir);
	if (fd < 0)
		return NULL;
	if (cow_init_part(fd, old->size)) {
		close(fd);
		return NULL;
	}
	return layer_open_fd(fd, old->path, IMAGE_DIRECT, why, sizeof(why));
}

static void close_file(void *fd)
{
	close((int)(intptr_t)fd);
}

/*
 * Drops the file that was written. A thread closes it, since the host then has to free its blocks.
 */
static void drop(struct layer *old)
{
	int fd = fcntl(old->fd, F_DUPFD_CLOEXEC, 3);

	layer_close(old, true);
	if (fd >= 0 && os_worker_start("old-file", close_file, (void *)(intptr_t)fd))
		close(fd);
}

int ubd_host_go_back(int host, const char *dir)
{
	struct ubd_host *h = os_object(host);
	struct layer *old = h->image->top, *l;

	if (h->mark || h->save || old != h->noted)
		return -EBUSY;
	if (blocks_of(old) == h->noted_blocks)
		return 0;
	l = another(old, dir);
	if (!l)
		return -ENOMEM;
	image_replace(h->image, l);
	drop(old);
	h->noted = l;
	h->noted_blocks = blocks_of(l);
	return 0;
}
