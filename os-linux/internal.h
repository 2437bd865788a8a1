/* SPDX-License-Identifier: MIT */
/* internal.h: between the files of os-linux. */
#ifndef NESTLING_OS_INTERNAL_H
#define NESTLING_OS_INTERNAL_H

#include <stdbool.h>

#include "os-linux/host.h"

/* The vCPU of this thread, or -1. */
extern __thread int os_this_cpu;

/*
 * The host's scheduler gives that thread and what it forks short slices: it runs sooner after a wake-up, for a shorter time, and as
 * much in all. A hand-off between two that sleep in turn does not wait for the slices of all others then.
 */
void os_short_slices(int tid);

/* The argument vector of main(), for os_restart(). */
extern char **os_argv;

/* vec[i]: page i from @va on is in the process's page table; at most 512. 0 or -errno. mem.c */
int os_pagemap(int pid, uint64_t va, uint32_t n, uint8_t *vec);

/*
 * inherit.c: corrects inherited state, once and first. Returns NULL, or the reason why this is not
 * possible.
 */
const char *os_inherit_setup(void);

/* needs.c: tries needed calls. 0, or -errno of a refused call, which os_why() names. */
int os_lacks_call(void);

/* Alternate signal stack of a vCPU thread; fault.c. 0 or -errno. */
int os_fault_thread_setup(void);

/* Brings every vCPU that is in guest code back; event.c. */
void os_kick_guests(void);

/* A signal has asked for the end; signal.c. */
bool os_end_asked(void);

/* What os_at_exit() collected, once; process.c. */
void os_run_at_exit(void);

#endif
