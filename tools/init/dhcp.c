/* SPDX-License-Identifier: MIT */
/*
 * dhcp.c: gets a card's address, route and name servers from the network (RFC 2131, 2132), without
 * any program of the image.
 *
 * DISCOVER -> OFFER -> REQUEST -> ACK; DISCOVER and REQUEST are sent at most three times each, half
 * a second apart. The lease is not renewed before its end: libslirp always assigns the same
 * address, and `nestctl switch` keeps an address until the link closes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/route.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tools/init/dhcp.h"
#include "tools/init/job.h"

#define DISCOVER 1
#define OFFER 2
#define REQUEST 3
#define ACK 5
#define TRIES 3
#define WAIT_MS 500
#define NAME_MOST 63

enum {
	OPT_MASK = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_NAME = 12,
	OPT_DOMAIN = 15,
	OPT_ADDRESS = 50,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_WANTED = 55,
	OPT_CLASS = 60,
	OPT_END = 255
};

struct packet {
	uint8_t op, htype, hlen, hops;
	uint32_t xid;
	uint16_t secs, flags;
	uint32_t ciaddr, yiaddr, siaddr, giaddr;
	uint8_t chaddr[16];
	char sname[64], file[128];
	uint8_t cookie[4];
	uint8_t options[308];
} __attribute__((packed));

static int sock;
/* Host name and vendor class to send to the server, or "". */
static const char *host_name, *vendor_class;
/* The card's MAC address. */
static uint8_t mac[6];
/* Random number of this client's requests, which replies repeat. */
static uint32_t xid;

/* ---- requests and replies ---- */

/* Writes an option, unless its text is empty or too long. Returns the byte behind it. */
static uint8_t *put_text(uint8_t *o, int option, const char *text)
{
	size_t n = strlen(text);

	if (!n || n > NAME_MOST)
		return o;
	*o++ = (uint8_t)option;
	*o++ = (uint8_t)n;
	/* an option's text does not end in NUL */
	for (size_t i = 0; i < n; i++)
		*o++ = (uint8_t)text[i];
	return o;
}

/*
 * Broadcasts a packet of @type: DISCOVER, with the address of an earlier lease @l, or REQUEST for
 * the offered lease @l.
 */
static void ask(int type, const struct lease *l)
{
	struct sockaddr_in all = { .sin_family = AF_INET, .sin_port = htons(67) };
	struct packet p = { .op = 1, .htype = 1, .hlen = 6, .xid = xid, .flags = htons(0x8000) };
	uint8_t *o = p.options;

	all.sin_addr.s_addr = INADDR_BROADCAST;
	memcpy(p.chaddr, mac, 6);
	memcpy(p.cookie, "\x63\x82\x53\x63", 4);
	*o++ = OPT_TYPE, *o++ = 1, *o++ = (uint8_t)type;
	if (l->address)
		*o++ = OPT_ADDRESS, *o++ = 4, memcpy(o, &l->address, 4), o += 4;
	if (type == REQUEST) {
		*o++ = OPT_SERVER, *o++ = 4, memcpy(o, &l->server, 4), o += 4;
	}
	o = put_text(o, OPT_NAME, host_name);
	o = put_text(o, OPT_CLASS, vendor_class);
	*o++ = OPT_WANTED, *o++ = 4;
	*o++ = OPT_MASK, *o++ = OPT_ROUTER, *o++ = OPT_DNS, *o++ = OPT_DOMAIN;
	*o = OPT_END;
	sendto(sock, &p, sizeof(p), 0, (struct sockaddr *)&all, sizeof(all));
}

/* Stores the value of a reply's option @opt in *@l or, for OPT_TYPE, in *@type. */
static void take_option(struct lease *l, int *type, int opt, const uint8_t *data, int len)
{
	if (opt == OPT_DOMAIN && len < (int)sizeof(l->domain)) {
		memcpy(l->domain, data, (size_t)len);
		l->domain[len] = '\0';
	}
	if (opt == OPT_TYPE && len)
		*type = data[0];
	if (opt == OPT_CLASS)
		l->local = len == strlen(DHCP_SWITCH) && !memcmp(data, DHCP_SWITCH, (size_t)len);
	if (len < 4)
		return;
	switch (opt) {
	case OPT_MASK: memcpy(&l->mask, data, 4); break;
	case OPT_ROUTER: memcpy(&l->router, data, 4); break;
	case OPT_SERVER: memcpy(&l->server, data, 4); break;
	case OPT_DNS:
		l->nr_dns = len / 4 < DHCP_SERVERS_MAX ? len / 4 : DHCP_SERVERS_MAX;
		memcpy(l->dns, data, (size_t)l->nr_dns * 4);
	}
}

/*
 * Parses a packet of @n bytes (-1: there is none) into *@l. Returns its DHCP type, or 0 if it is no
 * reply to this client or has no address.
 */
static int parse(const struct packet *p, ssize_t n, struct lease *l)
{
	const uint8_t *o = p->options, *end = (const uint8_t *)p + n;
	int type = 0;

	if (n < (ssize_t)offsetof(struct packet, options) || p->op != 2 || p->xid != xid ||
		memcmp(p->cookie, "\x63\x82\x53\x63", 4) || memcmp(p->chaddr, mac, 6))
		return 0;
	*l = (struct lease){ .address = p->yiaddr, .server = p->siaddr };
	while (o < end && *o != OPT_END) {
		if (!*o) {
			o++;
			continue;
		}
		if (end - o < 2 || end - o - 2 < o[1])
			break;
		take_option(l, &type, o[0], o + 2, o[1]);
		o += 2 + o[1];
	}
	return l->address ? type : 0;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits at most WAIT_MS for a reply of the type @wanted, and stores it in *@l. False: none came. */
static bool hear(int wanted, struct lease *l)
{
	long end = now_ms() + WAIT_MS, left;

	while ((left = end - now_ms()) > 0) {
		struct pollfd f = { .fd = sock, .events = POLLIN };
		struct packet p;
		struct lease got;

		if (poll(&f, 1, (int)left) <= 0)
			continue;
		if (parse(&p, recv(sock, &p, sizeof(p), MSG_DONTWAIT), &got) == wanted) {
			*l = got;
			return true;
		}
	}
	return false;
}

/*
 * Sends a packet of the type @question up to TRIES times, until a reply of the type @answer comes,
 * which replaces *@l. Returns false if none came.
 */
static bool exchange(int question, int answer, struct lease *l)
{
	for (int i = 0; i < TRIES; i++) {
		ask(question, l);
		if (hear(answer, l))
			return true;
	}
	return false;
}

/* ---- the interface ---- */

static void set_address(const char *name, unsigned long cmd, uint32_t addr)
{
	struct ifreq r = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&r.ifr_addr;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = addr;
	if (ioctl(sock, cmd, &r))
		fprintf(stderr, "init: %s: %s\n", name, strerror(errno));
}

/* Adds or removes (SIOCADDRT, SIOCDELRT) the default route by the card. False with errno. */
static bool change_route(unsigned long cmd, const char *name, uint32_t router)
{
	struct rtentry r = { .rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = (char *)name };
	struct sockaddr_in *in = (struct sockaddr_in *)&r.rt_gateway;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	r.rt_dst.sa_family = r.rt_genmask.sa_family = AF_INET;
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = router;
	err = fd < 0 || ioctl(fd, cmd, &r) ? errno : 0;
	if (fd >= 0)
		close(fd);
	errno = err;
	return !err;
}

void dhcp_add_route(const char *name, uint32_t router)
{
	if (!change_route(SIOCADDRT, name, router) && errno != EEXIST)
		fprintf(stderr, "init: default route: %s\n", strerror(errno));
}

void dhcp_drop_route(const char *name, uint32_t router)
{
	change_route(SIOCDELRT, name, router);
}

/*
 * Tells the link the card's MAC address, by an ARP question for the card's own IP address: a
 * neighbour may know another MAC address, of an instance that had the IP address before.
 */
static void announce(const char *name, uint32_t address)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = (int)if_nametoindex(name),
		.sll_halen = 6,
		.sll_addr = { 255, 255, 255, 255, 255, 255 } };
	/* Ethernet, IPv4, lengths of both, a question */
	uint8_t arp[28] = { 0, 1, 8, 0, 6, 4, 0, 1 };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	memcpy(arp + 8, mac, 6);
	memcpy(arp + 14, &address, 4);
	memcpy(arp + 24, &address, 4);
	sendto(fd, arp, sizeof(arp), 0, (struct sockaddr *)&to, sizeof(to));
	close(fd);
}

/* Configures the card's address by a lease. Reports errors on stderr. */
static void use(const char *name, const struct lease *l)
{
	uint32_t mask = l->mask ? l->mask : htonl(0xffffff00);

	set_address(name, SIOCSIFADDR, l->address);
	set_address(name, SIOCSIFNETMASK, mask);
	set_address(name, SIOCSIFBRDADDR, l->address | ~mask);
}

/* Brings the card up, and reads its address into mac. Returns false if there is no such card. */
static bool bring_up(const char *name)
{
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(sock, SIOCGIFHWADDR, &r))
		return false;
	memcpy(mac, r.ifr_hwaddr.sa_data, 6);
	if (ioctl(sock, SIOCGIFFLAGS, &r))
		return false;
	r.ifr_flags |= IFF_UP;
	return !ioctl(sock, SIOCSIFFLAGS, &r);
}

/*
 * Opens the socket, brings the card up, and gets a lease; DISCOVER has the address of *@l. Returns
 * 1 with the lease, 0 if no server answers, or -1 if there is no such card or on an error. Closes
 * the socket unless it returns 1.
 */
static int get_lease(const char *name, const char *host, const char *class, struct lease *l)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(68) };
	int on = 1, got = -1;

	host_name = host;
	vendor_class = class;
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -1;
	if (bring_up(name) && getrandom(&xid, sizeof(xid), 0) == sizeof(xid) &&
		!setsockopt(sock, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) &&
		!setsockopt(sock, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name)) &&
		!bind(sock, (struct sockaddr *)&any, sizeof(any)))
		got = exchange(DISCOVER, OFFER, l) && exchange(REQUEST, ACK, l);
	if (got <= 0)
		close(sock);
	return got;
}

bool dhcp_configure(const char *name, const char *host, const char *class, struct lease *l)
{
	int got;

	*l = (struct lease){ .address = 0 };
	got = get_lease(name, host, class, l);
	if (!got)
		fprintf(stderr, "init: %s: no DHCP server answers\n", name);
	if (got <= 0) {
		/* an offer that was not acknowledged is no lease */
		*l = (struct lease){ .address = 0 };
		return false;
	}
	use(name, l);
	announce(name, l->address);
	close(sock);
	return true;
}

/* True if the card is up and has the address; 0: no address. */
static bool has_address(const char *name, uint32_t address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq flags = { 0 }, r = { 0 };
	uint32_t now = 0;
	bool up;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	snprintf(flags.ifr_name, sizeof(flags.ifr_name), "%s", name);
	up = fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &flags) && (flags.ifr_flags & IFF_UP);
	if (up && !ioctl(fd, SIOCGIFADDR, &r))
		now = ((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr;
	if (fd >= 0)
		close(fd);
	return up && now == address;
}

int dhcp_renew(const char *name, const char *host, const char *class, struct lease *l)
{
	struct lease new = *l;
	int got;

	if (!has_address(name, l->address))
		return -1;
	got = get_lease(name, host, class, &new);
	if (got <= 0)
		return got;
	if (new.address != l->address || new.mask != l->mask)
		use(name, &new);
	/* the address may be the old one, but the card another: a clone whose original has ended */
	announce(name, new.address);
	close(sock);
	*l = new;
	return 1;
}

bool dhcp_mac(const char *name, uint8_t address[6])
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { 0 };
	bool good;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	good = fd >= 0 && !ioctl(fd, SIOCGIFHWADDR, &r);
	if (good)
		memcpy(address, r.ifr_hwaddr.sa_data, 6);
	if (fd >= 0)
		close(fd);
	return good;
}
