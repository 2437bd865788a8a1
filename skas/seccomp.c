/* SPDX-License-Identifier: MIT */
/*
 * seccomp.c: guest code under seccomp. A system call, fault or trap of the guest is a signal to its
 * runner, whose handler in the stub writes the control page and hands the turn to the kernel; the
 * kernel hands it back.
 *
 *      vCPU                                       runner
 *      registers -> control page,                 (waits: spins a while, then sleeps on its word)
 *      turn = RUN, wake
 *      waits: spins a while, then sleeps          guest code ... signal ...
 *      on the turn word                           registers -> control page, turn = KERNEL, wake
 *
 * The whole protocol is the turn word and two flags beside it, kwait and rsleep ("I sleep, or am
 * about to"). The turn is RUN (the runner's), KERNEL, or PARK: still the kernel's, and a runner
 * that spins is to sleep (handoff.c). Before sleeping, each side writes its flag, then (full
 * barrier) reads the turn. To hand over, each side writes the turn, then (full barrier) reads the
 * other side's flag. The runner reads its futex word before it writes its flag, and the waker
 * changes that word first.
 *
 * A guest can write all of this except the futex word at any time. So a turn without an event ends
 * the guest, every sleep has a timeout, and a kick repairs a lost wake-up. See handoff.c for how
 * both sides wait, placement.c for the CPUs that they use.
 *
 * docs/skas.md has the proof that a stopped runner (seccomp_stop()) executes no guest code.
 *
 * Locks: a runner is driven by its vCPU alone, except for seccomp_save_fpu(), which any vCPU may
 * call under r->lock.
 */
#include "kernel/lib/string.h"
#include "skas/internal.h"

/* ns between two checks of a runner that was ordered to save its FPU state */
#define SAVE_SLICE (20 * NSEC_PER_MSEC)

static bool kick_once(struct runner *r)
{
	stat_inc(kicks);
	os_space_kick(r->task);
	return !handoff_wait(r, os_clock_mono() + KICK_WAIT);
}

/*
 * Kicks a runner whose deadline has passed until it gives the turn back. If the first kick has no
 * effect, the runner is unpinned. Returns 0, -ESRCH if the runner is dead, or -ETIMEDOUT if it
 * ignores kicks.
 */
static int kick_home(struct runner *r)
{
	struct kicking k = { 0 };

	if (likely(kick_once(r)))
		return 0;
	kicking_begin(&k, r);
	handoff_let_go(r);
	do {
		if (kick_once(r))
			return 0;
		/* the runner may be dead while a sibling pretends that it still has the turn */
		if (os_space_is_dead(r->task) == 1)
			return -ESRCH;
	} while (kicking_continues(&k, r));
	return -ETIMEDOUT;
}

/* ---- running ---- */

static void give_turn(struct runner *r)
{
	bool parked = r->state == RUNNER_PARKED, asleep;

	r->state = RUNNER_RUNNING;
	r->allowed += TAIL_NS;
	xchg(&r->ctl->turn, TURN_RUN);
	asleep = !parked && READ_ONCE(r->ctl->rsleep);
	if (asleep)
		runner_stir(r);
	if (handoff_placed(r, asleep)) {
		handoff_count_wake(r);
	} else if (parked) {
		/* a stray signal may have made the runner sleep on r->word again */
		if (!os_futex_wake(&r->park, 1))
			runner_wake(r);
		handoff_count_wake(r);
	} else if (asleep) {
		os_futex_wake(r->word, 1);
		handoff_count_wake(r);
	}
}

static void seccomp_run(
	struct runner *r, struct regs *regs, struct fpu *fpu, u64 deadline, struct skas_event *ev)
{
	bool swap;
	int err;

	*ev = (struct skas_event){ .type = EV_KICK };
	handoff_place(r);
	fpu_enter(r, fpu);
	swap = fpu_lock_swap(r);
	runner_load_regs(r, regs);
	runner_publish(r);
	if (skas_kicked(r->cpu)) {
		runner_unpublish(r);
		r->again = true;
		if (swap)
			skas_unlock(&r->lock);
		return;
	}
	answers_settle(r);
	if (swap)
		fpu_give(r);
	r->again = false;
	give_turn(r);
	/* a kick before the turn was given has hit a waiting runner, which ignores it */
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

/*
 * Called when an interval has passed and the turn was not given back. A sibling may have
 * overwritten the runner's words, so the runner is woken again. Returns true if it is to be ended:
 * it is dead, or ignores kicks.
 */
static bool stalls(struct runner *r, struct kicking *k)
{
	bool given_up;

	if (!k->last)
		kicking_begin(k, r);
	given_up = !kicking_continues(k, r);
	runner_wake(r);
	return given_up || os_space_is_dead(r->task) == 1;
}

/*
 * Makes the runner, which waits in the stub, save the FPU state of its registers at offset @off of
 * its alt stack (r->alt). The runner reports the address of the saved state in C_FP. Any vCPU may
 * call this with r->lock held; the runner's own vCPU does not run it meanwhile. If a kick comes
 * first, the state is in the kick's signal frame, also on the alt stack. A runner that does not
 * answer breaks the protocol: its space is killed, and the program ends when it is to run again.
 * Returns the state's offset in the alt stack, or -errno if the state is lost.
 */
static s64 seccomp_save_fpu(struct runner *r, u64 off)
{
	struct ctl_page *c = r->ctl;
	struct kicking k = { 0 };
	int err = -EIO;
	u32 event;

	stat_inc(fpu_saves);
	WRITE_ONCE(c->event, 0);
	WRITE_ONCE(c->save, r->va - SLOT_CTL + SLOT_ALT + off);
	WRITE_ONCE(c->exit, EXIT_SAVE);
	WRITE_ONCE(r->allowed, r->allowed + TAIL_NS);
	xchg(&c->turn, TURN_RUN);
	if (READ_ONCE(c->rsleep))
		runner_wake(r);
	for (u32 n = r->spin; n && smp_load_acquire(&c->turn) == TURN_RUN; n--)
		handoff_pause();
	WRITE_ONCE(c->kwait, 1);
	smp_mb();
	while (smp_load_acquire(&c->turn) == TURN_RUN) {
		os_futex_wait(&c->turn, TURN_RUN, os_clock_mono() + SAVE_SLICE);
		if (READ_ONCE(c->turn) == TURN_RUN && stalls(r, &k)) {
			space_lose(r->space);
			break;
		}
	}
	WRITE_ONCE(c->kwait, 0);
	event = READ_ONCE(c->event);
	if (event == EVT_SAVED || event == SIG_KICK)
		err = fpu_frame(r, &off);
	return err ? err : (s64)off;
}

/* ---- proof of stop ---- */

static int seccomp_stop(struct runner *r)
{
	int err;

	if (r->debug.dr7)
		/* the caller ends the runner, or the next guest would stop at its breakpoints */
		return -EBUSY;
	if (r->state == RUNNER_PARKED && runner_is_parked(r))
		return 0;
	err = os_space_quiet(r->task, r->cpu);
	if (err)
		return err;
	stat_inc(proofs);
	err = runner_park(r);
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
	.save_fpu = seccomp_save_fpu,
	.stop = seccomp_stop,
	.is_stopped = runner_is_parked,
};
