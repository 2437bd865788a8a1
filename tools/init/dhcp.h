/* SPDX-License-Identifier: MIT */
/* dhcp.h: configures a network card by DHCP. */
#ifndef NESTLING_INIT_DHCP_H
#define NESTLING_INIT_DHCP_H

#include <stdbool.h>
#include <stdint.h>

#define DHCP_SERVERS_MAX 3

/*
 * Vendor classes (option 60) for the server of `nestctl switch`: which DNS questions that the
 * server cannot answer it must refuse, since the client asks other name servers, too. DOTTED:
 * questions for names with a dot. Without a class, or after NONE, the server answers that there is
 * no such name.
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
 * Brings the card @name up, configures its address by DHCP, and returns the lease in *@l. Returns
 * false if there is no such card or no server answers; the card then gets no address, and *@l is
 * empty. Waits for the server's answers, and reports failures on stderr. @host: the host name to
 * send to the server, or "". @class: the vendor class, or "".
 */
bool dhcp_configure(const char *name, const char *host, const char *class, struct lease *l);
/*
 * Asks again for the lease *@l, which the server may have forgotten, after the link was lost; for
 * an empty lease asks as dhcp_configure() does. Returns 1 after it has replaced *@l, and the card's
 * address if the new one differs. Returns 0 if no server answers, or -1 if the card is down, is
 * missing or has another address than *@l; then nothing has changed. @host, @class: as for
 * dhcp_configure().
 */
int dhcp_renew(const char *name, const char *host, const char *class, struct lease *l);
/*
 * dhcp_add_route() makes @router, in network byte order and behind the card @name, the default
 * route, and reports an error on stderr. dhcp_drop_route() removes that default route, and ignores
 * errors.
 */
void dhcp_add_route(const char *name, uint32_t router);
void dhcp_drop_route(const char *name, uint32_t router);

#endif
