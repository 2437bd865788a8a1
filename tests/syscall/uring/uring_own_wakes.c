/* SPDX-License-Identifier: MIT */
/*
 * uring_own_wakes: io_uring: requests that a task's own call wakes have completed when that call
 * returns; and what a multishot poll reports if more events come before its completion is read.
 */
#include "uring.h"
#include "recorded.h"
#include <sys/eventfd.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static const char expected[] =
#include "uring_own_wakes.inc"
	;

/* Prints the completions that are there, by user data, without a system call. */
static void see(const char *what)
{
	struct io_uring_cqe got[16];
	unsigned n = ready() < 16 ? ready() : 16;

	for (unsigned i = 0; i < n; i++) {
		struct io_uring_cqe c = cqes[*cq_head & (p.cq_entries - 1)];
		unsigned at = i;

		for (; at > 0 && got[at - 1].user_data > c.user_data; at--)
			got[at] = got[at - 1];
		got[at] = c;
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	}
	for (unsigned i = 0; i < n; i++)
		say("%s: %lld: %d flags %x", what, (long long)got[i].user_data, got[i].res,
			got[i].flags);
}

static void submit(unsigned n)
{
	if (enter(n, 0, 0) != (long)n)
		say("not submitted");
}

static void pipes(void)
{
	int fd[2];
	char c[8];

	NEED(pipe(fd));
	add(IORING_OP_POLL_ADD, fd[0], NULL, 0, 0, 1)->poll32_events = POLLIN;
	add(IORING_OP_READ, fd[0], c, 2, 0, 2);
	submit(2);
	see("nothing");
	NEED(write(fd[1], "ab", 2));
	see("written");
	add(IORING_OP_POLL_ADD, fd[0], NULL, IORING_POLL_ADD_MULTI, 0, 3)->poll32_events = POLLIN;
	submit(1);
	see("nothing");
	for (int i = 0; i < 3; i++) {
		NEED(write(fd[1], "c", 1));
		see("a shot");
	}
	NEED(read(fd[0], c, 8));
	see("read");
	close(fd[1]);
	see("closed");
	close(fd[0]);
}

static void sockets(void)
{
	char in[16];
	int s[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	add(IORING_OP_RECV, s[1], in, 4, 0, 1)->msg_flags = MSG_WAITALL;
	submit(1);
	NEED(send(s[0], "ab", 2, 0));
	see("half");
	NEED(send(s[0], "cd", 2, 0));
	see("all");
	add(IORING_OP_RECV, s[1], in, 4, 0, 2)->flags = IOSQE_IO_LINK;
	add(IORING_OP_SEND, s[1], "answer", 6, 0, 3);
	submit(2);
	NEED(send(s[0], "q", 1, 0));
	say("%zd", recv(s[0], in, sizeof(in), MSG_DONTWAIT));
	see("a chain");
	add(IORING_OP_RECV, s[1], in, 4, 0, 4);
	submit(1);
	shutdown(s[0], SHUT_RDWR);
	see("the end");
	close(s[0]);
	close(s[1]);
}

static void eventfds(void)
{
	int e = NEED(eventfd(0, EFD_NONBLOCK)), ep = NEED(epoll_create1(0)),
	    told = NEED(eventfd(0, EFD_NONBLOCK));
	struct epoll_event ev = { .events = EPOLLIN };
	uint64_t v;

	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, e, &ev));
	NEED(reg(IORING_REGISTER_EVENTFD, &told, 1));
	add(IORING_OP_READ, e, &v, 8, 0, 1);
	add(IORING_OP_POLL_ADD, ep, NULL, 0, 0, 2)->poll32_events = POLLIN;
	submit(2);
	NEED(eventfd_write(e, 5));
	say("told %d", eventfd_read(told, &v) == 0);
	see("an epoll's and the other");
	NEED(reg(IORING_UNREGISTER_EVENTFD, NULL, 0));
	close(told);
	close(e);
	close(ep);
}

/* Waits in enter for completions that the calls of another thread or of a child cause. */
static int other_end;
static void *writer(void *arg)
{
	NEED(write(other_end, "x", 1));
	return NULL;
}
static void others(void)
{
	pthread_t t;
	int fd[2];
	char c;

	NEED(pipe(fd));
	other_end = fd[1];
	add(IORING_OP_READ, fd[0], &c, 1, 0, 1);
	submit(1);
	pthread_create(&t, NULL, writer, NULL);
	go("a thread's", 1);
	pthread_join(t, NULL);
	add(IORING_OP_READ, fd[0], &c, 1, 0, 2);
	submit(1);
	if (!fork()) {
		NEED(write(fd[1], "x", 1));
		_exit(0);
	}
	go("a child's", 1);
	wait(NULL);
	close(fd[0]);
	close(fd[1]);
}

/* Checks that calls which wake a request of their own task, and must complete it, sleep on. */
static void sleeps(void)
{
	struct timespec ms = { 0, 20000000 };
	char buf[70000];
	pid_t pid;
	int fd[2];
	ssize_t n;
	char c;

	NEED(pipe(fd));
	pid = fork();
	if (!pid) {
		struct pollfd p = { fd[0], POLLIN, 0 };

		poll(&p, 1, -1);
		while (read(fd[0], buf, sizeof(buf)) > 0)
			nanosleep(&ms, NULL);
		_exit(0);
	}
	add(IORING_OP_POLL_ADD, fd[0], NULL, 0, 0, 1)->poll32_events = POLLIN;
	submit(1);
	memset(buf, 'x', sizeof(buf));
	for (size_t done = 0; done < sizeof(buf); done += (size_t)n)
		n = NEED(write(fd[1], buf + done, sizeof(buf) - done));
	see("a long write");
	close(fd[1]);
	t_kill(pid);
	NEED(pipe(fd));
	add(IORING_OP_READ, fd[0], &c, 1, 0, 2);
	submit(1);
	NEED(write(fd[1], "x", 1));
	NEED(nanosleep(&ms, NULL));
	see("slept");
	close(fd[0]);
	close(fd[1]);
}

/* ---- DEFER_TASKRUN ---- */

static void deferred(void)
{
	int s[2], room = 1, all = 0, shots = 0, fd[2];
	char c[2] = { 0 };

	NEED(pipe(fd));
	open_ring(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0);
	add(IORING_OP_POLL_ADD, fd[1], NULL, IORING_POLL_ADD_MULTI, 0, 1)->poll32_events = POLLOUT;
	submit(1);
	say("before it is asked for: %u", ready());
	enter(0, 1, IORING_ENTER_GETEVENTS);
	see("asked");
	close_ring();
	close(fd[0]);
	close(fd[1]);
	open_ring(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	while (send(s[0], c, 2, MSG_DONTWAIT) > 0)
		;
	add(IORING_OP_POLL_ADD, s[0], NULL, IORING_POLL_ADD_MULTI, 0, 1)->poll32_events =
		POLLIN | POLLOUT;
	submit(1);
	NEED(send(s[1], c, 2, 0));
	while (recv(s[1], c, 2, MSG_DONTWAIT) > 0)
		;
	enter(0, 1, IORING_ENTER_GETEVENTS);
	for (unsigned n = ready(); n; n--, shots++) {
		all |= cqes[*cq_head & (p.cq_entries - 1)].res;
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	}
	say("in and out: %x, %d", all, shots);
	close(s[0]);
	close(s[1]);
	close_ring();
}

/*
 * Polls a ring from another, before or after the polled one is enabled. A completion in the polled
 * ring is seen at once.
 */
static void ring_polls(bool early)
{
	struct io_uring_params q = { .flags = IORING_SETUP_SINGLE_ISSUER |
					      IORING_SETUP_DEFER_TASKRUN |
					      IORING_SETUP_R_DISABLED };
	int fd = NEED(setup(8, &q));
	struct io_uring_sqe *entries = mmap(NULL, 8 * sizeof(*entries), PROT_READ | PROT_WRITE,
		MAP_SHARED, fd, IORING_OFF_SQES);
	char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);

	for (int i = 0; i < 2; i++) {
		if ((i == 0) == early) {
			add(IORING_OP_POLL_ADD, fd, NULL, 0, 0, 1)->poll32_events = POLLIN;
			submit(1);
			see("nothing");
		} else {
			NEED(syscall(
				SYS_io_uring_register, fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
		}
	}
	memset(entries, 0, sizeof(*entries)); /* NOP */
	*(unsigned *)(at + q.sq_off.array) = 0;
	__atomic_store_n((unsigned *)(at + q.sq_off.tail), 1, __ATOMIC_RELEASE);
	NEED(syscall(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0UL));
	see(early ? "polled before" : "polled after");
	munmap(entries, 8 * sizeof(*entries));
	munmap(at, 4096);
	close(fd);
}

/* A thread with pending work of its own exits, or execs: its requests go, and the others stay. */
static void ends(void)
{
	int fd[2], status = 0;

	for (int i = 0; i < 60; i++) {
		NEED(pipe(fd));
		pid_t pid = fork();

		if (!pid) {
			char c;

			open_ring(8,
				i % 2 ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN : 0,
				0);
			add(IORING_OP_POLL_ADD, fd[0], NULL, IORING_POLL_ADD_MULTI, 0, 1)
				->poll32_events = POLLIN;
			add(IORING_OP_READ, fd[0], &c, 1, 0, 2);
			add(IORING_OP_POLL_ADD, ring, NULL, 0, 0, 3)->poll32_events = POLLIN;
			submit(3);
			NEED(write(fd[1], "xyz", 3));
			if (i % 3 == 0)
				execl("/bin/true", "true", NULL);
			if (i % 3 == 1)
				kill(getpid(), SIGKILL);
			close(ring);
			_exit(0);
		}
		close(fd[0]);
		close(fd[1]);
		waitpid(pid, &status, 0);
	}
	say("all have ended");
}

TEST(uring_own_wakes)
{
	if (refused())
		RECORDED(expected);
	alarm(200);
	open_ring(8, 0, 0);
	pipes();
	sockets();
	eventfds();
	others();
	sleeps();
	ring_polls(false);
	ring_polls(true);
	close_ring();
	deferred();
	ends();
}
