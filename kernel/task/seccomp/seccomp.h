/* SPDX-License-Identifier: MIT */
/* seccomp.h: restrictions that a program puts on its own system calls (seccomp(2)). */
#ifndef NESTLING_TASK_SECCOMP_H
#define NESTLING_TASK_SECCOMP_H

#include "kernel/lib/types.h"

struct task;

int seccomp_mode(const struct task *t); /* returns SECCOMP_MODE_* */
/* Returns the number of filters that the task has, or had until it exited. */
u32 seccomp_filters(const struct task *t);
/* Serves prctl(PR_SET_SECCOMP). May sleep. 0 or -errno. */
long prctl_set_seccomp(u64 mode, uaddr_t filter);
/*
 * Applies the filters to current's call. May sleep. Returns true if the call may proceed. Otherwise
 * rax has the result of the call, or a signal is pending.
 */
bool seccomp_check(void);
/*
 * Gives @child current's mode, filters and no_new_privs, which TSYNC by another thread changes
 * together. sighand->lock of current is held.
 */
void seccomp_fork(struct task *child);
void seccomp_exit(struct task *t); /* drops an exiting task's filters */
void seccomp_free(struct task *t); /* for a task that never ran or was reaped */
/*
 * Serve PTRACE_SECCOMP_GET_FILTER and PTRACE_SECCOMP_GET_METADATA for a stopped @t. May sleep.
 * Return a length (of a filter in instructions, of metadata in bytes) or -errno.
 */
long seccomp_copy_filter(struct task *t, u64 off, uaddr_t to);
long seccomp_copy_metadata(struct task *t, u64 size, uaddr_t to);

/*
 * seccomp_notify.c: a filter notifies its listener, a program that has the filter's file open, of a
 * call, and the listener decides the call's result.
 */
struct notify_queue;
struct seccomp_data;
struct file;
/*
 * Returns a queue with one reference, the filter's, or NULL: no memory. May sleep. @killable: once
 * the listener has received a call, only a fatal signal ends the wait for its answer.
 */
struct notify_queue *notify_alloc(bool killable);
/* Wakes up the listener and puts the filter's reference. No task has the filter any more. */
void notify_orphan(struct notify_queue *q);
/* Returns a new file for the listener, with its own reference to @q, or ERR_PTR. May sleep. */
struct file *notify_file(struct notify_queue *q);
/*
 * Notifies the listener of current's call and sleeps until the listener answers. Returns true if
 * the call must be made, or false with the call's result in *rax. If @q is NULL, the result is
 * -ENOSYS.
 */
bool notify_call(struct notify_queue *q, const struct seccomp_data *sd, u64 *rax);

#endif
