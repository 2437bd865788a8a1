/* SPDX-License-Identifier: MIT */
/*
 * put_back.c: controls marking the machine and going back to the mark in place, without exec
 * (state.h).
 *
 * state_mark() returns to its caller again each time that the machine was put back, since the
 * caller's stack is put back, too. The stack of the task that called state_put_back() is then lost,
 * like all changes since the mark.
 *
 * Locks: none, as in state.c.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/sched/sched.h"
#include "kernel/state/internal.h"
#include "kernel/time/time.h"

#define MSEC 1000000UL /* ns */
/* pause between two attempts; limit for all attempts */
#define PAUSE_NS (MSEC / 10)
#define PATIENCE_NS (10000 * MSEC)
#define LEAST_TRIES 8

/* Lets other tasks run, even those of lower priority. */
static void pause(void)
{
	set_current_state(TASK_IDLE);
	schedule_deadline(ktime_get() + PAUSE_NS);
}

/* Marks parts until one fails. Returns 0 or its -errno. */
static s64 mark_parts(struct state_why *why)
{
	s64 err = 0;

	for_each_part(p) if (!err && p->mark) err = p->mark(why);
	return err;
}

/* Puts all parts back. @dir is the folder of a rollback, or NULL. Returns 0 or -errno. */
static s64 put_back_parts(const char *dir, struct state_why *why)
{
	s64 err = 0;

	for_each_part(p)
	{
		if (!err && dir && p->go_back)
			err = p->go_back(dir, why);
		else if (!err && p->put_back)
			err = p->put_back(why);
	}
	return err;
}

static void unmark_parts(void)
{
	for_each_part(p) if (p->unmark) p->unmark();
}

/*
 * Tries to mark once. Returns 0, MACHINE_GOES_ON after each return to the mark, or -errno: -EAGAIN
 * if the machine has to run for a moment first.
 */
static s64 try_mark(bool (*is_last)(void), struct state_why *why)
{
	s64 err = machine_stop();

	if (err)
		return state_fail(why, -EAGAIN, "a vCPU does not come to a boundary");
	why->text[0] = '\0';
	err = state_quiet(why);
	if (!err)
		err = mark_parts(why);
	if (!err)
		err = machine_mark(why->text, sizeof(why->text));
	if (err == MACHINE_GOES_ON) {
		if (is_last()) {
			unmark_parts();
			machine_unmark();
		}
		machine_go_back();
		clock_was_set();
		return err;
	}
	if (err)
		unmark_parts();
	machine_go();
	return err;
}

int state_mark(bool (*is_last)(void), struct state_why *why)
{
	const char *obstacle = machine_save_obstacle();
	u64 end = ktime_get() + PATIENCE_NS;
	int tries = 0;
	s64 err;

	why->text[0] = '\0';
	if (obstacle)
		return (int)state_fail(why, -EOPNOTSUPP, obstacle);
	if (!state_begin())
		return (int)state_fail(why, -EBUSY, "a save is under way");
	do {
		err = machine_mark_begin();
		if (err)
			state_fail(why, err, "no memory for its lists");
		else
			err = try_mark(is_last, why);
		machine_save_end();
		if (err == -EAGAIN)
			pause();
	} while (err == -EAGAIN && (++tries < LEAST_TRIES || ktime_get() < end));
	state_end();
	if (err == -EAGAIN)
		err = state_fail(why, -EBUSY, "a task holds an address space for too long");
	return (int)err;
}

/*
 * Tries to put the machine back once. Returns only on a failure; -EAGAIN if the machine has to run
 * for a moment first.
 */
static s64 try_put_back(const struct mm *quiet, const char *dir, struct state_why *why)
{
	s64 err = machine_stop();

	if (err)
		return state_fail(why, -EAGAIN, "a vCPU does not come to a boundary");
	why->text[0] = '\0';
	err = state_quiet(why);
	if (!err)
		err = machine_put_back_begin(quiet);
	if (!err) {
		err = put_back_parts(dir, why);
		if (err)
			machine_put_back_undo();
	}
	if (err) {
		machine_go();
		return err;
	}
	machine_put_back();
}

/*
 * Puts the machine back, with repeated attempts. @dir: as for put_back_parts(). Returns only on a
 * failure: -errno, with the reason in *why.
 */
static int put_back(const struct mm *quiet, const char *dir, struct state_why *why)
{
	u64 end = ktime_get() + PATIENCE_NS;
	int tries = 0;
	s64 err;

	while (!state_begin())
		pause();
	while ((err = try_put_back(quiet, dir, why)) == -EAGAIN &&
		(++tries < LEAST_TRIES || ktime_get() < end))
		pause();
	state_end();
	return (int)state_fail(why, err, "a task holds an address space for too long");
}

int state_put_back(const struct mm *quiet, struct state_why *why)
{
	return put_back(quiet, NULL, why);
}

/* ---- rollback ---- */

bool state_mark_restored(void)
{
	bool can = true;

	for_each_part(p) if (can && p->note) can = p->note();
	return can && machine_mark_restored() == MACHINE_GOES_ON;
}

void state_mark_saved(void)
{
	bool can = true;

	for_each_part(p) if (can && p->note) can = p->note();
	if (!can || !machine_mark_saved())
		machine_unmark_states();
}

int state_go_back(const char *dir, struct state_why *why)
{
	sched_setaffinity(current, 1);
	if (smp_processor_id())
		return (int)state_fail(why, -EBUSY, "the first vCPU is taken");
	return put_back(NULL, dir, why);
}
