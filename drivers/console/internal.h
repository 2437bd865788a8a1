/* SPDX-License-Identifier: MIT */
/* internal.h: between channel.c (what is said of a channel) and console.c (lines). */
#ifndef NESTLING_CON_INTERNAL_H
#define NESTLING_CON_INTERNAL_H

#include "kernel/lib/types.h"

#include "drivers/console/con_host.h"

/* "fd:0,fd:1", "pty" ...: 0 with o->in and o->out, or -EINVAL with a line in @err. Opens nothing. */
int channel_parse(const char *text, struct con_open *o, char *err, size_t size);
/* As it would be said again, with the name of a pseudo terminal that was made for it. */
void channel_print(const struct con_open *o, char *text, size_t size);

#endif
