/* SPDX-License-Identifier: MIT */
/*
 * seccomp_retrace: SECCOMP_RET_TRACE: a call that the tracer has changed is filtered once more, and
 * is not traced again.
 */
#include "t.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#define IF_NR(nr, result)                                                                          \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, result)

static void install(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		IF_NR(SYS_getpid, SECCOMP_RET_TRACE | 7),
		IF_NR(SYS_getuid, SECCOMP_RET_TRACE | 8),
		IF_NR(SYS_getppid, SECCOMP_RET_ERRNO | EDOM),
		IF_NR(SYS_getgid, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(f) / sizeof(f[0]), f };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0));
}

/* Prints what getpid() returns to a child whose tracer turns it into call @nr. */
static void becomes(const char *name, long nr)
{
	struct user_regs_struct regs;
	unsigned long msg;
	int status, events = 0;
	pid_t pid = fork();

	say("-- %s", name);
	if (!pid) {
		NEED(ptrace(PTRACE_TRACEME, 0, 0, 0));
		raise(SIGSTOP);
		install();
		T(syscall(SYS_getpid) >= 0 ? 0 : -1);
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0));
	NEED(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL));
	NEED(ptrace(PTRACE_CONT, pid, 0, 0));
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		events++;
		NEED(ptrace(PTRACE_GETEVENTMSG, pid, 0, &msg));
		NEED(ptrace(PTRACE_GETREGS, pid, 0, &regs));
		say("stop %#x message %lu getpid %d", status >> 8, msg,
			regs.orig_rax == SYS_getpid);
		regs.orig_rax = (unsigned long)nr;
		if (nr == -1)
			regs.rax = (unsigned long)-ERANGE;
		NEED(ptrace(PTRACE_SETREGS, pid, 0, &regs));
		NEED(ptrace(PTRACE_CONT, pid, 0, 0));
	}
	say("events %d status %#x", events, status);
}

TEST(seccomp_retrace)
{
	becomes("the same", SYS_getpid);
	becomes("refused", SYS_getppid);
	becomes("deadly", SYS_getgid);
	becomes("traced as well", SYS_getuid);
	becomes("allowed", SYS_gettid);
	becomes("none", -1);
}
