/* SPDX-License-Identifier: MIT */
/*
 * uring_shots: io_uring: buffers that the kernel chooses (lists, rings), multishot requests (poll,
 * accept, receive), zero-copy sends, splice, DEFER_TASKRUN, arguments that are read when a request
 * is submitted, files sent to another ring, and requests whose thread has gone. Hosts older than
 * Linux 6.10 answer some of it differently.
 */
#include "inet.h"
#include "uring.h"

#define F_BUFFER 1
#define F_MORE 2
#define F_NOTIF 8

static char *pool;

/* Prints each completion with its flags, the number of a buffer and its contents. */
static void shots(const char *what)
{
	for (unsigned n = ready(); n; n--) {
		struct io_uring_cqe *c = &cqes[*cq_head & (p.cq_entries - 1)];
		char text[80] = "";

		if (c->flags & F_BUFFER)
			snprintf(text, sizeof(text), " buffer %u '%.*s'", c->flags >> 16,
				c->res > 20 ? 20 : c->res, pool + (c->flags >> 16) * 64);
		say("%s: %lld: %s %d%s%s%s", what, (long long)c->user_data,
			c->res < 0 ? t_errno(-c->res) : "ok", c->res < 0 ? -1 : c->res,
			c->flags & F_MORE ? " more" : "", c->flags & F_NOTIF ? " notification" : "",
			text);
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	}
}

/* Submits, waits for @n completions in all and prints them. */
static void run(const char *what, unsigned n)
{
	unsigned todo = *sq_tail - __atomic_load_n(sq_head, __ATOMIC_ACQUIRE);

	NEED(enter(todo, n, IORING_ENTER_GETEVENTS));
	shots(what);
}

static void submit(void)
{
	NEED(enter(*sq_tail - __atomic_load_n(sq_head, __ATOMIC_ACQUIRE), 0, 0));
}

static void provide(int group, int first, int nr, unsigned len)
{
	struct io_uring_sqe *s =
		add(IORING_OP_PROVIDE_BUFFERS, nr, pool + first * 64, len, first, 100);

	s->buf_group = group;
}

static struct io_uring_sqe *chosen(int op, int fd, unsigned len, uint64_t off, int data)
{
	struct io_uring_sqe *s = add(op, fd, NULL, len, off, data);

	s->flags = IOSQE_BUFFER_SELECT;
	s->buf_group = 7;
	return s;
}

static void lists(void)
{
	struct iovec v = { NULL, 3 };
	struct io_uring_sqe *s;
	int fds[2];

	say("-- lists");
	NEED(pipe(fds));
	open_ring(16, 0, 0);
	chosen(IORING_OP_READ, fds[0], 10, -1, 1);
	run("no group", 1);
	provide(7, 0, 3, 64);
	run("provided", 1);
	chosen(IORING_OP_READ, fds[0], 10, -1, 2);
	submit();
	NEED(write(fds[1], "first", 5));
	run("read", 1);
	s = chosen(IORING_OP_READV, fds[0], 1, -1, 3);
	s->addr = (uintptr_t)&v;
	NEED(write(fds[1], "second", 6));
	run("readv", 1);
	chosen(IORING_OP_READ, fds[0], 0, -1, 4);
	run("all of it", 1);
	chosen(IORING_OP_READ, fds[0], 0, -1, 5);
	run("none left", 1);
	provide(7, 0, 3, 64);
	s = add(IORING_OP_REMOVE_BUFFERS, 5, NULL, 0, 0, 6);
	s->buf_group = 7;
	run("removed", 2);
	s = add(IORING_OP_REMOVE_BUFFERS, 5, NULL, 0, 0, 7);
	s->buf_group = 8;
	add(IORING_OP_REMOVE_BUFFERS, 0, NULL, 0, 0, 8)->buf_group = 7;
	run("nothing to remove", 2);
	add(IORING_OP_PROVIDE_BUFFERS, 0, pool, 1, 0, 9);
	run("none", 1);
	add(IORING_OP_PROVIDE_BUFFERS, 1, BAD, 1, 0, 10);
	run("nowhere", 1);
	chosen(IORING_OP_WRITE, fds[1], 1, -1, 11);
	run("write", 1);
	provide(7, 0, 1, 64);
	close(fds[1]);
	chosen(IORING_OP_READ, fds[0], 0, -1, 12);
	run("end", 2);
	close(fds[0]);
	close_ring();
}

static void rings_of_buffers(void)
{
	struct io_uring_buf_ring *br =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct io_uring_buf_reg r = { .ring_addr = (uintptr_t)br, .ring_entries = 4, .bgid = 7 };
	int fds[2];

	say("-- rings of buffers");
	NEED(pipe(fds));
	open_ring(16, 0, 0);
	r.ring_entries = 3;
	T(reg(IORING_REGISTER_PBUF_RING, &r, 1));
	r.ring_entries = 65536;
	T(reg(IORING_REGISTER_PBUF_RING, &r, 1));
	r.ring_entries = 4;
	r.resv[1] = 1;
	T(reg(IORING_REGISTER_PBUF_RING, &r, 1));
	r.resv[1] = 0;
	T(reg(IORING_REGISTER_PBUF_RING, &r, 2));
	r.ring_addr += 8;
	T(reg(IORING_REGISTER_PBUF_RING, &r, 1));
	r.ring_addr -= 8;
	T(reg(IORING_REGISTER_PBUF_RING, &r, 1));
	T(reg(IORING_REGISTER_PBUF_RING, &r, 1));
	provide(7, 0, 1, 64);
	run("provide to a ring", 1);
	chosen(IORING_OP_READ, fds[0], 0, -1, 1);
	run("empty", 1);
	for (int i = 0; i < 3; i++)
		br->bufs[i] = (struct io_uring_buf){ (uintptr_t)pool + i * 64, 64, i, 0 };
	__atomic_store_n(&br->tail, 3, __ATOMIC_RELEASE);
	chosen(IORING_OP_READ, fds[0], 0, -1, 2);
	submit();
	NEED(write(fds[1], "in a ring", 9));
	run("read", 1);
	NEED(write(fds[1], "once more", 9));
	chosen(IORING_OP_READ, fds[0], 4, -1, 3);
	chosen(IORING_OP_READ, fds[0], 0, -1, 4);
	run("read", 2);
	T(reg(IORING_UNREGISTER_PBUF_RING, &r, 1));
	T(reg(IORING_UNREGISTER_PBUF_RING, &r, 1));
	r.ring_addr = 0;
	r.pad = 1; /* IOU_PBUF_RING_MMAP */
	T(reg(IORING_REGISTER_PBUF_RING, &r, 1));
	munmap(br, PAGE);
	br = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0x80000000UL | 7UL << 16);
	NEED(br == MAP_FAILED ? -1 : 0);
	IS(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0x80000000UL | 8UL << 16) ==
		MAP_FAILED);
	br->bufs[0] = (struct io_uring_buf){ (uintptr_t)pool + 3 * 64, 64, 3, 0 };
	__atomic_store_n(&br->tail, 1, __ATOMIC_RELEASE);
	NEED(write(fds[1], "mapped", 6));
	chosen(IORING_OP_READ, fds[0], 0, -1, 5);
	run("read", 1);
	munmap(br, PAGE);
	close(fds[0]);
	close(fds[1]);
	close_ring();
}

static void polls(unsigned flags)
{
	int fds[2];
	char c;

	say("-- polls, %x", flags);
	NEED(pipe(fds));
	open_ring(16, flags, 0);
	add(IORING_OP_POLL_ADD, fds[0], NULL, IORING_POLL_ADD_MULTI, 0, 1)->poll32_events = POLLIN;
	submit();
	IS(ready() == 0);
	NEED(write(fds[1], "a", 1));
	run("once", 1);
	NEED(read(fds[0], &c, 1));
	NEED(write(fds[1], "b", 1));
	run("twice", 1);
	add(IORING_OP_POLL_REMOVE, 0, (void *)1, IORING_POLL_UPDATE_USER_DATA, 2, 10);
	run("changed", 2);
	add(IORING_OP_POLL_REMOVE, 0, (void *)1, 0, 0, 11);
	run("the old name", 1);
	add(IORING_OP_POLL_REMOVE, 0, (void *)2, 0, 0, 12);
	run("removed", 2);
	add(IORING_OP_POLL_REMOVE, 0, (void *)2, IORING_POLL_ADD_MULTI, 0, 13);
	run("flags", 1);
	add(IORING_OP_POLL_ADD, fds[0], NULL, 32, 0, 14)->poll32_events = POLLIN;
	run("flags", 1);
	add(IORING_OP_POLL_ADD, fds[0], NULL, IORING_POLL_ADD_MULTI, 0, 15)->poll32_events = POLLIN;
	run("ready before", 1);
	close_ring();
	close(fds[0]);
	close(fds[1]);
}

static void receives(unsigned flags)
{
	char name[16];
	struct msghdr m = { .msg_name = name, .msg_namelen = 16, .msg_controllen = 8 };
	struct io_uring_recvmsg_out *out;
	struct io_uring_sqe *s;
	int sv[2];

	say("-- receives, %x", flags);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	open_ring(16, flags, 0);
	provide(7, 0, 3, 64);
	chosen(IORING_OP_RECV, sv[0], 0, 0, 1)->ioprio = IORING_RECV_MULTISHOT;
	run("provided", 1);
	NEED(send(sv[1], "one", 3, 0));
	run("first", 1);
	NEED(send(sv[1], "two", 3, 0));
	run("second", 1);
	NEED(send(sv[1], "three", 5, 0));
	run("third", 1);
	NEED(send(sv[1], "four", 4, 0));
	run("no buffer", 1);
	provide(7, 0, 2, 64);
	chosen(IORING_OP_RECV, sv[0], 0, 0, 2)->ioprio = IORING_RECV_MULTISHOT;
	run("again", 2);
	add(IORING_OP_ASYNC_CANCEL, 0, (void *)2, 0, 0, 3);
	run("cancelled", 2);
	add(IORING_OP_RECV, sv[0], name, 4, 0, 4)->ioprio = IORING_RECV_MULTISHOT;
	run("not chosen", 1);
	s = chosen(IORING_OP_RECV, sv[0], 0, 0, 5);
	s->ioprio = IORING_RECV_MULTISHOT;
	s->msg_flags = MSG_WAITALL;
	run("all", 1);
	chosen(IORING_OP_RECV, sv[0], 0, 0, 6)->ioprio = IORING_RECVSEND_POLL_FIRST;
	submit();
	NEED(send(sv[1], "polled", 6, 0));
	run("polled first", 1);
	provide(7, 0, 2, 64);
	chosen(IORING_OP_RECV, sv[0], 0, 0, 7)->ioprio = IORING_RECV_MULTISHOT;
	close(sv[1]);
	run("end", 2);
	close(sv[0]);

	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
	s = chosen(IORING_OP_RECVMSG, sv[0], 0, 0, 8);
	s->addr = (uintptr_t)&m;
	s->len = 1;
	s->ioprio = IORING_RECV_MULTISHOT;
	submit();
	NEED(send(sv[1], "a message", 9, 0));
	enter(0, 1, IORING_ENTER_GETEVENTS);
	out = (void *)(pool + (cqes[*cq_head & (p.cq_entries - 1)].flags >> 16) * 64);
	shots("message");
	say("name %u control %u payload %u flags %x '%.9s'", out->namelen, out->controllen,
		out->payloadlen, out->flags, (char *)(out + 1) + 24);
	NEED(send(sv[1], "this is longer than the room in the buffer", 42, 0));
	run("no room", 1);
	close(sv[0]);
	close(sv[1]);
	close_ring();
}

static void accepts(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	socklen_t n = sizeof(a);
	int l = NEED(socket(AF_INET, SOCK_STREAM, 0)), c[3];

	say("-- accepts");
	NEED(bind(l, (void *)&a, n));
	NEED(listen(l, 5));
	NEED(getsockname(l, (void *)&a, &n));
	open_ring(16, 0, 0);
	add(IORING_OP_ACCEPT, l, NULL, 0, 0, 1)->ioprio = IORING_ACCEPT_MULTISHOT;
	submit();
	for (int i = 0; i < 3; i++) {
		struct io_uring_cqe *e;

		c[i] = NEED(socket(AF_INET, SOCK_STREAM, 0));
		NEED(connect(c[i], (void *)&a, n));
		enter(0, 1, IORING_ENTER_GETEVENTS);
		e = &cqes[*cq_head & (p.cq_entries - 1)];
		say("accepted %s more %d", e->res > 0 ? "yes" : "no", !!(e->flags & F_MORE));
		close(e->res);
		++*cq_head;
	}
	add(IORING_OP_ASYNC_CANCEL, 0, (void *)1, 0, 0, 2);
	run("cancelled", 2);
	add(IORING_OP_ACCEPT, l, NULL, 0, 0, 3)->ioprio = 2; /* IORING_ACCEPT_DONTWAIT */
	add(IORING_OP_ACCEPT, l, NULL, 0, 0, 4)->ioprio = 8;
	run("nobody", 2);
	for (int i = 0; i < 3; i++)
		close(c[i]);
	close(l);
	close_ring();
}

static void zero_copy(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof(a) };
	struct iovec v = { "message", 7 };
	socklen_t n = sizeof(a);
	int to = NEED(socket(AF_INET, SOCK_DGRAM, 0)), s = NEED(socket(AF_INET, SOCK_DGRAM, 0)),
	    sv[2];
	struct io_uring_sqe *e;
	char buf[20] = "";

	say("-- zero copy");
	NEED(bind(to, (void *)&a, n));
	NEED(getsockname(to, (void *)&a, &n));
	open_ring(16, 0, 0);
	e = add(IORING_OP_SEND_ZC, s, "datagram", 8, 0, 1);
	e->addr2 = (uintptr_t)&a;
	e->addr_len = n;
	run("to", 2);
	NEED(recv(to, buf, 20, 0));
	say("%s", buf);
	m.msg_iov = &v;
	m.msg_iovlen = 1;
	add(IORING_OP_SENDMSG_ZC, s, &m, 1, 0, 2);
	run("message", 2);
	e = add(IORING_OP_SEND, s, "plain", 5, 0, 3);
	e->addr2 = (uintptr_t)&a;
	e->addr_len = n;
	run("send to", 1);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	add(IORING_OP_SEND_ZC, sv[0], "x", 1, 0, 4);
	run("no such socket", 1);
	add(IORING_OP_SEND_ZC, s, "x", 1, 0, 5)->flags = IOSQE_CQE_SKIP_SUCCESS;
	run("skip", 1);
	close(sv[0]);
	close(sv[1]);
	close(s);
	close(to);
	close_ring();
}

static void splices(void)
{
	struct io_uring_sqe *s;
	int a[2], b[2], fd = NEED(open("f", O_RDWR | O_CREAT | O_TRUNC, 0600));
	char buf[20] = "";

	say("-- splice");
	NEED(pipe(a));
	NEED(pipe(b));
	open_ring(8, 0, 0);
	s = add(IORING_OP_SPLICE, fd, NULL, 5, 0, 1);
	s->splice_fd_in = a[0];
	s->splice_off_in = -1;
	submit();
	IS(ready() == 0);
	NEED(write(a[1], "hello", 5));
	run("to a file", 1);
	s = add(IORING_OP_SPLICE, b[1], NULL, 20, -1, 2);
	s->splice_fd_in = fd;
	s->splice_off_in = 1;
	run("from it", 1);
	s = add(IORING_OP_TEE, a[1], NULL, 20, 0, 3);
	s->splice_fd_in = b[0];
	run("tee", 1);
	NEED(read(a[0], buf, 20));
	say("%s", buf);
	s = add(IORING_OP_SPLICE, b[1], NULL, 20, 0, 4);
	s->splice_fd_in = a[0];
	s->splice_off_in = -1;
	run("offset of a pipe", 1);
	s = add(IORING_OP_SPLICE, b[1], NULL, 20, -1, 5);
	s->splice_fd_in = 99;
	run("no file", 1);
	add(IORING_OP_TEE, b[1], NULL, 20, 0, 6)->splice_flags = 64;
	run("flags", 1);
	close(fd);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
	close_ring();
}

static void deferred(void)
{
	struct io_uring_params q = { .flags = IORING_SETUP_DEFER_TASKRUN };
	struct pollfd pf;
	int fds[2];
	char buf[8];

	say("-- deferred");
	T(setup(4, &q));
	q = (struct io_uring_params){ .flags = IORING_SETUP_DEFER_TASKRUN |
					       IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_SQPOLL };
	T(setup(4, &q));
	NEED(pipe(fds));
	open_ring(8, IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER, 0);
	add(IORING_OP_READ, fds[0], buf, 8, -1, 1);
	submit();
	NEED(write(fds[1], "late", 4));
	pf = (struct pollfd){ ring, POLLIN, 0 };
	T(poll(&pf, 1, 100000));
	IS(ready() == 0);
	CHILD(T(enter(0, 1, IORING_ENTER_GETEVENTS)));
	IS(ready() == 0);
	run("now", 1);
	add(IORING_OP_READ, fds[0], buf, 8, -1, 2);
	add(IORING_OP_POLL_ADD, fds[0], NULL, 0, 0, 3)->poll32_events = POLLIN;
	submit();
	add(IORING_OP_ASYNC_CANCEL, 0, NULL, 0, 0, 4)->cancel_flags = IORING_ASYNC_CANCEL_ANY;
	enter(1, 3, IORING_ENTER_GETEVENTS);
	reap_sorted("cancelled");
	close(fds[0]);
	close(fds[1]);
	close_ring();
}

/*
 * A poll of several shots that finds no room for a shot ends with it, and what is linked to it
 * runs.
 */
static void last_shot(void)
{
	struct io_uring_sqe *s;
	int fds[2];

	say("-- the last shot");
	NEED(pipe(fds));
	open_ring(4,
		IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_CQSIZE |
			IORING_SETUP_TASKRUN_FLAG,
		4);
	s = add(IORING_OP_POLL_ADD, fds[0], NULL, IORING_POLL_ADD_MULTI, 0, 1);
	s->poll32_events = POLLIN;
	s->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	submit();
	for (int i = 0; i < 4; i++)
		add(IORING_OP_NOP, -1, NULL, 0, 0, 10 + i);
	submit();
	NEED(write(fds[1], "x", 1));
	T_WAIT(__atomic_load_n(sq_flags, __ATOMIC_ACQUIRE) & IORING_SQ_TASKRUN);
	run("full", 4);
	run("then", 2);
	close(fds[0]);
	close(fds[1]);
	close_ring();
}

static void stable(void)
{
	struct __kernel_timespec ts = { .tv_nsec = 20000000 };
	char name[8] = "made", text[8] = "text";
	struct iovec v = { text, 4 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	char buf[8] = "";
	int sv[2];

	say("-- stable");
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	open_ring(8, 0, 0);
	IS(p.features & IORING_FEAT_SUBMIT_STABLE);
	add(IORING_OP_TIMEOUT, 0, &ts, 1, 0, 1)->flags = IOSQE_IO_HARDLINK;
	add(IORING_OP_MKDIRAT, AT_FDCWD, name, 0700, 0, 2)->flags = IOSQE_IO_LINK;
	add(IORING_OP_SENDMSG, sv[0], &m, 1, 0, 3);
	submit();
	memset(name, 'x', 7);
	memset(&m, 0xff, sizeof(m));
	memset(&v, 0xff, sizeof(v));
	ts.tv_sec = 1000;
	while (ready() < 3)
		NEED(enter(0, 3, IORING_ENTER_GETEVENTS)); /* a timeout ends a wait */
	shots("changed");
	T(access("made", F_OK));
	T(access("xxxxxxx", F_OK));
	T(read(sv[1], buf, 8));
	add(IORING_OP_MKDIRAT, AT_FDCWD, BAD, 0700, 0, 4);
	run("bad name", 1);
	close(sv[0]);
	close(sv[1]);
	close_ring();
}

static void files_sent(void)
{
	int files[2] = { -1, -1 }, first, fd = NEED(open("sent", O_RDWR | O_CREAT | O_TRUNC, 0600));
	struct io_uring_sqe *s;
	char buf[8] = "";

	say("-- files sent");
	open_ring(4, 0, 0);
	NEED(reg(IORING_REGISTER_FILES, files, 2));
	first = dup(ring);
	close_ring();
	open_ring(8, 0, 0);
	files[1] = fd;
	NEED(reg(IORING_REGISTER_FILES, files, 2));
	s = add(IORING_OP_MSG_RING, first, (void *)IORING_MSG_SEND_FD, 0, 55, 1);
	s->addr3 = 1;
	s->file_index = 2;
	run("sent", 1);
	s = add(IORING_OP_MSG_RING, first, (void *)IORING_MSG_SEND_FD, 0, 55, 2);
	s->addr3 = 0;
	s->file_index = 2;
	run("empty slot", 1);
	s = add(IORING_OP_MSG_RING, first, (void *)IORING_MSG_SEND_FD, 0, 55, 3);
	s->addr3 = 1;
	s->file_index = 3;
	run("no slot there", 1);
	s = add(IORING_OP_MSG_RING, ring, (void *)IORING_MSG_SEND_FD, 0, 55, 4);
	s->addr3 = 1;
	s->file_index = 2;
	run("to itself", 1);
	s = add(IORING_OP_WRITE, 1, "through", 7, 0, 5);
	s->flags = IOSQE_FIXED_FILE;
	run("written", 1);
	NEED(pread(fd, buf, 7, 0));
	say("%s", buf);
	close(fd);
	close(first);
	close_ring();
}

static int ends[2], pair[2];
static char into[8];

static void *submits(void *arg)
{
	static struct __kernel_timespec ts = { .tv_sec = 2 }; /* not before it is looked */

	add(IORING_OP_POLL_ADD, ends[0], NULL, 0, 0, 1)->poll32_events = POLLIN;
	add(IORING_OP_TIMEOUT, 0, &ts, 1, 0, 2);
	add(IORING_OP_RECV, pair[0], into, 8, 0, 3);
	add(IORING_OP_TIMEOUT, 0, &ts, 1, 0, 4)->flags = IOSQE_IO_HARDLINK;
	add(IORING_OP_NOP, 0, NULL, 0, 0, 5);
	submit();
	return arg;
}

static void orphans(void)
{
	pthread_t t;

	say("-- orphans");
	NEED(pipe(ends));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	open_ring(8, 0, 0);
	pthread_create(&t, NULL, submits, NULL);
	pthread_join(t, NULL);
	IS(ready() == 0);
	NEED(write(ends[1], "x", 1));
	NEED(write(pair[1], "x", 1));
	T_WAIT(ready() >= 5);
	enter(0, 0, IORING_ENTER_GETEVENTS);
	reap_sorted("ended");
	close_ring();
}

TEST(uring_shots)
{
	if (refused())
		exit(0);
	pool = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	lists();
	rings_of_buffers();
	polls(0);
	polls(IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER);
	receives(0);
	receives(IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER);
	accepts();
	zero_copy();
	splices();
	deferred();
	last_shot();
	stable();
	files_sent();
	orphans();
}
