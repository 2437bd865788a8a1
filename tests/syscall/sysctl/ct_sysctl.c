/* SPDX-License-Identifier: MIT */
/*
 * ct_sysctl: settings of a namespace's owner for connection tracking (/proc/sys/net/netfilter):
 * valid numbers and their effect. Where a packet filter is needed, the host's side prints what
 * Linux does.
 */
#include "guest.h"
#include "put.h"
#include "wire.h"

#include "nft.h"
#include <linux/netfilter/nfnetlink_conntrack.h>

#define DIR "/proc/sys/net/netfilter/nf_conntrack_"

static void numbers(void)
{
	static const char *const names[] = { "acct", "timestamp", "events", "checksum",
		"log_invalid", "tcp_loose", "tcp_max_retrans", "tcp_timeout_max_retrans" };
	static const char *const values[] = { "-2147483649", "0", "1", "2", "3", "255", "256",
		"300", "x" };
	char path[128], was[32], took[128];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd;

		snprintf(path, sizeof(path), DIR "%s", names[i]);
		memset(was, 0, sizeof(was));
		fd = open(path, O_RDONLY);
		if (fd < 0 || read(fd, was, sizeof(was) - 1) < 0)
			say("%s: %s", path, strerror(errno));
		close(fd);
		was[strcspn(was, "\n")] = 0;
		took[0] = 0;
		for (unsigned k = 0; k < sizeof(values) / sizeof(values[0]); k++)
			if (put(path, values[k]) > 0)
				snprintf(took + strlen(took), sizeof(took) - strlen(took), " %s",
					values[k]);
		say("%s: %s; takes%s", names[i], was, took);
		T(put(path, was) > 0);
	}
}

static void chain(const char *name, int hook, int priority, int policy)
{
	nft_chain("t", name, "filter", hook, priority);
	be32(NFTA_CHAIN_POLICY, policy);
}

/* Connections are tracked as long as a rule asks for their state; nothing is answered. */
static int rules(void)
{
	unsigned x;

	start();
	nft_table("t");
	chain("in", NF_INET_LOCAL_IN, 0, NF_ACCEPT);
	chain("out", NF_INET_LOCAL_OUT, -300, NF_DROP);
	x = nft_rule("t", "in");
	nft_ct_state();
	end(x);
	return finish();
}

/* Returns the line of the connection from port @its, or "". */
static const char *line(int its)
{
	static char text[512];
	FILE *f = fopen("/proc/net/nf_conntrack", "r");
	char want[32];

	snprintf(want, sizeof(want), " sport=%d ", its);
	while (f && fgets(text, sizeof(text), f))
		if (strstr(text, want)) {
			fclose(f);
			return text;
		}
	if (f)
		fclose(f);
	return "";
}

static int has(int its, const char *what)
{
	return strstr(line(its), what) != NULL;
}

static int timeout(int its)
{
	int n = -1;

	sscanf(line(its), "%*s %*s %*s %*s %d", &n);
	return n;
}

static void datagram(int its, int wrong)
{
	unsigned char f[128] = { 0 }, *u = f + 34,
		      pseudo[12] = { 10, 9, 0, 2, 10, 9, 0, 1, 0, 17, 0, 12 };
	uint16_t h[3] = { htons((uint16_t)its), htons(9), htons(12) };

	memcpy(u, h, 6);
	wire_put_sum(u + 6, wire_sum(u, 12, wire_sum(pseudo, 12, (uint32_t)wrong)));
	wire_ip(f, 17, 2, 12);
	wire_settle();
}

static void ack(int its, uint16_t win)
{
	struct seg s = { .peer = 2,
		.our = 99,
		.its = (uint16_t)its,
		.seq = 1,

		.flags = W_ACK,
		.win = win };

	seg_send(&s);
	wire_settle();
}

static int heard(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[4096];

	if (poll(&p, 1, 500) <= 0)
		return 0;
	return recv(fd, buf, sizeof(buf), 0) > 0;
}

static void counters(void)
{
	datagram(1001, 0);
	GIS(!has(1001, "packets=") && has(1001, "sport=1001"));
	G(put(DIR "acct", "1"), "1");
	datagram(1001, 0);
	GIS(!has(1001, "packets="));
	datagram(1002, 0);
	GIS(has(1002, "packets=1 bytes=32 [UNREPLIED]") && has(1002, "packets=0 bytes=0 mark"));
	GIS(!has(1002, "delta-time="));
	G(put(DIR "timestamp", "1"), "1");
	datagram(1003, 0);
	GIS(has(1003, "delta-time="));
	GIS(!has(1002, "delta-time="));
}

static void sums(void)
{
	datagram(1011, 1);
	GIS(!has(1011, "udp"));
	G(put(DIR "checksum", "0"), "1");
	datagram(1012, 1);
	GIS(has(1012, "udp"));
	G(put(DIR "checksum", "1"), "1");
}

static void streams(void)
{
	G(put(DIR "tcp_loose", "0"), "1");
	ack(1021, 1);
	GIS(!has(1021, "tcp"));
	G(put(DIR "tcp_loose", "1"), "1");
	ack(1022, 1);
	GIS(has(1022, "ESTABLISHED"));
	G(put(DIR "tcp_timeout_max_retrans", "77"), "2");
	for (int i = 0; i < 3; i++)
		ack(1022, 1);
	GIS(timeout(1022) <= 77 && timeout(1022) > 60);
	ack(1022, 2);
	GIS(timeout(1022) > 77);
	G(put(DIR "tcp_max_retrans", "1"), "1");
	ack(1022, 2);
	GIS(timeout(1022) <= 77);
}

static void told(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	int group = NFNLGRP_CONNTRACK_NEW;
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));

	if (in_guest()) {
		NEED(bind(fd, SA(&a), sizeof(a)));
		NEED(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)));
	}
	datagram(1031, 0);
	GIS(heard(fd));
	G(put(DIR "events", "0"), "1");
	datagram(1032, 0);
	GIS(!heard(fd));
	G(put(DIR "events", "1"), "1");
	datagram(1033, 0);
	GIS(heard(fd));
	close(fd);
}

static int logged(int kmsg, const char *what)
{
	char text[1024];
	ssize_t n;
	int found = 0;

	while ((n = read(kmsg, text, sizeof(text) - 1)) > 0) {
		text[n] = 0;
		found |= strstr(text, what) != NULL;
	}
	return found;
}

/* Only in the guest: the log and whose packets it shows are the machine's. */
static void invalid(void)
{
	static const char all[] = "/proc/sys/net/netfilter/nf_log_all_netns";
	static const char spt[] = "SRC=10.9.0.2 DST=10.9.0.1";
	int kmsg = in_guest() ? NEED(open("/dev/kmsg", O_RDONLY | O_NONBLOCK)) : -1;
	int first = in_guest() ? NEED(open("/proc/1/ns/net", O_RDONLY)) : -1;
	int own = in_guest() ? NEED(open("/proc/self/ns/net", O_RDONLY)) : -1;

	if (in_guest())
		lseek(kmsg, 0, SEEK_END);
	GIS(access(all, F_OK) == -1);
	if (in_guest()) {
		NEED(setns(first, CLONE_NEWNET));
		NEED(put(all, "1"));
		NEED(setns(own, CLONE_NEWNET));
	}
	datagram(1041, 1);
	GIS(!logged(kmsg, spt));
	G(put(DIR "log_invalid", "6"), "1");
	datagram(1042, 1);
	GIS(!logged(kmsg, spt));
	G(put(DIR "log_invalid", "17"), "2");
	datagram(1043, 1);
	GIS(logged(kmsg, spt));
	if (in_guest()) {
		NEED(setns(first, CLONE_NEWNET));
		NEED(put(all, "0"));
		NEED(setns(own, CLONE_NEWNET));
	}
	datagram(1044, 1);
	GIS(!logged(kmsg, spt));
}

TEST(ct_sysctl)
{
	wire_open();
	numbers();
	nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	G(rules(), "0");
	counters();
	sums();
	streams();
	told();
	invalid();
}
