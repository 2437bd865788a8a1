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

struct os_space_setup;
/*
 * Starts the zygote, and sets *vdso; see os_space_start(). The last steps of the set-up may still
 * be under way when it returns 0: if one fails, all requests return its error.
 */
int zygote_start(const struct os_space_setup *s, uint64_t *vdso);
/* Kills the zygote and waits for its death. */
void zygote_abandon(void);
/*
 * Sends a request (stub_abi.h: ZYG_*) and blocks until the answer. Returns it, or -ESRCH if the
 * zygote has died.
 */
long zygote_ask(int64_t cmd, uint64_t a0, uint64_t a1, uint64_t a2);

/* Notes that this process traces @task. So os_space_reap() reaps it here before the zygote does. */
void os_space_set_traced(int task);
/*
 * Reads the control group's count of OOM kills, so that later ones are recognised (space_died.c).
 */
void os_space_note_oom_kills(void);

#endif
