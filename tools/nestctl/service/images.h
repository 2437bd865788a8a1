/* SPDX-License-Identifier: MIT */
/* images.h: the images of the store, and which instances use them. */
#ifndef NESTLING_NESTCTL_IMAGES_H
#define NESTLING_NESTCTL_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct command;

/* An image: its name, its path and its stat(2) data. The texts are never freed. */
struct image {
	const char *name, *file;
	struct stat st;
};
/*
 * Returns the images of the store, sorted by name, in an array that the caller frees. @only: a
 * pattern for their names, or NULL for all. *count: their number, which may be 0. Dies on an error.
 */
struct image *images_all(const char *only, size_t *count);
/* True if a kept or running instance needs the image. */
bool image_is_used(const struct image *im);

/*
 * Removes the unused images among those that @only selects (NULL: all), and prints their names. An
 * image that cannot be removed, such as one that an instance uses by now, stays, with a message.
 * Returns the number of bytes freed on the disk.
 */
struct image_filter;
uint64_t images_prune(const struct image_filter *only);

/* `nestctl image rm`, `image prune`, and `image ls`, which is docker's name for `images` */
extern const struct command cmd_image_rm, cmd_image_ls, cmd_image_prune;
extern const struct command cmd_image_inspect; /* inspect.c */

#endif
