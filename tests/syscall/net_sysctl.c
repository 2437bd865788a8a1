/* SPDX-License-Identifier: MIT */
/* /proc/sys/net/ipv4 is each network namespace's own: who may ping, which ports are chosen, how far packets go. */
#include "netns.h"

static void put(const char *name, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	fd = open(path, O_WRONLY);
	say("%s := %s: %s\n", name, text,
		write(fd, text, strlen(text)) < 0 ? t_errno(errno) : "done");
	close(fd);
}

static void get(const char *name)
{
	char path[128], text[128] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	fd = open(path, O_RDONLY);
	(void)!read(fd, text, sizeof(text) - 1);
	close(fd);
	say("%s is %s", name, text);
}

static void ping_socket(const char *who)
{
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);

	say("%s: %s\n", who, fd < 0 ? t_errno(errno) : "may ping");
	if (fd >= 0)
		close(fd);
}

static void ping(void)
{
	get("ping_group_range");
	ping_socket("at first");
	put("ping_group_range", "0 2147483647");
	ping_socket("everybody");
	put("ping_group_range", "7 8");
	ping_socket("others");
	put("ping_group_range", "0");
	get("ping_group_range");
	ping_socket("the first eight");
	put("ping_group_range", "5 4");
	get("ping_group_range");
	ping_socket("nobody");
	put("ping_group_range", "-1 4");
	put("ping_group_range", "x");
	get("ping_group_range");
}

static void ports(void)
{
	int fd;

	put("ip_local_port_range", "40000 40000");
	fd = bound(SOCK_STREAM, "127.0.0.1");
	say("port %d\n", port_of(fd));
	close(fd);
	put("ip_local_port_range", "40001 40000");
	put("ip_local_port_range", "40001"); /* the other end stays */
	put("ip_local_port_range", "39999");
	get("ip_local_port_range");
}

static void ttl(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	put("ip_default_ttl", "77");
	say("ttl %d\n", number(fd, SOL_IP, IP_TTL));
	put("ip_default_ttl", "0");
	put("ip_default_ttl", "256");
	get("ip_default_ttl");
	close(fd);
}

static void lo_mtu(int mtu)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_mtu = mtu };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	T(ioctl(fd, SIOCSIFMTU, &r));
	close(fd);
}

static void in_pieces(const char *what)
{
	struct sockaddr_in a = at("127.0.0.1", 0);
	int fd = bound(SOCK_DGRAM, "127.0.0.1");
	static char b[5000];

	a.sin_port = htons((uint16_t)port_of(fd));
	NEED(sendto(fd, b, sizeof(b), 0, SA(&a), sizeof(a)));
	say("%s: %zd bytes come\n", what, recv(fd, b, sizeof(b), MSG_DONTWAIT));
	close(fd);
}

/* An unsigned long, where most of the others are ints. */
static void thresholds(void)
{
	static const char *const words[] = { "2147483648", "18446744073709551615",
		"18446744073709551616", "-1", "-0", "+5", "-", "\n", "x", "0x800000", "010000000",
		" 6000000", "7000000 8", "7000000x" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		put("ipfrag_high_thresh", words[i]);
		get("ipfrag_high_thresh");
	}
	put("../ipv6/ip6frag_high_thresh", "9000000000");
	put("../ipv6/ip6frag_low_thresh", "8000000000");
	get("../ipv6/ip6frag_low_thresh");
	put("../ipv6/ip6frag_high_thresh", "7000000000");
	put("../ipv6/ip6frag_low_thresh", "3145728");
	put("../ipv6/ip6frag_high_thresh", "4194304");
}

static void fragments(void)
{
	static const char *const names[] = { "ipfrag_high_thresh", "ipfrag_low_thresh",
		"ipfrag_time", "../ipv6/ip6frag_high_thresh", "../ipv6/ip6frag_low_thresh",
		"../ipv6/ip6frag_time" };

	lo_mtu(1500);
	for (unsigned i = 0; i < 6; i++)
		get(names[i]);
	in_pieces("fragments");
	put("ipfrag_high_thresh", "1000");
	put("ipfrag_low_thresh", "5000000");
	put("ipfrag_low_thresh", "0");
	put("ipfrag_high_thresh", "0");
	put("ipfrag_low_thresh", "1");
	in_pieces("without memory");
	put("ipfrag_high_thresh", "4294967296");
	in_pieces("with 4 GiB, which are no 0");
	thresholds();
	put("ipfrag_low_thresh", "0");
	put("ipfrag_high_thresh", "4194304");
	in_pieces("with memory again");
	put("ipfrag_time", "7");
	for (unsigned i = 0; i < 6; i++)
		get(names[i]);
}

static long try(int fd, const char *text)
{
	return pwrite(fd, text, strlen(text), 0);
}

/* Without any right over the machine: the owner of a namespace sets what is its own, and nothing else. */
static void owner(void)
{
	static const char *const paths[] = { "net/ipv4/ip_forward", "net/ipv4/conf/all/rp_filter",
		"net/ipv4/conf/default/forwarding", "net/ipv4/conf/lo/rp_filter",
		"net/ipv6/conf/all/forwarding", "net/ipv4/ip_local_port_range",
		"net/ipv4/ip_default_ttl", "net/ipv4/ping_group_range", "user/max_uts_namespaces",
		"kernel/hostname", "vm/swappiness" };
	static const char *const texts[] = { "1", "0", "1", "0", "1", "40000 40010", "70", "0 0",
		"100", "x", "1" };
	char path[128];
	int other, fd;

	if (!getuid()) {
		NEED(setgroups(0, NULL));
		NEED(setresgid(65534, 65534, 65534));
		NEED(setresuid(65534, 65534, 65534));
	}
	say("before: %d", open("/proc/sys/net/ipv4/ip_default_ttl", O_WRONLY) < 0);
	NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	for (unsigned i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		if (!strcmp(paths[i], "net/ipv4/ping_group_range"))
			continue; /* no group is known here */
		snprintf(path, sizeof(path), "/proc/sys/%s", paths[i]);
		fd = open(path, O_WRONLY);
		say("%s: %s", paths[i], fd < 0 || try(fd, texts[i]) < 0 ? t_errno(errno) : "done");
		if (fd >= 0)
			close(fd);
	}
	other = NEED(open("/proc/sys/net/ipv4/ip_default_ttl", O_WRONLY));
	T(try(other, "71"));
	get("ip_default_ttl");
	NEED(unshare(CLONE_NEWNET));
	get("ip_default_ttl");
	OK(open("/proc/sys/net/ipv4/ip_default_ttl", O_WRONLY));
}

TEST(net_sysctl)
{
	if (unshare(CLONE_NEWNET)) {
		say("unshare: %s\n", t_errno(errno));
		return;
	}
	CHILD(owner());
	lo_up();
	ping();
	ports();
	ttl();
	fragments();
	T(unshare(CLONE_NEWNET));
	get("ipfrag_high_thresh");
	get("ping_group_range");
	get("ip_local_port_range");
	get("ip_default_ttl");
}
