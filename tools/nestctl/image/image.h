/* SPDX-License-Identifier: MIT */
/* image.h: shared by the files of `nestctl image`. */
#ifndef NESTLING_NESTCTL_IMAGE_H
#define NESTLING_NESTCTL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/nestctl/core/command.h"

/*
 * An image's settings, in the file IMAGE.config beside it: NUL-terminated strings, each of which
 * begins with a letter.
 *
 *    eNAME=VALUE   environment
 *    wDIR          the command's working folder
 *    uUSER[:GROUP] the command's user
 *    x, c          a word of the entry point (OCI's Entrypoint); a word of its arguments or of the
 *                  command (Cmd)
 *    pPORT/KIND    a port that a program serves (ExposedPorts), such as "80/tcp"
 *    vDIR          a folder for data of each instance (Volumes)
 *    lNAME=VALUE   a label
 *    sSIGNAL       the signal that ends the command (StopSignal), a name or a number
 *    h             a word of its health check (Healthcheck.Test); the first one is NONE, CMD
 *                  or CMD-SHELL
 *    iNAME=N       a number of the health check, see struct image_health
 *    b             a word of the shell of `nestctl build` (Shell)
 *    oTEXT         an instruction for a build from this image (OnBuild)
 *    aTEXT, mTEXT  its author; a comment on the image
 *
 * Readers ignore unknown letters.
 */
struct image_config {
	char *text;
	size_t size; /* 0: there are no settings */
};
/*
 * Reads the settings beside the image file @image; none if the file is missing. Dies on another
 * error. The text is never freed.
 */
struct image_config image_config_read(const char *image);
/* Returns "IMAGE.config" for the path of an image. The text is never freed. */
const char *image_config_path(const char *image);
/*
 * image_config_is_ours(): true if IMAGE.config is missing or has settings. Otherwise it is a user's
 * own file. image_config_must_be_ours() dies in that case.
 */
bool image_config_is_ours(const char *image);
void image_config_must_be_ours(const char *image);
/*
 * Returns the first string that begins with @letter, without the letter, or NULL. It is a part of
 * c->text.
 */
const char *image_config_get(const struct image_config *c, char letter);
/*
 * Returns all strings that begin with @letter, without the letter, and NULL at the end. The list is
 * never freed, the strings are parts of c->text.
 */
const char **image_config_list(const struct image_config *c, char letter);

/* A health check. 0 of a time or of @retries: docker's default. */
struct image_health {
	/* NONE, CMD WORD... or CMD-SHELL TEXT, ending in NULL. Empty: there is no check. */
	const char **test;
	/* Times are in ns. @retries: failures in a row after which the instance is unhealthy. */
	uint64_t interval, timeout, start_period, start_interval, retries;
};
/*
 * Returns the health check of the settings @c. Its list is never freed, the words are parts of
 * c->text.
 */
struct image_health image_config_health(const struct image_config *c);

/* True for "80", "80/tcp", "80/udp" and "80/sctp" (oci_config.c). */
bool image_is_port(const char *text);

/*
 * Replaces the settings of the image file @image, completely or not at all. @text: @size bytes in
 * the form of struct image_config. @size 0 removes the file. Dies on an error.
 */
void image_config_write(const char *image, const char *text, size_t size);

/* ---- image_store.c; a name with a slash is a path outside of the store and is not locked ---- */
/*
 * Locks a name until this process ends, so that no other nestctl makes or removes the image @name.
 * Makes the store if it is missing, and removes what killed processes have left in it. Dies on an
 * error, and if another nestctl has the lock.
 */
void image_lock(const char *name);
/*
 * Dies if no image can have this name: one of the store that is hidden or too long, or a path (a
 * name with a slash) in a folder that is not there.
 */
void image_check_name(const char *name);
/*
 * Locks the name of a new image and returns its path, as image_path() does. Dies if the image
 * exists or the name is invalid.
 */
const char *image_reserve(const char *name);
/*
 * Gives the image @from, a path, the further name @to, a path of image_reserve(): a hard link and
 * the same settings. Dies on an error.
 */
void image_link(const char *from, const char *to);
/*
 * Dies if an instance runs over the image file @path, which messages call @name, or if it cannot be
 * opened.
 */
void image_must_be_idle(const char *path, const char *name);
/* Removes an image with its settings. Dies if an instance runs over it, or on an error. */
void image_remove(const char *name);

/*
 * Descriptions of the commands (image_rows.c), and their functions, which run in the program
 * nestctl-image. They return the exit status, or die. copy_files() is `nestctl cp`.
 */
extern const struct command cmd_image_build, cmd_image_import, cmd_image_export;
int image_build(int argc, char **argv);
int image_import(int argc, char **argv);
int image_export(int argc, char **argv);
int copy_files(int argc, char **argv);

/* Path of the nestctl that started nestctl-image (image_main.c). */
extern const char *nestctl_path;

#endif
