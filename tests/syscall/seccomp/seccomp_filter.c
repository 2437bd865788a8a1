/* SPDX-License-Identifier: MIT */
/*
 * seccomp(2): chains of filters and their results, arithmetic, all threads at once, programs that
 * are refused.
 */
#include "t.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RET(k) BPF_STMT(BPF_RET | BPF_K, k)
#define IF_NR(nr, then) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), RET(then)

static long install(struct sock_filter *f, unsigned short n, unsigned flags)
{
	struct sock_fprog prog = { n, f };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}
#define INSTALL(flags, ...)                                                                        \
	({                                                                                         \
		struct sock_filter f_[] = { __VA_ARGS__ };                                         \
		install(f_, sizeof(f_) / sizeof(f_[0]), flags);                                    \
	})

static volatile int got_nr, got_code, got_errno;

static void on_sys(int sig, siginfo_t *si, void *uc)
{
	got_nr = si->si_syscall;
	got_code = si->si_code;
	got_errno = si->si_errno;
}

static void results(void)
{
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	T(INSTALL(0, LOAD(nr), IF_NR(SYS_getppid, SECCOMP_RET_ERRNO | 42),
		IF_NR(SYS_getuid, SECCOMP_RET_ERRNO | 5000), IF_NR(SYS_getgid, SECCOMP_RET_TRACE),
		IF_NR(SYS_geteuid, SECCOMP_RET_TRAP | 7), IF_NR(SYS_getegid, SECCOMP_RET_LOG),
		RET(SECCOMP_RET_ALLOW)));
	T(prctl(PR_GET_SECCOMP));
	T(syscall(SYS_getppid));
	T(syscall(SYS_getuid) < 0);
	T(syscall(SYS_getgid));
	say("%d", (int)syscall(SYS_getegid) >= 0);
	{
		struct sigaction sa = { .sa_sigaction = on_sys, .sa_flags = SA_SIGINFO };

		NEED(sigaction(SIGSYS, &sa, NULL));
	}
	syscall(SYS_geteuid);
	say("trap: call %d code %d errno %d", got_nr == SYS_geteuid, got_code, got_errno);
	/* a second filter: the stricter result counts */
	T(INSTALL(0, LOAD(nr), IF_NR(SYS_getppid, SECCOMP_RET_ALLOW),
		IF_NR(SYS_gettid, SECCOMP_RET_ERRNO | 3), RET(SECCOMP_RET_ALLOW)));
	T(syscall(SYS_getppid));
	T(syscall(SYS_gettid));
	CHILD(T(syscall(SYS_gettid)));
	T(INSTALL(0, LOAD(args[0]), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x1234, 0, 3), LOAD(nr),
		IF_NR(SYS_close, SECCOMP_RET_ERRNO | 22), RET(SECCOMP_RET_ALLOW)));
	T(close(0x1234));
	T(close(0x1235));
}

/*
 * A number that is no call's is judged as any other: -1 as well, which a tracer uses for "make
 * none".
 */
static void no_calls(void)
{
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	T(INSTALL(
		0, LOAD(nr), IF_NR((unsigned)-2, SECCOMP_RET_ERRNO | 43), RET(SECCOMP_RET_ALLOW)));
	T(syscall(-1));
	T(syscall(-2));
	T(INSTALL(
		0, LOAD(nr), IF_NR((unsigned)-1, SECCOMP_RET_ERRNO | 42), RET(SECCOMP_RET_ALLOW)));
	T(syscall(-1));
	T(INSTALL(0, LOAD(nr), IF_NR((unsigned)-1, SECCOMP_RET_KILL_PROCESS),
		RET(SECCOMP_RET_ALLOW)));
	T(syscall(-1));
}

static void arithmetic(void)
{
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	T(INSTALL(0, LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 1, 0),
		RET(SECCOMP_RET_ALLOW), LOAD(args[0]), BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_LDX | BPF_IMM, 1000), BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
		BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_IMM, SECCOMP_RET_ERRNO),
		BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0), BPF_STMT(BPF_RET | BPF_A, 0)));
	T(close(1002));
	T(close(1010));
}

static void death(unsigned action)
{
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	NEED(INSTALL(0, LOAD(nr), IF_NR(SYS_getppid, action), RET(SECCOMP_RET_ALLOW)));
	syscall(SYS_getppid);
	say("not reached");
}

static void *thread_calls(void *go)
{
	while (!*(volatile int *)go)
		sched_yield();
	return (void *)(long)(syscall(SYS_getppid) == -1 ? errno : 0);
}

static void threads(void)
{
	volatile int go = 0;
	pthread_t t;
	void *r;

	NEED0(pthread_create(&t, NULL, thread_calls, (void *)&go));
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	T(INSTALL(SECCOMP_FILTER_FLAG_TSYNC, LOAD(nr), IF_NR(SYS_getppid, SECCOMP_RET_ERRNO | 11),
		RET(SECCOMP_RET_ALLOW)));
	go = 1;
	pthread_join(t, &r);
	say("the other thread: %ld", (long)r);
}

static void refused(void)
{
	struct sock_filter none;

	T(INSTALL(0x1000, RET(SECCOMP_RET_ALLOW)));
	T(syscall(SYS_seccomp, 99, 0, NULL));
	T(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL));
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	T(install(&none, 0, 0));
	T(install(BAD, 1, 0));
	T(INSTALL(0, LOAD(nr))); /* does not return */
	T(INSTALL(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RET(0)));
	T(INSTALL(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RET(0)));
	T(INSTALL(0, BPF_STMT(BPF_LD | BPF_MEM, 16), RET(0)));
	T(INSTALL(0, BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), RET(0)));
	T(INSTALL(0, BPF_JUMP(BPF_JMP | BPF_JA, 5, 0, 0), RET(0)));
	T(INSTALL(0, BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RET(0)));
	T(INSTALL(0, BPF_STMT(0xffff, 0), RET(0)));
	CHILD({
		NEED(INSTALL(0, RET(SECCOMP_RET_ALLOW)));
		T(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
	});
}

TEST(seccomp_filter)
{
	unsigned action = SECCOMP_RET_KILL_PROCESS;

	T(prctl(PR_GET_SECCOMP));
	CHILD(results());
	CHILD(no_calls());
	CHILD(arithmetic());
	CHILD(death(SECCOMP_RET_KILL_PROCESS));
	CHILD(death(SECCOMP_RET_TRAP));
	CHILD(threads());
	CHILD(refused());
	CHILD({
		NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
		say("strict: writing is allowed");
		syscall(SYS_getpid);
		say("not reached");
	});
	CHILD({
		NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
		syscall(SYS_exit, 3);
	});
	CHILD({
		NEED(setuid(65534));
		T(INSTALL(0, RET(SECCOMP_RET_ALLOW)));
	});
	T(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
	action = 0x12340000;
	T(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
}
