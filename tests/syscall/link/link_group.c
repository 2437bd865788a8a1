/* SPDX-License-Identifier: MIT */
/*
 * link_group: devices changed and deleted by group (`ip link set group`, `ip link del group`);
 * their names and alternative names, where these are taken, too long or missing. ip-link(8).
 */
#include "netns.h"

static struct nl_msg m;

static void begin(int type, int flags, int index, unsigned iff, unsigned change)
{
	struct ifinfomsg i = { .ifi_index = index, .ifi_flags = iff, .ifi_change = change };

	memset(&m, 0, sizeof(m));
	m.h.nlmsg_type = (unsigned short)type;
	m.h.nlmsg_flags = (unsigned short)flags;
	m.h.nlmsg_len = NLMSG_LENGTH(sizeof(i));
	memcpy(NLMSG_DATA(&m.h), &i, sizeof(i));
}

static void number_attr(int type, unsigned v)
{
	nl_add(&m, type, &v, sizeof(v));
}

static void name_attr(int type, const char *name)
{
	nl_add(&m, type, name, (unsigned)strlen(name) + 1);
}

static int bridge(const char *name, unsigned group)
{
	struct rtattr *info;

	begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, 0, 0);
	name_attr(IFLA_IFNAME, name);
	if (group)
		number_attr(IFLA_GROUP, group);
	info = nl_add(&m, IFLA_LINKINFO, NULL, 0);
	nl_add(&m, IFLA_INFO_KIND, "bridge", 6);
	nl_nested(&m, info);
	return nl_do(&m);
}

/* Prints flags, MTU and group of each device, in the order of the indexes. */
static void show(void)
{
	for (unsigned k = 1; k < 12; k++) {
		struct {
			struct nlmsghdr h;
			struct ifinfomsg i;
			char more[8000];
		} r;
		char name[IFNAMSIZ] = "";
		unsigned mtu = 0, group = 0;
		int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), left;

		begin(RTM_GETLINK, NLM_F_REQUEST, (int)k, 0, 0);
		NEED(send(fd, &m, m.h.nlmsg_len, 0));
		NEED(recv(fd, &r, sizeof(r), 0));
		close(fd);
		if (r.h.nlmsg_type != RTM_NEWLINK)
			continue;
		left = (int)(r.h.nlmsg_len - NLMSG_LENGTH(sizeof(r.i)));
		for (struct rtattr *a = (void *)r.more; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
			if (a->rta_type == IFLA_IFNAME)
				strncpy(name, RTA_DATA(a), sizeof(name) - 1);
			if (a->rta_type == IFLA_MTU)
				memcpy(&mtu, RTA_DATA(a), 4);
			if (a->rta_type == IFLA_GROUP)
				memcpy(&group, RTA_DATA(a), 4);
			if (a->rta_type == IFLA_PROP_LIST) {
				struct rtattr *p = RTA_DATA(a);
				int n = (int)RTA_PAYLOAD(a);

				for (; RTA_OK(p, n); p = RTA_NEXT(p, n))
					say("  also %.20s", (char *)RTA_DATA(p));
			}
		}
		say(" %s %s mtu %u group %u", name, r.i.ifi_flags & IFF_UP ? "up" : "down", mtu,
			group);
	}
}

static void by_group(int type, int flags, unsigned group, unsigned iff, unsigned mtu)
{
	begin(type, flags, 0, iff, iff ? IFF_UP : 0);
	number_attr(IFLA_GROUP, group);
	if (mtu)
		number_attr(IFLA_MTU, mtu);
}

static void groups(void)
{
	T(bridge("d1", 5));
	T(bridge("d2", 5));
	T(bridge("d3", 6));
	T(bridge("d4", 0));
	by_group(RTM_NEWLINK, 0, 5, IFF_UP, 1400);
	T(nl_do(&m));
	show();
	by_group(RTM_SETLINK, 0, 5, IFF_UP, 1300);
	T(nl_do(&m));
	by_group(RTM_NEWLINK, 0, 77, IFF_UP, 0);
	T(nl_do(&m));
	by_group(RTM_NEWLINK, NLM_F_CREATE, 5, IFF_UP, 0);
	T(nl_do(&m));
	by_group(RTM_NEWLINK, NLM_F_EXCL, 5, IFF_UP, 0);
	T(nl_do(&m));
	by_group(RTM_NEWLINK, NLM_F_REPLACE, 5, IFF_UP, 1200);
	T(nl_do(&m));
	by_group(RTM_NEWLINK, 0, 5, 0, 20); /* too small for IPv6, and for some */
	T(nl_do(&m));
	by_group(RTM_NEWLINK, 0, 5, 0, 70000);
	T(nl_do(&m));
	by_group(RTM_NEWLINK, 0, 5, 0, 0);
	name_attr(IFLA_IFALIAS, "many");
	T(nl_do(&m));
	by_group(RTM_NEWLINK, 0, 5, 0, 0);
	name_attr(IFLA_IFNAME, "d9");
	T(nl_do(&m));
	by_group(RTM_NEWLINK, 0, 0, IFF_UP, 0);
	T(nl_do(&m));
	show();
	/* deleted */
	by_group(RTM_DELLINK, 0, 0, 0, 0);
	T(nl_do(&m));
	by_group(RTM_DELLINK, 0, 77, 0, 0);
	T(nl_do(&m));
	begin(RTM_NEWLINK, 0, 1, 0, 0);
	number_attr(IFLA_GROUP, 6);
	T(nl_do(&m));
	by_group(RTM_DELLINK, 0, 6, 0, 0);
	T(nl_do(&m));
	by_group(RTM_DELLINK, 0, 5, 0, 0);
	T(nl_do(&m));
	show();
}

static int other_name(int type, int flags, const char *of, const char *name)
{
	struct rtattr *list;

	begin(type, flags, (int)if_nametoindex(of), 0, 0);
	list = nl_add(&m, IFLA_PROP_LIST | NLA_F_NESTED, NULL, 0);
	name_attr(IFLA_ALT_IFNAME, name);
	nl_nested(&m, list);
	return nl_do(&m);
}

static int rename_to(const char *of, const char *name)
{
	begin(RTM_NEWLINK, 0, (int)if_nametoindex(of), 0, 0);
	name_attr(IFLA_IFNAME, name);
	return nl_do(&m);
}

static int rename_by(const char *of, const char *name)
{
	struct ifreq r = { 0 };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0)), err;

	strncpy(r.ifr_name, of, IFNAMSIZ - 1);
	strncpy(r.ifr_newname, name, IFNAMSIZ - 1);
	err = ioctl(fd, SIOCSIFNAME, &r) ? -errno : 0;
	close(fd);
	return err;
}

static void names(void)
{
	static char long_name[200];
	int add = NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND;

	memset(long_name, 'x', 199);
	T(bridge("n1", 0));
	T(bridge("n2", 0));
	T(bridge("n1", 0));
	T(rename_to("n1", "n2"));
	T(rename_by("n1", "n2"));
	T(rename_to("n1", "n1"));
	T(rename_by("n1", "n1"));
	T(rename_to("n1", ""));
	T(rename_by("n1", ""));
	T(rename_to("n1", "a/b"));
	T(rename_to("n1", "a b"));
	T(rename_to("n1", "a:b"));
	T(rename_to("n1", "."));
	T(rename_to("n1", ".."));
	T(rename_to("n1", "exactly15chars0"));
	T(rename_to("exactly15chars0", "exactly16chars00"));
	T(rename_to("exactly15chars0", "n1"));
	T(rename_to("n1", "n%d"));
	T(rename_by("n0", "n1"));
	T(other_name(RTM_NEWLINKPROP, add, "n1", "another"));
	T(other_name(RTM_NEWLINKPROP, add, "n1", "another"));
	T(other_name(RTM_NEWLINKPROP, add, "n2", "another"));
	T(other_name(RTM_NEWLINKPROP, add, "n1", "n1"));
	T(other_name(RTM_NEWLINKPROP, add, "n1", "n2"));
	T(other_name(RTM_NEWLINKPROP, add, "n1", "a much longer name than others may have"));
	T(other_name(RTM_NEWLINKPROP, add, "n1", "with/slash"));
	T(other_name(RTM_NEWLINKPROP, add, "n1", ""));
	long_name[127] = 0;
	T(other_name(RTM_NEWLINKPROP, add, "n1", long_name));
	long_name[127] = 'x';
	long_name[128] = 0;
	T(other_name(RTM_NEWLINKPROP, add, "n1", long_name));
	T(rename_to("n2", "another"));
	T(rename_by("n2", "another"));
	T(rename_to("n1", "another"));
	show();
	T(bridge("another", 0));
	T(other_name(RTM_DELLINKPROP, 0, "n1", "nobody"));
	T(other_name(RTM_DELLINKPROP, 0, "n2", "another"));
	T(other_name(RTM_DELLINKPROP, 0, "n1", "n1"));
	T(other_name(RTM_DELLINKPROP, 0, "n1", "another"));
	T(other_name(RTM_DELLINKPROP, 0, "n1", "another"));
	T(rename_to("n2", "another"));
	begin(RTM_DELLINK, 0, 0, 0, 0);
	name_attr(IFLA_ALT_IFNAME, "with/slash");
	T(nl_do(&m));
	T(rename_to("another", "n5"));
	T(rename_to("n5", "n%d%d"));
	T(rename_to("n5", "n%s"));
	T(rename_to("n5", "%"));
	begin(RTM_DELLINK, 0, 0, 0, 0);
	name_attr(IFLA_IFNAME, "n5");
	T(nl_do(&m));
	show();
}

static int up(const char *name)
{
	begin(RTM_NEWLINK, 0, (int)if_nametoindex(name), IFF_UP, IFF_UP);
	return nl_do(&m);
}

/* Devices that are up may be renamed as well (Linux 6.2), the loopback too. */
static void names_of_those_up(void)
{
	T(bridge("u1", 0));
	T(up("u1"));
	T(rename_to("u1", "u2"));
	T(rename_by("u2", "u3"));
	T(up("lo"));
	T(rename_to("lo", "u3"));
	T(rename_to("lo", "other"));
	show();
	T(rename_by("other", "lo"));
	show();
	begin(RTM_DELLINK, 0, (int)if_nametoindex("u3"), 0, 0);
	T(nl_do(&m));
}

TEST(link_group)
{
	if (unshare(CLONE_NEWNET))
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	groups();
	names();
	names_of_those_up();
}
