/* SPDX-License-Identifier: MIT */
/*
 * counts.c: registers the function that writes the lines of /proc/nestling/syscalls: kernel/fs/proc
 * is a lower layer and cannot call kernel/syscall.
 */
#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/syscall/syscall.h"

static int proc_line(int nr, char *buf, size_t size)
{
	return nr > NR_SYSCALLS ? -1 : syscall_count_line(nr, buf, size);
}

static const struct proc_syscall_ops ops_for_proc = { .line = proc_line };

static int syscall_counts_init(void)
{
	proc_syscall_ops = &ops_for_proc;
	return 0;
}
INITCALL(2, syscall_counts_init);
