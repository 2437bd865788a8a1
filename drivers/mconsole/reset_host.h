/* SPDX-License-Identifier: MIT */
/*
 * reset_host.h: this process's side of the reset server's socket and memory
 * (kernel/state/reset_abi.h). One server at a time. The state of the host's half is not rolled back
 * with the machine. No function blocks. All but attach, detach and cover need an attached server,
 * whose memory stays mapped until reset_host_detach().
 */
#ifndef NESTLING_MCONSOLE_RESET_HOST_H
#define NESTLING_MCONSOLE_RESET_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/mconsole/mconsole_host.h"

/*
 * Takes the descriptors out of the request and checks them. @irq is raised when the server sends a
 * message. Returns 0, -EBUSY if a server is attached, or another -errno, with a message in @why.
 */
int reset_host_attach(struct mconsole_packet *p, int irq, char *why, size_t size);
void reset_host_detach(void);
/*
 * Returns the server's next command (RESET_RUN, RESET_BACK), with the bytes of its input in *@len,
 * or 0 if there is none yet; then @irq is armed. RESET_END is returned when the server has
 * disconnected or has sent an invalid message; from then on reset_host_ends() is true.
 */
uint32_t reset_host_hear(uint32_t *len);
bool reset_host_ends(void);
/* Sends a message of reset_abi.h. If that fails, reset_host_ends() is true. */
void reset_host_send(uint32_t op, uint32_t arg);
/* Reports to the server that a read waits, with the counts and the time of the last rollback. */
void reset_host_ready(void);
/* Records that a rollback begins now. */
void reset_host_goes_back(void);
/* Returns the address of the server's input. */
const void *reset_host_input(void);
/* Returns the address for a record, and sets *max to the most bytes that it may have. */
void *reset_host_record(uint32_t *max);
void reset_host_record_is(uint32_t len); /* bytes of the record */
/*
 * Returns the map in which edges are counted, and sets *len to the number of counters; NULL if the
 * server has none.
 */
uint8_t *reset_host_cover(uint32_t *len);

#endif
