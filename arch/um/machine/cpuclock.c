/* SPDX-License-Identifier: MIT */
/*
 * cpuclock.c: arch_cpu_clock(), the clock of accounting and of the scheduler, which is read at
 * every entry into guest code and exit from it. It converts the TSC to nanoseconds; a call
 * of the host's vdso through a door costs three times as much.
 *
 *	arch_cpu_clock()        may be compared with a reading by another vCPU, if a lock or another
 *	                        barrier is between the readings
 *	arch_cpu_clock_local()  only with this vCPU's own readings, and may then be a few ns early;
 *	                        a third of the cost
 *
 * The TSC is trusted for a window of at most a second. Then the host's clock is read (refresh), and
 * the progress of both clocks gives the length of a tick for the next window. So the suspension or
 * migration of a host, or a restart of the TSC, is detected.
 *
 * States:
 *	off         window is 0: the clock shows os_clock_mono() + ns, or frozen_now
 *	            -> measuring by cpu_clock_start(), if the host's own vdso uses the TSC
 *	measuring   the clock shows what it shows when off; tsc and host hold the first sample
 *	            -> on at the first reading that is START_NS later, which is the second sample;
 *	            measuring again if it is START_MOST later; off if the TSC did not count
 *	on          the clock shows ns at TSC = tsc, and counts ticks from there
 *
 * Invariants:
 * 1. The clock never goes back, on any vCPU: a refresh uses the later of the host's clock and the
 *    TSC's time.
 * 2. It goes at the rate of the host's monotonic clock, but may be ahead of it: a caller that
 *    compares it with a deadline on the host's scale has to measure the difference now and then
 *    (entry.c).
 *
 * Locks: clock.lock protects changes; it is raw, since the scheduler reads the clock with its own
 * lock held. Readers use clock.seq. The functions that start, set or advance the clock take no
 * lock, since no other vCPU runs then.
 */
#include "arch/um/internal.h"
#include "arch/um/machine/timetravel.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/lock.h"

#define MSEC 1000000UL
/* ns: each window is twice as long as the one before, up to WINDOW_LAST */
#define WINDOW_FIRST (16 * MSEC)
#define WINDOW_LAST (1000 * MSEC)
/* ns that the first measurement of the rate takes, which is good to some hundred ppm */
#define START_NS (MSEC / 2)
/* ns: a longer measurement is repeated, since the host may have been suspended */
#define START_MOST (20 * MSEC)
/*
 * ns by which the clock is ahead when it starts: more than the time between the two reads of a
 * sample
 */
#define START_AHEAD 1000UL
/*
 * ns that are added when the TSC has restarted: more than the last window's readings can be ahead
 * of the host's clock (WINDOW_LAST / RATE_TOLERANCE)
 */
#define RESTART_NS (2 * MSEC)
/* ticks: more than the TSCs of two CPUs differ by */
#define SKEW_TICKS 100000UL
#define SAMPLES 3
/*
 * If a new rate differs from the last one by more than 1 / RATE_TOLERANCE of it, the host was
 * paused during the window: the last rate stays.
 */
#define RATE_TOLERANCE 512

static struct {
	spinlock_t lock;
	/* odd while the clock is being changed */
	u32 seq;
	/* on: the clock shows ns at TSC = tsc; else: it shows the host's clock plus ns */
	u64 tsc, ns;
	u64 rate;      /* ns for a tick, 32 bits of fraction */
	u64 window;    /* ticks; 0: off */
	u64 window_ns; /* written under clock.lock */
	/* os_clock_mono() at tsc; 0: off and not being measured; written under clock.lock */
	u64 host;
} __aligned(64) clock = { .lock = SPINLOCK_INIT(cpu_clock_lock) };

struct sample {
	u64 tsc, host;
};

static inline u64 read_tsc_early(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (u64)hi << 32 | lo;
}

/* Reads the TSC after all earlier loads. */
static inline u64 read_tsc(void)
{
	__asm__ volatile("lfence" : : : "memory");
	return read_tsc_early();
}

static inline u64 ticks_to_ns(u64 ticks, u64 rate)
{
	return (u64)((unsigned __int128)ticks * rate >> 32);
}

/* Reads both clocks at one moment: uses the pair of readings with the least time in between. */
static struct sample take_sample(void)
{
	struct sample s = { 0, 0 };
	u64 best = ~0UL;

	for (int i = 0; i < SAMPLES; i++) {
		u64 before = read_tsc(), host = os_clock_mono(), width = read_tsc() - before;

		if (width < best)
			s = (struct sample){ before + width / 2, host };
		best = min(best, width);
	}
	return s;
}

/*
 * Returns the ns per TSC tick, with 32 bits of fraction; 0 if the TSC did not count. Both numbers
 * are halved until ns << 32 fits in 64 bits.
 */
static u64 measured_rate(u64 ns, u64 ticks)
{
	while (ns >> 32) {
		ns >>= 1;
		ticks >>= 1;
	}
	return ticks ? (ns << 32) / ticks : 0;
}

static void set_window(u64 ns)
{
	clock.window_ns = ns;
	clock.window = clock.rate ? (ns << 28) / (clock.rate >> 4) : 0;
}

static void publish(const struct sample *s, u64 ns, u64 rate, u64 window_ns)
{
	WRITE_ONCE(clock.seq, clock.seq + 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	clock.tsc = s->tsc;
	clock.host = s->host;
	clock.ns = ns;
	clock.rate = rate;
	set_window(window_ns);
	smp_store_release(&clock.seq, clock.seq + 1);
}

/* Begins a new window after the last one, unless another vCPU has done so. clock.lock held. */
static void refresh_locked(void)
{
	struct sample s = take_sample();
	u64 ticks = s.tsc - clock.tsc, elapsed = s.host - clock.host;
	u64 rate = clock.rate, now = clock.ns + elapsed;

	if (ticks < clock.window || -ticks < SKEW_TICKS)
		return; /* another vCPU has begun the window */
	if ((s64)ticks < 0) {
		now += RESTART_NS;
	} else {
		u64 found = measured_rate(elapsed, ticks);

		now = max(now, clock.ns + ticks_to_ns(clock.window, rate));
		if (found > rate - rate / RATE_TOLERANCE && found < rate + rate / RATE_TOLERANCE)
			rate = found;
	}
	publish(&s, now, rate, min(clock.window_ns * 2, WINDOW_LAST));
}

static __attribute__((noinline)) void refresh(void)
{
	spin_lock_raw(&clock.lock);
	refresh_locked();
	spin_unlock_raw(&clock.lock);
}

/*
 * Ends the first measurement, unless another vCPU has done so or it is too short. clock.lock held.
 */
static void measured_locked(void)
{
	struct sample s = take_sample(), first = { clock.tsc, clock.host };
	u64 elapsed = s.host - first.host, rate = measured_rate(elapsed, s.tsc - first.tsc);

	if (clock.window || elapsed < START_NS)
		return;
	if (elapsed > START_MOST)
		publish(&s, clock.ns, 0, 0);
	else if (rate >> 4)
		publish(&s, s.host + clock.ns + START_AHEAD, rate, WINDOW_FIRST);
	else
		publish(&(struct sample){ 0, 0 }, clock.ns, 0, 0);
}

/*
 * Reads the clock while it is off or being measured. The result is @ahead ns more than the host's
 * clock, or frozen_now.
 */
static __attribute__((noinline)) u64 read_off(u64 ahead)
{
	u64 host, begun = READ_ONCE(clock.host);

	if (time_frozen)
		return frozen_now;
	host = os_clock_mono();
	if (begun && host - begun >= START_NS && !READ_ONCE(clock.window)) {
		spin_lock_raw(&clock.lock);
		measured_locked();
		spin_unlock_raw(&clock.lock);
	}
	return host + ahead;
}

static inline u64 read_clock(bool ordered)
{
	for (;;) {
		u32 seq = smp_load_acquire(&clock.seq);
		u64 ticks = (ordered ? read_tsc() : read_tsc_early()) - clock.tsc, ns = clock.ns;
		u64 now = ns + ticks_to_ns(ticks, clock.rate), window = clock.window;

		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (unlikely((seq & 1) || READ_ONCE(clock.seq) != seq)) {
			/* Wait for the writer, whose thread may have lost its CPU. */
			spin_lock_raw(&clock.lock);
			spin_unlock_raw(&clock.lock);
			continue;
		}
		if (likely(ticks < window))
			return now;
		if (!window)
			return read_off(ns);
		refresh();
	}
}

u64 arch_cpu_clock(void)
{
	return read_clock(true);
}

u64 arch_cpu_clock_local(void)
{
	return read_clock(false);
}

/* Advances the clock by @ns. Called by the only vCPU, which is idle (time travel). */
void cpu_clock_skip(u64 ns)
{
	struct sample s = { clock.tsc, clock.host };

	publish(&s, clock.ns + ns, clock.rate, clock.window_ns);
}

/*
 * Starts the clock, while one vCPU runs: begins to measure its rate if the host uses the TSC. The
 * clock shows @ahead ns more than the host's.
 */
static void start(u64 ahead)
{
	struct sample s = { 0, 0 };

	if (os_vdso_function("__vdso_clock_gettime") >= 0)
		s = take_sample();
	publish(&s, ahead, 0, 0);
}

/* Starts the clock at boot, while one vCPU runs. */
void cpu_clock_start(void)
{
	start(0);
}

/*
 * Sets the clock after a rollback, so that it showed @cpu_ns when os_clock_mono() was @host_ns. A
 * rate that was measured stays. A measurement that had begun begins again.
 */
void cpu_clock_put_back(u64 cpu_ns, u64 host_ns)
{
	struct sample s = take_sample();

	if (clock.rate)
		publish(&s, cpu_ns + (s.host - host_ns), clock.rate, clock.window_ns);
	else
		publish(clock.host ? &s : &(struct sample){ 0, 0 }, cpu_ns - host_ns, 0, 0);
}

/*
 * Starts the clock after a restore, so that it showed @cpu_ns when os_clock_mono() was @host_ns.
 * The rate is measured anew: this process may have another TSC than the saved one.
 */
void cpu_clock_restored(u64 cpu_ns, u64 host_ns)
{
	start(cpu_ns - host_ns);
}
