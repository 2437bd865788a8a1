/* SPDX-License-Identifier: MIT */
/*
 * machine_host.h: functions of the host world that machine.c calls, beside those of os.h.
 * ping_start() and pipe_start() return 0, or a negative number on failure.
 */
#ifndef NESTLING_TESTS_MACHINE_HOST_H
#define NESTLING_TESTS_MACHINE_HOST_H

#include <stdint.h>

/* Starts a thread that raises @irq @n times. Each time it waits until *word has grown. */
int ping_start(int irq, uint32_t *word, uint64_t n);
/*
 * A pipe whose end to read raises @irq. pipe_write() writes a byte. The handler pipe_drain() reads
 * all bytes and enables the event again. pipe_seen() returns how many bytes it has read.
 */
int pipe_start(int irq);
void pipe_write(void);
void pipe_drain(void *unused);
int pipe_seen(void);
/* Returns the CPU time of the whole process, in ns. */
uint64_t cpu_time_ns(void);
/* Faults two calls deep, for the back-trace. */
void host_fault(void);

#endif
