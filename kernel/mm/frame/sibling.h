/* SPDX-License-Identifier: MIT */
/*
 * sibling.h: frames for the copies that a fork makes, preferably the frames that the parent's last
 * child had at these addresses. The space (host process) of that child has ended up in the pool of
 * spaces, and still maps them: if the new child gets that space, it need not map them again.
 *
 *	s = sibling_begin(image);      @image: the pmap.image of the children, (u64)mm of the
 *	                               parent. Takes those of the last child's frames that are
 *	                               free; NULL: there was no such child, or no memory
 *	p = sibling_take(s, va);       a frame with one reference for the address @va, which
 *	                               ascends; NULL (also if @s is NULL): use any frame
 *	sibling_end(s);                frees @s, and the frames that were not taken
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
