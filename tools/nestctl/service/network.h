/* SPDX-License-Identifier: MIT */
/* network.h: the addresses of a running instance, as its kernel reports them. */
#ifndef NESTLING_NESTCTL_NETWORK_H
#define NESTLING_NESTCTL_NETWORK_H

/* Of the first card. Texts are "" and lengths 0 where there is none. */
struct network {
	const char *mac;
	/* IPv4 */
	const char *address, *gateway;
	int prefix;
	/* IPv6, beyond the link */
	const char *address6, *gateway6;
	int prefix6;
};

/* Asks the instance that has its name in @folder; NULL: none. It waits for a moment at most. */
struct network network_ask(const char *folder);

#endif
