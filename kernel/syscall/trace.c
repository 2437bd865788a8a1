/* SPDX-License-Identifier: MIT */
/*
 * trace.c: a line in the kernel log for every system call, in the manner of strace.
 *
 * strace=1 on the command line logs each call when it has finished; strace=2 also logs it when it
 * begins, which shows where a program hangs. A call that never comes back (exit) or replaces what
 * it would be printed from (execve, rt_sigreturn) is safe: the arguments are formatted before the
 * handler runs.
 *
 * Strings in guest memory are read once more than the handler reads them, so what is printed is
 * what the guest had there when the call began, not proof of what the handler saw. Locks: none;
 * printk has its own.
 *
 * It does not show buffers or structures, only paths.
 */
#include "arch/um/arch.h"
#include "arch/um/uaccess.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/task.h"
#include "kernel/syscall/internal.h"
#include <asm/errno.h>
#include <asm/unistd.h>

#define TRACE_LINE 512 /* lives on the kernel stack while the handler runs */
#define TRACE_PATH 96

int syscall_strace; /* set at boot; a torn read would do no harm */

static int set_strace(const char *value)
{
	u64 level;

	if (kstrtou64(value, 10, &level) || level > 2)
		refuse("strace=%s: must be 0, 1 or 2", value);
	syscall_strace = (int)level;
	return 0;
}
PARAM("strace=", set_strace, "strace=1  log system calls (2: also as they begin)");

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

static void format_call(char *buf, size_t size, const struct syscall_desc *d, const u64 *args)
{
	size_t len = (size_t)scnprintf(buf, size, "%s(", d->name);
	int i;

	for (i = 0; i < d->nargs; i++) {
		if (i)
			len += (size_t)scnprintf(buf + len, size - len, ", ");
		if (d->types[i] == SYSCALL_ARG_PATH)
			len = append_path(buf, size, len, args[i]);
		else
			len = format_arg(buf, size, len, d->types[i], args[i]);
	}
	scnprintf(buf + len, size - len, ")");
}

static void log_result(const char *call, long ret)
{
	const char *name = IS_ERR_VALUE(ret) ? errno_name((int)-ret) : NULL;

	if (name)
		pr_info("%s[%d] %s = -1 %s\n", current->comm, current->pid, call, name);
	else if (ret > 0xffffffffL)
		pr_info("%s[%d] %s = 0x%lx\n", current->comm, current->pid, call,
			(unsigned long)ret);
	else
		pr_info("%s[%d] %s = %ld\n", current->comm, current->pid, call, ret);
}

long syscall_traced(u32 nr, const struct syscall_desc *d, const u64 *args)
{
	char call[TRACE_LINE];
	bool returns = nr != __NR_exit && nr != __NR_exit_group && nr != __NR_rt_sigreturn;
	long ret;

	format_call(call, sizeof(call), d, args);
	if (!returns)
		pr_info("%s[%d] %s = ?\n", current->comm, current->pid, call);
	else if (syscall_strace > 1)
		pr_info("%s[%d] %s ...\n", current->comm, current->pid, call);
	ret = d->call(args);
	if (returns)
		log_result(call, ret);
	return ret;
}
