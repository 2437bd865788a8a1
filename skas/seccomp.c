/* SPDX-License-Identifier: MIT */
/*
 * seccomp.c: guest code under seccomp. A system call, fault or trap of the guest is a signal to its runner, whose handler in the
 * stub writes the control page and hands the turn over; we hand it back.
 *
 *	vCPU                                              runner
 *	registers -> control page, turn = RUN, wake       (waits: spins a while, then sleeps on the turn word)
 *	waits: spins a while, then sleeps on the word     guest code ... signal ... registers -> control page, turn = KERNEL, wake
 *
 * The turn word, with kwait and rsleep ("I sleep, or am about to") beside it, is the whole protocol. Each side writes its flag, then
 * (full barrier) looks at the turn; each writes the turn, then (full barrier) looks at the other's flag. A guest can write all of it
 * at any time, so a turn without an event is looked into, every sleep ends by itself, and a kick heals a lost wake-up.
 *
 * Placement (docs/skas.md): a waker and its sleeper on different CPUs cost tens of microseconds, on the same CPU four; a partner that
 * spins on another CPU a tenth of one; a partner that spins on our own CPU a whole tick. So there are two ways to wait, chosen per
 * vCPU about once a millisecond by how many vCPUs are busy:
 *	apart      vCPU at home, its runners on the partner CPU; both spin about as long as a wake-up would cost
 *	together   vCPU and runners at home; nobody spins
 *
 * Proof of stop: docs/skas.md. Locks: none; a runner is driven by its vCPU alone.
 */
#include "kernel/lib/string.h"
#include "skas/internal.h"

#define LONGEST_SLEEP (500 * NSEC_PER_MSEC) /* then a look at what is going on */
#define KICK_CPU_LIMIT (10 * NSEC_PER_MSEC) /* of CPU time, with a kick ignored */
#define KICK_LIMIT (2 * NSEC_PER_SEC)       /* without CPU time: it may be starved by the host */
#define PROOF_LIMIT (10 * NSEC_PER_MSEC)
#define SPIN_NS 50000                       /* about a wake-up on another CPU */
#define SPIN_FLOOR 8                        /* the least is a part of the most */
#define PLACE_NS NSEC_PER_MSEC

static u32 spin_rounds; /* SPIN_NS in rounds of cpu_relax() */
static u64 place_ticks; /* PLACE_NS in TSC ticks */
static int first_home;

/* Of each vCPU, written by it alone; last_run is read by the others. */
static struct placement {
	u64 last_run;  /* TSC */
	u64 next_look; /* TSC */
	int pinned;    /* host CPU of the thread, -1 none */
	bool apart;
	struct runner *last;
} __attribute__((aligned(64))) placement[STUB_MAX_SLOTS];

static inline u64 ticks(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

/* How long a round of spinning is, and a tick of the TSC. */
void handoff_init(void)
{
	u64 t0 = os_clock_mono(), c0 = ticks(), ns, rounds = 5000;

	for (u64 i = 0; i < rounds; i++)
		cpu_relax();
	ns = os_clock_mono() - t0 + 1;
	spin_rounds = (u32)(rounds * SPIN_NS / ns) + 1;
	place_ticks = (ticks() - c0) * PLACE_NS / ns + 1;
	first_home = os_space_this_cpu();
	for (int i = 0; i < STUB_MAX_SLOTS; i++)
		placement[i].pinned = -1;
}

/* ---- placement ---- */

static int home(int cpu)
{
	return (first_home + cpu) % skas.host_cpus;
}

static int partner(int cpu)
{
	return (home(cpu) + (skas.host_cpus + 1) / 2) % skas.host_cpus;
}

/* Is there a host CPU for each busy vCPU and for a spinning partner of each? */
static bool room_to_spin(u64 now)
{
	int busy = 0;

	if (skas.ops == &ptrace_ops)
		return false;
	if (skas.cfg.handoff != SKAS_HANDOFF_AUTO)
		return skas.cfg.handoff == SKAS_HANDOFF_SPIN;
	for (int i = 0; i < skas.cfg.ncpus; i++)
		busy += now - READ_ONCE(placement[i].last_run) < 2 * place_ticks;
	return 2 * busy <= skas.host_cpus;
}

static void pin_runner(struct runner *r, int host_cpu)
{
	if (r->pinned == host_cpu)
		return;
	os_space_pin(r->task, host_cpu);
	r->pinned = host_cpu;
}

/* Before the runner goes on: who waits how, and where. */
void handoff_place(struct runner *r)
{
	struct placement *p = &placement[r->cpu];
	u64 now = ticks();

	WRITE_ONCE(p->last_run, now);
	if (now > p->next_look) {
		p->apart = room_to_spin(now);
		p->next_look = now + place_ticks;
	}
	if (p->pinned < 0) {
		p->pinned = home(r->cpu);
		os_space_pin_self(p->pinned);
	}
	pin_runner(r, p->apart ? partner(r->cpu) : home(r->cpu));
	if (p->apart != (r->ctl->rspin != 0)) {
		r->ctl->rspin = p->apart ? spin_rounds : 0;
		r->spin = p->apart ? spin_rounds : 0;
	}
	if (p->last && p->last != r)
		cmpxchg(&p->last->ctl->turn, TURN_KERNEL, TURN_PARK);
	p->last = r;
}

void handoff_forget(struct runner *r)
{
	if (placement[r->cpu].last == r)
		placement[r->cpu].last = NULL;
}

/* ---- waiting ---- */

static bool spin(struct runner *r)
{
	for (u32 n = r->spin; n; n--) {
		if (smp_load_acquire(&r->ctl->turn) != TURN_RUN)
			return true;
		cpu_relax();
	}
	return false;
}

/* Spinning that does not pay becomes shorter, and longer again when it does. */
static bool spin_and_learn(struct runner *r)
{
	u32 most = spin_rounds, least = spin_rounds / SPIN_FLOOR;

	if (!r->spin)
		return false;
	if (spin(r)) {
		r->spin = min(most, r->spin + r->spin / 4);
		stat_inc(spun);
		return true;
	}
	r->spin = max(least, r->spin / 2);
	return false;
}

/* One sleep; the word says whether it was worth it. */
static void sleep_on_turn(struct runner *r, u64 now, u64 deadline)
{
	u64 until = min(deadline, now + LONGEST_SLEEP);

	stat_inc(slept);
	os_futex_wait(&r->ctl->turn, TURN_RUN, until);
}

/* 0: the turn is no longer the runner's (or it is dead); -ETIMEDOUT. */
int handoff_wait(struct runner *r, u64 deadline)
{
	u32 *turn = &r->ctl->turn;
	u64 now;
	int err = 0;

	if (spin_and_learn(r))
		return 0;
	r->ctl->kwait = 1;
	smp_mb();
	now = os_clock_mono();
	for (u64 look = now + LONGEST_SLEEP; smp_load_acquire(turn) == TURN_RUN; now = os_clock_mono()) {
		if (now >= deadline) {
			err = -ETIMEDOUT;
			break;
		}
		if (now >= look && os_space_is_dead(r->task) == 1)
			break;
		sleep_on_turn(r, now, deadline);
	}
	r->ctl->kwait = 0;
	return err;
}

/* The deadline has passed. A guest that does not heed kicks, yet computes, is not worth having. */
static int kick_home(struct runner *r)
{
	u64 start = os_clock_mono(), used = os_space_cputime(r->task), now = start;

	while (now - start < KICK_LIMIT) {
		stat_inc(kicks);
		os_space_kick(r->task);
		if (!handoff_wait(r, now + KICK_CPU_LIMIT))
			return 0;
		if (os_space_cputime(r->task) - used > KICK_CPU_LIMIT)
			break;
		now = os_clock_mono();
	}
	return -ETIMEDOUT;
}

/* ---- running ---- */

static void give_turn(struct runner *r)
{
	u32 *turn = &r->ctl->turn;
	bool parked = r->state == RUNNER_PARKED;

	r->state = RUNNER_RUNNING;
	xchg(turn, TURN_RUN);
	if (parked) {
		/* a stray signal sent it back to the turn word */
		if (!os_futex_wake(&r->park, 1))
			os_futex_wake(turn, 1);
	} else if (READ_ONCE(r->ctl->rsleep)) {
		stat_inc(woken);
		os_futex_wake(turn, 1);
	}
}

static void seccomp_run(struct runner *r, struct regs *regs, struct fpu *fpu, u64 deadline, struct skas_event *ev)
{
	int err;

	*ev = (struct skas_event){ .type = EV_KICK };
	handoff_place(r);
	fpu_enter(r, fpu);
	runner_load_regs(r, regs);
	runner_publish(r);
	if (skas_kicked(r->cpu)) {
		runner_unpublish(r);
		return;
	}
	give_turn(r);
	/* A kick that came before the turn was given fell on a waiting runner, which ignores it. */
	if (skas_kicked(r->cpu))
		os_space_kick(r->task);
	err = handoff_wait(r, deadline);
	if (err)
		err = kick_home(r);
	runner_unpublish(r);
	r->state = RUNNER_WAITING;
	if (err)
		ev->type = EV_DEAD;
	else
		runner_decode(r, regs, ev);
}

/* ---- proof of stop ---- */

/* Moved from the turn word to a word of ours: it was asleep in its one futex call, and can only come out behind it. */
static int prove(struct runner *r)
{
	u64 end = os_clock_mono() + PROOF_LIMIT;
	int moved;

	for (int tries = 0;; tries++) {
		xchg(&r->ctl->turn, TURN_PARK);
		moved = os_space_requeue(&r->ctl->turn, &r->park, TURN_PARK);
		if (moved == 1)
			return 0;
		if (tries > 2)
			os_space_yield();
		if (os_clock_mono() > end)
			return -ETIMEDOUT;
	}
}

static int seccomp_stop(struct runner *r)
{
	int err;

	if (r->state == RUNNER_PARKED)
		return 0;
	err = os_space_quiet(r->task, r->cpu);
	if (err)
		return err;
	stat_inc(proofs);
	err = prove(r);
	if (err) {
		stat_inc(proofs_failed);
		return err;
	}
	runner_wipe(r);
	r->state = RUNNER_PARKED;
	return 0;
}

static int seccomp_attach(struct runner *r)
{
	return 0;
}

const struct skas_ops seccomp_ops = {
	.name = "seccomp",
	.attach = seccomp_attach,
	.run = seccomp_run,
	.stop = seccomp_stop,
};
