/* SPDX-License-Identifier: MIT */
/*
 * sock_filter: SO_ATTACH_FILTER and related options: programs that are refused, what they load,
 * what they cut off, on UDP, TCP, AF_UNIX and raw sockets.
 */
#include "inet.h"
#include <linux/filter.h>
#include <sys/un.h>

#define PROG(...)                                                                                  \
	((struct sock_filter[]){ __VA_ARGS__ }),                                                   \
		sizeof((struct sock_filter[]){ __VA_ARGS__ }) / sizeof(struct sock_filter)
#define S BPF_STMT
#define J BPF_JUMP
#define RETA S(BPF_RET | BPF_A, 0)

static int attach(int fd, struct sock_filter *f, size_t n)
{
	struct sock_fprog p = { n, f };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p));
}

static void refused(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sock_fprog p = { 1, NULL };
	struct sock_filter out[8];
	socklen_t n = 0;

	T(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)));
	p.filter = BAD;
	T(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)));
	p.len = 0;
	T(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)));
	p.len = 4097;
	T(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)));
	T(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, 8));
	T(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, BAD, sizeof(p)));
	T(attach(fd, PROG(S(BPF_LD | BPF_IMM, 1))));
	T(attach(fd, PROG(S(0x1234, 1), RETA)));
	T(attach(fd, PROG(S(BPF_ALU | BPF_DIV | BPF_K, 0), RETA)));
	T(attach(fd, PROG(S(BPF_ALU | BPF_MOD | BPF_K, 0), RETA)));
	T(attach(fd, PROG(S(BPF_ALU | BPF_LSH | BPF_K, 32), RETA)));
	T(attach(fd, PROG(S(BPF_LD | BPF_MEM, 16), RETA)));
	T(attach(fd, PROG(S(BPF_LD | BPF_MEM, 3), RETA)));
	T(attach(fd, PROG(S(BPF_ST, 3), S(BPF_LD | BPF_MEM, 3), RETA)));
	T(attach(fd, PROG(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), S(BPF_ST, 3),
			     S(BPF_LD | BPF_MEM, 3), RETA)));
	T(attach(fd, PROG(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0), RETA)));
	T(attach(fd, PROG(S(BPF_JMP | BPF_JA, 0xffffffff), RETA)));
	T(attach(fd, PROG(S(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + 1), RETA)));
	T(attach(fd, PROG(S(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_MAX), RETA)));
	T(attach(fd, PROG(S(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_CPU), RETA)));
	T(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, out, &n));
	T(n);
	n = 1;
	T(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, out, &n));
	n = 8;
	T(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, out, &n));
	say("%d: %x %x", (int)n, out[0].code, out[1].code);
	T(set(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
	T(set(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
	T(attach(fd, PROG(RETA)));
	T(set(fd, SOL_SOCKET, SO_LOCK_FILTER, 1));
	T(set(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
	T(attach(fd, PROG(RETA)));
	T(set(fd, SOL_SOCKET, SO_ATTACH_BPF, 0));
	T(set(fd, SOL_SOCKET, SO_LOCK_FILTER, 0));
	T(number(fd, SOL_SOCKET, SO_LOCK_FILTER));
	close(fd);
}

static int to, from;
static const char payload[] = "0123456789abcdefghij";

/* Prints the program's result, as the number of payload bytes that get through; -1: none. */
static void udp(const char *what, struct sock_filter *f, size_t n)
{
	char buf[64];
	ssize_t got;

	if (attach(to, f, n)) {
		say("%s: %s", what, t_errno(errno));
		return;
	}
	send(from, payload, 20, 0);
	got = recv(to, buf, sizeof(buf), MSG_DONTWAIT);
	say("%s: %zd %.*s", what, got, got > 0 ? (int)got : 0, buf);
}
/* A program that returns its value as a length: 8 bytes of header and so many of the payload. */
#define VALUE(...) PROG(__VA_ARGS__, S(BPF_ALU | BPF_ADD | BPF_K, 8), RETA)

static void loads(void)
{
	struct sockaddr_in a = at("127.0.0.1", 0);

	to = bound(SOCK_DGRAM, "127.0.0.1");
	a.sin_port = htons(port_of(to));
	from = socket(AF_INET, SOCK_DGRAM, 0);
	NEED(connect(from, SA(&a), sizeof(a)));
	udp("none", PROG(S(BPF_RET | BPF_K, 0)));
	udp("header", PROG(S(BPF_RET | BPF_K, 3)));
	udp("some", PROG(S(BPF_RET | BPF_K, 13)));
	udp("all", PROG(S(BPF_RET | BPF_K, 0xffffffff)));
	udp("length", PROG(S(BPF_LD | BPF_W | BPF_LEN, 0), RETA));
	udp("half length",
		PROG(S(BPF_LD | BPF_W | BPF_LEN, 0), S(BPF_ALU | BPF_RSH | BPF_K, 1), RETA));
	udp("byte", VALUE(S(BPF_LD | BPF_B | BPF_ABS, 8), S(BPF_ALU | BPF_SUB | BPF_K, '0' - 3)));
	udp("half",
		VALUE(S(BPF_LD | BPF_H | BPF_ABS, 8), S(BPF_ALU | BPF_SUB | BPF_K, 0x3031 - 4)));
	udp("word", VALUE(S(BPF_LD | BPF_W | BPF_ABS, 9),
			    S(BPF_ALU | BPF_SUB | BPF_K, 0x31323334 - 5)));
	udp("indirect", VALUE(S(BPF_LDX | BPF_IMM, 10), S(BPF_LD | BPF_B | BPF_IND, 2),
				S(BPF_ALU | BPF_SUB | BPF_K, '4' - 6)));
	udp("last word", PROG(S(BPF_LD | BPF_W | BPF_ABS, 24), S(BPF_RET | BPF_K, 9)));
	udp("behind the end", PROG(S(BPF_LD | BPF_W | BPF_ABS, 25), S(BPF_RET | BPF_K, 9)));
	udp("udp length", PROG(S(BPF_LD | BPF_H | BPF_ABS, 4), RETA));
	udp("ip version",
		VALUE(S(BPF_LD | BPF_B | BPF_ABS, SKF_NET_OFF), S(BPF_ALU | BPF_RSH | BPF_K, 4)));
	udp("ip protocol", VALUE(S(BPF_LD | BPF_B | BPF_ABS, SKF_NET_OFF + 9),
				   S(BPF_ALU | BPF_SUB | BPF_K, 10)));
	udp("ip then udp", PROG(S(BPF_LDX | BPF_B | BPF_MSH, SKF_NET_OFF),
				   S(BPF_LD | BPF_H | BPF_IND, SKF_NET_OFF + 4), RETA));
	udp("link type", VALUE(S(BPF_LD | BPF_H | BPF_ABS, SKF_LL_OFF + 12),
				 S(BPF_ALU | BPF_SUB | BPF_K, 0x800 - 2)));
	udp("protocol", VALUE(S(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PROTOCOL),
				S(BPF_ALU | BPF_SUB | BPF_K, 0x800 - 7)));
	udp("type", VALUE(S(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE)));
	udp("ifindex", VALUE(S(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_IFINDEX)));
	udp("hatype", VALUE(S(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_HATYPE),
			      S(BPF_ALU | BPF_SUB | BPF_K, 770)));
	udp("xor", VALUE(S(BPF_LD | BPF_IMM, 5), S(BPF_LDX | BPF_IMM, 6),
			   S(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_ALU_XOR_X)));
	udp("mod", VALUE(S(BPF_LD | BPF_IMM, 17), S(BPF_ALU | BPF_MOD | BPF_K, 7)));
	udp("divided by nothing", PROG(S(BPF_LD | BPF_IMM, 17), S(BPF_LDX | BPF_IMM, 0),
					  S(BPF_ALU | BPF_DIV | BPF_X, 0), S(BPF_RET | BPF_K, 9)));
	udp("memory", VALUE(S(BPF_LD | BPF_IMM, 4), S(BPF_ST, 2), S(BPF_LDX | BPF_MEM, 2),
			      S(BPF_MISC | BPF_TXA, 0)));
	udp("neg", VALUE(S(BPF_LD | BPF_IMM, -5), S(BPF_ALU | BPF_NEG, 0)));
	udp("jumps", PROG(S(BPF_LD | BPF_IMM, 9), J(BPF_JMP | BPF_JGT | BPF_K, 8, 0, 2),
			     J(BPF_JMP | BPF_JSET | BPF_K, 2, 1, 0), S(BPF_RET | BPF_K, 12),
			     S(BPF_RET | BPF_K, 13)));
	T(send(from, "", 0, 0));
	T(set(to, SOL_SOCKET, SO_DETACH_FILTER, 0));
	close(to);
	close(from);
}

static void streams(void)
{
	int fd[2], l;
	char buf[32] = "";

	tcp_pair(fd);
	T(attach(fd[1], PROG(S(BPF_RET | BPF_K, 0xffff))));
	T(send(fd[0], "hello", 5, 0));
	T(recv(fd[1], buf, sizeof(buf), 0));
	T(attach(fd[1], PROG(S(BPF_LD | BPF_B | BPF_ABS, 13), S(BPF_RET | BPF_A, 0))));
	close(fd[0]);
	close(fd[1]);
	l = listener(1);
	T(attach(l, PROG(S(BPF_RET | BPF_K, 0))));
	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	T(reach(fd[0], port_of(l)));
	T(poll(&(struct pollfd){ l, POLLIN, 0 }, 1, 50));
	close(fd[0]);
	close(l);
}

static void local(void)
{
	int fd[2];
	char buf[32] = "";

	NEED(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd));
	T(attach(fd[1], PROG(S(BPF_RET | BPF_K, 4))));
	T(send(fd[0], payload, 20, 0));
	T(recv(fd[1], buf, sizeof(buf), 0));
	T(attach(fd[1],
		PROG(S(BPF_LD | BPF_B | BPF_ABS, 0), S(BPF_ALU | BPF_SUB | BPF_K, '0'), RETA)));
	T(send(fd[0], payload, 20, 0));
	T(recv(fd[1], buf, sizeof(buf), 0));
	T(send(fd[0], payload + 5, 9, 0));
	T(recv(fd[1], buf, sizeof(buf), 0));
	T(send(fd[0], "", 0, 0));
	T(recv(fd[1], buf, sizeof(buf), 0));
	close(fd[0]);
	close(fd[1]);
}

/* Takes a connection. Returns which of the two sockets had one, or -1. */
static int taken_by(const int *fd)
{
	for (int i = 0; i < 2; i++) {
		int n = accept(fd[i], NULL, NULL);

		if (n < 0)
			continue;
		close(n);
		return i;
	}
	return -1;
}

/* Returns which socket gets a connection that the program gives to number @k. */
static int given_to(const int *fd, const struct sockaddr_in *a, unsigned k)
{
	struct sock_filter code[] = { S(BPF_RET | BPF_K, k) };
	struct sock_fprog p = { 1, code };
	int c = NEED(socket(AF_INET, SOCK_STREAM, 0)), whose = -1;

	NEED(setsockopt(fd[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &p, sizeof(p)));
	NEED(connect(c, SA(a), sizeof(*a)));
	T_WAIT(whose >= 0 || (whose = taken_by(fd)) >= 0);
	close(c);
	return whose;
}

/* Listeners are counted as they began to listen, whenever they were bound. */
static void listeners(void)
{
	struct sockaddr_in a = at("127.0.0.1", 0);
	int fd[2];

	for (int i = 0; i < 2; i++) {
		fd[i] = NEED(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		NEED(set(fd[i], SOL_SOCKET, SO_REUSEPORT, 1));
		NEED(bind(fd[i], SA(&a), sizeof(a)));
		a.sin_port = htons(port_of(fd[0]));
	}
	NEED(listen(fd[1], 4));
	NEED(listen(fd[0], 4));
	T(given_to(fd, &a, 0));
	T(given_to(fd, &a, 1));
	NEED(shutdown(fd[1], SHUT_RD));
	T(given_to(fd, &a, 0));
	NEED(listen(fd[1], 4));
	T(given_to(fd, &a, 0));
	T(given_to(fd, &a, 1));
	close(fd[0]);
	close(fd[1]);
}

/* The program names a socket of the group by the first byte of the payload. */
static void reuseport(void)
{
	struct sock_filter code[] = { S(BPF_LD | BPF_B | BPF_ABS, 0),
		S(BPF_ALU | BPF_SUB | BPF_K, '0'), RETA };
	struct sock_fprog p = { 3, code };
	struct sockaddr_in a = at("127.0.0.1", 0);
	int fd[3], tx = socket(AF_INET, SOCK_DGRAM, 0);
	char buf[8];

	for (int i = 0; i < 3; i++) {
		fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		if (!i)
			T(setsockopt(fd[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &p, sizeof(p)));
		NEED(set(fd[i], SOL_SOCKET, SO_REUSEPORT, 1));
		NEED(bind(fd[i], SA(&a), sizeof(a)));
		a.sin_port = htons(port_of(fd[0]));
		if (!i) {
			T(setsockopt(fd[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &p, 3));
			T(setsockopt(fd[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &p, sizeof(p)));
		}
	}
	for (int i = 0; i < 3; i++) {
		char c = (char)('2' - i);

		NEED(sendto(tx, &c, 1, 0, SA(&a), sizeof(a)));
		for (int k = 0; k < 3; k++)
			say("%c to %d: %zd", c, k, recv(fd[k], buf, sizeof(buf), 0));
	}
	T(set(fd[1], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0));
	T(set(fd[2], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0));
	for (int k = 0; k < 3; k++)
		close(fd[k]);
	close(tx);
}

TEST(sock_filter)
{
	lo_up();
	refused();
	loads();
	streams();
	local();
	listeners();
	reuseport();
}
