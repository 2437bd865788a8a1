/* SPDX-License-Identifier: MIT */
/*
 * af_packet: AF_PACKET on lo: what is seen of a packet and how, sending with and without a link
 * header, options, statistics, rings. A host may refuse raw sockets (a container), so the test runs
 * in a network namespace of its own; without one, the host's side prints what Linux does.
 */
#include "guest.h"
#include "inet.h"
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sched.h>

static int fd, to, from;

static void see(int s, const char *what)
{
	struct sockaddr_ll a = { 0 };
	unsigned char buf[256];
	struct iovec v = { buf, sizeof(buf) };
	char ctl[256];
	struct msghdr m = { &a, sizeof(a), &v, 1, ctl, sizeof(ctl), 0 };
	ssize_t n = recvmsg(s, &m, MSG_DONTWAIT);

	if (n < 0) {
		say("%s: %s", what, t_errno(errno));
		return;
	}
	say("%s: %zd bytes, protocol %04x, ifindex %d, hatype %d, type %d, halen %d, name %d, "
	    "flags %x",
		what, n, ntohs(a.sll_protocol), a.sll_ifindex, a.sll_hatype, a.sll_pkttype,
		a.sll_halen, (int)m.msg_namelen, m.msg_flags);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct tpacket_auxdata x;

		memcpy(&x, CMSG_DATA(c), sizeof(x));
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA)
			say(" aux: user %d, len %u, snaplen %u, mac %d, net %d", x.tp_status & 1,
				x.tp_len, x.tp_snaplen, x.tp_mac, x.tp_net);
	}
	if (n >= 14)
		say(" %02x%02x %02x%02x", buf[12], buf[13], buf[14], buf[15]);
}

static void drain(int s)
{
	char buf[2048];

	while (recv(s, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		;
}

static void errors(void)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_ifindex = 12345 };
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	char buf[100] = { 0 };

	T(socket(AF_PACKET, SOCK_STREAM, 0));
	T(socket(AF_PACKET, SOCK_SEQPACKET, 0));
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	IS(fd >= 0);
	T(bind(fd, SA(&a), sizeof(a)));
	T(bind(fd, SA(&a), 10));
	a.sll_family = AF_INET;
	a.sll_ifindex = 1;
	T(bind(fd, SA(&a), sizeof(a)));
	a.sll_family = AF_PACKET;
	T(bind(fd, SA(&a), sizeof(a)));
	T(getsockname(fd, SA(&ss), &n));
	T(n);
	T(getpeername(fd, SA(&ss), &n));
	T(connect(fd, SA(&a), sizeof(a)));
	T(listen(fd, 1));
	T(shutdown(fd, SHUT_RD));
	T(send(fd, buf, 10, 0));
	T(send(fd, buf, 14, MSG_OOB));
	T(recv(fd, buf, 10, MSG_OOB | MSG_DONTWAIT));
	T(recv(fd, buf, 10, MSG_ERRQUEUE | MSG_DONTWAIT));
	T(recv(fd, buf, 10, MSG_DONTWAIT));
	close(fd);
	fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	T(send(fd, buf, 20, 0));
	a.sll_ifindex = 777;
	a.sll_halen = 6;
	T(sendto(fd, buf, 20, 0, SA(&a), sizeof(a)));
	T(sendto(fd, buf, 20, 0, SA(&a), 10));
	close(fd);
}

static void options(void)
{
	static const int opts[] = { PACKET_AUXDATA, PACKET_ORIGDEV, PACKET_VERSION, PACKET_RESERVE,
		PACKET_LOSS, PACKET_TIMESTAMP, PACKET_IGNORE_OUTGOING, PACKET_QDISC_BYPASS,
		PACKET_TX_HAS_OFF };
	struct tpacket_stats st;
	struct packet_mreq r = { .mr_ifindex = 1, .mr_type = PACKET_MR_PROMISC };
	socklen_t n = sizeof(st);
	int v;

	fd = socket(AF_PACKET, SOCK_RAW, 0);
	for (unsigned i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
		say("option %d: %d", opts[i], number(fd, SOL_PACKET, opts[i]));
		T(set(fd, SOL_PACKET, opts[i], 1));
		T(number(fd, SOL_PACKET, opts[i]));
	}
	T(set(fd, SOL_PACKET, PACKET_VERSION, 3));
	T(set(fd, SOL_PACKET, 999, 1));
	for (int i = 0; i < 4; i++) {
		v = i;
		n = sizeof(v);
		T(getsockopt(fd, SOL_PACKET, PACKET_HDRLEN, &v, &n));
		T(v);
	}
	n = sizeof(st);
	T(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &n));
	say("%d: %u %u", (int)n, st.tp_packets, st.tp_drops);
	T(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &r, 4));
	T(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &r, sizeof(r)));
	T(setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &r, sizeof(r)));
	T(setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &r, sizeof(r)));
	r.mr_ifindex = 777;
	T(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &r, sizeof(r)));
	close(fd);
}

static void ours_only(int s, int port)
{
	/* UDP to that port */
	struct sock_filter raw[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_NET_OFF + 22),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog p = { 4, raw };

	NEED(setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)));
}

static void seen(void)
{
	int dgram = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP)), port = port_of(to), n;
	struct tpacket_stats st;
	socklen_t len = sizeof(st);

	fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	ours_only(fd, port);
	ours_only(dgram, port);
	drain(fd);
	drain(dgram);
	T(set(fd, SOL_PACKET, PACKET_AUXDATA, 1));
	NEED(send(from, "hello", 5, 0));
	T(ioctl(fd, FIONREAD, &n));
	T(n);
	T(await(fd, POLLIN) & POLLIN);
	see(fd, "out");
	see(fd, "in");
	see(fd, "no more");
	see(dgram, "dgram in");
	see(dgram, "no more");
	T(set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1));
	NEED(send(from, "hello", 5, 0));
	see(fd, "in");
	see(fd, "no more");
	T(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len));
	say("packets %u drops %u", st.tp_packets, st.tp_drops);
	T(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len));
	say("packets %u drops %u", st.tp_packets, st.tp_drops);
	close(dgram);
	close(fd);
	drain(to);
}

/* Sends a frame of a protocol that has no other user. */
static void sent(void)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
		.sll_ifindex = 1,
		.sll_protocol = htons(0x88b5),
		.sll_halen = 6 };
	int other = socket(AF_PACKET, SOCK_RAW, htons(0x88b5));
	unsigned char frame[30] = { 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, 'x', 'y' };

	fd = socket(AF_PACKET, SOCK_RAW, 0);
	T(sendto(fd, frame, sizeof(frame), 0, SA(&a), sizeof(a)));
	see(other, "raw");
	T(sendto(fd, frame, 13, 0, SA(&a), sizeof(a)));
	frame[0] = 2;
	T(sendto(fd, frame, sizeof(frame), 0, SA(&a), sizeof(a)));
	see(other, "to another");
	memset(frame, 0xff, 6);
	T(bind(fd, SA(&a), sizeof(a)));
	T(send(fd, frame, sizeof(frame), 0));
	see(other, "to all");
	drain(fd);
	close(fd);
	fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	T(sendto(fd, "zz", 2, 0, SA(&a), sizeof(a)));
	see(other, "dgram");
	close(fd);
	close(other);
}

static void ring(int version)
{
	struct tpacket_req3 q = { .tp_block_size = 4096,
		.tp_block_nr = 4,
		.tp_frame_size = 2048,
		.tp_frame_nr = 8,
		.tp_retire_blk_tov = 20 };
	socklen_t len = version == 2 ? sizeof(q) : sizeof(struct tpacket_req);
	char *map;

	say("version %d", version + 1);
	fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	ours_only(fd, port_of(to));
	NEED(set(fd, SOL_PACKET, PACKET_VERSION, version));
	q.tp_frame_nr = 7;
	T(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, len));
	q.tp_frame_nr = 8;
	q.tp_frame_size = 2047;
	T(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, len));
	q.tp_frame_size = 2048;
	T(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, 8));
	T(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, len));
	T(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, len));
	T(set(fd, SOL_PACKET, PACKET_VERSION, 0));
	IS(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	map = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	IS(map != MAP_FAILED);
	NEED(send(from, "hello", 5, 0));
	T(await(fd, POLLIN) & POLLIN);
	if (version == 0) {
		struct tpacket_hdr *h = (void *)map, *second = (void *)(map + 2048);

		say("status %d len %u snaplen %u mac %d net %d", (int)h->tp_status & 1, h->tp_len,
			h->tp_snaplen, h->tp_mac, h->tp_net);
		say("type %d, second %d",
			((struct sockaddr_ll *)(map + TPACKET_ALIGN(sizeof(*h))))->sll_pkttype,
			(int)second->tp_status & 1);
		say("%.5s", map + h->tp_net + 28);
	} else if (version == 1) {
		struct tpacket2_hdr *h = (void *)map, *second = (void *)(map + 2048);

		say("status %d len %u snaplen %u mac %d net %d", h->tp_status & 1, h->tp_len,
			h->tp_snaplen, h->tp_mac, h->tp_net);
		say("type %d, second %d",
			((struct sockaddr_ll *)(map + TPACKET_ALIGN(sizeof(*h))))->sll_pkttype,
			second->tp_status & 1);
		say("%.5s", map + h->tp_net + 28);
	} else {
		struct tpacket_block_desc *b = (void *)map;
		struct tpacket3_hdr *h = (void *)(map + b->hdr.bh1.offset_to_first_pkt);

		say("version %u priv %u status %u packets %u first %u len %u seq %d", b->version,
			b->offset_to_priv, b->hdr.bh1.block_status & 1, b->hdr.bh1.num_pkts,
			b->hdr.bh1.offset_to_first_pkt, b->hdr.bh1.blk_len,
			(int)b->hdr.bh1.seq_num);
		say("next %u len %u snaplen %u mac %d net %d", h->tp_next_offset, h->tp_len,
			h->tp_snaplen, h->tp_mac, h->tp_net);
		say("%.5s", (char *)h + h->tp_net + 28);
	}
	q = (struct tpacket_req3){ 0 };
	T(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, len));
	munmap(map, 16384);
	T(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, len));
	close(fd);
	drain(to);
}

/* A block whose private area leaves hardly room for the headers: what does not fit is cut. */
static void tight(unsigned left)
{
	struct tpacket_req3 q = { .tp_block_size = 4096,
		.tp_block_nr = 1,
		.tp_frame_size = 2048,
		.tp_frame_nr = 2,
		.tp_sizeof_priv = 4096 - 48 - left };
	static char large[3000];
	char *map;

	fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	ours_only(fd, port_of(to));
	NEED(set(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V3));
	NEED(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	IS(map != MAP_FAILED);
	NEED(send(from, large, sizeof(large), 0));
	munmap(map, 4096);
	close(fd);
	drain(to);
}

static void all(void)
{
	struct sockaddr_in a;

	lo_up();
	to = bound(SOCK_DGRAM, "127.0.0.1");
	a = at("127.0.0.1", port_of(to));
	from = socket(AF_INET, SOCK_DGRAM, 0);
	NEED(connect(from, SA(&a), sizeof(a)));
	errors();
	options();
	seen();
	sent();
	for (int v = 0; v < 3; v++)
		ring(v);
	tight(88);
	tight(80);
}

TEST(af_packet)
{
	int may = socket(AF_PACKET, SOCK_RAW, 0);

	/* nothing to compare with: only that it lives */
	if (may < 0) {
		say("no raw sockets");
		return;
	}
	close(may);
	unshare(CLONE_NEWNET);
	all();
}
