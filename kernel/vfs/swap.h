/* SPDX-License-Identifier: MIT */
/* swap.h: the list of swap areas and their files, for /proc/swaps. */
#ifndef NESTLING_VFS_SWAP_H
#define NESTLING_VFS_SWAP_H

#include "kernel/mm/swap/swap.h"
#include "kernel/vfs/vfs.h"

/*
 * Calls @one for each area, in the order in which they were added. No area can be added or removed
 * during the call, which holds a mutex. @f and @st are valid during @one only.
 */
void for_each_swap_area(
	void (*one)(void *arg, struct file *f, const struct swap_stat *st), void *arg);

#endif
