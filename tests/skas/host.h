/* SPDX-License-Identifier: MIT */
/* host.h: functions of tests/skas/host.c for harness.c, which has no libc. */
#ifndef NESTLING_TEST_SKAS_HOST_H
#define NESTLING_TEST_SKAS_HOST_H

#include <stdbool.h>

void host_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints @why and exits with status 2. */
void host_fail(const char *why) __attribute__((noreturn));
unsigned host_tsc_mhz(void);
/*
 * A thread kicks vCPU 0 about every @us microseconds, from host_kicker_start() until
 * host_kicker_stop(), which waits for its end.
 */
void host_kicker_start(unsigned us);
void host_kicker_stop(void);
/* Returns how many seccomp filters the process of @task has, or -1 if the host does not say. */
int host_filters(int task);
/* A thread calls os_space_end(@task) after @us microseconds. */
void host_end_later(int task, unsigned us);
/* true if the host's programs can make calls by int 0x80 */
bool host_has_int80(void);
/* If standard input is a terminal, makes it raw, and restores it at the end of the test. */
void host_take_terminal(void);

enum harness_task { HARNESS_TESTS, HARNESS_FIGURES, HARNESS_FOREVER, HARNESS_SOAK };
/* @what: of enum harness_task. Returns the exit status. */
int harness_main(int mode, int ncpus, int handoff, int what);

#endif
