/* SPDX-License-Identifier: MIT */
/*
 * net_ioctls: ioctls of sockets about devices, neighbours, addresses and routes: which family
 * answers which of them, what is checked first (memory, privileges, the device), ARP's (arp(7)),
 * those of IPv6 (ipv6(7): struct in6_ifreq, struct in6_rtmsg), SIOCGSTAMP, SIOCGSKNS.
 */
#include "netns.h"
#include <linux/capability.h>
#include <linux/ipv6_route.h>
#include <linux/sockios.h>
#include <net/if_arp.h>

/* of <linux/route.h>, which collides with libc's */
#define RTF_UP 1
#define RTF_GATEWAY 2
#define RTF_HOST 4
#define RTF_REJECT 0x200

struct rtentry {
	unsigned long pad1;
	struct sockaddr rt_dst, rt_gateway, rt_genmask;
	unsigned short rt_flags;
	short pad2;
	unsigned long pad3;
	void *pad4;
	short rt_metric;
	char *rt_dev;
	unsigned long rt_mtu, rt_window;
	unsigned short rt_irtt;
};

struct in6_ifreq {
	struct in6_addr addr;
	uint32_t prefix;
	int ifindex;
};

static const struct {
	const char *name;
	int family, type;
} kinds[] = {
	{ "udp", AF_INET, SOCK_DGRAM },
	{ "tcp", AF_INET, SOCK_STREAM },
	{ "udp6", AF_INET6, SOCK_DGRAM },
	{ "unix", AF_UNIX, SOCK_DGRAM },
	{ "netlink", AF_NETLINK, SOCK_RAW },
	{ "packet", AF_PACKET, SOCK_RAW },
};

static const struct {
	unsigned long nr;
	const char *name;
} calls[] = {
#define C(x)                                                                                       \
	{                                                                                          \
		x, #x                                                                              \
	}
	C(SIOCRTMSG),
	C(SIOCGIFNAME),
	C(SIOCSIFLINK),
	C(SIOCGIFCONF),
	C(SIOCGIFFLAGS),
	C(SIOCGIFADDR),
	C(SIOCSIFADDR),
	C(SIOCGIFDSTADDR),
	C(SIOCSIFDSTADDR),
	C(SIOCGIFBRDADDR),
	C(SIOCSIFBRDADDR),
	C(SIOCGIFNETMASK),
	C(SIOCSIFNETMASK),
	C(SIOCGIFMETRIC),
	C(SIOCSIFMETRIC),
	C(SIOCGIFMEM),
	C(SIOCSIFMEM),
	C(SIOCGIFMTU),
	C(SIOCSIFHWADDR),
	C(SIOCGIFENCAP),
	C(SIOCSIFENCAP),
	C(SIOCGIFHWADDR),
	C(SIOCGIFSLAVE),
	C(SIOCSIFSLAVE),
	C(SIOCADDMULTI),
	C(SIOCDELMULTI),
	C(SIOCGIFINDEX),
	C(SIOCSIFPFLAGS),
	C(SIOCGIFPFLAGS),
	C(SIOCDIFADDR),
	C(SIOCSIFHWBROADCAST),
	C(SIOCGIFCOUNT),
	C(SIOCGIFTXQLEN),
	C(SIOCETHTOOL),
	C(SIOCGMIIPHY),
	C(SIOCGMIIREG),
	C(SIOCSMIIREG),
	C(SIOCWANDEV),
	C(SIOCDARP),
	C(SIOCGARP),
	C(SIOCSARP),
	C(SIOCDRARP),
	C(SIOCGIFMAP),
	C(SIOCSIFMAP),
	C(SIOCADDDLCI),
	C(SIOCBONDENSLAVE),
	C(SIOCBONDRELEASE),
	C(SIOCBONDSETHWADDR),
	C(SIOCBONDSLAVEINFOQUERY),
	C(SIOCBONDINFOQUERY),
	C(SIOCBONDCHANGEACTIVE),
	C(SIOCSHWTSTAMP),
	C(SIOCGHWTSTAMP),
	C(SIOCDEVPRIVATE + 1),
	C(SIOCDEVPRIVATE + 15),
	{ 0x89d0, "0x89d0" },
	{ 0x5421ff, "0x5421ff" },
};

static void drop_privileges(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	NEED(syscall(SYS_capset, &h, none));
}

/*
 * Each ioctl with zeros after the name: of a missing device, of an existing device; then with bad
 * memory.
 */
static void ask_all(const char *who, const char *kind, int fd)
{
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		char line[100] = "";

		for (int k = 0; k < 3; k++) {
			_Alignas(8) char b[512] = { 0 };

			strcpy(b, k ? "lo" : "nosuch0");
			sprintf(line + strlen(line), " %s",
				ioctl(fd, calls[i].nr, k == 2 ? (char *)8 : b) < 0 ?
					strerrorname_np(errno) :
					"0");
		}
		say("%s %s %s:%s", who, kind, calls[i].name, line);
	}
}

/* ---- ARP ---- */

static void fill_arp(struct arpreq *r, const char *ip, const char *dev, int flags)
{
	struct sockaddr_in *a = (void *)&r->arp_pa;

	memset(r, 0, sizeof(*r));
	a->sin_family = AF_INET;
	inet_pton(AF_INET, ip, &a->sin_addr);
	strcpy(r->arp_dev, dev);
	r->arp_flags = flags;
}

static void set_arp(int fd, const char *ip, const char *dev, int flags, int type, int last)
{
	struct arpreq r;

	fill_arp(&r, ip, dev, flags);
	r.arp_ha.sa_family = (sa_family_t)type;
	memcpy(r.arp_ha.sa_data, (char[]){ 2, 0, 0, 0, 1, (char)last }, 6);
	errno = 0;
	ioctl(fd, SIOCSARP, &r);
	say("set %s on '%s' flags %#x type %d: %s", ip, dev, flags, type, strerrorname_np(errno));
}

static void get_arp(int fd, const char *ip, const char *dev)
{
	struct arpreq r;
	const unsigned char *h = (void *)r.arp_ha.sa_data;

	fill_arp(&r, ip, dev, 0);
	if (ioctl(fd, SIOCGARP, &r))
		say("get %s on '%s': %s", ip, dev, strerrorname_np(errno));
	else
		say("get %s on '%s': type %d %02x:%02x:%02x:%02x:%02x:%02x flags %#x dev %s", ip,
			dev, r.arp_ha.sa_family, h[0], h[1], h[2], h[3], h[4], h[5], r.arp_flags,
			r.arp_dev);
}

static void del_arp(int fd, const char *ip, const char *dev, int flags)
{
	struct arpreq r;

	fill_arp(&r, ip, dev, flags);
	errno = 0;
	ioctl(fd, SIOCDARP, &r);
	say("delete %s on '%s' flags %#x: %s", ip, dev, flags, strerrorname_np(errno));
}

static void arp(void)
{
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	get_arp(fd, "10.9.0.7", "va0");
	get_arp(fd, "10.9.0.7", "");
	get_arp(fd, "10.9.0.7", "nosuch0");
	set_arp(fd, "10.9.0.7", "", ATF_COM | ATF_PERM, ARPHRD_ETHER, 7);
	get_arp(fd, "10.9.0.7", "va0");
	set_arp(fd, "10.9.0.8", "va0", ATF_COM, 0, 8);
	get_arp(fd, "10.9.0.8", "va0");
	set_arp(fd, "10.9.0.8", "va0", ATF_COM | ATF_PERM, 0, 9);
	get_arp(fd, "10.9.0.8", "va0");
	set_arp(fd, "10.9.0.8", "va0", ATF_COM | ATF_PERM, 9, 9);
	set_arp(fd, "10.9.0.8", "", ATF_COM, 9, 9);
	set_arp(fd, "10.9.0.8", "va0", ATF_COM | ATF_NETMASK, 1, 9);
	set_arp(fd, "10.9.0.8", "va0", ATF_COM | ATF_DONTPUB, 1, 9);
	set_arp(fd, "10.9.0.8", "nosuch0", ATF_COM, 1, 9);
	set_arp(fd, "10.8.0.8", "", ATF_COM, 1, 9);
	set_arp(fd, "10.9.0.10", "va0", 0, 1, 10);
	set_arp(fd, "10.9.0.11", "va0", ATF_PERM, 1, 11);
	get_arp(fd, "10.9.0.11", "va0");
	set_arp(fd, "10.9.0.11", "va0", 0, 1, 12);
	get_arp(fd, "10.9.0.11", "va0");
	show_file("/proc/net/arp", "10.9.0.7");
	del_arp(fd, "10.9.0.8", "va0", ATF_NETMASK);
	del_arp(fd, "10.9.0.8", "va0", 0);
	get_arp(fd, "10.9.0.8", "va0");
	del_arp(fd, "10.9.0.7", "", 0);
	get_arp(fd, "10.9.0.7", "va0");
	del_arp(fd, "10.9.0.99", "va0", 0);
	del_arp(fd, "10.9.0.99", "nosuch0", 0);
	del_arp(fd, "10.8.0.8", "", 0);
	/* deleted entries leave room for others */
	set_arp(fd, "10.9.0.20", "va0", ATF_COM, 0, 20);
	set_arp(fd, "10.9.0.21", "va0", ATF_COM, 0, 21);
	get_arp(fd, "10.9.0.20", "va0");
	close(fd);
}

/* ---- routes of IPv4 ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Prints the lines of /proc/net/route sorted, as their order is not defined. */
static void show4(void)
{
	static char lines[32][200];
	unsigned n = 0;
	FILE *f = fopen("/proc/net/route", "r");

	while (f && n < 32 && fgets(lines[n], sizeof(lines[n]), f))
		n++;
	if (f)
		fclose(f);
	qsort(lines, n, sizeof(lines[0]), by_text);
	for (unsigned i = 0; i < n; i++)
		say("  %.*s.", (int)strcspn(lines[i], "\n"), lines[i]);
}

static void route4(int fd, unsigned long cmd, const char *dst, const char *mask, const char *via,
	unsigned short flags, char *dev)
{
	struct rtentry r = { .rt_flags = flags, .rt_dev = dev };
	struct sockaddr_in a = at(dst, 0), g = at(via, 0), m = at(mask, 0);

	memcpy(&r.rt_dst, &a, sizeof(a));
	memcpy(&r.rt_gateway, &g, sizeof(g));
	memcpy(&r.rt_genmask, &m, sizeof(m));
	errno = 0;
	ioctl(fd, cmd, &r);
	say("%s %s/%s via %s flags %#x: %s", cmd == SIOCADDRT ? "add" : "delete", dst, mask, via,
		flags, strerrorname_np(errno));
}

/* Setting an address again changes nothing: its routes stay. */
static void again(int fd, unsigned long cmd, const char *what)
{
	struct ifreq r = { .ifr_name = "va0" };
	struct sockaddr_in a = at(what, 0);

	memcpy(&r.ifr_addr, &a, sizeof(a));
	errno = 0;
	ioctl(fd, cmd, &r);
	say("va0 again %#lx %s: %s", cmd, what, strerrorname_np(errno));
}

static const char *asked_addr(int fd, unsigned long cmd)
{
	static char text[4][INET_ADDRSTRLEN];
	static unsigned turn;
	struct ifreq r = { .ifr_name = "vc0" };
	char *to = text[turn++ & 3];

	if (ioctl(fd, cmd, &r))
		return strerrorname_np(errno);
	inet_ntop(AF_INET, &((struct sockaddr_in *)&r.ifr_addr)->sin_addr, to, INET_ADDRSTRLEN);
	return to;
}

static void change_addr(int fd, unsigned long cmd, const char *what)
{
	struct ifreq r = { .ifr_name = "vc0" };
	struct sockaddr_in a = at(what, 0);
	int err;

	memcpy(&r.ifr_addr, &a, sizeof(a));
	err = ioctl(fd, cmd, &r) ? errno : 0;
	say("vc0 %#lx %s: %s; address %s, mask %s, broadcast %s, peer %s", cmd, what,
		strerrorname_np(err), asked_addr(fd, SIOCGIFADDR), asked_addr(fd, SIOCGIFNETMASK),
		asked_addr(fd, SIOCGIFBRDADDR), asked_addr(fd, SIOCGIFDSTADDR));
}

/* Prints what a new address, mask or broadcast address, even a refused one, keeps of the old. */
static void addresses(void)
{
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	veth_pair("vc0", "vc1");
	change_addr(fd, SIOCSIFADDR, "224.0.0.1");
	change_addr(fd, SIOCSIFADDR, "10.31.0.1");
	change_addr(fd, SIOCSIFNETMASK, "255.255.0.0");
	change_addr(fd, SIOCSIFADDR, "224.0.0.1");
	change_addr(fd, SIOCSIFADDR, "239.1.2.3");
	change_addr(fd, SIOCSIFDSTADDR, "224.0.0.1");
	change_addr(fd, SIOCSIFDSTADDR, "10.31.0.9");
	change_addr(fd, SIOCSIFBRDADDR, "10.31.7.255");
	change_addr(fd, SIOCSIFNETMASK, "255.255.255.0");
	change_addr(fd, SIOCSIFADDR, "172.31.0.1");
	change_addr(fd, SIOCSIFNETMASK, "255.255.255.255");
	change_addr(fd, SIOCSIFNETMASK, "255.255.255.0");
	change_addr(fd, SIOCSIFADDR, "192.168.31.1");
	change_addr(fd, SIOCSIFADDR, "240.0.0.1");
	change_addr(fd, SIOCSIFBRDADDR, "0.0.0.0");
	change_addr(fd, SIOCSIFADDR, "0.0.0.0");
	change_addr(fd, SIOCSIFADDR, "127.0.0.9");
	change_addr(fd, SIOCSIFADDR, "0.0.0.0");
	close(fd);
}

static void inet4(void)
{
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWROUTE,
				    .nlmsg_flags = NLM_F_CREATE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)) } };
	struct rtmsg *r = NLMSG_DATA(&m.h);
	struct in_addr to;

	route4(fd, SIOCADDRT, "10.20.0.1", "0.0.0.0", "0.0.0.0", RTF_UP | RTF_HOST, "va0");
	route4(fd, SIOCADDRT, "10.21.0.0", "255.255.0.0", "10.9.0.2", RTF_UP | RTF_GATEWAY, NULL);
	route4(fd, SIOCADDRT, "10.22.0.0", "255.255.0.0", "0.0.0.0", RTF_UP | RTF_REJECT, NULL);
	route4(fd, SIOCADDRT, "10.22.0.1", "255.255.0.0", "0.0.0.0", RTF_UP | RTF_REJECT, NULL);
	route4(fd, SIOCADDRT, "10.23.0.0", "255.0.255.0", "0.0.0.0", RTF_UP, "va0");
	route4(fd, SIOCADDRT, "10.23.0.0", "255.255.0.0", "0.0.0.0", RTF_UP, "nosuch0");
	r->rtm_family = AF_INET;
	r->rtm_table = 100; /* not of the main table: not in the list */
	r->rtm_type = RTN_UNICAST;
	r->rtm_scope = RT_SCOPE_LINK;
	r->rtm_dst_len = 32;
	inet_pton(AF_INET, "10.24.0.1", &to);
	nl_add(&m, RTA_DST, &to, 4);
	nl_add(&m, RTA_OIF, (int[]){ (int)if_nametoindex("va0") }, 4);
	NEED0(nl_do(&m));
	show4();
	again(fd, SIOCSIFADDR, "10.9.0.1");
	again(fd, SIOCSIFNETMASK, "255.255.255.0");
	again(fd, SIOCSIFNETMASK, "255.0.255.255");
	show4();
	route4(fd, SIOCDELRT, "10.20.0.1", "0.0.0.0", "0.0.0.0", RTF_HOST, NULL);
	route4(fd, SIOCDELRT, "10.22.0.0", "255.255.0.0", "0.0.0.0", RTF_REJECT, NULL);
	route4(fd, SIOCDELRT, "10.22.0.0", "255.255.0.0", "0.0.0.0", RTF_REJECT, NULL);
	show4();
	close(fd);
}

/* ---- IPv6 ---- */

static void addr6(
	int fd, const char *what, unsigned long cmd, const char *ip, unsigned prefix, int ifindex)
{
	struct in6_ifreq r = { .prefix = prefix, .ifindex = ifindex };

	inet_pton(AF_INET6, ip, &r.addr);
	errno = 0;
	ioctl(fd, cmd, &r);
	say("%s %s/%u on %s: %s", what, ip, prefix, ifindex == 99999 ? "none" : "va0",
		strerrorname_np(errno));
}

static void route6(int fd, const char *what, unsigned long cmd, const char *dst, unsigned len,
	const char *via, unsigned metric, unsigned flags, int ifindex)
{
	struct in6_rtmsg r = { .rtmsg_dst_len = (uint16_t)len,
		.rtmsg_metric = metric,
		.rtmsg_flags = flags,
		.rtmsg_ifindex = ifindex };

	inet_pton(AF_INET6, dst, &r.rtmsg_dst);
	inet_pton(AF_INET6, via, &r.rtmsg_gateway);
	errno = 0;
	ioctl(fd, cmd, &r);
	say("%s %s/%u via %s metric %u flags %#x: %s", what, dst, len, via, metric, flags,
		strerrorname_np(errno));
}

/*
 * Prints addresses that begin with 2001:db8, and routes there. The route of a local address is left
 * out: it exists only once it is known that no other host has that address.
 */
static void show6(void)
{
	static char lines[32][200];
	char line[256], a[40], b[40], dev[20];
	unsigned len, metric, flags, n = 0;
	FILE *f = fopen("/proc/net/if_inet6", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%39s %*x %x %x %x %19s", a, &len, &metric, &flags, dev) == 5 &&
			!strncmp(a, "20010db8", 8))
			say("  address %s/%x scope %x %s", a, len, metric, dev);
	if (f)
		fclose(f);
	f = fopen("/proc/net/ipv6_route", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%39s %x %*s %*x %39s %x %*x %*x %x %19s", a, &len, b, &metric,
			    &flags, dev) == 6 &&
			!strncmp(a, "20010db8", 8) && !(flags >> 31) && n < 32)
			sprintf(lines[n++], "  route %s/%x via %s metric %x flags %x %s", a, len, b,
				metric, flags & ~4U, dev);
	if (f)
		fclose(f);
	qsort(lines, n, sizeof(lines[0]), by_text);
	for (unsigned i = 0; i < n; i++)
		if (!i || strcmp(lines[i], lines[i - 1]) != 0) /* a busy host may list one twice */
			say("%s", lines[i]);
}

static void inet6(void)
{
	int fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0)), va0 = (int)if_nametoindex("va0");

	put_text("/proc/sys/net/ipv6/conf/va0/accept_dad", "0");
	addr6(fd, "add", SIOCSIFADDR, "2001:db8::1", 64, va0);
	show6();
	addr6(fd, "add", SIOCSIFADDR, "2001:db8::1", 64, va0);
	addr6(fd, "add", SIOCSIFADDR, "2001:db8::2", 129, va0);
	addr6(fd, "add", SIOCSIFADDR, "2001:db8::2", 64, 99999);
	addr6(fd, "add", SIOCSIFADDR, "::", 64, va0);
	addr6(fd, "add", SIOCSIFADDR, "ff02::7", 64, va0);
	route6(fd, "add", SIOCADDRT, "2001:db8:1::", 48, "2001:db8::9", 1, RTF_UP | RTF_GATEWAY,
		va0);
	route6(fd, "add", SIOCADDRT, "2001:db8:2::", 48, "::", 1, RTF_UP, va0);
	route6(fd, "add", SIOCADDRT, "2001:db8:3::", 48, "2001:db8::9", 0, RTF_UP | RTF_GATEWAY, 0);
	route6(fd, "add", SIOCADDRT, "2001:db8:4::4", 128, "2001:db8::9", 7,
		RTF_UP | RTF_GATEWAY | RTF_HOST, va0);
	route6(fd, "add", SIOCADDRT, "2001:db8:4::4", 128, "2001:db8::9", 7,
		RTF_UP | RTF_GATEWAY | RTF_HOST, va0);
	route6(fd, "add", SIOCADDRT, "2001:db8:5::", 129, "::", 1, RTF_UP, va0);
	route6(fd, "add", SIOCADDRT, "2001:db8:5::", 48, "2001:db9::9", 1, RTF_UP | RTF_GATEWAY,
		va0);
	route6(fd, "add", SIOCADDRT, "2001:db8:5::", 48, "::", 1, RTF_UP, 99999);
	route6(fd, "add", SIOCADDRT, "2001:db8:5::", 48, "::", 1, RTF_UP, 0);
	route6(fd, "add", SIOCADDRT, "2001:db8:6::", 48, "::", 1, RTF_UP | RTF_REJECT, 0);
	show6();
	route6(fd, "delete", SIOCDELRT, "2001:db8:6::", 48, "::", 1, RTF_REJECT, 0);
	route6(fd, "delete", SIOCDELRT, "2001:db8:1::", 48, "2001:db8::8", 1, RTF_GATEWAY, va0);
	route6(fd, "delete", SIOCDELRT, "2001:db8:1::", 48, "2001:db8::9", 1, RTF_UP | RTF_GATEWAY,
		va0);
	route6(fd, "delete", SIOCDELRT, "2001:db8:2::", 48, "::", 9, RTF_UP, va0);
	route6(fd, "delete", SIOCDELRT, "2001:db8:2::", 48, "::", 0, RTF_UP, 0);
	route6(fd, "delete", SIOCDELRT, "2001:db8:7::", 48, "::", 0, RTF_UP, 0);
	route6(fd, "delete", SIOCDELRT, "2001:db8:3::", 48, "::", 0, RTF_UP, 99999);
	show6();
	addr6(fd, "delete", SIOCDIFADDR, "2001:db8::1", 60, va0);
	addr6(fd, "delete", SIOCDIFADDR, "2001:db8::1", 64, 99999);
	addr6(fd, "delete", SIOCDIFADDR, "2001:db8::1", 129, va0);
	addr6(fd, "delete", SIOCDIFADDR, "2001:db8::1", 64, va0);
	addr6(fd, "delete", SIOCDIFADDR, "2001:db8::1", 64, va0);
	addr6(fd, "peer", SIOCSIFDSTADDR, "2001:db8::1", 64, va0);
	close(fd);
}

/* ---- stamps, namespaces ---- */

static void stamp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0)), one = 1;
	struct timespec before, after, t = { 0 }, again = { 0 };
	socklen_t len = sizeof(a);
	struct timeval v;
	char b[4];

	NEED(bind(fd, (void *)&a, sizeof(a)));
	NEED(getsockname(fd, (void *)&a, &len));
	T(ioctl(fd, SIOCGSTAMP, &v));
	T(ioctl(fd, SIOCGSTAMPNS, &t));
	clock_gettime(CLOCK_REALTIME, &before);
	NEED(sendto(fd, "a", 1, 0, (void *)&a, sizeof(a)));
	NEED(recv(fd, b, sizeof(b), 0));
	clock_gettime(CLOCK_REALTIME, &after);
	T(ioctl(fd, SIOCGSTAMPNS, &t));
	T(ioctl(fd, SIOCGSTAMP, &v));
	say("in time: %d %d", t.tv_sec >= before.tv_sec && t.tv_sec <= after.tv_sec,
		v.tv_sec == t.tv_sec && v.tv_usec == t.tv_nsec / 1000);
	NEED(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &one, sizeof(one)));
	NEED(sendto(fd, "b", 1, 0, (void *)&a, sizeof(a)));
	NEED(recv(fd, b, sizeof(b), 0));
	T(ioctl(fd, SIOCGSTAMPNS, &again));
	say("with SO_TIMESTAMP: %s",
		again.tv_sec == t.tv_sec && again.tv_nsec == t.tv_nsec ? "the old one" : "another");
	T(ioctl(fd, SIOCGSTAMP, (void *)8));
	close(fd);
}

static void whose(void)
{
	int fd = NEED(socket(AF_UNIX, SOCK_STREAM, 0)), ns = NEED(ioctl(fd, SIOCGSKNS));
	struct stat a, b;

	NEED(fstat(ns, &a));
	NEED(stat("/proc/self/ns/net", &b));
	say("its namespace: %d, flags %#x", a.st_ino == b.st_ino, fcntl(ns, F_GETFD));
	close(ns);
	drop_privileges();
	T(ioctl(fd, SIOCGSKNS));
	close(fd);
}

TEST(net_ioctls)
{
	int fds[sizeof(kinds) / sizeof(kinds[0])];

	own_net();
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		fds[i] = NEED(socket(kinds[i].family, kinds[i].type, 0));
		ask_all("root", kinds[i].name, fds[i]);
	}
	set_up("lo", 1);
	arp();
	addresses();
	inet4();
	inet6();
	stamp();
	whose();
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		ask_all("nobody", kinds[i].name, fds[i]);
}
