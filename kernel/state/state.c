/* SPDX-License-Identifier: MIT */
/*
 * state.c: controls saving an instance and continuing it in a new process (state.h).
 *
 * One kernel thread, the saver, does both. It is bound to the first vCPU. Its stack is part of the
 * saved memory: machine_save() returns in it once in this process, and once in each process that
 * continues from the state. In the new process the saver runs alone until machine_wake().
 *
 * If the machine cannot be saved at this moment (a task holds the lock of an address space, or a
 * request of a disk is in progress), it runs for a moment and is stopped again.
 *
 * Locks: none. One save at a time (state_begin()); only the saver accesses its data.
 */
#include "kernel/state/internal.h"

#include <asm/errno.h>
#include <linux/sched.h>

#include "arch/um/machine/arch.h"
#include "kernel/ident/pid.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"
#include "kernel/time/time.h"
#include "kernel/vfs/super.h"

#define MSEC 1000000UL
/*
 * ns: longest wait for requests on the host while the machine is stopped; time between two checks
 */
#define QUIET_NS (20 * MSEC)
#define LOOK_NS (MSEC / 10)
/* ns that the machine runs between two attempts: at first, and at most; limit for all attempts */
#define PAUSE_NS MSEC
#define LONGEST_PAUSE_NS (64 * MSEC)
#define PATIENCE_NS (10000 * MSEC)
#define LEAST_TRIES 8

struct save {
	const char *dir;
	struct state_why *why;
	void (*hold)(u64 so_far); /* or NULL */
	bool finished;            /* finish() of the parts was called */
	bool back;                /* true: put back in place */
	/* ns that the machine was stopped, and the part of it for early_stop() */
	u64 stopped, stopped_early;
	s64 result;
	/* the last pid allocated before that of the request's thread */
	pid_t last_pid;
	struct completion done;
};

static u32 busy;

bool state_begin(void)
{
	return !xchg(&busy, 1);
}

void state_end(void)
{
	smp_store_release(&busy, 0);
}

s64 state_fail(struct state_why *why, s64 err, const char *text)
{
	if (!why->text[0])
		strscpy(why->text, text, sizeof(why->text));
	return err;
}

void state_pause(u64 ns)
{
	u64 end = ktime_get() + ns;

	while (ktime_get() < end)
		yield();
}

/* Returns a part that has a request in progress, or NULL. */
static const struct state_part *busy_part(void)
{
	for_each_part(p) if (p->quiet && !p->quiet()) return p;
	return NULL;
}

s64 state_quiet(struct state_why *why)
{
	u64 end = ktime_get() + QUIET_NS;
	const struct state_part *part;

	for (;;) {
		machine_look_for_events();
		part = busy_part();
		if (!part)
			return 0;
		if (ktime_get() > end)
			break;
		machine_pause(LOOK_NS);
	}
	snprintf(
		why->text, sizeof(why->text), "%s: a request of the host does not end", part->name);
	return -EAGAIN;
}

/*
 * Call prepare() or describe() of all parts until one fails. Return 0 or its -errno, with the
 * reason in s->why.
 */
static s64 prepare(struct save *s)
{
	s64 err = 0;

	for_each_part(p) if (!err && p->prepare) err = p->prepare(s->dir, s->why);
	return err;
}

static s64 describe(struct save *s)
{
	s64 err = 0;

	for_each_part(p) if (!err && p->describe) err = p->describe(s->dir, s->why);
	return err;
}

static void undescribe(bool saved)
{
	for_each_part(p) if (p->undescribe) p->undescribe(saved);
}

/* Calls finish() of all parts, once. Returns @err or, if that is 0, the first error of a part. */
static s64 finish(struct save *s, s64 err, bool stopped)
{
	bool saved = !err;
	struct state_why other = { "" };

	if (s->finished)
		return err;
	s->finished = true;
	for_each_part(p)
	{
		int failed = p->finish ? p->finish(saved, stopped, err ? &other : s->why) : 0;

		err = err ? err : failed;
	}
	return err;
}

/*
 * Makes an instance of a template look as if it had booted now: files in memory have times from the
 * template's boot, and two threads have used up pids, the saver and the thread that serves the
 * request. The machine code resets the clocks and the secrets that each boot makes.
 */
static void freshen(const struct save *s, u64 gap)
{
	supers_shift_times(gap);
	pid_forget(s->last_pid, 2);
}

/* Waits, with hold=console, until a client lets the instance run. */
static void wait_for_client(const char *dir)
{
	struct state_why why = { "there is no management console" };
	int err = -ENOTCONN;

	machine_wait_begin();
	for_each_part(p) if (p->wait) err = p->wait(&why);
	if (err)
		refuse("restore=%s: hold=console: %s", dir, why.text);
	machine_wait_end();
}

/* Rebuilds all parts in the new process. An error ends the process with a message. */
static void go_on(struct save *s)
{
	struct state_why why = { "" };
	const char *dir = machine_restored_from();
	u64 gap;
	bool fresh = machine_is_fresh(&gap);
	int err;

	machine_restored();
	arch_entry.restored();
	machine_read_parameters();
	if (fresh)
		freshen(s, gap);
	for_each_part(p) if (p->rebuild && p->rebuild(dir, &why))
		refuse("restore=%s: %s: %s", dir, p->name, why.text);
	s->back = state_mark_restored();
	if (s->back)
		machine_go_back();
	else
		arch_jail();
	err = s->back ? 0 : machine_wake_begin();
	if (err)
		refuse("restore=%s: no host thread for a vCPU: %s", dir, arch_strerror(err));
	if (machine_waits() && !s->back)
		wait_for_client(dir);
	if (!s->back)
		machine_wake();
	clock_was_set();
	if (!fresh)
		pr_info("state: the instance goes on from %s\n", dir);
	for_each_part(p) if (p->resumed) p->resumed();
}

/*
 * Continues from the state in the process that saved it: the memory was put back, and host objects
 * are as of the save.
 */
static void come_back(struct save *s)
{
	for_each_part(p) if (p->returned) p->returned();
	undescribe(true);
	s->back = true;
	machine_go_back();
	clock_was_set();
	pr_info("state: the instance goes on from %s\n", s->dir);
	for_each_part(p) if (p->resumed) p->resumed();
}

/*
 * Reports that the instance runs, and calls connected() of all parts. From now on the instance can
 * be saved again.
 */
static void report_running(const struct save *s)
{
	state_end();
	if (!s->back)
		machine_runs();
	for_each_part(p) if (p->connected) p->connected();
}

/* Sleeps for @ns. Lets tasks of lower priority run. */
static void sleep_for(u64 ns)
{
	set_current_state(TASK_IDLE);
	schedule_deadline(ktime_get() + ns);
}

/*
 * Waits for the memory file, which a host thread writes. @stopped: the machine is stopped. Returns
 * 0 or -errno.
 */
static s64 complete_memory(struct save *s, bool stopped)
{
	s64 err;

	while ((err = machine_save_sync(s->why->text, sizeof(s->why->text))) == -EINPROGRESS) {
		if (stopped) {
			machine_pause(LOOK_NS);
			continue;
		}
		sleep_for(PAUSE_NS);
	}
	return min(err, 0L);
}

/*
 * Tries to save once. Returns 0, MACHINE_GOES_ON, or -errno: -EAGAIN if the machine has to run for
 * a moment first.
 */
static s64 try_save(struct save *s)
{
	u64 start = ktime_get();
	s64 err = machine_stop();

	if (err)
		return state_fail(s->why, -EAGAIN, "a vCPU does not come to a boundary");
	s->why->text[0] = '\0';
	err = state_quiet(s->why);
	if (!err)
		err = machine_save_settle(s->why->text, sizeof(s->why->text));
	if (!err)
		err = describe(s);
	if (!err)
		err = machine_save(s->dir, s->why->text, sizeof(s->why->text));
	if (err == MACHINE_GOES_ON) {
		go_on(s);
		return err;
	}
	if (err == MACHINE_PUT_BACK) {
		come_back(s);
		return MACHINE_GOES_ON;
	}
	if (!err && !s->hold)
		state_mark_saved();
	if (!err && s->hold)
		err = complete_memory(s, true);
	if (!err && s->hold)
		err = finish(s, 0, true);
	if (!err && s->hold)
		s->hold(s->stopped_early + ktime_get() - start);
	undescribe(!err);
	machine_go();
	s->stopped = s->stopped_early + ktime_get() - start;
	return err;
}

/* Waits until a host thread has prepared the save, while the machine runs. Returns 0 or -errno. */
static s64 prepare_machine(struct save *s)
{
	s64 err = machine_save_begin();

	if (err)
		return state_fail(s->why, err, "no memory for its lists");
	while ((err = machine_save_prepare(s->dir, s->why->text, sizeof(s->why->text))) ==
		-EINPROGRESS)
		sleep_for(LOOK_NS);
	return err;
}

/*
 * Removes all mappings on the host from the address spaces, so that each page that a program writes
 * from now on is noted.
 */
static s64 early_stop(struct save *s)
{
	u64 start = ktime_get();
	s64 err = machine_stop();

	if (err)
		return state_fail(s->why, -EAGAIN, "a vCPU does not come to a boundary");
	s->why->text[0] = '\0';
	err = state_quiet(s->why);
	if (!err)
		err = machine_save_early_begin(s->why->text, sizeof(s->why->text));
	machine_go();
	s->stopped_early = ktime_get() - start;
	return err;
}

/* Writes most of a large memory while the machine runs. */
static s64 write_early(struct save *s)
{
	s64 err = early_stop(s);

	if (err)
		return err;
	while ((err = machine_save_early(s->why->text, sizeof(s->why->text))) == -EINPROGRESS)
		sleep_for(PAUSE_NS);
	return err;
}

/* Prepares and tries to save once. Returns as try_save(), or an -errno of the preparation. */
static s64 attempt(struct save *s)
{
	s64 err = prepare(s);

	if (err)
		return err;
	err = prepare_machine(s);
	if (!err && machine_save_wants_early())
		err = write_early(s);
	if (!err)
		err = try_save(s);
	machine_save_end();
	return err;
}

/*
 * Saves, with repeated attempts. Returns 0, MACHINE_GOES_ON (in the continued instance), or -errno
 * with the reason in s->why.
 */
static s64 save(struct save *s)
{
	u64 end = 0, pause = PAUSE_NS;
	int tries = 0;
	s64 err;

	machine_save_reset();
	do {
		err = attempt(s);
		/*
		 * the limit counts from here, since the preparations of the first attempt may take
		 * long
		 */
		end = end ? end : ktime_get() + PATIENCE_NS;
		if (err == -EAGAIN)
			sleep_for(pause);
		/* on a busy host the task for which the save waits may not have run yet */
		pause = min(pause * 2, LONGEST_PAUSE_NS);
	} while (err == -EAGAIN && (++tries < LEAST_TRIES || ktime_get() < end));
	if (err == MACHINE_GOES_ON) {
		report_running(s);
		return err;
	}
	if (err == -EAGAIN)
		err = state_fail(s->why, -EBUSY, "tasks are made faster than they are counted");
	if (!err)
		err = complete_memory(s, false);
	if (err)
		machine_save_drop();
	err = finish(s, err, false);
	if (err)
		state_changed();
	return err;
}

static int saver(void *arg)
{
	struct save *s = arg;

	sched_setaffinity(current, 1);
	/*
	 * An attempt may take seconds on a busy host. A fair task would then have to wait until all
	 * other tasks have run as long, and exceed the limit.
	 */
	sched_setscheduler(current, SCHED_FIFO, 1);
	s->result = smp_processor_id() ? state_fail(s->why, -EBUSY, "the first vCPU is taken") :
					 save(s);
	complete(&s->done);
	return 0;
}

int state_save_held(const char *dir, void (*hold)(u64 so_far), u64 *stopped, struct state_why *why)
{
	struct save s = {
		.dir = dir, .why = why, .hold = hold, .last_pid = task_pid_vnr(current) - 1
	};
	const char *obstacle = machine_save_obstacle();

	why->text[0] = '\0';
	if (obstacle)
		return (int)state_fail(why, -EOPNOTSUPP, obstacle);
	if (!state_begin())
		return (int)state_fail(why, -EBUSY, "another save is under way");
	init_completion(&s.done);
	if (kthread_run(saver, &s, "saver"))
		wait_for_completion(&s.done);
	else
		s.result = state_fail(why, -ENOMEM, "no memory for a thread");
	if (s.result != MACHINE_GOES_ON)
		state_end();
	*stopped = s.stopped;
	return (int)s.result;
}

int state_save(const char *dir, u64 *stopped, struct state_why *why)
{
	return state_save_held(dir, NULL, stopped, why);
}

int state_rollback(
	const char *dir, void (*begins)(void *arg, bool in_place), void *arg, struct state_why *why)
{
	int err = machine_save_readable(dir);

	if (err)
		return (int)state_fail(why, err, arch_strerror(err));
	if (machine_can_go_back(dir)) {
		begins(arg, true);
		state_go_back(dir, why);
	}
	begins(arg, false);
	machine_roll_back(dir);
}

void state_changed(void)
{
	machine_unmark_states();
}
