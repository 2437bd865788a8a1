/* SPDX-License-Identifier: MIT */
/*
 * timetravel.c: the two modes in which the guest's time is not the host's (timetravel.h), and the
 * random numbers of seed=.
 *
 *	time-travel            idle: the clocks skip to the next timer; busy: they follow the host's
 *	time-travel=inf-cpu    idle: the clocks skip to the next timer; busy: they stop, but each
 *	                       system call takes CALL_NS
 *
 * Frozen time depends on nothing but the guest's actions, so that a run repeats: slices end after a
 * number of calls, and a task that spins on a clock sees it advance. A task that computes without a
 * call would never yield. So after LONG_RUN of the host's time, an equal span of frozen time
 * passes, and only a run in which that happens may differ from another one. Time in which the host
 * was suspended or ran other processes should not count as computing, so the time between two
 * checks counts as two ticks at most. Disks serve requests in the caller (UBD_F_INLINE), so that no
 * request is in progress when the machine is idle. Input from outside (consoles, cards) comes at
 * any time.
 *
 * Cost: while off, only a test at each call and entry. A skip changes some words and the vDSO's
 * page.
 *
 * Locks: none for the clocks, as there is one vCPU; seed_lock protects the random numbers, which
 * host threads do not use.
 */
#include "arch/um/machine/timetravel.h"

#include "arch/um/internal.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "skas/skas.h"

#define CALL_NS 1000UL
/* ns of host time after which an equal span of frozen time passes */
#define LONG_RUN 1000000000UL
/* ns of the host's time between polls of the consoles */
#define TICK_NS 4000000UL
#define POLL_CALLS 256

bool time_travels, time_frozen;
u64 frozen_now;
static u64 calls, polled_at; /* calls so far; calls at the last poll */
/* number of calls when guest code last began to run */
static u64 run_calls = ~0UL;
/* host time in ns: at the last check; counted for the present run of guest code */
static u64 run_looked, run_had;

static int set_basic(const char *unused)
{
	time_travels = true;
	return 0;
}
PARAM("time-travel", set_basic, "an idle guest goes to its next timer at once (one vCPU)");

static int set_mode(const char *value)
{
	if (strcmp(value, "inf-cpu"))
		refuse("time-travel=%s: only time-travel and time-travel=inf-cpu are known", value);
	time_travels = time_frozen = true;
	return 0;
}
PARAM("time-travel=", set_mode, "inf-cpu: also, time stands still while the guest works");

static u64 start_seconds;
static bool start_given;

static int set_start(const char *value)
{
	if (kstrtou64(value, 10, &start_seconds) || start_seconds > 1UL << 33)
		refuse("time-travel-start=%s: not a time in seconds since 1970", value);
	start_given = true;
	return 0;
}
PARAM("time-travel-start=", set_start,
	"SECONDS since 1970: what the clock shows at boot, with time-travel");

void timetravel_init(void)
{
	if (start_given && !time_travels)
		refuse("time-travel-start=%lu: without time-travel", start_seconds);
	if (!time_travels)
		return;
	if (nr_cpus > 1)
		refuse("ncpus=%d: time-travel needs one vCPU", nr_cpus);
	nr_cpus = 1;
	if (start_given)
		arch_set_realtime_offset((s64)(start_seconds * 1000000000 - ktime_get_real()));
}

void timetravel_call(void)
{
	calls++;
	frozen_now += CALL_NS;
}

static void look_outside(void)
{
	polled_at = calls;
	os_event_poll(smp_processor_id());
}

void timetravel_idle(u64 deadline)
{
	int cpu = smp_processor_id();
	u64 now = ktime_get();

	look_outside();
	if (irq_pending() || cpu_kicked(cpu) || need_resched() || deadline <= now)
		return;
	if (deadline == ~0UL)
		os_idle(cpu, OS_FOREVER);
	else if (time_frozen)
		frozen_now = deadline;
	else
		time_skip(deadline - now);
}

u64 timetravel_enter(void)
{
	u64 host = os_clock_mono();

	if (run_calls != calls) {
		run_calls = calls;
		run_had = 0;
	} else {
		run_had += min(host - run_looked, 2 * TICK_NS);
	}
	run_looked = host;
	if (run_had > LONG_RUN) {
		run_had = 0;
		frozen_now += LONG_RUN;
	}
	if (calls - polled_at >= POLL_CALLS || run_had > TICK_NS)
		look_outside();
	return timers_next() <= frozen_now ? 0 : host + TICK_NS;
}

/* ---- random numbers that repeat ---- */

static bool seeded;
static u64 seed_state;
static DEFINE_SPINLOCK(seed_lock);

static int set_seed(const char *value)
{
	if (kstrtou64(value, 10, &seed_state))
		refuse("seed=%s: not a number", value);
	seeded = true;
	return 0;
}
PARAM("seed=", set_seed, "N: make random numbers from N, equal in every run (no secrets then)");

/*
 * Draws the next number of SplitMix64 (Steele, Lea, Flood 2014: "Fast splittable pseudorandom
 * number generators").
 */
static u64 next_random(void)
{
	u64 z = seed_state += 0x9e3779b97f4a7c15UL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9UL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebUL;
	return z ^ z >> 31;
}

void arch_random(void *buf, size_t n)
{
	if (!seeded) {
		os_getrandom(buf, n);
		return;
	}
	spin_lock_raw(&seed_lock);
	for (size_t done = 0; done < n; done += sizeof(u64)) {
		u64 r = next_random();

		memcpy((u8 *)buf + done, &r, min(n - done, sizeof(r)));
	}
	spin_unlock_raw(&seed_lock);
}
