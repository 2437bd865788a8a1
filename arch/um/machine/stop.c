/* SPDX-License-Identifier: MIT */
/*
 * stop.c: the machine stands still: every vCPU but the first waits at a boundary. So a kernel
 * thread on the first finds no spinlock held, no handler of an interrupt half-done, and no guest
 * code running.
 *
 *	machine_stop()     returns when all others wait
 *	machine_go()       lets them go on
 *	machine_wake()     in a process that goes on from a saved state: starts their host threads
 *
 * A vCPU looks at machine_stopping wherever it looks for interrupts (irq_poll()) and wherever it
 * may give way to another task. A task that waits there may hold mutexes: so the thread that has
 * stopped the machine only tries to take one.
 *
 * Locks: none. Only one task at a time stops the machine (kernel/state/state.c).
 */
#include <asm/errno.h>

#include "arch/um/internal.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"

/* between two kicks of a vCPU that has not come yet */
#define KICK_AGAIN 1000000UL
#define STOP_PATIENCE 10000000000UL

u32 machine_stopping;
u64 machine_sp[MAX_CPUS];
static u32 waiting; /* vCPUs that wait */

static u64 wait_for_go(void *unused)
{
	__atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
	os_futex_wake(&waiting, 1);
	while (READ_ONCE(machine_stopping))
		os_futex_wait(&machine_stopping, 1, OS_FOREVER);
	return 0;
}

void machine_stop_here(void)
{
	int cpu = smp_processor_id();

	if (cpu)
		machine_park(&machine_sp[cpu], wait_for_go, NULL);
}

int machine_stop(void)
{
	u32 others = (u32)nr_cpus - 1, now;
	u64 end = os_clock_mono() + STOP_PATIENCE;

	BUG_ON(smp_processor_id());
	WRITE_ONCE(waiting, 0);
	(void)xchg(&machine_stopping, 1);
	while ((now = smp_load_acquire(&waiting)) < others) {
		if (os_clock_mono() > end) {
			machine_go();
			return -EBUSY;
		}
		for (int cpu = 1; cpu < nr_cpus; cpu++)
			os_cpu_kick(cpu);
		os_futex_wait(&waiting, now, os_clock_mono() + KICK_AGAIN);
	}
	return 0;
}

void machine_go(void)
{
	(void)xchg(&machine_stopping, 0);
	os_futex_wake(&machine_stopping, MAX_CPUS);
}

int machine_wake(void)
{
	WRITE_ONCE(machine_stopping, 0);
	for (int cpu = 1; cpu < nr_cpus; cpu++) {
		int err = os_vcpu_start(cpu, arch_unpark, (void *)machine_sp[cpu]);

		if (err)
			return err;
	}
	return 0;
}
