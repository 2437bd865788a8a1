/* SPDX-License-Identifier: MIT */
/*
 * cgroup_v1_net: net_cls and net_prio of version 1: the class that a packet has for the packet
 * filter (a rule drops those of a class, so that sending fails), and the priority that a card gives
 * it. Sockets are new, open when their task moves, received, or accepted. A test may not change the
 * host's groups, so the host's side prints what is expected.
 */
#include "cgroup.h"
#include "inet.h"
#include "netns.h"
#include "nft.h"
#include "scm.h"
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_cgroup.h>

#define CLASS 0x100001
#define RCVPRIORITY 82 /* SO_RCVPRIORITY */

/* a socket for datagrams; the receiver's port is PORT */
static int away;
#define PORT 4711

static int new_sender(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int s = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	NEED(connect(s, (void *)&a, sizeof(a)));
	return s;
}

static int receiver(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int s = NEED(socket(AF_INET, SOCK_DGRAM, 0)), on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	NEED(bind(s, (void *)&a, sizeof(a)));
	NEED(setsockopt(s, SOL_SOCKET, RCVPRIORITY, &on, sizeof(on)));
	return s;
}

/* ---- the filter ---- */

static void class_is(unsigned class)
{
	nft_meta(NFT_META_CGROUP);
	equal(&class, 4);
}

/* Adds iptables' match of a class. @rev: either of the two revisions that know only its number. */
static void match(int rev, const void *info, unsigned n)
{
	unsigned d, e = expr("match", &d);

	text(NFTA_MATCH_NAME, "cgroup");
	be32(NFTA_MATCH_REV, rev);
	attr(NFTA_MATCH_INFO, info, n);
	end(d);
	end(e);
}

static void drop_class(unsigned class)
{
	unsigned h;

	nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	start();
	nft_table("t");
	nft_chain("t", "out", "filter", NF_INET_LOCAL_OUT, 0);
	be32(NFTA_CHAIN_POLICY, NF_ACCEPT);
	h = nft_rule("t", "out");
	class_is(class);
	drop_it();
	end(h);
	GIVES(finish(), 0);
}

#define SENDS(s, err) GIVES(send(s, "x", 1, 0), err)

static void drop_match(int rev, const void *info, unsigned n, int err)
{
	unsigned h;

	start();
	h = nft_rule("t", "out");
	match(rev, info, n);
	drop_it();
	end(h);
	GIVES(finish(), err);
}

static void matches(int s)
{
	struct xt_cgroup_info_v0 old = { .id = 77 };
	struct xt_cgroup_info_v2 newer = { .has_classid = 1, .classid = 78 }, odd = { 0 };

	drop_match(0, &old, sizeof(old), 0);
	drop_match(2, &newer, sizeof(newer), 0);
	drop_match(2, &odd, sizeof(odd), EINVAL);
	odd.has_classid = odd.has_path = 1;
	drop_match(2, &odd, sizeof(odd), EINVAL);
	for (int class = 76; class < 80; class ++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", class);
		GIVES(put("v1/a/net_cls.classid", text), 0);
		SENDS(s, class == 77 || class == 78 ? EPERM : 0);
	}
}

/*
 * A child moves together with the socket that it shares. A task that then receives the socket has
 * it as its own.
 */
static void shared(int s)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	int pair[2];
	pid_t pid;

	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	pid = SPAWN(if (guest) NEED(put("v1/a/tasks", "0")); NEED(send_fds(pair[1], &s, 1, 0)););
	NEED(waitpid(pid, NULL, 0));
	SENDS(s, EPERM);
	NEED(recvmsg(pair[0], &m, 0));
	SENDS(s, 0);
}

static void classes(void)
{
	int fresh;

	GIVES(mount("none", "v1", "cgroup", 0, "net_cls"), 0);
	say("%s", guest ? get("v1/net_cls.classid") : "0\n");
	GIVES(mkdir("v1/a", 0755), 0);
	GIVES(put("v1/a/net_cls.classid", "0x100001\n"), 0);
	say("%s", guest ? get("v1/a/net_cls.classid") : "1048577\n");
	GIVES(put("v1/a/net_cls.classid", "x"), EINVAL);
	GIVES(put("v1/a/net_cls.classid", "-1"), EINVAL);
	GIVES(mkdir("v1/a/b", 0755), 0);
	say("it is its parent's: %s", guest ? get("v1/a/b/net_cls.classid") : "1048577\n");
	GIVES(put("v1/a/b/net_cls.classid", "4294967297"), 0);
	say("%s", guest ? get("v1/a/b/net_cls.classid") : "1\n");
	if (guest) {
		NEED(unshare(CLONE_NEWNET));
		lo_up();
		receiver();
		away = new_sender();
	}
	drop_class(CLASS);
	SENDS(away, 0);
	GIVES(put("v1/a/tasks", "0"), 0);
	SENDS(away, EPERM);
	fresh = guest ? new_sender() : -1;
	SENDS(fresh, EPERM);
	GIVES(put("v1/a/b/cgroup.procs", "0"), 0);
	SENDS(fresh, 0);
	GIVES(put("v1/a/b/net_cls.classid", "1048577"), 0);
	SENDS(fresh, EPERM);
	GIVES(put("v1/cgroup.procs", "0"), 0);
	SENDS(fresh, 0);
	shared(guest ? fresh : 1);
	GIVES(put("v1/a/tasks", "0"), 0);
	matches(fresh);
	GIVES(put("v1/cgroup.procs", "0"), 0);
	GIVES(rmdir("v1/a/b"), 0);
	GIVES(rmdir("v1/a"), 0);
	GIVES(umount("v1"), 0);
}

/* ---- priorities ---- */

/* Returns the priority of the next message, or -1 if it has none. */
static int priority(int s)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c;

	NEED(recvmsg(s, &m, 0));
	c = CMSG_FIRSTHDR(&m);
	return c && c->cmsg_level == SOL_SOCKET ? *(int *)CMSG_DATA(c) : -1;
}

static int sent(int from, int to)
{
	NEED(send(from, "x", 1, 0));
	return priority(to);
}

static void priorities(void)
{
	int to = guest ? receiver() : -1, from = guest ? new_sender() : -1, five = 5;

	GIVES(mount("none", "v1", "cgroup", 0, "net_prio"), 0);
	WANT("the top's index", figure("v1/net_prio.prioidx", "") == 1);
	GIVES(mkdir("v1/a", 0755), 0);
	WANT("another", figure("v1/a/net_prio.prioidx", "") > 1);
	GIVES(put("v1/a/net_prio.prioidx", "3"), EINVAL);
	WANT("nothing yet", figure("v1/a/net_prio.ifpriomap", "lo ") == 0);
	GIVES(put("v1/a/net_prio.ifpriomap", "lo 3\n"), 0);
	GIVES(put("v1/a/net_prio.ifpriomap", "lo"), EINVAL);
	GIVES(put("v1/a/net_prio.ifpriomap", "lo x"), EINVAL);
	GIVES(put("v1/a/net_prio.ifpriomap", "nobody0 3"), ENODEV);
	WANT("it is told", figure("v1/a/net_prio.ifpriomap", "lo ") == 3);
	GIVES(mkdir("v1/a/b", 0755), 0);
	WANT("it is inherited", figure("v1/a/b/net_prio.ifpriomap", "lo ") == 3);
	GIVES(put("v1/a/net_prio.ifpriomap", "lo 4"), 0);
	WANT("once", figure("v1/a/b/net_prio.ifpriomap", "lo ") == 3);
	WANT("the top has none", sent(from, to) == 0);
	GIVES(put("v1/a/cgroup.procs", "0"), 0);
	WANT("who moves has it", sent(from, to) == 4);
	GIVES(put("v1/a/b/tasks", "0"), 0);
	WANT("and another's", sent(from, to) == 3);
	NEED(guest ? setsockopt(from, SOL_SOCKET, SO_PRIORITY, &five, sizeof(five)) : 0);
	WANT("the socket's own goes before", sent(from, to) == 5);
	WANT("a new socket", sent(new_sender(), to) == 3);
	GIVES(put("v1/a/b/net_prio.ifpriomap", "lo 0"), 0);
	WANT("none again", sent(new_sender(), to) == 0);
	GIVES(put("v1/cgroup.procs", "0"), 0);
	GIVES(rmdir("v1/a/b"), 0);
	GIVES(mkdir("v1/c", 0755), 0);
	WANT("a new group has its parent's", figure("v1/c/net_prio.ifpriomap", "lo ") == 0);
	GIVES(rmdir("v1/c"), 0);
	GIVES(rmdir("v1/a"), 0);
	GIVES(umount("v1"), 0);
}

/* ---- many groups ---- */

static void many(const char *controller)
{
	char path[64];
	int made = 0, gone = 0;

	GIVES(mount("none", "v1", "cgroup", 0, controller), 0);
	for (int i = 0; guest && i < 300; i++) {
		snprintf(path, sizeof(path), "v1/g%d", i);
		made += !mkdir(path, 0755);
	}
	for (int i = 0; guest && i < 300; i++) {
		snprintf(path, sizeof(path), "v1/g%d", i);
		gone += !rmdir(path);
	}
	WANT("made and removed", made == 300 && gone == 300);
	GIVES(umount("v1"), 0);
}

TEST(cgroup_v1_net)
{
	guest = in_guest();
	NEED(mkdir("v1", 0755));
	if (guest)
		lo_up();
	many("net_prio,net_cls");
	many("net_prio");
	many("perf_event");
	priorities();
	classes();
}
