/* SPDX-License-Identifier: MIT */
/*
 * internal.h: declarations shared by the files of os-linux. Functions that return int return 0 or
 * -errno unless their comment says otherwise.
 */
#ifndef NESTLING_OS_INTERNAL_H
#define NESTLING_OS_INTERNAL_H

#include <stdbool.h>

#include "os-linux/host.h"

/* The vCPU of this thread, or -1. */
extern __thread int os_this_cpu;

/*
 * Asks the host's scheduler for short slices for thread @tid and the processes that it forks: after
 * a wake-up they run sooner and for a shorter time, with an unchanged share of CPU time. So a
 * hand-off between two threads that sleep in turn does not wait until the slices of all other
 * threads are over.
 */
void os_short_slices(int tid);

/*
 * The arguments for os_restart(), ending in NULL: those of main(), or those with which a restored
 * instance had booted.
 */
extern char **os_argv;
/* arch/um/machine/switch.S: continues at the stack pointer that machine_park() saved. */
void arch_unpark(uint64_t sp) __attribute__((noreturn));
/*
 * os_vcpu_run() runs @fn, which does not return, as the first function of a vCPU's thread.
 * os_vcpu_again(), called on that thread, abandons the thread's host stack and continues in the
 * kernel world at @sp.
 */
void os_vcpu_run(void (*fn)(void *arg), void *arg);
void os_vcpu_again(uint64_t sp) __attribute__((noreturn));

/*
 * Sets the shifts of the clocks. Called while no other thread reads them: at the start, or in a
 * stop of the machine. clock.c
 */
void os_clock_set_shifts(const struct os_clock_shifts *s);
/*
 * Returns a deadline of os_clock_mono() on the host's own scale of CLOCK_MONOTONIC; 0 if that is in
 * the past.
 */
uint64_t os_host_deadline(uint64_t deadline);

/*
 * state/restore.c: looks for restore=DIR among the parameters. Returns 0 without it. Else maps the
 * state in DIR and returns the stack pointer of vCPU 0, for arch_unpark(). Ends the process with
 * one line and status 1 if the state cannot be used.
 */
uint64_t os_state_restore(int argc, char **argv);
/* state/early.c: opens what the jail forbids to open later. */
void early_init(void);
/* state/early.c: the range of memory file @file is about to be given back to the host. */
void early_punched(int file, uint64_t off, uint64_t len);
/*
 * Takes over the socket of hold=FD. With ",early" behind FD, waits until the holder signals that
 * the state's files exist. Returns false if the holder has closed its end or FD is no socket.
 */
bool state_hold_files(const char *hold);
/* Waits until the holder lets the instance run. Returns false if the holder has closed its end. */
bool state_hold(void);

/*
 * Ends this program's threads and executes it again with @argv. The new program continues from the
 * state @dir, or boots if @dir is "" (process.c).
 */
void os_exec_again(char **argv, const char *dir) __attribute__((noreturn));

/*
 * Sets vec[i] to 1 if the i-th page from address @va on is in the page table of process @pid, else
 * to 0, for @n <= 512 pages. mem.c
 */
int os_pagemap(int pid, uint64_t va, uint32_t n, uint8_t *vec);

/* number of calls of os_mem_punch(); mem.c */
extern uint64_t os_mem_punches;

/*
 * inherit.c: corrects inherited state. Called once, before anything else. Returns NULL, or the
 * reason why this is not possible, in static storage.
 */
const char *os_inherit_setup(void);

/*
 * Tries the needed calls (needs.c). Returns 0, or -errno of a refused call, which os_why() names.
 */
int os_lacks_call(void);
/* As os_lacks_call(), for the further calls that the broker of a jail makes. */
int os_lacks_for_broker(void);

/* The record of getdents64(2), for callers that cannot use readdir(3), since it allocates. */
struct entry64 {
	uint64_t ino, off;
	uint16_t len;
	uint8_t type;
	char name[];
};

/*
 * Lets workers that are started from now on begin when os_workers_release() is called: threads that
 * start behind the jail's close inherit its rights, while each earlier one has to be interrupted to
 * give up its own. For the restore of a state, in which no worker has work before the close.
 */
void os_workers_hold(void);

/*
 * Gives up rights that no part of the process needs, and forks the broker of a jail, once and early
 * (jail/jail.c). Returns 0 or -errno.
 */
int os_jail_begin(char **argv);
/*
 * Prepares the folders of hostfs (jail/folders.c). Called when the command line is known and there
 * are no threads.
 */
void os_jail_folders(void);
/*
 * Gives up all capabilities of the calling thread (jail/threads.c). Also callable between vfork and
 * exec.
 */
void os_no_capabilities(void);
/*
 * os_exec_again() for a process whose jail has closed. Continues from the state @dir, or boots for
 * "".
 */
void os_jail_again(const char *dir) __attribute__((noreturn));
/*
 * Returns a new array, ending in NULL and with room for one more word, with the command line that
 * continues from the state @dir (restore.c), or NULL without memory. The array is for an exec and
 * is never freed.
 */
char **os_words_from(char **argv, const char *dir);
/*
 * Sets or replaces a parameter that places the instance, in a command line of *n words with room
 * for another one. Increments *n if the parameter is new. Keeps a copy of @word. Returns 0, -EINVAL
 * for a parameter of another kind, or -ENOMEM.
 */
int os_place_in(char **words, uint32_t *n, const char *word);
/* Returns the lowest descriptor above @fd that the command line names, or -1 (inherit.c). */
int os_named_fd(int fd);
/*
 * True for a regular file that has no name and closes on exec: the host frees it when this process
 * ends. Then also releases its lock (F_OFD_SETLK), so that the next process may lock it
 * (restore.c).
 */
bool os_file_is_left(int fd);

/* Sets up the alternate signal stack of a vCPU thread (fault.c). Returns 0 or -errno. */
int os_fault_thread_setup(void);

/* Brings every vCPU back that is in guest code (event.c). */
void os_kick_guests(void);

/* Runs the functions that os_at_exit() registered, once (process.c). */
void os_run_at_exit(void);

#endif
