/* SPDX-License-Identifier: MIT */
/*
 * ports.c: refcounts of the bitmaps of I/O ports that threads may use. Invariant: a bitmap with
 * more than one owner is not written to.
 */
#include "arch/um/machine/ports.h"
#include "kernel/lib/alloc.h"
#include "kernel/sched/sched.h"

void ioport_put(struct io_bitmap *b)
{
	if (b && atomic_dec_and_test(&b->owners))
		kfree(b);
}

void ioport_fork(struct task *child)
{
	struct io_bitmap *b = current->arch.ports;

	if (b)
		atomic_inc(&b->owners);
	child->arch.ports = b;
	child->arch.iopl = current->arch.iopl;
}

void ioport_free(struct task *t)
{
	ioport_put(t->arch.ports);
	t->arch.ports = NULL;
}
