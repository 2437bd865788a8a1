/* SPDX-License-Identifier: MIT */
/* number_list.h: sets of numbers as text: "0-3,5". */
#ifndef NESTLING_LIB_NUMBER_LIST_H
#define NESTLING_LIB_NUMBER_LIST_H

#include "kernel/lib/types.h"

/* Node numbers below this are accepted, even for nodes that the machine lacks. */
#define NUMBER_LIST_NODES 1024
#define NUMBER_LIST_TEXT 200 /* room for any set of 64 numbers */

/*
 * Parses a list of numbers below @nr, in cpuset(7)'s syntax, into @mask. Sets *@beyond if it names
 * numbers of 64 or more, which @mask cannot hold. Returns 0; -EINVAL: bad syntax; -ERANGE: a number
 * is not below @nr; -EOVERFLOW: a number exceeds 32 bits. @text is not changed.
 */
int number_list_parse(char *text, u32 nr, u64 *mask, bool *beyond);
/*
 * Writes the set as a terminated text. @size is not 0. Returns the length without the terminator.
 */
int number_list_text(char *buf, size_t size, u64 mask);

#endif
