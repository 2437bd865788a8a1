/* SPDX-License-Identifier: MIT */
/*
 * ip_sysctl: settings of a namespace's owner for routes and errors (net.ipv4.route.*, icmp_*,
 * ip_*), as its neighbour sees them, and for ports.
 */
#include "guest.h"
#include "put.h"
#include "wire.h"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#define NET "/proc/sys/net/"

static long tell(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), NET "%s", name);
	return put(path, value);
}

static void show(const char *name)
{
	char path[128], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), NET "%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		say("%s: %s", name, strerror(errno));
	else
		say("%s: %.*s", name, (int)strcspn(text, "\n"), text);
	close(fd);
}

/* Prints which files exist in the test's own namespace: others only the first namespace has. */
static void numbers(void)
{
	static const char *const names[] = { "ipv4/route/min_pmtu", "ipv4/route/mtu_expires",
		"ipv4/route/min_adv_mss", "ipv4/route/max_size", "ipv4/route/error_cost",
		"ipv4/route/error_burst", "ipv4/route/redirect_load", "ipv4/route/redirect_number",
		"ipv4/route/redirect_silence", "ipv4/ip_autobind_reuse", "ipv4/ip_forward_use_pmtu",
		"ipv4/icmp_ignore_bogus_error_responses", "ipv4/icmp_errors_use_inbound_ifaddr",
		"ipv4/udp_wmem_min", "ipv4/tcp_fack", "ipv4/tcp_low_latency",
		"ipv4/tcp_adv_win_scale", "ipv4/tcp_available_ulp", "ipv4/ip_dynaddr",
		"ipv4/tcp_migrate_req", "ipv4/tcp_fastopen_blackhole_timeout_sec",
		"ipv4/tcp_no_ssthresh_metrics_save", "ipv4/icmp_echo_enable_probe",
		"ipv4/fib_multipath_use_neigh", "core/tstamp_allow_data", "core/message_cost",
		"core/message_burst", "core/bpf_jit_enable", "core/busy_poll", "core/busy_read" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		show(names[i]);
	T(tell("ipv4/route/min_pmtu", "67"));
	T(tell("ipv4/ip_autobind_reuse", "2"));
	T(tell("ipv4/icmp_errors_use_inbound_ifaddr", "2"));
	T(tell("ipv4/udp_wmem_min", "0"));
	T(tell("ipv4/tcp_adv_win_scale", "32"));
	T(tell("core/tstamp_allow_data", "2"));
}

/* ---- MTUs of ways ---- */

/* Returns a socket on port 12345 that is connected to port 9 of @to. */
static int to_port(const char *to)
{
	struct sockaddr_in from = at("0.0.0.0", 12345), a = at(to, 9);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	NEED(bind(fd, SA(&from), sizeof(from)));
	NEED(connect(fd, SA(&a), sizeof(a)));
	return fd;
}

static int mtu_to(const char *to)
{
	int fd = to_port(to), mtu = -1;
	socklen_t n = sizeof(mtu);

	NEED(getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &n));
	close(fd);
	return mtu;
}

/* A router at 10.9.0.2 reports that a packet to @to was too large. Returns the path MTU then. */
static int told(const char *to, int mtu)
{
	unsigned char f[128] = { 0 }, *c = f + 34, *q = c + 8;
	int fd = to_port(to);
	struct sockaddr_in from;
	socklen_t n = sizeof(from);

	NEED(getsockname(fd, SA(&from), &n));
	c[0] = 3;
	c[1] = 4;
	c[6] = (unsigned char)(mtu >> 8);
	c[7] = (unsigned char)mtu;
	q[0] = 0x45;
	q[3] = 100;
	q[8] = 64;
	q[9] = 17;
	memcpy(q + 12, &from.sin_addr, 4);
	inet_pton(AF_INET, to, q + 16);
	wire_put_sum(q + 10, wire_sum(q, 20, 0));
	q[20] = 0x30; /* from port 12345 to 9 */
	q[21] = 0x39;
	q[23] = 9;
	q[25] = 80;
	wire_put_sum(c + 2, wire_sum(c, 36, 0));
	wire_ip(f, 1, 2, 36);
	wire_settle();
	close(fd);
	return mtu_to(to);
}

static void mtus(void)
{
	say("told 300: %d", told("10.9.0.20", 300));
	T(tell("ipv4/route/min_pmtu", "400"));
	say("told 300: %d", told("10.9.0.21", 300));
	T(tell("ipv4/route/min_pmtu", "552"));
	T(tell("ipv4/route/mtu_expires", "1"));
	say("told 700: %d", told("10.9.0.22", 700));
	T_WAIT(mtu_to("10.9.0.22") != 700);
	say("after its time: %d", mtu_to("10.9.0.22"));
	T(tell("ipv4/route/mtu_expires", "600"));
}

static int advertised(const char *least)
{
	static uint16_t port = 700;
	struct sockaddr_in a = at("10.9.0.2", ++port);
	int fd = NEED(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	const uint8_t *o = NULL;
	struct seg s;

	T(tell("ipv4/route/min_adv_mss", least));
	connect(fd, SA(&a), sizeof(a));
	while (seg_read(&s, 100000))
		if (s.its == port) {
			o = seg_opt(&s, 2);
			break;
		}
	close(fd);
	return o ? o[2] << 8 | o[3] : -1;
}

/* ---- a router ---- */

static int other; /* on vb1, the other link */

/*
 * Forwards a packet of 1000 bytes with DF from @from to 10.7.0.30, and prints the ICMP error on
 * @link.
 */
static void pass(const char *from, int ttl, int link)
{
	unsigned char f[2048] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 3, 0xe8, 0, 0,
		0x40, 0, (unsigned char)ttl, 17, 0, 0, 0, 0, 0, 0, 10, 7, 0, 30 };
	struct pollfd p = { .fd = link, .events = POLLIN };
	char text[16];
	int n;

	inet_pton(AF_INET, from, f + 26);
	wire_put_sum(f + 24, wire_sum(f + 14, 20, 0));
	NEED(send(wire, f, 1014, 0));
	wire_quiet();
	while (poll(&p, 1, 0) > 0) {
		n = (int)recv(link, f, sizeof(f), 0);
		if (n >= 42 && f[12] == 8 && !f[13] && f[23] == 1) {
			inet_ntop(AF_INET, f + 26, text, sizeof(text));
			say("told by %s: type %d, code %d, %d", text, f[34], f[35],
				f[40] << 8 | f[41]);
			return;
		}
	}
	say("told nothing");
}

static void neighbour(const char *dev, const char *addr)
{
	struct arpreq r = { .arp_ha = { .sa_family = ARPHRD_ETHER,
				    .sa_data = { 2, 0, 0, 0, 0, 9 } },
		.arp_flags = ATF_PERM | ATF_COM };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	strcpy(r.arp_dev, dev);
	*(struct sockaddr_in *)&r.arp_pa = at(addr, 0);
	NEED(ioctl(fd, SIOCSARP, &r));
	close(fd);
}

static void router(void)
{
	NEED(tell("ipv4/conf/va0/forwarding", "1"));
	NEED(tell("ipv4/conf/all/rp_filter", "0"));
	NEED(tell("ipv4/conf/va0/rp_filter", "0"));
	neighbour("va1", "10.7.0.30");
	neighbour("va1", "10.7.0.9");
	nl_add_route("10.5.0.0", 24, "10.7.0.9", NULL);
	pass("10.9.0.2", 1, wire);
	pass("10.5.0.5", 1, other); /* the route back is another device */
	T(tell("ipv4/icmp_errors_use_inbound_ifaddr", "1"));
	pass("10.5.0.5", 1, other);
	T(tell("ipv4/icmp_errors_use_inbound_ifaddr", "0"));
	say("to 10.7.0.30: %d", told("10.7.0.30", 600));
	pass("10.9.0.2", 9, wire);
	T(tell("ipv4/ip_forward_use_pmtu", "1"));
	pass("10.9.0.2", 9, wire);
	T(tell("ipv4/ip_forward_use_pmtu", "0"));
}

/*
 * Returns how many of @n packets from @from to @to, sent at once, result in an ICMP error of type
 * @type.
 */
static int told_of(const char *from, const char *to, int n, int type)
{
	unsigned char f[2048], d[43] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 29,
		0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 99, 0, 9, 0, 0, 'x' };
	int len, got = 0;

	inet_pton(AF_INET, from, d + 26);
	inet_pton(AF_INET, to, d + 30);
	wire_put_sum(d + 24, wire_sum(d + 14, 20, 0));
	while (n--)
		NEED(send(wire, d, sizeof(d), 0));
	wire_quiet();
	while ((len = wire_read(f, sizeof(f), 0)))
		got += len >= 42 && f[12] == 8 && !f[13] && f[23] == 1 && f[34] == type;
	return got;
}

static void limits(void)
{
	wire_peer(40);
	wire_peer(41);
	say("shorter ways told at once: %d", told_of("10.9.0.40", "10.9.0.2", 6, 5));
	say("ways that are not there told at once: %d", told_of("10.9.0.41", "10.99.0.1", 12, 3));
}

/* Sends three errors about packets to all. Returns how many lines the log has about them. */
static int lines(int kmsg)
{
	unsigned char f[128], text[1024], *c, *q;
	int n, found = 0;

	for (int i = 0; i < 3; i++) {
		memset(f, 0, sizeof(f));
		c = f + 34;
		q = c + 8;
		c[0] = 3;
		c[1] = 1;
		memcpy(q, (unsigned char[]){ 0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17 }, 10);
		memcpy(q + 12, (unsigned char[]){ 10, 9, 0, 1, 10, 9, 0, 255 }, 8);
		wire_put_sum(c + 2, wire_sum(c, 36, 0));
		wire_ip(f, 1, 2, 36);
	}
	wire_settle();
	while ((n = (int)read(kmsg, text, sizeof(text) - 1)) > 0) {
		text[n] = 0;
		found += strstr((char *)text, "sent an invalid ICMP") != NULL;
	}
	return found;
}

/* Only in the guest: the log, and how much of it others may fill, is the machine's. */
static void bogus(void)
{
	int kmsg = in_guest() ? NEED(open("/dev/kmsg", O_RDONLY | O_NONBLOCK)) : -1;
	int first = in_guest() ? NEED(open("/proc/1/ns/net", O_RDONLY)) : -1;
	int own = in_guest() ? NEED(open("/proc/self/ns/net", O_RDONLY)) : -1;

	if (in_guest()) {
		lseek(kmsg, 0, SEEK_END);
		NEED(setns(first, CLONE_NEWNET));
		NEED(tell("core/message_burst", "2"));
		NEED(tell("core/message_cost", "1"));
		NEED(setns(own, CLONE_NEWNET));
	}
	G(lines(kmsg), "0");
	T(tell("ipv4/icmp_ignore_bogus_error_responses", "0"));
	G(lines(kmsg), "2");
	if (in_guest()) {
		NEED(setns(first, CLONE_NEWNET));
		NEED(tell("core/message_cost", "0"));
		NEED(setns(own, CLONE_NEWNET));
	}
	G(lines(kmsg), "3");
	if (in_guest()) {
		NEED(setns(first, CLONE_NEWNET));
		NEED(tell("core/message_cost", "5"));
		NEED(tell("core/message_burst", "10"));
		NEED(setns(own, CLONE_NEWNET));
	}
	T(tell("ipv4/icmp_ignore_bogus_error_responses", "1"));
}

/* ---- ports ---- */

/* Two sockets with these options bind a port of a range of one. Prints which of them may listen. */
static void autobind_two(bool addr, bool port, const uid_t *uid)
{
	struct sockaddr_in a = at("127.0.0.1", 0);
	int fd[2];

	for (int i = 0; i < 2; i++) {
		NEED(seteuid(uid[i]));
		fd[i] = NEED(socket(AF_INET, SOCK_STREAM, 0));
		NEED(seteuid(0));
		NEED(set(fd[i], SOL_SOCKET, SO_REUSEADDR, addr));
		NEED(set(fd[i], SOL_SOCKET, SO_REUSEPORT, port));
	}
	say("addr %d port %d uids %d %d", addr, port, (int)uid[0], (int)uid[1]);
	T(bind(fd[0], SA(&a), sizeof(a)));
	if (T(bind(fd[1], SA(&a), sizeof(a))) == 0) {
		T(listen(fd[0], 1));
		T(listen(fd[1], 1));
	}
	close(fd[0]);
	close(fd[1]);
}

static void autobind(const char *reuse)
{
	static const uid_t same[2], others[] = { 10, 20 };

	T(tell("ipv4/ip_autobind_reuse", reuse));
	for (int i = 0; i < 4; i++) {
		autobind_two(i & 1, i & 2, same);
		autobind_two(i & 1, i & 2, others);
	}
}

/* ---- times of what was sent ---- */

static void stamp(const char *allow, int flags)
{
	struct sockaddr_in a = at("127.0.0.1", 9);
	struct pollfd p = { .events = POLLERR };

	T(tell("core/tstamp_allow_data", allow));
	CHILD({
		NEED(setresuid(1000, 1000, 1000));
		p.fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
		flags |= SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
		NEED(set(p.fd, SOL_SOCKET, SO_TIMESTAMPING, flags));
		NEED(sendto(p.fd, "x", 1, 0, SA(&a), sizeof(a)));
		say("allow %s: %d", allow, poll(&p, 1, 300));
	});
}

TEST(ip_sysctl)
{
	wire_open();
	numbers();
	for (int i = 20; i < 23; i++)
		wire_peer(i);
	mtus();
	set_mtu("va0", 200);
	say("MSS of a small link: %d", advertised("256"));
	say("MSS of a small link: %d", advertised("300"));
	say("MSS of a small link: %d", advertised("100"));
	set_mtu("va0", 1500);
	veth_pair("va1", "vb1");
	add_addr("va1", AF_INET, "10.7.0.1", 24);
	set_up("va1", 1);
	set_up("vb1", 1);
	other = packet_socket("vb1", SOCK_RAW, ETH_P_ALL);
	router();
	limits();
	bogus();
	NEED(tell("ipv4/ip_local_port_range", "50000 50000"));
	autobind("0");
	autobind("1");
	stamp("1", 0);
	stamp("0", 0);
	stamp("0", SOF_TIMESTAMPING_OPT_TSONLY);
}
