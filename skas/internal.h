/* SPDX-License-Identifier: MIT */
/*
 * internal.h: between the files of skas/. See docs/skas.md for the drawing and the proofs.
 *
 *	skas.c      start and end, configuration, statistics          filter.c   the seccomp filters, into the stub's image
 *	space.c     orders to the mapper; making and ending spaces    pool.c     space_get, space_put
 *	runner.c    making and ending runners; events                 fpu.c      FPU states
 *	seccomp.c   struct skas_ops of seccomp mode                   ptrace.c   struct skas_ops of ptrace mode
 *	answers.c   calls that the stub answers               watch.c    who computes while nobody drives it
 *	handoff.c   how vCPU and runner wait for each other, and on which host CPUs
 *	trial.c     at which of them a vCPU waits least for the host's disk
 */
#ifndef NESTLING_SKAS_INTERNAL_H
#define NESTLING_SKAS_INTERNAL_H

#include <asm/errno.h>

#include "arch/um/layout.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/printk.h"
#include "os-linux/os.h"
#include "os-linux/os_space.h"
#include "skas/skas.h"
#include "skas/stub_abi.h"

#define NSEC_PER_USEC 1000UL
#define NSEC_PER_MSEC 1000000UL
#define NSEC_PER_SEC 1000000000UL

/*
 * A lock that may be held while the host sleeps for us. Leaves of the lock order, but for
 * spinlocks.
 */
struct skas_mutex {
	u32 word; /* 0 free, 1 held, 2 held with sleepers */
};
void skas_lock(struct skas_mutex *m);
void skas_unlock(struct skas_mutex *m);

/*
 * A runner executes one space on one vCPU.
 *
 *	NONE -> runner_make() -> PARKED -> run -> RUNNING -> event -> WAITING -> ops->stop() -> PARKED -> run -> RUNNING
 *	any -> runner_end() -> NONE
 *
 * WAITING means that the kernel has seen an event, which a hostile guest may have forged; PARKED was
 * proved, and holds until somebody on the host stops it and lets it go on.
 */
#define FPU_AREAS                                                                                  \
	2 /* for states of tasks that are not running; behind them one for calls that save theirs */

/* What is thought of a runner (watch.c). */
struct watched {
	u64 used, allowed,
		user; /* CPU time that it had had, might have had, and had had in user mode, when that began */
	u8 doubts;   /* what speaks for it is taken off */
	bool fresh;  /* what it has had until now is none of its next guest's */
	bool ending; /* under ends_lock: its handle may be another's soon */
};

enum runner_state { RUNNER_NONE, RUNNER_WAITING, RUNNER_RUNNING, RUNNER_PARKED };

struct runner {
	struct space *space;  /* immutable, as are cpu, ctl, alt and va */
	struct ctl_page *ctl; /* our view of the control page */
	u8 *alt;              /* our view of the alt stack */
	u64 va;               /* where the space has the control page */
	int cpu;
	enum runner_state state; /* of the vCPU; of space_put() when no task runs */
	int task;                /* os_space.h handle, 0: none */
	int pinned;              /* host CPU it is pinned to, or -1 */
	u32 placed;              /* handoff.c: the vCPU's generation of places it has, 0: none */
	bool patient;            /* handoff.c */
	u32 spin;                /* rounds we wait for it before we sleep */
	u64 gap;                 /* handoff.c: ticks between its calls, on average */
	u32 *word; /* futex that all spaces can read and the kernel alone writes: it sleeps there; immutable */
	u32 park; /* futex that no space maps: it sleeps here while PARKED */
	bool live; /* seccomp: the last event came through a patched site, the FPU state is in the registers */
	u64 told;       /* skas_offer(): which answers are in the control page, 0: none */
	u64 offered_at; /* skas_answers_now() when some were offered for the coming stay, 0: none are */
	bool loads;     /* what C_SEGS says */
	bool fresh; /* it is yet to load the selectors of a new guest: the last one's may be there */
	bool again; /* seccomp: the page was made ready for a turn that was not given: what has changed since the event is not known any more */
	struct debug_regs debug; /* that the host has for it; of the vCPU */
	bool tsc_traps;          /* rdtsc is an event; of the vCPU */
	u64 allowed; /* ns of CPU time that it may have had: its stays, and something for their ends; watch.c */
	struct watched watched;
	u32 regs_live; /* ptrace: stopped in guest code, not in the stub; see ptrace.c */
	struct skas_mutex lock;
	struct fpu *owner; /* under lock: whose FPU state is live here */
	u64 fp;            /* offset of that state in alt, when it is not in the registers */
	struct fpu *parked
		[FPU_AREAS]; /* under lock: whose state lies, or with swap will lie, in that area of alt */
	int swap; /* under lock: area for the registers' state, which is not the owner's; or -1 */
	bool swapping; /* under lock: it goes there now, as far as we know */
} __attribute__((aligned(64)));

struct space {
	int index; /* in the control file; immutable, as is orders */
	struct order_area *orders;
	struct list_head list; /* in the pool, under pool_lock */
	struct skas_mutex lock;
	u32 seq;    /* under lock, as all that follows */
	u32 queued; /* orders in the batch */
	bool due;   /* some of them not mapped ahead */
	int mapper; /* os_space.h handle */
	int mapper_pinned;
	u32 nr_maps;  /* at most so many VMAs */
	u32 count_at; /* value of nr_maps at which the host is asked again */
	bool dead;
	bool segs; /* it has an LDT, or its program has loaded a selector: they are loaded and kept, gs base is not borrowed; never goes to the pool */
	bool tsc_traps; /* rdtsc is an event in runners that are made from now on; never goes to the pool */
	struct space_image image; /* of its owner; of the pool while it is in there */
	struct runner runner[];   /* cfg.ncpus of them */
};

/* How guest code is run; one table per mode. */
struct skas_ops {
	const char *name;
	/* A new runner sleeps behind its filter: take it over. 0 or -errno. */
	int (*attach)(struct runner *r);
	/* From WAITING or PARKED until the next event. */
	void (*run)(struct runner *r, struct regs *regs, struct fpu *fpu, u64 deadline,
		struct skas_event *ev);
	/* The registers' FPU state to offset @off of alt; it waits. Where the state is, or -errno: lost. */
	s64 (*save_fpu)(struct runner *r, u64 off);
	/* Prove that it has stopped and wipe it: PARKED and 0. Else -errno: it has to be ended. */
	int (*stop)(struct runner *r);
	/* One that is PARKED: is that still so? NULL: always. */
	bool (*is_stopped)(struct runner *r);
};
extern const struct skas_ops seccomp_ops, ptrace_ops;

struct skas_stats {
	u64 fpu_saves, kicks, proofs, proofs_failed, forks, pooled, flushes, orders, runners,
		killed;
};

/* Fixed by skas_init(). */
struct skas {
	struct skas_config cfg;
	const struct skas_ops *ops;
	unsigned caps; /* OS_SPACE_* */
	u64 base;      /* of the stub's window */
	u64 vdso;
	bool tsc_may, tsc_traps;
	u64 ctl_stride;
	u32 max_spaces;
	int ctl_file;
	int host_cpus;
	bool strays; /* the host has ignored CLONE_PARENT: no runner starts */
	u64 xfeatures;
	bool patching; /* guests may have patched sites: gs base leads to the control page */
	struct {
		u64 patched; /* by the vCPU */
		struct ctl_page
			*ctl; /* of the runner that runs, or has run last; skas_answers_revoke() */
	} __attribute__((aligned(64))) calls[STUB_MAX_SLOTS];
	u64 answers_generation __attribute__((aligned(64)));
	struct skas_stats stats; /* counted without a lock: figures for people */
};
extern struct skas skas;

/* Bytes of an fxsave area; as xstate_size: the host has no XSAVE. */
#define XSAVE_LEGACY 512
static inline bool has_xsave(void)
{
	return xstate_size > XSAVE_LEGACY;
}

#define stat_inc(field) ((void)__atomic_fetch_add(&skas.stats.field, 1, __ATOMIC_RELAXED))

/* running[16 * cpu]: os_space.h; the first bytes of the control file's mapping. */
#define skas_running ((u32 *)CTL_MAP_BASE)
static inline struct space *space_at(int index)
{
	return (struct space *)(CTL_MAP_BASE + (u64)index * skas.ctl_stride + CTL_PRIVATE);
}
static inline bool skas_kicked(int cpu)
{
	return __atomic_load_n(&skas.cfg.irq->cpu[cpu].kicked, __ATOMIC_SEQ_CST);
}

/* filter.c */
void filters_write(u8 *area, u64 base);
void filter_for(struct runner *r); /* there is none in its slot yet */

/* space.c */
struct space *space_make(void);
void space_end(struct space *s);
bool spaces_exist(void); /* pooled ones count */
struct space *space_next(
	u32 *index); /* the first that exists from that one on, pooled or not; it may end at any time */
void space_init(void);
int space_order(struct space *s, const struct order *o); /* lock held */
int space_flush_locked(struct space *s);
int space_try_locked(struct space *s, const struct order *o);
void space_kill(struct space *s);
void space_lose(struct space *s); /* takes the lock, and kills it if it is not dead */

/* runner.c */
int runner_make(struct runner *r);
int runner_park(
	struct runner *r); /* 0: it sleeps at r->park, which nobody but us can have brought about */
bool runner_is_parked(struct runner *r); /* and still does */
int runner_end(struct runner *r);        /* returns its wait status; 0: no runner */
void runner_load_regs(struct runner *r, const struct regs *regs);
void runner_decode(struct runner *r, struct regs *regs, struct skas_event *ev);
void runner_wipe_page(struct runner *r);
void runner_wipe(struct runner *r);
void runner_publish(struct runner *r);
void runner_unpublish(struct runner *r);
/* Something has been written that a sleeping runner is to look at: whatever it does about sleeping, it looks again. The second wakes it. */
void runner_stir(struct runner *r);
void runner_wake(struct runner *r);

#define KICK_WAIT (10 * NSEC_PER_MSEC)       /* for a kick to be heeded, then another is sent */
#define KICK_CPU_LIMIT (200 * NSEC_PER_MSEC) /* of CPU time, with kicks ignored */
struct kicking {
	u64 last, time;    /* when it was asked last (0: never), how long it has gone on */
	u64 used, delayed; /* CPU time had, and waited for, when it began */
	u32 kicks, asleep; /* and how often in a row it was found asleep */
};
void kicking_begin(struct kicking *k, const struct runner *r);
bool kicking_goes_on(struct kicking *k, const struct runner *r); /* false: it is given up */

/* answers.c */
void answers_init(void);
void answers_settle(struct runner
		*r); /* what was offered, once the runner is published and before it has the turn */

/* fpu.c */
void fpu_learn_parts(void); /* when the host's xstate_size is known */
bool fpu_enter(struct runner *r, struct fpu *fpu);
bool fpu_lock_swap(struct runner *r);
void fpu_give(struct runner *r); /* unlocks */
void fpu_reset(struct runner *r);
int fpu_frame(struct runner *r, u64 *off);
int fpu_note_event(struct runner *r, bool frame);
void fpu_set_areas(struct runner *r);
bool fpu_in_area(const struct runner *r);
void fpu_evict(struct runner *r);

/* handoff.c */
struct handoff_counts {
	u64 spun, slept, woken, across, apart, moves;
};
void handoff_sum(struct handoff_counts *c);
void handoff_init(void);
void handoff_place(struct runner *r);
/* @asleep: it has to be woken. True when the one before it does that. */
bool handoff_placed(struct runner *r, bool asleep);
void handoff_place_mapper(struct space *s);
int handoff_wait(struct runner *r, u64 deadline);
void handoff_pause(void); /* between two looks at a turn word */
void handoff_count_wake(struct runner *r);
void handoff_forget(struct runner *r);
void handoff_let_go(struct runner *r);
void handoff_slept(struct runner *r); /* a hand-off that the host has waited for */
/* Until then a runner is waited for where it is; no later than @deadline. */
u64 handoff_patience(u64 deadline);

/* watch.c */
#define TAIL_NS                                                                                    \
	(500 * NSEC_PER_USEC) /* that a stay may cost after its end: a spin of 50 us, and what a hypervisor makes of it */
void watch_ends(struct runner *r); /* it is about to be reaped: nobody else ends it any more */

/* skas.c */
void note_death(const char *role, int task); /* notes its death for skas_why_lost() */

/* pool.c */
void pool_empty(void);

#endif
