/* SPDX-License-Identifier: MIT */
/*
 * stop.c: stops the machine: every vCPU but the first waits at a boundary. So a kernel thread on
 * the first vCPU finds no spinlock held, no interrupt handler half-done, and no guest code running.
 *
 *	machine_stop()     returns 0 when all other vCPUs wait; or -EBUSY if they do not within
 *	                   10 s, and then lets them continue
 *	machine_go()       lets the other vCPUs continue
 *	machine_wake_begin(), machine_wake()
 *	                   in a process that continues from a saved state: start the host threads of
 *	                   the other vCPUs, and let these vCPUs continue
 *	machine_go_back()  in a process that machine_put_back() has put back: the other vCPUs
 *	                   continue where they waited when machine_mark() recorded the state
 *
 * Each stop has a number, which machine_stopping holds while the stop lasts. A waiting vCPU records
 * the number once it is on the host's stack; from then on its kernel stack may be replaced. The
 * numbers distinguish a vCPU that has not yet noticed the end of one stop from a vCPU that waits in
 * the next stop.
 *
 * A vCPU checks machine_stopping wherever it polls for interrupts (irq_poll()) and wherever it may
 * reschedule. A task that waits there may hold mutexes, so the thread that has stopped the machine
 * takes a mutex only by trylock.
 *
 * Locks: none. Only one task at a time stops the machine (kernel/state/state.c).
 */
#include <asm/errno.h>

#include "arch/um/internal.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"

/* ns between two kicks of a vCPU that does not wait yet */
#define KICK_AGAIN 1000000UL
/* ns after which machine_stop() gives up */
#define STOP_PATIENCE 10000000000UL

/* number of the present stop; 0: the machine runs */
u32 machine_stopping;
u64 machine_sp[MAX_CPUS];
static u32 last_stop;

static u64 wait_for_go(void *unused)
{
	u32 stop = READ_ONCE(machine_stopping);

	if (stop)
		os_stop_wait(stop);
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
	u64 end = os_clock_mono() + STOP_PATIENCE;

	BUG_ON(smp_processor_id());
	last_stop = os_stop_begin(last_stop);
	(void)xchg(&machine_stopping, last_stop);
	for (;;) {
		u32 seen;

		if (os_stop_all_wait(nr_cpus, &seen))
			return 0;
		if (os_clock_mono() > end) {
			machine_go();
			return -EBUSY;
		}
		for (int cpu = 1; cpu < nr_cpus; cpu++)
			os_cpu_kick(cpu);
		os_stop_await(seen, os_clock_mono() + KICK_AGAIN);
	}
}

void machine_go(void)
{
	(void)xchg(&machine_stopping, 0);
	os_stop_end();
}

void machine_go_back(void)
{
	WRITE_ONCE(machine_stopping, 0);
	os_stop_end_back();
}

int machine_wake_begin(void)
{
	WRITE_ONCE(machine_stopping, 0);
	os_vcpus_hold();
	for (int cpu = 1; cpu < nr_cpus; cpu++) {
		int err = os_vcpu_start(cpu, arch_unpark, (void *)machine_sp[cpu]);

		if (err)
			return err;
	}
	return 0;
}

void machine_wake(void)
{
	os_vcpus_release();
}
