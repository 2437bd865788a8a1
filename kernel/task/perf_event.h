/* SPDX-License-Identifier: MIT */
/* perf_event.h: an event, for perf.c and perf_task.c. All is under perf_lock. */
#ifndef NESTLING_TASK_PERF_EVENT_H
#define NESTLING_TASK_PERF_EVENT_H

#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"

struct perf_event {
	u64 id;     /* for PERF_FORMAT_ID; unique */
	u32 config; /* PERF_COUNT_SW_* */
	u32 format; /* PERF_FORMAT_* */
	/* Bits of struct perf_event_attr. */
	bool inherit, inherit_thread, on_exec, off_exec, exclude_kernel;
	/*
	 * enabled: by the program. counting: now. gone: its task has ended or was detached, so the
	 * count does not change any more.
	 */
	bool enabled, counting, gone;
	/* At the last settle(): the count and its time in ns, and the sources' values. */
	u64 count, time;
	u64 base, base_time;
	/* Holds a reference. NULL: the event counts a vCPU, or is gone. */
	struct task *task;
	struct perf_event *next_of_task; /* link in the list task->perf */
	struct perf_event *leader;       /* the first of the group, or itself */
	/* Of a leader: list of the other members. Of a member: link in that list. */
	struct list_head group;
	struct perf_event *root;   /* of an inherited event: its root */
	struct list_head children; /* of a root: its inherited events */
	struct list_head sibling;
};

extern struct mutex perf_lock;

/* Starts or stops the counting, after the state of the event or of its leader has changed. */
void perf_restate(struct perf_event *e);
/* Enables or disables the event, and restates it and the members of its group. */
void perf_set_one(struct perf_event *e, bool on);
/*
 * Makes an event with a reference to @t (NULL: for a vCPU), its own leader, disabled. May sleep.
 * NULL: no memory.
 */
struct perf_event *perf_event_new(struct task *t);
/*
 * Links the event to its task, so that the task's exit finds the event. Returns 0, or -ESRCH if the
 * task is exiting already.
 */
int perf_bind(struct perf_event *e);
/*
 * Detaches the event from its task. The count of an inherited event is added to its root's. The
 * count of any other event stays, for the holder of its file.
 */
void perf_event_end(struct perf_event *e);

#endif
