/* SPDX-License-Identifier: MIT */
/*
 * trace.c: prints a line for every system call, as strace does, and counts how long calls take;
 * without ptrace, for any task.
 *
 * strace=1 on the kernel's command line logs each finished call; strace=2 also logs when it begins,
 * which shows where a program hangs. Tracing that is enabled at run time (trace_control.c) prints
 * to the ring of kernel/lib/trace.h: calls of all tasks, or of a process and, if requested, its
 * children (task->traced_calls), all calls or chosen ones. The arguments are formatted before the
 * handler runs, so calls that do not return (exit) or that replace the memory with their arguments
 * (execve, rt_sigreturn) are printed correctly.
 *
 * While tracing is off, its only cost is dispatch.c's test of syscall_strace.
 *
 * Strings in guest memory are read when the call begins, separately from the handler's own read. So
 * the handler may have read something else than the line shows.
 *
 * Locks: none. The filter's words are replaced one by one and read racily, so at a change a call
 * may be traced wrongly. printk and the ring have locks of their own.
 *
 * Structures are not shown, only paths and the beginning of written data.
 */
#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/trace.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/internal.h"
#include <asm/errno.h>
#include <asm/unistd.h>

/* Bytes of the line, which is on the kernel stack while the handler runs. */
#define TRACE_LINE 512
#define TRACE_PATH 96
#define TRACE_TEXT 32 /* bytes of written data */

/* TRACE_CALLS_*; read without a lock. */
int syscall_strace;
struct trace_filter trace_filter;

static int set_strace(const char *value)
{
	u64 level;

	if (kstrtou64(value, 10, &level) || level > 2)
		refuse("strace=%s: must be 0, 1 or 2", value);
	syscall_strace = level == 2 ? TRACE_CALLS_LOG | TRACE_CALLS_BEGIN : (int)level;
	return 0;
}
PARAM("strace=", set_strace, "strace=1  log system calls (2: also as they begin)");

/*
 * Appends the path at @addr, or the address if it cannot be read. Returns the new length of the
 * text.
 */
static size_t append_path(char *buf, size_t size, size_t len, u64 addr)
{
	char text[TRACE_PATH];
	ssize_t n;

	if (!addr)
		return format_arg(buf, size, len, SYSCALL_ARG_UADDR, 0);
	n = strncpy_from_user(text, UADDR(addr), sizeof(text));
	if (n < 0)
		return format_arg(buf, size, len, SYSCALL_ARG_UADDR, addr);
	return format_quoted(buf, size, len, text, (size_t)n, (size_t)n == sizeof(text));
}

/* True if the call's second argument is the data it writes. */
static bool writes(const char *name)
{
	return !strcmp(name, "write") || !strcmp(name, "pwrite64") || !strcmp(name, "sendto");
}

/*
 * Appends the beginning of the data that a call writes. Returns false, with nothing appended, if
 * the call writes no data or if the memory is unreadable.
 */
static bool append_text(
	char *buf, size_t size, size_t *len, const struct syscall_desc *d, const u64 *args, int i)
{
	char text[TRACE_TEXT];
	size_t n;

	if (i != 1 || d->nargs < 3 || d->types[2] != SYSCALL_ARG_SIZE_T || !writes(d->name))
		return false;
	n = min((size_t)args[2], sizeof(text));
	if (copy_from_user(text, UADDR(args[1]), n))
		return false;
	*len = format_quoted(buf, size, *len, text, n, args[2] > n);
	return true;
}

/* Writes "NAME(arguments)", terminated and cut to @size bytes. */
static void format_call(char *buf, size_t size, const struct syscall_desc *d, const u64 *args)
{
	size_t len = (size_t)scnprintf(buf, size, "%s(", d->name);
	int i;

	for (i = 0; i < d->nargs; i++) {
		if (i)
			len += (size_t)scnprintf(buf + len, size - len, ", ");
		if (d->types[i] == SYSCALL_ARG_PATH)
			len = append_path(buf, size, len, args[i]);
		else if (!append_text(buf, size, &len, d, args, i))
			len = format_arg(buf, size, len, d->types[i], args[i]);
	}
	scnprintf(buf + len, size - len, ")");
}

/* Prints a line: to the ring if tracing is on at run time, else to the log for strace=. */
static void say(const char *call, const char *result)
{
	if (syscall_strace & TRACE_CALLS_RING)
		trace_print("", "%s[%d] %s%s", current->comm, current->pid, call, result);
	else
		pr_info("%s[%d] %s%s\n", current->comm, current->pid, call, result);
}

/* Prints the call's line. @ret: the result or -errno; @ns: how long the call took. */
static void say_result(const char *call, long ret, u64 ns)
{
	const char *name = IS_ERR_VALUE(ret) ? errno_name((int)-ret) : NULL;
	char text[64];
	size_t n;

	if (name)
		n = (size_t)scnprintf(text, sizeof(text), " = -1 %s", name);
	else
		n = (size_t)scnprintf(
			text, sizeof(text), ret > 0xffffffffL ? " = 0x%lx" : " = %ld", ret);
	if (syscall_strace & TRACE_CALLS_RING)
		scnprintf(text + n, sizeof(text) - n, " <%lu.%06lu>",
			(unsigned long)(ns / 1000000000), (unsigned long)(ns / 1000 % 1000000));
	say(call, text);
}

/* True if the filter selects this call of current. */
static bool wanted(u32 nr)
{
	const struct trace_filter *f = &trace_filter;

	if (f->pid && f->pid != current->tgid && f->pid != current->pid &&
		!(f->follow && current->traced_calls))
		return false;
	return !f->some || f->calls[nr / 64] & BIT(nr % 64);
}

/* True if lines of the call must be printed, to the log or to the ring. */
static bool is_printed(u32 nr)
{
	int how = READ_ONCE(syscall_strace);

	return how & TRACE_CALLS_LOG || (how & TRACE_CALLS_RING && wanted(nr));
}

/* Calls the handler, and prints the call. Returns the handler's result. */
static long call_with_lines(u32 nr, const struct syscall_desc *d, const u64 *args)
{
	char call[TRACE_LINE];
	bool returns = nr != __NR_exit && nr != __NR_exit_group && nr != __NR_rt_sigreturn;
	u64 start = arch_cpu_clock();
	long ret;

	format_call(call, sizeof(call), d, args);
	if (!returns)
		say(call, " = ?");
	else if (syscall_strace & TRACE_CALLS_BEGIN)
		say(call, " ...");
	ret = d->call(args);
	/* Tracing may have ended during the call. */
	if (returns && is_printed(nr))
		say_result(call, ret, arch_cpu_clock() - start);
	return ret;
}

long syscall_traced(u32 nr, const struct syscall_desc *d, const u64 *args)
{
	u64 start;
	long ret;

	if (is_printed(nr))
		return call_with_lines(nr, d, args);
	if (!(READ_ONCE(syscall_strace) & TRACE_CALLS_TIMES) || !wanted(nr))
		return d->call(args);
	start = arch_cpu_clock();
	ret = d->call(args);
	trace_count_call(nr, arch_cpu_clock() - start, IS_ERR_VALUE(ret));
	return ret;
}
