/* SPDX-License-Identifier: MIT */
/*
 * ptrace_fpregs: a tracer writes floating point registers that no CPU would load, in an image whose
 * header claims that they are valid.
 */
#include "traced.h"
#include <sys/ptrace.h>
#include <sys/user.h>

TEST(ptrace_fpregs)
{
	struct user_fpregs_struct f;
	pid_t pid = TRACED();

	T(ptrace(PTRACE_GETFPREGS, pid, NULL, &f));
	f.mxcr_mask = ~0U;
	T(ptrace(PTRACE_SETFPREGS, pid, NULL, &f));
	f.mxcsr = ~0U;
	T(ptrace(PTRACE_SETFPREGS, pid, NULL, &f));
	f.mxcsr = 0x1f80;
	T(ptrace(PTRACE_SETFPREGS, pid, NULL, &f));
	T(ptrace(PTRACE_CONT, pid, NULL, NULL));
	t_wait("tracee", pid);
}
