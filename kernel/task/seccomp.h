/* SPDX-License-Identifier: MIT */
/*
 * seccomp.h: a guest program's own restrictions on its system calls.
 */
#ifndef NESTLING_TASK_SECCOMP_H
#define NESTLING_TASK_SECCOMP_H

#include "kernel/lib/types.h"

struct task;

int seccomp_mode(const struct task *t);    /* SECCOMP_MODE_* */
u32 seccomp_filters(const struct task *t); /* how many; under its sighand->lock */
long prctl_set_seccomp(u64 mode, uaddr_t filter);
/* Judges the call of current: true when it may go on; else rax has its result, or a signal is pending. */
bool seccomp_check(void);
void seccomp_fork(struct task *child); /* under current's sighand->lock */
void seccomp_free(struct task *t);

#endif
