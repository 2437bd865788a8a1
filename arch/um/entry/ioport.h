/* SPDX-License-Identifier: MIT */
/* ioport.h: I/O ports of guest code: executes in and out according to ioperm(2) and iopl(2). */
#ifndef NESTLING_ARCH_UM_IOPORT_H
#define NESTLING_ARCH_UM_IOPORT_H

#include "kernel/lib/types.h"

struct task;
struct skas_event;

/*
 * Executes the instruction that trapped (@ev) if it accesses ports that @t, current, may use, or if
 * it is cli or sti and the iopl level is 3. PORT_DONE: executed in full or, for a repeated
 * instruction, in part. PORT_FAULT: executed in part or not at all, since memory faulted as
 * described in *@fault. PORT_NOT: any other trap; nothing has changed. May sleep.
 */
enum port_result { PORT_NOT, PORT_DONE, PORT_FAULT };
enum port_result ioport_trap(struct task *t, const struct skas_event *ev, struct skas_event *fault);

#endif
