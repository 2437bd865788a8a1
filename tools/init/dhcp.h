/* SPDX-License-Identifier: MIT */
/* dhcp.h: gets an address for a network card. */
#ifndef NESTLING_INIT_DHCP_H
#define NESTLING_INIT_DHCP_H

#include <stdbool.h>

/*
 * Brings @name up and asks the network for its address; does nothing without such a card. Reports
 * failures on stderr. @host: the name that the server hears, or "". @restored: /etc/resolv.conf is
 * put back at the end (job.h).
 */
void dhcp_configure(const char *name, const char *host, bool restored);

#endif
