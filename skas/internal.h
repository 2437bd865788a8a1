/* SPDX-License-Identifier: MIT */
/*
 * internal.h: declarations shared by the files of skas/. See docs/skas.md for the drawing and the
 * proofs.
 *
 *      skas.c      start and end, configuration, statistics
 *      filter.c    the seccomp filters, into the stub's image
 *      space.c     orders to the mapper; making and ending spaces
 *      pool.c      space_get, space_put
 *      runner.c    making and ending runners; events
 *      fpu.c       FPU states
 *      seccomp.c   struct skas_ops of seccomp mode
 *      ptrace.c    struct skas_ops of ptrace mode
 *      answers.c   calls that the stub answers
 *      watch.c     runners that compute while no vCPU drives them
 *      handoff.c   how vCPU and runner hand the turn to each other, and wait for it
 *      placement.c on which host CPUs they run, and whether they spin for each other
 *      trial.c     on which of these CPUs a vCPU waits least for the host's disk
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
 * A lock that may be held while the thread sleeps in a host call. Leaf of the lock order, except
 * for spinlocks.
 */
struct skas_mutex {
	u32 word; /* 0 free, 1 held, 2 held with sleepers */
};
/* Called on the thread of a vCPU; not recursive. May block on the host. */
void skas_lock(struct skas_mutex *m);
void skas_unlock(struct skas_mutex *m);

/*
 * Areas of the alt stack for the FPU states of tasks that are not running. One more area behind
 * them is for patched calls that save their state (C_CALLNR).
 */
#define FPU_AREAS 2

/* Data of watch.c about a runner. */
struct watched {
	/*
	 * ns. used: CPU time that the runner had used when the watch began, and the excess forgiven
	 * since. allowed: CPU time that it was allowed to use by then. user: CPU time in user mode
	 * at the last judge(); valid unless doubts is 0
	 */
	u64 used, allowed, user;
	u8 doubts; /* failed checks, less passed ones */
	/* true: the CPU time used so far is not charged to the next guest */
	bool fresh;
	/* true: the runner's handle may soon name another runner; protected by ends_lock */
	bool ending;
};

enum runner_state { RUNNER_NONE, RUNNER_WAITING, RUNNER_RUNNING, RUNNER_PARKED };

/*
 * A runner executes one space on one vCPU.
 *
 *      NONE -> runner_make() -> PARKED -> run -> RUNNING -> event -> WAITING
 *      WAITING -> ops->stop() -> PARKED -> run -> RUNNING
 *      any -> runner_end() -> NONE
 *
 * WAITING means that the kernel has seen an event, which a hostile guest may have forged. PARKED is
 * proved; it stays true unless a process of the host stops and continues the runner. A sibling is
 * another runner of its space.
 */
struct runner {
	struct space *space; /* immutable */
	/* control page, as mapped in the kernel; immutable */
	struct ctl_page *ctl;
	/* alt stack, as mapped in the kernel; immutable */
	u8 *alt;
	/* address of the control page in the space; immutable */
	u64 va;
	int cpu; /* number of its vCPU; immutable */
	/* owned by the vCPU, or by space_put() when no task runs */
	enum runner_state state;
	int task;   /* handle (os_space.h), or 0 */
	int pinned; /* pinned to this host CPU; -1: none */
	/* placement.c: generation of the vCPU's placement that was applied to this runner, or 0 */
	u32 placed;
	/* true: when it is woken, it does not preempt the last runner (os_space_patient()) */
	bool patient;
	u32 spin; /* rounds of spinning before a sleep */
	/* handoff.c: mean gap between its calls, in TSC ticks */
	u64 gap;
	/*
	 * futex on which the runner sleeps; all spaces can read it, only the kernel writes it;
	 * immutable
	 */
	u32 *word;
	/* futex on which the runner sleeps while PARKED; no space maps it */
	u32 park;
	/* seccomp: the last event came through a patched site; the FPU state is in the registers */
	bool live;
	/* id of the answers that skas_offer() last wrote to the control page; 0: none */
	u64 answers_id;
	/* value of skas_answers_now() for the answers that are offered for the coming stay, or 0 */
	u64 offered_at;
	bool loads; /* value written to C_SEGS */
	/*
	 * true until the runner has loaded the selectors of a new guest; it may still have the last
	 * guest's
	 */
	bool fresh;
	/*
	 * seccomp mode: the control page was prepared for a turn that was then not given, so the
	 * changes since the last event are unknown
	 */
	bool again;
	/* debug registers as they are set on the host; owned by the vCPU */
	struct debug_regs debug;
	/* true: rdtsc is an event; owned by vCPU */
	bool tsc_traps;
	/*
	 * CPU time in ns that the runner was allowed to use: its stays and a little for their ends;
	 * for watch.c
	 */
	u64 allowed;
	struct watched watched;
	/* ptrace: 1 if the runner is stopped in guest code, 0 if in the stub (ptrace.c) */
	u32 regs_live;
	struct skas_mutex lock;
	/* task of the live FPU state; under lock */
	struct fpu *owner;
	/* offset in alt of the live FPU state, if it is not in the registers */
	u64 fp;
	/*
	 * the tasks whose states lie in the areas of alt, or will lie there after a swap; protected
	 * by lock
	 */
	struct fpu *parked[FPU_AREAS];
	/*
	 * area for the state in the registers, if that is not the owner's; or -1; protected by lock
	 */
	int swap;
	/*
	 * true from the order to save the registers' state in parked[] until the next event;
	 * protected by lock
	 */
	bool swapping;
} __attribute__((aligned(64)));

struct space {
	int index; /* in the control file; immutable */
	/* order area, as mapped in the kernel; the pointer is immutable */
	struct order_area *orders;
	struct list_head list; /* in the pool, under pool_lock */
	struct skas_mutex lock;
	/*
	 * Number of the newest batch. The members from here to tsc_traps are written under lock
	 * unless they name another rule; due and dead are also read without it.
	 */
	u32 seq;
	u32 queued; /* orders in the batch */
	/* true: the batch has an order that guest code must not overtake */
	bool due;
	int mapper;        /* handle (os_space.h), or 0 */
	int mapper_pinned; /* host CPU, or -1: none */
	/*
	 * estimate of its host VMAs, mostly too high; serialised by the callers of space_map() etc.
	 * (skas.h)
	 */
	u32 nr_maps;
	/* value of nr_maps at which the real number is read from the host again; as nr_maps */
	u32 count_at;
	bool dead; /* killed; never false again */
	/*
	 * True if the space has an LDT, or its program has loaded a selector. Then selectors are
	 * loaded and saved, no gs base is lent, and the space never goes to the pool. Any vCPU may
	 * set it without the lock.
	 */
	bool segs;
	/* true: rdtsc is an event in runners made from now on; the space never goes to the pool */
	bool tsc_traps;
	/* owned by the space's owner, or by the pool */
	struct space_image image;
	struct runner runner[]; /* cfg.ncpus of them */
};

/* Operations that run guest code; one table per mode. */
struct skas_ops {
	const char *name; /* of the mode: skas_mode_name() */
	/* Takes control of a new runner, which sleeps behind its filter. Returns 0 or -errno. */
	int (*attach)(struct runner *r);
	/* Runs a WAITING or PARKED runner until the next event or @deadline, as skas_run(). */
	void (*run)(struct runner *r, struct regs *regs, struct fpu *fpu, u64 deadline,
		struct skas_event *ev);
	/*
	 * Saves the FPU state of the registers at offset @off of alt, while the runner waits.
	 * Returns the offset of the state, or -errno if it is lost. r->lock held. NULL in ptrace
	 * mode, in which no state stays in the registers after a stop.
	 */
	s64 (*save_fpu)(struct runner *r, u64 off);
	/*
	 * Proves that the runner has stopped, and wipes it. Returns 0, and the runner is PARKED; or
	 * -errno, and the caller ends it.
	 */
	int (*stop)(struct runner *r);
	/* True if a PARKED runner is still parked. NULL: always true. */
	bool (*is_stopped)(struct runner *r);
};
extern const struct skas_ops seccomp_ops, ptrace_ops;

/*
 * Numbers since the start. fpu_saves: EXIT_SAVE. kicks: of runners. proofs: attempts to prove
 * that a runner has stopped. proofs_failed: those that failed. forks: spaces made. pooled: spaces
 * taken from the pool. flushes: batches. orders: orders in them. runners: runners made. killed:
 * kills of a space's tasks, also at the ordinary end of a space.
 */
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
	u64 ctl_stride; /* bytes of a space in the control file */
	u32 max_spaces;
	int ctl_file; /* handle (os.h) */
	int host_cpus;
	/* true: the host has ignored CLONE_PARENT, so no runner starts */
	bool strays;
	u64 xfeatures;
	/* true: guests may have patched sites, and gs base points to the control page */
	bool patching;
	struct {
		u64 patched; /* owned by the vCPU */
		/* control page of the runner that runs or ran last; for skas_answers_revoke() */
		struct ctl_page *ctl;
	} __attribute__((aligned(64))) calls[STUB_MAX_SLOTS];
	u64 answers_generation __attribute__((aligned(64)));
	/* counted without a lock: statistics */
	struct skas_stats stats;
};
extern struct skas skas;

/* Bytes of an fxsave area; an xstate_size of this value means no XSAVE. */
#define XSAVE_LEGACY 512
static inline bool has_xsave(void)
{
	return xstate_size > XSAVE_LEGACY;
}

/* True if runners load fs base and gs base by arch_prctl(2). */
static inline bool skas_loads_bases(void)
{
	return !(skas.caps & OS_SPACE_FSGSBASE) && skas.ops == &seccomp_ops;
}

#define stat_inc(field) ((void)__atomic_fetch_add(&skas.stats.field, 1, __ATOMIC_RELAXED))

/*
 * The array running[] of os_space.h, at the start of the control file's mapping. Its entries are 16
 * words apart.
 */
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
/*
 * Writes the mapper's filter, FILTERS_SIZE bytes, to @area of the image, for a stub at @base.
 * filter_for() writes a runner's to the order area, while its slot has no runner.
 */
void filters_write(u8 *area, u64 base);
void filter_for(struct runner *r);

/*
 * space.c: "lock" is space->lock. Functions that return int return 0 or -errno: -EIO if the space
 * is dead.
 */
/* Makes a space that maps nothing. ERR_PTR: -EAGAIN or another error of the host. No lock held. */
struct space *space_make(void);
/* Kills and reaps all tasks of a space that no other vCPU uses, and frees it. No lock held. */
void space_end(struct space *s);
bool spaces_exist(void); /* true if any exists, pooled or not */
/*
 * Returns the first existing space from *@index on, pooled or not, and sets *@index to its index;
 * NULL if there is none. The space may end at any time.
 */
struct space *space_next(u32 *index);
void space_init(void);
/* Queues a copy of the order; a full batch is flushed first. Lock held. */
int space_order(struct space *s, const struct order *o);
/* As space_flush(). Lock held. */
int space_flush_locked(struct space *s);
/*
 * Flushes, then applies one order that may fail. Returns 0 or the order's -errno, and the space
 * lives on. If the mapper has died, kills the space and returns -ECHILD. Lock held.
 */
int space_try_locked(struct space *s, const struct order *o);
/*
 * Kills all tasks and waits until the runners are dead, for each at most 2 s; does not wait for the
 * mapper. Lock held, or no other vCPU knows the space.
 */
void space_kill(struct space *s);
/* Takes the lock, and kills the space unless it is dead. */
void space_lose(struct space *s);

/* runner.c: called by the runner's vCPU, or by space_put(), without r->lock */
/*
 * Makes a runner, in state NONE until then. Takes space->lock. Returns 0, and the runner is PARKED
 * without an FPU state; or -errno. -EAGAIN, -ENOMEM: the host refuses a task now, and the space is
 * unchanged.
 */
int runner_make(struct runner *r);
/*
 * Returns 0 if the runner sleeps at r->park, where only the kernel can have put it; -ETIMEDOUT if
 * it does not within 10 ms.
 */
int runner_park(struct runner *r);
bool runner_is_parked(struct runner *r); /* true if it still sleeps at r->park */
/*
 * Kills and reaps the runner; its FPU states are lost unless fpu_evict() has saved them. Returns
 * its wait status, 0 if there is no runner, or -errno.
 */
int runner_end(struct runner *r);
/* Write registers to the control page before a turn; read registers and the event after it. */
void runner_load_regs(struct runner *r, const struct regs *regs);
void runner_decode(struct runner *r, struct regs *regs, struct skas_event *ev);
/* Wipe the control page of a stopped runner, and its alt stack and FPU states, too. */
void runner_wipe_page(struct runner *r);
void runner_wipe(struct runner *r);
/* From publish to unpublish, kicks of the vCPU go to this runner. */
void runner_publish(struct runner *r);
void runner_unpublish(struct runner *r);
/*
 * Makes a runner read its control page again, whether it is awake, about to sleep or asleep; a
 * runner that is asleep does so when it is woken. runner_wake() also wakes it.
 */
void runner_stir(struct runner *r);
void runner_wake(struct runner *r);

/* ns between two kicks */
#define KICK_WAIT (10 * NSEC_PER_MSEC)
/* CPU time in ns that a runner may use while it ignores kicks */
#define KICK_CPU_LIMIT (200 * NSEC_PER_MSEC)
struct kicking {
	/*
	 * last: os_clock_mono() at the last check of the runner. time: ns of kicking so far, of
	 * which each wait between two checks counts for at most KICK_PAUSE (runner.c)
	 */
	u64 last, time;
	/*
	 * used: CPU time in ns that the runner had used when kicking began. delayed: ns that it had
	 * waited for a CPU by then; 0 if the host does not report that
	 */
	u64 used, delayed;
	/* kicks: checks so far. asleep: checks in a row that found the runner asleep */
	u32 kicks, asleep;
};
/* Begins to kick a runner that does not give the turn back. */
void kicking_begin(struct kicking *k, const struct runner *r);
/*
 * Checks the runner, after each kick or after each wait for a runner that is not kicked. Returns
 * false if the runner does not react and is to be ended.
 */
bool kicking_continues(struct kicking *k, const struct runner *r);

/* answers.c */
void answers_init(void);
/*
 * Confirms or withdraws the offered answers. Called when the runner is published and does not yet
 * have the turn.
 */
void answers_settle(struct runner *r);

/* fpu.c: called by the runner's vCPU, except fpu_evict(); without r->lock unless named */
void fpu_learn_parts(void); /* called when xstate_size is known */
/*
 * Makes @fpu's state the runner's, before guest code runs. Returns false if it was that already,
 * and true if the state was anywhere else, copied or not.
 */
bool fpu_enter(struct runner *r, struct fpu *fpu);
/*
 * Called before the control page is made ready. Returns true, with r->lock held until fpu_give(),
 * if a state has to leave the registers on the way.
 */
bool fpu_lock_swap(struct runner *r);
/* Orders the runner to save that state, unless it is there no more, and unlocks r->lock. */
void fpu_give(struct runner *r);
void fpu_reset(struct runner *r); /* forgets all states */
/* Sets *off to the offset in alt of the state that the control page names. Returns 0 or -EFAULT. */
int fpu_frame(struct runner *r, u64 *off);
/*
 * Notes after an event where the state is: in the frame, or in the registers. Returns 0 or -EFAULT.
 */
int fpu_note_event(struct runner *r, bool frame);
/* Writes C_CALLFP and C_CALLNR to a new control page. */
void fpu_set_areas(struct runner *r);
/* True if the live FPU state, at r->fp, lies in an area of the alt stack and not in a frame. */
bool fpu_in_area(const struct runner *r);
/* Saves all states to their fpu->area. Takes r->lock; may wait for the runner. */
void fpu_evict(struct runner *r);

/* handoff.c: its top shows the order of the calls, which the runner's vCPU makes */
/*
 * Sums over all vCPUs. spun: waits that spinning ended. slept: waits in which the vCPU slept.
 * woken: runners that had to be woken. across: wake-ups between CPUs. apart: times that a vCPU went
 * apart (placement.c). moves: times that a vCPU left its home.
 */
struct handoff_counts {
	u64 spun, slept, woken, across, apart, moves;
};
void handoff_sum(struct handoff_counts *c);
void handoff_init(void);
void handoff_place(struct runner *r);
/* Returns true if the last runner wakes this one. @asleep: this runner sleeps and must be woken. */
bool handoff_placed(struct runner *r, bool asleep);
/*
 * Waits until the turn is no longer the runner's, or the runner is dead: returns 0. Returns
 * -ETIMEDOUT after @deadline (os_clock_mono()).
 */
int handoff_wait(struct runner *r, u64 deadline);
void handoff_pause(void); /* between two reads of a turn word */
void handoff_count_wake(struct runner *r);
/* Called when the runner has ended, by any vCPU. */
void handoff_forget(struct runner *r);
void handoff_slept(struct runner *r); /* counts a hand-off without spinning */
/*
 * Returns until when (os_clock_mono()) the vCPU waits for a runner before the runner may be moved,
 * at most @deadline.
 */
u64 handoff_patience(u64 deadline);

/* placement.c */
void handoff_place_mapper(struct space *s); /* to the caller's CPU */
/* Lets the runner, which computes, run on any CPU until handoff_place(). */
void handoff_let_go(struct runner *r);

/* watch.c */
/*
 * CPU time that a runner may use after the end of a stay: a spin of 50 us, and a hypervisor's
 * overhead.
 */
#define TAIL_NS (500 * NSEC_PER_USEC)
/* Marks a runner that is about to be reaped, so that watch.c does not kill it. */
void watch_ends(struct runner *r);

/* skas.c */
void note_death(const char *role, int task); /* for skas_why_lost() */

/* pool.c: ends all pooled spaces; pool_lock is not held */
void pool_empty(void);

#endif
