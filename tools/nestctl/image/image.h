/* SPDX-License-Identifier: MIT */
/* image.h: what the files of `nestctl image` share. */
#ifndef NESTLING_NESTCTL_IMAGE_H
#define NESTLING_NESTCTL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/nestctl/core/command.h"

/*
 * An image's settings, in the file IMAGE.config beside it: terminated strings that begin with a
 * letter.
 *
 *    eNAME=VALUE   environment
 *    wDIR          the folder of its command
 *    uUSER[:GROUP] its user
 *    x, c          a word that always runs (OCI's Entrypoint); a word of its arguments or of the
 *                  command (Cmd)
 *    pPORT/KIND    a port that it serves (ExposedPorts), as "80/tcp"
 *    vDIR          a folder with data of its own (Volumes)
 *    lNAME=VALUE   a label
 *    sSIGNAL       the signal that ends it (StopSignal), a name or a number
 *    h             a word of its health check (Healthcheck.Test), of which the first is NONE, CMD
 *                  or CMD-SHELL
 *    iNAME=N       a number of the health check, see struct image_health
 *    b             a word of the shell of `nestctl build` (Shell)
 *    oTEXT         an instruction for a build from this image (OnBuild)
 *    aTEXT, mTEXT  its author; what was said of it when it was made
 *
 * Readers ignore letters that they do not know.
 */
struct image_config {
	char *text;
	size_t size; /* 0: no settings */
};
struct image_config image_config_read(const char *image);
const char *image_config_path(const char *image);
/* Returns the first string of @letter, without it, or NULL. */
const char *image_config_get(const struct image_config *c, char letter);
/* Returns all strings of @letter, without it, ended by NULL, in memory that is never freed. */
const char **image_config_list(const struct image_config *c, char letter);

/* What a health check does; times in ns, 0: docker's default. */
struct image_health {
	/* NONE, CMD WORD... or CMD-SHELL TEXT; NULL at the end; empty: there is no check */
	const char **test;
	uint64_t interval, timeout, start_period, start_interval, retries;
};
struct image_health image_config_health(const struct image_config *c);

/* True for "80", "80/tcp", "80/udp" and "80/sctp" (oci_config.c). */
bool image_is_port(const char *text);

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
/* Dies if an instance runs over the image @path, which messages call @name. */
void image_must_be_idle(const char *path, const char *name);
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
