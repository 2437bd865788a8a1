/* SPDX-License-Identifier: MIT */
/*
 * addr_labels: IPv4 addresses are chosen by their labels ("va0:1"): by ioctls of addresses and of
 * devices (netdevice(7)), by rtnetlink's IFA_LABEL, and after the device was renamed. SIOCGIFCONF
 * lists all of them.
 */
#include "netns.h"
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/sockios.h>
#include <net/route.h>

static int fd4;

static void name_it(struct ifreq *r, const char *name)
{
	memset(r, 0, sizeof(*r));
	strncpy(r->ifr_name, name, IFNAMSIZ - 1);
}

static long set_addr(const char *name, unsigned long cmd, const char *addr)
{
	struct ifreq r;

	name_it(&r, name);
	r.ifr_addr.sa_family = AF_INET;
	inet_pton(AF_INET, addr, &((struct sockaddr_in *)&r.ifr_addr)->sin_addr);
	return ioctl(fd4, cmd, &r);
}

/* @addr: the address that the request asks for, or NULL. */
static void get_addr(const char *name, unsigned long cmd, const char *addr)
{
	struct ifreq r;
	char text[64];

	name_it(&r, name);
	if (addr) {
		r.ifr_addr.sa_family = AF_INET;
		inet_pton(AF_INET, addr, &((struct sockaddr_in *)&r.ifr_addr)->sin_addr);
	}
	if (ioctl(fd4, cmd, &r))
		say("get %s %#lx: %s", name, cmd, t_errno(errno));
	else
		say("get %s %#lx: %s as %s", name, cmd,
			addr_text((struct sockaddr_storage *)&r.ifr_addr, text), r.ifr_name);
}

static void get_all(const char *name)
{
	get_addr(name, SIOCGIFADDR, NULL);
	get_addr(name, SIOCGIFNETMASK, NULL);
	get_addr(name, SIOCGIFBRDADDR, NULL);
	get_addr(name, SIOCGIFDSTADDR, NULL);
}

static long set_flags(int fd, const char *name, int flags)
{
	struct ifreq r;

	name_it(&r, name);
	r.ifr_flags = (short)flags;
	return ioctl(fd, SIOCSIFFLAGS, &r);
}

/* Prints whether @name stands for va0 in the ioctls that read a device. */
static void ask_device(int fd, const char *name)
{
	static const unsigned long cmds[] = { SIOCGIFFLAGS, SIOCGIFINDEX, SIOCGIFMTU, SIOCGIFHWADDR,
		SIOCGIFTXQLEN, SIOCGIFMETRIC, SIOCGIFMAP };

	for (unsigned i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		struct ifreq a, b;
		int err;

		name_it(&a, name);
		name_it(&b, "va0");
		err = ioctl(fd, cmds[i], &a) ? errno : 0;
		ioctl(fd, cmds[i], &b);
		say("%s %#lx: %s, %s, as %s", name, cmds[i], err ? t_errno(err) : "0",
			!memcmp(&a.ifr_data, &b.ifr_data, 16) ? "va0's" : "another's", a.ifr_name);
	}
}

static void ethtool(const char *name)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq r;

	name_it(&r, name);
	r.ifr_data = (void *)&info;
	T(ioctl(fd4, SIOCETHTOOL, &r));
	say("%s %s", r.ifr_name, info.driver);
}

static void list_all(const char *what)
{
	static struct ifreq all[600];
	struct ifconf c = { .ifc_len = 0, .ifc_buf = NULL };
	int n;

	T(ioctl(fd4, SIOCGIFCONF, &c));
	n = c.ifc_len;
	c = (struct ifconf){ .ifc_len = sizeof(all), .ifc_buf = (void *)all };
	T(ioctl(fd4, SIOCGIFCONF, &c));
	say("%s: length %d, %d addresses", what, n, (int)(c.ifc_len / sizeof(all[0])));
	for (int i = 0; i < c.ifc_len / (int)sizeof(all[0]) && i < 12; i++) {
		char text[64];

		say("  %s %s", all[i].ifr_name,
			addr_text((struct sockaddr_storage *)&all[i].ifr_addr, text));
	}
	for (n = -1; n < 90; n += 30) {
		c = (struct ifconf){ .ifc_len = n, .ifc_buf = (void *)all };
		T(ioctl(fd4, SIOCGIFCONF, &c));
		say("%d: length %d", n, c.ifc_len);
	}
}

/* @len: bytes of @label, or -1 for none; -2: with the zero byte. @addr may be NULL. */
static int request(
	int type, const char *dev, const char *addr, int prefix, const char *label, int len)
{
	struct nl_msg m = { .h = { .nlmsg_type = (unsigned short)type,
				    .nlmsg_flags = type == RTM_NEWADDR ? NLM_F_CREATE : 0,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)) } };
	struct ifaddrmsg *a = NLMSG_DATA(&m.h);
	char bin[4];

	a->ifa_family = AF_INET;
	a->ifa_prefixlen = (unsigned char)prefix;
	a->ifa_index = if_nametoindex(dev);
	if (addr) {
		inet_pton(AF_INET, addr, bin);
		nl_add(&m, IFA_LOCAL, bin, 4);
		if (prefix)
			nl_add(&m, IFA_ADDRESS, bin, 4);
	}
	if (len != -1)
		nl_add(&m, IFA_LABEL, label, (unsigned)(len == -2 ? (int)strlen(label) + 1 : len));
	return nl_do(&m);
}

static void show_addr(const struct nlmsghdr *h)
{
	const struct ifaddrmsg *a = NLMSG_DATA(h);
	const struct rtattr *r = IFA_RTA(a);
	int len = (int)IFA_PAYLOAD(h);
	char text[64] = "", label[64] = "none";

	for (; RTA_OK(r, len); r = RTA_NEXT(r, len)) {
		if (r->rta_type == IFA_LOCAL)
			inet_ntop(AF_INET, RTA_DATA(r), text, sizeof(text));
		if (r->rta_type == IFA_LABEL)
			snprintf(label, sizeof(label), "%s", (char *)RTA_DATA(r));
	}
	say("  %s/%d label %s", text, a->ifa_prefixlen, label);
}

static void dump(const char *what)
{
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg a;
	} m = { { sizeof(m), RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 },
		{ .ifa_family = AF_INET } };
	static char buf[65536];
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));

	say("%s:", what);
	NEED(send(fd, &m, sizeof(m), 0));
	for (;;) {
		struct nlmsghdr *h = (void *)buf;
		int len = NEED(recv(fd, buf, sizeof(buf), 0));

		for (; NLMSG_OK(h, (unsigned)len); h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_type == NLMSG_DONE) {
				close(fd);
				return;
			}
			show_addr(h);
		}
	}
}

static void by_ioctl(void)
{
	T(set_addr("va0:1", SIOCSIFADDR, "10.1.0.1"));
	get_all("va0:1");
	get_all("va0");
	T(set_addr("va0:1", SIOCSIFNETMASK, "255.255.0.0"));
	T(set_addr("va0:1", SIOCSIFBRDADDR, "10.1.9.9"));
	get_all("va0:1");
	T(set_addr("va0:1", SIOCSIFADDR, "10.1.0.2"));
	T(set_addr("va0:two", SIOCSIFADDR, "10.9.0.7"));
	T(set_addr("va0:3", SIOCSIFADDR, "10.1.0.2"));
	T(set_addr("va0:3", SIOCSIFADDR, "224.0.0.1"));
	T(set_addr("va0:4", SIOCSIFNETMASK, "255.0.0.0"));
	T(set_addr("none0:4", SIOCSIFADDR, "10.1.0.9"));
	get_addr("va0:4", SIOCGIFADDR, NULL);
	get_addr("none0:4", SIOCGIFADDR, NULL);
	get_addr("va0:", SIOCGIFADDR, NULL);
	get_addr("va0:1", SIOCGIFADDR, "10.9.0.1");
	dump("by ioctl");
	ask_device(fd4, "va0:1");
	ask_device(fd4, "va0:none");
	ask_device(fd4, "none0:1");
	ask_device(NEED(socket(AF_INET6, SOCK_DGRAM, 0)), "va0:x");
	ask_device(NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), "va0:x");
	ethtool("va0:x");
	list_all("ioctl");
	T(set_flags(fd4, "va0:two", IFF_UP));
	T(set_flags(fd4, "va0:two", 0));
	T(set_flags(fd4, "va0:two", 0));
	T(set_flags(fd4, "va0:two", IFF_UP));
	T(set_flags(fd4, "none0:two", 0));
	get_addr("va0", SIOCGIFADDR, NULL);
	T(set_addr("va0:1", SIOCSIFADDR, "0.0.0.0"));
	get_addr("va0:1", SIOCGIFADDR, NULL);
	T(set_addr("va0:9", SIOCSIFADDR, "0.0.0.0"));
	dump("removed");
	/* the flags of the device, by a socket of another family */
	T(set_flags(NEED(socket(AF_INET6, SOCK_DGRAM, 0)), "va0:two", 0));
	IS(link_runs("va0"));
	set_up("va0", 1);
}

static void by_rtnetlink(void)
{
	char text[20] = "va0:abcdefghijklmn";

	T(request(RTM_NEWADDR, "va0", "10.2.0.1", 24, "va0:nl", -2));
	T(request(RTM_NEWADDR, "va0", "10.2.0.2", 24, "va0:nl", 6));
	T(request(RTM_NEWADDR, "va0", "10.2.0.3", 24, "other", -2));
	T(request(RTM_NEWADDR, "va0", "10.2.0.4", 24, "", 1));
	T(request(RTM_NEWADDR, "va0", "10.2.0.5", 24, "", 0));
	T(request(RTM_NEWADDR, "va0", "10.2.0.6", 24, text, 15));
	T(request(RTM_NEWADDR, "va0", "10.2.0.7", 24, text, 16));
	T(request(RTM_NEWADDR, "va0", "10.2.0.7", 24, text, -2));
	T(request(RTM_NEWADDR, "va0", "10.2.0.8", 24, NULL, -1));
	dump("added");
	get_addr("va0:nl", SIOCGIFADDR, NULL);
	get_addr("va0:nl", SIOCGIFADDR, "10.2.0.2");
	get_addr("va0:nl", SIOCGIFADDR, "10.2.0.8");
	get_addr("va0", SIOCGIFADDR, "10.2.0.8");
	get_addr("va0", SIOCGIFADDR, NULL);
	T(request(RTM_DELADDR, "va0", "10.2.0.8", 24, "va0:nl", -2));
	T(request(RTM_DELADDR, "va0", "10.2.0.8", 24, text, -2));
	T(request(RTM_DELADDR, "va0", "10.2.0.8", 24, "va0", 3));
	T(request(RTM_DELADDR, "va0", "10.2.0.2", 0, "va0:nl", -2));
	T(request(RTM_DELADDR, "va0", "10.2.0.6", 16, NULL, -1));
	T(request(RTM_DELADDR, "va0", NULL, 0, "other", -2));
	T(request(RTM_DELADDR, "va0", NULL, 0, "other", -2));
	dump("deleted");
}

/* Adds a route by a label, and prints the source address of a packet that it takes. */
static void route_by(const char *label, const char *to)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9) };
	int s = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	struct rtentry e = { .rt_flags = RTF_UP, .rt_dev = (char *)label };
	socklen_t len = sizeof(a);
	char text[64];

	inet_pton(AF_INET, to, &a.sin_addr);
	memcpy(&e.rt_dst, &(struct sockaddr_in){ AF_INET, 0, a.sin_addr, { 0 } }, sizeof(e.rt_dst));
	memcpy(&e.rt_genmask, &(struct sockaddr_in){ AF_INET, 0, { htonl(0xffffff00) }, { 0 } },
		sizeof(e.rt_genmask));
	T(ioctl(fd4, SIOCADDRT, &e));
	if (!connect(s, (void *)&a, sizeof(a)) && !getsockname(s, (void *)&a, &len))
		say("route by %s: from %s", label, addr_text((struct sockaddr_storage *)&a, text));
	T(ioctl(fd4, SIOCDELRT, &e));
	close(s);
}

static void routes(void)
{
	T(set_addr("va0:1", SIOCSIFADDR, "10.1.0.1"));
	T(set_addr("va0:1", SIOCSIFNETMASK, "255.255.255.0"));
	route_by("va0", "10.77.1.0");
	route_by("va0:1", "10.77.2.0");
	route_by("va0:none", "10.77.3.0");
	route_by("none0:1", "10.77.4.0");
	route_by("va0:abcdefghijklmnopq", "10.77.5.0");
	T(set_addr("va0:1", SIOCSIFADDR, "0.0.0.0"));
}

static void renamed(void)
{
	struct ifreq r;

	T(request(RTM_NEWADDR, "va0", "10.3.0.1", 24, "va0:a", -2));
	T(request(RTM_NEWADDR, "va0", "10.3.0.2", 24, NULL, -1));
	T(request(RTM_NEWADDR, "va0", "10.3.0.3", 24, "va0:abcdefgh", -2));
	set_up("va0", 0);
	name_it(&r, "va0:a");
	strcpy(r.ifr_newname, "verylongname0");
	T(ioctl(fd4, SIOCSIFNAME, &r));
	dump("renamed");
	get_addr("verylongname0", SIOCGIFADDR, NULL);
	name_it(&r, "verylongname0");
	strcpy(r.ifr_newname, "va0");
	T(ioctl(fd4, SIOCSIFNAME, &r));
	dump("renamed back");
	set_up("va0", 1);
}

TEST(addr_labels)
{
	own_net();
	fd4 = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	by_ioctl();
	routes();
	by_rtnetlink();
	renamed();
	for (int i = 1; i < 200; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.9.1.%d", i);
		add_addr("va0", AF_INET, text, 32);
	}
	list_all("many");
}
