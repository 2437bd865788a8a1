/* SPDX-License-Identifier: MIT */
/* fallen_host.h: the host half of the planted hole (fallen.c), which only MODE=fallen builds. */
#ifndef NESTLING_JAIL_FALLEN_HOST_H
#define NESTLING_JAIL_FALLEN_HOST_H

#include <stdint.h>

#define FALLEN_SIZE (1U << 20) /* bytes of the hole's memory */

/*
 * Returns the hole's memory: FALLEN_SIZE bytes that the host lets this process write and execute,
 * mapped before the jail closed; or NULL if the host refused that. It is never unmapped.
 */
void *fallen_host_memory(void);
/*
 * Calls the function at offset @at of the memory, a number below FALLEN_SIZE, on the stack of the
 * calling host thread, with the memory's address as its argument. Returns what the function
 * returns. Blocks for as long as it runs; several threads may be in it at once.
 */
uint64_t fallen_host_run(uint64_t at);

#endif
