/* SPDX-License-Identifier: MIT */
/*
 * uring_futex: io_uring: FUTEX_WAIT, FUTEX_WAITV, FUTEX_WAKE; cancelling them, or WAITID; a wakeup
 * is not lost with a waiter that goes.
 */
#include "uring.h"
#include "recorded.h"
#include <linux/futex.h>
#include <pthread.h>

#define OP_WAITID 50
#define OP_WAIT 51
#define OP_WAKE 52
#define OP_WAITV 53
#define SIZE_U32 2

static const char expected[] =
#include "uring_futex.inc"
	;

static unsigned *words; /* shared with children */
static struct futex_waitv vec[4];

static struct io_uring_sqe *word(
	int op, const void *at, uint64_t val, unsigned flags, uint64_t mask, int data)
{
	struct io_uring_sqe *s = add(op, (int)flags, at, 0, val, (unsigned)data);

	s->addr3 = mask;
	return s;
}

/* Does as go(), for several requests that end at once. */
static void go_all(const char *what, unsigned n)
{
	unsigned todo = *sq_tail - __atomic_load_n(sq_head, __ATOMIC_ACQUIRE);

	T(enter(todo, n, IORING_ENTER_GETEVENTS));
	reap_sorted(what);
}

static void wait_add(int w, int data)
{
	word(OP_WAIT, &words[w], words[w], SIZE_U32, ~0U, data);
}

static long wake(int w, int nr)
{
	return syscall(SYS_futex, &words[w], FUTEX_WAKE, nr, NULL, NULL, 0);
}

static void waitv_add(int nr, int data)
{
	for (int i = 0; i < nr; i++)
		vec[i] = (struct futex_waitv){ words[i], (uintptr_t)&words[i], SIZE_U32, 0 };
	add(OP_WAITV, 0, vec, (unsigned)nr, 0, (unsigned)data);
}

static void plain(void)
{
	wait_add(0, 1);
	wait_add(0, 2);
	go("queued", 0);
	say("woken: %ld", wake(0, 1));
	go("the first", 1);
	word(OP_WAKE, &words[0], 5, SIZE_U32, ~0U, 3);
	go_all("woken by a request", 2);
	word(OP_WAKE, &words[0], 5, SIZE_U32, ~0U, 4);
	go("nobody", 1);
	word(OP_WAIT, &words[0], words[0] + 1, SIZE_U32, ~0U, 5);
	go("another value", 1);
	word(OP_WAIT, &words[0], words[0], SIZE_U32, 2, 6);
	word(OP_WAKE, &words[0], 5, SIZE_U32, 1, 7);
	go("another bit", 1);
	word(OP_WAKE, &words[0], 5, SIZE_U32, 3, 8);
	go_all("that bit", 2);
	word(OP_WAIT, &words[0], words[0], SIZE_U32 | FUTEX_PRIVATE_FLAG, ~0U, 9);
	word(OP_WAKE, &words[0], 5, SIZE_U32 | FUTEX_PRIVATE_FLAG, ~0U, 10);
	go_all("private", 2);
	wait_add(0, 11);
	go("queued", 0);
	say("moved: %ld", syscall(SYS_futex, &words[0], FUTEX_REQUEUE, 0, 5, &words[1], 0));
	say("woken: %ld %ld", wake(0, 5), wake(1, 5));
	go("moved", 1);
}

static void several(void)
{
	waitv_add(4, 1);
	go("queued", 0);
	say("woken: %ld", wake(2, 1));
	go("the third", 1);
	waitv_add(3, 2);
	waitv_add(3, 3);
	go("queued", 0);
	say("woken: %ld", wake(1, 9));
	go_all("both", 2);
	waitv_add(4, 4);
	vec[3].val++;
	go("another value", 1);
	say("woken: %ld", wake(0, 9));
	add(OP_WAITV, 0, vec, 0, 0, 5);
	go("none", 1);
	add(OP_WAITV, 0, vec, 129, 0, 5);
	go("too many", 1);
	add(OP_WAITV, 0, (void *)0x1000, 1, 0, 5);
	go("nowhere", 1);
	add(OP_WAITV, 0, NULL, 1, 0, 5);
	go("null", 1);
	add(OP_WAITV, 1, vec, 1, 0, 5);
	go("a descriptor", 1);
	add(OP_WAITV, 0, vec, 1, 1, 5);
	go("an offset", 1);
	waitv_add(1, 6);
	vec[0].__reserved = 1;
	go("reserved", 1);
	waitv_add(1, 6);
	vec[0].flags = 0;
	go("a byte", 1);
}

static void odd_one(const char *what, int op)
{
	say("%s", what);
	word(op, &words[0], 7, 0, ~0U, 1);
	go("a byte", 1);
	word(op, &words[0], 7, 0x40 | SIZE_U32, ~0U, 1);
	go("unknown flag", 1);
	word(op, &words[0], 7, SIZE_U32, 0, 1);
	go("no mask", 1);
	word(op, &words[0], 7, SIZE_U32, 1ULL << 32, 1);
	go("large mask", 1);
	word(op, &words[0], 1ULL << 32, SIZE_U32, ~0U, 1);
	go("large value", 1);
	word(op, (char *)words + 1, 7, SIZE_U32, ~0U, 1);
	go("not aligned", 1);
	word(op, (void *)0x1000, 7, SIZE_U32, ~0U, 1);
	go("not there", 1);
	word(op, &words[0], 7, SIZE_U32, ~0U, 1)->len = 1;
	go("a length", 1);
	word(op, &words[0], 7, SIZE_U32, ~0U, 1)->rw_flags = 1;
	go("flags", 1);
	word(op, &words[0], 7, SIZE_U32, ~0U, 1)->buf_index = 1;
	go("a buffer", 1);
	word(op, &words[0], 7, SIZE_U32, ~0U, 1)->file_index = 1;
	go("a file", 1);
	word(op, &words[0], 7, SIZE_U32, ~0U, 1)->ioprio = 1;
	go("a priority", 1);
}

static void odd(void)
{
	odd_one("wait", OP_WAIT);
	odd_one("wake", OP_WAKE);
	word(OP_WAKE, &words[0], 0, SIZE_U32, ~0U, 1);
	go("wake none", 1);
}

static void sync_cancel(const char *what, unsigned flags, uint64_t data)
{
	struct io_uring_sync_cancel_reg sc = {
		.addr = data, .fd = -1, .flags = flags, .timeout = { -1, -1 }
	};

	say("%s: %ld", what, reg(IORING_REGISTER_SYNC_CANCEL, &sc, 1));
}

static void cancelled(void)
{
	struct __kernel_timespec limit = { 0, 20000000 };
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	for (int i = 0; i < 3; i++) {
		if (i == 0)
			wait_add(0, 1);
		else if (i == 1)
			waitv_add(3, 1);
		else
			add(OP_WAITID, pid, NULL, P_PID, 0, 1)->file_index = WEXITED;
		sqes[(*sq_tail - 1) & (p.sq_entries - 1)].flags = IOSQE_IO_LINK;
		add(IORING_OP_LINK_TIMEOUT, -1, &limit, 1, 0, 2);
		go_all("limited", 2);
	}
	wait_add(0, 1);
	go("queued", 0);
	add(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0, 2);
	go_all("cancelled", 2);
	wait_add(0, 1);
	waitv_add(3, 1);
	go("queued", 0);
	sync_cancel("at once", 0, 1);
	go_all("one", 1);
	sync_cancel("at once, nobody", 0, 3);
	sync_cancel("at once, all", IORING_ASYNC_CANCEL_ALL, 1);
	go_all("all", 1);
	say("nobody waits: %ld", wake(0, 9));
	t_kill(pid);
}

/* ---- those that go ---- */

static void *waiter(void *arg)
{
	unsigned *w = arg;

	while (__atomic_load_n(w, __ATOMIC_SEQ_CST) == 0)
		syscall(SYS_futex, w, FUTEX_WAIT, 0, NULL, NULL, 0);
	return NULL;
}

/*
 * A request is woken and cancelled at the same moment, while a thread waits too: either the request
 * or the thread gets the wake-up; it is never lost.
 */
static void race(void)
{
	for (int i = 0; i < 200; i++) {
		unsigned *w = &words[8];
		pthread_t t;
		bool ours = false;

		*w = 0;
		word(OP_WAIT, w, 0, SIZE_U32, ~0U, 1);
		enter(1, 0, 0);
		pthread_create(&t, NULL, waiter, w);
		if (i & 1)
			usleep(100);
		__atomic_store_n(w, 1, __ATOMIC_SEQ_CST);
		wake(8, 1);
		add(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0, 2);
		enter(1, 2, IORING_ENTER_GETEVENTS);
		for (unsigned n = ready(); n; n--) {
			struct io_uring_cqe *c = &cqes[*cq_head & (p.cq_entries - 1)];

			ours = ours || (c->user_data == 1 && !c->res);
			__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
		}
		/* the wake-up is used: the thread needs another */
		if (ours)
			wake(8, 1);
		pthread_join(t, NULL);
	}
	say("none is lost");
}

/* After a ring is closed, a task ends or a program is replaced by exec, no waiter is left. */
static void go_away(const char *what, int how)
{
	int gate[2];
	pid_t pid;
	char c;

	NEED(pipe2(gate, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		open_ring(8, 0, 0);
		wait_add(4, 1);
		waitv_add(3, 2);
		enter(2, 0, 0);
		if (how == 0)
			close_ring();
		if (how == 3)
			execl("/bin/sleep", "sleep", "100", NULL);
		if (write(gate[1], "x", 1) == 1 && how == 1)
			_exit(0);
		pause();
		_exit(0);
	}
	close(gate[1]);
	if (read(gate[0], &c, 1) < 0)
		say("no answer");
	close(gate[0]);
	if (how == 2)
		kill(pid, SIGKILL);
	if (how == 1 || how == 2)
		t_until(pid, 'Z');
	for (int i = 0; how == 0 && i < 500 && (wake(4, 9) || wake(1, 9)); i++)
		usleep(10000); /* that ends a moment later */
	say("%s: %ld %ld", what, wake(4, 9), wake(1, 9));
	t_kill(pid);
}

/* Lets a child wake a request of its parent. */
static void other(void)
{
	pid_t pid;

	wait_add(3, 1);
	go("queued", 0);
	pid = fork();
	if (!pid) {
		wake(3, 1);
		_exit(0);
	}
	go("by another process", 1);
	waitpid(pid, NULL, 0);
}

TEST(uring_futex)
{
	if (refused())
		RECORDED(expected);
	alarm(200);
	words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(words == MAP_FAILED ? -1 : 0);
	for (int i = 0; i < 2; i++) {
		open_ring(8, i ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN : 0, 0);
		plain();
		several();
		odd();
		cancelled();
		other();
		race();
		close_ring();
	}
	go_away("closed", 0);
	go_away("ended", 1);
	go_away("killed", 2);
	go_away("another program", 3);
}
