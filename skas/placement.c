/* SPDX-License-Identifier: MIT */
/*
 * placement.c: on which host CPUs a vCPU, its runners and the mapper run, and whether vCPU and
 * runner spin for each other (handoff.c).
 *
 * A vCPU and the runner that it drives are partners: each waits for the other. Placement matters
 * more than anything else. A wake-up across CPUs costs tens of microseconds, on one CPU four. A
 * partner that spins on another CPU reacts within a tenth of a microsecond. A partner that spins on
 * the CPU that the other one needs costs a whole tick. So there are two modes:
 *
 *     apart      vCPU at home, its runners on the partner CPU; both spin about as long as a wake-up
 *                would cost, then sleep
 *     together   vCPU and runners at home; neither spins
 *
 * A vCPU goes apart if the host has two CPUs for every busy vCPU, one of them for its runners, and
 * hand-offs come often. It comes together again when spinning fails too often, because the guest or
 * the kernel computes for long, or when other programs compete for the CPUs. After a failure it
 * waits before it tries again, longer each time. It decides about once a millisecond, in a "look".
 *
 * The mapper is always at the home of the vCPU that waits for it. A vCPU whose home is contended
 * floats for a while: it is not pinned, and its runners stay where they are. The CPU on which it
 * ends up is its new home, unless that is the home of another busy vCPU and there are enough CPUs.
 * A runner that computes for long need not be near its vCPU: it may run anywhere until its next
 * hand-off.
 *
 * A guest whose tasks make short calls all the time gains more from a spinning partner than from
 * one more vCPU. If the host has no CPU for both, the scheduler leaves such tasks on one vCPU
 * (skas_shares()), and a superfluous vCPU hands its tasks to another (skas_rests()).
 *
 * Locks: struct placement belongs to its vCPU. A vCPU that ends a runner clears the member last, of
 * any vCPU (cmpxchg).
 */
#include "skas/placement.h"

#define BUSY_ONE 256 /* one vCPU at work at every look */
#define BUSY_SHARE 4 /* the newest look weighs 1/4 in the mean */
/* hand-offs between two looks that make it worthwhile to go apart */
#define OFTEN 16
/* number of waits below which spinning is not judged */
#define FEW 4
/* if more than one in this many waits is a miss, sleeping is cheaper */
#define MISSES_BAD 4
#define BACKOFF_MIN 4 /* looks */
#define BACKOFF_MAX 64
/* ns between comparisons of the delays of vCPU and runner while they are apart */
#define WATCH_NS (8 * NSEC_PER_MSEC)
/* in LOOK_NS: time between checks whether the home is contended */
#define MOVE_LOOKS 128
/* in LOOK_NS: time during which the host's scheduler chooses the next home */
#define FLOAT_LOOKS 4
/* mean time between calls, in ns, below which a CPU that spins for them is worthwhile */
#define SHORT_NS (4 * NSEC_PER_USEC)
/* ns that such a call costs without a spinning CPU */
#define SLEPT_NS 4400UL
/*
 * number of looks for which a computed rate of hand-offs is valid: fewer than in the slice of a
 * program that computes
 */
#define FRESH_LOOKS 2
#define REST_LOOKS 32 /* looks between two rests of a vCPU */
/* short hand-offs, ended by spinning, between two reads of the TSC */
#define CREDIT 32

struct placement placement[STUB_MAX_SLOTS];

static void set_home(struct placement *p, int home)
{
	p->home = home;
	p->partner = (home + (skas.host_cpus + 1) / 2) % skas.host_cpus;
	p->generation++;
}

void placement_init(int first)
{
	for (int i = 0; i < skas.cfg.ncpus; i++) {
		set_home(&placement[i], (first + i) % skas.host_cpus);
		placement[i].credit = 1;
		placement[i].backoff = BACKOFF_MIN;
		placement[i].home_at = ticks() + MOVE_LOOKS * handoff_pace.look_ticks;
	}
}

/* ---- apart or together ---- */

static bool at_work(int cpu)
{
	u32 state = READ_ONCE(skas.cfg.irq->cpu[cpu].state);

	return state == OS_CPU_KERNEL || state == OS_CPU_GUEST;
}

/*
 * True if the host has a CPU for every busy vCPU, and one for its partner. A vCPU that runs now and
 * then, such as for a shell between two commands, does not count: what matters is how many are at
 * work at an average look.
 */
static bool room_to_spin(struct placement *p)
{
	int others = 0;

	for (int i = 0; i < skas.cfg.ncpus; i++)
		others += &placement[i] != p && at_work(i);
	p->others += (others * BUSY_ONE - p->others) / BUSY_SHARE;
	return 2 * (1 + (p->others + BUSY_ONE / 2) / BUSY_ONE) <= skas.host_cpus;
}

static void fall_back(struct placement *p)
{
	p->apart = false;
	p->wait = p->backoff;
	p->backoff = min(p->backoff * 2, (u32)BACKOFF_MAX);
}

/*
 * True if other programs compete for the CPUs. Partners on different CPUs must both be running, and
 * lose a time slice whenever one of them is not; then sharing one CPU is far better. The host
 * reports how long each was ready and waited. On the other hand, each hand-off that spinning ended
 * has saved a context switch. A program that answers each of the guest's packets often takes a CPU
 * for some microseconds; with many hand-offs in between, sharing one CPU would cost more.
 */
static bool contended(struct placement *p, struct runner *last)
{
	u64 now = os_clock_mono(), elapsed = now - p->watched_at, delay, saved;
	bool found;

	if (p->watched == last && elapsed < WATCH_NS)
		return false;
	delay = os_space_delayed(0) + os_space_delayed(READ_ONCE(last->task));
	saved = (p->spun - p->watched_spun + p->switches) * SWITCH_NS;
	found = p->watched == last && delay - p->watched_delay > elapsed / 4 + saved;
	p->switches = 0;
	p->watched = last;
	p->watched_delay = delay;
	p->watched_at = now;
	p->watched_spun = p->spun;
	return found;
}

static bool spinning_fails(const struct placement *p)
{
	return p->misses * MISSES_BAD > p->hits;
}

/*
 * Decides whether to stay on different CPUs. A period with few hand-offs is no basis for a
 * decision. When other programs use the CPUs, no period has many, so periods are added up.
 */
static void stay_apart(struct placement *p)
{
	/* another vCPU that ends this runner clears p->last at any time */
	struct runner *last = READ_ONCE(p->last);

	if (spinning_fails(p) && p->hits + p->misses >= FEW)
		fall_back(p);
	else if (last && contended(p, last))
		fall_back(p);
	else if (p->hits + p->misses < FEW)
		return;
	else
		p->backoff = max(p->backoff / 2, (u32)BACKOFF_MIN);
	p->hits = p->misses = 0;
}

static void choose(struct placement *p)
{
	bool room = room_to_spin(p);

	if (p->apart && room) {
		stay_apart(p);
		return;
	}
	if (p->wait)
		p->wait--;
	p->apart = room && !p->wait && p->hits >= OFTEN;
	p->went_apart += p->apart;
	/* while together, vCPU and runner wait for each other's CPU, which is no contention */
	p->watched = NULL;
	p->hits = p->misses = 0;
}

/*
 * True if other programs compete for the vCPU's home CPU. Then the vCPU's thread waits for the CPU
 * or, if the thread mostly sleeps, the runner that computes there waits. Moving costs time, too.
 * Many hand-offs make up for short waits, as in contended(), but not for losing half the CPU to
 * another computing program.
 */
static bool home_contended(const struct home *was, const struct home *is)
{
	u64 elapsed = is->time - was->time, own = is->own - was->own;
	u64 saved = min((is->spun - was->spun) * SWITCH_NS, elapsed * 5 / 16);

	if (own > elapsed / 8 + saved)
		return true;
	return is->r == was->r && own + is->runners - was->runners >
					  elapsed / 4 + (is->handoffs - was->handoffs) * SWITCH_NS;
}

static bool is_anothers_home(const struct placement *p, int cpu)
{
	for (int i = 0; i < skas.cfg.ncpus; i++)
		if (&placement[i] != p && READ_ONCE(placement[i].home) == cpu && at_work(i))
			return true;
	return false;
}

/*
 * Returns the CPU that the host's scheduler chose for this thread, or the next CPU after it that is
 * no vCPU's home.
 */
static int next_home(const struct placement *p)
{
	int here = os_space_this_cpu();

	for (int i = 0; i < skas.host_cpus; i++) {
		int cpu = (here + i) % skas.host_cpus;

		if (!is_anothers_home(p, cpu))
			return cpu;
	}
	return here;
}

/*
 * Lets the host's scheduler choose if other programs compete for this CPU: for a while the thread
 * is not pinned, then the CPU on which it runs becomes its home.
 */
static void check_home(struct placement *p, struct runner *r, u64 now)
{
	struct home is = {
		.r = r,
		.own = os_space_delayed(0),
		.runners = os_space_delayed(r->task),
		.handoffs = p->spun + p->slept,
		.spun = p->spun,
		.time = os_clock_mono(),
	};

	p->home_at = now + MOVE_LOOKS * handoff_pace.look_ticks;
	if (p->floating) {
		p->floating = false;
		set_home(p, next_home(p));
	} else if (p->pinned && home_contended(&p->seen, &is) && skas.host_cpus > 1) {
		p->moves++;
		p->pinned = false;
		p->floating = true;
		p->apart = false;
		p->home_at = now + FLOAT_LOOKS * handoff_pace.look_ticks;
		os_space_pin_self(-1);
	}
	p->seen = is;
}

/*
 * Returns the next CPU to try as a home: the next one, after the last one tried, that is no other
 * vCPU's home. If there is none, returns this vCPU's own home.
 */
static int next_trial(const struct placement *p)
{
	for (int i = 1; i <= skas.host_cpus; i++) {
		int cpu = (p->trial.tried + i) % skas.host_cpus;

		if (cpu != p->home && !is_anothers_home(p, cpu))
			return cpu;
	}
	return p->home;
}

void skas_waited_for_disk(int cpu, u64 ns)
{
	struct placement *p = &placement[cpu];
	int to;

	if (!p->pinned || os_space_this_cpu() != p->home)
		return;
	to = trial_waited(&p->trial, os_clock_mono(), ns, p->home, next_trial(p));
	if (to == p->home)
		return;
	p->moves++;
	p->pinned = false; /* pin_self() pins it at the hand-off */
	set_home(p, to);
}

/*
 * Decides whether hand-offs come so often that each vCPU needs its partner's CPU more than the
 * guest needs another vCPU. Hand-offs that sleep take longer, but sleeping uses no CPU. One period
 * with few hand-offs changes nothing: the host may have given the CPU to others meanwhile, or the
 * calling task may have waited for its partner. Tasks separated because of one such period would
 * from then on wake each other across CPUs.
 */
static void look_at_rate(struct placement *p, u64 now)
{
	u64 n = p->spun + p->slept, elapsed = now - p->rate_at;
	u64 each = handoff_pace.look_ticks * (p->apart ? SHORT_NS : SHORT_NS + SLEPT_NS) / LOOK_NS;
	bool enough = (n - p->rate_n) * each >= elapsed;

	if (elapsed < handoff_pace.look_ticks / 2)
		return;
	WRITE_ONCE(p->calls_until, enough || (p->calls_until && !p->few) ?
					   now + FRESH_LOOKS * handoff_pace.look_ticks :
					   0);
	p->few = !enough;
	p->rate_at = now;
	p->rate_n = n;
}

/*
 * Goes apart if handoff=spin requires it, and else together. While spinning fails, no runner is
 * patient.
 */
static void stay_forced(struct placement *p)
{
	p->apart = skas.cfg.handoff == SKAS_HANDOFF_SPIN && skas.ops == &seccomp_ops;
	p->impatient = spinning_fails(p);
	p->hits = p->misses = 0;
}

static void look(struct placement *p, struct runner *r, u64 now)
{
	bool apart = p->apart, impatient = p->impatient;

	p->next_look = now + handoff_pace.look_ticks;
	look_at_rate(p, now);
	if (skas.cfg.handoff == SKAS_HANDOFF_AUTO && skas.ops == &seccomp_ops && p->pinned)
		choose(p);
	else
		stay_forced(p);
	if (now > p->home_at)
		check_home(p, r, now);
	p->generation += p->apart != apart || p->impatient != impatient;
}

/* ---- sharing a vCPU ---- */

static bool may_share(void)
{
	return skas.cfg.handoff == SKAS_HANDOFF_AUTO && skas.ops == &seccomp_ops &&
	       skas.host_cpus > 1;
}

static bool calls_often(const struct placement *p, u64 now)
{
	return (s64)(READ_ONCE(p->calls_until) - now) > 0;
}

/*
 * True if the host has no CPU for a partner of each vCPU at work. @to counts as at work; -1 stands
 * for one vCPU more.
 */
static bool too_many(int to)
{
	int n = to < 0;

	for (int i = 0; i < skas.cfg.ncpus; i++)
		n += i == to || at_work(i);
	return 2 * n > skas.host_cpus;
}

bool skas_shares(int cpu, int to)
{
	const struct placement *p = &placement[cpu];
	u64 now;

	if (!READ_ONCE(p->calls_until) || !may_share())
		return false;
	now = ticks();
	return calls_often(p, now) && !READ_ONCE(p->wait) && too_many(to);
}

int skas_rests(int cpu)
{
	struct placement *p = &placement[cpu];
	u64 now;

	if (p->apart || !p->calls_until || !may_share())
		return -1;
	now = ticks();
	if (!calls_often(p, now) || (s64)(now - p->rests_again) < 0 || !too_many(cpu))
		return -1;
	for (int i = 0; i < cpu; i++) {
		struct placement *to = &placement[i];

		if (!at_work(i) || !calls_often(to, now) || READ_ONCE(to->wait) ||
			!READ_ONCE(to->pinned))
			continue;
		p->rests_again = now + REST_LOOKS * handoff_pace.look_ticks;
		return i;
	}
	return -1;
}

/* ---- places ---- */

static void pin_runner(struct runner *r, int host_cpu)
{
	if (r->pinned == host_cpu)
		return;
	os_space_pin(r->task, host_cpu);
	r->pinned = host_cpu;
}

/*
 * Sets a runner's patience. If vCPU and runners are on different CPUs, the next runner is woken
 * before the last one sleeps (handoff_placed()). A patient runner does not preempt the last one,
 * which saves an interrupt between CPUs and a second switch. If other threads compete for the CPU,
 * a patient runner would wait for too long: on a shared CPU no runner is patient.
 */
static void set_patience(struct runner *r, bool patient)
{
	if (r->patient == patient)
		return;
	os_space_patient(r->task, patient);
	r->patient = patient;
}

static void pin_self(struct placement *p)
{
	if (p->pinned || p->floating)
		return;
	p->pinned = true;
	os_space_pin_self(p->home);
}

void placement_apply(struct placement *p, struct runner *r)
{
	pin_self(p);
	if (p->pinned)
		pin_runner(r, p->apart ? p->partner : p->home);
	set_patience(r, p->apart && !p->impatient);
	r->spin = p->apart ? handoff_pace.spin_rounds : 0;
	WRITE_ONCE(r->ctl->rspin, r->spin);
	WRITE_ONCE(r->ctl->rpause, handoff_pace.spin_pauses);
	r->placed = p->generation;
}

void placement_look(struct placement *p, struct runner *r)
{
	u64 now = ticks();

	p->credit = CREDIT;
	if (now > p->next_look)
		look(p, r, now);
}

/* Moves the mapper to this CPU, since the vCPU that waits for it sleeps at once. */
void handoff_place_mapper(struct space *s)
{
	int here = os_space_this_cpu();

	if (s->mapper_pinned == here)
		return;
	os_space_pin(s->mapper, here);
	s->mapper_pinned = here;
}

/* Lets the host choose the CPU of @r, which computes, until handoff_place(). */
void handoff_let_go(struct runner *r)
{
	os_space_pin(r->task, -1);
	r->pinned = -1;
	r->placed = 0;
}
