/* SPDX-License-Identifier: MIT */
/*
 * hung.c: reports tasks that have been too long in a sleep that no signal ends: a lost wake-up, a
 * deadlock, a disk that does not answer. It checks every task at intervals while the timeout is not
 * 0. It is off with time travel, where the clocks skip over the time in which no task runs.
 *
 *	kernel.hung_task_timeout_secs    120; 0: no checks
 *	kernel.hung_task_check_interval_secs  the interval, but at most the timeout; 0: a quarter of
 *	                                      the timeout, but at most ten seconds
 *	kernel.hung_task_warnings        10: warnings left; -1: no limit
 *	kernel.hung_task_panic           0; 1: panic
 *	kernel.hung_task_check_count     the most tasks that one check looks at
 *	kernel.hung_task_detect_count    the number of hung tasks found, read-only
 *
 * A task was not scheduled since the last check if its count of switches has not changed. Kernel
 * threads normally wait so long, and are skipped.
 *
 * Locks: tasklist_lock for the walk; hung_switches and hung_since of a task are used only by the
 * check.
 */
#include "arch/um/machine/arch.h"
#include "arch/um/machine/oops.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/sysctl.h"
#include "kernel/sched/timer.h"
#include "kernel/task/internal.h"

#define SECOND 1000000000UL
/* Maximum of seconds between two checks; a quarter of the timeout if that is shorter. */
#define MAX_PERIOD 10
#define MAX_TIMEOUT 0x7fffffff

static int timeout_secs = 120, warnings = 10, panics, interval_secs, check_count = 4194304;
static u64 detected;
static struct ktimer timer;
static struct work look_work;

static void set_timer(void)
{
	int period = interval_secs ? min(interval_secs, timeout_secs) :
				     clamp(timeout_secs / 4, 1, MAX_PERIOD);

	if (timeout_secs && !time_travels)
		timer_start(&timer, ktime_get() + (u64)period * SECOND);
}

/* Counts and logs the hung task @t. @now: ktime_get(), in ns. tasklist_lock is held. */
static void report(struct task *t, u64 now)
{
	detected++;
	if (warnings) {
		if (warnings > 0)
			warnings--;
		pr_err("INFO: task %s:%d blocked for more than %lu seconds.\n", t->comm, t->pid,
			(now - t->hung_since) / SECOND);
		pr_err("task:%-15s state:D pid:%-5d tgid:%-5d wait:%s\n", t->comm, t->pid, t->tgid,
			t->wchan ? t->wchan : "-");
		arch_dump_task(t);
	}
	t->hung_since = now;
}

/*
 * True if @t must be reported: it has been in an uninterruptible sleep, without a switch, for the
 * timeout.
 */
static bool is_hung(struct task *t, u64 now)
{
	u64 switches = t->nvcsw + t->nivcsw;

	if (READ_ONCE(t->state) != TASK_UNINTERRUPTIBLE || (t->flags & PF_KTHREAD))
		return false;
	if (switches != t->hung_switches || !t->hung_since) {
		t->hung_switches = switches;
		t->hung_since = now;
		return false;
	}
	return now - t->hung_since >= (u64)timeout_secs * SECOND;
}

static void look(struct work *w)
{
	u64 now = ktime_get();
	bool found = false;
	int left = check_count;
	struct task *p, *t;

	read_lock(&tasklist_lock);
	for_each_process(p) {
		for_each_thread(p->signal, t) {
			if (!timeout_secs || left-- <= 0 || !is_hung(t, now))
				continue;
			report(t, now);
			found = true;
		}
	}
	read_unlock(&tasklist_lock);
	if (found && panics)
		panic("hung_task: blocked tasks");
	set_timer();
}

static void time_to_look(struct ktimer *t)
{
	work_queue(&look_work);
}

static const struct sysctl knobs[] = {
	{ .path = "kernel/hung_task_timeout_secs",
		.kind = SYSCTL_INT,
		.mode = 0644,
		.data = &timeout_secs,
		.max = MAX_TIMEOUT,
		.changed = set_timer },
	{ .path = "kernel/hung_task_check_interval_secs",
		.kind = SYSCTL_INT,
		.mode = 0644,
		.data = &interval_secs,
		.max = MAX_TIMEOUT,
		.changed = set_timer },
	SYSCTL_NUM("kernel/hung_task_warnings", warnings, -1, MAX_TIMEOUT),
	SYSCTL_NUM("kernel/hung_task_panic", panics, 0, 1),
	SYSCTL_NUM("kernel/hung_task_check_count", check_count, 0, MAX_TIMEOUT),
	{ .path = "kernel/hung_task_detect_count",
		.kind = SYSCTL_U64,
		.mode = 0444,
		.data = &detected },
};

static int hung_init(void)
{
	work_setup(&look_work, look);
	timer_setup(&timer, time_to_look);
	set_timer();
	return sysctl_register(knobs, ARRAY_SIZE(knobs));
}
INITCALL(5, hung_init);
