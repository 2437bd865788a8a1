/* SPDX-License-Identifier: MIT */
/*
 * perf.h: the sampling profiler, for the management console. One caller at a time, which may sleep.
 */
#ifndef NESTLING_PERF_H
#define NESTLING_PERF_H

#include "kernel/lib/types.h"

#define PERF_HZ_MAX 10000
#define PERF_DEPTH 32

/* The activity of a vCPU; the letters are those of the console's answer. */
enum perf_kind {
	PERF_KERNEL = 'K',
	PERF_GUEST = 'U',
	/* On the way from guest code to the kernel, or back. */
	PERF_HANDOFF = 'H',
};

struct perf_sample {
	u32 pid; /* of the thread; 0: none was known */
	/* Number of the profiler's ticks that this sample represents. */
	u32 weight;
	/* Length of pc[], innermost frame first; 0 if a guest's stack cannot be read. */
	u16 n;
	u8 kind; /* enum perf_kind */
	char comm[16];
	/* Kernel addresses. For a guest: a file's number << 48 | offset, or ~0 for unknown. */
	u64 pc[PERF_DEPTH];
};

/*
 * Starts or restarts the profiler with @hz samples a second of every vCPU. Returns 0, -EINVAL for a
 * number outside [1, PERF_HZ_MAX], or another -errno.
 */
int perf_start(int hz);
/* Stops the profiler, drops samples not fetched, and closes the files. */
void perf_stop(void);
/*
 * Copies the next sample to *s; false: there is none, or the profiler is stopped. *lost: number of
 * samples dropped for lack of room since the last call.
 */
bool perf_next(struct perf_sample *s, u32 *lost);
/* Returns how many ticks since the last call found a vCPU idle. */
u32 perf_idle(void);
/*
 * Opens a regular file of the guest, by a path from init's root, for perf_file_read() while the
 * profiler runs. Returns its number, -ENOENT for another file or too many files, or another -errno.
 * perf_stop() closes it.
 */
int perf_file_open(const char *path);
/*
 * Copies the path of file number @id of a sample to @buf, cut to @size bytes, or "?"; false: there
 * is no such file.
 */
bool perf_file_path(u32 id, char *buf, size_t size);
/* Reads bytes of file number @id. Returns the bytes, 0 at its end, or -errno. */
ssize_t perf_file_read(u32 id, void *buf, size_t n, u64 off);

#endif
