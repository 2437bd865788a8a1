/* SPDX-License-Identifier: MIT */
/*
 * hold_host.h: the channel between this instance and a client that holds it after a save, until it
 * runs again or ends. The channel is a socket that came with the request "state hold". The host may
 * kill the client at any moment, so the end of the channel is a command, too:
 *
 *	the instance sends			the client sends
 *	h NS\n	it has been held for NS ns	g	continue
 *	c	it has read the client's c	c	another process may run it from now on
 *
 *	the channel ends before c: it continues	after c: it stays held
 *
 * One hold at a time.
 */
#ifndef NESTLING_MCONSOLE_HOLD_HOST_H
#define NESTLING_MCONSOLE_HOLD_HOST_H

#include <stdint.h>

#include "drivers/mconsole/mconsole_host.h"

enum { HOLD_GO, HOLD_LOST };

/*
 * Takes the channel out of a packet. Returns 0, -EINVAL if no stream socket came with it, or -EBUSY
 * if a hold exists.
 */
int hold_host_take(struct mconsole_packet *p);
/*
 * Notifies the client that the machine has been held for @ns ns, and blocks until its command.
 * HOLD_GO: the instance continues. HOLD_LOST: the client has disconnected after its c.
 */
int hold_host_wait(uint64_t ns);
/* Closes the channel. */
void hold_host_end(void);

#endif
