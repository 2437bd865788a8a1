/* SPDX-License-Identifier: MIT */
/*
 * placement.h: chooses the host CPUs of a vCPU, its runners and the mapper, and whether vCPU and
 * runner spin for each other. placement.c decides; handoff.c counts the events on which the
 * decisions are based.
 *
 *      placement_init(first)           before the first hand-off: homes from CPU @first on
 *      placement_look(p, r)            each p->credit hand-offs, or sooner when spinning fails
 *      placement_apply(p, r)           when r->placed is not p->generation
 *
 * Locks: struct placement belongs to its vCPU. A vCPU that ends a runner clears the member last, of
 * any vCPU (cmpxchg).
 */
#ifndef NESTLING_SKAS_PLACEMENT_H
#define NESTLING_SKAS_PLACEMENT_H

#include "skas/internal.h"
#include "skas/trial.h"

#define SPIN_NS (50 * NSEC_PER_USEC) /* ns that a wake-up across CPUs takes */
/* ns that a hand-off costs two threads that take turns on one CPU */
#define SWITCH_NS (4 * NSEC_PER_USEC)
#define LOOK_NS NSEC_PER_MSEC /* ns between two looks */
/* ns: a runner without a hand-off for this long may run anywhere */
#define COMPUTES_NS (10 * NSEC_PER_MSEC)

/* Results of handoff_init(); constant afterwards. */
struct handoff_pace {
	/* POLL_NS in calls of cpu_relax(), which is one round of spinning */
	u32 spin_pauses;
	u32 spin_rounds; /* SPIN_NS in rounds */
	u64 spin_ticks;  /* SPIN_NS in ticks of the TSC */
	u64 look_ticks;  /* LOOK_NS in ticks of the TSC */
};
extern struct handoff_pace handoff_pace;

struct placement {
	/* hand-offs until the TSC is read; 1 after a hand-off that spinning did not end */
	u32 credit;
	/*
	 * Incremented by every change of the placement. A runner whose r->placed equals it has been
	 * placed since the last change.
	 */
	u32 generation;
	/* The runner that had the turn last, or NULL. The vCPU that ends the runner clears it. */
	struct runner *last;
	/*
	 * The control page of the last runner. It stays mapped, while the struct runner may become
	 * another space's, or be zeroed, at any time.
	 */
	struct ctl_page *last_ctl;
	/* true: the last runner was ordered to wake the one that has the turn now */
	bool passed;
	/* true: the runner with the turn is not the one that had it before */
	bool switched;
	bool pinned; /* this vCPU's thread is pinned to home */
	/* true: the vCPU's thread is not pinned until home_at */
	bool floating;
	/*
	 * apart: the runners use the partner CPU, and both sides spin (placement.c). impatient:
	 * while apart, no runner is patient, because spinning fails
	 */
	bool apart, impatient;
	/* numbers of host CPUs. home: the vCPU's. partner: that of its runners while apart */
	int home, partner;
	/*
	 * since the last decision. misses: waits and wakes that spinning should have avoided. hits:
	 * waits that spinning ended and, while together, all other hand-offs
	 */
	u32 hits, misses;
	u64 spun, slept, woken, across, went_apart, moves; /* statistics; other vCPUs read them */
	u64 next_look;                                     /* TSC value */
	/* mean number of other vCPUs at work at a look, in units of BUSY_ONE */
	s32 others;
	/* in looks. backoff: length of the next pause after a failure. wait: rest of this pause */
	u32 backoff, wait;
	/* TSC value at which the home is checked next, or at which floating ends */
	u64 home_at;
	struct home {
		struct runner *r; /* the runner that was to run next */
		/*
		 * ns of waiting for a CPU by the last check of the home. own: of the vCPU's thread.
		 * runners: of @r
		 */
		u64 own, runners;
		/*
		 * at that check. handoffs: hand-offs so far. spun: those ended by spinning. time:
		 * os_clock_mono()
		 */
		u64 handoffs, spun, time;
	} seen;
	struct runner *watched; /* apart: runner whose delays are compared */
	/* ns: the delays of runner and vCPU at the last comparison */
	u64 watched_delay;
	u64 watched_at; /* time of that comparison, ns */
	/* hand-offs ended by spinning at that comparison */
	u64 watched_spun;
	u32 switches; /* changes of runner since watched_at */
	/* handle of the runner that was placed last; read by other vCPUs */
	int last_task;
	u64 stolen_slept; /* value of slept at the last skas_stolen() */
	/* rate_at: TSC value when the rate of hand-offs was computed. rate_n: hand-offs then */
	u64 rate_at, rate_n;
	bool few; /* the last computed rate was low */
	/*
	 * TSC value until which calls count as frequent, or 0 if they do not; each look computes it
	 * anew. Other vCPUs read it.
	 */
	u64 calls_until;
	/* TSC value at which this vCPU may rest again (skas_rests()) */
	u64 rests_again;
	struct home_trial trial;
} __attribute__((aligned(64)));
extern struct placement placement[STUB_MAX_SLOTS];

static inline u64 ticks(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

void placement_init(int first); /* once; @first: a host CPU */
/* Reads the TSC, and decides again if the period is over. */
void placement_look(struct placement *p, struct runner *r);
/* Places a vCPU and its runner. If the vCPU's thread floats, its runners stay where they are. */
void placement_apply(struct placement *p, struct runner *r);

#endif
