/* SPDX-License-Identifier: MIT */
/* perf.h: the sampling profiler, for the management console. One caller at a time. */
#ifndef NESTLING_PERF_H
#define NESTLING_PERF_H

#include "kernel/lib/types.h"

#define PERF_HZ_MAX 10000
#define PERF_DEPTH 32

/* The activity of a vCPU; the letter is that of the console's answer. */
enum perf_kind {
	PERF_KERNEL = 'K',
	PERF_GUEST = 'U',
	/* on the way from a guest's instruction to the kernel, or back */
	PERF_HANDOFF = 'H',
};

struct perf_sample {
	u32 pid;
	/* ticks of the profiler that this sample represents */
	u32 weight;
	/* length of pc[], the innermost first; 0 where a guest's stack cannot be seen */
	u16 n;
	u8 kind; /* enum perf_kind */
	char comm[16];
	/* addresses of the kernel; of a guest a file's number << 48 and an offset, or ~0 */
	u64 pc[PERF_DEPTH];
};

/* Starts or restarts: @hz samples a second of every vCPU. Returns 0 or -errno. */
int perf_start(int hz);
/* Stops. Samples that were not fetched are lost, and the files are closed. */
void perf_stop(void);
/* Returns the next sample, or false. *lost: samples without room since the last call. */
bool perf_next(struct perf_sample *s, u32 *lost);
/* Returns how many looks since the last call have found a vCPU idle. */
u32 perf_idle(void);
/*
 * Opens a regular file of the guest, by a path from init's root, for perf_file_read() while the
 * profiler runs. Returns its number, or -errno. May sleep.
 */
int perf_file_open(const char *path);
/* Returns the path of a file that samples name; false: no such number. */
bool perf_file_path(u32 id, char *buf, size_t size);
/* Reads bytes of that file. Returns 0 at its end, or -errno. */
ssize_t perf_file_read(u32 id, void *buf, size_t n, u64 off);

#endif
