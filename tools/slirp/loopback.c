/* SPDX-License-Identifier: MIT */
/*
 * loopback.c: keeps the guest from the servers on the host's loopback, and from what no rule
 * allows.
 *
 * libslirp connects by connect() and sendto(). The functions of this file replace those of the C
 * library, since the dynamic linker searches the program first. libslirp's own option
 * (disable_host_loopback) does not suffice: it covers only the address 10.0.2.2. But packets to
 * 127.0.0.1, 0.0.0.0 or ::ffff:127.0.0.1 reach the same servers, as do packets to any port of the
 * name server 10.0.2.3 if the host's resolver is on its loopback. And that option would drop the
 * replies of a forwarded UDP port.
 *
 * Allowed to a loopback address:
 * - packets for a port that the command line names, with loopback=on for all ports;
 * - packets for port 53 of a name server of the host's resolv.conf; if there are rules, only
 *   datagrams with a question that they allow;
 * - a datagram to a peer that has sent one to the same socket of a forwarded port: a reply.
 *
 * For other addresses the rules decide (allow.c); name servers and peers are treated as above. With
 * names=dotted, questions for names without a dot are refused, and the audit does not report them.
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

/* Declared here as in sys/socket.h, which libslirp includes. */
int close(int fd);
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

/* Peers that have sent a datagram: those on the loopback, and if there are rules all peers. */
static struct peer {
	int fd;
	struct end end;
} peers[PEERS_MAX];
static unsigned nr_peers, next_peer;

/* By descriptor: a UDP socket of a forwarded port. Other sockets have no peers. */
static bool forwards[FORWARD_FDS];

void loopback_guard(const struct config *c)
{
	conf = c;
}

void loopback_forwards(void)
{
	for (int fd = 0; fd < FORWARD_FDS; fd++) {
		struct sockaddr_storage at;
		socklen_t size = sizeof(int), len = sizeof(at);
		int type;

		forwards[fd] = !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) &&
			       type == SOCK_DGRAM &&
			       !getsockname(fd, (struct sockaddr *)&at, &len) &&
			       (at.ss_family == AF_INET || at.ss_family == AF_INET6);
	}
}

static bool is_forward(int fd)
{
	return fd >= 0 && fd < FORWARD_FDS && forwards[fd];
}

void map_v4(struct in6_addr *to, struct in_addr a)
{
	memset(to, 0, sizeof(*to));
	to->s6_addr[10] = to->s6_addr[11] = 0xff;
	memcpy(&to->s6_addr[12], &a, sizeof(a));
}

/* Converts a socket address. False if its family is neither IPv4 nor IPv6. */
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

/* True if packets to @a stay on the host: 127.0.0.0/8, 0.0.0.0/8, ::1 and ::. */
static bool is_loopback(const struct in6_addr *a)
{
	if (IN6_IS_ADDR_V4MAPPED(a) || IN6_IS_ADDR_V4COMPAT(a))
		return a->s6_addr[12] == 127 || a->s6_addr[12] == 0;
	return IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a);
}

/*
 * True if resolv.conf names @a. The file is read each time, since it may change; queries are rare.
 */
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

/* True if the configuration opens the port, which is in network order. */
static bool is_open_port(in_port_t port)
{
	for (int i = 0; i < conf->nr_ports; i++)
		if (htons(conf->ports[i]) == port)
			return true;
	return false;
}

/* True if the socket is of a forwarded port, and has got a datagram from this end. */
static bool is_peer(int fd, const struct end *e)
{
	if (!is_forward(fd))
		return false;
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
 * True if the guest may send to @sa on socket @fd: the datagram @data of @n bytes, or, if @data is
 * NULL, open a connection.
 */
static bool allowed(int fd, const struct sockaddr *sa, socklen_t len, const void *data, size_t n)
{
	struct end e;
	bool yes;

	if (!end_of(sa, len, &e) || is_peer(fd, &e))
		return true;
	/* to any server: its answer must not come before that of the other network's server */
	if (conf->dotted_names && data && e.port == htons(DNS_PORT) && is_dotless_query(data, n))
		return false;
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
 * Connects. If the connection is refused at once, by this function or by the host, returns as if it
 * were in progress: libslirp then finds a socket without a peer and resets the guest's connection.
 * Its own handling of ECONNREFUSED frees a packet twice (4.7.0, tcp_input() after tcp_respond()).
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

/* Closes, and forgets what the descriptor was: it becomes another socket's. */
int close(int fd)
{
	if (is_forward(fd)) {
		forwards[fd] = false;
		for (unsigned i = 0; i < nr_peers; i++)
			if (peers[i].fd == fd)
				peers[i].fd = -1;
	}
	return (int)syscall(SYS_close, fd);
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
		/* A resolver is no peer, so that the next query to it is checked, too. */
		return got;
	}
	if (!is_forward(fd) || (!conf->nr_rules && !is_loopback(&e.addr)) || is_peer(fd, &e))
		return got;
	peers[next_peer] = (struct peer){ fd, e };
	next_peer = (next_peer + 1) % PEERS_MAX;
	nr_peers += nr_peers < PEERS_MAX;
	return got;
}

/* libslirp calls this function if it was built with buffer checks (_FORTIFY_SOURCE). */
ssize_t __recvfrom_chk(
	int fd, void *buf, size_t n, size_t room, int flags, struct sockaddr *from, socklen_t *len)
{
	return recvfrom(fd, buf, n < room ? n : room, flags, from, len);
}
