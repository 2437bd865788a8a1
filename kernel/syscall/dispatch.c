/* SPDX-License-Identifier: MIT */
/*
 * dispatch.c: from a system-call number to its handler.
 *
 * arch/um/entry calls syscall_dispatch() for every system call of a guest program. It finds the
 * entry of the generated table, counts the call, calls the handler through its typed wrapper, and
 * counts an error. syscall_count_line() shows the counts.
 *
 * Invariants:
 * 1. A number without a handler returns -ENOSYS, is counted, and is logged at its first use.
 * 2. Numbers are 32 bits wide, as on Linux; the upper half of rax is ignored.
 *
 * Locks: none. Each vCPU has counters that only it writes; a reader adds them up and may be a
 * little behind.
 *
 * Interrupted calls are restarted by the signal code, not here. int 0x80 does not reach this file:
 * arch/um refuses it.
 */
#include "kernel/lib/atomic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/debug/uninit.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/internal.h"
#include "kernel/syscall/syscall.h"
#include <asm/errno.h>

struct syscall_counter {
	u64 calls;
	u64 errors;
};

/* The last counter of each vCPU is for unknown numbers. */
static struct syscall_counter counters[MAX_CPUS][NR_SYSCALLS + 1] __aligned(64);

static inline struct syscall_counter *counter(u32 slot)
{
	return &counters[smp_processor_id()][slot];
}

static inline void count(u64 *c)
{
	WRITE_ONCE(*c, *c + 1);
}

static struct syscall_counter sum(u32 slot)
{
	struct syscall_counter all = { 0, 0 };

	for (int i = 0; i < nr_cpus; i++) {
		all.calls += READ_ONCE(counters[i][slot].calls);
		all.errors += READ_ONCE(counters[i][slot].errors);
	}
	return all;
}

static long unimplemented(u32 nr, u32 slot, const char *name)
{
	bool first = !sum(slot).calls;

	count(&counter(slot)->calls);
	count(&counter(slot)->errors);
	if (first)
		pr_info("%s[%d]: system call %u (%s) is not implemented\n", current->comm,
			current->pid, nr, name);
	return -ENOSYS;
}

long syscall_dispatch(u64 nr64, const u64 args[6])
{
	u32 nr = (u32)nr64;
	const struct syscall_desc *d;
	long ret;

	if (nr >= NR_SYSCALLS || !syscall_table[nr].name)
		return unimplemented(nr, NR_SYSCALLS, "unknown");
	d = &syscall_table[nr];
	if (!d->handler)
		return unimplemented(nr, nr, d->name);
	count(&counter(nr)->calls);
	uninit_stack();
	ret = likely(!syscall_strace) ? d->call(args) : syscall_traced(nr, d, args);
	if (IS_ERR_VALUE(ret))
		/* The task may run on another vCPU now, so the counter is looked up again. */
		count(&counter(nr)->errors);
	return ret;
}

int syscall_count_line(int nr, char *buf, size_t size)
{
	static const char *const words[] = { "missing", "partial", "full" };
	struct syscall_counter c;
	const char *name = "unknown";
	int status = SYSCALL_MISSING;

	if (nr < 0 || nr > NR_SYSCALLS)
		return 0;
	if (nr < NR_SYSCALLS) {
		name = syscall_table[nr].name;
		if (syscall_table[nr].handler)
			status = syscall_table[nr].status;
	}
	if (!name)
		return 0;
	c = sum((u32)nr);
	return scnprintf(buf, size, "%d %s %llu %llu %s\n", nr, name, (unsigned long long)c.calls,
		(unsigned long long)c.errors, words[status]);
}
