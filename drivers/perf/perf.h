/* SPDX-License-Identifier: MIT */
/* perf.h: the sampling profiler, for the management console. One caller at a time. */
#ifndef NESTLING_PERF_H
#define NESTLING_PERF_H

#include "kernel/lib/types.h"

#define PERF_HZ_MAX 10000
#define PERF_DEPTH 32

struct perf_sample {
	u32 pid;
	u16 n; /* of pc[], the innermost first */
	/* a pc is the number of a file << 48 and an offset in it, or ~0 outside files */
	bool guest;
	char comm[16];
	u64 pc[PERF_DEPTH];
};

/* Starts or restarts: @hz samples a second of every vCPU that is not idle. Returns 0 or -errno. */
int perf_start(int hz);
/* Stops. Samples that were not fetched are lost, and the files are closed. */
void perf_stop(void);
/* Returns the next sample, or false. *lost: samples without room since the last call. */
bool perf_next(struct perf_sample *s, u32 *lost);
/* Returns the path of a file that samples name; false: no such number. */
bool perf_file_path(u32 id, char *buf, size_t size);
/* Reads bytes of that file. Returns 0 at its end, or -errno. */
ssize_t perf_file_read(u32 id, void *buf, size_t n, u64 off);

#endif
