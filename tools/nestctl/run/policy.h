/* SPDX-License-Identifier: MIT */
/*
 * policy.h: `nestctl run --policy FILE`: what a run may have (docs/policy.md). The command line may
 * only take away from it.
 */
#ifndef NESTLING_NESTCTL_POLICY_H
#define NESTLING_NESTCTL_POLICY_H

struct run;

/*
 * Reads a policy and combines it with the options of the command line, which are all read. Dies
 * with FILE:LINE and the word that is wrong, or with the option that the policy does not allow.
 */
void policy_apply(struct run *r, const char *file);
/* Parses seconds, or a number with s, m or h; returns 0 if @text is neither. */
unsigned long policy_seconds(const char *text);

#endif
