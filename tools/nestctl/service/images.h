/* SPDX-License-Identifier: MIT */
/* images.h: the images of the store, and their users. */
#ifndef NESTLING_NESTCTL_IMAGES_H
#define NESTLING_NESTCTL_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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

/*
 * Removes the images that nothing uses, of those that fit (NULL: all), and prints their names. One
 * that is used meanwhile stays, with a message. Returns the bytes that are free now.
 */
struct image_filter;
uint64_t images_prune(const struct image_filter *only);

/* `nestctl image rm`, `prune`, and `image ls`, which is `images` as docker has it */
extern const struct command cmd_image_rm, cmd_image_ls, cmd_image_prune;
extern const struct command cmd_image_inspect; /* inspect.c */

#endif
