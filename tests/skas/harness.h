/* SPDX-License-Identifier: MIT */
/*
 * harness.h: between the parts of the skas test: a kernel of one page (harness.c), and what is done
 * to runners (runners.c).
 */
#ifndef NESTLING_TEST_SKAS_HARNESS_H
#define NESTLING_TEST_SKAS_HARNESS_H

#include "skas/internal.h"
#include "tests/skas/guest.h"
#include "tests/skas/host.h"

#define PHYS ((u8 *)KERNEL_MAP_BASE)

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

enum outcome { EXITED, SIGNALLED, DIED, STILL_RUNNING };

u32 frames(u32 n); /* the first of so many that nobody has */
void frames_reset(void);
void proc_start(struct proc *p, int program, u64 arg, u64 what);
/* The same for a second task of @a's space. */
void proc_start_beside(struct proc *p, const struct proc *a, int program, u64 arg, u64 what);
/* Until its end, or @kicks of them. */
enum outcome proc_run(struct proc *p, int cpu, u64 kicks);
void proc_end(struct proc *p);
/* On vCPU 1, until its end; and how that was. */
void second_run(struct proc *p);
enum outcome second_wait(void);
void check(bool good, const char *name);

extern struct proc proc_a, proc_b;

/* runners.c */
void test_runners(void);

#endif
