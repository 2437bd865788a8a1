/* SPDX-License-Identifier: MIT */
/*
 * backup_host.h: copies the first file of an image as of one instant, while writes to the image
 * continue. Host world.
 *
 * From backup_start() on, a write first copies the region that it changes; backup_run() copies the
 * rest. So the file stays the first of the image, and the copy has the file's content as of
 * backup_start(). If the copy fails, writes continue. The calls are backup_new(), _start(), _run(),
 * _end(); or backup_new(), _end().
 */
#ifndef NESTLING_UBD_BACKUP_HOST_H
#define NESTLING_UBD_BACKUP_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/ubd/chain_host.h"

/*
 * Opens the empty file @fd, which the layer owns, also on failure, as a layer with the format and
 * the header of @of. @name is for messages. Returns NULL with one line in @err, cut to @n bytes.
 */
struct layer *backup_blank(const struct layer *of, int fd, const char *name, char *err, size_t n);

/*
 * Prepares a copy of the image's first file @from to @to, which the copy owns. Returns NULL without
 * memory; @to is then closed.
 */
struct backup *backup_new(struct layer *from, struct layer *to);
/* Starts a copy of the image's present content. No request may be in progress. */
void backup_start(struct image *im, struct backup *b);
/*
 * Ends the copying before writes. Another backup_start() may follow only if no request was made
 * since the first.
 */
void backup_stop(struct image *im);
/* Copies the regions that are not copied yet. Takes long. Returns 0 or -errno. */
int backup_run(struct image *im);
/* Stops the copying, closes the copy and frees @b. Returns 0, or -errno if the copy is invalid. */
int backup_end(struct image *im, struct backup *b);

/* If a copy is in progress, copies the range (bytes). Called before the range is changed. */
void backup_region(struct image *im, uint64_t off, uint64_t len);
static inline void backup_before(struct image *im, uint64_t off, uint64_t len)
{
	if (__atomic_load_n(&im->backup, __ATOMIC_ACQUIRE))
		backup_region(im, off, len);
}

#endif
