/* SPDX-License-Identifier: MIT */
/*
 * nft_log: lines that nft's `log` writes into the kernel's log: the link header, the fields of IPv4
 * and IPv6, of TCP, UDP and ICMP, the quote of an ICMP error, options, owner and mark, and
 * truncated packets. Guests only, since a test may not read the host's log. The words are Linux's.
 */
#include "guest.h"
#include "inet.h"
#include "nft.h"

#include <linux/netfilter/nf_log.h>

#define ALL "/proc/sys/net/netfilter/nf_log_all_netns"

static int kmsg = -1;

/* Writes @value in the machine's first network namespace. */
static void let_all(const char *value)
{
	int first = NEED(open("/proc/1/ns/net", O_RDONLY)),
	    own = NEED(open("/proc/self/ns/net", O_RDONLY));
	int fd;

	NEED(setns(first, CLONE_NEWNET));
	fd = NEED(open(ALL, O_WRONLY));
	NEED(write(fd, value, 1));
	close(fd);
	NEED(setns(own, CLONE_NEWNET));
	close(first);
	close(own);
}

/* Makes a table whose input chain logs all packets, with NF_LOG_* of @flags. */
static int log_all(int family, const char *prefix, int flags)
{
	unsigned x, d, e;

	nft_family = family;
	start();
	nft_table("t");
	nft_chain("t", "in", "filter", NF_INET_LOCAL_IN, 0);
	x = nft_rule("t", "in");
	e = expr("log", &d);
	text(NFTA_LOG_PREFIX, prefix);
	be32(NFTA_LOG_LEVEL, 6);
	be32(NFTA_LOG_FLAGS, flags);
	end(d);
	end(e);
	end(x);
	return finish();
}

static int no_table(int family)
{
	nft_family = family;
	start();
	nft_no_table("t");
	return finish();
}

/* Replaces numbers that the test did not choose by N. */
static void mask(char *line)
{
	static const char *const names[] = { " ID=", " SPT=", " SEQ=", " FLOWLBL=", " WINDOW=" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (char *p = line; (p = strstr(p, names[i]));) {
			size_t n;

			p += strlen(names[i]);
			n = strspn(p, "0123456789");
			memmove(p + 1, p + n, strlen(p + n) + 1);
			*p = 'N';
		}
	}
}

/* Returns the next line with @prefix, or "". */
static const char *logged(const char *prefix)
{
	static char line[2048];
	char *p;
	ssize_t n;

	while (in_guest() && (n = read(kmsg, line, sizeof(line) - 1)) > 0) {
		line[n] = 0;
		p = strchr(line, ';');
		if (!p || strncmp(p + 1, prefix, strlen(prefix)))
			continue;
		p[strcspn(p, "\n")] = 0;
		mask(p);
		return p + 1;
	}
	return "";
}

#define LINK4                                                                                      \
	"IN=lo OUT= MAC=00:00:00:00:00:00:00:00:00:00:00:00:08:00 SRC=127.0.0.1 DST=127.0.0.1 "
#define IP4(len) LINK4 "LEN=" #len " TOS=0x00 PREC=0x00 TTL=64 ID=N DF "
#define ONE6 "0000:0000:0000:0000:0000:0000:0000:0001"
#define IP6(len)                                                                                   \
	"IN=lo OUT= MAC=00:00:00:00:00:00:00:00:00:00:00:00:86:dd SRC=" ONE6 " DST=" ONE6          \
	" LEN=" #len " TC=0 HOPLIMIT=64 FLOWLBL=N "

/* Sends a datagram to @port on loopback. */
static void datagram(int family, int port)
{
	struct sockaddr_in to = at("127.0.0.1", port);
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	bool v6 = family == AF_INET6;
	int fd;

	if (!in_guest())
		return;
	fd = NEED(socket(family, SOCK_DGRAM, 0));
	NEED(sendto(fd, "hello", 5, 0, v6 ? SA(&to6) : SA(&to), v6 ? sizeof(to6) : sizeof(to)));
	close(fd);
}

/* Tries a connection that is refused. */
static void connection(void)
{
	struct sockaddr_in to = at("127.0.0.1", 7777);
	int fd;

	if (!in_guest())
		return;
	fd = NEED(socket(AF_INET, SOCK_STREAM, 0));
	connect(fd, SA(&to), sizeof(to));
	close(fd);
}

static bool ends(const char *text, const char *with)
{
	size_t n = strlen(text), m = strlen(with);

	return n >= m && !strcmp(text + n - m, with);
}

static void udp(void)
{
	datagram(AF_INET, 2001);
	GT(logged("p4 "), "p4 " IP4(33) "PROTO=UDP SPT=N DPT=2001 LEN=13 ");
	GT(logged("p4 "),
		"p4 " LINK4 "LEN=61 TOS=0x00 PREC=0xC0 TTL=64 ID=N PROTO=ICMP TYPE=3 CODE=3 "
		"[SRC=127.0.0.1 DST=127.0.0.1 LEN=33 TOS=0x00 PREC=0x00 TTL=64 ID=N DF "
		"PROTO=UDP SPT=N DPT=2001 LEN=13 ] ");
	datagram(AF_INET6, 2001);
	GT(logged("p6 "), "p6 " IP6(53) "PROTO=UDP SPT=N DPT=2001 LEN=13 ");
	GIS(ends(logged("p6 "),
		"PROTO=ICMPv6 TYPE=1 CODE=4 [SRC=" ONE6 " DST=" ONE6
		" LEN=53 TC=0 HOPLIMIT=64 FLOWLBL=N PROTO=UDP SPT=N DPT=2001 LEN=13 ] "));
}

static void tcp(void)
{
	const char *line;

	connection();
	GT(logged("p4 "), "p4 " IP4(60) "PROTO=TCP SPT=N DPT=7777 WINDOW=N RES=0x00 SYN URGP=0 ");
	GIS(strstr(logged("p4 "), "PROTO=TCP SPT=N DPT=") != NULL);
	G(no_table(NFPROTO_IPV4), "0");
	G(log_all(NFPROTO_IPV4, "all ", NF_LOG_MASK), "0");
	connection();
	line = logged("all ");
	GIS(strstr(line, " DPT=7777 SEQ=N ACK=0 WINDOW=N RES=0x00 SYN URGP=0 OPT (0204") != NULL);
	GIS(ends(line, ") "));
	GIS(strstr(logged("all "), " ACK RST URGP=0 ") != NULL);
}

TEST(nft_log)
{
	if (in_guest()) {
		NEED(unshare(CLONE_NEWNET));
		lo_up();
		nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
		let_all("1");
		kmsg = NEED(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));
		NEED(lseek(kmsg, 0, SEEK_END));
	}
	G(log_all(NFPROTO_IPV4, "p4 ", 0), "0");
	G(log_all(NFPROTO_IPV6, "p6 ", 0), "0");
	udp();
	tcp();
	if (in_guest())
		let_all("0");
}
