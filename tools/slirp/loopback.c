/* SPDX-License-Identifier: MIT */
/*
 * loopback.c: keeps the guest from the servers on the host's loopback, and from what no rule
 * allows.
 *
 * libslirp makes its connections by connect() and sendto(), which it finds here, since the program
 * stands before the C library. libslirp's own switch does not do: it knows the address 10.0.2.2
 * only, while packets to 127.0.0.1, 0.0.0.0 or ::ffff:127.0.0.1, and to any port of the name
 * server 10.0.2.3 where the host's resolver is on its loopback, reach the same servers; and it
 * would drop the answers of a forwarded UDP port.
 *
 * To a loopback address goes only:
 * - what is for a port that the command line names;
 * - what is for port 53 of a name server of the host's resolv.conf;
 * - a datagram to a peer that has sent one to the same socket: the answer through a forwarded port.
 *
 * To other addresses goes what the rules allow (allow.c).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/slirp/slirp.h"

#define DNS_PORT 53
#define PEERS_MAX 256

/* libslirp includes sys/socket.h, whose declarations these are. */
int connect(int fd, const struct sockaddr *to, socklen_t len);
ssize_t sendto(
	int fd, const void *buf, size_t n, int flags, const struct sockaddr *to, socklen_t len);
ssize_t recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *len);
ssize_t __recvfrom_chk(
	int fd, void *buf, size_t n, size_t room, int flags, struct sockaddr *from, socklen_t *len);

/* An address of either family, IPv4 as ::ffff:A.B.C.D. */
struct end {
	struct in6_addr addr;
	in_port_t port; /* in network order */
};

static const struct config *conf;

/* Peers that have sent a datagram: on the loopback, and with rules all. */
static struct peer {
	int fd;
	struct end end;
} peers[PEERS_MAX];
static unsigned nr_peers, next_peer;

void loopback_guard(const struct config *c)
{
	conf = c;
}

void map_v4(struct in6_addr *to, struct in_addr a)
{
	memset(to, 0, sizeof(*to));
	to->s6_addr[10] = to->s6_addr[11] = 0xff;
	memcpy(&to->s6_addr[12], &a, sizeof(a));
}

/* Converts a socket address. False for another family. */
static bool end_of(const struct sockaddr *sa, socklen_t len, struct end *e)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa && len >= sizeof(in) && sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		map_v4(&e->addr, in.sin_addr);
		e->port = in.sin_port;
		return true;
	}
	if (sa && len >= sizeof(in6) && sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		e->addr = in6.sin6_addr;
		e->port = in6.sin6_port;
		return true;
	}
	return false;
}

/* True if the host serves @a itself, without a card: 127.0.0.0/8, 0.0.0.0/8, ::1 and ::. */
static bool is_loopback(const struct in6_addr *a)
{
	if (IN6_IS_ADDR_V4MAPPED(a) || IN6_IS_ADDR_V4COMPAT(a))
		return a->s6_addr[12] == 127 || a->s6_addr[12] == 0;
	return IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a);
}

/* True if resolv.conf names @a. The file is read each time: it may change, and names are few. */
static bool is_resolver(const struct in6_addr *a)
{
	char line[256], text[64];
	struct in_addr a4;
	struct end e;
	FILE *f = fopen("/etc/resolv.conf", "re");
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " nameserver %63[0-9a-fA-F:.]", text) != 1)
			continue;
		if (inet_pton(AF_INET, text, &a4) == 1)
			map_v4(&e.addr, a4);
		else if (inet_pton(AF_INET6, text, &e.addr) != 1)
			continue;
		found = IN6_ARE_ADDR_EQUAL(&e.addr, a);
	}
	if (f)
		fclose(f);
	return found;
}

static bool is_open_port(in_port_t port)
{
	for (int i = 0; i < conf->nr_ports; i++)
		if (htons(conf->ports[i]) == port)
			return true;
	return false;
}

static bool is_peer(int fd, const struct end *e)
{
	for (unsigned i = 0; i < nr_peers; i++)
		if (peers[i].fd == fd && peers[i].end.port == e->port &&
			IN6_ARE_ADDR_EQUAL(&peers[i].end.addr, &e->addr))
			return true;
	return false;
}

static void tell_query(bool allowed, const void *data, size_t n)
{
	char name[256];

	audit_query(allowed, query_name(data, n, name) ? name : "");
}

static void tell_sent(int fd, const struct end *e, const void *data, bool allowed)
{
	audit_sent(&(struct sent){ fd, data != NULL, allowed, e->addr, e->port });
}

/*
 * True if the guest may send to @sa by the socket @fd: @data, a datagram of @n bytes, or NULL, a
 * connection.
 */
static bool allowed(int fd, const struct sockaddr *sa, socklen_t len, const void *data, size_t n)
{
	struct end e;
	bool yes;

	if (!end_of(sa, len, &e) || is_peer(fd, &e))
		return true;
	if (e.port == htons(DNS_PORT) && is_resolver(&e.addr)) {
		yes = !conf->nr_rules || (data && allow_query(conf, data, n));
		if (data)
			tell_query(yes, data, n);
		else
			tell_sent(fd, &e, data, yes);
		return yes;
	}
	if (is_loopback(&e.addr))
		yes = conf->loopback || is_open_port(e.port);
	else
		yes = !conf->nr_rules || allow_address(conf, &e.addr, e.port);
	tell_sent(fd, &e, data, yes);
	return yes;
}

/*
 * A connection that is refused at once, by the helper or by the host, is treated as if it were
 * under way: libslirp then finds a socket without a peer and resets the guest's connection. Its own
 * way for ECONNREFUSED frees a packet twice (4.7.0, tcp_input() after tcp_respond()).
 */
int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	if (allowed(fd, to, len, NULL, 0)) {
		if (!syscall(SYS_connect, fd, to, len))
			return 0;
		if (errno != ECONNREFUSED)
			return -1;
	}
	errno = EINPROGRESS;
	return -1;
}

ssize_t sendto(
	int fd, const void *buf, size_t n, int flags, const struct sockaddr *to, socklen_t len)
{
	if (!allowed(fd, to, len, buf, n)) {
		errno = ECONNREFUSED;
		return -1;
	}
	return syscall(SYS_sendto, fd, buf, n, flags, to, len);
}

ssize_t recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *len)
{
	ssize_t got = syscall(SYS_recvfrom, fd, buf, n, flags, from, len);
	struct end e;

	if (got < 0 || !from || !len || !end_of(from, *len, &e))
		return got;
	if ((conf->nr_rules || conf->audit >= 0) && e.port == htons(DNS_PORT) &&
		is_resolver(&e.addr)) {
		allow_answer(conf, buf, (size_t)got);
		/* no peer: its next query is checked too */
		return got;
	}
	if ((!conf->nr_rules && !is_loopback(&e.addr)) || is_peer(fd, &e))
		return got;
	peers[next_peer] = (struct peer){ fd, e };
	next_peer = (next_peer + 1) % PEERS_MAX;
	nr_peers += nr_peers < PEERS_MAX;
	return got;
}

/* Where libslirp was built with checks of buffers, it calls this. */
ssize_t __recvfrom_chk(
	int fd, void *buf, size_t n, size_t room, int flags, struct sockaddr *from, socklen_t *len)
{
	return recvfrom(fd, buf, n < room ? n : room, flags, from, len);
}
