/* SPDX-License-Identifier: MIT */
/*
 * harness.h: shared by the parts of the skas test: a minimal kernel (harness.c), and tests of
 * runners (runners.c). Every failure to get resources ends the test.
 */
#ifndef NESTLING_TEST_SKAS_HARNESS_H
#define NESTLING_TEST_SKAS_HARNESS_H

#include "skas/internal.h"
#include "tests/skas/guest.h"
#include "tests/skas/host.h"

#define PHYS ((u8 *)KERNEL_MAP_BASE)

/* A task of a guest, with counts of its events. */
struct proc {
	struct space *space;
	struct regs regs;
	struct fpu fpu;
	u8 area[8192] __aligned(64);
	int around; /* pages per fault */
	u64 slice;  /* ns until a kick; 0: none */
	u64 result, calls, faults, kicks;
	char output[256];
	u32 output_len;
	struct skas_event last;
};

/*
 * How proc_run() has ended: by exit(), by a signal (last.signo), because the space is lost, or
 * after enough kicks.
 */
enum outcome { EXITED, SIGNALLED, DIED, STILL_RUNNING };

/* Returns the number of the first of @n free page frames in a row. */
u32 frames(u32 n);
/* Frees all frames. */
void frames_reset(void);
/* Prepares a task in a new space, which runs @program (G_*) with the arguments @arg and @what. */
void proc_start(struct proc *p, int program, u64 arg, u64 what);
/* Prepares a second task of @a's space. @a owns the space. */
void proc_start_beside(struct proc *p, const struct proc *a, int program, u64 arg, u64 what);
/* Runs the task on vCPU @cpu until its end, or until it has had @kicks kicks. */
enum outcome proc_run(struct proc *p, int cpu, u64 kicks);
/* Frees the task and its space. */
void proc_end(struct proc *p);
/* second_run() starts proc_run() of a task on vCPU 1, second_wait() waits for it. */
void second_run(struct proc *p);
enum outcome second_wait(void);
/* Counts and prints a result. */
void check(bool good, const char *name);

extern struct proc proc_a, proc_b;

/* runners.c */
void test_runners(void);

#endif
