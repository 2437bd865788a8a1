/* SPDX-License-Identifier: MIT */
/*
 * warm.h: copies of a state that wait (`nestctl states warm`).
 *
 * A waiting copy is a clone that has done all but run: its kernel has mapped the state, made its
 * devices and closed its jail, and waits for a client of its management console (hold=console). Its
 * folder of names is `.warm-KEY-N`. `nestctl clone` takes a copy by renaming that folder, which
 * only one process can do, and tells the kernel its name.
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

/* Returns warm/KEY for the state, which need not exist. */
const char *warm_folder(const struct state *s);
/* Returns the name of copy @i of the state in the folder warm/KEY. */
const char *warm_name(const char *folder, int i);
/*
 * Returns what a process passes on to an instance that it starts, as text: users, capabilities,
 * control groups, namespaces, limits, priorities, and the variables of the environment that a
 * kernel reads. NULL if the host does not tell. The text is valid until the next call.
 */
const char *warm_context(void);
/*
 * Makes a waiting copy of st->state the instance st->name, and lets it run. Sets st->kernel,
 * st->pidfd, st->report and st->runs. False: there is none that this process may take. The name was
 * checked by start_check_name().
 */
bool warm_take(struct start *st);
/*
 * Ends the copy @name if it still waits, and removes its folder. Returns true if it has ended. A
 * copy that was taken, or does not answer within two seconds, is left alone.
 */
bool warm_end_copy(const char *name);

extern const struct command cmd_states_warm;

#endif
