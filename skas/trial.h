/* SPDX-License-Identifier: MIT */
/*
 * trial.h: on which host CPU does a vCPU wait least for the host's disk?
 *
 * The interrupt of a disk with one queue comes to one CPU. Who waits there is woken at once, who waits at another one sits behind an interrupt from CPU to
 * CPU, each time that the disk has done something: on a host with two virtual CPUs a flush took 152 us at one and 102 at the other. Nobody tells an
 * ordinary process which is which, and where it is allowed to be the host's scheduler finds out only for threads that are not pinned. So it is tried:
 * a row of waits at home, as many at another CPU, and the better of the two is home until much later.
 *
 * No locks, no state but struct home_trial, which is all zeros at first and belongs to its vCPU.
 */
#ifndef NESTLING_SKAS_TRIAL_H
#define NESTLING_SKAS_TRIAL_H

#include "skas/internal.h"

#define TRIAL_WAITS 64                   /* at each of the two CPUs */
#define TRIAL_GAP (5 * NSEC_PER_MSEC)    /* waits with more in between are of two rows */
#define TRIAL_LEAST (20 * NSEC_PER_USEC) /* in less nobody was put to sleep */
#define TRIAL_MOST (500 * NSEC_PER_USEC) /* no wait counts for more */
#define TRIAL_AGAIN 8192                 /* waits until the next one */

struct home_trial {
	u64 last;        /* when the last wait ended, ns */
	u64 sum, was;    /* ns waited in this row, and in the one at home */
	u32 n;           /* waits in this row */
	u32 rest;        /* waits until anything is looked at again */
	bool away;       /* this row is at another CPU than home, */
	int at;          /* the waits of this row are here */
	int home, tried; /* where they were before, and the CPU that was tried last */
};

/*
 * A wait of @ns ended at @now (ns, of one clock); @here is home at present, @other the CPU that would be tried (@here: none). The CPU that shall be home from now
 * on, often @here.
 */
int trial_waited(struct home_trial *t, u64 now, u64 ns, int here, int other);

#endif
