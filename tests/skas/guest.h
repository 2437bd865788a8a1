/* SPDX-License-Identifier: MIT */
/* guest.h: shared by tests/skas/harness.c (the kernel's part) and guest.c (the programs). */
#ifndef NESTLING_TEST_SKAS_GUEST_H
#define NESTLING_TEST_SKAS_GUEST_H

#include "skas/stub_abi.h"

/* the guest's address space */
#define GUEST_BASE 0x400000
#define GUEST_ANON 0x10000000
#define GUEST_ANON_SIZE 0x10000000
#define GUEST_STACK_TOP 0x30000000
#define GUEST_STACK_SIZE 0x10000

/*
 * Numbers of system calls. GNR_RESULT stores its argument in proc.result, GNR_BASES sets fs base
 * and gs base to its two arguments.
 */
#define GNR_WRITE 1
#define GNR_EXIT 60
#define GNR_GETPPID 110
#define GNR_TIME 201
#define GNR_RESULT 1000
#define GNR_BASES 1001
/* results of GNR_GETPPID and GNR_TIME */
#define GUEST_PPID 42
#define GUEST_TIME 123456

/* programs of proc_start() */
enum guest_program {
	G_HELLO,
	G_REGS,
	G_FPU,
	G_FPU_CALLS,
	G_FSGS,
	G_BASES,
	G_TOUCH,
	G_LOOP,
	G_INT80,
	G_FLAGS,
	G_WRECK,
	G_BAD,
	G_STUBBORN,
	G_TIME_CALLS,
	G_TIME_FAULTS,
	G_NOTHING,
	G_PEEK,
	G_VSYSCALL,
	G_SLEEPER,
	G_COUNT,
	G_SAYS_HELLO,
};

/* arguments of G_BAD */
enum guest_misdeed {
	BAD_WRITE_ORDERS,
	BAD_WRITE_TEXT,
	BAD_EXEC_ALT,
	BAD_GATE_WRITE,
	BAD_GATE_OTHER_WORD,
	BAD_GATE_SLEEP,
	BAD_MAPPER,
	BAD_NONCANONICAL,
	BAD_RSP,
	BAD_RSP_ALT,
	BAD_HANDLER,
	BAD_EXIT_PATH,
	BAD_UD2,
	BAD_DIV,
	BAD_INT3,
	BAD_HLT,
	BAD_NULL,
	BAD_STEP,
	BAD_COUNT,
};

#endif
