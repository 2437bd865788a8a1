/* SPDX-License-Identifier: MIT */
/* unit.h: kept instances as services of systemd. */
#ifndef NESTLING_NESTCTL_UNIT_H
#define NESTLING_NESTCTL_UNIT_H

#include <stdbool.h>

struct service;

/*
 * Writes the instance's unit into the folder where systemd searches for units, and makes systemd
 * start it now and at each boot. Dies on an error. If systemd refuses, removes the unit first.
 */
void unit_install(const struct service *s);
/* True if the instance @name has a unit. */
bool unit_exists(const char *name);
/* Removes the unit, if there is one. Warns on an error. */
void unit_remove(const char *name);

#endif
