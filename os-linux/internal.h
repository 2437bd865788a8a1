/* SPDX-License-Identifier: MIT */
/* internal.h: what the files of os-linux share. */
#ifndef NESTLING_OS_INTERNAL_H
#define NESTLING_OS_INTERNAL_H

#include <stdbool.h>

#include "os-linux/host.h"

/* The vCPU of this thread, or -1. */
extern __thread int os_this_cpu;

/*
 * Asks the host's scheduler for short slices for thread @tid and the processes that it forks: after
 * a wake-up they run sooner and for a shorter time, with an unchanged share in all. So a hand-off
 * between two threads that sleep in turn does not wait until the slices of all other threads are
 * over.
 */
void os_short_slices(int tid);

/* The argument vector of main(), for os_restart(). */
extern char **os_argv;

/*
 * Sets vec[i] if page @va + i is in the page table of process @pid, for at most 512 pages. Returns
 * 0 or -errno. mem.c
 */
int os_pagemap(int pid, uint64_t va, uint32_t n, uint8_t *vec);

/*
 * inherit.c: corrects inherited state, once and first. Returns NULL, or the reason why this is not
 * possible.
 */
const char *os_inherit_setup(void);

/*
 * Tries the needed calls (needs.c). Returns 0, or -errno of a refused call, which os_why() names.
 */
int os_lacks_call(void);

/* Sets up the alternate signal stack of a vCPU thread (fault.c). Returns 0 or -errno. */
int os_fault_thread_setup(void);

/* Brings every vCPU back that is in guest code (event.c). */
void os_kick_guests(void);

/* True if a signal has asked for the end (signal.c). */
bool os_end_asked(void);

/* Runs the functions that os_at_exit() registered, once (process.c). */
void os_run_at_exit(void);

#endif
