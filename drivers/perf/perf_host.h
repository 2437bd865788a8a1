/* SPDX-License-Identifier: MIT */
/* perf_host.h: a thread of the host that interrupts vCPUs at a given rate. */
#ifndef NESTLING_PERF_HOST_H
#define NESTLING_PERF_HOST_H

#include <stdint.h>

/* The thread's findings for one vCPU; the thread adds, its reader takes. */
struct perf_looks {
	/* in the kernel: it got a signal */
	uint32_t kernel;
	/* in guest code, or on its way there or back: it was kicked */
	uint32_t guest;
	/* of these: the runner had no turn, or slept */
	uint32_t handoff;
	uint32_t idle;
};

struct perf_host {
	/*
	 * Called on the thread of a vCPU in the kernel, in a signal handler: no door, no lock, no
	 * current.
	 */
	void (*kernel)(int cpu, uint64_t rip, uint64_t rbp, uint64_t rsp);
	/*
	 * Called on the host's thread for a vCPU that is in guest code or on its way there or back:
	 * true if its runner has the turn.
	 */
	_Bool (*has_turn)(int cpu);
	struct perf_looks *looks; /* of @ncpus vCPUs */
	int ncpus;
};

/*
 * Starts the thread with @hz looks a second, or sets new values; @host stays in use. Idle vCPUs are
 * counted and left alone. Returns 0 or -errno.
 */
int perf_host_start(int hz, const struct perf_host *host);
void perf_host_stop(void);

#endif
