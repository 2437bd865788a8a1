/* SPDX-License-Identifier: MIT */
/*
 * time.c: the guest's clocks. They are the host's clocks plus offsets: monotonic and boottime begin
 * at 0 when the instance boots, and clock_settime() changes the offset of real time. With
 * time-travel all clocks skip together (time_skip()); the bases may then lie before the host's zero
 * and are numbers modulo 2^64. timetravel.c counts frozen time.
 *
 * The offsets are also in a page that the vDSO reads (vdso/vdso.h), so that both agree to the
 * nanosecond. Locks: none; realtime_offset is one word, written by clock_settime() (the last writer
 * wins), tai_offset another, by adjtimex().
 */
#include "arch/um/internal.h"
#include "arch/um/machine/timetravel.h"
#include "arch/um/vdso/vdso.h"
#include "kernel/lib/atomic.h"

u64 mono_base;
static u64 boot_base, raw_base;
static u64 real_start; /* the host's real time at boot */
static s64 realtime_offset;
static s64 tai_offset; /* ns that TAI is ahead of real time */

void time_init(void)
{
	mono_base = os_clock_mono();
	boot_base = os_clock_boot();
	raw_base = os_clock_raw();
	real_start = os_clock_real();
}

/*
 * Returns the ns from @base to the host's @now, or frozen_now in frozen time. A coarse clock may be
 * behind the fine clock that gave the base; the result is then 0.
 */
static u64 since(u64 now, u64 base)
{
	if (unlikely(time_frozen))
		return frozen_now;
	return (s64)(now - base) > 0 ? now - base : 0;
}

void time_skip(u64 ns)
{
	mono_base -= ns;
	boot_base -= ns;
	raw_base -= ns;
	WRITE_ONCE(realtime_offset, realtime_offset + (s64)ns);
	cpu_clock_skip(ns);
	arch_entry.clock_skipped();
	arch_entry.clock_changed();
}

u64 ktime_get(void)
{
	return likely(!time_frozen) ? os_clock_mono() - mono_base : frozen_now;
}

u64 arch_host_ns(void)
{
	return os_clock_mono();
}

u64 ktime_get_boottime(void)
{
	return since(os_clock_boot(), boot_base);
}

u64 ktime_get_coarse(void)
{
	return since(os_clock_mono_coarse(), mono_base);
}

u64 ktime_get_real_coarse(void)
{
	return (time_frozen ? real_start + frozen_now : os_clock_real_coarse()) +
	       (u64)READ_ONCE(realtime_offset);
}

u64 ktime_get_raw(void)
{
	return since(os_clock_raw(), raw_base);
}

u64 ktime_get_real(void)
{
	return (time_frozen ? real_start + frozen_now : os_clock_real()) +
	       (u64)READ_ONCE(realtime_offset);
}

u64 ktime_get_tai(void)
{
	return ktime_get_real() + (u64)READ_ONCE(tai_offset);
}

void arch_set_tai_offset(s64 ns)
{
	WRITE_ONCE(tai_offset, ns);
	arch_entry.clock_changed();
}

void arch_set_realtime_offset(s64 add_ns)
{
	WRITE_ONCE(realtime_offset, realtime_offset + add_ns);
	arch_entry.clock_changed();
}

void time_vdso_data(struct vdso_data *d)
{
	struct os_clock_shifts shift;

	os_clock_shifts(&shift);
	WRITE_ONCE(d->mono_offset, (s64)(shift.mono - mono_base));
	WRITE_ONCE(d->boot_offset, (s64)(shift.boot - boot_base));
	WRITE_ONCE(d->raw_offset, (s64)(shift.raw - raw_base));
	WRITE_ONCE(d->real_offset, realtime_offset);
	WRITE_ONCE(d->tai_offset, realtime_offset + tai_offset);
}
