/* SPDX-License-Identifier: MIT */
/* dhcp.h: configures a network card by DHCP. */
#ifndef NESTLING_INIT_DHCP_H
#define NESTLING_INIT_DHCP_H

#include <stdbool.h>

/*
 * Brings @name up and configures it by DHCP; does nothing if there is no such card. Waits for the
 * server's answers, and reports failures on stderr. @host: the host name to send to the server, or
 * "". @restored: /etc/resolv.conf will be restored at the end (job.h).
 */
void dhcp_configure(const char *name, const char *host, bool restored);

#endif
