/* SPDX-License-Identifier: MIT */
/* breakpoint.h: whether hardware breakpoints stop a tracee on this host. */
#ifndef TESTS_SYSCALL_BREAKPOINT_H
#define TESTS_SYSCALL_BREAKPOINT_H

#include "lacks.h"
#include "traced.h"
#include <stddef.h>
#include <sys/user.h>

#define BREAKPOINT_DR(n) offsetof(struct user, u_debugreg[n])

extern const char breakpoint_here[];
__asm__(".text\nbreakpoint_here: ret\n");

static T_UNUSED bool has_breakpoints(void)
{
	pid_t pid = TRACED(((void (*)(void))breakpoint_here)(); _exit(9));
	int status = 0;

	ptrace(PTRACE_POKEUSER, pid, BREAKPOINT_DR(0), breakpoint_here);
	ptrace(PTRACE_POKEUSER, pid, BREAKPOINT_DR(7), 1);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	NEED(waitpid(pid, &status, 0));
	if (!WIFSTOPPED(status))
		return false;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return true;
}

#endif
