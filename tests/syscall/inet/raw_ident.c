/* SPDX-License-Identifier: MIT */
/* raw_ident: IP_HDRINCL: an identification of 0 is filled in, unless DF is set. */
#include "netns.h"
#include <netinet/ip.h>

static int in, out;

static void packet(int id, int frag)
{
	struct {
		struct iphdr h;
		char data[4];
	} p = { { .version = 4,
			.ihl = 5,
			.ttl = 9,
			.id = htons((uint16_t)id),
			.frag_off = htons((uint16_t)frag),
			.protocol = 200,
			.daddr = htonl(INADDR_LOOPBACK) },
		"abc" };
	struct sockaddr_in to = at("127.0.0.1", 0);
	char got[100] = { 0 };
	struct iphdr *h = (void *)got;
	static int last;

	T(sendto(out, &p, sizeof(p), 0, SA(&to), sizeof(to)));
	T(recv(in, got, sizeof(got), 0));
	if (id)
		say(" %d, DF %d: %d", id, !!frag, ntohs(h->id));
	else
		say(" 0, DF %d: %s, %s", !!frag, h->id ? "another" : "0",
			h->id == last ? "as before" : "new");
	last = h->id;
}

TEST(raw_ident)
{
	own_net();
	in = NEED(socket(AF_INET, SOCK_RAW, 200));
	out = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
	packet(1234, 0);
	packet(0, 0);
	packet(0, 0);
	packet(0, IP_DF);
	packet(1234, IP_DF);
}
