/* SPDX-License-Identifier: MIT */
/* network.h: the addresses of a running instance, as its kernel reports them. */
#ifndef NESTLING_NESTCTL_NETWORK_H
#define NESTLING_NESTCTL_NETWORK_H

/*
 * The addresses of a card. A missing text is "", a missing length 0. The texts are never
 * freed.
 */
struct network {
	const char *card; /* its name */
	const char *mac;
	/* IPv4 */
	const char *address, *gateway;
	int prefix;
	/* IPv6, not link-local */
	const char *address6, *gateway6;
	int prefix6;
};

/*
 * Requests the addresses of @card ("eth0") of the instance whose console is in the folder @folder.
 * Returns empty texts if @folder is NULL or the instance does not answer. Waits at most half a
 * second for each reply.
 */
struct network network_ask(const char *folder, const char *card);

#endif
