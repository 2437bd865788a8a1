/* SPDX-License-Identifier: MIT */
/*
 * io_uring_setup(2), io_uring_enter, io_uring_register: rings, transfers, polls, timeouts, sockets,
 * links, overflow.
 */
#include "uring.h"
#include "recorded.h"
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

static void test_setup(void)
{
	struct io_uring_params q = { 0 };
	int fd;

	T(setup(0, &q));
	T(setup(1 << 20, &q));
	T(setup(8, NULL));
	T(setup(8, BAD));
	q.flags = 1U << 30;
	T(setup(8, &q));
	q = (struct io_uring_params){ .resv = { 1 } };
	T(setup(8, &q));
	q = (struct io_uring_params){ .flags = IORING_SETUP_CQSIZE };
	T(setup(8, &q));
	q.cq_entries = 4;
	T(setup(8, &q));
	q = (struct io_uring_params){ .flags = IORING_SETUP_CLAMP };
	fd = OK(setup(100000, &q));
	say("%u %u", q.sq_entries, q.cq_entries);
	close(fd);
	open_ring(5, IORING_SETUP_CQSIZE, 20);
	say("%u %u", p.sq_entries, p.cq_entries);
	IS(p.features & IORING_FEAT_SINGLE_MMAP && p.features & IORING_FEAT_NODROP);
	T(fcntl(ring, F_GETFD));
	T(enter(0, 0, 1 << 20));
	T(syscall(SYS_io_uring_enter, 0, 0, 0, 0, NULL, 0UL));
	T(syscall(SYS_io_uring_enter, 99, 0, 0, 0, NULL, 0UL));
	T(enter(4, 0, 0)); /* nothing is queued */
	T(read(ring, &q, 1));
	T(write(ring, &q, 1));
	close_ring();
	open_ring(4, IORING_SETUP_R_DISABLED, 0);
	T(enter(0, 0, 0));
	T(reg(IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	T(enter(0, 0, 0));
	T(reg(IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	T(reg(99, NULL, 0));
	close_ring();
}

static void test_rw(void)
{
	char buf[100] = "through a ring";
	struct iovec v[2] = { { buf + 50, 3 }, { buf + 60, 20 } };
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600)), ro = NEED(open("f", O_RDONLY));
	struct io_uring_sqe *s;

	open_ring(8, 0, 0);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 1);
	go("nop", 1);
	add(IORING_OP_WRITE, fd, buf, 14, 0, 2);
	go("write", 1);
	memset(buf, 0, sizeof(buf));
	add(IORING_OP_READ, fd, buf, 100, 8, 3);
	go("read", 1);
	say("%s", buf);
	add(IORING_OP_READV, fd, v, 2, 0, 4);
	go("readv", 1);
	say("%.3s %.11s", buf + 50, buf + 60);
	add(IORING_OP_WRITEV, fd, v, 2, 100, 5)->flags = IOSQE_IO_LINK;
	add(IORING_OP_READ, fd, buf, 10, 100, 6);
	go("two", 2);
	add(IORING_OP_READ, fd, buf, 4, -1, 7)->flags = IOSQE_IO_LINK; /* at the file's position */
	add(IORING_OP_READ, fd, buf + 4, 4, -1, 8);
	go("position", 2);
	say("%.8s %ld", buf, (long)lseek(fd, 0, SEEK_CUR));
	add(IORING_OP_FSYNC, fd, NULL, 0, 0, 9);
	go("fsync", 1);
	s = add(IORING_OP_FSYNC, fd, NULL, 0, 0, 10);
	s->fsync_flags = IORING_FSYNC_DATASYNC;
	go("fdatasync", 1);
	s = add(IORING_OP_FSYNC, fd, NULL, 0, 0, 11);
	s->fsync_flags = 8;
	go("fsync flags", 1);
	add(IORING_OP_READ, 99, buf, 1, 0, 12);
	go("bad fd", 1);
	add(IORING_OP_WRITE, ro, buf, 1, 0, 13);
	go("no write", 1);
	add(IORING_OP_READ, fd, BAD, 1, 0, 14);
	go("bad buffer", 1);
	add(IORING_OP_READ, fd, t_unmapped(), 1, 0, 15);
	go("unmapped", 1);
	add(IORING_OP_READV, fd, BAD, 1, 0, 16);
	go("bad vector", 1);
	add(200, fd, buf, 1, 0, 17);
	go("no such code", 1);
	s = add(IORING_OP_NOP, -1, NULL, 0, 0, 18);
	s->flags = 0x80;
	go("no such flag", 1);
	s = add(IORING_OP_NOP, -1, NULL, 0, 0, 19);
	s->personality = 7;
	go("personality", 1);
	add(99, fd, buf, 1, 0, 20); /* ends the batch */
	add(IORING_OP_NOP, -1, NULL, 0, 0, 21);
	T(enter(2, 0, IORING_ENTER_GETEVENTS));
	reap("first");
	go("rest", 1);
	s = add(IORING_OP_NOP, -1, NULL, 0, 0, 22);
	s->flags = IOSQE_CQE_SKIP_SUCCESS;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 23);
	go("skipped", 1);
	sq_array[*sq_tail & (p.sq_entries - 1)] = 1000;
	__atomic_store_n(sq_tail, *sq_tail + 1, __ATOMIC_RELEASE);
	T(enter(1, 0, 0));
	say("dropped %u", *(unsigned *)(rings + p.sq_off.dropped));
	close_ring();
	close(fd);
	close(ro);
}

static void test_wait(void)
{
	struct {
		unsigned long mask;
		unsigned size, pad;
		unsigned long ts;
	} arg = { 0 };
	struct __kernel_timespec ms = { 0, 20000000 };
	struct io_uring_sqe *s;
	char buf[10] = "";
	int fds[2], efd = NEED(eventfd(0, EFD_NONBLOCK)), ep = NEED(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN };
	struct pollfd pf = { .events = POLLIN };
	uint64_t n;
	pid_t me = getpid(), pid;
	long t;

	open_ring(8, 0, 0);
	pf.fd = ring;
	NEED(pipe(fds));
	add(IORING_OP_READ, fds[0], buf, 10, 0, 1); /* waits, the caller does not */
	T(enter(1, 0, 0));
	say("ready %u", ready());
	T(poll(&pf, 1, 0));
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, ring, &ev));
	T(reg(IORING_REGISTER_EVENTFD, &efd, 1));
	T(reg(IORING_REGISTER_EVENTFD, &efd, 1));
	T(epoll_wait(ep, &ev, 1, 0));
	NEED(write(fds[1], "late", 4));
	T(enter(0, 1, IORING_ENTER_GETEVENTS));
	T(poll(&pf, 1, 0));
	T(epoll_wait(ep, &ev, 1, 0));
	reap("pipe");
	say("%s", buf);
	T(read(efd, &n, 8));
	T(reg(IORING_UNREGISTER_EVENTFD, NULL, 0));
	T(reg(IORING_UNREGISTER_EVENTFD, NULL, 0));
	add(IORING_OP_READ, fds[0], buf, 10, 0, 2);
	pid = SPAWN({
		t_until(me, 'S');
		NEED(write(fds[1], "woken", 5));
	});
	go("a writer comes", 1);
	t_wait("writer", pid);
	/* another call sleeps meanwhile */
	add(IORING_OP_READ, fds[0], buf, 10, 0, 3);
	T(enter(1, 0, 0));
	pid = SPAWN({
		t_until(me, 'S');
		NEED(write(fds[1], "x", 1));
	});
	T(poll(&pf, 1, 10000));
	reap("poll");
	t_wait("writer", pid);
	arg.ts = (uintptr_t)&ms;
	t = now_ms();
	T(syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
		&arg, sizeof(arg)));
	IS(now_ms() - t >= 20);
	T(syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
		&arg, 5UL));
	t_handle(SIGUSR1, SA_RESTART);
	pid = SPAWN({
		t_until(me, 'S');
		kill(me, SIGUSR1);
	});
	T(enter(0, 1, IORING_ENTER_GETEVENTS));
	t_wait("signaller", pid);
	add(IORING_OP_POLL_ADD, fds[0], NULL, 0, 0, 4)->poll32_events = POLLIN;
	add(IORING_OP_POLL_ADD, fds[1], NULL, 0, 0, 5)->poll32_events = POLLOUT;
	go("poll out", 1);
	NEED(write(fds[1], "x", 1));
	go("poll in", 1);
	NEED(read(fds[0], buf, 1));
	add(IORING_OP_POLL_ADD, fds[0], NULL, 0, 0, 6)->poll32_events = POLLIN;
	T(enter(1, 0, 0));
	add(IORING_OP_POLL_REMOVE, -1, (void *)77, 0, 0, 7);
	go("no such poll", 1);
	s = add(IORING_OP_POLL_REMOVE, -1, (void *)6, 0, 0, 8);
	s->flags = IOSQE_CQE_SKIP_SUCCESS;
	go("poll removed", 1);
	add(IORING_OP_READ, fds[0], buf, 10, 0, 9);
	T(enter(1, 0, 0));
	add(IORING_OP_ASYNC_CANCEL, -1, (void *)77, 0, 0, 10);
	go("nothing to cancel", 1);
	s = add(IORING_OP_ASYNC_CANCEL, -1, (void *)9, 0, 0, 11);
	s->flags = IOSQE_CQE_SKIP_SUCCESS;
	go("cancelled", 1);
	add(IORING_OP_READ, fds[0], buf, 10, 0, 12);
	T(enter(1, 0, 0));
	close(fds[1]);
	T(enter(0, 1, IORING_ENTER_GETEVENTS));
	reap("hung up");
	NEED(pipe2(fds, O_NONBLOCK));
	add(IORING_OP_READ, fds[0], buf, 10, 0, 13);
	T(enter(1, 0, 0)); /* O_NONBLOCK does not matter */
	NEED(write(fds[1], "x", 1));
	T(enter(0, 1, IORING_ENTER_GETEVENTS));
	reap("O_NONBLOCK");
	close(fds[0]);
	close(fds[1]);
	add(IORING_OP_READ, efd, &n, 8, 0, 14);
	T(enter(1, 0, 0));
	n = 5;
	NEED(write(efd, &n, 8));
	T(enter(0, 1, IORING_ENTER_GETEVENTS));
	reap("eventfd");
	/* a process may end with requests that wait; they end with it */
	CHILD({
		NEED(pipe(fds));
		open_ring(4, 0, 0);
		add(IORING_OP_READ, fds[0], buf, 10, 0, 1);
		add(IORING_OP_POLL_ADD, fds[0], NULL, 0, 0, 6)->poll32_events = POLLIN;
		add(IORING_OP_POLL_ADD, ring, NULL, 0, 0, 6)->poll32_events = POLLIN;
		T(enter(3, 0, 0));
	});
	NEED(pipe(fds));
	add(IORING_OP_READ, fds[0], buf, 10, 0, 1);
	T(enter(1, 0, 0));
	close_ring(); /* so may a ring */
	close(fds[0]);
	close(fds[1]);
	close(efd);
	close(ep);
}

static void test_timeout(void)
{
	struct __kernel_timespec ms = { 0, 20000000 }, far = { 1000, 0 }, past = { 1, 0 };
	struct io_uring_sqe *s;
	long t = now_ms();

	open_ring(8, 0, 0);
	add(IORING_OP_TIMEOUT, -1, &ms, 1, 0, 1);
	go("timeout", 1);
	IS(now_ms() - t >= 20);
	s = add(IORING_OP_TIMEOUT, -1, &past, 1, 0, 2);
	s->timeout_flags = IORING_TIMEOUT_ABS;
	go("in the past", 1);
	add(IORING_OP_TIMEOUT, -1, &far, 1, 2, 3);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 4);
	T(enter(2, 0, 0));
	reap("one of two");
	add(IORING_OP_NOP, -1, NULL, 0, 0, 5);
	go("counted", 2);
	add(IORING_OP_TIMEOUT, -1, &far, 1, 0, 6);
	T(enter(1, 0, 0));
	add(IORING_OP_TIMEOUT_REMOVE, -1, (void *)77, 0, 0, 7);
	go("no such timeout", 1);
	s = add(IORING_OP_TIMEOUT_REMOVE, -1, (void *)6, 0, 0, 8);
	s->flags = IOSQE_CQE_SKIP_SUCCESS;
	go("removed", 1);
	add(IORING_OP_TIMEOUT, -1, &far, 1, 0, 9);
	T(enter(1, 0, 0));
	s = add(IORING_OP_TIMEOUT_REMOVE, -1, (void *)9, 0, (uintptr_t)&ms, 10);
	s->timeout_flags = IORING_TIMEOUT_UPDATE;
	go("updated", 2);
	add(IORING_OP_TIMEOUT, -1, &ms, 2, 0, 11);
	go("two times", 1);
	add(IORING_OP_TIMEOUT, -1, BAD, 1, 0, 12);
	go("bad time", 1);
	s = add(IORING_OP_TIMEOUT, -1, &ms, 1, 0, 13);
	s->timeout_flags = 1 << 20;
	go("bad flags", 1);
	add(IORING_OP_TIMEOUT, -1, &far, 1, 0, 14);
	T(enter(1, 0, 0));
	close_ring();
}

static void test_links(void)
{
	struct __kernel_timespec ms = { 0, 5000000 };
	char buf[20] = "", out[20] = "linked";
	int fds[2], fd = NEED(open("l", O_RDWR | O_CREAT | O_TRUNC, 0600));
	struct io_uring_sqe *s;

	open_ring(16, 0, 0);
	NEED(pipe(fds));
	add(IORING_OP_WRITE, fd, out, 6, 0, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_READ, fd, buf, 6, 0, 2)->flags = IOSQE_IO_LINK;
	add(IORING_OP_WRITE, fds[1], buf, 6, 0, 3);
	go("chain", 3);
	T(read(fds[0], buf, 10));
	say("%.6s", buf);
	add(IORING_OP_READ, fd, buf, 20, 0, 5)->flags = IOSQE_IO_LINK; /* short */
	add(IORING_OP_NOP, -1, NULL, 0, 0, 6)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 7);
	go("short", 3);
	add(IORING_OP_READ, 99, buf, 20, 0, 8)->flags = IOSQE_IO_HARDLINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 9);
	go("hard", 2);
	add(IORING_OP_TIMEOUT, -1, &ms, 1, 0, 10)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 11);
	go("behind a timeout", 2);
	s = add(IORING_OP_TIMEOUT, -1, &ms, 1, 0, 12);
	s->flags = IOSQE_IO_LINK;
	s->timeout_flags = IORING_TIMEOUT_ETIME_SUCCESS;
	add(IORING_OP_WRITE, fds[1], "after", 5, 0, 13);
	go("success", 2);
	T(read(fds[0], buf, 10));
	add(IORING_OP_READ, fds[0], buf, 3, 0, 14)->flags = IOSQE_IO_LINK;
	add(IORING_OP_READ, fd, buf + 3, 6, 0, 15);
	T(enter(2, 0, 0));
	say("ready %u", ready());
	NEED(write(fds[1], "xyz", 3));
	T(enter(0, 2, IORING_ENTER_GETEVENTS));
	reap("behind a pipe");
	say("%.9s", buf);
	add(IORING_OP_READ, fds[0], buf, 3, 0, 16);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 17)->flags = IOSQE_IO_DRAIN;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 18);
	T(enter(3, 0, 0));
	say("ready %u", ready());
	NEED(write(fds[1], "xyz", 3));
	T(enter(0, 3, IORING_ENTER_GETEVENTS));
	reap("drained");
	add(IORING_OP_NOP, -1, NULL, 0, 0, 19)->flags = IOSQE_IO_LINK;
	add(99, -1, NULL, 0, 0, 20);
	go("refused", 2);
	close_ring();
	close(fd);
	close(fds[0]);
	close(fds[1]);
}

static void test_registered(void)
{
	char *mem = t_pages(1), buf[10];
	struct iovec v = { mem, PAGE }, bad[] = { { NULL, 1 }, { mem, 0 }, { mem + PAGE, 10 } };
	int fd = NEED(open("r", O_RDWR | O_CREAT, 0600)), files[3] = { fd, -1, 99 }, minus = -1;
	struct io_uring_files_update up = { .offset = 1, .fds = (uintptr_t)&fd };
	struct {
		struct io_uring_probe p;
		struct io_uring_probe_op ops[256];
	} probe;

	open_ring(8, 0, 0);
	T(reg(IORING_REGISTER_BUFFERS, bad, 1));
	T(reg(IORING_REGISTER_BUFFERS, bad + 1, 1));
	T(reg(IORING_REGISTER_BUFFERS, bad + 2, 1));
	T(reg(IORING_REGISTER_BUFFERS, &v, 0));
	T(reg(IORING_UNREGISTER_BUFFERS, NULL, 0));
	T(reg(IORING_REGISTER_BUFFERS, &v, 1));
	T(reg(IORING_REGISTER_BUFFERS, &v, 1));
	strcpy(mem, "fixed");
	add(IORING_OP_WRITE_FIXED, fd, mem, 5, 0, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_READ_FIXED, fd, mem + 100, 5, 0, 2);
	go("fixed", 2);
	say("%.5s", mem + 100);
	add(IORING_OP_READ_FIXED, fd, mem + PAGE - 2, 5, 0, 3);
	go("beyond", 1);
	add(IORING_OP_READ_FIXED, fd, mem, 5, 0, 4)->buf_index = 1;
	go("no such buffer", 1);
	T(reg(IORING_UNREGISTER_BUFFERS, NULL, 0));
	T(reg(IORING_REGISTER_FILES, files, 3));
	T(reg(IORING_REGISTER_FILES, files, 2));
	T(reg(IORING_REGISTER_FILES, files, 2));
	add(IORING_OP_READ, 0, buf, 5, 0, 5)->flags = IOSQE_FIXED_FILE;
	go("fixed file", 1);
	add(IORING_OP_READ, 1, buf, 5, 0, 6)->flags = IOSQE_FIXED_FILE;
	go("no fixed file", 1);
	add(IORING_OP_READ, 2, buf, 5, 0, 7)->flags = IOSQE_FIXED_FILE;
	go("beyond the fixed files", 1);
	T(reg(IORING_REGISTER_FILES_UPDATE, &up, 1));
	add(IORING_OP_READ, 1, buf, 5, 0, 8)->flags = IOSQE_FIXED_FILE;
	go("updated", 1);
	up.fds = (uintptr_t)&minus;
	T(reg(IORING_REGISTER_FILES_UPDATE, &up, 1));
	up.offset = 2;
	T(reg(IORING_REGISTER_FILES_UPDATE, &up, 1));
	T(reg(IORING_UNREGISTER_FILES, NULL, 0));
	T(reg(IORING_UNREGISTER_FILES, NULL, 0));
	memset(&probe, 0, sizeof(probe));
	T(reg(IORING_REGISTER_PROBE, &probe, 256));
	IS(probe.ops[IORING_OP_READ].flags & IO_URING_OP_SUPPORTED);
	IS(probe.p.last_op > IORING_OP_WRITE);
	T(reg(IORING_REGISTER_PROBE, &probe, 256));
	T(reg(IORING_REGISTER_PROBE, &probe, 257));
	close_ring();
	close(fd);
}

static void test_calls(void)
{
	struct statx stx;
	struct io_uring_sqe *s;
	int fd = NEED(open("c", O_RDWR | O_CREAT, 0600));

	open_ring(8, 0, 0);
	NEED(mkdir("dir", 0755));
	s = add(IORING_OP_OPENAT, AT_FDCWD, "c", 0, 0, 1);
	s->open_flags = O_RDONLY;
	T(enter(1, 1, IORING_ENTER_GETEVENTS));
	IS(cqes[*cq_head & (p.cq_entries - 1)].res > fd);
	add(IORING_OP_CLOSE, cqes[*cq_head & (p.cq_entries - 1)].res, NULL, 0, 0, 2);
	(*cq_head)++;
	go("close", 1);
	add(IORING_OP_CLOSE, 99, NULL, 0, 0, 3);
	go("close another", 1);
	add(IORING_OP_CLOSE, ring, NULL, 0, 0, 4);
	go("close the ring", 1);
	s = add(IORING_OP_OPENAT, AT_FDCWD, "missing", 0, 0, 5);
	s->open_flags = O_RDONLY;
	go("openat", 1);
	add(IORING_OP_FALLOCATE, fd, (void *)1000, 0, 0, 6);
	go("fallocate", 1);
	add(IORING_OP_STATX, AT_FDCWD, "c", STATX_SIZE, (uintptr_t)&stx, 7);
	go("statx", 1);
	say("%lld", (long long)stx.stx_size);
	add(IORING_OP_MKDIRAT, AT_FDCWD, "dir/d", 0755, 0, 8)->flags = IOSQE_IO_LINK;
	add(IORING_OP_RENAMEAT, AT_FDCWD, "c", AT_FDCWD, (uintptr_t) "dir/c", 9)->flags =
		IOSQE_IO_LINK;
	add(IORING_OP_SYMLINKAT, AT_FDCWD, "c", 0, (uintptr_t) "dir/l", 10)->flags = IOSQE_IO_LINK;
	add(IORING_OP_LINKAT, AT_FDCWD, "dir/c", AT_FDCWD, (uintptr_t) "dir/h", 11)->flags =
		IOSQE_IO_LINK;
	add(IORING_OP_UNLINKAT, AT_FDCWD, "dir/c", 0, 0, 12);
	go("names", 5);
	T(access("dir/h", F_OK));
	T(access("dir/l", F_OK));
	close_ring();
	close(fd);
}

static void test_sockets(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "s" };
	int l = NEED(socket(AF_UNIX, SOCK_STREAM, 0)), c = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	char buf[20] = "", data[] = "over a socket";
	struct iovec v = { buf, sizeof(buf) }, w = { data, 4 };
	struct msghdr in = { .msg_iov = &v, .msg_iovlen = 1 },
		      out = { .msg_iov = &w, .msg_iovlen = 1 };
	struct io_uring_sqe *s;
	int conn;

	open_ring(8, 0, 0);
	NEED(bind(l, (void *)&a, sizeof(a)));
	NEED(listen(l, 5));
	add(IORING_OP_ACCEPT, l, NULL, 0, 0, 1);
	T(enter(1, 0, 0));
	say("ready %u", ready());
	add(IORING_OP_CONNECT, c, &a, 0, sizeof(a), 2);
	T(enter(1, 2, IORING_ENTER_GETEVENTS));
	conn = -1;
	for (unsigned n = ready(); n; n--) {
		struct io_uring_cqe *q = &cqes[(*cq_head)++ & (p.cq_entries - 1)];

		if (q->user_data == 1)
			conn = q->res;
		else
			say("connect: %d", q->res);
	}
	IS(conn > c);
	add(IORING_OP_RECV, conn, buf, sizeof(buf), 0, 3);
	T(enter(1, 0, 0));
	s = add(IORING_OP_SEND, c, data, 13, 0, 4);
	s->flags = IOSQE_CQE_SKIP_SUCCESS;
	go("received", 1);
	say("%s", buf);
	add(IORING_OP_RECVMSG, conn, &in, 1, 0, 5);
	T(enter(1, 0, 0));
	s = add(IORING_OP_SENDMSG, c, &out, 1, 0, 6);
	s->flags = IOSQE_CQE_SKIP_SUCCESS;
	go("message", 1);
	say("%.4s", buf);
	s = add(IORING_OP_RECV, conn, buf, 10, 0, 7);
	s->msg_flags = MSG_WAITALL;
	T(enter(1, 0, 0));
	NEED(write(c, "12345", 5));
	T(enter(0, 0, IORING_ENTER_GETEVENTS));
	say("ready %u", ready());
	NEED(write(c, "67890", 5));
	T(enter(0, 1, IORING_ENTER_GETEVENTS));
	reap("waitall");
	say("%.10s", buf);
	s = add(IORING_OP_RECV, conn, buf, 10, 0, 8);
	s->msg_flags = MSG_DONTWAIT;
	go("dontwait", 1);
	add(IORING_OP_RECV, ring, buf, 10, 0, 9);
	go("no socket", 1);
	add(IORING_OP_ACCEPT, conn, NULL, 0, 0, 10);
	go("no listener", 1);
	NEED(shutdown(l, SHUT_RD));
	add(IORING_OP_ACCEPT, l, NULL, 0, 0, 14); /* the end is known: does not wait */
	go("no longer", 1);
	NEED(fcntl(l, F_SETFL, O_NONBLOCK));
	T(accept(l, NULL, NULL));
	add(IORING_OP_ACCEPT, l, NULL, 0, 0, 15); /* as for a caller that does not wait */
	go("no longer", 1);
	add(IORING_OP_SHUTDOWN, c, NULL, SHUT_WR, 0, 11)->flags = IOSQE_IO_LINK;
	add(IORING_OP_RECV, conn, buf, 10, 0, 12);
	go("shut", 2);
	s = add(IORING_OP_SOCKET, AF_UNIX, NULL, 0, SOCK_DGRAM, 13);
	T(enter(1, 1, IORING_ENTER_GETEVENTS));
	IS(cqes[(*cq_head)++ & (p.cq_entries - 1)].res > conn);
	close_ring();
	close(l);
	close(c);
	close(conn);
}

/*
 * Datagram sockets after SHUT_RD: a waiting receive gets the end, a non-waiting receive EAGAIN;
 * poll(2) reports them as ready.
 */
static void test_shut(int family)
{
	int s = NEED(socket(family, SOCK_DGRAM, 0));
	char buf[20];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr in = { .msg_iov = &v, .msg_iovlen = 1 };

	if (family == AF_INET) {
		struct sockaddr_in a = { AF_INET, htons(9), { htonl(INADDR_LOOPBACK) }, { 0 } };

		NEED(connect(s, (void *)&a, sizeof(a)));
	}
	NEED(shutdown(s, SHUT_RD));
	open_ring(8, 0, 0);
	T(recv(s, buf, sizeof(buf), 0));
	T(recv(s, buf, sizeof(buf), MSG_DONTWAIT));
	add(IORING_OP_RECV, s, buf, sizeof(buf), 0, 1);
	go("shut", 1);
	add(IORING_OP_RECVMSG, s, &in, 1, 0, 2);
	go("shut", 1);
	add(IORING_OP_READ, s, buf, sizeof(buf), 0, 3);
	go("shut", 1);
	add(IORING_OP_RECV, s, buf, sizeof(buf), 0, 4)->msg_flags = MSG_DONTWAIT;
	go("shut", 1);
	NEED(fcntl(s, F_SETFL, O_NONBLOCK));
	add(IORING_OP_RECV, s, buf, sizeof(buf), 0, 5);
	go("shut", 1);
	add(IORING_OP_READ, s, buf, sizeof(buf), 0, 6);
	go("shut", 1);
	close_ring();
	close(s);
}

/* Checks that an empty datagram ends a multishot receive. */
static void test_empty(void)
{
	char buf[4][200];
	struct msghdr in = { .msg_namelen = 8 };
	struct io_uring_sqe *e;
	int s[2];

	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	open_ring(8, 0, 0);
	add(IORING_OP_PROVIDE_BUFFERS, 4, buf, sizeof(buf[0]), 0, 1);
	go("provided", 1);
	for (int msg = 0; msg < 2; msg++) {
		NEED(write(s[1], "some", 4));
		NEED(send(s[1], "", 0, 0));
		NEED(write(s[1], "more", 4));
		e = add(msg ? IORING_OP_RECVMSG : IORING_OP_RECV, s[0], msg ? &in : NULL, msg, 0,
			2 + msg);
		e->ioprio = IORING_RECV_MULTISHOT;
		e->flags = IOSQE_BUFFER_SELECT;
		NEED(enter(1, 2, IORING_ENTER_GETEVENTS));
		for (; ready(); ++*cq_head) {
			struct io_uring_cqe *c = &cqes[*cq_head & (p.cq_entries - 1)];

			say("%llu: %d, flags %x", (unsigned long long)c->user_data, c->res,
				c->flags);
		}
		say("left: %zd %zd", recv(s[0], buf, 4, MSG_DONTWAIT),
			recv(s[0], buf, 4, MSG_DONTWAIT));
	}
	close_ring();
	close(s[0]);
	close(s[1]);
}

/* The receiver is full while the sender's socket is ready: the request waits and uses no CPU. */
static void test_full(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "dgram" };
	int to = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), from = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));
	struct iovec w = { "x", 1 };
	struct msghdr out = {
		.msg_iov = &w, .msg_iovlen = 1, .msg_name = &a, .msg_namelen = sizeof(a)
	};
	int n = 0;

	NEED(bind(to, (void *)&a, sizeof(a)));
	while (sendmsg(from, &out, MSG_DONTWAIT) == 1)
		n++;
	IS(n > 1 && errno == EAGAIN);
	open_ring(8, 0, 0);
	add(IORING_OP_SENDMSG, from, &out, 1, 0, 1);
	T(enter(1, 0, 0));
	sleep_ms(10);
	T(enter(0, 0, IORING_ENTER_GETEVENTS));
	say("ready %u", ready());
	close_ring();
	close(to);
	close(from);
}

static void test_overflow(void)
{
	open_ring(8, IORING_SETUP_CQSIZE, 8);
	for (int i = 0; i < 12; i++) {
		add(IORING_OP_NOP, -1, NULL, 0, 0, i);
		NEED(enter(1, 0, 0));
	}
	say("ready %u overflow %u flag %d", ready(), *(unsigned *)(rings + p.cq_off.overflow),
		!!(*sq_flags & IORING_SQ_CQ_OVERFLOW));
	reap("before");
	T(enter(0, 0, IORING_ENTER_GETEVENTS));
	reap("after");
	say("flag %d", !!(*sq_flags & IORING_SQ_CQ_OVERFLOW));
	close_ring();
}

static const char expected[] =
#include "io_uring.inc"
	;

TEST(io_uring)
{
	if (refused())
		RECORDED(expected);
	test_setup();
	test_rw();
	test_wait();
	test_timeout();
	test_links();
	test_registered();
	test_calls();
	test_sockets();
	test_shut(AF_UNIX);
	test_shut(AF_INET);
	test_empty();
	test_full();
	test_overflow();
}
