/* SPDX-License-Identifier: MIT */
/*
 * escape.h: shared by the parts of the escape test, a hostile program that runs as an ordinary user
 * in a guest.
 *
 *	main.c      the table of attacks. Each try is a process of its own, which may die, but must
 *	            be killable and must have no effect outside
 *	window.c    finds the stub's window, reads it, jumps into it with any values of registers
 *	jumps.c     jumps into the stub, and into the host by int 0x80, 32-bit code, vsyscall
 *	forge.c     memory shared with the kernel: control pages, frames, orders, mappings of the
 *	            window
 *	lull.c      threads that keep a vCPU waiting
 *	memory.c    other guests' memory: races with the mapper, searches for a secret
 *
 * The test uses only skas/stub_abi.h for its knowledge of the kernel, as an attacker would.
 */
#ifndef TESTS_ESCAPE_H
#define TESTS_ESCAPE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "skas/stub_abi.h"

#define PAGE 4096
#define EVIDENCE 0x31000000UL /* where an escaped mmap would put a page */
#define STATUS_ESCAPED 66     /* a try's exit status when it has proof */

/* The registers of a jump, and its destination @rip. */
struct leap {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
		gs;
};

/* main.c: what the test was told, and what a try reports. */
/* a folder of the host that does not exist in the guest */
extern char canary_dir[200];
extern int canary_pid; /* a process of the host */
extern int effort;     /* 1: a short run */
/* An attack that samples runs part @day of @days, so that all parts run in @days days. */
extern int day, days;
/* main.c: functions of an attack. */
uint64_t random64(void);
/*
 * Runs @fn(@arg) in a child process, kills it and its process group after @ms milliseconds, and
 * counts how it ended. Returns false if the child has escaped. A child that cannot be killed is a
 * finding.
 */
bool attempt(void (*fn)(void *), void *arg, long ms);
/* Reports an escape and ends the attack. Never returns. */
__attribute__((format(printf, 1, 2))) void finding(const char *fmt, ...);
/* Returns ms of CLOCK_MONOTONIC. */
long now_ms(void);

/* window.c */
extern uintptr_t stub; /* base of the window */
/* bytes of its text */
extern size_t text_size;
/* Finds the window and sets both. Returns false if there is none. */
bool window_find(void);
/* True if the byte at @at can be read. */
bool readable(uintptr_t at);
/* Stores the byte that is there. True if the store did not fault. */
bool try_write(uintptr_t at);
/* Addresses of a slot's control page and alternate stack. */
uintptr_t slot_ctl(int slot);
uintptr_t slot_alt(int slot);
bool slot_mapped(int slot);
/* Loads the registers and jumps. */
__attribute__((noreturn)) void leap(const struct leap *to);

/* The attacks. */
void attack_syscalls(void);
void attack_middle(void);
void attack_doors(void);
void attack_compat(void);
void attack_stack(void);
void attack_control(void);
void attack_frames(void);
void attack_orders(void);
void attack_window(void);
void attack_thunks(void);
void attack_stubborn(void);
void attack_lull(void);
void attack_liar(void);
void attack_sigreturn(void);
void attack_mapper(void);
void attack_secret(void);

#endif
