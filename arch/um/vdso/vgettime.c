/* SPDX-License-Identifier: MIT */
/*
 * vgettime.c: the vDSO's functions. They run in guest code, on the guest's stack: no writable data,
 * no relocation.
 *
 * The host's own vdso stays mapped in every space, so a clock is the host's time plus an offset.
 * Clocks that depend on the task are read by a system call, as are all clocks if the host's vdso
 * cannot be used.
 *
 * A program may be saved between reading the offset and the host's clock, and continue in a process
 * with another offset. So the offset is read again afterwards.
 */
#include <asm/unistd.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "arch/um/vdso/vdso.h"

#define NSEC_PER_SEC 1000000000L
#define EXPORT __attribute__((visibility("default")))

extern const struct vdso_data vdso_page
	__attribute__((visibility("hidden"))); /* vdso.lds: the page below the image */

typedef long (*clock_fn)(long clock, void *result);

static long call2(long nr, long a, void *b)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return ret;
}

/*
 * Returns the host's clock for the guest's @clock, and sets *offset to the address of the guest's
 * offset; -1 if a system call is needed. The kernel reads these host clocks, too
 * (arch/um/machine/time.c), so a program that mixes calls and the vDSO sees no time go back.
 */
static long host_clock(long clock, const volatile int64_t **offset)
{
	const volatile struct vdso_data *d = &vdso_page;

	switch (clock) {
	case CLOCK_REALTIME_COARSE: *offset = &d->real_offset; return CLOCK_REALTIME_COARSE;
	case CLOCK_REALTIME: *offset = &d->real_offset; return CLOCK_REALTIME;
	case CLOCK_TAI: *offset = &d->tai_offset; return CLOCK_REALTIME;
	case CLOCK_MONOTONIC: *offset = &d->mono_offset; return CLOCK_MONOTONIC;
	case CLOCK_MONOTONIC_COARSE: *offset = &d->mono_offset; return CLOCK_MONOTONIC_COARSE;
	case CLOCK_MONOTONIC_RAW: *offset = &d->raw_offset; return CLOCK_MONOTONIC_RAW;
	case CLOCK_BOOTTIME: *offset = &d->boot_offset; return CLOCK_BOOTTIME;
	}
	return -1;
}

static void add_offset(struct __kernel_timespec *ts, int64_t offset)
{
	int64_t ns = ts->tv_nsec + offset % NSEC_PER_SEC;

	ts->tv_sec += offset / NSEC_PER_SEC;
	if (ns < 0) {
		ns += NSEC_PER_SEC;
		ts->tv_sec--;
	} else if (ns >= NSEC_PER_SEC) {
		ns -= NSEC_PER_SEC;
		ts->tv_sec++;
	}
	ts->tv_nsec = ns;
}

EXPORT int __vdso_clock_gettime(long clock, struct __kernel_timespec *ts)
{
	const volatile struct vdso_data *d = &vdso_page;
	clock_fn fn = (clock_fn)d->host_clock_gettime;
	const volatile int64_t *at;
	int64_t offset;
	long host = host_clock(clock, &at);

	do {
		if (!fn || host < 0)
			return call2(__NR_clock_gettime, clock, ts);
		offset = *at;
		if (fn(host, ts))
			return call2(__NR_clock_gettime, clock, ts);
	} while (offset != *at);
	add_offset(ts, offset);
	return 0;
}

/* Makes a system call: programs rarely call this function. */
EXPORT int __vdso_clock_getres(long clock, struct __kernel_timespec *res)
{
	return call2(__NR_clock_getres, clock, res);
}

EXPORT int __vdso_gettimeofday(struct __kernel_old_timeval *tv, void *tz)
{
	struct __kernel_timespec ts;
	long err;

	if (tz)
		return call2(__NR_gettimeofday, (long)tv, tz);
	if (!tv)
		return 0;
	err = __vdso_clock_gettime(CLOCK_REALTIME, &ts);
	if (err)
		return err;
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

EXPORT long __vdso_time(long *t)
{
	struct __kernel_timespec ts;
	long err = __vdso_clock_gettime(CLOCK_REALTIME, &ts);

	if (err)
		return err;
	if (t)
		*t = ts.tv_sec;
	return ts.tv_sec;
}

/* Makes a system call, since the host's own function would return the number of a host CPU. */
EXPORT long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
	long ret;

	__asm__ volatile("xor %%edx,%%edx; syscall"
			 : "=a"(ret)
			 : "a"(__NR_getcpu), "D"(cpu), "S"(node)
			 : "rcx", "r11", "rdx", "memory");
	return ret;
}

#define ALIAS(name) __attribute__((weak, alias("__vdso_" #name), visibility("default")))
ALIAS(clock_gettime) int clock_gettime(long clock, struct __kernel_timespec *ts);
ALIAS(clock_getres) int clock_getres(long clock, struct __kernel_timespec *res);
ALIAS(gettimeofday) int gettimeofday(struct __kernel_old_timeval *tv, void *tz);
ALIAS(time) long time(long *t);
ALIAS(getcpu) long getcpu(unsigned *cpu, unsigned *node, void *unused);
