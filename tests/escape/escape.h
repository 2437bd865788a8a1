/* SPDX-License-Identifier: MIT */
/*
 * escape.h: between the parts of the escape test, a hostile program that runs as an ordinary user
 * in a guest.
 *
 *	main.c      the table of attacks, and their frame: each try is a process of its own, which
 *                  may die but must be
 *	            killable, and nothing that it does may show outside
 *	window.c    finds the stub's window, reads it, jumps into it with all registers chosen
 *	jumps.c     into the stub, and into the host by other doors (int 0x80, 32-bit code,
 *                  vsyscall)
 *	forge.c     what is shared with the kernel: control pages, frames, orders, the window's
 *                  mappings
 *	lull.c      threads that keep a vCPU waiting
 *	memory.c    other guests' memory: races with the mapper, searches for a secret
 *
 * What the test knows of the kernel it takes from skas/stub_abi.h alone, as an attacker would.
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

/* Where the registers are in struct leap; leap.rip is where it goes. */
struct leap {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
		gs;
};

/* main.c: what the test was told, and what a try reports. */
/* a folder of the host's; it does not exist in the guest */
extern char canary_dir[200];
extern int canary_pid; /* a process of the host's */
extern int effort;     /* 1: short */
/* which part of what is sampled runs, and in how many days each has run where that is free */
extern int day, days;
uint64_t random64(void);
/*
 * Runs @fn(arg) in a child process, kills it after @ms; counts how it ended. False: it escaped or
 * cannot be killed.
 */
bool attempt(void (*fn)(void *), void *arg, long ms);
/* The attack's own finding; it ends the attack. */
__attribute__((format(printf, 1, 2))) void finding(const char *fmt, ...);
long now_ms(void);

/* window.c */
extern uintptr_t stub; /* base of the window */
extern size_t text_size;
bool window_find(void);
bool readable(uintptr_t at);
/* a store of the byte that is there; false: it faulted */
bool try_write(uintptr_t at);
uintptr_t slot_ctl(int slot);
uintptr_t slot_alt(int slot);
bool slot_mapped(int slot);
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
