/* SPDX-License-Identifier: MIT */
/* image.h: what the files of `nestctl image` share. */
#ifndef NESTLING_NESTCTL_IMAGE_H
#define NESTLING_NESTCTL_IMAGE_H

#include <stddef.h>

#include "tools/nestctl/core/command.h"

/*
 * What an image says of its command, in the file IMAGE.config beside it: strings, each with its end, that begin with a letter:
 * eNAME=VALUE environment, wDIR, uUSER[:GROUP], x a word of what always runs (OCI's Entrypoint), c a word of its arguments or
 * of the command (Cmd).
 */
struct image_config {
	char *text;
	size_t size; /* 0: it says nothing */
};
struct image_config image_config_read(const char *image);
const char *image_config_path(const char *image);

/* In place of the old one, whole or not at all. @size 0: there is none any more. */
void image_config_write(const char *image, const char *text, size_t size);

/* image_store.c. A name with a slash is a path outside of the store, which is not locked. */
/* No other nestctl makes or removes the image @name until this process ends; the store is there. Dies. */
void image_lock(const char *name);
/* The path for a new image: locked, and nothing is there. Dies. */
const char *image_reserve(const char *name);
/* Dies where an instance runs over it. */
void image_remove(const char *name);

/* image_rows.c; the functions that nestctl-image runs for them. */
extern const struct command cmd_image_build, cmd_image_import, cmd_image_export;
int image_build(int argc, char **argv);
int image_import(int argc, char **argv);
int image_export(int argc, char **argv);

/* image_main.c: the nestctl that started nestctl-image. */
extern const char *nestctl_path;

#endif
