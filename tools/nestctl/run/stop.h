/* SPDX-License-Identifier: MIT */
/* stop.h: ends an instance. */
#ifndef NESTLING_NESTCTL_STOP_H
#define NESTLING_NESTCTL_STOP_H

/* Kills the running instance @name. Dies if it does not run, or does not end. */
void instance_kill(const char *name);
/*
 * Parses "TERM", "SIGTERM", "15" or "RTMIN+3" into the guest's signal number. @what: begins a
 * message. Dies on an error.
 */
int guest_signal(const char *what, const char *text);
/* Parses the seconds that an instance has to end. @what: begins a message. Dies on an error. */
int stop_seconds(const char *what, const char *text);

#endif
