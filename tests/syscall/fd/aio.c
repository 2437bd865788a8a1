/* SPDX-License-Identifier: MIT */
/*
 * io_setup(2), io_submit, io_getevents, io_pgetevents, io_cancel, io_destroy: transfers, polls,
 * eventfd, the ring, limits, fork.
 */
#include "t.h"
#include <linux/aio_abi.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/personality.h>

#define setup(nr, ctx) syscall(SYS_io_setup, nr, ctx)
#define destroy(ctx) syscall(SYS_io_destroy, ctx)
#define submit(ctx, nr, iocbs) syscall(SYS_io_submit, ctx, (long)(nr), iocbs)
#define getevents(ctx, min, nr, ev, ts)                                                            \
	syscall(SYS_io_getevents, ctx, (long)(min), (long)(nr), ev, ts)
#define cancel(ctx, io, ev) syscall(SYS_io_cancel, ctx, io, ev)

struct ring {
	unsigned id, nr, head, tail, magic, compat, incompat, header;
};

static aio_context_t ctx;
static struct timespec none = { 0, 0 };

static struct iocb op(int code, int fd, void *buf, size_t n, long long off)
{
	return (struct iocb){ .aio_lio_opcode = code,
		.aio_fildes = fd,
		.aio_buf = (uintptr_t)buf,
		.aio_nbytes = n,
		.aio_offset = off,
		.aio_data = 77 };
}

static long one(struct iocb *io)
{
	return submit(ctx, 1, &io);
}

static void event(const char *what)
{
	struct io_event e;
	long n = getevents(ctx, 1, 1, &e, NULL);

	if (n == 1)
		say("%s: %lld %lld %lld", what, (long long)e.res, (long long)e.res2,
			(long long)e.data);
	else
		say("%s: %ld %s", what, n, t_errno(errno));
}

static void run(const char *what, struct iocb io)
{
	long r = one(&io);

	if (r == 1)
		event(what);
	else
		say("%s: %ld %s", what, r, t_errno(errno));
}

static void test_setup(void)
{
	aio_context_t c = 0, other = 0;

	T(setup(0, &c));
	T(setup(-1, &c));
	T(setup(1, BAD));
	c = 1;
	T(setup(1, &c));
	c = 0;
	T(setup(1 << 25, &c));
	T(setup(100000000, &c));
	T(setup(8, &c));
	T(setup(8, &other));
	IS(c != other);
	say("%#x %u %u", ((struct ring *)c)->magic, ((struct ring *)c)->compat,
		((struct ring *)c)->header);
	T(destroy(c));
	T(destroy(c));
	T(destroy(0));
	T(getevents(c, 0, 1, NULL, &none));
	T(submit(c, 1, NULL));
	T(destroy(other));
}

/* The ring is not executable, although READ_IMPLIES_EXEC makes readable memory executable. */
static void test_no_code(void)
{
	aio_context_t c = 0;
	char line[512], perm[8];
	unsigned long at;
	FILE *f;

	NEED(personality(READ_IMPLIES_EXEC));
	NEED(setup(8, &c));
	f = fopen("/proc/self/maps", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%*x %7s", &at, perm) == 2 && at == c)
			say("ring: %s", perm);
	T(mprotect((void *)c, PAGE, PROT_READ | PROT_EXEC));
}

static void test_rw(void)
{
	char buf[100] = "hello, asynchronous world";
	struct iovec v[2] = { { buf, 5 }, { buf + 50, 20 } };
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600)), ro = NEED(open("f", O_RDONLY)), p[2];
	struct iocb io, *many[4];
	struct iocb ios[4];
	struct io_event ev[8];

	run("write", op(IOCB_CMD_PWRITE, fd, buf, 25, 0));
	memset(buf, 0, sizeof(buf));
	run("read", op(IOCB_CMD_PREAD, fd, buf, 100, 7));
	say("%s", buf);
	run("at the end", op(IOCB_CMD_PREAD, fd, buf, 100, 25));
	run("readv", op(IOCB_CMD_PREADV, fd, v, 2, 0));
	say("%.5s %.20s", buf, buf + 50);
	run("writev", op(IOCB_CMD_PWRITEV, fd, v, 2, 100));
	run("fsync", op(IOCB_CMD_FSYNC, fd, NULL, 0, 0));
	run("fdsync", op(IOCB_CMD_FDSYNC, fd, NULL, 0, 0));
	run("fsync with more", op(IOCB_CMD_FSYNC, fd, buf, 1, 0));
	run("bad fd", op(IOCB_CMD_PREAD, 99, buf, 1, 0));
	run("no write", op(IOCB_CMD_PWRITE, ro, buf, 1, 0));
	run("bad buffer", op(IOCB_CMD_PREAD, fd, BAD, 1, 0));
	run("unmapped", op(IOCB_CMD_PREAD, fd, t_unmapped(), 1, 0));
	run("bad vector", op(IOCB_CMD_PREADV, fd, BAD, 1, 0));
	run("long vector", op(IOCB_CMD_PREADV, fd, v, 2000, 0));
	run("negative", op(IOCB_CMD_PREAD, fd, buf, 1, -1));
	run("too much", op(IOCB_CMD_PREAD, fd, buf, -1, 0));
	run("no code", op(99, fd, buf, 1, 0));
	io = op(IOCB_CMD_PREAD, fd, buf, 1, 0);
	io.aio_reserved2 = 1;
	run("reserved", io);
	io = op(IOCB_CMD_PREAD, fd, buf, 1, 0);
	io.aio_flags = 4;
	run("flags", io);
	io.aio_flags = 0;
	io.aio_rw_flags = 1 << 20;
	run("rw flags", io);
	NEED(pipe(p));
	run("pipe write", op(IOCB_CMD_PWRITE, p[1], "pipe", 4, 0));
	run("pipe read", op(IOCB_CMD_PREAD, p[0], buf, 10, 0));
	for (int i = 0; i < 4; i++) {
		ios[i] = op(IOCB_CMD_PWRITE, i == 2 ? 99 : fd, "abcd" + i, 1, i);
		ios[i].aio_data = i;
		many[i] = &ios[i];
	}
	T(submit(ctx, 4, many));
	T(getevents(ctx, 0, 8, ev, &none));
	say("%lld %lld", (long long)ev[0].data, (long long)ev[1].data);
	IS(ev[0].obj == (uintptr_t)&ios[0]);
	T(submit(ctx, 0, many));
	T(submit(ctx, -1, many));
	T(submit(ctx, 1, BAD));
	many[0] = BAD;
	T(submit(ctx, 1, many));
	close(fd);
	close(ro);
}

static void test_events(void)
{
	struct timespec ms = { 0, 20000000 };
	struct io_event ev[8];
	struct ring *r = (void *)ctx;
	struct iocb io = op(IOCB_CMD_PWRITE, NEED(open("f", O_RDWR)), "x", 1, 0);
	sigset_t set;
	struct {
		void *p;
		size_t n;
	} sig = { &set, 8 };
	pid_t me = getpid(), pid;

	T(getevents(ctx, 1, 1, ev, &ms));
	T(getevents(ctx, 2, 1, ev, &none));
	T(getevents(ctx, -1, 1, ev, &none));
	T(getevents(ctx, 1, 1, ev, BAD));
	T(one(&io));
	T(one(&io));
	IS((r->tail + r->nr - r->head) % r->nr == 2);
	T(getevents(ctx, 1, 8, BAD, NULL));
	T(getevents(ctx, 3, 8, ev, &ms));
	IS(r->tail == r->head);
	T(one(&io));
	IS(((struct io_event *)(r + 1))[r->head].data == 77);
	r->head = (r->head + 1) % r->nr; /* taken without a call */
	T(getevents(ctx, 0, 8, ev, &none));
	t_handle(SIGUSR1, SA_RESTART);
	pid = SPAWN({
		t_until(me, 'S');
		kill(me, SIGUSR1);
	});
	T(getevents(ctx, 1, 1, ev, NULL));
	t_wait("signaller", pid);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	T(syscall(SYS_io_pgetevents, ctx, 1L, 1L, ev, &ms, &sig));
	sigemptyset(&set);
	t_signals = 0;
	T(syscall(SYS_io_pgetevents, ctx, 1L, 1L, ev, NULL, &sig));
	say("signals %d", (int)t_signals);
	sig.n = 4;
	T(syscall(SYS_io_pgetevents, ctx, 1L, 1L, ev, &ms, &sig));
	T(syscall(SYS_io_pgetevents, ctx, 1L, 1L, ev, &ms, BAD));
	close(io.aio_fildes);
}

static void test_poll(void)
{
	int p[2], efd = NEED(eventfd(0, EFD_NONBLOCK));
	struct iocb io, *list = &io;
	struct io_event ev;
	uint64_t n = 0;
	pid_t pid;

	NEED(pipe(p));
	run("writable", op(IOCB_CMD_POLL, p[1], (void *)POLLOUT, 0, 0));
	io = op(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0);
	io.aio_flags = IOCB_FLAG_RESFD;
	io.aio_resfd = efd;
	T(one(&io));
	T(getevents(ctx, 0, 1, &ev, &none));
	T(read(efd, &n, 8));
	NEED(write(p[1], "x", 1));
	n = getevents(ctx, 1, 1, &ev, NULL);
	say("readable: %ld %d", (long)n, (int)ev.res & POLLIN);
	poll(&(struct pollfd){ efd, POLLIN, 0 }, 1, 100000); /* signalled after the event */
	T(read(efd, &n, 8));
	say("%ld", (long)n);
	NEED(read(p[0], &n, 1));
	io.aio_resfd = p[0];
	T(one(&io));
	io.aio_resfd = 99;
	T(one(&io));
	io.aio_flags = 0;
	T(one(&io));
	T(cancel(ctx, &io, &ev));
	event("cancelled");
	T(cancel(ctx, &io, &ev));
	T(cancel(ctx, NULL, &ev));
	T(cancel(0, &io, &ev));
	io.aio_key = 5;
	T(cancel(ctx, &io, &ev));
	T(one(&io));
	pid = SPAWN({
		t_until(getppid(), 'S');
		close(p[1]);
	});
	close(p[1]);
	event("hung up");
	t_wait("closer", pid);
	run("offset", op(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 1));
	run("large mask", op(IOCB_CMD_POLL, p[0], (void *)0x10000, 0, 0));
	NEED(pipe(p));
	io = op(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0);
	CHILD({ /* contexts are not inherited */
		T(submit(ctx, 1, &list));
		T(destroy(ctx));
	});
	/* a process may end with requests that wait */
	CHILD({
		ctx = 0;
		NEED(setup(4, &ctx));
		T(one(&io));
	});
	T(one(&io));
	T(destroy(ctx)); /* and so may a context end */
	close(p[0]);
	close(p[1]);
	close(efd);
}

static void test_full(void)
{
	int p[2], n = 0;
	struct iocb ios[1200], *io;

	ctx = 0;
	NEED(setup(4, &ctx));
	NEED(pipe(p));
	for (; n < 1200; n++) {
		ios[n] = op(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0);
		io = &ios[n];
		if (submit(ctx, 1, &io) != 1)
			break;
	}
	say("full: %s %s", n >= 4 && n < 1200 ? "yes" : "no", t_errno(errno));
	NEED(write(p[1], "x", 1));
	for (int i = 0; i < n; i++) {
		struct io_event e;

		if (getevents(ctx, 1, 1, &e, NULL) != 1 || !(e.res & POLLIN))
			say("event %d is wrong", i);
	}
	T(getevents(ctx, 0, 1, &(struct io_event){ 0 }, &none));
	T(destroy(ctx));
}

static _Atomic pid_t waiters[2];

static void *wait_for_events(void *arg)
{
	struct io_event ev[3];

	waiters[(long)arg == 1] = gettid();
	return (void *)getevents(ctx, (long)arg, (long)arg, ev, NULL);
}

/* Two threads wait at once, for one event and for three. The events come one by one. */
static void test_waiters(void)
{
	int p[4][2];
	struct iocb ios[4], *io;
	pthread_t t[2];
	void *got[2];

	ctx = 0;
	NEED(setup(8, &ctx));
	for (int i = 0; i < 4; i++) {
		NEED(pipe(p[i]));
		ios[i] = op(IOCB_CMD_POLL, p[i][0], (void *)POLLIN, 0, 0);
		io = &ios[i];
		T(submit(ctx, 1, &io));
	}
	for (long i = 0; i < 2; i++) {
		pthread_create(&t[i], NULL, wait_for_events, (void *)(i ? 1L : 3L));
		T_WAIT(waiters[i] && t_state(waiters[i]) == 'S');
	}
	for (int i = 0; i < 4; i++)
		NEED(write(p[i][1], "x", 1));
	for (int i = 0; i < 2; i++) {
		pthread_join(t[i], &got[i]);
		say("%ld events", (long)got[i]);
	}
	T(destroy(ctx));
}

/* mremap() of the ring changes the context's id, also while a request waits. */
static void test_moved(void)
{
	aio_context_t old;
	struct ring *ring;
	struct io_event e;
	struct iocb io, *list = &io;
	size_t size;
	int p[2];
	void *to;

	ctx = 0;
	NEED(setup(8, &ctx));
	NEED(pipe(p));
	io = op(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0);
	T(one(&io));
	old = ctx;
	size = sizeof(struct ring) + ((struct ring *)old)->nr * sizeof(struct io_event);
	to = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ctx = (aio_context_t)mremap((void *)old, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	IS(ctx == (aio_context_t)to);
	T(submit(old, 1, &list));
	T(getevents(old, 0, 1, NULL, &none));
	T(destroy(old));
	NEED(write(p[1], "x", 1));
	ring = (struct ring *)ctx;
	T_WAIT(__atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) != ring->head);
	T(getevents(ctx, 1, 1, &e, NULL));
	IS(e.res & POLLIN);
	T(destroy(ctx));
	T(mincore(to, 4096, (unsigned char[1]){ 0 }));
	close(p[0]);
	close(p[1]);
}

TEST(aio)
{
	test_setup();
	CHILD(test_no_code());
	NEED(setup(16, &ctx));
	test_rw();
	test_events();
	test_poll();
	test_full();
	test_waiters();
	test_moved();
}
