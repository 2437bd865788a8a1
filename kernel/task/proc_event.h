/* SPDX-License-Identifier: MIT */
/*
 * proc_event.h: events of processes and threads, sent to listeners of netlink's connector
 * (net/connector.c). Source: <linux/cn_proc.h>.
 *
 * Each event is reported in the context of the task that causes it, with no lock held unless its
 * comment says so. Without listeners it costs a test of one word.
 */
#ifndef NESTLING_TASK_PROC_EVENT_H
#define NESTLING_TASK_PROC_EVENT_H

#include <linux/cn_proc.h>

#include "kernel/lib/types.h"

struct cred;
struct task;

/* Number of listeners, changed by the listeners' room. Other tasks read it racily. */
extern u32 proc_event_listeners;
/*
 * The operation that sends an event; kernel/net's connector registers it before there are
 * listeners.
 */
struct proc_event_ops {
	/* Fills in cpu and time, and sends a copy to all listeners. */
	void (*send)(struct proc_event *ev);
};
extern const struct proc_event_ops *proc_event_ops;

/* Report a fork, exec, change of ids, new session and so on to the listeners. */
void proc_event_fork(struct task *child); /* called before @child runs */
void proc_event_exec(void);
void proc_event_ids(
	const struct cred *old, const struct cred *new); /* by commit_creds(), for current */
void proc_event_sid(void);
void proc_event_ptrace(struct task *tracee, bool attached);
void proc_event_comm(struct task *t);
void proc_event_coredump(void);
void proc_event_exit(void); /* called before the parent changes */

#endif
