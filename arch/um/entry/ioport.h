/* SPDX-License-Identifier: MIT */
/* ioport.h: ioperm(2) and iopl(2): which ports a thread may use, and in and out of guest code. */
#ifndef NESTLING_ARCH_UM_IOPORT_H
#define NESTLING_ARCH_UM_IOPORT_H

#include "kernel/lib/types.h"

struct task;
struct skas_event;

/*
 * Executes the instruction at which current @t trapped (@ev), if it is one that the task's ports
 * allow. PORT_DONE: it has been executed, all of it or, where it repeats, a part. PORT_FAULT: a
 * part, and then it met *@fault, a page fault in memory. PORT_NOT: it is not, and nothing has
 * changed. May sleep.
 */
enum port_result { PORT_NOT, PORT_DONE, PORT_FAULT };
enum port_result ioport_trap(struct task *t, const struct skas_event *ev, struct skas_event *fault);

#endif
