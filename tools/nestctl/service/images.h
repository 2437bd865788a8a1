/* SPDX-License-Identifier: MIT */
/* images.h: the images of the store, and their users. */
#ifndef NESTLING_NESTCTL_IMAGES_H
#define NESTLING_NESTCTL_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct command;

struct image {
	const char *name, *file;
	struct stat st;
};
/* Returns the images of the store, sorted by name; @only: those that fit a pattern, or NULL. */
struct image *images_all(const char *only, size_t *count);
/* True if a kept instance, or one that runs, needs the image. */
bool image_is_used(const struct image *im);

/* `nestctl image rm`, and `image ls`, which is `images` as docker has it */
extern const struct command cmd_image_rm, cmd_image_ls;

#endif
