/* SPDX-License-Identifier: MIT */
/*
 * state_host.h: the changes of a disk in the folder of a saved state: DIR/ubdN.layer and the parts
 * below it (part_host.h). Host world.
 */
#ifndef NESTLING_UBD_STATE_HOST_H
#define NESTLING_UBD_STATE_HOST_H

#include "drivers/ubd/image_host.h"
#include "drivers/ubd/part_host.h"
#include "drivers/ubd/ubd_host.h"

/*
 * A save of a disk. disk_save_prepare() and disk_save_complete() copy, and are called by a thread
 * that may wait. disk_save_stop() and disk_save_undo() are called while no request is in progress.
 * The calls are disk_save_new(), _prepare(), _stop(), _complete(), _free(). After _stop(), _undo()
 * and another _stop() may follow.
 */
struct disk_save;
/*
 * Begins a save of @im, which outlives it, as disk @unit into the folder @dir, which is copied.
 * @kept: the first file stays the one that is written. Returns NULL without memory.
 */
struct disk_save *disk_save_new(struct image *im, const char *dir, uint32_t unit, bool kept);
/* Puts files that do not change any more into the folder. Returns 0 or -errno with @err. */
int disk_save_prepare(struct disk_save *s, char *err, size_t size);
/* Fixes the content for the state: the disk's present content. */
void disk_save_stop(struct disk_save *s);
/* Undoes disk_save_stop(), after which nothing was written. */
void disk_save_undo(struct disk_save *s);
/*
 * Completes the files of the state or, if not @saved, removes them. Returns 0 or -errno with @err.
 */
int disk_save_complete(struct disk_save *s, bool saved, char *err, size_t size);
/* Frees @s, and what it has prepared and not used. */
void disk_save_free(struct disk_save *s);

/* the files with which to open an image that continues from a state */
struct disk_load {
	struct image_part parts[PARTS_READ];
	int nr_parts;
	int fd; /* the first file, or 0 */
	char names[PARTS_READ][PART_NAME];
};
/*
 * Gives the disk of @o its content as of the save of o->state. If o->file has no name, the disk
 * gets an empty file over the state's own, and @l lists the files to open. Otherwise the content is
 * copied to o->file, which is made if it does not exist, and @l is empty. @l is zeroed by the
 * caller, which owns the listed descriptors. Returns 0, or -errno with o->err set and none open.
 */
int disk_load(struct ubd_open *o, struct disk_load *l);
/*
 * If the file has no name, allows a jailed process to make other files without a name in its
 * folder.
 */
void disk_grant_folder(int fd);

/*
 * Returns an empty file without a name: @fd itself or, if @fd has content (perhaps now a state's),
 * a new file in its folder or in the folder @other, in exchange for @fd. On failure returns -errno,
 * and @fd is closed.
 */
int disk_empty_file(int fd, const char *other);
/* Fills in the identity of an image: see ubd_host.h. */
void image_identify(const struct image *im, struct ubd_base *base);
/*
 * Returns 0 if the image still has the time of @base, as image_identify() saw it. Otherwise returns
 * -ESTALE with one line in @err. Does not look at the file that has the image's name now: nestctl
 * save does.
 */
int image_check_base(const struct image *im, const struct ubd_base *base, char *err, size_t size);

#endif
