/* SPDX-License-Identifier: MIT */
/* perf_host.h: a thread of the host that interrupts vCPUs at a given rate. */
#ifndef NESTLING_PERF_HOST_H
#define NESTLING_PERF_HOST_H

#include <stdint.h>

/*
 * Starts the thread, or sets new values. For a vCPU in the kernel, @kernel is called on its thread
 * in a signal handler: no door, no lock, no current. For a vCPU in guest code, wanted[cpu] is set
 * and it is kicked. Idle vCPUs are left alone. Returns 0 or -errno.
 */
int perf_host_start(int hz, void (*kernel)(int cpu, uint64_t rip, uint64_t rbp, uint64_t rsp),
	uint32_t *wanted, int ncpus);
void perf_host_stop(void);

#endif
