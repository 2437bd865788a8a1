/* SPDX-License-Identifier: MIT */
/*
 * packet_fanout: PACKET_FANOUT: which sockets may join which group, and which member gets a packet:
 * round robin, by flow, by a program, the first with room; PACKET_ROLLOVER_STATS; and
 * PACKET_VNET_HDR, whose header describes what is left to do to a packet.
 */
#include "netns.h"
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/virtio_net.h>

#define KIND 0x88b5
#define IGNORE_OUTGOING 0x4000
#define VNET_SZ 24 /* PACKET_VNET_HDR_SZ */

static const unsigned char heading[14] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };
static int out; /* sends from va0 to vb0 */

static int join(int fd, int id, int type)
{
	return set(fd, SOL_PACKET, PACKET_FANOUT, (int)((unsigned)type << 16 | (unsigned)id));
}

static int join_of(int fd, int id, int type, unsigned most)
{
	struct fanout_args a = { (uint16_t)id, (uint16_t)type, most };

	return setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &a, sizeof(a));
}

static unsigned group(int fd)
{
	return (unsigned)number(fd, SOL_PACKET, PACKET_FANOUT);
}

/* Sends a frame with @n bytes after its header. @last: the last of them. */
static void send_frame(size_t n, int last)
{
	char frame[1514] = { 0 };

	memcpy(frame, heading, 14);
	frame[14 + n - 1] = (char)last;
	NEED(send(out, frame, 14 + n, 0));
}

/*
 * Prints how many frames each of these @n sockets has, once all of them have @all together; reads
 * them.
 */
static void counts(const char *what, const int *fds, int n, int all)
{
	struct pollfd p[8];
	int got[8] = { 0 };
	char line[100] = "", buf[2048];

	for (int i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	while (all > 0 && poll(p, (nfds_t)n, 100000) > 0)
		for (int i = 0; i < n; i++)
			while (recv(fds[i], buf, sizeof(buf), MSG_DONTWAIT) >= 0) {
				got[i]++;
				all--;
			}
	for (int i = 0; i < n; i++)
		sprintf(line + strlen(line), " %d", got[i]);
	say("%s:%s", what, line);
}

static void joining(void)
{
	int a = packet_socket("vb0", SOCK_RAW, KIND), b = packet_socket("vb0", SOCK_RAW, KIND),
	    c = packet_socket("vb0", SOCK_RAW, ETH_P_ALL),
	    idle = NEED(socket(AF_PACKET, SOCK_RAW, 0)), v;
	struct sockaddr_ll any = { .sll_family = AF_PACKET };
	struct tpacket_rollover_stats st;
	socklen_t n = sizeof(st);

	say("joining");
	T(group(a));
	T(join(a, 1, 8));
	T(join(a, 1, PACKET_FANOUT_ROLLOVER | PACKET_FANOUT_FLAG_ROLLOVER));
	T(join(idle, 1, 0));
	T(setsockopt(a, SOL_PACKET, PACKET_FANOUT, &v, 2));
	T(setsockopt(a, SOL_PACKET, PACKET_FANOUT, &v, 6));
	T(join_of(a, 1, 0, 65537));
	T(getsockopt(a, SOL_PACKET, PACKET_ROLLOVER_STATS, &st, &n));
	T(join(a, 7, PACKET_FANOUT_LB));
	T(getsockopt(a, SOL_PACKET, PACKET_ROLLOVER_STATS, &st, &n));
	say("group %x", group(a));
	T(join(a, 7, PACKET_FANOUT_LB));
	T(bind(a, SA(&any), sizeof(any)));
	T(join(b, 7, PACKET_FANOUT_HASH));
	T(join(b, 7, PACKET_FANOUT_LB | IGNORE_OUTGOING));
	T(join(c, 7, PACKET_FANOUT_LB));
	T(join_of(b, 7, PACKET_FANOUT_LB, 5));
	T(join_of(b, 7, PACKET_FANOUT_LB, 256));
	say("group %x", group(b));
	T(join(c, 0, PACKET_FANOUT_CPU | PACKET_FANOUT_FLAG_ROLLOVER));
	say("group %x", group(c));
	n = sizeof(st);
	T(getsockopt(c, SOL_PACKET, PACKET_ROLLOVER_STATS, &st, &n));
	say("%d: %d %d %d", (int)n, (int)st.tp_all, (int)st.tp_huge, (int)st.tp_failed);
	close(a);
	close(b);
	close(c);
	/* with the last member the group goes */
	a = packet_socket("vb0", SOCK_RAW, KIND);
	b = packet_socket("vb0", SOCK_RAW, KIND);
	c = packet_socket("vb0", SOCK_RAW, KIND);
	T(join_of(a, 7, PACKET_FANOUT_HASH, 2));
	T(join(b, 7, PACKET_FANOUT_HASH));
	T(join(c, 7, PACKET_FANOUT_HASH));
	close(b);
	T(join(c, 7, PACKET_FANOUT_HASH));
	close(c);
	c = packet_socket("vb0", SOCK_RAW, KIND);
	T(join(c, 9, PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID));
	T(join(c, 0, PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID));
	IS((group(c) & 0xffff) != 7);
	say("type and flags %x", group(c) >> 16);
	close(a);
	close(c);
	close(idle);
}

static void members(int *fds, int n, int proto, int type)
{
	for (int i = 0; i < n; i++) {
		fds[i] = packet_socket("vb0", SOCK_RAW, proto);
		NEED(join(fds[i], 3, type));
	}
}

static void leave(int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

static void sharing(void)
{
	int fds[3], alone;

	members(fds, 3, KIND, PACKET_FANOUT_LB);
	alone = packet_socket("vb0", SOCK_RAW, KIND);
	for (int i = 0; i < 7; i++)
		send_frame(40, i);
	counts("in turn", fds, 3, 7);
	counts("in none", &alone, 1, 7);
	close(fds[0]);
	for (int i = 0; i < 6; i++)
		send_frame(40, i);
	counts("in turn, one has left", fds + 1, 2, 6);
	close(alone);
	leave(fds + 1, 2);

	members(fds, 3, KIND, PACKET_FANOUT_QM);
	for (int i = 0; i < 4; i++)
		send_frame(40, i);
	counts("by queue", fds, 3, 4);
	leave(fds, 3);
}

/* All packets of a flow go to the same member, in both directions. */
static void flows(void)
{
	int fds[4], udp[2], who = -1, same = 1;
	char buf[200];

	for (int i = 0; i < 4; i++) {
		fds[i] = packet_socket("lo", SOCK_RAW, ETH_P_ALL);
		NEED(join(fds[i], 4, PACKET_FANOUT_HASH));
	}
	for (int k = 0; k < 2; k++)
		udp[k] = bound(SOCK_DGRAM, "127.0.0.1");
	NEED(reach(udp[0], port_of(udp[1])));
	NEED(reach(udp[1], port_of(udp[0])));
	for (int k = 0; k < 20; k++)
		NEED(send(udp[k % 2], "flow", 4, 0));
	for (int got = 0; got < 40;) {
		struct pollfd p[4];

		for (int i = 0; i < 4; i++)
			p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
		if (poll(p, 4, 100000) <= 0)
			break;
		for (int i = 0; i < 4; i++)
			while (recv(fds[i], buf, sizeof(buf), MSG_DONTWAIT) >= 0) {
				same &= who < 0 || who == i;
				who = i;
				got++;
			}
	}
	say("a flow: %s", same && who >= 0 ? "one" : "several");
	leave(fds, 4);
	close(udp[0]);
	close(udp[1]);
}

static void by_program(void)
{
	struct sock_filter insn[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 39),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog p = { 2, insn };
	int fds[3], other = packet_socket("vb0", SOCK_RAW, KIND);

	T(setsockopt(other, SOL_PACKET, PACKET_FANOUT_DATA, &p, sizeof(p)));
	members(fds, 3, KIND, PACKET_FANOUT_CBPF);
	send_frame(40, 2);
	counts("no program", fds, 3, 1);
	T(setsockopt(fds[1], SOL_PACKET, PACKET_FANOUT_DATA, &p, 3));
	T(setsockopt(fds[1], SOL_PACKET, PACKET_FANOUT_DATA, &p, sizeof(p)));
	for (int i = 0; i < 3; i++)
		send_frame(40, 2);
	send_frame(40, 1);
	send_frame(40, 4);
	send_frame(38, 4);
	counts("by program", fds, 3, 6);
	T(set(fds[1], SOL_SOCKET, SO_LOCK_FILTER, 1));
	T(setsockopt(fds[1], SOL_PACKET, PACKET_FANOUT_DATA, &p, sizeof(p)));
	leave(fds, 3);
	close(other);
	members(fds, 1, KIND, PACKET_FANOUT_LB);
	T(setsockopt(fds[0], SOL_PACKET, PACKET_FANOUT_DATA, &p, sizeof(p)));
	leave(fds, 1);
}

/* The program returns the byte at 39. If it cannot be loaded, the known answer is printed. */
static int extended;

static void load_extended(void)
{
	struct bpf_insn p[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1 },
		{ .code = BPF_LD | BPF_B | BPF_ABS, .imm = 39 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	a.insns = (unsigned long)p;
	a.insn_cnt = 3;
	a.license = (unsigned long)"GPL";
	extended = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
}

static void by_extended(void)
{
	struct sock_fprog p = { 0 };
	int fds[3], none = -1;

	members(fds, 3, KIND, PACKET_FANOUT_EBPF);
	T(setsockopt(fds[1], SOL_PACKET, PACKET_FANOUT_DATA, &p, sizeof(p)));
	T(setsockopt(fds[1], SOL_PACKET, PACKET_FANOUT_DATA, &none, sizeof(none)));
	T(setsockopt(fds[1], SOL_PACKET, PACKET_FANOUT_DATA, &fds[0], sizeof(int)));
	if (extended >= 0) {
		NEED(setsockopt(fds[1], SOL_PACKET, PACKET_FANOUT_DATA, &extended, sizeof(int)));
		close(extended);
		for (int i = 0; i < 3; i++)
			send_frame(40, 2);
		send_frame(40, 1);
		send_frame(40, 4);
		send_frame(38, 4);
		counts("by extended program", fds, 3, 6);
	} else {
		say("by extended program: 1 2 3");
	}
	leave(fds, 3);
}

/*
 * Fragments of a datagram: reassembled for a member, unchanged for a socket outside of the group.
 */
static void fragments(void)
{
	struct sockaddr_in a = at("127.0.0.1", 9);
	struct ifreq r = { .ifr_name = "lo", .ifr_mtu = 1500 };
	int fds[2], alone = packet_socket("lo", SOCK_RAW, ETH_P_IP),
		    u = socket(AF_INET, SOCK_DGRAM, 0);
	static char buf[8000];

	for (int i = 0; i < 2; i++) {
		fds[i] = packet_socket("lo", SOCK_RAW, ETH_P_IP);
		NEED(join(fds[i], 8, PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_DEFRAG));
	}
	say("group %x", group(fds[0]));
	NEED(ioctl(u, SIOCSIFMTU, &r));
	for (int k = 0; k < 3; k++)
		NEED(sendto(u, buf, 4000, 0, SA(&a), sizeof(a)));
	for (int k = 0; k < 3; k++) {
		/* in turn; the answers of ICMP come between */
		int i = (k + 1) % 2;

		await(fds[i], POLLIN);
		await(alone, POLLIN);
		say("piece %zd", recv(alone, buf, sizeof(buf), MSG_DONTWAIT));
	}
	for (int i = 0; i < 2; i++)
		for (ssize_t n; (n = recv(fds[i], buf, sizeof(buf), MSG_DONTWAIT)) >= 0;)
			if (buf[14 + 9] == IPPROTO_UDP)
				say("whole %zd, ends %02x%02x", n, (unsigned char)buf[12],
					(unsigned char)buf[13]);
	leave(fds, 2);
	close(alone);
	close(u);
	r.ifr_mtu = 65536;
	u = socket(AF_INET, SOCK_DGRAM, 0);
	NEED(ioctl(u, SIOCSIFMTU, &r));
	close(u);
}

/* Tests a member with a ring of four frames that are never freed, and then one with room. */
static void rollover(int type)
{
	struct tpacket_req q = { 4096, 2, 2048, 4 };
	struct tpacket_rollover_stats st;
	struct tpacket_stats n;
	socklen_t len;
	int fds[2], sum = 0;

	say("rollover %x", type);
	for (int i = 0; i < 2; i++) {
		fds[i] = packet_socket("vb0", SOCK_RAW, KIND);
		NEED(set(fds[i], SOL_PACKET, PACKET_VERSION, TPACKET_V2));
		NEED(setsockopt(fds[i], SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
		NEED(join(fds[i], 5, type));
	}
	for (int i = 0; i < 10; i++)
		send_frame(40, 0);
	/* the last packets are lost: only the counts show it */
	T_WAIT(({
		for (int i = 0; i < 2; i++) {
			len = sizeof(n);
			NEED(getsockopt(fds[i], SOL_PACKET, PACKET_STATISTICS, &n, &len));
			sum += (int)n.tp_packets;
		}
		sum >= 10;
	}));
	for (int i = 0; i < 2; i++) {
		len = sizeof(st);
		NEED(getsockopt(fds[i], SOL_PACKET, PACKET_ROLLOVER_STATS, &st, &len));
		say("%d: all %d failed %d", i, (int)st.tp_all, (int)st.tp_failed);
	}
	leave(fds, 2);
}

/* ---- headers of virtio ---- */

static void see(int fd, const char *what, unsigned size)
{
	unsigned char buf[4096];
	struct virtio_net_hdr *v = (void *)buf;
	ssize_t n;

	await(fd, POLLIN);
	n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0) {
		say("%s: %s", what, t_errno(errno));
		return;
	}
	say("%s: %zd, flags %d gso %d size %d start %d offset %d: %02x%02x", what, n, v->flags & 1,
		v->gso_type, v->gso_size, v->csum_start, v->csum_offset, buf[size + 12],
		buf[size + 13]);
	if (v->flags & 1)
		say("  sum %02x%02x", buf[size + v->csum_start + v->csum_offset],
			buf[size + v->csum_start + v->csum_offset + 1]);
}

static unsigned short sum_of(const unsigned char *p, size_t n, unsigned sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (unsigned)p[i] << 8 | p[i + 1];
	if (n & 1)
		sum += (unsigned)p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (unsigned short)sum;
}

struct vframe {
	struct virtio_net_hdr v;
	unsigned char eth[14], ip[20], udp[8], data[3000];
} __attribute__((packed));

/* Builds a datagram to port @port of 10.9.0.2, with a partial checksum. */
static void build(struct vframe *f, int port, unsigned len)
{
	static const unsigned char ip[20] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 9, 0,
		1, 10, 9, 0, 2 };
	unsigned total = 28 + len, sum;

	memset(f, 0, sizeof(*f));
	memcpy(f->eth, heading, 12);
	f->eth[12] = 8;
	memcpy(f->ip, ip, 20);
	f->ip[2] = (unsigned char)(total >> 8);
	f->ip[3] = (unsigned char)total;
	sum = (unsigned short)~sum_of(f->ip, 20, 0);
	f->ip[10] = (unsigned char)(sum >> 8);
	f->ip[11] = (unsigned char)sum;
	f->udp[0] = 9;
	f->udp[2] = (unsigned char)(port >> 8);
	f->udp[3] = (unsigned char)port;
	f->udp[4] = (unsigned char)((8 + len) >> 8);
	f->udp[5] = (unsigned char)(8 + len);
	sum = sum_of(f->ip + 12, 8, 17 + 8 + len);
	f->udp[6] = (unsigned char)(sum >> 8);
	f->udp[7] = (unsigned char)sum;
	for (unsigned i = 0; i < len; i++)
		f->data[i] = (unsigned char)i;
	f->v.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	f->v.csum_start = 34;
	f->v.csum_offset = 6;
}

/* Turns the frame around: from 10.9.0.2, by vb0. */
static void turn(struct vframe *f)
{
	f->eth[5] = 1;
	f->eth[11] = 2;
	f->ip[15] = 2;
	f->ip[19] = 1;
}

static void try(int fd, const char *what, struct vframe *f, unsigned len)
{
	ssize_t n;

	errno = 0;
	n = send(fd, f, sizeof(f->v) + 42 + len, 0);
	t_result(what, n, errno);
}

static void vnet_send(void)
{
	int fd = packet_socket("va0", SOCK_RAW, 0), rx = packet_socket("vb0", SOCK_RAW, ETH_P_IP),
	    to = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_in a;
	struct vframe f;
	int back;
	char buf[2048];

	say("sending with headers");
	NEED(set(fd, SOL_PACKET, PACKET_VNET_HDR, 1));
	build(&f, 4000, 100);
	f.v.flags = 0;
	try(fd, "plain", &f, 100);
	T(recv(rx, buf, sizeof(buf), 0));
	T(send(fd, &f, 9, 0));
	T(send(fd, &f, 10, 0));
	build(&f, 4000, 1472);
	f.v.flags = 0;
	try(fd, "as long as may be", &f, 1472);
	T(recv(rx, buf, sizeof(buf), 0));
	build(&f, 4000, 1473);
	f.v.flags = 0;
	try(fd, "too long", &f, 1473);
	build(&f, 4000, 100);
	f.v.csum_start = 65535;
	try(fd, "sum behind the end", &f, 100);
	f.v.csum_start = 34;
	f.v.csum_offset = 65535;
	try(fd, "sum behind the end", &f, 100);
	f.v.csum_offset = 6;
	f.v.hdr_len = 2000;
	try(fd, "header too long", &f, 100);
	f.v.hdr_len = 0;
	f.v.gso_type = 2;
	try(fd, "unknown gso", &f, 100);
	f.v.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	try(fd, "no size", &f, 100);
	f.v.gso_size = 50;
	try(fd, "no TCP", &f, 100);
	/* to a protocol that looks at it */
	a = at("10.9.0.1", 4000);
	NEED(bind(to, SA(&a), sizeof(a)));
	back = packet_socket("vb0", SOCK_RAW, 0);
	NEED(set(back, SOL_PACKET, PACKET_VNET_HDR, 1));
	build(&f, 4000, 100);
	turn(&f);
	try(back, "a sum to be made", &f, 100);
	await(to, POLLIN);
	T(recv(to, buf, sizeof(buf), MSG_DONTWAIT));
	f.v.flags = 0;
	try(back, "a sum that is wrong", &f, 100);
	f.v.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	try(back, "and one to be made", &f, 100);
	await(to, POLLIN);
	T(recv(to, buf, sizeof(buf), MSG_DONTWAIT));
	T(recv(to, buf, sizeof(buf), MSG_DONTWAIT));
	close(to);
	close(back);
	close(fd);
	close(rx);
}

static void vnet(void)
{
	int fd, u, to;
	char buf[4];

	say("headers");
	fd = NEED(socket(AF_PACKET, SOCK_DGRAM, 0));
	T(set(fd, SOL_PACKET, PACKET_VNET_HDR, 1));
	T(set(fd, SOL_PACKET, VNET_SZ, 10));
	close(fd);
	fd = NEED(socket(AF_PACKET, SOCK_RAW, 0));
	T(number(fd, SOL_PACKET, PACKET_VNET_HDR));
	T(set(fd, SOL_PACKET, PACKET_VNET_HDR, 5));
	T(number(fd, SOL_PACKET, PACKET_VNET_HDR));
	T(number(fd, SOL_PACKET, VNET_SZ));
	T(set(fd, SOL_PACKET, VNET_SZ, 11));
	T(set(fd, SOL_PACKET, VNET_SZ, 12));
	T(number(fd, SOL_PACKET, PACKET_VNET_HDR));
	T(number(fd, SOL_PACKET, VNET_SZ));
	T(set(fd, SOL_PACKET, VNET_SZ, 0));
	T(number(fd, SOL_PACKET, PACKET_VNET_HDR));
	close(fd);

	fd = packet_socket("vb0", SOCK_RAW, KIND);
	NEED(set(fd, SOL_PACKET, PACKET_VNET_HDR, 1));
	send_frame(40, 1);
	see(fd, "no sum", 10);
	send_frame(40, 1);
	await(fd, POLLIN);
	T(recv(fd, buf, 4, MSG_TRUNC));
	T(recv(fd, buf, 4, MSG_DONTWAIT));
	NEED(set(fd, SOL_PACKET, VNET_SZ, 12));
	send_frame(40, 1);
	see(fd, "no sum", 12);
	close(fd);

	fd = packet_socket("lo", SOCK_RAW, ETH_P_IP);
	NEED(set(fd, SOL_PACKET, PACKET_VNET_HDR, 1));
	to = bound(SOCK_DGRAM, "127.0.0.1");
	u = socket(AF_INET, SOCK_DGRAM, 0);
	NEED(reach(u, port_of(to)));
	NEED(send(u, "hello", 5, 0));
	see(fd, "udp over lo", 10);
	close(u);
	close(to);
	close(fd);
	vnet_send();
}

TEST(packet_fanout)
{
	load_extended();
	own_net();
	out = packet_socket("va0", SOCK_RAW, 0);
	joining();
	sharing();
	flows();
	by_program();
	by_extended();
	fragments();
	rollover(PACKET_FANOUT_ROLLOVER);
	rollover(PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_ROLLOVER);
	vnet();
}
