/* SPDX-License-Identifier: MIT */
/* space_internal.h: declarations shared by the files space*.c. @task is a handle of os_space.h. */
#ifndef NESTLING_OS_SPACE_INTERNAL_H
#define NESTLING_OS_SPACE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Returns the host's process id of @task, or 0 after os_space_reap(). */
pid_t os_space_pid(int task);
/* Returns the place where os_space_stolen() keeps its last reading for @task, in ns. */
uint64_t *os_space_delay_seen(int task);
/* True if the zygote's scheduling policy is SCHED_OTHER. */
bool os_space_ordinary(void);
pid_t os_space_zygote(void); /* 0: no zygote */
/* Notes that this process traces @task. So os_space_reap() reaps it here before the zygote does. */
void os_space_set_traced(int task);
/*
 * Reads the control group's count of OOM kills, so that later ones are recognised (space_died.c).
 */
void os_space_note_oom_kills(void);

#endif
