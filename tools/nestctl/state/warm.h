/* SPDX-License-Identifier: MIT */
/*
 * warm.h: copies of a state that wait (`nestctl states warm`).
 *
 * A waiting copy is a clone that does not run yet. Its kernel has mapped the state, made its
 * devices and closed its jail. It waits for a client of its management console (hold=console). The
 * folder with its sockets is called .warm-KEY-N. `nestctl clone` takes the copy by renaming that
 * folder: of several clones only one succeeds. Then it tells the kernel the name, and to run.
 *
 *	warmer (warm.c)            a process for each such state: starts the copies, and a new copy
 *	                           when a copy was taken or has ended
 *	warm/KEY/ in the data folder:
 *	  lock                     the warmer has both kinds of lock on it, flock(2) and fcntl(2),
 *	                           while it lives
 *	  state                    the state's folder and the wanted number of copies, in two lines
 *	  like                     warm_context() of the warmer
 *
 * KEY is made of the state's digest and of the data folder, so a state that was replaced has
 * another key. A copy has what it inherited from the warmer, so only a process with an equal
 * warm_context() takes it.
 */
#ifndef NESTLING_NESTCTL_WARM_H
#define NESTLING_NESTCTL_WARM_H

#include "tools/nestctl/state/state.h"

#define WARM_COPIES 64

/* Returns the path warm/KEY for the state. The folder may be missing. */
const char *warm_folder(const struct state *s);
/* Returns the name of copy @i of the state in the folder warm/KEY. */
const char *warm_name(const char *folder, int i);
/*
 * Returns what a process passes on to an instance that it starts, as text: users, capabilities,
 * control groups, namespaces, limits, priorities, and the variables of the environment that a
 * kernel reads. NULL if /proc/self/status cannot be read. The text is valid until the next call.
 */
const char *warm_context(void);
/*
 * Takes a waiting copy of st->state: names it st->name, and lets it run. Sets st->kernel,
 * st->pidfd, st->runs, and st->report to -1. Returns false if this process may take none, or the
 * copy does not answer. start_check_name() has accepted the name.
 */
bool warm_take(struct start *st);
/*
 * Ends the copy @name unless it runs, and removes its folder. @pid: only if that is its kernel; 0:
 * whatever its kernel is. Returns true if a copy has ended.
 */
bool warm_end_copy(const char *name, pid_t pid);

extern const struct command cmd_states_warm;

#endif
