/* SPDX-License-Identifier: MIT */
/* seccomp(2) and prctl's form: strict mode, filters, their actions and their inheritance. */
#include "t.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

static volatile int caught, caught_call, caught_code, caught_errno;
static void on_sys(int sig, siginfo_t *si, void *context)
{
	caught = sig;
	caught_call = si->si_syscall;
	caught_code = si->si_code;
	caught_errno = si->si_errno;
}

static int filter(int nr, unsigned action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 4, code };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

static void arguments(void)
{
	/* refuse only close(77) */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 77, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | E2BIG),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 9, code };

	T(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0));
	T(syscall(SYS_close, 77));
	T(syscall(SYS_close, 78));
	T(prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
}

TEST(seccomp)
{
	struct sigaction sa = { .sa_sigaction = on_sys, .sa_flags = SA_SIGINFO };
	unsigned action = SECCOMP_RET_ERRNO;
	struct sock_fprog prog = { 0, NULL };

	if (t_argc > 1) {
		T(syscall(SYS_getppid));
		return;
	}
	T(prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	CHILD(T(filter(SYS_getppid, SECCOMP_RET_ERRNO | ENOTTY)); T(syscall(SYS_getppid));
		CHILD(T(syscall(SYS_getppid)));
		CHILD(execl("/proc/self/exe", "seccomp", "exec", NULL)));
	CHILD(T(filter(SYS_getppid, SECCOMP_RET_KILL_PROCESS)); syscall(SYS_getppid));
	CHILD(T(filter(SYS_getppid, SECCOMP_RET_KILL_THREAD)); syscall(SYS_getppid));
	CHILD({
		sigaction(SIGSYS, &sa, NULL);
		T(filter(SYS_getppid, SECCOMP_RET_TRAP | 123));
		syscall(SYS_getppid);
		say("%s call is getppid %d code %d errno %d", t_signame(caught),
			caught_call == SYS_getppid, caught_code, caught_errno);
	});
	CHILD(T(filter(SYS_getppid, SECCOMP_RET_TRACE)); T(syscall(SYS_getppid))); /* no tracer */
	/* of several filters the strictest wins, the newest among equals */
	CHILD({
		T(filter(SYS_getppid, SECCOMP_RET_ERRNO | 5));
		T(filter(SYS_getppid, SECCOMP_RET_ERRNO | 6));
		T(syscall(SYS_getppid));
		T(filter(SYS_getppid, SECCOMP_RET_ALLOW));
		T(syscall(SYS_getppid));
		T(filter(SYS_getppid, SECCOMP_RET_KILL_PROCESS));
		syscall(SYS_getppid);
	});
	CHILD(arguments());
	CHILD({
		NEED(setuid(65534));
		T(filter(SYS_getppid, SECCOMP_RET_ALLOW)); /* needs no_new_privs */
		T(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		T(filter(SYS_getppid, SECCOMP_RET_ALLOW));
	});
	CHILD(T(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL)); syscall(SYS_exit, 3));
	CHILD(T(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0)); syscall(SYS_getpid));
	T(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
	action = 0x12340000;
	T(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
	T(syscall(SYS_seccomp, 99, 0, NULL));
	T(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, BAD));
	T(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0x8000, &prog));
	T(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
	{
		struct sock_filter bad[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 1),
			BPF_STMT(BPF_RET | BPF_K, 0) };
		struct sock_filter endless[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0) };
		struct sock_filter jump[] = { BPF_JUMP(BPF_JMP | BPF_JA, 5, 0, 0),
			BPF_STMT(BPF_RET | BPF_K, 0) };

		prog = (struct sock_fprog){ 2, bad };
		T(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
		prog = (struct sock_fprog){ 1, endless };
		T(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
		prog = (struct sock_fprog){ 2, jump };
		T(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
	}
}
