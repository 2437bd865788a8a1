/* SPDX-License-Identifier: MIT */
/* machine_host.h: what machine.c asks of the host beside os.h. */
#ifndef NESTLING_TESTS_MACHINE_HOST_H
#define NESTLING_TESTS_MACHINE_HOST_H

#include <stdint.h>

/* raises irq, waits for *word to grow; n times */
int ping_start(int irq, uint32_t *word, uint64_t n);
int pipe_start(int irq);
void pipe_write(void);
void pipe_drain(void *unused);
int pipe_seen(void);
uint64_t cpu_time_ns(void);
void host_fault(void);

#endif
