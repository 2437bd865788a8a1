/* SPDX-License-Identifier: MIT */
/* internal.h: declarations shared by the files of arch/um/entry. */
#ifndef NESTLING_ARCH_ENTRY_INTERNAL_H
#define NESTLING_ARCH_ENTRY_INTERNAL_H

#include "arch/um/internal.h"

/* The kernel's first C function, called once on vCPU 0's boot stack. */
void arch_main(int argc, char **argv, char **envp) __noreturn;

/* tsc.c */
struct skas_event;
bool tsc_wants_traps(void); /* true: rdtsc shall trap, if possible */
void tsc_init(void);        /* called when the zygote runs */
/* True if the trap was an rdtsc, which is then already executed. */
bool tsc_trap(struct task *t, const struct skas_event *ev);

/* functions of arch_entry (arch.h has their contracts), in sigframe.c and vdso_map.c */
int setup_frame(struct ksignal *ks, struct regs *regs, u64 sigmask);
int restore_frame(struct regs *regs, u64 *sigmask);
int vdso_map(struct mm *mm, u64 *base);
void vdso_renew_keys(void);
/*
 * Reads the host's vDSO again in a restored process. Ends the process with refuse() if a guest was
 * in the code of a vDSO that differs from this one.
 */
void vdso_restored(void);
/* main.c: arch_entry.restored() */
void entry_restored(void);
void vdso_update(void); /* copies changed clock offsets */

#endif
