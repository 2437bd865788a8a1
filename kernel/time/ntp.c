/* SPDX-License-Identifier: MIT */
/*
 * ntp.c: adjtimex(2) and clock_adjtime(2): the discipline of real time.
 *
 * Real time is the host's plus an offset. Linux makes its ticks longer or shorter; this kernel
 * changes the offset once a second instead, as long as a correction is pending. The monotonic clock
 * stays the host's. Corrections are the request of adjtime() (at most 500 us a second), a share of
 * the phase-locked loop's offset, the frequency, and the length of the tick. So the clock is at
 * most one second's share of these away from its ideal value.
 *
 * Interface: ntp_adjust(), for the two calls; ntp_clear() when the clock was set.
 * States: at rest (nothing to correct; the timer is not armed) -> slewing (ntp_adjust found a
 * correction; ntp_second each second) -> at rest.
 * Locks: ntp.lock protects the members of ntp, except where said. The maximum error grows by 500 us
 * a second; it is computed when it is read. Not implemented: PPS, leap seconds.
 */
#include <asm/errno.h>
#include <linux/timex.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"
#include "kernel/ident/cred.h"
#include "kernel/time/internal.h"
#include "kernel/time/time.h"

#define MAX_PHASE_NS 500000000LL               /* largest offset of the loop */
#define MAX_FREQ (500LL << 16)                 /* ppm, scaled by 2^16 */
#define FREQ_LIMIT (S64_MAX / 65536000 * 1000) /* larger values are invalid */
#define MAX_SLEW_NS 500000LL                   /* ns per second: of adjtime() */
#define ERROR_LIMIT 16000000LL                 /* us */
#define ERROR_RATE 500                         /* us per second */
#define MAX_CONSTANT 10
#define TICK_US 10000 /* us per tick of USER_HZ */
#define SHIFT_PLL 2
#define MAX_TAI 100000 /* seconds */
/* Gain of real time, in ns, after which its timers are armed again. */
#define MAX_LATE_NS 1000000LL

static struct {
	spinlock_t lock;
	s64 slew;               /* ns left of adjtime()'s request */
	s64 offset;             /* ns left of the loop's offset */
	s64 freq;               /* ppm << 16 */
	s64 maxerror, esterror; /* us; maxerror as of error_at */
	u64 error_at;           /* ktime_get() */
	s32 status;
	s64 constant, tick;
	s32 tai; /* s that TAI is ahead of real time */
	struct ktimer timer;
	/*
	 * ns that real time has gained since its timers were last armed again for such a gain; only
	 * the timer's function uses it
	 */
	s64 ahead;
} ntp = {
	.lock = SPINLOCK_INIT(ntp.lock),
	.maxerror = ERROR_LIMIT,
	.esterror = ERROR_LIMIT,
	.status = STA_UNSYNC,
	.constant = 2,
	.tick = TICK_US,
};

/* ---- slewing ---- */

/* Takes at most @at_most from *from, towards 0. Returns what it took. */
static s64 take(s64 *from, s64 at_most)
{
	s64 n = clamp(*from, -at_most, at_most);

	*from -= n;
	return n;
}

/*
 * Returns one second's share of all corrections, in ns. ntp.lock is held, as for all functions
 * ..._locked().
 */
static s64 share_locked(void)
{
	s64 phase = ntp.offset / (1LL << (SHIFT_PLL + ntp.constant));
	s64 ns = take(&ntp.slew, MAX_SLEW_NS);

	if (!phase)
		phase = ntp.offset;
	ntp.offset -= phase;
	return ns + phase + ntp.freq * 1000 / (1LL << 16) + (ntp.tick - TICK_US) * 100 * 1000;
}

/* True if there is nothing to correct. */
static bool at_rest_locked(void)
{
	return !ntp.slew && !ntp.offset && !ntp.freq && ntp.tick == TICK_US;
}

static void ntp_second(struct ktimer *t)
{
	s64 ns;
	bool rest;

	spin_lock(&ntp.lock);
	ns = share_locked();
	rest = at_rest_locked();
	spin_unlock(&ntp.lock);
	arch_set_realtime_offset(ns);
	ntp.ahead += ns;
	/*
	 * A timer that now expires too early arms itself again, but a timer that would expire too
	 * late must be armed again here.
	 */
	if (ntp.ahead >= MAX_LATE_NS) {
		ntp.ahead = 0;
		clock_has_moved();
	}
	if (!rest)
		timer_start(t, ktime_get() + NSEC_PER_SEC);
}

/* ---- growth of the maximum error ---- */

/* Adds the growth of the maximum error since error_at. */
static void age_locked(void)
{
	u64 now = ktime_get(), seconds = (now - ntp.error_at) / NSEC_PER_SEC;

	ntp.error_at += seconds * NSEC_PER_SEC;
	ntp.maxerror += (s64)min_t(u64, seconds, (u64)ERROR_LIMIT) * ERROR_RATE;
	if (ntp.maxerror > ERROR_LIMIT) {
		ntp.maxerror = ERROR_LIMIT;
		ntp.status |= STA_UNSYNC;
	}
}

void ntp_clear(void)
{
	spin_lock(&ntp.lock);
	ntp.slew = ntp.offset = 0;
	ntp.status |= STA_UNSYNC;
	ntp.maxerror = ntp.esterror = ERROR_LIMIT;
	spin_unlock(&ntp.lock);
}

/* ---- adjtimex ---- */

/* Checks the values and the caller's rights. Returns 0, -EINVAL or -EPERM. */
static int check(const struct __kernel_timex *tx)
{
	if (tx->modes & 0x8000) { /* adjtime() */
		if (!(tx->modes & ADJ_OFFSET))
			return -EINVAL;
		if (tx->modes & 0x2000 && !(tx->modes & ADJ_SETOFFSET))
			return 0;
		return capable(CAP_SYS_TIME) ? 0 : -EPERM;
	}
	if (tx->modes && !capable(CAP_SYS_TIME))
		return -EPERM;
	if ((tx->modes & ADJ_TICK) && (tx->tick < TICK_US * 9 / 10 || tx->tick > TICK_US * 11 / 10))
		return -EINVAL;
	if ((tx->modes & ADJ_FREQUENCY) &&
		((s64)tx->freq > FREQ_LIMIT || (s64)tx->freq < -FREQ_LIMIT))
		return -EINVAL;
	return 0; /* other bits are ignored, as on Linux */
}

/* Sets the loop's offset, if the loop is on. @offset: in us, or in ns with STA_NANO. */
static void set_offset_locked(s64 offset)
{
	if (!(ntp.status & STA_PLL))
		return;
	if (!(ntp.status & STA_NANO))
		offset = clamp(offset, -1000000LL, 1000000LL) * 1000;
	ntp.offset = clamp(offset, -MAX_PHASE_NS, MAX_PHASE_NS);
}

static void apply_locked(const struct __kernel_timex *tx)
{
	u32 modes = tx->modes;

	if (modes & ADJ_STATUS)
		ntp.status = (ntp.status & STA_RONLY) | (tx->status & 0xffff & ~STA_RONLY);
	if (modes & ADJ_NANO)
		ntp.status |= STA_NANO;
	if (modes & ADJ_MICRO)
		ntp.status &= ~STA_NANO;
	if (modes & ADJ_FREQUENCY)
		ntp.freq = clamp((s64)tx->freq, -MAX_FREQ, MAX_FREQ);
	if (modes & ADJ_MAXERROR)
		ntp.maxerror = clamp((s64)tx->maxerror, 0LL, ERROR_LIMIT);
	if (modes & ADJ_ESTERROR)
		ntp.esterror = clamp((s64)tx->esterror, 0LL, ERROR_LIMIT);
	if (modes & ADJ_TIMECONST)
		ntp.constant = clamp(clamp((s64)tx->constant, 0LL, (s64)MAX_CONSTANT) +
					     (ntp.status & STA_NANO ? 0 : 4),
			0LL, (s64)MAX_CONSTANT);
	if (modes & ADJ_TAI && tx->constant >= 0 && tx->constant <= MAX_TAI)
		ntp.tai = (s32)tx->constant;
	if (modes & ADJ_OFFSET)
		set_offset_locked(tx->offset);
	if (modes & ADJ_TICK)
		ntp.tick = tx->tick;
}

/*
 * Writes the present state to *tx. @single: for a call of adjtime(), which reports @slew, the ns
 * that were left to correct before the call. Returns the clock's state (TIME_*).
 */
static int report_locked(struct __kernel_timex *tx, bool single, s64 slew)
{
	u64 now = ktime_get_real();
	s64 unit = ntp.status & STA_NANO ? 1 : 1000;

	memset((u8 *)tx + sizeof(tx->modes), 0, sizeof(*tx) - sizeof(tx->modes));
	tx->offset = single ? slew / 1000 : ntp.offset / unit;
	tx->freq = ntp.freq;
	tx->maxerror = ntp.maxerror;
	tx->esterror = ntp.esterror;
	tx->status = ntp.status;
	tx->constant = ntp.constant;
	tx->precision = 1;
	tx->tolerance = MAX_FREQ;
	tx->tick = ntp.tick;
	tx->tai = ntp.tai;
	tx->time.tv_sec = (s64)(now / NSEC_PER_SEC);
	tx->time.tv_usec = (long long)(now % NSEC_PER_SEC) / unit;
	return ntp.status & (STA_UNSYNC | STA_CLOCKERR) ? TIME_ERROR : TIME_OK;
}

int ntp_adjust(struct __kernel_timex *tx)
{
	bool single = tx->modes & 0x8000, start;
	int err = check(tx);
	s32 tai;
	s64 slew;

	if (err)
		return err;
	if (!single && (tx->modes & ADJ_SETOFFSET)) {
		err = clock_step(tx);
		if (err)
			return err;
	}
	spin_lock(&ntp.lock);
	age_locked();
	slew = ntp.slew;
	tai = ntp.tai;
	if (!single)
		apply_locked(tx);
	else if (!(tx->modes & 0x2000))
		ntp.slew = clamp((s64)tx->offset, -2145000000LL, 2145000000LL) * 1000;
	start = !at_rest_locked() && !timer_armed(&ntp.timer);
	if (tai != ntp.tai)
		arch_set_tai_offset((s64)ntp.tai * (s64)NSEC_PER_SEC);
	err = report_locked(tx, single, slew);
	spin_unlock(&ntp.lock);
	if (tai != tx->tai)
		clock_has_moved();
	if (start)
		timer_start(&ntp.timer, ktime_get() + NSEC_PER_SEC);
	return err;
}

static int ntp_init(void)
{
	timer_setup(&ntp.timer, ntp_second);
	return 0;
}
INITCALL(2, ntp_init);
