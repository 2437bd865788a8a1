/* SPDX-License-Identifier: MIT */
/*
 * syscall.h: the system-call table and the properties of each call that dispatch uses.
 *
 * The table is generated (tools/gen-syscalls.awk) from kernel/syscall/syscalls.tbl, the only place
 * that describes a call. The prototypes of the handlers are in "gen/syscalls.h". A handler lives in
 * the folder of the object that it acts on. It returns a result or a negative errno (or ERESTART*,
 * which the signal code turns into a restart or EINTR).
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
	/*
	 * Casts the raw registers, of which there are six at @a, to the handler's types and calls
	 * it; NULL if there is no handler.
	 */
	long (*call)(const u64 *a);
	/* sys_NAME. A weak symbol, only to be compared with NULL. */
	void (*handler)(void);
	u8 status; /* enum syscall_status */
	/* number of members of @types and @args that are valid */
	u8 nargs;
	u8 types[6];         /* enum syscall_arg */
	const char *args[6]; /* names */
	/* What the handler lacks, or why there is no handler; "" if complete. */
	const char *note;
};

extern const struct syscall_desc syscall_table[NR_SYSCALLS]; /* immutable */

/*
 * Serves the system call @nr of current, with the raw registers @args; may sleep. Only the low 32
 * bits of @nr count, as on Linux. Returns -ENOSYS for a number without handler, out of range or
 * with the x32 bit. Does not return from exit. After execve and rt_sigreturn the result is the
 * value of rax in the new registers.
 */
long syscall_dispatch(u64 nr, const u64 args[6]);

/* Bits of TRACE_CALLS_* (internal.h); 0: no call is traced. */
extern int syscall_strace;
/*
 * Controls tracing at run time. @text, which the function overwrites, is one of
 * (docs/debugging.md): "calls [pid=N] [follow] [only=NAME,...]", "times" with these options, "off",
 * "point NAME on|off". Returns 0, or -errno (-EINVAL, -ESRCH, -ENOENT, -ENOMEM) with the reason in
 * @why, a buffer of @size bytes. May sleep.
 */
int trace_control(char *text, char *why, size_t size);
/*
 * Writes line @i of the table of "times" to @buf: "name calls errors us_total us_most". Returns the
 * length of the text, 0 for a call number without counts, or -1 past the last number or if "times"
 * was never on.
 */
int trace_times_line(int i, char *buf, size_t size);

/*
 * Writes one line for /proc/nestling/syscalls: "number name calls errors status", status being
 * full, partial or missing. Unknown numbers are counted together under the number NR_SYSCALLS.
 * Returns the length of the text (never more than @size - 1), 0 if @nr has no line. A caller loops
 * over 0 ... NR_SYSCALLS.
 */
int syscall_count_line(int nr, char *buf, size_t size);

#endif
