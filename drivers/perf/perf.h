/* SPDX-License-Identifier: MIT */
/*
 * perf.h: the sampling profiler, for the management console. Callers take turns: one function at a
 * time may run. The functions may sleep.
 *
 * A tick is one look of the profiler at one vCPU.
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
	/* The thread's, in the initial pid namespace; 0: unknown. */
	u32 pid;
	/* Number of ticks that this sample represents. */
	u32 weight;
	/* Number of frames in pc[]; 0 if a guest's stack could not be read. */
	u16 n;
	u8 kind; /* enum perf_kind */
	char comm[16];
	/*
	 * Frames, the innermost first. PERF_KERNEL: addresses in the kernel. Other kinds: number of
	 * a file << 48 | offset in the file, in bytes; ~0: not in a file.
	 */
	u64 pc[PERF_DEPTH];
};

/*
 * Starts the profiler with @hz samples a second of every vCPU. Stops it before if it runs. Returns
 * 0, -EINVAL for a number outside [1, PERF_HZ_MAX], or another -errno.
 */
int perf_start(int hz);
/* Stops the profiler, and closes its files. Samples that were not fetched are lost. */
void perf_stop(void);
/*
 * Copies the next sample to *@s; samples of different vCPUs are not in the order of time. Returns
 * false if there is none or the profiler is stopped. *@lost: number of samples that were dropped,
 * because a ring was full or being written; each is reported once.
 */
bool perf_next(struct perf_sample *s, u32 *lost);
/* Returns how many ticks since the last call found a vCPU idle; 0 if the profiler is stopped. */
u32 perf_idle(void);
/*
 * Opens a regular file of the guest for perf_file_read(), by a path from init's root. Returns the
 * file's number; -ENOENT if it does not exist or is not regular, if too many files are open, or if
 * the profiler is stopped; or another -errno. perf_stop() closes the file.
 */
int perf_file_open(const char *path);
/*
 * Copies the path of file number @id to @buf, cut to @size bytes with its 0; "?" if the path is too
 * long or memory is short. Returns false if there is no such file.
 */
bool perf_file_path(u32 id, char *buf, size_t size);
/*
 * Reads up to @n bytes at offset @off of file number @id. Returns the number of bytes read, 0 at
 * the file's end, or -errno.
 */
ssize_t perf_file_read(u32 id, void *buf, size_t n, u64 off);

#endif
