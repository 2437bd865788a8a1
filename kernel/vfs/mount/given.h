/* SPDX-License-Identifier: MIT */
/*
 * given.h: paths that were read before the call that takes them (io_uring).
 *
 *	given_name_add(&list, address, flags);     as getname(): 0 or -errno; the list is the
 *	                                           caller's
 *	names_give(&g, list);                      from now on getname() of a path's address
 *	                                           returns a copy of that path, for current
 *	sys_openat(...);
 *	names_take_back(&g);
 *	given_names_free(list);
 *
 * Locks: a private spinlock for the lists that are in use.
 */
#ifndef NESTLING_VFS_GIVEN_H
#define NESTLING_VFS_GIVEN_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

struct given_name {
	struct given_name *next;
	u64 at;
	size_t size;
	char name[]; /* terminated */
};

struct names_given { /* on the stack of the task that it is for */
	struct list_head link;
	const struct task *task;
	const struct given_name *names;
};

int given_name_add(struct given_name **list, uaddr_t at, u32 lookup_flags);
void given_names_free(struct given_name *list);
void names_give(struct names_given *g, const struct given_name *names); /* NULL: nothing */
void names_take_back(struct names_given *g);
/*
 * Copies a name that current was given to @to of PATH_MAX bytes, and returns its length; -1: it was
 * given none at @at.
 */
ssize_t given_name_copy(char *to, uaddr_t at);

#endif
