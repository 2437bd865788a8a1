/* SPDX-License-Identifier: MIT */
/*
 * trial.h: finds the host CPU on which a vCPU waits least for the host's disk.
 *
 * A disk with one queue interrupts one CPU. A thread that waits on that CPU is woken at once. On
 * another CPU it also waits for an interrupt from CPU to CPU, each time that the disk has finished
 * a request: on a host with two virtual CPUs a flush took 152 us on one and 102 us on the other. An
 * ordinary process cannot learn which CPU that is, and the host's scheduler considers it only for
 * threads that are not pinned. So both are tried: a row of waits at home, then a row at another
 * CPU. The better CPU is home until the next trial, much later.
 *
 * No locks. The only state is struct home_trial, which is all zeros at first and belongs to its
 * vCPU.
 */
#ifndef NESTLING_SKAS_TRIAL_H
#define NESTLING_SKAS_TRIAL_H

#include "skas/internal.h"

#define TRIAL_WAITS 64 /* at each of the two CPUs */
/* a longer pause between two waits begins a new row */
#define TRIAL_GAP (5 * NSEC_PER_MSEC)
#define TRIAL_LEAST (20 * NSEC_PER_USEC) /* a shorter wait did not sleep */
#define TRIAL_MOST (500 * NSEC_PER_USEC) /* a longer wait counts as this */
#define TRIAL_AGAIN 8192                 /* waits until the next trial */

struct home_trial {
	u64 last; /* when the last wait ended, ns */
	/* sum: ns waited in this row. was: ns waited in the finished row at home */
	u64 sum, was;
	u32 n;     /* waits in this row */
	u32 rest;  /* waits until the next trial */
	bool away; /* true: this row is not at home */
	int at;    /* CPU of this row's waits */
	/* home: the CPU of the last waits at home. tried: the CPU that was tried last */
	int home, tried;
};

/*
 * Records a wait of @ns that ended at @now (ns). @here is the present home, @other the CPU to try,
 * or @here if there is none. Returns the CPU that shall be home from now on, often @here.
 */
int trial_waited(struct home_trial *t, u64 now, u64 ns, int here, int other);

#endif
