/* SPDX-License-Identifier: MIT */
/*
 * uring_orders: io_uring: which error comes first, the effect of a failure on a chain and on a
 * request without completion, and second completions.
 */
#include "uring.h"
#include "recorded.h"
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static char expected[] =
#include "uring_orders.inc"
	;
static char buf[5000];

/* Prints all completions by their user data, without the flags of buffers and sockets. */
static void tell(const char *what)
{
	struct io_uring_cqe all[32];
	unsigned todo = *sq_tail - __atomic_load_n(sq_head, __ATOMIC_ACQUIRE), n = 0;
	long r = enter(todo, 0, IORING_ENTER_GETEVENTS);

	/* what Linux does in a worker takes a moment */
	for (int i = 0; i < 20; i++) {
		usleep(1000);
		enter(0, 0, IORING_ENTER_GETEVENTS);
	}
	for (; ready() && n < 32; ++*cq_head)
		all[n++] = cqes[*cq_head & (p.cq_entries - 1)];
	say("-- %s: %ld of %u", what, r, todo);
	for (unsigned data = 0; data < 32; data++)
		for (unsigned i = 0; i < n; i++)
			if (all[i].user_data == data)
				say("%u: %d %s%s%s", data, all[i].res < 0 ? -1 : all[i].res,
					all[i].res == INT_MIN ? "copied" :
					all[i].res < 0        ? t_errno(-all[i].res) :
								"",
					all[i].flags & IORING_CQE_F_MORE ? " more" : "",
					all[i].flags & IORING_CQE_F_NOTIF ? " second" : "");
}

/*
 * Errors that Linux does not count as failures break no chain. A request that skips its completion
 * reports none of them.
 */
static void soft(int file)
{
	add(IORING_OP_MKDIRAT, AT_FDCWD, ".", 0700, 0, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	tell("after a directory");
	add(IORING_OP_OPENAT, AT_FDCWD, "no", 0, 0, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	tell("after an open");
	add(IORING_OP_FSYNC, 77, NULL, 0, 0, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	tell("after no file");
	add(IORING_OP_FALLOCATE, file, (void *)10, 1 << 20, 0, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	tell("after no such mode");
	add(IORING_OP_UNLINKAT, AT_FDCWD, "no", 0, 0, 1)->flags = IOSQE_CQE_SKIP_SUCCESS;
	add(IORING_OP_SHUTDOWN, file, NULL, 0, 0, 2)->flags = IOSQE_CQE_SKIP_SUCCESS;
	tell("silent");
	/* A request without completion has run: DRAIN cannot count what comes before. */
	add(IORING_OP_NOP, -1, NULL, 0, 0, 3)->flags = IOSQE_IO_DRAIN;
	tell("drain");
}

static void refused_chain(void)
{
	add(IORING_OP_NOP, -1, NULL, 0, 0, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2)->flags = 0x80 | IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 3);
	tell("the middle is refused");
	add(IORING_OP_NOP, -1, NULL, 0, 0, 1)->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2)->flags = 0x80 | IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 3);
	tell("the first is silent");
}

static void timeouts(void)
{
	struct __kernel_timespec ts = { 0, 2000000000 }, bad = { 0, -1 };
	struct io_uring_sqe *s;

	s = add(IORING_OP_TIMEOUT_REMOVE, -1, (void *)99, 0, (uintptr_t)&ts, 1);
	s->timeout_flags = IORING_TIMEOUT_UPDATE;
	s = add(IORING_OP_TIMEOUT_REMOVE, -1, (void *)99, 0, (uintptr_t)&ts, 2);
	s->timeout_flags = IORING_LINK_TIMEOUT_UPDATE;
	tell("two thousand million nanoseconds");
	s = add(IORING_OP_TIMEOUT_REMOVE, -1, (void *)99, 0, (uintptr_t)&bad, 1);
	s->timeout_flags = IORING_TIMEOUT_UPDATE;
	tell("less than none");
	add(IORING_OP_TIMEOUT_REMOVE, -1, (void *)99, 0, 0, 1)->flags = IOSQE_FIXED_FILE;
	tell("of a file");
}

static void polls(int file)
{
	int s[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	add(IORING_OP_POLL_ADD, s[0], NULL, 8, 0, 1)->poll32_events = POLLIN;
	tell("level");
	add(IORING_OP_POLL_ADD, file, NULL, 0, 0, 1)->poll32_events = POLLPRI;
	tell("a file that nothing comes from");
	add(IORING_OP_POLL_ADD, file, NULL, IORING_POLL_ADD_MULTI, 0, 1)->poll32_events = POLLIN;
	tell("several of a file");
	add(IORING_OP_POLL_ADD, s[0], NULL, 0, 0, 1)->poll32_events = POLLPRI;
	tell("nothing yet");
	NEED(shutdown(s[1], SHUT_WR));
	tell("RDHUP, asked for or not");
	close(s[0]);
	close(s[1]);
}

static void transfers(int file, int dir)
{
	int s[2], ep = NEED(epoll_create1(0)), ev = NEED(eventfd(0, 0)), pipes[2];
	struct epoll_event e = { EPOLLIN, { 0 } };

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(pipe(pipes));
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e));
	add(IORING_OP_READ_FIXED, pipes[1], buf, 5, 0, 1);
	tell("neither a buffer nor to be read");
	add(IORING_OP_READ, file, buf, 5, 0, 1)->rw_flags = RWF_HIPRI;
	tell("nobody polls");
	add(IORING_OP_WRITE, file, buf, 5, 0, 1)->rw_flags = RWF_NOWAIT;
	tell("without waiting");
	add(IORING_OP_READ, file, buf, 5, (uint64_t)-2, 1);
	tell("before the beginning");
	add(IORING_OP_READ, s[0], buf, 5, (uint64_t)-2, 1);
	tell("the same of a socket");
	add(IORING_OP_READ, s[0], buf, 5, 5, 1);
	tell("a socket has no offset");
	add(IORING_OP_WRITE, s[0], buf, 5, 5, 1);
	tell("a socket has no offset");
	add(IORING_OP_READ, s[0], buf, 0, 0, 1);
	tell("nothing of a socket");
	add(IORING_OP_READ, dir, buf, 0, 0, 1);
	tell("nothing of a directory");
	add(IORING_OP_READ, dir, buf, 1, 0, 1);
	tell("a directory");
	add(IORING_OP_READ, ep, buf, 5, 0, 1);
	tell("an epoll: it waits");
	NEED(write(ev, "\1\0\0\0\0\0\0", 8));
	tell("and then cannot be read");
	add(IORING_OP_WRITE, pipes[1], buf, 5, 0, 1)->rw_flags = RWF_SYNC;
	tell("a pipe has no disk");
	add(IORING_OP_READ, s[0], NULL, 5, 0, 1)->flags = IOSQE_BUFFER_SELECT;
	tell("no buffer");
	add(IORING_OP_READ, pipes[1], NULL, 5, 0, 1)->flags = IOSQE_BUFFER_SELECT;
	tell("no buffer comes first");
	close(s[0]);
	close(s[1]);
	close(ep);
	close(ev);
	close(pipes[0]);
	close(pipes[1]);
}

static void splices(int file)
{
	int s[2], pipes[2];
	struct io_uring_sqe *e;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(pipe(pipes));
	e = add(IORING_OP_SPLICE, s[1], NULL, 5, (uint64_t)-1, 1);
	e->splice_fd_in = s[0];
	e->splice_off_in = (uint64_t)-1;
	tell("without a pipe");
	e = add(IORING_OP_SPLICE, pipes[1], NULL, 5, 5, 1);
	e->splice_fd_in = s[0];
	e->splice_off_in = (uint64_t)-1;
	tell("an offset in a pipe");
	NEED(fcntl(pipes[0], F_SETFL, O_NONBLOCK));
	e = add(IORING_OP_SPLICE, file, NULL, 5, 0, 1);
	e->splice_fd_in = pipes[0];
	e->splice_off_in = (uint64_t)-1;
	tell("out of a pipe that does not wait");
	e = add(IORING_OP_SPLICE, pipes[1], NULL, 5, (uint64_t)-1, 1);
	e->splice_fd_in = pipes[1];
	e->splice_off_in = 5;
	tell("an end that cannot be read");
	close(s[0]);
	close(s[1]);
	close(pipes[0]);
	close(pipes[1]);
}

static void calls(int file)
{
	struct open_how how = { .flags = O_RDONLY };
	struct io_uring_sqe *s;
	int ep = NEED(epoll_create1(0));

	add(IORING_OP_OPENAT2, 77, BAD, 23, (uintptr_t)&how, 1);
	tell("too short a structure");
	add(IORING_OP_NOP, -1, NULL, 0, 0, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_EPOLL_CTL, ep, BAD, EPOLL_CTL_ADD, 0, 2);
	tell("an event that cannot be read");
	add(IORING_OP_UNLINKAT, AT_FDCWD, BAD, 0, 0, 1)->unlink_flags = 1;
	tell("a flag, and a name");
	add(IORING_OP_PROVIDE_BUFFERS, 1, buf, 0, 0, 1);
	tell("buffers of no length");
	s = add(IORING_OP_FADVISE, file, (void *)5, 0, 0, 1);
	s->fadvise_advice = POSIX_FADV_WILLNEED;
	tell("a length in another place");
	s = add(IORING_OP_MSG_RING, 77, (void *)9, 0, 0, 1);
	s->msg_ring_flags = 1;
	tell("no ring, and no message");
	s = add(IORING_OP_MSG_RING, ring, (void *)0, 0, 0, 1);
	s->msg_ring_flags = 1;
	tell("a flag that this has not");
	add(IORING_OP_SOCKET, AF_UNIX, NULL, 0, 0x40 | SOCK_STREAM, 1);
	tell("flags of no socket");
	s = add(IORING_OP_ACCEPT, 77, NULL, 0, 0, 1);
	s->accept_flags = 1;
	tell("accept with a flag");
	close(ep);
}

static void attributes(int file)
{
	char value[10] = "v";

	add(IORING_OP_FSETXATTR, 77, "user.a", 1, (uintptr_t)value, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	tell("an attribute of no file");
	add(IORING_OP_NOP, -1, NULL, 0, 0, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_FGETXATTR, file, "", 1, (uintptr_t)value, 2);
	tell("no name");
	add(IORING_OP_NOP, -1, NULL, 0, 0, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_FSETXATTR, file, "user.a", 1, (uintptr_t)value, 2)->xattr_flags = 8;
	tell("no such flag");
	add(IORING_OP_NOP, -1, NULL, 0, 0, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_FSETXATTR, file, "user.a", 70000, (uintptr_t)value, 2);
	tell("too long");
	add(IORING_OP_FGETXATTR, file, "user.none", 1, (uintptr_t)value, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	tell("none of that name");
}

static void tables(void)
{
	int p[2], bad = -1;
	struct io_uring_sqe *s;

	NEED(pipe(p));
	NEED(reg(IORING_REGISTER_FILES, p, 1));
	add(IORING_OP_FILES_UPDATE, -1, &bad, 1, IORING_FILE_INDEX_ALLOC, 1);
	tell("no file, and no slot");
	add(IORING_OP_FILES_UPDATE, -1, &p[1], 1, IORING_FILE_INDEX_ALLOC, 1);
	tell("no slot");
	add(IORING_OP_POLL_ADD, 0, NULL, 0, 0, 1)->flags = IOSQE_FIXED_FILE;
	tell("a poll of a registered file");
	s = add(IORING_OP_ASYNC_CANCEL, 0, NULL, 0, 0, 2);
	s->flags = IOSQE_FIXED_FILE;
	s->cancel_flags = IORING_ASYNC_CANCEL_FD;
	tell("cancelled by that");
	NEED(reg(IORING_UNREGISTER_FILES, NULL, 0));
	close(p[0]);
	close(p[1]);
}

static void sends(void)
{
	int s[2], u = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	struct io_uring_sqe *e;

	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	NEED(write(s[1], "some", 4));
	e = add(IORING_OP_RECV, s[0], buf, 5, 0, 1);
	e->msg_flags = MSG_DONTWAIT;
	e->ioprio = IORING_RECVSEND_POLL_FIRST;
	tell("polled first, but not waited for");
	add(IORING_OP_SEND_ZC, s[0], buf, 5, 0, 1)->ioprio = IORING_SEND_ZC_REPORT_USAGE;
	tell("AF_UNIX copies");
	add(IORING_OP_SEND_ZC, s[0], buf, 5, 0, 1)->ioprio = 0x4000;
	tell("no such flag");
	add(IORING_OP_OPENAT, AT_FDCWD, "no", 0, 0, 1)->flags = IOSQE_IO_LINK;
	add(IORING_OP_SEND_ZC, u, buf, 5, 0, 2)->ioprio = IORING_SEND_ZC_REPORT_USAGE;
	tell("cancelled");
	add(IORING_OP_SEND_ZC, u, buf, 5, 0, 1)->flags = IOSQE_CQE_SKIP_SUCCESS;
	tell("it cannot be silent");
	close(s[0]);
	close(s[1]);
	close(u);
}

TEST(uring_orders)
{
	int file, dir;

	if (refused())
		RECORDED(expected);
	file = NEED(open("f", O_RDWR | O_CREAT, 0600));
	dir = NEED(open(".", O_RDONLY | O_DIRECTORY));
	NEED(write(file, buf, sizeof(buf)));
	open_ring(32, IORING_SETUP_SUBMIT_ALL, 0);
	refused_chain();
	soft(file);
	timeouts();
	polls(file);
	transfers(file, dir);
	splices(file);
	calls(file);
	attributes(file);
	tables();
	sends();
	close_ring();
}
