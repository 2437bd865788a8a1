/* SPDX-License-Identifier: MIT */
/* number_list.h: "0-3,5", a set of numbers. */
#ifndef NESTLING_LIB_NUMBER_LIST_H
#define NESTLING_LIB_NUMBER_LIST_H

#include "kernel/lib/types.h"

#define NUMBER_LIST_NODES 1024 /* numbers up to there are nodes that the machine has not */
#define NUMBER_LIST_TEXT 200   /* room for any set of 64 numbers */

/* Which of @nr things a list names; those from 64 on are in *@beyond. -EINVAL, -ERANGE, -EOVERFLOW */
int number_list_parse(char *text, u32 nr, u64 *mask, bool *beyond);
int number_list_text(char *buf, size_t size, u64 mask); /* its length */

#endif
