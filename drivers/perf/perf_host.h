/* SPDX-License-Identifier: MIT */
/* perf_host.h: a host thread that interrupts vCPUs at a given rate. */
#ifndef NESTLING_PERF_HOST_H
#define NESTLING_PERF_HOST_H

#include <stdint.h>

/*
 * Counts of the thread's observations of one vCPU. The thread adds to them, their reader resets
 * them.
 */
struct perf_looks {
	/* The vCPU was in the kernel and got a signal. */
	uint32_t kernel;
	/* The vCPU was in guest code, or on the way there or back, and was kicked. */
	uint32_t guest;
	/* Of those in @guest: the vCPU's runner did not run guest code, or slept. */
	uint32_t handoff;
	uint32_t idle;
};

struct perf_host {
	/*
	 * Called in a signal handler on the thread of a vCPU in the kernel: it may call no host
	 * function, take no lock and use no current.
	 */
	void (*kernel)(int cpu, uint64_t rip, uint64_t rbp, uint64_t rsp);
	/*
	 * Called on the clock thread for a vCPU that is in guest code or on the way there or back.
	 * True if its runner executes guest code.
	 */
	_Bool (*has_turn)(int cpu);
	struct perf_looks *looks; /* array of @ncpus entries */
	int ncpus;
};

/*
 * Starts the thread with @hz ticks a second, or sets new values. *host must stay valid for ever,
 * since a last signal may come after perf_host_stop(). Idle vCPUs are counted but not interrupted.
 * Returns 0 or -errno.
 */
int perf_host_start(int hz, const struct perf_host *host);
/* Stops the ticks. Does not wait for a signal that is being handled. */
void perf_host_stop(void);

#endif
