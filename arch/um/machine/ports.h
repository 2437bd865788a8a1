/* SPDX-License-Identifier: MIT */
/*
 * ports.h: the bitmap of I/O ports that a thread may use, which its children share
 * (arch/um/entry/ioport.c).
 */
#ifndef NESTLING_ARCH_UM_PORTS_H
#define NESTLING_ARCH_UM_PORTS_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/types.h"

struct task;

#define NR_PORTS 65536U
struct io_bitmap {
	atomic_t owners;         /* references */
	u8 denied[NR_PORTS / 8]; /* a bit for each port */
};

/* Drops a reference; the last one frees @b. @b may be NULL. */
void ioport_put(struct io_bitmap *b);
/* Gives @child the ports of current, with a reference; called before the child is published. */
void ioport_fork(struct task *child);
/* Drops the reference of @t, which does not run any more. */
void ioport_free(struct task *t);

#endif
