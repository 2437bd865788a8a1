/* SPDX-License-Identifier: MIT */
/*
 * patch_aio: io_getevents(2) through a hot call site. A kernel may take events from the ring
 * without being entered, which must be invisible: the events, their number and order, bad
 * arguments, signals in between, other registers, forks, threads, tracers and filters.
 */
#include "t.h"
#include <linux/aio_abi.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>

#define HOT 64
#define ROUNDS 4000
#define MOST 5

static aio_context_t ctx;
static struct iocb iocbs[MOST];
static struct io_event ev[8];
static unsigned long long sent, seen; /* the numbers of events, in order */

/* Is the only site of all calls. */
static __attribute__((noinline)) long getevents(long min, long nr, void *to, void *timeout)
{
	return syscall(SYS_io_getevents, ctx, min, nr, to, timeout);
}

static void submit(int n)
{
	struct iocb *p[MOST];

	for (int i = 0; i < n; i++) {
		iocbs[i].aio_data = sent++;
		p[i] = &iocbs[i];
	}
	if (syscall(SYS_io_submit, ctx, (long)n, p) != n)
		say("io_submit: %s", t_errno(errno));
}

/* True if these are the next @n events, in order. */
static int in_order(const struct io_event *e, long n)
{
	int right = 1;

	for (long i = 0; i < n; i++)
		right &= e[i].data == seen++ && e[i].res == 1 && !e[i].res2;
	return right;
}

static void heat(void)
{
	for (int i = 0; i < HOT; i++) {
		submit(1);
		if (getevents(1, 1, ev, NULL) != 1 || !in_order(ev, 1))
			say("call %d is wrong", i);
	}
}

/* Up to five at a time, around the ring many times. */
static void test_order(void)
{
	struct timespec none = { 0, 0 };
	int waiting = 0, wrong = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int n = i % MOST + 1, min = i % 3, nr = 1 + i * 7 % 8;
		long got;

		if (min > nr)
			min = nr;
		if (min > waiting + n)
			min = waiting + n;
		submit(n);
		waiting += n;
		do {
			got = getevents(min, nr, ev, i % 2 ? &none : NULL);
			wrong += got < min || got > nr || !in_order(ev, got);
			waiting -= (int)got;
		} while (waiting > 20 && got > 0);
	}
	while (waiting > 0 && getevents(1, 1, ev, NULL) == 1) {
		wrong += !in_order(ev, 1);
		waiting--;
	}
	say("%d of %llu out of order, %d left, ring %s", wrong, sent, waiting,
		getevents(0, 8, ev, &none) ? "not empty" : "empty");
}

static void test_arguments(void)
{
	char *end = t_pages(1) + PAGE;
	aio_context_t right = ctx;
	struct timespec none = { 0, 0 };

	submit(4);
	T(getevents(2, 1, ev, &none));
	T(getevents(-1, 1, ev, &none));
	T(getevents(0, 0, ev, &none));
	T(getevents(1, 8, BAD, NULL));
	T(getevents(2, 2, end - sizeof(*ev), NULL));
	T(getevents(1, 1, ev, BAD));
	T(getevents(1, 1, ev, end - 8));
	T(getevents(5, 8, ev, &none) == 4 && in_order(ev, 4));
	submit(2);
	ctx = right + 64;
	T(getevents(1, 1, ev, NULL));
	ctx = 0;
	T(getevents(1, 1, ev, NULL));
	ctx = right;
	T(getevents(1, 8, end - 2 * sizeof(*ev), NULL));
	IS(in_order((void *)(end - 2 * sizeof(*ev)), 2));
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	alarms = alarms + 1;
}

/*
 * Whatever instruction a signal interrupts, no event is lost or comes twice. Ends after a hundred
 * signals.
 */
static void test_signals(void)
{
	struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	int wrong = 0;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	while (alarms < 100 && !wrong) {
		submit(3);
		for (int left = 3; left > 0 && !wrong;) {
			long n = getevents(1, 2, ev, NULL);

			if (n < 0 && errno == EINTR)
				continue;
			wrong += n < 1 || n > 2 || !in_order(ev, n);
			left -= (int)n;
		}
	}
	setitimer(ITIMER_REAL, &never, NULL);
	say("with signals: %s", wrong ? "wrong" : "right");
}

/* All registers but rax, rcx and r11 are as before. */
static void test_registers(void)
{
	int wrong = 0;

	for (int i = 0; i < HOT; i++) {
		unsigned long in[6] = { ctx, 1, 1, (unsigned long)ev, 0, 0x9999 }, out[9], ret;
		register unsigned long *to __asm__("r14") = out;

		submit(1);
		__asm__ volatile("push %%rbp\n\t"
				 "mov %[in], %%rbp\n\t"
				 "mov (%%rbp), %%rdi\n\t"
				 "mov 8(%%rbp), %%rsi\n\t"
				 "mov 16(%%rbp), %%rdx\n\t"
				 "mov 24(%%rbp), %%r10\n\t"
				 "mov 32(%%rbp), %%r8\n\t"
				 "mov 40(%%rbp), %%r9\n\t"
				 "mov $0xb0, %%ebx\n\t"
				 "mov $0xc0, %%r12d\n\t"
				 "mov $0xd0, %%r13d\n\t"
				 "mov $0xf0, %%r15d\n\t"
				 "stc\n\t"
				 "mov %[nr], %%eax\n\t"
				 "syscall\n\t"
				 "sbb %%rcx, %%rcx\n\t"
				 "mov %%rdi, (%[out])\n\t"
				 "mov %%rsi, 8(%[out])\n\t"
				 "mov %%rdx, 16(%[out])\n\t"
				 "mov %%r10, 24(%[out])\n\t"
				 "mov %%r8, 32(%[out])\n\t"
				 "mov %%r9, 40(%[out])\n\t"
				 "mov %%rbx, 48(%[out])\n\t"
				 "add %%r12, 48(%[out])\n\t"
				 "add %%r13, 48(%[out])\n\t"
				 "add %%r15, 48(%[out])\n\t"
				 "mov %%rbp, 56(%[out])\n\t"
				 "mov %%rcx, 64(%[out])\n\t"
				 "pop %%rbp"
				 : "=a"(ret)
				 : [in] "a"(in), [out] "r"(to), [nr] "i"(SYS_io_getevents)
				 : "rcx", "rdx", "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11",
				 "r12", "r13", "r15", "memory", "cc");
		wrong += ret != 1 || !in_order(ev, 1) || memcmp(in, out, sizeof(in)) ||
			 out[6] != 0xb0 + 0xc0 + 0xd0 + 0xf0 || out[7] != (unsigned long)in ||
			 out[8] != -1UL;
	}
	say("registers: %d of %d calls wrong", wrong, HOT);
}

static void *take_one(void *unused)
{
	struct io_event one = { 0 };

	return (void *)(getevents(1, 1, &one, NULL) == 1 && in_order(&one, 1) ? 1L : 0L);
}

static void test_others(void)
{
	struct timespec none = { 0, 0 };
	pthread_t t;
	void *ret;

	submit(3);
	t_wait("child", SPAWN(T(getevents(1, 1, ev, &none)))); /* they are the parent's */
	IS(getevents(1, 1, ev, NULL) == 1 && in_order(ev, 1));
	pthread_create(&t, NULL, take_one, NULL);
	pthread_join(t, &ret);
	say("the thread's event: %s", ret ? "right" : "wrong");
	IS(getevents(1, 1, ev, NULL) == 1 && in_order(ev, 1));
	heat();
}

static void set_up(void)
{
	ctx = 0;
	sent = seen = 0;
	NEED(syscall(SYS_io_setup, 32, &ctx));
	heat();
}

/* A tracer that comes later sees each call. */
static void test_traced(void)
{
	struct user_regs_struct regs;
	int status, calls = 0;
	pid_t pid = SPAWN({
		set_up();
		NEED(ptrace(PTRACE_TRACEME, 0, 0, 0));
		raise(SIGSTOP);
		for (int i = 0; i < 5; i++) {
			submit(1);
			getevents(1, 1, ev, NULL);
		}
		_exit(in_order(ev, 0) ? 7 : 8);
	});

	NEED(waitpid(pid, &status, 0));
	while (WIFSTOPPED(status)) {
		if (!ptrace(PTRACE_GETREGS, pid, 0, &regs) && WSTOPSIG(status) == SIGTRAP)
			calls += regs.orig_rax == SYS_io_getevents;
		NEED(ptrace(PTRACE_SYSCALL, pid, 0, 0));
		NEED(waitpid(pid, &status, 0));
	}
	say("traced: %d stops, exit %d", calls, WEXITSTATUS(status));
}

static void test_filtered(void)
{
	struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_getevents, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDOM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { 4, code };

	set_up();
	submit(1);
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
	T(getevents(1, 1, ev, NULL));
}

TEST(patch_aio)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600));

	for (int i = 0; i < MOST; i++)
		iocbs[i] = (struct iocb){ .aio_lio_opcode = IOCB_CMD_PWRITE,
			.aio_fildes = (unsigned)fd,
			.aio_buf = (unsigned long)"x",
			.aio_nbytes = 1 };
	set_up();
	test_order();
	test_arguments();
	test_signals();
	test_registers();
	test_others();
	submit(1);
	T(syscall(SYS_io_destroy, ctx));
	T(getevents(1, 1, ev, NULL));
	test_traced();
	t_wait("filtered", SPAWN(test_filtered()));
}
