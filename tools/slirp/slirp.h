/* SPDX-License-Identifier: MIT */
/*
 * slirp.h: nestling-slirp, the helper of `eth0=slirp`: libslirp behind a socket. It is embedded in
 * the kernel's program and started from memory. Fd 3 connects the helper with the kernel: it is a
 * SOCK_SEQPACKET socket. The helper's first message is "ok" or an error as text; every other one,
 * in both directions, is an Ethernet frame. When the kernel's end closes, the helper ends.
 */
#ifndef NESTLING_SLIRP_SLIRP_H
#define NESTLING_SLIRP_SLIRP_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>

#define SLIRP_FD 3
#define SLIRP_FRAME_MAX 65536 /* bytes */

/*
 * A port of the host whose connections or datagrams go to a port of the guest. Ports are in host
 * order.
 */
struct forward {
	bool udp;
	/*
	 * @host: address to listen at; all zeros: any. @guest: destination; all zeros: the guest.
	 */
	struct in_addr host, guest;
	int host_port, guest_port;
	const char *text; /* its word of the command line */
};
#define FORWARDS_MAX 64
/* The sockets of forwarded ports are opened first, and have descriptors below this one. */
#define FORWARD_FDS (FORWARDS_MAX + 64)
#define PORTS_MAX 64

/*
 * A rule of what the guest may reach (allow.c), made by a word allow= (first list) or policy=
 * (second list). A destination must be allowed by both lists; a list without rules allows all.
 */
struct rule {
	bool policy;               /* belongs to the second list (policy=) */
	const char *name;          /* name; NULL: @net is used instead */
	bool below;                /* only the subdomains of @name */
	struct in6_addr net;       /* IPv4 as ::ffff:A.B.C.D */
	int bits;                  /* of the prefix of @net, 0 to 128 */
	uint16_t ports[PORTS_MAX]; /* in host order */
	int nr_ports;              /* 0: all ports */
};
#define RULES_MAX 64
/* The words of the command line. */
struct config {
	struct forward forwards[FORWARDS_MAX];
	int nr_forwards;
	/*
	 * True if the guest may reach all servers on the host's loopback. Those on @ports it may
	 * reach anyway.
	 */
	bool loopback;
	uint16_t ports[PORTS_MAX]; /* in host order */
	int nr_ports;
	struct rule rules[RULES_MAX];
	int nr_rules; /* 0: all but the loopback is allowed */
	bool no_ipv6;
	/* refuse questions for names without a dot, which another network's server answers */
	bool dotted_names;
	unsigned mtu; /* bytes */
	int audit;    /* descriptor for the audit's lines, or -1 */
	/* pipe to which a byte is written after the first message, or -1 */
	int answered;
};

/*
 * Parses the words of the command line, which end in NULL and must stay valid. Returns NULL, or an
 * error message that is valid until the next call.
 */
const char *config_parse(struct config *c, char *const *words);

/* Converts an IPv4 address to ::ffff:A.B.C.D. */
void map_v4(struct in6_addr *to, struct in_addr a);

/*
 * For a configuration with rules: true if the guest may send to @a, an address that libslirp has
 * translated to the host's. An IPv4 address has the form of map_v4(). @port is in network order.
 */
bool allow_address(const struct config *c, const struct in6_addr *a, in_port_t port);
/*
 * For a configuration with rules: true if the guest may send this DNS query of @n bytes to the
 * resolver. False if the query is damaged.
 */
bool allow_query(const struct config *c, const void *query, size_t n);
/*
 * Pins the addresses in a resolver's DNS answer of @n bytes: each rule for the answer's name then
 * allows these addresses, too. Calls audit_answer() with each. Stops where the answer is damaged.
 */
void allow_answer(const struct config *c, const void *answer, size_t n);

/*
 * True if the DNS query of @n bytes is for a name without a dot. False if @query is no message with
 * one question.
 */
bool is_dotless_query(const void *query, size_t n);

/*
 * Reads the name of a query, in lower case, into a terminated text. False if @query is no message
 * with one question.
 */
bool query_name(const void *query, size_t n, char name[256]);

/* A connection or datagram of the guest, which was sent or refused. */
struct sent {
	int fd; /* libslirp's socket */
	bool datagram, allowed;
	struct in6_addr addr;
	in_port_t port; /* in network order */
};
/*
 * Functions that write the audit's lines (audit.c), and lose lines that the pipe has no room for.
 * They do nothing before audit_open(), which takes over the pipe or socket @fd, and returns NULL or
 * an error message. @fd must be non-blocking. audit_query(): @name is "" for a damaged query.
 */
const char *audit_open(int fd);
void audit_sent(const struct sent *s);
void audit_query(bool allowed, const char *name);
/* Stores that @a was an answer to a query for @name, which audit_sent() then reports with @a. */
void audit_answer(const char *name, const struct in6_addr *a);

/*
 * Limits the guest's access to the host's loopback by @c, which must stay valid. Must be called
 * before slirp_new().
 */
void loopback_guard(const struct config *c);
/*
 * Records the UDP sockets of forwarded ports, which are the only ones so far. The guest may answer
 * on them wherever a datagram has come from.
 */
void loopback_forwards(void);

/*
 * Enters the jail for good: no new privileges, files only for reading, and with Landlock only those
 * in /etc, in /run and beside resolv.conf, only system calls that the transfer of packets needs.
 * Returns NULL or a message about the step that failed; a host without Landlock is no failure.
 */
const char *jail_enter(void);

#endif
