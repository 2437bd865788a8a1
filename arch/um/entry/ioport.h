/* SPDX-License-Identifier: MIT */
/* ioport.h: ioperm(2) and iopl(2): which ports a thread may use, and in and out of guest code. */
#ifndef NESTLING_ARCH_UM_IOPORT_H
#define NESTLING_ARCH_UM_IOPORT_H

#include "kernel/lib/types.h"

struct task;
struct skas_event;

/*
 * Executes the instruction at which @t, current, trapped (@ev) if it accesses ports that the task
 * may use. PORT_DONE: executed in full or, for a repeated instruction, in part. PORT_FAULT:
 * executed in part, and memory then faulted as *@fault says. PORT_NOT: not such an instruction;
 * nothing has changed. May sleep.
 */
enum port_result { PORT_NOT, PORT_DONE, PORT_FAULT };
enum port_result ioport_trap(struct task *t, const struct skas_event *ev, struct skas_event *fault);

#endif
