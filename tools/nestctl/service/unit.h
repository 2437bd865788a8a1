/* SPDX-License-Identifier: MIT */
/* unit.h: kept instances as services of systemd. */
#ifndef NESTLING_NESTCTL_UNIT_H
#define NESTLING_NESTCTL_UNIT_H

#include <stdbool.h>

struct service;

/*
 * Writes the unit of an instance where systemd looks for it, and has systemd start it now and at
 * each boot. Dies if that fails, without the unit.
 */
void unit_install(const struct service *s);
/* True if there is such a unit. */
bool unit_exists(const char *name);
/* Removes the unit, if there is one. */
void unit_remove(const char *name);

#endif
