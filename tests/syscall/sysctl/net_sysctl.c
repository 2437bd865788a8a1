/* SPDX-License-Identifier: MIT */
/*
 * net_sysctl: settings of a network namespace's owner for its sockets: unprivileged ports, foreign
 * addresses, families, congestion control.
 */
#include "inet.h"
#include "put.h"
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>

#define IPV4 "/proc/sys/net/ipv4/"
#define IPV6 "/proc/sys/net/ipv6/"

static void show(const char *path)
{
	char text[64] = "";
	int fd = NEED(open(path, O_RDONLY));

	NEED(read(fd, text, sizeof(text) - 1));
	close(fd);
	text[strcspn(text, "\n")] = 0;
	say("%s: %s", path, text);
}

/* Prints whether a socket may be bound there. */
static void try_bind(int type, const char *addr, int port)
{
	struct sockaddr_in a = at(addr, port);
	int fd = NEED(socket(AF_INET, type, type == SOCK_RAW ? IPPROTO_UDP : 0));

	say("type %d, %s port %d: %s", type, addr, port,
		bind(fd, SA(&a), sizeof(a)) ? strerror(errno) : "bound");
	close(fd);
}

static void try_bind6(int type, const char *addr)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
	int fd = NEED(socket(AF_INET6, type, type == SOCK_RAW ? IPPROTO_UDP : 0));

	inet_pton(AF_INET6, addr, &a.sin6_addr);
	say("type %d, %s: %s", type, addr, bind(fd, SA(&a), sizeof(a)) ? strerror(errno) : "bound");
	close(fd);
}

static void ports(void)
{
	static const char path[] = IPV4 "ip_unprivileged_port_start";

	show(path);
	T(put(path, "80"));
	show(path);
	CHILD({
		NEED(setresuid(65534, 65534, 65534));
		try_bind(SOCK_STREAM, "127.0.0.1", 79);
		try_bind(SOCK_STREAM, "127.0.0.1", 80);
		try_bind(SOCK_DGRAM, "127.0.0.1", 1023);
	});
	T(put(path, "32768"));
	T(put(path, "32769"));
	T(put(path, "-1"));
	T(put(path, "65536"));
	CHILD({
		NEED(setresuid(65534, 65534, 65534));
		try_bind(SOCK_STREAM, "127.0.0.1", 20000);
	});
	T(put(IPV4 "ip_local_port_range", "32767 40000"));
	T(put(IPV4 "ip_local_port_range", "32768 40000"));
	T(put(path, "0"));
	T(put(IPV4 "ip_local_port_range", "100 200"));
	T(put(path, "101"));
	CHILD({
		struct sockaddr_in a = at("127.0.0.1", 0);
		socklen_t len = sizeof(a);
		int fd = NEED(socket(AF_INET, SOCK_STREAM, 0));

		NEED(setresuid(65534, 65534, 65534));
		T(bind(fd, SA(&a), sizeof(a)));
		NEED(getsockname(fd, SA(&a), &len));
		say("a port of the range: %d",
			ntohs(a.sin_port) >= 100 && ntohs(a.sin_port) <= 200);
	});
}

/* Prints the port that the kernel chooses for a bind, or for a connect without a bind. */
static void say_chosen(int type, int connected)
{
	struct sockaddr_in a = at("127.0.0.1", 0);
	socklen_t len = sizeof(a);
	int fd = NEED(socket(AF_INET, type, 0)), peer = NEED(socket(AF_INET, type, 0));

	if (connected) {
		a.sin_port = htons(5001);
		NEED(bind(peer, SA(&a), sizeof(a)));
		if (type == SOCK_STREAM)
			NEED(listen(peer, 1));
		T(connect(fd, SA(&a), sizeof(a)));
	} else {
		T(bind(fd, SA(&a), sizeof(a)));
	}
	NEED(getsockname(fd, SA(&a), &len));
	say("type %d: port %d", type, ntohs(a.sin_port));
	close(fd);
	close(peer);
}

static void reserved(void)
{
	static const char path[] = IPV4 "ip_local_reserved_ports";
	static const char *const wrong[] = { "70000", "9-8", "abc", "80,x", "80-", "-80", "1-2-3" },
				 *const right[] = { "5,7,6", "80,,90", " 1 ", "1-3,2-9", "65535",
					 "0", "8,8", "\n" };

	show(path);
	T(put(path, "100-149,151-200"));
	show(path);
	for (int connected = 0; connected < 2; connected++) {
		say_chosen(SOCK_STREAM, connected);
		say_chosen(SOCK_DGRAM, connected);
	}
	try_bind(SOCK_STREAM, "127.0.0.1", 120); /* an explicit request succeeds */
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		T(put(path, wrong[i]) < 0);
	show(path);
	for (unsigned i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		say("%s: %d", i == 7 ? "an empty line" : right[i], put(path, right[i]) < 0);
		show(path);
	}
}

/* Values that are equal in each unchanged namespace. */
static void defaults(void)
{
	static const char *const names[] = { "tcp_dsack", "tcp_early_retrans", "tcp_frto",
		"tcp_recovery", "tcp_mtu_probing", "tcp_abort_on_overflow", "tcp_stdurg",
		"tcp_shrink_window", "tcp_fwmark_accept", "tcp_reflect_tos", "fwmark_reflect",
		"ip_no_pmtu_disc", "fib_multipath_hash_policy", "tcp_orphan_retries",
		"tcp_slow_start_after_idle", "tcp_moderate_rcvbuf", "tcp_notsent_lowat" };
	char path[128];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), IPV4 "%s", names[i]);
		show(path);
	}
	T(put(IPV4 "tcp_notsent_lowat", "4294967296"));
	T(put(IPV4 "tcp_notsent_lowat", "-1"));
	T(put(IPV4 "tcp_orphan_retries", "256"));
	T(put(IPV4 "tcp_slow_start_after_idle", "256"));
}

static void foreign(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW };

	show(IPV4 "ip_nonlocal_bind");
	show(IPV6 "ip_nonlocal_bind");
	for (int turn = 0; turn < 3; turn++) {
		for (int i = 0; i < 3; i++) {
			try_bind(types[i], "192.0.2.1", 5000);
			try_bind6(types[i], "2001:db8::1");
		}
		try_bind6(SOCK_STREAM, "::ffff:192.0.2.1");
		try_bind(SOCK_STREAM, "224.0.0.1", 5000);
		try_bind(SOCK_STREAM, "127.255.255.255", 5000);
		try_bind(SOCK_STREAM, "255.255.255.255", 5000);
		try_bind6(SOCK_STREAM, "ff01::1");
		if (turn < 2)
			T(put(turn ? IPV6 "ip_nonlocal_bind" : IPV4 "ip_nonlocal_bind", "1"));
	}
	T(put(IPV4 "ip_nonlocal_bind", "256"));
	T(put(IPV6 "ip_nonlocal_bind", "255"));
	T(put(IPV4 "ip_nonlocal_bind", "x"));
}

static void v6only(void)
{
	show(IPV6 "bindv6only");
	for (int on = 0; on < 3; on++) {
		int fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0)),
		    v4 = NEED(socket(AF_INET, SOCK_DGRAM, 0));
		int is = -1;
		socklen_t len = sizeof(is);

		T(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &is, &len));
		say("only IPv6: %d", is);
		try_bind6(SOCK_DGRAM, "::ffff:127.0.0.1");
		close(fd);
		close(v4);
		T(put(IPV6 "bindv6only", on ? "0" : "1"));
	}
}

static void say_congestion(int fd)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	T(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	say("congestion control %s", name);
}

static void congestion(void)
{
	static const char path[] = IPV4 "tcp_congestion_control";
	int before = NEED(socket(AF_INET, SOCK_STREAM, 0)), after;

	T(setsockopt(before, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	T(put(path, "reno"));
	show(path);
	after = NEED(socket(AF_INET6, SOCK_STREAM, 0));
	say_congestion(before);
	say_congestion(after);
	T(put(path, "no-such"));
	T(put(path, "\n"));
	T(put(path, "reno cubic"));
	T(put(path, "renorenorenorenorenorenoreno"));
	show(path);
	T(put(path, "reno\n"));
	T(put(IPV4 "tcp_allowed_congestion_control", "reno"));
	T(put(IPV4 "tcp_available_congestion_control", "reno"));
	CHILD({
		NEED(unshare(CLONE_NEWNET)); /* a new one has what the first one has */
		T(put(path, "reno"));
		show(path);
	});
	close(before);
	close(after);
}

TEST(net_sysctl)
{
	if (unshare(CLONE_NEWNET)) {
		say("no namespace");
		return;
	}
	lo_up();
	defaults();
	ports();
	reserved();
	foreign();
	v6only();
	congestion();
}
