/* SPDX-License-Identifier: MIT */
/*
 * backup_host.h: copies the first file of an image as of one instant, while writes to the image
 * continue. Host world.
 *
 * From backup_start() on, a write first copies the region that it changes; backup_run() copies the
 * rest. So the file keeps its place and data, and the copy has the file's content as of
 * backup_start(). If the copy fails, writes continue.
 */
#ifndef NESTLING_UBD_BACKUP_HOST_H
#define NESTLING_UBD_BACKUP_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/ubd/chain_host.h"

/*
 * Opens the empty file @fd, which is taken over, as a layer of the format, and with the header, of
 * @of. @name is for messages. Returns NULL with one line in @err.
 */
struct layer *backup_blank(const struct layer *of, int fd, const char *name, char *err, size_t n);

/* Gets ready for a copy of the image's first file to @to, which is taken over. NULL: no memory. */
struct backup *backup_new(struct layer *from, struct layer *to);
/* Starts a copy of the image's present content. No request is under way. */
void backup_start(struct image *im, struct backup *b);
/* Undoes backup_start(). No request is under way, and none has been since. */
void backup_stop(struct image *im);
/* Copies the regions that are not copied yet. Returns 0 or -errno. */
int backup_run(struct image *im);
/* Frees it, and closes the copy. Returns 0 or -errno: the copy is worth nothing. */
int backup_end(struct image *im, struct backup *b);

/* Copies the range before it is changed, if a copy is under way. */
void backup_region(struct image *im, uint64_t off, uint64_t len);
static inline void backup_before(struct image *im, uint64_t off, uint64_t len)
{
	if (__atomic_load_n(&im->backup, __ATOMIC_ACQUIRE))
		backup_region(im, off, len);
}

#endif
