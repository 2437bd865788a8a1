/* SPDX-License-Identifier: MIT */
/*
 * policy.h: `nestctl run --policy FILE`: limits what a run may reach and use (docs/policy.md). The
 * command line may only restrict it further.
 */
#ifndef NESTLING_NESTCTL_POLICY_H
#define NESTLING_NESTCTL_POLICY_H

struct run;

/*
 * Reads a policy and applies it to the options of the command line, all of which have been read.
 * Dies with FILE:LINE and the wrong word, or with the option that the policy does not allow.
 */
void policy_apply(struct run *r, const char *file);
/*
 * Parses a number of seconds, or a number with s, m or h. Returns seconds, or 0 if @text is
 * neither, or more than INT_MAX seconds.
 */
unsigned long policy_seconds(const char *text);

#endif
