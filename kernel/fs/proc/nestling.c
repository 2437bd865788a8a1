/* SPDX-License-Identifier: MIT */
/*
 * nestling.c: files of /proc/nestling, for information that only this kernel has: mode (how system
 * calls are intercepted), handoff (counts of hand-offs between vCPU and guest, skas/handoff.c),
 * syscalls (a count for each system call, including unimplemented ones), lost (data that the host
 * refused to write).
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/lost.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"

/* Prints the counts of system calls. Registered by kernel/syscall, a higher room. */
const struct proc_syscall_ops *proc_syscall_ops;

static int show_mode(struct seq *s, void *arg)
{
	seq_printf(s, "%s\n", arch_mode_name());
	return 0;
}

static int show_handoff(struct seq *s, void *arg)
{
	char *buf = get_free_page(GFP_KERNEL);
	int n;

	if (!buf)
		return -ENOMEM;
	n = arch_handoff_stats(buf, PAGE_SIZE);
	seq_write(s, buf, (size_t)max(n, 0));
	free_page_addr(buf);
	return 0;
}

static int show_syscalls(struct seq *s, void *arg)
{
	char buf[200];
	int i, n;

	for (i = 0; proc_syscall_ops && (n = proc_syscall_ops->line(i, buf, sizeof(buf))) >= 0; i++)
		seq_write(s, buf, (size_t)n);
	return 0;
}

static int show_lost(struct seq *s, void *arg)
{
	char line[LOST_LINE];
	int n;

	for (u32 i = 0; (n = lost_line(i, line, sizeof(line))) > 0; i++)
		seq_write(s, line, (size_t)n);
	return 0;
}

static int nestling_init(void)
{
	int err = proc_create("nestling/mode", 0444, show_mode, NULL, NULL);

	if (!err)
		err = proc_create("nestling/handoff", 0444, show_handoff, NULL, NULL);
	if (!err)
		err = proc_create("nestling/syscalls", 0444, show_syscalls, NULL, NULL);
	if (!err)
		err = proc_create("nestling/lost", 0444, show_lost, NULL, NULL);
	return err;
}
INITCALL(3, nestling_init);
