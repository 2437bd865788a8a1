/* SPDX-License-Identifier: MIT */
/*
 * irq.c: numbered interrupt lines, taken at boundaries.
 *
 * A back end in the host world raises a line (os_irq_raise()), which sets a bit of
 * irq_page.pending; a vCPU runs the handler when it comes to a boundary: on its way into and out of
 * guest code, idling, in schedule() and cond_resched().
 *
 *	irq = irq_register("ubd0", handler, dev);   pass irq to the back end
 *	irq_unregister(irq);                        after the back end has stopped
 *
 * States of a line: free -> (irq_register) quiet -> (os_irq_raise) pending -> (irq_poll) running ->
 * quiet, or pending again.
 *
 * Invariants:
 * 1. A handler runs on one vCPU at a time, the one that has set the line's bit in irq_running.
 *    Another vCPU that finds this bit set leaves the pending bit alone: the first vCPU checks the
 *    pending bit again after it has cleared the bit in irq_running.
 * 2. No interrupt is lost between the check for work and the sleep: the vCPU publishes its state
 *    first (os.h describes the protocol).
 *
 * Locks: lines_lock protects the table of lines; handlers are called without it.
 */
#include <asm/errno.h>
#include "arch/um/internal.h"
#include "arch/um/machine/timetravel.h"
#include "kernel/lib/trace.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"

struct irq_line {
	const char *name; /* NULL: free */
	void (*handler)(void *arg);
	void *arg;
	u64 count; /* written by the handler's vCPU */
};

struct os_irq_page irq_page;
static u64 irq_running[OS_MAX_IRQS / 64];
static struct irq_line lines[OS_MAX_IRQS];
static DEFINE_SPINLOCK(lines_lock);

void irq_init(void)
{
	int err;

	irq_page.cpu[0].state = OS_CPU_KERNEL;
	err = os_irq_setup(&irq_page, nr_cpus);
	if (err)
		refuse("no event set: %s", os_why(err));
}

/*
 * Sets up the lines again. Lines that were pending at the stop are still pending, but no vCPU has
 * been kicked for them.
 */
void irq_restored(void)
{
	int err = os_irq_setup(&irq_page, nr_cpus);

	if (err)
		refuse("no event set: %s", os_why(err));
	for (int cpu = 0; cpu < nr_cpus; cpu++) {
		irq_page.cpu[cpu].kicked = 0;
		irq_page.cpu[cpu].state = OS_CPU_KERNEL;
	}
}

/*
 * Makes every line pending: a handler may have run for an event that the machine forgot when it was
 * put back.
 */
void irq_put_back(void)
{
	for (int cpu = 0; cpu < nr_cpus; cpu++) {
		WRITE_ONCE(irq_page.cpu[cpu].kicked, 0);
		WRITE_ONCE(irq_page.cpu[cpu].state, OS_CPU_KERNEL);
	}
	for (int irq = 0; irq < OS_MAX_IRQS; irq++)
		if (lines[irq].name)
			set_bit(irq % 64, &irq_page.pending[irq / 64]);
}

int irq_register(const char *name, void (*handler)(void *arg), void *arg)
{
	int irq;

	spin_lock(&lines_lock);
	for (irq = 0; irq < OS_MAX_IRQS && lines[irq].name; irq++)
		;
	if (irq < OS_MAX_IRQS)
		lines[irq] = (struct irq_line){ .name = name, .handler = handler, .arg = arg };
	spin_unlock(&lines_lock);
	return irq < OS_MAX_IRQS ? irq : -ENOSPC;
}

/* Frees a line, after a handler that runs on another vCPU has finished. */
void irq_unregister(int irq)
{
	might_sleep();
	while (test_and_set_bit(irq % 64, &irq_running[irq / 64]))
		cond_resched();
	spin_lock(&lines_lock);
	lines[irq].name = NULL;
	spin_unlock(&lines_lock);
	clear_bit(irq % 64, &irq_page.pending[irq / 64]);
	clear_bit(irq % 64, &irq_running[irq / 64]);
}

u64 irq_count(int irq)
{
	return READ_ONCE(lines[irq].count);
}

const char *irq_name(int irq)
{
	return irq >= 0 && irq < OS_MAX_IRQS ? READ_ONCE(lines[irq].name) : NULL;
}

bool irq_pending(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(irq_page.pending); i++)
		if (READ_ONCE(irq_page.pending[i]) & ~READ_ONCE(irq_running[i]))
			return true;
	return false;
}

bool cpu_kicked(int cpu)
{
	return READ_ONCE(irq_page.cpu[cpu].kicked);
}

static void run_line(int irq)
{
	struct irq_line *l = &lines[irq];
	u64 *pending = &irq_page.pending[irq / 64], *running = &irq_running[irq / 64];
	const void *outer;

	do {
		if (test_and_set_bit(irq % 64, running))
			return;
		while (test_and_clear_bit(irq % 64, pending)) {
			l->count++;
			TRACE(irq, "%d %s", irq, l->name ? l->name : "");
			if (!l->name)
				continue;
			outer = lockdep_atomic_begin(l->handler);
			l->handler(l->arg);
			lockdep_atomic_end(outer);
		}
		clear_bit(irq % 64, running);
	} while (test_bit(irq % 64, pending));
}

static void run_word(size_t i)
{
	u64 bits;

	while ((bits = READ_ONCE(irq_page.pending[i]) & ~READ_ONCE(irq_running[i])) != 0)
		run_line((int)(i * 64) + __builtin_ctzl(bits));
}

void irq_poll(void)
{
	u32 *kicked = &irq_page.cpu[smp_processor_id()].kicked;

	if (READ_ONCE(*kicked))
		xchg(kicked, 0);
	machine_stop_poll();
	for (size_t i = 0; i < ARRAY_SIZE(irq_page.pending); i++)
		if (unlikely(READ_ONCE(irq_page.pending[i])))
			run_word(i);
	timers_run(ktime_get());
}

void arch_idle(u64 deadline)
{
	int cpu = smp_processor_id();

	sched_idle_enter();
	cpu_set_state(cpu, OS_CPU_IDLE);
	if (unlikely(time_travels))
		timetravel_idle(deadline);
	else if (!irq_pending() && !cpu_kicked(cpu) && !need_resched())
		os_idle(cpu, host_deadline(deadline));
	cpu_set_state(cpu, OS_CPU_KERNEL);
	sched_idle_exit();
}

void arch_kick_cpu(int cpu)
{
	if (cpu != smp_processor_id())
		os_cpu_kick(cpu);
}

/* ---- for spinlocks ---- */

void arch_futex_wait(u32 *word, u32 val, u64 timeout_ns)
{
	os_futex_wait(word, val, os_clock_mono() + timeout_ns);
}

void arch_futex_wake(u32 *word, int n)
{
	os_futex_wake(word, n);
}
