/* SPDX-License-Identifier: MIT */
/*
 * names.c: `nestctl switch --dhcp NET/BITS`: the switch gives its instances addresses of an
 * IPv4 network by DHCP (RFC 2131, 2132). It resolves the names that they have sent in their
 * requests by DNS (RFC 1035), and answers ARP (RFC 826).
 *
 * The switch itself has the network's first address, and is at no port. Its answers go to the port
 * from which the request came. An address belongs to the MAC address that asked for it, until the
 * port closes or the entry is replaced (table.c). A name belongs to the instance that sent
 * it, until that instance's entry ends. If two instances send one name, the first keeps it.
 *
 * A name that no instance has does not exist (NXDOMAIN). But an instance with further cards asks
 * other name servers, too, and says so by a vendor class (tools/init/dhcp.h): questions for them
 * are refused (REFUSED), so that its resolver goes on. The switch's answers have a class, too, by
 * which init knows it.
 *
 * Frames come from guests and are not trusted: each length is checked before it is used. The tables
 * have a fixed size, and no answer is longer than a request and NAMES_ANSWER_MORE.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/init/dhcp.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/switch/switch.h"

#define HOSTS_MAX 1024
#define NAME_LEN 63
#define LEASE_SECONDS 86400
#define DNS_TTL 5

#define ETH_HEAD 14
#define IP_HEAD 20
#define UDP_HEAD 8
#define HEADS (ETH_HEAD + IP_HEAD + UDP_HEAD)
#define DHCP_HEAD 240 /* with DHCP's magic cookie */
#define DNS_HEAD 12
#define PORT_DNS 53
#define PORT_DHCP 67
#define PORT_DHCP_CLIENT 68

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM };
enum {
	OPT_MASK = 1,
	OPT_DNS = 6,
	OPT_NAME = 12,
	OPT_ADDRESS = 50,
	OPT_LEASE = 51,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_CLASS = 60,
	OPT_END = 255
};
enum { TYPE_A = 1, TYPE_PTR = 12, CLASS_IN = 1, NXDOMAIN = 3, REFUSED = 5 };
/* which questions for unknown names are refused */
enum refuses { REFUSE_NONE, REFUSE_DOTTED, REFUSE_ALL };

/* A client that has sent a request. Its address is @network + 2 + its index. */
static struct host {
	struct seen seen;
	uint8_t mac[6];
	char name[NAME_LEN + 1];
	enum refuses refuses; /* questions of this host */
} hosts[HOSTS_MAX];
static unsigned int nr_hosts; /* the number of addresses in the network */
/* the network's own address, with host bits of 0, and its mask; 0: no network */
static uint32_t network, mask;
static const uint8_t own_mac[6] = { 0x02, 0x6e, 0x65, 0x73, 0x74, 0x01 };

bool names_begin(const char *text)
{
	char address[16];
	struct in_addr in;
	unsigned int bits;
	int end = 0;

	if (sscanf(text, "%15[0-9.]/%2u%n", address, &bits, &end) != 2 || text[end] || bits < 8 ||
		bits > 29 || inet_pton(AF_INET, address, &in) != 1)
		return false;
	mask = ~0U << (32 - bits);
	network = ntohl(in.s_addr) & mask;
	nr_hosts = ~mask - 2 < HOSTS_MAX ? ~mask - 2 : HOSTS_MAX;
	return true;
}

/*
 * own_address() returns the switch's own address, address_of() that of an entry in hosts[]. Both
 * are in host byte order.
 */
static uint32_t own_address(void)
{
	return network + 1;
}

static uint32_t address_of(const struct host *h)
{
	return network + 2 + (uint32_t)(h - hosts);
}

/* ---- bytes ---- */

/* Read and write numbers in network order. */
static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/* Returns the Internet checksum of a header. */
static uint32_t sum_of(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += get16(p + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* Writes the headers in front of a datagram of @n bytes. Returns the frame's length. */
static uint32_t put_heads(uint8_t *f, const uint8_t *mac, uint32_t to, uint32_t from_port,
	uint32_t to_port, uint32_t n)
{
	uint8_t *ip = f + ETH_HEAD, *udp = ip + IP_HEAD;

	memcpy(f, mac, 6);
	memcpy(f + 6, own_mac, 6);
	put16(f + 12, 0x0800);
	memset(ip, 0, IP_HEAD + UDP_HEAD);
	ip[0] = 0x45;
	put16(ip + 2, IP_HEAD + UDP_HEAD + n);
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	put32(ip + 12, own_address());
	put32(ip + 16, to);
	put16(ip + 10, sum_of(ip, IP_HEAD));
	put16(udp, from_port);
	put16(udp + 2, to_port);
	put16(udp + 4, UDP_HEAD + n);
	return HEADS + n; /* UDP checksum 0: not computed */
}

/* ---- hosts ---- */

void names_forget(int port)
{
	for (unsigned int i = 0; i < nr_hosts; i++)
		if (hosts[i].seen.port == port + 1)
			hosts[i] = (struct host){ .name = "" };
}

/* Returns the index of a free entry with the address, or -1. */
static int free_place(uint32_t address)
{
	const uint32_t i = address - network - 2;

	return i < nr_hosts && !hosts[i].seen.port ? (int)i : -1;
}

/*
 * Returns the host with the MAC address, or a new one, or NULL if there is no room. A new host gets
 * the address @wanted if that is free: an instance whose link comes back keeps its address. @wanted
 * 0: any. A known host stays with its port, since any guest can use another guest's MAC address.
 */
static struct host *host_of(const uint8_t *mac, int port, uint32_t wanted)
{
	int place = free_place(wanted);

	for (unsigned int i = 0; i < nr_hosts; i++)
		if (hosts[i].seen.port && !memcmp(hosts[i].mac, mac, 6)) {
			if (hosts[i].seen.port == port + 1)
				table_use(&hosts[i].seen, port);
			return &hosts[i];
		}
	if (place < 0)
		place = table_place(hosts, sizeof(*hosts), nr_hosts, port);
	if (place < 0)
		return NULL;
	hosts[place] = (struct host){ .name = "" };
	memcpy(hosts[place].mac, mac, 6);
	table_use(&hosts[place].seen, port);
	return &hosts[place];
}

/* Returns the host with the name, compared without case, or NULL. */
static const struct host *host_named(const char *name)
{
	for (unsigned int i = 0; i < nr_hosts; i++)
		if (hosts[i].seen.port && *hosts[i].name && !strcasecmp(hosts[i].name, name))
			return &hosts[i];
	return NULL;
}

/* True if the @n bytes are a valid name of a host. */
static bool is_name(const uint8_t *p, size_t n)
{
	if (!n || n > NAME_LEN)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z') &&
			!(p[i] >= '0' && p[i] <= '9') && p[i] != '-' && p[i] != '_' && p[i] != '.')
			return false;
	return true;
}

/* Gives the host the name of @n bytes, unless it has one or another host has this name. */
static void take_name(struct host *h, const uint8_t *p, size_t n)
{
	char name[NAME_LEN + 1];

	/* only the first name counts: init sends it, and knows the instance's name */
	if (*h->name || !is_name(p, n))
		return;
	memcpy(name, p, n);
	name[n] = '\0';
	if (!host_named(name))
		strcpy(h->name, name);
}

/* Takes the vendor class of @n bytes. Other classes than init's change nothing. */
static void take_class(struct host *h, const uint8_t *p, size_t n)
{
	if (n == strlen(DHCP_REFUSE_DOTTED) && !memcmp(p, DHCP_REFUSE_DOTTED, n))
		h->refuses = REFUSE_DOTTED;
	else if (n == strlen(DHCP_REFUSE_ALL) && !memcmp(p, DHCP_REFUSE_ALL, n))
		h->refuses = REFUSE_ALL;
	else if (n == strlen(DHCP_REFUSE_NONE) && !memcmp(p, DHCP_REFUSE_NONE, n))
		h->refuses = REFUSE_NONE;
}

/* ---- ARP ---- */

/*
 * These three write the answer to a request as a frame to @out. They return its length, or 0 for
 * none. answer_dhcp() and answer_dns() get the @n bytes after the UDP header.
 */
static uint32_t answer_arp(const uint8_t *f, uint32_t len, uint8_t *out)
{
	static const uint8_t request[8] = { 0, 1, 8, 0, 6, 4, 0, 1 };

	if (len < ETH_HEAD + 28 || memcmp(f + ETH_HEAD, request, sizeof(request)) != 0 ||
		get32(f + ETH_HEAD + 24) != own_address())
		return 0;
	memcpy(out, f + 6, 6);
	memcpy(out + 6, own_mac, 6);
	put16(out + 12, 0x0806);
	memcpy(out + ETH_HEAD, request, sizeof(request));
	out[ETH_HEAD + 7] = 2;
	memcpy(out + ETH_HEAD + 8, own_mac, 6);
	put32(out + ETH_HEAD + 14, own_address());
	memcpy(out + ETH_HEAD + 18, f + ETH_HEAD + 8, 10);
	return ETH_HEAD + 28;
}

/* ---- DHCP ---- */

/* Returns the data of an option in a request, and its size, or NULL. */
static const uint8_t *find_option(const uint8_t *p, uint32_t n, int wanted, size_t *size)
{
	const uint8_t *o = p + DHCP_HEAD, *end = p + n;

	while (o < end && *o != OPT_END) {
		if (!*o) {
			o++;
			continue;
		}
		if (end - o < 2 || end - o - 2 < o[1])
			return NULL;
		if (*o == wanted) {
			*size = o[1];
			return o + 2;
		}
		o += 2 + o[1];
	}
	return NULL;
}

/* Writes an option of 4 bytes. Returns the byte after it. */
static uint8_t *put_option(uint8_t *o, int option, uint32_t value)
{
	*o++ = (uint8_t)option;
	*o++ = 4;
	put32(o, value);
	return o + 4;
}

/*
 * Answers a DHCP message of @n bytes from @port. Returns the length of the frame in @out, or 0 for
 * none.
 */
static uint32_t answer_dhcp(int port, const uint8_t *p, uint32_t n, uint8_t *out)
{
	static const uint8_t cookie[4] = { 0x63, 0x82, 0x53, 0x63 },
			     all[6] = { 255, 255, 255, 255, 255, 255 };
	uint8_t *to = out + HEADS, *o = to + DHCP_HEAD;
	const uint8_t *type, *name, *class, *wanted, *server;
	size_t size, name_size = 0, class_size = 0, wanted_size = 0, server_size = 0;
	struct host *h;
	int reply;

	if (n < DHCP_HEAD || p[0] != 1 || p[2] != 6 || memcmp(p + 236, cookie, 4) != 0)
		return 0;
	type = find_option(p, n, OPT_TYPE, &size);
	if (!type || size != 1 || (*type != DISCOVER && *type != REQUEST))
		return 0;
	server = find_option(p, n, OPT_SERVER, &server_size);
	if (server && server_size == 4 && get32(server) != own_address())
		return 0; /* the client takes another server's offer */
	wanted = find_option(p, n, OPT_ADDRESS, &wanted_size);
	if (wanted_size != 4)
		wanted = NULL;
	h = host_of(p + 28, port, wanted ? get32(wanted) : 0);
	if (!h)
		return 0;
	name = find_option(p, n, OPT_NAME, &name_size);
	if (name && h->seen.port == port + 1)
		take_name(h, name, name_size);
	class = find_option(p, n, OPT_CLASS, &class_size);
	if (class && h->seen.port == port + 1)
		take_class(h, class, class_size);
	reply = *type == DISCOVER ? OFFER : ACK;
	if (reply == ACK && wanted && get32(wanted) != address_of(h))
		reply = NAK;
	memset(to, 0, DHCP_HEAD);
	to[0] = 2;
	to[1] = 1;
	to[2] = 6;
	memcpy(to + 4, p + 4, 4);   /* the transaction id */
	memcpy(to + 10, p + 10, 2); /* flags */
	if (reply != NAK)
		put32(to + 16, address_of(h));
	put32(to + 20, own_address());
	memcpy(to + 28, p + 28, 16);
	memcpy(to + 236, cookie, 4);
	*o++ = OPT_TYPE;
	*o++ = 1;
	*o++ = (uint8_t)reply;
	o = put_option(o, OPT_SERVER, own_address());
	if (reply != NAK) {
		o = put_option(o, OPT_LEASE, LEASE_SECONDS);
		o = put_option(o, OPT_MASK, mask);
		o = put_option(o, OPT_DNS, own_address());
		*o++ = OPT_CLASS;
		*o++ = sizeof(DHCP_SWITCH) - 1;
		memcpy(o, DHCP_SWITCH, sizeof(DHCP_SWITCH) - 1);
		o += sizeof(DHCP_SWITCH) - 1;
	}
	*o++ = OPT_END;
	return put_heads(out, all, ~0U, PORT_DHCP, PORT_DHCP_CLIENT, (uint32_t)(o - to));
}

/* ---- DNS ---- */

/*
 * Reads the question's name as "a.b". Returns the byte after it, or NULL if the name is invalid.
 */
static const uint8_t *read_name(const uint8_t *p, const uint8_t *end, char *name, size_t room)
{
	size_t n = 0;

	while (p < end && *p) {
		const size_t label = *p++;

		if (label > 63 || (size_t)(end - p) < label || n + label + 2 > room)
			return NULL;
		if (n)
			name[n++] = '.';
		memcpy(name + n, p, label);
		n += label;
		p += label;
	}
	name[n] = '\0';
	return p < end && strlen(name) == n ? p + 1 : NULL;
}

/*
 * Returns the host for a name like "4.3.2.1.in-addr.arpa", or NULL. *ours: the address is one of
 * the network.
 */
static const struct host *host_of_reverse(const char *name, bool *ours)
{
	unsigned int a[4];
	int end = 0;
	uint32_t at;

	if (sscanf(name, "%3u.%3u.%3u.%3u.in-addr.arpa%n", &a[3], &a[2], &a[1], &a[0], &end) != 4 ||
		!end || name[end] || a[0] > 255 || a[1] > 255 || a[2] > 255 || a[3] > 255)
		return NULL;
	at = a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3];
	*ours = (at & mask) == network;
	at -= network + 2;
	return at < nr_hosts && hosts[at].seen.port && *hosts[at].name ? &hosts[at] : NULL;
}

/* Writes a name as DNS labels. Returns the byte after it. */
static uint8_t *put_name(uint8_t *o, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");

		*o++ = (uint8_t)n;
		memcpy(o, name, n);
		o += n;
		name += n + (name[n] == '.');
	}
	*o++ = 0;
	return o;
}

/*
 * Writes the head of an answer: a pointer to the question's name, its type, its time to live.
 * Returns the byte after it.
 */
static uint8_t *put_answer(uint8_t *o, int type)
{
	put16(o, 0xc000 | DNS_HEAD);
	put16(o + 2, (uint32_t)type);
	put16(o + 4, CLASS_IN);
	put32(o + 6, DNS_TTL);
	return o + 12;
}

/*
 * Returns the code for a question about an unknown name: REFUSED if the asking host at @port has
 * other name servers for it. @ours: the question is about an address of this network.
 */
static uint32_t unknown(int port, const uint8_t *mac, const char *name, bool ours)
{
	for (unsigned int i = 0; i < nr_hosts && !ours; i++) {
		const struct host *h = &hosts[i];

		if (h->seen.port != port + 1 || memcmp(h->mac, mac, 6) != 0)
			continue;
		return h->refuses == REFUSE_ALL ||
				       (h->refuses == REFUSE_DOTTED && strchr(name, '.')) ?
			       REFUSED :
			       NXDOMAIN;
	}
	return NXDOMAIN;
}

/*
 * Answers a DNS query @p of @n bytes in the frame @f from @port. Returns the length of the frame in
 * @out, or 0 for none.
 */
static uint32_t answer_dns(int port, const uint8_t *f, const uint8_t *p, uint32_t n, uint8_t *out)
{
	uint8_t *to = out + HEADS, *o;
	const struct host *h;
	const uint8_t *end;
	char name[256];
	uint32_t type, code;
	bool ours = false;

	/*
	 * drop responses, other operations than queries, and messages without exactly one question
	 */
	if (n < DNS_HEAD || (p[2] & 0xf8) || get16(p + 4) != 1)
		return 0;
	end = read_name(p + DNS_HEAD, p + n, name, sizeof(name));
	if (!end || p + n - end < 4 || get16(end + 2) != CLASS_IN)
		return 0;
	type = get16(end);
	end += 4;
	h = type == TYPE_PTR ? host_of_reverse(name, &ours) : host_named(name);
	code = h ? 0 : unknown(port, f + 6, name, ours);
	memcpy(to, p, (size_t)(end - p));
	o = to + (end - p);
	/* flags of an answer, authoritative unless it is a refusal */
	put16(to + 2, (code == REFUSED ? 0x8000 : 0x8400) | (p[2] & 1U) << 8 | code);
	put32(to + 8, 0);
	put16(to + 6, h && (type == TYPE_A || type == TYPE_PTR));
	if (h && type == TYPE_A) {
		o = put_answer(o, TYPE_A);
		put16(o - 2, 4);
		put32(o, address_of(h));
		o += 4;
	} else if (h && type == TYPE_PTR) {
		uint8_t *data = put_answer(o, TYPE_PTR);

		o = put_name(data, h->name);
		put16(data - 2, (uint32_t)(o - data));
	}
	return put_heads(out, f + 6, get32(f + ETH_HEAD + 12), PORT_DNS,
		get16(f + ETH_HEAD + IP_HEAD), (uint32_t)(o - to));
}

/* ---- frames ---- */

bool names_are_for_us(const uint8_t *f)
{
	return network && !memcmp(f, own_mac, 6);
}

uint32_t names_answer(int port, const uint8_t *f, uint32_t len, uint8_t *out)
{
	const uint8_t *ip = f + ETH_HEAD, *udp = ip + IP_HEAD;
	uint32_t n;

	if (!network || len < HEADS || (memcmp(f, own_mac, 6) != 0 && !(f[0] & 1)))
		return 0;
	if (get16(f + 12) == 0x0806)
		return answer_arp(f, len, out);
	/* only UDP over IPv4, without IP options and fragments */
	if (get16(f + 12) != 0x0800 || ip[0] != 0x45 || ip[9] != IPPROTO_UDP ||
		(get16(ip + 6) & 0x3fff))
		return 0;
	n = get16(udp + 4);
	if (n < UDP_HEAD || n > len - ETH_HEAD - IP_HEAD || n > NAMES_REQUEST_MAX)
		return 0;
	n -= UDP_HEAD;
	if (get16(udp + 2) == PORT_DHCP)
		return answer_dhcp(port, udp + UDP_HEAD, n, out);
	if (get16(udp + 2) == PORT_DNS && get32(ip + 16) == own_address())
		return answer_dns(port, f, udp + UDP_HEAD, n, out);
	return 0;
}
