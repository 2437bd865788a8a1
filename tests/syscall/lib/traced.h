/* SPDX-License-Identifier: MIT */
/* traced.h: a child that the test traces. */
#ifndef TESTS_SYSCALL_TRACED_H
#define TESTS_SYSCALL_TRACED_H

#include "t.h"
#include <sys/ptrace.h>

/* Forks a tracee that runs the statements; the value is its pid once it has stopped before them. */
#define TRACED(...)                                                                                \
	({                                                                                         \
		pid_t traced_ = SPAWN({                                                            \
			NEED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));                               \
			raise(SIGSTOP);                                                            \
			__VA_ARGS__;                                                               \
		});                                                                                \
		NEED(waitpid(traced_, NULL, 0));                                                   \
		traced_;                                                                           \
	})

#endif
