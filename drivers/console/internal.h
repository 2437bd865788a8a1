/* SPDX-License-Identifier: MIT */
/* internal.h: declarations shared by channel.c (syntax of channels) and console.c (lines). */
#ifndef NESTLING_CON_INTERNAL_H
#define NESTLING_CON_INTERNAL_H

#include "kernel/lib/types.h"

#include "drivers/console/con_host.h"

/*
 * Parses a channel, such as "fd:0,fd:1" or "pty". Returns 0 with o->in and o->out set and the rest
 * of *o zeroed, or -EINVAL with a message in @err, cut to @size bytes. Opens nothing.
 */
int channel_parse(const char *text, struct con_open *o, char *err, size_t size);
/*
 * Prints a channel in that syntax to @text, cut to @size bytes. For a pseudo terminal, prints its
 * name too.
 */
void channel_print(const struct con_open *o, char *text, size_t size);

#endif
