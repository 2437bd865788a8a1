/* SPDX-License-Identifier: MIT */
/*
 * uring_newer: features of io_uring from Linux 6.2 to 6.12: FTRUNCATE, BIND, LISTEN,
 * FIXED_FD_INSTALL, socket commands, the range in which slots are allocated, rings that a task
 * registers, rings without an array of indexes.
 */
#include "uring.h"
#include "recorded.h"
#include <netinet/in.h>
#include <sys/socket.h>

#define OP_FIXED_FD_INSTALL 54
#define OP_FTRUNCATE 55
#define OP_BIND 56
#define OP_LISTEN 57
#define REG_ALLOC_RANGE 25
#define USE_REGISTERED (1U << 31)
#define NO_SQARRAY (1U << 16)

static const char expected[] =
#include "uring_newer.inc"
	;

static void files(void)
{
	int fd = NEED(memfd_create("newer", 0)), ro, p[2];
	char name[40];
	struct stat st;

	NEED(ftruncate(fd, 100));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	ro = NEED(open(name, O_RDONLY));
	NEED(pipe(p));
	add(OP_FTRUNCATE, fd, NULL, 0, 7, 1);
	go("ftruncate", 1);
	NEED(fstat(fd, &st));
	say("size: %d", (int)st.st_size);
	add(OP_FTRUNCATE, fd, NULL, 0, -1UL, 1);
	go("ftruncate: negative", 1);
	add(OP_FTRUNCATE, ro, NULL, 0, 7, 1);
	go("ftruncate: read-only", 1);
	add(OP_FTRUNCATE, p[1], NULL, 0, 7, 1);
	go("ftruncate: pipe", 1);
	add(OP_FTRUNCATE, -1, NULL, 0, 7, 1);
	go("ftruncate: none", 1);
	add(OP_FTRUNCATE, fd, name, 0, 7, 1);
	go("ftruncate: address", 1);
	add(OP_FTRUNCATE, fd, NULL, 1, 7, 1);
	go("ftruncate: length", 1);
	add(OP_FTRUNCATE, fd, NULL, 0, 7, 1)->rw_flags = 1;
	go("ftruncate: flags", 1);
	close(p[0]);
	close(p[1]);
	close(ro);
	close(fd);
}

static void install(const char *what, int flags)
{
	struct io_uring_sqe *s = add(OP_FIXED_FD_INSTALL, 0, NULL, 0, 0, 1);
	int fd;

	s->flags = IOSQE_FIXED_FILE;
	s->rw_flags = flags;
	NEED(enter(1, 1, IORING_ENTER_GETEVENTS));
	fd = cqes[*cq_head & (p.cq_entries - 1)].res;
	__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	if (fd < 0)
		say("%s: %s", what, t_errno(-fd));
	else
		say("%s: closed by exec %d", what, fcntl(fd, F_GETFD));
	close(fd);
}

/* Uses a table of three slots, of which the first has a file. */
static void slots(void)
{
	int p[2], fds[3] = { -1, -1, -1 };
	struct {
		uint32_t off, len;
		uint64_t resv;
	} range = { 2, 1, 0 };

	NEED(pipe(p));
	T(reg(REG_ALLOC_RANGE, &range, 0));
	fds[0] = p[0];
	NEED(reg(IORING_REGISTER_FILES, fds, 3));
	T(reg(REG_ALLOC_RANGE, &range, 0));
	T(reg(REG_ALLOC_RANGE, &range, 1));
	range.len = 2;
	T(reg(REG_ALLOC_RANGE, &range, 0));
	range.len = -1;
	T(reg(REG_ALLOC_RANGE, &range, 0));
	range = (typeof(range)){ 0, 1, 1 };
	T(reg(REG_ALLOC_RANGE, &range, 0));
	for (int i = 0; i < 2; i++) {
		add(IORING_OP_OPENAT, AT_FDCWD, "/dev/null", 0, 0, i)->file_index = ~0U;
		go("open in the range", 1);
	}
	range = (typeof(range)){ 0, 0, 0 };
	T(reg(REG_ALLOC_RANGE, &range, 0));
	add(IORING_OP_OPENAT, AT_FDCWD, "/dev/null", 0, 0, 1)->file_index = ~0U;
	go("open in none", 1);

	add(OP_FIXED_FD_INSTALL, 0, NULL, 0, 0, 1);
	go("install: no slot", 1);
	install("install", 0);
	install("install: not to be closed", 1);
	install("install: flags", 2);
	add(OP_FIXED_FD_INSTALL, 1, NULL, 0, 0, 1)->flags = IOSQE_FIXED_FILE;
	go("install: empty", 1);
	add(OP_FIXED_FD_INSTALL, 0, NULL, 1, 0, 1)->flags = IOSQE_FIXED_FILE;
	go("install: length", 1);
	NEED(reg(IORING_UNREGISTER_FILES, NULL, 0));
	add(IORING_OP_OPENAT, AT_FDCWD, "/dev/null", 0, 0, 1)->file_index = ~0U;
	go("open: the table has gone", 1);
	close(p[0]);
	close(p[1]);
}

/* ---- sockets ---- */

static struct io_uring_sqe *command(int fd, unsigned cmd, int level, int option, void *val, int len)
{
	struct io_uring_sqe *s = add(IORING_OP_URING_CMD, fd, NULL, 0, cmd, 1);

	s->addr = (uint32_t)level | (uint64_t)option << 32;
	s->addr3 = (uintptr_t)val;
	s->splice_fd_in = len;
	return s;
}

static void commands(void)
{
	int u[2], c, l = NEED(socket(AF_INET, SOCK_STREAM, 0)), val = 1, pipes[2];
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, u));
	NEED(pipe(pipes));
	add(OP_BIND, l, &a, 0, sizeof(a), 1);
	go("bind", 1);
	add(OP_BIND, l, &a, 0, sizeof(a), 1);
	go("bind: again", 1);
	add(OP_BIND, l, &a, 1, sizeof(a), 1);
	go("bind: length", 1);
	add(OP_BIND, l, NULL, 0, sizeof(a), 1);
	go("bind: nowhere", 1);
	add(OP_BIND, pipes[0], &a, 0, sizeof(a), 1);
	go("bind: pipe", 1);
	add(OP_LISTEN, l, NULL, 5, 0, 1);
	go("listen", 1);
	add(OP_LISTEN, l, NULL, 5, 1, 1);
	go("listen: offset", 1);
	add(OP_LISTEN, pipes[0], NULL, 5, 0, 1);
	go("listen: pipe", 1);
	NEED(getsockname(l, (void *)&a, &len));
	c = NEED(socket(AF_INET, SOCK_STREAM, 0));
	NEED(connect(c, (void *)&a, sizeof(a)));
	int s = NEED(accept(l, NULL, NULL));

	NEED(send(c, "hello", 5, 0));
	NEED(recv(s, pipes, 1, MSG_PEEK | MSG_DONTWAIT) < 0 ? -1 : 0);
	command(s, 0, 0, 0, NULL, 0);
	go("bytes to read", 1);
	command(s, 1, 0, 0, NULL, 0);
	go("bytes to send", 1);
	command(l, 0, 0, 0, NULL, 0);
	go("bytes to read: of a listener", 1);
	command(u[0], 0, 0, 0, NULL, 0);
	go("bytes to read: AF_UNIX", 1);
	command(s, 3, SOL_SOCKET, SO_KEEPALIVE, &val, sizeof(val));
	go("setsockopt", 1);
	val = 7;
	command(s, 2, SOL_SOCKET, SO_KEEPALIVE, &val, sizeof(val));
	go("getsockopt", 1);
	say("value %d", val);
	command(s, 2, SOL_SOCKET, SO_KEEPALIVE, &val, 2);
	go("getsockopt: short", 1);
	command(s, 2, SOL_SOCKET, SO_KEEPALIVE, &val, -1);
	go("getsockopt: negative", 1);
	command(s, 2, SOL_SOCKET, SO_TYPE, NULL, 4);
	go("getsockopt: nowhere", 1);
	command(s, 2, SOL_SOCKET, 9999, &val, 4);
	go("getsockopt: unknown", 1);
	command(s, 2, IPPROTO_TCP, 1, &val, 4);
	go("getsockopt: TCP", 1);
	command(s, 3, IPPROTO_TCP, 1, &val, 4);
	go("setsockopt: TCP", 1);
	command(s, 3, SOL_SOCKET, SO_KEEPALIVE, &val, 2);
	go("setsockopt: short", 1);
	command(s, 3, SOL_SOCKET, SO_KEEPALIVE, NULL, 4);
	go("setsockopt: nowhere", 1);
	command(s, 77, 0, 0, NULL, 0);
	go("unknown", 1);
	command(s, 0, 0, 0, NULL, 0)->off = 1UL << 32;
	go("above", 1);
	command(s, 0, 0, 0, NULL, 0)->rw_flags = 1;
	go("registered buffer", 1);
	command(s, 0, 0, 0, NULL, 0)->rw_flags = 0x100;
	go("flags", 1);
	command(u[0], 2, SOL_SOCKET, SO_TYPE, &val, 4);
	go("getsockopt: AF_UNIX", 1);
}

/* ---- rings that a task registers ---- */

static long ring_fds(unsigned op, unsigned offset, int fd, unsigned resv)
{
	struct io_uring_rsrc_update up = { .offset = offset, .resv = resv, .data = (unsigned)fd };
	long r = reg(op, &up, 1);

	if (r > 0 && up.offset != offset)
		say("in slot %u", up.offset);
	return r;
}

static long enter_as(int fd, unsigned flags)
{
	return syscall(SYS_io_uring_enter, fd, 0, 0, flags, NULL, 0UL);
}

static long reg_as(int fd, unsigned op, void *arg, unsigned nr)
{
	return syscall(SYS_io_uring_register, fd, op | USE_REGISTERED, arg, nr);
}

#define ADD IORING_REGISTER_RING_FDS
#define DEL IORING_UNREGISTER_RING_FDS

static void *of_thread(void *arg)
{
	T(enter_as(0, 1 << 4));
	T(ring_fds(DEL, 0, 0, 0));
	T(ring_fds(ADD, -1, ring, 0)); /* goes with the thread */
	return arg;
}

static void own_rings(void)
{
	pthread_t t;
	int fd = NEED(open("/dev/null", O_RDONLY));

	T(enter_as(0, 1 << 4));
	T(reg_as(0, IORING_UNREGISTER_FILES, NULL, 0));
	T(ring_fds(DEL, 3, 0, 0));
	T(enter_as(0, 1 << 4));
	T(ring_fds(ADD, -1, ring, 0));
	T(ring_fds(ADD, -1, ring, 0));
	T(ring_fds(ADD, 1, ring, 0));
	T(ring_fds(ADD, 15, ring, 0));
	T(ring_fds(ADD, 16, ring, 0));
	T(ring_fds(ADD, -1, ring, 1));
	T(ring_fds(ADD, -1, fd, 0));
	T(ring_fds(ADD, -1, -1, 0));
	T(reg(ADD, NULL, 0));
	T(reg(ADD, NULL, 17));
	T(reg(ADD, NULL, 1));
	T(enter_as(0, 1 << 4));
	T(enter_as(15, 1 << 4));
	T(enter_as(2, 1 << 4));
	T(enter_as(16, 1 << 4));
	T(enter_as(-1, 1 << 4));
	T(reg_as(15, IORING_UNREGISTER_FILES, NULL, 0));
	T(reg_as(14, IORING_UNREGISTER_FILES, NULL, 0));
	T(reg_as(99, IORING_UNREGISTER_FILES, NULL, 0));
	NEED0(pthread_create(&t, NULL, of_thread, NULL));
	NEED0(pthread_join(t, NULL));
	CHILD(T(enter_as(0, 1 << 4)));
	T(ring_fds(DEL, 15, 0, 0));
	T(ring_fds(DEL, 15, 0, 0));
	T(ring_fds(DEL, 15, 1, 0));
	T(ring_fds(DEL, 16, 0, 0));
	T(ring_fds(DEL, 1, 0, 1));
	T(enter_as(15, 1 << 4));
	close(fd);
}

/* Entries are taken in their order. The process ends with one that a registered ring keeps open. */
static void without_array(void)
{
	open_ring(4, NO_SQARRAY, 0);
	say("array at %u", p.sq_off.array);
	for (int i = 0; i < 6; i++) {
		struct io_uring_sqe *s = &sqes[*sq_tail & (p.sq_entries - 1)];

		memset(s, 0, sizeof(*s));
		s->opcode = IORING_OP_NOP;
		s->user_data = 10 + i;
		__atomic_store_n(sq_tail, *sq_tail + 1, __ATOMIC_RELEASE);
		go("in order", 1);
	}
	T(ring_fds(ADD, -1, ring, 0));
	close_ring();
}

TEST(uring_newer)
{
	if (refused())
		RECORDED(expected);
	alarm(200);
	open_ring(8, 0, 0);
	files();
	slots();
	commands();
	own_rings();
	close_ring();
	CHILD(without_array());
}
