/* SPDX-License-Identifier: MIT */
/*
 * handoff.c: how a vCPU and its runner hand the turn to each other, and wait for it. Where they
 * run, and whether they spin before they sleep, is decided in placement.c.
 *
 *      handoff_place(r);               chooses the CPU, and how to wait
 *      r's turn = RUN
 *      handoff_placed(r, asleep);      the last runner is ordered to sleep
 *      handoff_count_wake(r);          r is woken if it sleeps
 *      handoff_wait(r, deadline);      until the turn is the kernel's
 *
 * In ptrace mode the host reports when a runner has stopped. A stay then uses only handoff_place(),
 * handoff_patience() and handoff_slept().
 *
 * Locks: those of placement.h.
 */
#include "skas/placement.h"

#define LONGEST_SLEEP (500 * NSEC_PER_MSEC) /* ns until the vCPU checks a runner */
/* approximate ns between two polls while spinning */
#define POLL_NS 40
/* polls of POLL_NS to skip after the turn was given */
#define FIRST_LOOK 2
/* the shortest spinning is the longest divided by this */
#define SPIN_FLOOR 8
#define GAP_SHARE 8 /* a new gap weighs 1/8 in the mean */
#define GAP_MOST 16 /* in SPIN_NS: limit of a counted gap */
/* number of misses after which the placement is decided again at once */
#define MISSES 16

struct handoff_pace handoff_pace;

/*
 * Measures the length of a pause and of a tick of the TSC. Takes the best of several tries, since
 * the thread may lose its CPU in between. Each read of a turn word takes its cache line away from
 * the CPU that is writing there, so a spinning CPU pauses between two reads.
 */
static void calibrate(void)
{
	/* some 10 us: reading the clock takes 1 % of that */
	const u64 pauses = 250;

	for (int i = 0; i < 4; i++) {
		u64 c = ticks(), t = os_clock_mono(), ns;

		for (u64 n = 0; n < pauses; n++)
			cpu_relax();
		ns = os_clock_mono() - t + 1;
		c = ticks() - c;
		handoff_pace.spin_pauses =
			max(handoff_pace.spin_pauses, (u32)(pauses * POLL_NS / ns));
		handoff_pace.spin_rounds =
			max(handoff_pace.spin_rounds, (u32)(pauses * SPIN_NS / ns) + 1);
		handoff_pace.look_ticks = c * LOOK_NS / ns + 1;
		handoff_pace.spin_ticks = c * SPIN_NS / ns + 1;
	}
	handoff_pace.spin_pauses = max(handoff_pace.spin_pauses, 1U);
	handoff_pace.spin_rounds = handoff_pace.spin_rounds / handoff_pace.spin_pauses + 1;
}

void handoff_pause(void)
{
	for (u32 n = handoff_pace.spin_pauses; n; n--)
		cpu_relax();
}

void handoff_init(void)
{
	calibrate();
	placement_init(os_space_this_cpu());
}

/* Places a runner before it runs. */
void handoff_place(struct runner *r)
{
	struct placement *p = &placement[r->cpu];

	WRITE_ONCE(p->last_task, r->task);
	if (unlikely(!--p->credit))
		placement_look(p, r);
	if (unlikely(r->placed != p->generation))
		placement_apply(p, r);
}

/*
 * Called after a runner was given the turn, and before it is woken if it sleeps. The runner that
 * was driven before may still spin on the CPU where this one shall run, so it is ordered to sleep.
 * That takes about as long as the wake-up. An earlier order would let the CPU go idle in between,
 * and waking an idle CPU is slow. With a later order, this runner would wait for the CPU.
 *
 * If vCPU and runners are on different CPUs, the last runner is also ordered to wake this one: both
 * runners are on one CPU, where a wake-up costs a fraction of one from another CPU. If the last
 * runner sleeps already, which it announces before it reads its turn word for the last time, the
 * vCPU wakes this one. A guest may prevent the wake-up; then the vCPU makes it when spinning has
 * failed (handoff_wait()).
 */
bool handoff_placed(struct runner *r, bool asleep)
{
	struct placement *p = &placement[r->cpu];
	struct runner *last = READ_ONCE(p->last);
	bool pass = asleep && p->apart;

	p->switched = last != r;
	p->passed = false;
	if (likely(!p->switched))
		return false;
	if (last) {
		struct ctl_page *c = p->last_ctl;

		if (pass)
			WRITE_ONCE(c->pass, r->space->orders->word);
		p->passed = cmpxchg(&c->turn, TURN_KERNEL, TURN_PARK) == TURN_KERNEL && pass &&
			    !READ_ONCE(c->rsleep);
		/* withdrawn, or the last runner would wake this one when it next sleeps */
		if (pass && !p->passed)
			WRITE_ONCE(c->pass, 0);
	}
	p->switches++;
	WRITE_ONCE(p->last_ctl, r->ctl);
	p->last = r;
	return p->passed;
}

void handoff_forget(struct runner *r)
{
	cmpxchg(&placement[r->cpu].last, r, NULL);
}

u64 handoff_patience(u64 deadline)
{
	u64 now = os_clock_mono();

	return min(deadline, now + 2 * COMPUTES_NS - now % COMPUTES_NS);
}

/* ---- waiting ---- */

/* Counts a wait that spinning did not end. */
static void miss(struct placement *p)
{
	p->credit = 1;
	if (++p->misses % MISSES == 0)
		p->next_look = 0;
}

/*
 * Counts that a runner had to be woken. Its spinning failed if it was driven last; else another
 * runner has used its CPU meanwhile.
 */
void handoff_count_wake(struct runner *r)
{
	struct placement *p = &placement[r->cpu];

	p->woken++;
	p->across += p->apart;
	if (p->apart && !p->switched)
		miss(p);
}

/*
 * Updates the mean of the gaps between calls, in ticks of the TSC. A gap that spinning bridged
 * counts as 0.
 */
static inline void learn(struct runner *r, u64 gap)
{
	r->gap += ((s64)gap - (s64)r->gap) / GAP_SHARE;
	r->spin = r->gap > handoff_pace.spin_ticks ? handoff_pace.spin_rounds / SPIN_FLOOR :
						     handoff_pace.spin_rounds;
}

/*
 * Waits before the first poll: no call can arrive sooner than the cache line has travelled to the
 * runner and back, and an earlier poll would take the line away from the runner that is about to
 * write it.
 */
static inline void wait_for_line(void)
{
	for (u32 n = FIRST_LOOK; n; n--)
		handoff_pause();
}

static bool spin(struct runner *r)
{
	if (r->spin)
		wait_for_line();
	for (u32 n = r->spin; n; n--) {
		if (smp_load_acquire(&r->ctl->turn) != TURN_RUN) {
			if (unlikely(r->gap >= GAP_SHARE))
				learn(r, 0);
			return true;
		}
		handoff_pause();
	}
	return false;
}

/*
 * Records that spinning did not pay: the guest computed for long, @slept ticks of it after the
 * spinning. While its computing takes longer than a wake-up on average, the vCPU spins little.
 */
static void slept_apart(struct placement *p, struct runner *r, u64 slept)
{
	p->across++;
	learn(r, min(slept + handoff_pace.spin_ticks, GAP_MOST * handoff_pace.spin_ticks));
	miss(p);
}

/*
 * Sleeps until the turn is given back or the runner is dead: returns 0. Returns -ETIMEDOUT after
 * the deadline. Unpins a runner that computes for longer than COMPUTES_NS.
 */
static int sleep_on_turn(struct runner *r, u64 deadline)
{
	u32 *turn = &r->ctl->turn;
	u64 start = os_clock_mono(), now = start, next = start + COMPUTES_NS;

	for (; smp_load_acquire(turn) == TURN_RUN; now = os_clock_mono()) {
		if (now >= deadline)
			return -ETIMEDOUT;
		if (now >= next && r->pinned != -1)
			handoff_let_go(r);
		if (now >= start + LONGEST_SLEEP && os_space_is_dead(r->task) == 1)
			return 0;
		if (now >= next)
			next = now + LONGEST_SLEEP;
		os_futex_wait(turn, TURN_RUN, min(deadline, next));
	}
	return 0;
}

/*
 * Waits for the turn. Returns 0 when the turn is no longer the runner's, or the runner is dead.
 * Returns -ETIMEDOUT after the deadline.
 */
int handoff_wait(struct runner *r, u64 deadline)
{
	struct placement *p = &placement[r->cpu];
	u64 start;
	int err;

	if (likely(spin(r))) {
		p->hits++;
		p->spun++;
		return 0;
	}
	start = ticks();
	p->slept++;
	if (p->passed && READ_ONCE(r->ctl->rsleep))
		runner_wake(r);
	p->passed = false;
	WRITE_ONCE(r->ctl->kwait, 1);
	smp_mb();
	err = sleep_on_turn(r, deadline);
	WRITE_ONCE(r->ctl->kwait, 0);
	if (r->spin) {
		slept_apart(p, r, ticks() - start);
	} else {
		/* vCPU and runner share a CPU: hits counts hand-offs */
		p->hits++;
		p->credit = 1;
	}
	return err;
}

void handoff_slept(struct runner *r)
{
	struct placement *p = &placement[r->cpu];

	p->slept++;
	p->hits++;
	p->credit = 1;
}

void handoff_sum(struct handoff_counts *c)
{
	*c = (struct handoff_counts){ 0 };
	for (int i = 0; i < skas.cfg.ncpus; i++) {
		const struct placement *p = &placement[i];

		c->spun += READ_ONCE(p->spun);
		c->slept += READ_ONCE(p->slept);
		c->woken += READ_ONCE(p->woken);
		c->across += READ_ONCE(p->across);
		c->apart += READ_ONCE(p->went_apart);
		c->moves += READ_ONCE(p->moves);
	}
}

bool skas_guest_has_turn(int cpu)
{
	const struct ctl_page *c = READ_ONCE(placement[cpu].last_ctl);

	return !c || (READ_ONCE(c->turn) == TURN_RUN && !READ_ONCE(c->rsleep));
}

/*
 * Waits of two threads that take turns on one CPU are not counted as stolen time: they are the cost
 * of a hand-off.
 */
u64 skas_stolen(int cpu)
{
	struct placement *p = &placement[cpu];
	u64 slept = READ_ONCE(p->slept), own = (slept - p->stolen_slept) * SWITCH_NS;
	u64 grown = os_space_stolen(cpu, READ_ONCE(p->last_task));

	p->stolen_slept = slept;
	return grown > own ? grown - own : 0;
}
