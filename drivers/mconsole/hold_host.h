/* SPDX-License-Identifier: MIT */
/*
 * hold_host.h: the channel of a client that holds the machine after a save, until it runs again or
 * ends: a socket that came along with "state hold". The host may end the client at any moment, so
 * the end of the channel is a command, too:
 *
 *	the instance says			the client says
 *	h NS\n	it is held, since NS ns		g	it goes on
 *	c	it has understood c		c	another process may run it from now on
 *
 *	the channel ends before c: it goes on		after c: it stays as it is
 *
 * One hold at a time.
 */
#ifndef NESTLING_MCONSOLE_HOLD_HOST_H
#define NESTLING_MCONSOLE_HOLD_HOST_H

#include <stdint.h>

#include "drivers/mconsole/mconsole_host.h"

enum { HOLD_GO, HOLD_LOST };

/*
 * Takes the channel out of a packet. Returns 0; -EINVAL: none came along; -EBUSY: there is one.
 */
int hold_host_take(struct mconsole_packet *p);
/* Tells the client, and waits for its order. HOLD_LOST: it has gone after it said c. */
int hold_host_wait(uint64_t ns);
/* Closes the channel. */
void hold_host_end(void);

#endif
