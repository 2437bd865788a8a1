/* SPDX-License-Identifier: MIT */
/* trial.c: see trial.h. */
#include "skas/trial.h"

static void new_row(struct home_trial *t)
{
	t->n = 0;
	t->sum = 0;
}

/* Begins the row of waits at the other CPU when the row at home is complete. Returns that CPU. */
static int leave(struct home_trial *t, int here, int other)
{
	t->was = t->sum;
	t->away = other != here;
	t->home = here;
	t->tried = t->at = other;
	t->rest = t->away ? 0 : TRIAL_AGAIN;
	return other;
}

/*
 * Decides after the row at the other CPU. That CPU has to be better by an eighth, since noise would
 * otherwise move the vCPU. Returns the home from now on.
 */
static int decide(struct home_trial *t)
{
	t->away = false;
	t->rest = TRIAL_AGAIN;
	if (t->sum >= t->was - t->was / 8)
		t->at = t->home;
	return t->at;
}

int trial_waited(struct home_trial *t, u64 now, u64 ns, int here, int other)
{
	bool broken = now - t->last > ns + TRIAL_GAP;
	int to = here;

	if (ns < TRIAL_LEAST)
		return here;
	t->last = now;
	/* the vCPU has got a new home meanwhile */
	if (here != t->at) {
		t->away = false;
		t->at = here;
		t->rest = 0;
		broken = true;
	}
	if (broken) {
		new_row(t);
		if (t->away) {
			to = t->at = t->home;
			t->rest = TRIAL_AGAIN / 8;
		}
		t->away = false;
		return to;
	}
	if (t->rest) {
		t->rest--;
		return here;
	}
	t->sum += ns < TRIAL_MOST ? ns : TRIAL_MOST;
	if (++t->n < TRIAL_WAITS)
		return here;
	to = t->away ? decide(t) : leave(t, here, other);
	new_row(t);
	return to;
}
