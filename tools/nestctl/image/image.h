/* SPDX-License-Identifier: MIT */
/* image.h: what the files of `nestctl image` share. */
#ifndef NESTLING_NESTCTL_IMAGE_H
#define NESTLING_NESTCTL_IMAGE_H

#include <stddef.h>

#include "tools/nestctl/core/command.h"

/*
 * An image's settings for its command, in the file IMAGE.config beside it: terminated strings that
 * begin with a letter. eNAME=VALUE environment; wDIR; uUSER[:GROUP]; x a word that always runs
 * (OCI's Entrypoint); c a word of its arguments or of the command (Cmd).
 */
struct image_config {
	char *text;
	size_t size; /* 0: no settings */
};
struct image_config image_config_read(const char *image);
const char *image_config_path(const char *image);

/* Replaces the old file, whole or not at all. @size 0 removes it. */
void image_config_write(const char *image, const char *text, size_t size);

/* image_store.c. A name with a slash is a path outside of the store, which is not locked. */
/*
 * Locks a name: no other nestctl makes or removes the image @name until this process ends. Makes
 * the store. Dies on an error.
 */
void image_lock(const char *name);
/* Returns the path for a new image, locked, at which nothing exists. Dies otherwise. */
const char *image_reserve(const char *name);
/* Removes an image. Dies if an instance runs over it. */
void image_remove(const char *name);

/* image_rows.c; nestctl-image runs the functions. */
extern const struct command cmd_image_build, cmd_image_import, cmd_image_export;
int image_build(int argc, char **argv);
int image_import(int argc, char **argv);
int image_export(int argc, char **argv);
int copy_files(int argc, char **argv);

/* The nestctl that started nestctl-image (image_main.c). */
extern const char *nestctl_path;

#endif
