/* SPDX-License-Identifier: MIT */
/* stop.h: ends an instance. */
#ifndef NESTLING_NESTCTL_STOP_H
#define NESTLING_NESTCTL_STOP_H

struct instance;
/*
 * Kills the running instance, also one that stands still. Does nothing if it is kept and does not
 * run. Dies if there is no such instance, or if its process does not end.
 */
void instance_kill(const struct instance *in);
/*
 * Parses "TERM", "SIGTERM", "15" or "RTMIN+3". Returns the signal's number in the guest. Dies on an
 * error with a message that begins with @what.
 */
int guest_signal(const char *what, const char *text);
/*
 * Parses the seconds that an instance has to end, 0 to 86400, and returns them. Dies on an error
 * with a message that begins with @what.
 */
int stop_seconds(const char *what, const char *text);

#endif
