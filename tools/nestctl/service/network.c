/* SPDX-License-Identifier: MIT */
/*
 * network.c: see network.h. The management console returns files of the guest's /proc:
 * nestling/addresses, net/route and net/ipv6_route.
 */
#include "tools/nestctl/service/network.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"

/* time to wait for a reply; an instance that hangs is shown without addresses */
#define ASK_MS 500

/* Calls @take with each line of a file of the guest's /proc. */
static void each_line(struct umid_console *c, const char *file, struct network *n,
	void (*take)(struct network *n, const char *line))
{
	size_t len;
	int err;
	char *text = umid_ask(c, format("proc %s", file), &err, &len), *rest = text, *line;

	while (text && !err && (line = strsep(&rest, "\n")))
		take(n, line);
	free(text);
}

static const char *text_of(int family, const void *bytes)
{
	char text[INET6_ADDRSTRLEN];

	return format("%s", inet_ntop(family, bytes, text, sizeof(text)) ?: "");
}

/* Takes the card's addresses from a line like "eth0 52:54:00:12:34:56 10.0.2.15/24". */
static void take_address(struct network *n, const char *line)
{
	char card[32], mac[32], address[64];
	struct in6_addr a;
	int prefix;

	if (sscanf(line, "%31s %31s %63[0-9a-f.:]/%d", card, mac, address, &prefix) != 4 ||
		strcmp(card, n->card) != 0)
		return;
	n->mac = format("%s", mac);
	if (inet_pton(AF_INET, address, &a) == 1 && !*n->address) {
		n->address = text_of(AF_INET, &a);
		n->prefix = prefix;
	} else if (inet_pton(AF_INET6, address, &a) == 1 && !*n->address6 &&
		   !IN6_IS_ADDR_LINKLOCAL(&a)) {
		n->address6 = text_of(AF_INET6, &a);
		n->prefix6 = prefix;
	}
}

/* Takes the gateway from the default route, a line like "eth0 00000000 0202000A 0003 ...". */
static void take_route(struct network *n, const char *line)
{
	char card[32];
	uint32_t to, via;

	if (sscanf(line, "%31s %x %x", card, &to, &via) == 3 && !to && via && !*n->gateway &&
		!strcmp(card, n->card))
		n->gateway = text_of(AF_INET, &via);
}

/*
 * Takes the IPv6 gateway from the default route, a line "TO PREFIX FROM PREFIX VIA ... eth0" with
 * addresses of 32 hex digits.
 */
static void take_route6(struct network *n, const char *line)
{
	char to[33], via[33], card[32];
	unsigned int prefix;
	struct in6_addr a;

	if (sscanf(line, "%32s %x %*s %*s %32s %*s %*s %*s %*s %31s", to, &prefix, via, card) !=
			4 ||
		prefix || strcmp(card, n->card) != 0 || *n->gateway6 || !via[strspn(via, "0")])
		return;
	for (int i = 0; i < 16; i++)
		if (sscanf(via + 2 * i, "%2hhx", &a.s6_addr[i]) != 1)
			return;
	n->gateway6 = text_of(AF_INET6, &a);
}

struct network network_ask(const char *folder, const char *card)
{
	struct network n = { .card = card,
		.mac = "",
		.address = "",
		.gateway = "",
		.address6 = "",
		.gateway6 = "" };
	struct umid_console c;

	if (!folder || !umid_try_connect(&c, folder))
		return n;
	c.wait_ms = ASK_MS;
	each_line(&c, "nestling/addresses", &n, take_address);
	each_line(&c, "net/route", &n, take_route);
	each_line(&c, "net/ipv6_route", &n, take_route6);
	close(c.fd);
	return n;
}
