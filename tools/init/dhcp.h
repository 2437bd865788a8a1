/* SPDX-License-Identifier: MIT */
/* dhcp.h: configures a network card by DHCP. */
#ifndef NESTLING_INIT_DHCP_H
#define NESTLING_INIT_DHCP_H

#include <stdbool.h>
#include <stdint.h>

#define DHCP_SERVERS_MAX 3

/*
 * Vendor classes (option 60) for the server of `nestctl switch`: which questions that it cannot
 * answer it must refuse, since the client asks other name servers, too. DOTTED: those for names
 * with a dot. Without a class, or after NONE, it answers that there is no such name.
 */
#define DHCP_REFUSE_NONE "nestling:refuse-none"
#define DHCP_REFUSE_DOTTED "nestling:refuse-dotted"
#define DHCP_REFUSE_ALL "nestling:refuse-all"
/* The class in the answers of `nestctl switch`. */
#define DHCP_SWITCH "nestling:switch"

/* A lease. Addresses are in network byte order; 0: not given. */
struct lease {
	uint32_t address, server, mask, router;
	uint32_t dns[DHCP_SERVERS_MAX];
	int nr_dns;
	char domain[256];
	/* the server is a `nestctl switch`, which knows the names of its own network only */
	bool local;
};

/* Stores the card's MAC address in @mac. False if there is no such card. */
bool dhcp_mac(const char *name, uint8_t mac[6]);
/*
 * Brings @name up, configures its address by DHCP, and returns the lease in *@l. Returns false if
 * no server answers; *@l is empty then. Waits for the server's answers, and reports failures on
 * stderr. @host: the host name to send to the server, or "". @class: the vendor class, or "".
 */
bool dhcp_configure(const char *name, const char *host, const char *class, struct lease *l);
/*
 * Asks again for the lease *@l, which the server may have forgotten, after the link was lost; an
 * empty one is asked for anew. Replaces *@l, and the card's address if it is another one. Returns
 * 1, 0 if no server answers, or -1 if the guest has changed the address or the card is down. Unless
 * it returns 1 nothing changes. @host and @class as above.
 */
int dhcp_renew(const char *name, const char *host, const char *class, struct lease *l);
/*
 * dhcp_add_route() makes @router, in network byte order and behind the card @name, the default
 * route, and reports an error on stderr. dhcp_drop_route() removes that route, if it is there.
 */
void dhcp_add_route(const char *name, uint32_t router);
void dhcp_drop_route(const char *name, uint32_t router);

#endif
