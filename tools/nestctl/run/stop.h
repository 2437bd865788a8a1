/* SPDX-License-Identifier: MIT */
/* stop.h: ends an instance. */
#ifndef NESTLING_NESTCTL_STOP_H
#define NESTLING_NESTCTL_STOP_H

/* Ends the running instance @name at once. Dies if it does not run, or does not end. */
void instance_kill(const char *name);

#endif
