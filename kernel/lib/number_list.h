/* SPDX-License-Identifier: MIT */
/* number_list.h: sets of numbers as text: "0-3,5". */
#ifndef NESTLING_LIB_NUMBER_LIST_H
#define NESTLING_LIB_NUMBER_LIST_H

#include "kernel/lib/types.h"

/* Numbers of nodes below this limit are accepted, even of nodes that the machine lacks. */
#define NUMBER_LIST_NODES 1024
#define NUMBER_LIST_TEXT 200 /* room for any set of 64 numbers */

/*
 * Parses a list of numbers below @nr into @mask. The syntax is that of Linux's CPU lists: "0-3,5",
 * "all", "N" for the last number (@nr - 1), "0-7:2/4" for the first two of every four. *@beyond
 * becomes true if the list has a number of 64 or more, for which @mask has no bit, else false.
 * Returns 0; -EINVAL: bad syntax; -ERANGE: a number is not below @nr; -EOVERFLOW: a number exceeds
 * 32 bits. @text is not changed.
 */
int number_list_parse(char *text, u32 nr, u64 *mask, bool *beyond);
/*
 * Writes the set as a terminated text. @size is not 0. Returns the length without the terminator.
 */
int number_list_text(char *buf, size_t size, u64 mask);

#endif
