/* SPDX-License-Identifier: MIT */
/*
 * uring_bundle: io_uring: SEND from buffers that the kernel chooses, RECV and SEND with several of
 * them at once (RECVSEND_BUNDLE), and ACCEPT that reports whether more connections wait.
 */
#include "uring.h"
#include "recorded.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#define BUNDLE (1U << 4)
#define GROUP 7
#define SIZE 8 /* of a buffer */
#define NR 8

static const char expected[] =
#include "uring_bundle.inc"
	;

static char bufs[NR * SIZE + 1], in[8192];
static struct io_uring_buf_ring *ring_of_bufs;
static int pair[2];

static void tcp_pair(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int l = NEED(socket(AF_INET, SOCK_STREAM, 0)), one = 1;

	NEED(bind(l, (void *)&a, sizeof(a)));
	NEED(listen(l, 5));
	NEED(getsockname(l, (void *)&a, &len));
	pair[0] = NEED(socket(AF_INET, SOCK_STREAM, 0));
	NEED(connect(pair[0], (void *)&a, sizeof(a)));
	pair[1] = NEED(accept(l, NULL, NULL));
	setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(l);
}

/* Makes a group of @nr buffers, as a ring or as a list. */
static void group(bool of_ring, int nr, unsigned flags)
{
	for (int i = 0; i < NR * SIZE; i++)
		bufs[i] = (char)('a' + i % 26);
	if (!of_ring) {
		add(IORING_OP_PROVIDE_BUFFERS, nr, bufs, SIZE, 0, 99)->buf_group = GROUP;
		go("provided", 1);
		return;
	}
	struct io_uring_buf_reg r = { .ring_addr = (uintptr_t)ring_of_bufs,
		.ring_entries = NR,
		.bgid = GROUP,
		.pad = (uint16_t)flags };

	NEED(reg(IORING_REGISTER_PBUF_RING, &r, 1));
	ring_of_bufs->tail = 0;
	for (int i = 0; i < nr; i++) {
		ring_of_bufs->bufs[i].addr = (uintptr_t)(bufs + (size_t)i * SIZE);
		ring_of_bufs->bufs[i].len = SIZE;
		ring_of_bufs->bufs[i].bid = (uint16_t)i;
	}
	__atomic_store_n(&ring_of_bufs->tail, (uint16_t)nr, __ATOMIC_RELEASE);
}

static void no_group(bool of_ring)
{
	struct io_uring_buf_reg r = { .bgid = GROUP };

	if (of_ring) {
		NEED(reg(IORING_UNREGISTER_PBUF_RING, &r, 1));
		return;
	}
	add(IORING_OP_REMOVE_BUFFERS, NR, NULL, 0, 0, 98)->buf_group = GROUP;
	enter(1, 1, IORING_ENTER_GETEVENTS);
	reap("rest");
}

static struct io_uring_sqe *chosen(int op, int fd, unsigned len, unsigned prio, int data)
{
	struct io_uring_sqe *s = add(op, fd, NULL, len, 0, (unsigned)data);

	s->flags = IOSQE_BUFFER_SELECT;
	s->buf_group = GROUP;
	s->ioprio = (uint16_t)prio;
	return s;
}

/* Prints the completions with their flags. */
static void show(const char *what)
{
	for (unsigned n = ready(); n; n--) {
		struct io_uring_cqe *c = &cqes[*cq_head & (p.cq_entries - 1)];

		say("%s: %lld: %d %s flags %x", what, (long long)c->user_data, c->res,
			c->res < 0 ? t_errno(-c->res) : "", c->flags);
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	}
}

static void run(const char *what, unsigned n)
{
	unsigned todo = *sq_tail - __atomic_load_n(sq_head, __ATOMIC_ACQUIRE);

	if (enter(todo, n, IORING_ENTER_GETEVENTS) != (long)todo)
		say("%s: enter failed", what);
	show(what);
}

static void got(const char *what)
{
	ssize_t n = recv(pair[1], in, sizeof(in), MSG_DONTWAIT);

	say("%s: %zd %.*s", what, n, n > 0 ? (int)n : 0, in);
}

static void sends(bool of_ring)
{
	say("send, %s", of_ring ? "a ring" : "a list");
	group(of_ring, 4, 0);
	chosen(IORING_OP_SEND, pair[0], 0, 0, 1);
	run("one", 1);
	got("one");
	chosen(IORING_OP_SEND, pair[0], of_ring ? 5 : 8, 0, 1);
	run("a part", 1);
	got("a part");
	chosen(IORING_OP_SEND, pair[0], 20, 0, 1);
	run("more than one", 1);
	got("more than one");
	chosen(IORING_OP_SEND, pair[0], 0, 0, 1);
	run("the last", 1);
	got("the last");
	chosen(IORING_OP_SEND, pair[0], 0, 0, 1);
	run("none", 1);
	no_group(of_ring);
	group(of_ring, 4, 0);
	chosen(IORING_OP_SEND, pair[0], 0, BUNDLE, 2);
	run("bundle", 1);
	got("bundle");
	chosen(IORING_OP_SEND, pair[0], 0, BUNDLE, 2);
	run("bundle of none", 1);
	no_group(of_ring);
}

/* Receives @len bytes, in however many parts. */
static void receive_all(const char *what, unsigned prio, unsigned len)
{
	char all[256];
	unsigned had = 0;
	bool right = true;

	while (had < len) {
		struct io_uring_cqe *c;

		chosen(IORING_OP_RECV, pair[1], 0, prio, 1);
		enter(1, 1, IORING_ENTER_GETEVENTS);
		c = &cqes[*cq_head & (p.cq_entries - 1)];
		if (c->res <= 0 || had + (unsigned)c->res > sizeof(all))
			break;
		right = right && c->flags & IORING_CQE_F_BUFFER;
		right = right &&
			!(c->flags & IORING_CQE_F_SOCK_NONEMPTY) == (had + (unsigned)c->res == len);
		memcpy(all + had, bufs + (c->flags >> IORING_CQE_BUFFER_SHIFT) * SIZE,
			(size_t)c->res);
		had += (unsigned)c->res;
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	}
	say("%s: %.*s right %d", what, (int)had, all, right);
	show(what);
}

static void receives(bool of_ring)
{
	say("receive, %s", of_ring ? "a ring" : "a list");
	group(of_ring, 4, 0);
	NEED(send(pair[0], "0123456789ABCDEFGHIJ", 20, 0));
	receive_all("twenty", BUNDLE, 20);
	no_group(of_ring);
	group(of_ring, 8, 0);
	chosen(IORING_OP_RECV, pair[1], 0, BUNDLE | IORING_RECV_MULTISHOT, 2);
	run("several shots", 0);
	NEED(send(pair[0], "0123456789", 10, 0));
	run("ten", 1);
	NEED(send(pair[0], "x", 1, 0));
	run("one", 1);
	add(IORING_OP_ASYNC_CANCEL, -1, (void *)2, 0, 0, 3)->flags = IOSQE_CQE_SKIP_SUCCESS;
	run("end", 1);
	say("%.*s", NR * SIZE, bufs);
	no_group(of_ring);
}

static void parts(void)
{
	group(true, 4, 2);
	NEED(send(pair[0], "0123456789ABCDEFGHIJ", 20, 0));
	chosen(IORING_OP_RECV, pair[1], 0, BUNDLE, 1);
	run("in parts, twenty", 1);
	NEED(send(pair[0], "abcd", 4, 0));
	chosen(IORING_OP_RECV, pair[1], 0, BUNDLE, 1);
	run("in parts, up to the end", 1);
	NEED(send(pair[0], "x", 1, 0));
	chosen(IORING_OP_RECV, pair[1], 0, BUNDLE, 1);
	run("in parts, one", 1);
	say("%.*s", NR * SIZE, bufs);
	no_group(true);
	group(true, 4, 2);
	chosen(IORING_OP_SEND, pair[0], 5, 0, 1);
	run("five", 1);
	got("five");
	chosen(IORING_OP_SEND, pair[0], 0, BUNDLE, 1);
	run("the rest", 1);
	got("the rest");
	no_group(true);
}

static void odd(void)
{
	chosen(IORING_OP_SENDMSG, pair[0], 0, BUNDLE, 2);
	run("sendmsg", 1);
	chosen(IORING_OP_RECVMSG, pair[0], 0, BUNDLE, 2);
	run("recvmsg", 1);
	chosen(IORING_OP_SENDMSG, pair[0], 0, 0, 2);
	run("sendmsg chooses", 1);
	chosen(IORING_OP_SEND_ZC, pair[0], 0, 0, 2);
	run("send_zc chooses", 1);
	chosen(IORING_OP_SEND_ZC, pair[0], 0, BUNDLE, 2);
	run("send_zc, a bundle", 1);
	chosen(IORING_OP_SEND, 0, 0, BUNDLE, 2);
	run("no socket", 1);
	chosen(IORING_OP_SEND, pair[0], 0, BUNDLE, 2);
	run("no group", 1);
	chosen(IORING_OP_RECV, pair[0], 0, BUNDLE, 2);
	run("no group", 1);
}

/* Sends more than the socket takes: the rest goes when there is room, and each byte once. */
static void full(void)
{
	static char big[64 * 4096];
	struct io_uring_buf_reg r = {
		.ring_addr = (uintptr_t)ring_of_bufs, .ring_entries = 64, .bgid = GROUP
	};
	size_t sent = 0, had = 0;
	bool same = true, more = true;
	int room = 4096;

	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	NEED(reg(IORING_REGISTER_PBUF_RING, &r, 1));
	ring_of_bufs->tail = 0;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 4096);
	for (int i = 0; i < 64; i++) {
		ring_of_bufs->bufs[i].addr = (uintptr_t)(big + (size_t)i * 4096);
		ring_of_bufs->bufs[i].len = 4096;
		ring_of_bufs->bufs[i].bid = (uint16_t)i;
	}
	__atomic_store_n(&ring_of_bufs->tail, 64, __ATOMIC_RELEASE);
	chosen(IORING_OP_SEND, pair[0], 0, BUNDLE, 1);
	enter(1, 0, 0);
	while (more || had < sizeof(big)) {
		ssize_t n = recv(pair[1], in, sizeof(in), MSG_DONTWAIT);

		for (ssize_t i = 0; i < n; i++, had++)
			same = same && in[i] == big[had];
		if (n <= 0)
			usleep(1000);
		enter(0, 0, IORING_ENTER_GETEVENTS);
		for (unsigned k = ready(); k; k--) {
			struct io_uring_cqe *c = &cqes[*cq_head & (p.cq_entries - 1)];

			sent += c->res > 0 ? (size_t)c->res : 0;
			more = c->flags & IORING_CQE_F_MORE;
			__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
		}
	}
	say("full: sent %zu had %zu the same %d", sent, had, same);
	no_group(true);
}

static void datagrams(void)
{
	int s[2];

	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	group(true, 8, 0);
	NEED(send(s[0], "0123456789", 10, 0));
	NEED(send(s[0], "abc", 3, 0));
	chosen(IORING_OP_RECV, s[1], 0, BUNDLE, 1);
	run("a datagram", 1);
	chosen(IORING_OP_RECV, s[1], 0, BUNDLE, 1);
	run("a datagram", 1);
	say("%.*s", NR * SIZE, bufs);
	chosen(IORING_OP_SEND, s[0], 0, 0, 1);
	run("sent", 1);
	say("%zd", recv(s[1], in, sizeof(in), MSG_DONTWAIT));
	no_group(true);
	close(s[0]);
	close(s[1]);
}

static void accepts(int family)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un u = { .sun_family = AF_UNIX, .sun_path = "accept" };
	struct sockaddr *to = family == AF_INET ? (void *)&a : (void *)&u;
	socklen_t len = family == AF_INET ? sizeof(a) : sizeof(u);
	int l = NEED(socket(family, SOCK_STREAM, 0)), c[4];

	NEED(bind(l, to, len));
	NEED(listen(l, 5));
	NEED(getsockname(l, to, &len));
	for (int i = 0; i < 4; i++) {
		c[i] = NEED(socket(family, SOCK_STREAM, 0));
		NEED(connect(c[i], to, len));
	}
	for (int i = 0; i < 5; i++) {
		if (i == 2)
			add(IORING_OP_ACCEPT, l, NULL, 0, 0, 1)->ioprio = IORING_ACCEPT_MULTISHOT;
		else if (i < 2)
			add(IORING_OP_ACCEPT, l, NULL, 0, 0, 1);
		if (i < 4)
			enter(i < 3, 1, IORING_ENTER_GETEVENTS);
		if (ready()) {
			struct io_uring_cqe *e = &cqes[*cq_head & (p.cq_entries - 1)];

			say("accepted %d: flags %x", e->res >= 0, e->flags);
			close(e->res);
			__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
		}
	}
	add(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0, 3)->flags = IOSQE_CQE_SKIP_SUCCESS;
	run("end", 1);
	for (int i = 0; i < 4; i++)
		close(c[i]);
	close(l);
}

TEST(uring_bundle)
{
	if (refused())
		RECORDED(expected);
	alarm(200);
	ring_of_bufs = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(ring_of_bufs == MAP_FAILED ? -1 : 0);
	for (int i = 0; i < 2; i++) {
		open_ring(16, i ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN : 0, 0);
		say("bundles: %d", !!(p.features & 1U << 14));
		tcp_pair();
		sends(true);
		sends(false);
		receives(true);
		receives(false);
		parts();
		odd();
		datagrams();
		accepts(AF_INET);
		accepts(AF_UNIX);
		full();
		unlink("accept");
		close(pair[0]);
		close(pair[1]);
		close_ring();
	}
}
