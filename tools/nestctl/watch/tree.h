/* SPDX-License-Identifier: MIT */
/* tree.h: the processes of an instance as a tree, for `nestctl top`. */
#ifndef NESTLING_NESTCTL_TREE_H
#define NESTLING_NESTCTL_TREE_H

#include <stdio.h>

#include "tools/nestctl/watch/sample.h"

/*
 * Writes a heading and a line for each process, sorted by pid, with children below their parents:
 * processor time since @old in percent of a vCPU, threads, vCPU, state, name. Lines are cut at
 * @columns.
 */
void tree_print(FILE *out, const struct sample *old, const struct sample *new, int columns);

#endif
