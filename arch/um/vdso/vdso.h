/* SPDX-License-Identifier: MIT */
/*
 * vdso.h: the data that the vDSO (guest code) and the kernel share: one page that the guest maps
 * read-only, below the vDSO's image. Each word is written and read separately. If the address of a
 * host function is 0, the vDSO makes a system call.
 */
#ifndef NESTLING_VDSO_H
#define NESTLING_VDSO_H

#include <stddef.h>
#include <stdint.h>

struct vdso_data {
	/* ns by which the guest's clocks are ahead of the host's */
	int64_t mono_offset, boot_offset, raw_offset, real_offset, tai_offset;
	/* address of the host's vDSO function in the host process that runs the guest's code */
	uint64_t host_clock_gettime;
	uint64_t generation; /* of random keys; never 0 */
};

#ifdef __NESTLING_KERNEL__
void vdso_init(void); /* makes the pages; after skas_init() */
#endif

#ifdef __NESTLING_VDSO__
struct __kernel_timespec;
struct __kernel_old_timeval;
int __vdso_clock_gettime(long clock, struct __kernel_timespec *ts);
int __vdso_clock_getres(long clock, struct __kernel_timespec *res);
int __vdso_gettimeofday(struct __kernel_old_timeval *tv, void *tz);
long __vdso_time(long *t);
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);
long __vdso_getrandom(void *buf, size_t len, unsigned flags, void *state, size_t size);
#endif

#endif
