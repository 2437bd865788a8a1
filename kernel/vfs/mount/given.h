/* SPDX-License-Identifier: MIT */
/*
 * given.h: paths that were read from guest memory before the system call that uses them runs
 * (io_uring).
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
	u64 at;      /* the guest address */
	size_t size; /* bytes of @name, with the NUL */
	char name[]; /* NUL-terminated */
};

struct names_given { /* on the stack of @task */
	struct list_head link;
	const struct task *task;
	const struct given_name *names;
};

/*
 * Only given_name_add() may sleep. names_give() borrows the list until names_take_back(), which the
 * same task calls.
 */
int given_name_add(struct given_name **list, uaddr_t at, u32 lookup_flags);
void given_names_free(struct given_name *list);
void names_give(struct names_given *g, const struct given_name *names); /* @names may be NULL */
void names_take_back(struct names_given *g);
/*
 * Copies the path that current was given for the address @at into @to (PATH_MAX bytes). Returns the
 * path's length without the NUL, or -1 if current was given none for that address.
 */
ssize_t given_name_copy(char *to, uaddr_t at);

#endif
