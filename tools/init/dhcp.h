/* SPDX-License-Identifier: MIT */
/* dhcp.h: configures a network card by DHCP. */
#ifndef NESTLING_INIT_DHCP_H
#define NESTLING_INIT_DHCP_H

#include <stdbool.h>
#include <stdint.h>

#define DHCP_SERVERS_MAX 3

/*
 * Vendor classes (option 60) for the server of `nestctl switch`: the client asks other name
 * servers, too, so the server must refuse questions that it cannot answer: those for names with a
 * dot, or all. Without such a class it answers that there is no such name.
 */
#define DHCP_REFUSE_DOTTED "nestling:refuse-dotted"
#define DHCP_REFUSE_ALL "nestling:refuse-all"

/* A lease. Addresses are in network byte order; 0: not given. */
struct lease {
	uint32_t address, server, mask, router;
	uint32_t dns[DHCP_SERVERS_MAX];
	int nr_dns;
	char domain[256];
};

/*
 * Brings @name up, configures its address by DHCP, and returns the lease in *@l. Returns false if
 * there is no such card or no answer. Waits for the server's answers, and reports failures on
 * stderr. @host: the host name to send to the server, or "". @class: the vendor class, or "".
 */
bool dhcp_configure(const char *name, const char *host, const char *class, struct lease *l);
/*
 * Asks again for the lease *@l, which the server may have forgotten, after the link was lost.
 * Replaces *@l, and the card's address if it is another one. Returns false, and changes nothing, if
 * the guest has changed the address or no server answers. @host and @class as above.
 */
bool dhcp_renew(const char *name, const char *host, const char *class, struct lease *l);
/* Makes @router, in network byte order, the default route. Reports an error on stderr. */
void dhcp_route(uint32_t router);

#endif
