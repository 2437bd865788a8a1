/* SPDX-License-Identifier: MIT */
/*
 * frag_rule: a rule turns each reassembled packet into the last fragment of another packet, whose
 * first fragment waits. This must not go on for ever, nor recurse down the kernel's stack. The
 * host's side only prints, since the result is up to the rule.
 */
#include "guest.h"
#include "inet.h"
#include "nft.h"

#define QUEUES 250
#define PROTO 253

/* Writes register 1 to the two bytes at @off of the network header. */
static void put_word(int off)
{
	unsigned d, e = expr("payload", &d);

	be32(NFTA_PAYLOAD_SREG, NFT_REG_1);
	be32(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	be32(NFTA_PAYLOAD_OFFSET, off);
	be32(NFTA_PAYLOAD_LEN, 2);
	be32(NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
	be32(NFTA_PAYLOAD_CSUM_OFFSET, 10);
	end(d);
	end(e);
}

/* Adds a rule that gives each packet the next number, and makes it the last 8 bytes of 16. */
static int rules(void)
{
	unsigned x, d, e;

	start();
	nft_table("t");
	nft_chain("t", "in", "filter", NF_INET_PRE_ROUTING, 0);
	x = nft_rule("t", "in");
	e = expr("numgen", &d);
	be32(NFTA_NG_DREG, NFT_REG_1);
	be32(NFTA_NG_MODULUS, 65535);
	be32(NFTA_NG_TYPE, NFT_NG_INCREMENTAL);
	be32(NFTA_NG_OFFSET, 1);
	end(d);
	end(e);
	put_word(4);
	nft_immediate(NFT_REG_1, "\0\1", 2);
	put_word(6);
	end(x);
	return finish();
}

static void send_piece(int raw, unsigned short id, unsigned short frag)
{
	unsigned char b[28] = { 0x45, 0, 0, 28, 0, 0, 0, 0, 64, PROTO, 0, 0, 127, 0, 0, 2, 127, 0,
		0, 1 };
	struct sockaddr_in to = at("127.0.0.1", 0);

	memcpy(b + 4, &id, 2); /* as numgen writes it */
	b[6] = frag >> 8;
	b[7] = frag & 255;
	sendto(raw, b, sizeof(b), 0, SA(&to), sizeof(to));
}

static bool round_trip(void)
{
	struct sockaddr_in a = at("127.0.0.1", 4245);
	int in = NEED(socket(AF_INET, SOCK_DGRAM, 0)),
	    out_fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	char c = 0;

	NEED(bind(in, SA(&a), sizeof(a)));
	NEED(sendto(out_fd, "x", 1, 0, SA(&a), sizeof(a)));
	NEED(recv(in, &c, 1, 0));
	close(in);
	close(out_fd);
	return c == 'x';
}

TEST(frag_rule)
{
	int raw = -1;

	if (in_guest()) {
		NEED(unshare(CLONE_NEWNET));
		lo_up();
		raw = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
		nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	}
	G(rules(), "0");
	if (in_guest()) {
		for (unsigned short k = 1; k <= QUEUES; k++)
			send_piece(raw, k, 0x2000);
		send_piece(raw, 999, 0);
		start();
		nft_no_table("t");
		finish();
	}
	GIS(round_trip());
}
