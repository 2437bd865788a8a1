/* SPDX-License-Identifier: MIT */
/*
 * slirp.h: nestling-slirp, the helper of `eth0=slirp`: libslirp behind a socket. It is embedded in
 * the kernel's program and started from memory. The two talk over fd 3, a SOCK_SEQPACKET socket.
 * The helper's first message is "ok" or an error as text; every later one is an Ethernet frame.
 * When the kernel's end closes, the helper ends.
 */
#ifndef NESTLING_SLIRP_SLIRP_H
#define NESTLING_SLIRP_SLIRP_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>

#define SLIRP_FD 3
#define SLIRP_FRAME_MAX 65536

struct forward {
	bool udp;
	struct in_addr host, guest;
	int host_port, guest_port;
	const char *text;
};
#define FORWARDS_MAX 64
#define PORTS_MAX 64

/* What the guest may reach (allow.c): what both lists allow; one without rules allows all. */
struct rule {
	bool policy;         /* of the second list */
	const char *name;    /* or NULL: @net */
	bool below;          /* the names below @name, not itself */
	struct in6_addr net; /* IPv4 as ::ffff:A.B.C.D */
	int bits;
	uint16_t ports[PORTS_MAX]; /* none: all */
	int nr_ports;
};
#define RULES_MAX 64
struct config {
	struct forward forwards[FORWARDS_MAX];
	int nr_forwards;
	/* the guest reaches all servers on the host's loopback; those on @ports in any case */
	bool loopback;
	uint16_t ports[PORTS_MAX];
	int nr_ports;
	struct rule rules[RULES_MAX];
	int nr_rules; /* 0: everything is allowed */
	bool no_ipv6;
	unsigned mtu;
	int audit; /* the descriptor of its lines, or -1 */
};

/* Reads the words of the command line. Returns NULL or an error. */
const char *config_parse(struct config *c, char *const *words);

/* Converts an IPv4 address to ::ffff:A.B.C.D. */
void map_v4(struct in6_addr *to, struct in_addr a);

/* With rules only: true if the guest may send to @a, which libslirp has translated. */
bool allow_address(const struct config *c, const struct in6_addr *a, in_port_t port);
/* With rules only: true if the guest may ask the resolver this. */
bool allow_query(const struct config *c, const void *query, size_t n);
/* Pins the addresses that a resolver's answer to an allowed query has. */
void allow_answer(const struct config *c, const void *answer, size_t n);

/* Reads the name of a query, in lower case. False for a message of another form. */
bool query_name(const void *query, size_t n, char name[256]);

/* What the guest has sent, or wanted to: a connection, or a datagram. */
struct sent {
	int fd;
	bool datagram, allowed;
	struct in6_addr addr;
	in_port_t port; /* in network order */
};
/* Lines of the audit (audit.c); without audit_open() nothing is written. */
const char *audit_open(int fd); /* NULL, or an error */
void audit_sent(const struct sent *s);
void audit_query(bool allowed, const char *name);
/* Remembers that @a is an answer to a query for @name. */
void audit_answer(const char *name, const struct in6_addr *a);

/* Keeps the guest from the host's loopback, but for what @c allows. Call before slirp_new(). */
void loopback_guard(const struct config *c);

/*
 * Enters the jail: no new privileges, no file but the resolver's configuration, no call but those
 * that carry packets. Returns NULL or the step that failed.
 */
const char *jail_enter(void);

#endif
