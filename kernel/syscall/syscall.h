/* SPDX-License-Identifier: MIT */
/*
 * syscall.h: the system-call table and what dispatch knows about each call.
 *
 * The table is generated (tools/gen-syscalls.awk) from kernel/syscall/syscalls.tbl, the one place
 * where a call is described. The prototypes of the handlers are in "gen/syscalls.h". A handler
 * lives in the room of the object that it acts on; it returns a result or a negative errno (or
 * ERESTART*, which the signal code turns into a restart or EINTR).
 */
#ifndef NESTLING_SYSCALL_H
#define NESTLING_SYSCALL_H

#include "gen/syscalls.h"
#include "kernel/lib/types.h"

enum syscall_status {
	SYSCALL_MISSING,
	SYSCALL_PARTIAL,
	SYSCALL_FULL,
};

/* How an argument is printed; the C type of each is in syscalls.tbl. */
enum syscall_arg {
	SYSCALL_ARG_INT,
	SYSCALL_ARG_UINT,
	SYSCALL_ARG_LONG,
	SYSCALL_ARG_ULONG,
	SYSCALL_ARG_SIZE_T,
	SYSCALL_ARG_LOFF_T,
	SYSCALL_ARG_UADDR,
	SYSCALL_ARG_ADDR,
	SYSCALL_ARG_PATH,
	SYSCALL_ARG_FD,
	SYSCALL_ARG_OFLAGS,
	SYSCALL_ARG_FLAGS,
	SYSCALL_ARG_MODE,
	SYSCALL_ARG_PROT,
	SYSCALL_ARG_MFLAGS,
	SYSCALL_ARG_SIG,
	SYSCALL_ARG_PID,
	SYSCALL_ARG_UID,
	SYSCALL_ARG_WHENCE,
	SYSCALL_ARG_CLOCKID,
};

struct syscall_desc {
	const char *name; /* NULL: no call has this number */
	long (*call)(const u64
			*a); /* casts the raw registers and calls the handler; NULL when missing */
	void (*handler)(
		void); /* sys_NAME, to be compared with NULL only: it is weak in the table */
	u8 status;     /* enum syscall_status */
	u8 nargs;
	u8 types[6]; /* enum syscall_arg */
	const char *args[6];
	const char *note; /* what is partial, or why it is missing */
};

extern const struct syscall_desc syscall_table[NR_SYSCALLS]; /* immutable */

/*
 * Serves the system call @nr of current. Only the low 32 bits of @nr count, as on Linux. A number
 * that has no handler, is out of range or has the x32 bit gives -ENOSYS. Does not return from exit,
 * and for execve and rt_sigreturn what it returns is the value of rax in the new registers.
 */
long syscall_dispatch(u64 nr, const u64 args[6]);

/* Not 0: calls are traced (trace.c). */
extern int syscall_strace;
/*
 * Tracing at run time, in words (docs/debugging.md): "calls [pid=N] [follow] [only=NAME,...]", "times" with the same, "off",
 * "point NAME on|off". 0, or -errno with the reason in @why. May sleep.
 */
int trace_control(char *text, char *why, size_t size);
/* Line @i of what "times" has counted: "name calls errors us_total us_most"; 0: none for this number, -1 past the last. */
int trace_times_line(int i, char *buf, size_t size);

/*
 * One line for /proc/nestling/syscalls: "number name calls errors status", status being full,
 * partial or missing. Calls with numbers that nobody has are counted together under the number
 * NR_SYSCALLS. Returns the length of the text, 0 where @nr has none. A caller loops over 0 ...
 * NR_SYSCALLS.
 */
int syscall_count_line(int nr, char *buf, size_t size);

#endif
