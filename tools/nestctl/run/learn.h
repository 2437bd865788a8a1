/* SPDX-License-Identifier: MIT */
/*
 * learn.h: `nestctl run --learn FILE`: writes a policy that allows what the run needed
 * (docs/policy.md).
 *
 *	learn_begin(file)    while options are read
 *	learn_end(r, ...)    after the instance's end, once all lines of its audit were read
 */
#ifndef NESTLING_NESTCTL_LEARN_H
#define NESTLING_NESTCTL_LEARN_H

struct run;

/*
 * Sets the file for the policy, which learn_end() makes. @file must stay valid. Dies if the file
 * exists, if its folder is not writable, or if this function was called before.
 */
void learn_begin(const char *file);
/*
 * Makes the file and writes the policy, with the run's exit status and its duration in seconds.
 * Does nothing without learn_begin(). Dies on an error.
 */
void learn_end(const struct run *r, int status, unsigned long seconds);

#endif
