/* SPDX-License-Identifier: MIT */
/*
 * part_host.h: the changes of a disk in several files, its parts. Host world.
 *
 * A save makes the disk's written file read-only and a part of the state, and the disk continues
 * with an empty file over it. So the changes that a disk has over its image are in a chain: the
 * file that is written, then parts (layer.more), then the image. In a state's folder they are
 * ubdN.layer, which was written at the moment of the save, ubdN.layer.1 below it, and so on.
 */
#ifndef NESTLING_UBD_PART_HOST_H
#define NESTLING_UBD_PART_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/ubd/layer_host.h"

/* limit of a disk's parts in a state, including the file that was written */
#define PARTS_MAX 4
/* limit when reading: a state may come from another host */
#define PARTS_READ 8
#define PART_NAME 4200 /* bytes of a part's path */

/* Writes the path of part @n, 0 the file that was written, to @name. Returns 0 or -ENAMETOOLONG. */
int part_name(char name[PART_NAME], const char *dir, uint32_t unit, int n);
/*
 * Copies the content of the layers from @first down to @last over that of @to. The uppermost layer
 * that has a sector provides it. Returns 0 or -errno; -EOPNOTSUPP: @to has another size, or units
 * larger than a sector.
 */
int part_merge(struct layer *first, const struct layer *last, struct layer *to);
/*
 * Opens a file in @dir that has no name, for reading and writing. If the host supports it, the file
 * can get a name later. Returns a descriptor, which the caller owns, or -errno.
 */
int part_new_file(const char *dir);
/* True if the file was opened without a name, or has lost the name by which it was opened. */
bool file_is_nameless(int fd);
/* Gives a file another name, which must not exist. Returns 0 or -errno. */
int file_link(int fd, const char *name);

#endif
