/* SPDX-License-Identifier: MIT */
/*
 * volume.h: folders with names, for `run -v NAME:PATH`. Each is a folder of
 * $XDG_DATA_HOME/nestling/volumes with `_data`, which instances see, and `volume`, JSON that says
 * when it was made and its labels.
 */
#ifndef NESTLING_NESTCTL_VOLUME_H
#define NESTLING_NESTCTL_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if @text may be a volume's name: letters, digits, then _ . - too. */
bool volume_is_name(const char *text);
bool volume_exists(const char *name);
/* Returns the folder that instances see. */
const char *volume_data(const char *name);
/* Makes one, unless it exists. @labels: "NAME=VALUE", ends in NULL; or NULL. Dies on an error. */
void volume_make(const char *name, char **labels);
/* Asks "@question [y/N] " on the terminal. Dies if there is none. False for another answer. */
bool volume_ask(const char *command, const char *question);
/* Removes the volumes that nothing uses, and prints their names. Returns the bytes. */
uint64_t volumes_prune(void);
struct volumes_sum {
	size_t all, used;
	uint64_t bytes, unused_bytes;
};
/* Returns what all of them have, for `nestctl system df`. */
struct volumes_sum volumes_sum(void);

#endif
