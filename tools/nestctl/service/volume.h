/* SPDX-License-Identifier: MIT */
/*
 * volume.h: volumes, folders with names, for `run -v NAME:PATH`. Each is a folder of
 * $XDG_DATA_HOME/nestling/volumes with the folder `_data`, which instances see, and the file
 * `volume`, JSON with the time of its creation and its labels.
 */
#ifndef NESTLING_NESTCTL_VOLUME_H
#define NESTLING_NESTCTL_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * True if @text is a valid name: at most 200 letters, digits, and after the first character _ . -
 * too.
 */
bool volume_is_name(const char *text);
bool volume_exists(const char *name);
/* Returns the path of the volume's folder `_data`, which instances see. The text is never freed. */
const char *volume_data(const char *name);
/*
 * Makes the volume, unless it exists. @labels: a list of "NAME=VALUE" that ends in NULL, or NULL.
 * Dies on an error.
 */
void volume_make(const char *name, char **labels);
/*
 * Asks "@question [y/N] " on standard error. True if the user answers y on standard input. Dies
 * with a message about @command if one of them is no terminal.
 */
bool volume_ask(const char *command, const char *question);
/*
 * Prints the volume, which must exist, as `volume inspect` does: a row of @f, or JSON if @f is
 * NULL.
 */
struct fields;
void volume_print(const char *name, struct fields *f);
/*
 * Removes the unused volumes, and prints their names. Returns the number of bytes freed. Dies on an
 * error.
 */
uint64_t volumes_prune(void);
struct volumes_sum {
	/* number of volumes, and of those that an instance uses */
	size_t all, used;
	/* bytes on the disk of all volumes, and of the unused ones */
	uint64_t bytes, unused_bytes;
};
/* Returns sums over all volumes, for `nestctl system df`. */
struct volumes_sum volumes_sum(void);

#endif
