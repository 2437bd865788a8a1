/* SPDX-License-Identifier: MIT */
/*
 * reset_host.h: this process's side of the reset server's socket and memory
 * (kernel/state/reset_abi.h). One server at a time. The host half's state is not put back with the
 * machine.
 */
#ifndef NESTLING_MCONSOLE_RESET_HOST_H
#define NESTLING_MCONSOLE_RESET_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/mconsole/mconsole_host.h"

/*
 * Takes over the descriptors of the request, and checks them. @irq is raised when the server says
 * something. 0, -EBUSY: there is one; or -errno with one line in @why.
 */
int reset_host_attach(struct mconsole_packet *p, int irq, char *why, size_t size);
void reset_host_detach(void);
/*
 * Returns the next order of the server, with its length in *@len, or 0. RESET_END also says that
 * the server has gone; from then on reset_host_ends() is true.
 */
uint32_t reset_host_hear(uint32_t *len);
bool reset_host_ends(void);
void reset_host_tell(uint32_t op, uint32_t arg);
/* Tells that a read waits. reset_host_goes_back() notes when the going back begins. */
void reset_host_ready(void);
void reset_host_goes_back(void);
/*
 * Returns the address of an input of the server; the address for a record of at most *@max bytes.
 */
const void *reset_host_input(void);
void *reset_host_record(uint32_t *max);
void reset_host_record_is(uint32_t len);
/* Returns the map where edges are counted, and the number of counters; NULL if there is none. */
uint8_t *reset_host_cover(uint32_t *len);

#endif
