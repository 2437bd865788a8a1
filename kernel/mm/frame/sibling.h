/* SPDX-License-Identifier: MIT */
/*
 * sibling.h: frames for the copies that a fork makes, preferably those that the mm's last child had
 * at these addresses: the space that the last child left in the pool maps them already.
 *
 *	s = sibling_begin(image);      takes them, as far as they are free; NULL: there are none
 *	p = sibling_take(s, va);       NULL: any frame will do. @va ascends
 *	sibling_end(s);                gives back what was not wanted
 *
 * The contents of the frames are undefined. No locks; may sleep.
 */
#ifndef NESTLING_MM_SIBLING_H
#define NESTLING_MM_SIBLING_H

#include "kernel/mm/internal.h"

struct sibling;
struct sibling *sibling_begin(u64 image);
struct page *sibling_take(struct sibling *s, u64 va);
void sibling_end(struct sibling *s);

#endif
