/* SPDX-License-Identifier: MIT */
/* host.h: what tests/skas/host.c does for harness.c, which has no libc. */
#ifndef NESTLING_TEST_SKAS_HOST_H
#define NESTLING_TEST_SKAS_HOST_H

void host_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void host_fail(const char *why) __attribute__((noreturn));
unsigned host_tsc_mhz(void);
/* A thread that kicks vCPU 0 every @us microseconds or so. */
void host_kicker_start(unsigned us);
void host_kicker_stop(void);
/* how many seccomp filters it has, as the host says */
int host_filters(int task);
/* os_space_end(task), by a thread, after so long. */
void host_end_later(int task, unsigned us);
/* Where standard input is a terminal: raw, and guarded. */
void host_take_terminal(void);

enum harness_task { HARNESS_TESTS, HARNESS_FIGURES, HARNESS_FOREVER, HARNESS_SOAK };
int harness_main(int mode, int ncpus, int handoff, int what);

#endif
