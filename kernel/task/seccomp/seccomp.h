/* SPDX-License-Identifier: MIT */
/*
 * seccomp.h: a guest program's own restrictions on its system calls.
 */
#ifndef NESTLING_TASK_SECCOMP_H
#define NESTLING_TASK_SECCOMP_H

#include "kernel/lib/types.h"

struct task;

int seccomp_mode(const struct task *t);    /* SECCOMP_MODE_* */
u32 seccomp_filters(const struct task *t); /* how many it has, or had until it exited */
long prctl_set_seccomp(u64 mode, uaddr_t filter);
/*
 * Applies the filters to current's call. Returns true if the call may proceed; otherwise rax has
 * its result, or a signal is pending.
 */
bool seccomp_check(void);
void seccomp_fork(struct task *child); /* under current's sighand->lock */
void seccomp_exit(struct task *t);     /* it is PF_EXITING: its filters go */
void seccomp_free(struct task *t);     /* it never ran, or is reaped */
/* Serve PTRACE_SECCOMP_GET_FILTER and GET_METADATA of a stopped @t: a length, or -errno. */
long seccomp_copy_filter(struct task *t, u64 off, uaddr_t to);
long seccomp_copy_metadata(struct task *t, u64 size, uaddr_t to);

/* seccomp_notify.c: a filter's questions to the holder of its listener. */
struct notify_queue;
struct seccomp_data;
struct file;
/* Returns a queue with one reference, the filter's; NULL: no memory. */
struct notify_queue *notify_alloc(bool killable);
/* Called when no task has the filter any more; puts that reference. */
void notify_orphan(struct notify_queue *q);
struct file *notify_file(struct notify_queue *q); /* the listener; ERR_PTR */
/*
 * Asks, and sleeps until there is an answer: true: make the call; false: *rax is its result. @q may
 * be NULL: ENOSYS.
 */
bool notify_call(struct notify_queue *q, const struct seccomp_data *sd, u64 *rax);

#endif
