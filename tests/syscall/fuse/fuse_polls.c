/* SPDX-License-Identifier: MIT */
/*
 * fuse_polls: polls of FUSE files without a waiting task: after a notification the server is asked
 * again, its answer from before the event does not count, and a silent server blocks no other poll.
 */
#include "fuse_server.h"
#include "uring.h"
#include <linux/aio_abi.h>

#define FILES 20

static volatile unsigned says; /* of every poll */
static volatile bool silent;   /* the answers are kept back */
static volatile int polls, nr_held;
static unsigned long held[FILES], handles[FILES];
static int files[FILES], nr_handles;
static aio_context_t context;

static void answer(unsigned long unique, unsigned mask)
{
	struct fuse_poll_out o = { .revents = mask };

	reply(unique, 0, &o, sizeof(o));
}

static void know(unsigned long handle)
{
	for (int i = 0; i < nr_handles; i++)
		if (handles[i] == handle)
			return;
	handles[nr_handles++] = handle;
}

static void serve_one(const char *request)
{
	const struct fuse_in_header *h = (const void *)request;
	const struct fuse_poll_in *in = (const void *)(h + 1);

	if (h->opcode != FUSE_POLL) {
		serve_file(h, 0644, 0);
		return;
	}
	know(in->kh);
	if (silent) {
		held[nr_held] = h->unique;
		nr_held++;
		return;
	}
	answer(h->unique, says);
	polls++;
}

static void notify(int file)
{
	struct {
		struct fuse_out_header h;
		struct fuse_notify_poll_wakeup_out o;
	} m = { { sizeof(m), FUSE_NOTIFY_POLL, 0 }, { handles[file] } };

	NEED(write(dev, &m, sizeof(m)));
}

static void let_go(unsigned mask)
{
	says = POLLIN; /* when it is asked the next time */
	silent = false;
	for (int i = 0; i < nr_held; i++)
		answer(held[i], mask);
	nr_held = 0;
}

static void submit(int fd)
{
	struct iocb io = { .aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = fd, .aio_buf = POLLIN },
		    *list = &io;

	NEED(syscall(SYS_io_submit, context, 1, &list));
}

/* Takes up to @n events that come within @ms. Prints how many, and the last. */
static void events(const char *what, int n, int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };
	struct io_event e[FILES];
	long got = NEED(syscall(SYS_io_getevents, context, (long)(ms ? n : 0), (long)n, e, &ts));

	say("%s: %ld, the last: %lld", what, got, got ? (long long)e[got - 1].res & POLLIN : 0);
}

static void asked_again(void)
{
	submit(files[0]);
	events("nothing yet", 1, 0);
	notify(0);
	T_WAIT(polls >= 2);
	events("told for nothing", 1, 0);
	says = POLLIN;
	notify(0);
	events("told", 1, 100000);
	says = 0;
}

/* The server looked before the event: its answer comes after the notification of it. */
static void event_meanwhile(void)
{
	submit(files[0]);
	silent = true;
	notify(0);
	T_WAIT(nr_held == 1);
	notify(0);
	let_go(0);
	events("told meanwhile", 1, 100000);
	says = 0;
}

static void nobody_answers(void)
{
	int fds[2];

	for (int i = 0; i < FILES; i++)
		submit(files[i]);
	silent = true;
	for (int i = 0; i < FILES; i++)
		notify(i);
	T_WAIT(nr_held == FILES);
	NEED(pipe(fds));
	submit(fds[0]);
	NEED(write(fds[1], "x", 1));
	events("a pipe meanwhile", 1, 100000);
	let_go(POLLIN);
	events("at last", FILES, 100000);
	says = 0;
}

static void several_shots(void)
{
	if (refused()) {
		say("shot 1: 1: 1\nshot 2: 1: 1");
		return;
	}
	open_ring(4, 0, 0);
	add(IORING_OP_POLL_ADD, files[0], NULL, IORING_POLL_ADD_MULTI, 0, 1)->poll32_events =
		POLLIN;
	go("armed", 0);
	says = POLLIN;
	notify(0);
	go("shot 1", 1);
	notify(0);
	go("shot 2", 1);
	add(IORING_OP_POLL_REMOVE, -1, (void *)1, 0, 0, 2);
	NEED(enter(1, 2, IORING_ENTER_GETEVENTS));
	close_ring();
	says = 0;
}

TEST(fuse_polls)
{
	CHILD({
		alarm(500);
		fuse_serve();
		NEED(syscall(SYS_io_setup, 2 * FILES, &context));
		for (int i = 0; i < FILES; i++) {
			struct pollfd one = { .events = POLLIN };

			files[i] = one.fd = NEED(open("m/file", O_RDONLY));
			NEED(poll(&one, 1, 0));
			T_WAIT(nr_handles == i + 1);
		}
		polls = 0;
		asked_again();
		event_meanwhile();
		nobody_answers();
		several_shots();
		NEED(syscall(SYS_io_destroy, context));
		for (int i = 0; i < FILES; i++)
			close(files[i]);
		NEED(umount("m"));
	});
}
