/* SPDX-License-Identifier: MIT */
/* dhcp.h: gets an address for a network card. */
#ifndef NESTLING_INIT_DHCP_H
#define NESTLING_INIT_DHCP_H

/*
 * Brings @name up and asks the network for its address; does nothing without such a card. Reports
 * failures on stderr.
 */
void dhcp_configure(const char *name);

#endif
