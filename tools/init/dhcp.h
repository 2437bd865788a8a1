/* SPDX-License-Identifier: MIT */
/* dhcp.h: an address for a card. */
#ifndef NESTLING_INIT_DHCP_H
#define NESTLING_INIT_DHCP_H

/* Brings @name up and asks the network for its address; nothing happens where there is no such card. Tells on stderr what fails. */
void dhcp_configure(const char *name);

#endif
