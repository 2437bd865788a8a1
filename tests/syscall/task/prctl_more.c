/* SPDX-License-Identifier: MIT */
/*
 * prctl_more: less common options of prctl(2), and system calls that the caller turns into signals
 * (PR_SET_SYSCALL_USER_DISPATCH).
 */
#include "newer.h"
#include "recorded.h"
#include <elf.h>
#include <linux/prctl.h>
#include <sys/prctl.h>

static volatile char selector;
static volatile int got_code, got_nr, got_arch_ok;
static volatile long got_rax;

static void on_sys(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;

	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	got_code = si->si_code;
	got_nr = si->si_syscall;
	got_arch_ok = si->si_arch == 0xc000003e && si->si_errno == 0;
	got_rax = uc->uc_mcontext.gregs[REG_RAX];
	uc->uc_mcontext.gregs[REG_RAX] = 4711;
}

static long raw(long nr)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(3) : "rcx", "r11", "memory");
	return ret;
}

static long dispatch(
	unsigned long mode, unsigned long offset, unsigned long len, volatile char *sel)
{
	return prctl(PR_SET_SYSCALL_USER_DISPATCH, mode, offset, len, sel);
}

static void blocked_call(void)
{
	long r;

	selector = SYSCALL_DISPATCH_FILTER_BLOCK;
	r = raw(SYS_getppid);
	say("got %ld: code %d, call %s, arch %d, rax was the number %d", r, got_code,
		got_nr == SYS_getppid ? "right" : "wrong", got_arch_ok, got_rax == SYS_getppid);
}

/* A system call at a known address. */
long inner_call(long nr);
extern char inner_end[];
__asm__(".text\n"
	"inner_call: mov %rdi,%rax\n"
	"syscall\n"
	"ret\n"
	"inner_end: nop\n");

/* The range is where calls become signals, all others are made (Linux 6.17). */
static void inclusive(void)
{
	unsigned long at = (unsigned long)inner_call, len = (unsigned long)inner_end - at;
	const unsigned long on = 2; /* PR_SYS_DISPATCH_INCLUSIVE_ON */

	have = !older_than(6, 17);
	CHECK(dispatch(on, 0, 0, &selector), -EINVAL);
	CHECK(dispatch(on, at, 0, &selector), -EINVAL);
	CHECK(dispatch(on, -1UL, 2, &selector), -EINVAL);
	CHECK(dispatch(on, at, len, (char *)-1UL), -EFAULT);
	CHECK(dispatch(3, at, len, &selector), -EINVAL);
	CHECK(dispatch(on, at, len, &selector), 0);
	selector = SYSCALL_DISPATCH_FILTER_BLOCK;
	HOLDS(raw(SYS_getppid) == getppid());
	HOLDS(selector == SYSCALL_DISPATCH_FILTER_BLOCK);
	HOLDS(inner_call(SYS_getppid) == 4711);
	HOLDS(selector == SYSCALL_DISPATCH_FILTER_ALLOW);
	CHECK(dispatch(PR_SYS_DISPATCH_OFF, 0, 0, NULL), 0);
	HOLDS(inner_call(SYS_getppid) == getppid());
}

static void user_dispatch(void)
{
	struct sigaction sa = { .sa_sigaction = on_sys, .sa_flags = SA_SIGINFO };

	say("-- user dispatch");
	NEED(sigaction(SIGSYS, &sa, NULL));
	T(dispatch(7, 0, 0, NULL));
	T(dispatch(PR_SYS_DISPATCH_OFF, 1, 0, NULL));
	T(dispatch(PR_SYS_DISPATCH_OFF, 0, 0, &selector));
	T(dispatch(PR_SYS_DISPATCH_ON, 0x1000, 0, &selector));
	T(dispatch(PR_SYS_DISPATCH_ON, 0x1000, -0x1000UL, &selector));
	T(dispatch(PR_SYS_DISPATCH_ON, 0, 0, (char *)-1UL));
	T(dispatch(PR_SYS_DISPATCH_ON, 0, 0, &selector));
	blocked_call();
	IS(raw(SYS_getppid) == getppid());
	blocked_call();
	CHILD(selector = SYSCALL_DISPATCH_FILTER_BLOCK;
		IS(raw(SYS_getppid) > 0)); /* not inherited */
	CHILD(NEED(dispatch(PR_SYS_DISPATCH_ON, 0, 0, &selector)); selector = 5; raw(SYS_getppid));
	CHILD(NEED(dispatch(PR_SYS_DISPATCH_ON, 0, 0, (char *)t_unmapped())); raw(SYS_getppid));
	CHILD(NEED(dispatch(PR_SYS_DISPATCH_ON, (unsigned long)raw & ~0xfffUL, 0x2000, NULL));
		raw(SYS_exit_group));
	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	T(dispatch(PR_SYS_DISPATCH_OFF, 0, 0, NULL));
	selector = SYSCALL_DISPATCH_FILTER_BLOCK;
	IS(raw(SYS_getppid) > 0);
	inclusive();
}

static void without_capability(void)
{
	struct {
		unsigned version;
		int pid;
	} header = { 0x20080522, 0 };
	struct {
		unsigned effective, permitted, inheritable;
	} none[2] = { 0 };

	NEED(syscall(SYS_capset, &header, none));
	T(prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0));
	T(prctl(PR_SET_IO_FLUSHER, 7, 0, 0, 0));
	T(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0));
	T(prctl(PR_SET_MM, PR_SET_MM_BRK, 0, 0, 0));
	T(prctl(PR_SET_SECUREBITS, 1, 0, 0, 0));
	T(prctl(PR_CAPBSET_DROP, 1, 0, 0, 0));
}

static void wishes(void)
{
	say("-- wishes");
	T(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	T(prctl(PR_SET_THP_DISABLE, 1, 1, 0, 0));
	T(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0));
	T(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	T(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	CHILD(T(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)));
	T(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	T(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	T(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	T(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
	CHILD(T(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0)));
	T(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0));
	T(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	T(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, 9, 0, 0));
	T(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 1, 0, 0));
	T(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0));
	T(prctl(PR_MCE_KILL, 2, 0, 0, 0));
	T(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, 0, 1, 0));
	T(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	T(prctl(PR_MCE_KILL_GET, 1, 0, 0, 0));
	T(prctl(PR_TASK_PERF_EVENTS_DISABLE, 0, 0, 0, 0));
	T(prctl(PR_TASK_PERF_EVENTS_ENABLE, 0, 0, 0, 0));
	CHILD(without_capability());
}

static void refused(void)
{
	say("-- refused");
	T(prctl(PR_GET_SPECULATION_CTRL, 0, 1, 0, 0));
	T(prctl(PR_GET_SPECULATION_CTRL, 99, 0, 0, 0));
	T(prctl(PR_SET_SPECULATION_CTRL, 99, 0, 0, 0));
	T(prctl(PR_SET_SPECULATION_CTRL, 0, 0, 1, 0));
	IS(prctl(PR_GET_SPECULATION_CTRL, 0, 0, 0, 0) >= 0);
	T(prctl(PR_SET_TIMING, 1, 0, 0, 0));
	T(prctl(PR_SET_TIMING, 2, 0, 0, 0));
	T(prctl(PR_SET_PDEATHSIG, 100, 0, 0, 0));
	T(prctl(PR_SET_DUMPABLE, 2, 0, 0, 0));
	T(prctl(PR_SET_NAME, NULL, 0, 0, 0));
	T(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	T(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
	T(prctl(PR_GET_NO_NEW_PRIVS, 0, 1, 0, 0));
	T(prctl(PR_CAP_AMBIENT, 99, 0, 0, 0));
	T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 99, 0, 0));
	T(prctl(PR_SET_ENDIAN, 0, 0, 0, 0));
	T(prctl(PR_SET_FPEMU, 0, 0, 0, 0));
	T(prctl(PR_SET_FPEXC, 0, 0, 0, 0));
	T(prctl(PR_SET_UNALIGN, 0, 0, 0, 0));
	T(prctl(999, 0, 0, 0, 0));
}

#define GET_AUXV 0x41555856 /* PR_GET_AUXV */

/* The call returns the length of the whole vector, even if it does not fit. */
static void auxv(void)
{
	unsigned long v[128] = { 0 }, one[2] = { 0 };
	long n = prctl(GET_AUXV, v, sizeof(v), 0, 0), i = 0;

	IS(n > 64 && n < (long)sizeof(v));
	while (v[i] && v[i] != AT_PAGESZ)
		i += 2;
	T(v[i + 1]);
	IS(prctl(GET_AUXV, one, 8, 0, 0) == n);
	IS(one[0] == v[0] && !one[1]);
	T(prctl(GET_AUXV, v, 8, 1, 0));
	T(prctl(GET_AUXV, NULL, 8, 0, 0));
}

TEST(prctl_more)
{
	user_dispatch();
	wishes();
	refused();
	auxv();
}
