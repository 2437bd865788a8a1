/* SPDX-License-Identifier: MIT */
/*
 * io_uring_rings: rings of other layouts, SQPOLL, registered ring descriptors, timeouts, all ways
 * of cancelling, and bugs that liburing's tests found.
 */
#include "uring.h"
#include "recorded.h"
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

static void wrong_task(void)
{
	T(enter(1, 0, 0));
	T(reg(IORING_REGISTER_EVENTFD, NULL, 0));
}

/* Tests what liburing's tests found. */
static void test_found(void)
{
	struct __kernel_timespec ms = { 0, 5000000 };
	struct signalfd_siginfo si;
	struct io_uring_sqe *s;
	sigset_t set;
	char buf[8];
	int fd, sv[2];

	open_ring(8, 0, 0);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	add(IORING_OP_WRITE, sv[0], "abcd", 4, -1, 1);
	add(IORING_OP_READ, sv[1], buf, 4, -1, 2);
	go("a position where there is none", 2);
	s = add(IORING_OP_WRITE, sv[0], "abcd", 4, 0, 3);
	s->ioprio = 0xffff;
	go("ioprio", 1);
	close(sv[0]);
	close(sv[1]);

	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
	s = add(IORING_OP_RECV, sv[1], buf, 8, 0, 4);
	s->msg_flags = MSG_WAITALL;
	NEED(send(sv[0], "abcd", 4, 0));
	go("a datagram is all", 1);
	close(sv[0]);
	close(sv[1]);

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	NEED(sigprocmask(SIG_BLOCK, &set, NULL));
	sigdelset(&set, SIGUSR2);
	fd = NEED(signalfd(-1, &set, 0));
	s = add(IORING_OP_POLL_ADD, fd, NULL, 0, 0, 5);
	s->poll32_events = POLLIN;
	T(enter(1, 0, 0));
	kill(getpid(), SIGUSR2);
	T(enter(0, 0, IORING_ENTER_GETEVENTS));
	reap("another signal");
	kill(getpid(), SIGUSR1);
	T(enter(0, 1, IORING_ENTER_GETEVENTS));
	reap("the signal");
	NEED(read(fd, &si, sizeof(si)));
	close(fd);
	close_ring();

	open_ring(8, 0, 0);
	add(IORING_OP_TIMEOUT, -1, &ms, 1, 0, 6);
	T(enter(1, 4, IORING_ENTER_GETEVENTS)); /* a timeout ends the wait */
	reap("one of four");
	add(IORING_OP_NOP, -1, NULL, 0, 0, 7)->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	add(IORING_OP_READ, -1, buf, 4, 0, 8)->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 9);
	go("the rest says nothing", 1);
	close_ring();

	open_ring(8, IORING_SETUP_SINGLE_ISSUER, 0);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 6);
	CHILD(wrong_task());
	go("its issuer", 1);
	close_ring();
}

static void add_limit(struct __kernel_timespec *ts, unsigned flags, unsigned long data)
{
	add(IORING_OP_LINK_TIMEOUT, -1, ts, 1, 0, data)->flags = flags;
}

/* Tests LINK_TIMEOUT for requests that end in time or not, or never start, and out of place. */
static void test_limits(void)
{
	struct __kernel_timespec ms = { 0, 5000000 }, ever = { 100, 0 };
	int fds[2];

	say("-- limits");
	NEED(pipe(fds));
	open_ring(8, 0, 0);
	add(IORING_OP_POLL_ADD, fds[0], NULL, 0, 0, 1)->flags = IOSQE_IO_LINK;
	sqes[(*sq_tail - 1) % p.sq_entries].poll32_events = POLLIN;
	add_limit(&ms, 0, 2);
	T(enter(2, 2, IORING_ENTER_GETEVENTS));
	reap_sorted("a poll that is ended");
	add(IORING_OP_NOP, -1, NULL, 0, 0, 3)->flags = IOSQE_IO_LINK;
	add_limit(&ever, IOSQE_IO_LINK, 4);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 5);
	T(enter(3, 3, IORING_ENTER_GETEVENTS));
	reap_sorted("one that is in time");
	add(IORING_OP_READ, -1, NULL, 0, 0, 6)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 7)->flags = IOSQE_IO_LINK;
	add_limit(&ever, 0, 8);
	T(enter(3, 3, IORING_ENTER_GETEVENTS));
	reap_sorted("never started");
	add_limit(&ever, 0, 9);
	T(enter(1, 1, IORING_ENTER_GETEVENTS));
	reap_sorted("alone");
	close_ring();
	close(fds[0]);
	close(fds[1]);
}

/*
 * A ring whose devices are polled, of which there is none here; messages between rings; EFBIG
 * without a signal.
 */
static void test_odd_rings(void)
{
	struct rlimit old, lim = { 4096, RLIM_INFINITY };
	int files[3] = { -1, -1, -1 }, slots[2] = { 1, 2 }, other, fd;

	say("-- odd rings");
	fd = NEED(open("/dev/shm", O_TMPFILE | O_RDWR, 0600));
	open_ring(8, IORING_SETUP_IOPOLL, 0);
	add(IORING_OP_READ, fd, rings, 0, 0, 1);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	T(enter(2, 2, IORING_ENTER_GETEVENTS));
	reap_sorted("polled");
	close_ring();

	other = NEED(setup(4, &(struct io_uring_params){ .flags = IORING_SETUP_R_DISABLED }));
	open_ring(8, 0, 0);
	add(IORING_OP_MSG_RING, ring, NULL, 17, 99, 3);
	add(IORING_OP_MSG_RING, other, NULL, 17, 99, 4);
	add(IORING_OP_MSG_RING, fd, NULL, 17, 99, 5);
	T(enter(3, 4, IORING_ENTER_GETEVENTS));
	reap_sorted("messages");
	T(reg(IORING_REGISTER_FILES, files, 3));
	add(IORING_OP_FILES_UPDATE, -1, slots, 2, 1, 6);
	T(enter(1, 1, IORING_ENTER_GETEVENTS));
	reap_sorted("files");
	slots[0] = slots[1] = fd;
	add(IORING_OP_FILES_UPDATE, -1, slots, 2, ~0U, 7);
	add(IORING_OP_FILES_UPDATE, -1, slots, 2, 2, 8);
	T(enter(2, 2, IORING_ENTER_GETEVENTS));
	reap_sorted("free slots");
	say("slots %d %d", slots[0], slots[1] == fd ? -1 : slots[1]);
	getrlimit(RLIMIT_FSIZE, &old);
	lim.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_FSIZE, &lim);
	add(IORING_OP_FALLOCATE, fd, (void *)8192UL, 0, 0, 9);
	NEED(enter(1, 1, IORING_ENTER_GETEVENTS));
	setrlimit(RLIMIT_FSIZE, &old);
	reap_sorted("too large");
	close_ring();
	close(other);
	close(fd);
}

/* Submits as liburing does: wakes the ring's thread if it sleeps. */
static long push(unsigned n, unsigned min)
{
	unsigned flags = IORING_ENTER_GETEVENTS;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(sq_flags, __ATOMIC_RELAXED) & IORING_SQ_NEED_WAKEUP)
		flags |= IORING_ENTER_SQ_WAKEUP;
	return enter(n, min, flags);
}

static void test_sqpoll(void)
{
	struct io_uring_params q = { .flags = IORING_SETUP_SQ_AFF };
	char buf[8] = "";
	int fds[2];

	say("-- a thread that submits");
	T(setup(1, &q));
	q = (struct io_uring_params){ .flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF,
		.sq_thread_cpu = 99999 };
	T(setup(1, &q));
	q = (struct io_uring_params){ .flags = IORING_SETUP_ATTACH_WQ, .wq_fd = 999 };
	T(setup(1, &q));
	NEED(pipe(fds));
	q.wq_fd = fds[0];
	T(setup(1, &q));
	q = (struct io_uring_params){ .flags = IORING_SETUP_SQPOLL | IORING_SETUP_COOP_TASKRUN };
	T(setup(1, &q));
	open_ring(8, IORING_SETUP_SQPOLL, 0);
	IS(p.features & IORING_FEAT_SQPOLL_NONFIXED);
	add(IORING_OP_READ, fds[0], buf, 4, 0, 1);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	T(push(2, 1));
	reap_sorted("first");
	add(IORING_OP_WRITE, fds[1], "abcd", 4, 0, 3);
	T(push(1, 2));
	reap_sorted("then");
	say("%s", buf);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 4)->ioprio = 1;
	T(push(1, 1));
	reap_sorted("ioprio");
	close_ring();
	close(fds[0]);
	close(fds[1]);
}

/* Descriptors that are registered files from the start; chains of which one is refused. */
static void test_direct(void)
{
	struct io_uring_rsrc_register rr = { .nr = 3, .flags = IORING_RSRC_REGISTER_SPARSE };
	char buf[8] = "";
	int fd, last;

	say("-- direct");
	fd = NEED(open("direct", O_CREAT | O_RDWR, 0600));
	NEED(write(fd, "hello", 5));
	last = dup(fd);
	close(last);
	open_ring(8, 0, 0);
	add(IORING_OP_OPENAT, AT_FDCWD, "direct", 0, 0, 1)->file_index = 1;
	go("no table", 1);
	T(reg(IORING_REGISTER_FILES2, &rr, sizeof(rr) - 1));
	T(reg(IORING_REGISTER_FILES2, &rr, sizeof(rr)));
	T(reg(IORING_REGISTER_FILES2, &rr, sizeof(rr)));
	add(IORING_OP_OPENAT, AT_FDCWD, "direct", 0, 0, 2)->file_index = 2;
	go("open", 1);
	add(IORING_OP_READ, 1, buf, 5, 0, 3)->flags = IOSQE_FIXED_FILE;
	go("read", 1);
	say("%s", buf);
	add(IORING_OP_OPENAT, AT_FDCWD, "direct", 0, 0, 4)->file_index = ~0U;
	add(IORING_OP_OPENAT, AT_FDCWD, "direct", 0, 0, 5)->file_index = 4;
	add(IORING_OP_OPENAT, AT_FDCWD, "none", 0, 0, 6)->file_index = 1;
	add(IORING_OP_SOCKET, AF_UNIX, NULL, 0, SOCK_STREAM, 7)->file_index = ~0U;
	add(IORING_OP_SOCKET, AF_UNIX, NULL, 0, SOCK_STREAM, 8)->file_index = ~0U;
	T(enter(5, 5, IORING_ENTER_GETEVENTS));
	reap_sorted("more");
	add(IORING_OP_CLOSE, 0, NULL, 0, 0, 9)->file_index = 2;
	add(IORING_OP_CLOSE, 0, NULL, 0, 0, 10)->file_index = 2;
	add(IORING_OP_CLOSE, 0, NULL, 0, 0, 11)->file_index = 9;
	T(enter(3, 3, IORING_ENTER_GETEVENTS));
	reap_sorted("close");
	add(IORING_OP_CLOSE, 1, NULL, 0, 0, 12)->file_index = 1;
	go("and a descriptor", 1);
	sqes[*sq_tail % p.sq_entries].open_flags = 0;
	add(IORING_OP_OPENAT, AT_FDCWD, "direct", 0, 0, 13)->file_index = 1;
	sqes[(*sq_tail - 1) % p.sq_entries].open_flags = O_CLOEXEC;
	go("close on exec", 1);
	/* the ring uses the number that was free, and no other descriptor was made */
	IS(dup(fd) == last + 1);
	close(last + 1);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 14)->flags = IOSQE_IO_LINK;
	add(IORING_OP_FSYNC, fd, buf, 0, 0, 15)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 16);
	T(enter(3, 3, IORING_ENTER_GETEVENTS));
	reap_sorted("refused in the middle");
	close_ring();
	close(fd);
}

static void add_poll(int fd, uint64_t data)
{
	add(IORING_OP_POLL_ADD, fd, NULL, 0, 0, data)->poll32_events = POLLIN;
}

static void test_cancel(void)
{
	struct io_uring_sync_cancel_reg sc = { .addr = 1, .timeout = { -1, -1 } };
	int fds[2];

	say("-- cancel");
	NEED(pipe(fds));
	open_ring(16, 0, 0);
	T(reg(IORING_REGISTER_FILES, fds, 2));
	for (int i = 1; i < 6; i++)
		add_poll(fds[0], i);
	add(IORING_OP_READ, fds[0], fds, 4, 0, 6);
	NEED(enter(6, 0, 0));
	T(reg(IORING_REGISTER_SYNC_CANCEL, &sc, 1));
	reap_sorted("by data");
	T(reg(IORING_REGISTER_SYNC_CANCEL, &sc, 1));
	sc.flags = 1 << 20;
	T(reg(IORING_REGISTER_SYNC_CANCEL, &sc, 1));
	T(reg(IORING_REGISTER_SYNC_CANCEL, &sc, 2));
	sc.flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_FD_FIXED;
	sc.fd = 7;
	T(reg(IORING_REGISTER_SYNC_CANCEL, &sc, 1));
	add(IORING_OP_ASYNC_CANCEL, fds[0], NULL, IORING_OP_READ, 0, 7)->cancel_flags =
		IORING_ASYNC_CANCEL_FD | 1 << 5;
	NEED(enter(1, 2, IORING_ENTER_GETEVENTS));
	reap_sorted("by operation");
	add(IORING_OP_ASYNC_CANCEL, 0, (void *)3UL, 0, 0, 8)->cancel_flags =
		IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_FD_FIXED | 1 << 4;
	NEED(enter(1, 2, IORING_ENTER_GETEVENTS));
	reap_sorted("by data and file");
	sc.flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
	sc.fd = fds[0];
	T(reg(IORING_REGISTER_SYNC_CANCEL, &sc, 1));
	reap_sorted("the rest");
	close_ring();
	close(fds[0]);
	close(fds[1]);
}

static const char expected[] =
#include "io_uring_rings.inc"
	;

TEST(io_uring_rings)
{
	if (refused())
		RECORDED(expected);
	test_found();
	test_limits();
	test_odd_rings();
	test_sqpoll();
	test_direct();
	test_cancel();
}
