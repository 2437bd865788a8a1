/* SPDX-License-Identifier: MIT */
/*
 * skas.h: a guest address space is a host process.
 *
 * A space is the host process of one guest address space: one mapper task, which applies mapping
 * orders, and one runner per vCPU that has run the space, which executes guest code. The typical
 * life:
 *
 *	s = space_get();                       from the pool, or a new one from the zygote
 *	space_map(s, ...); space_map(s, ...);  orders are queued
 *	skas_run(s, cpu, &regs, &fpu, ...);    orders are applied, then guest code runs until an event
 *	space_put(s);                          its runners are proved stopped and wiped, it goes to the pool
 *
 * Locks: space_map/unmap/protect/flush of one space are serialised by the caller (pmap's mutex);
 * skas_run of one (space, cpu) is called by that vCPU only. skas never calls up: it returns events.
 * What a guest can write (control page, turn word, alt stack) proves nothing; see stub_abi.h.
 */
#ifndef NESTLING_SKAS_H
#define NESTLING_SKAS_H

#include "kernel/lib/regs.h"
#include "kernel/lib/types.h"

struct space;
struct os_irq_page;

enum skas_mode { SKAS_AUTO, SKAS_SECCOMP, SKAS_PTRACE };
enum skas_handoff { SKAS_HANDOFF_AUTO, SKAS_HANDOFF_SPIN, SKAS_HANDOFF_SLEEP };

struct skas_config {
	enum skas_mode mode; /* AUTO takes seccomp where the host allows it */
	int ncpus;           /* vCPUs that will call skas_run, 0 .. ncpus-1 */
	int physmem;         /* os handle of region 0's file (os.h: os_file) */
	enum skas_handoff
		handoff; /* handoff=auto|spin|sleep: how vCPU and runner wait for each other */
	bool patch;      /* patch=on|off: call sites may be patched (seccomp mode only) */
	bool trap_tsc;   /* rdtsc is to be an event, where the host can do that */
	struct os_irq_page *irq; /* what os_irq_setup() got: its kicked words */
};

/*
 * Starts the zygote, probes the host (seccomp, fsgsbase, xstate size, usable top of the address
 * space). Called once by the kernel's main thread, which lives until the end. 0, or -errno with
 * *why set to one clear line.
 */
int skas_init(const struct skas_config *cfg, const char **why);
const char *skas_mode_name(void); /* "seccomp" or "ptrace" */
u64 skas_xfeatures(void);         /* the XSAVE components in the host's signal frames */
u64 skas_task_size(void);         /* first address that a guest may not map */

/*
 * Where the host's vdso and vvar stand in every space (for our vDSO image); 0 when there is none.
 */
u64 skas_host_vdso(void);
bool skas_tsc_traps(void);    /* rdtsc of guest code is an event: SIGSEGV with trap 13 */
bool skas_tsc_may_trap(void); /* or it can be made one: skas_trap_tsc() */

/*
 * Where the thunk of a patched call site jumps to, with r11 at its record, the call's arguments in their registers, and
 * all else as it was; 0: there is no such entry here (ptrace mode, patch=off, a CPU without FSGSBASE or BMI2).
 */
u64 skas_patch_entry(void);
struct skas_thunk {
	u64 ret;          /* address behind the call: rcx and rip as after a real one */
	u64 resume;       /* where guest code goes on */
	u64 real_syscall; /* a system call instruction, for threads whose gs base is their own */
};

/*
 * Makes another host file known to every mapper made from now on as region @region (1..15). 0,
 * -EBUSY when there are spaces already.
 */
int skas_region_add(int region, int file);

/*
 * A space with nothing mapped but the stub, ready to run. ERR_PTR(-EAGAIN) at host limits, -ENOMEM.
 * May sleep on the host.
 */
struct space *space_get(void);
/*
 * What a space maps, below the stub and after its queued orders, as its owner says before he puts
 * it; nr 0: he does not. Others read it as a hint (space_kin()).
 */
#define SPACE_RUNS 400
struct space_run {
	u64 va, pfn, rights;
	u64 pages;
};
struct space_image {
	u64 key; /* spaces with the same one map much alike, and others do not */
	u32 nr;
	struct space_run run[SPACE_RUNS]; /* in ascending order */
};
struct space_image *space_image(struct space *s);
/*
 * The same as space_get(), but it maps what its image says, and if that says nothing anything at all. One with that key
 * and a runner on vCPU @cpu if there is one. The caller unmaps what he does not want before anything runs in it.
 */
struct space *space_get_like(int cpu, u64 key);
/* The runs, at most @max, of the image of the one that space_get_like() would give now, if it has that key: how many. Any may be stale. */
u32 space_kin(int cpu, u64 key, struct space_run *run, u32 max);
/*
 * No task may run in it any more. Proves its runners stopped, gives it back to the pool, with its image and the
 * orders that are queued, or kills it.
 */
void space_put(struct space *s);

/*
 * Queues an order. @prot is PROT_*; @off is the byte offset in @region's file. A full queue flushes
 * by itself. Errors are those of space_flush(). populate asks the host to map at once (anonymous
 * faults only). */
int space_map(struct space *s, u64 va, u64 len, int prot, int region, u64 off, bool populate);
/* The same, and guest code may go on before it is applied: nothing is mapped there now. */
int space_map_ahead(struct space *s, u64 va, u64 len, int prot, int region, u64 off, bool populate);
int space_unmap(struct space *s, u64 va, u64 len);
int space_protect(struct space *s, u64 va, u64 len, int prot);
/*
 * An entry of the LDT, by a struct user_desc that is known to be right. With @now it is there when the call returns, or -errno and nothing
 * has changed; without it is queued. The space goes to no other guest afterwards, and its threads' selectors count (struct regs). Threads
 * in guest code may not have lost the borrowed gs base before their next event. */
struct user_desc;
bool skas_has_ldt(void); /* the host has modify_ldt(2), and FSGSBASE */
int space_ldt(struct space *s, const struct user_desc *entry, bool now);
/*
 * Applies queued orders and waits for the acknowledgement: afterwards no runner of the space uses
 * an old mapping. 0, or -EIO when the space had to be killed (the next skas_run returns EV_DEAD).
 * */
int space_flush(struct space *s);
bool space_pending(const struct space *s); /* orders are queued that guest code must not overtake */
bool space_dead(const struct space *s);
/* vec[i]: the host has page i from @va on in the space's own page table: it was touched, or populated. 0 or -errno. */
int space_present(struct space *s, u64 va, u32 n, u8 *vec);
u32 space_nr_maps(const struct space *s); /* estimate of the host VMAs in use */

enum skas_event_type {
	EV_SYSCALL, /* regs->orig_rax = number; regs->rax = -ENOSYS; rip is behind the call */
	EV_FAULT,   /* page fault: addr, error (x86 bits: 1 present, 2 write, 4 user, 16 exec) */
	EV_SIGNAL,  /* synchronous trap: signo, code (si_code), trapno, addr */
	EV_KICK,    /* the deadline passed, or skas_kick() */
	EV_DEAD,    /* the space died or had to be killed */
	EV_SCARCE,  /* the host has no task for a runner now: nothing has run or changed */
};
struct skas_event {
	enum skas_event_type type;
	int signo, code, trapno;
	u64 addr, error;
	bool i386;    /* EV_SYSCALL by int 0x80: refuse */
	bool patched; /* EV_SYSCALL through a patched site; addr is rip */
};

/*
 * Answers that a patched call need not come to the kernel for, while its thread runs and nobody revokes them. Who offers them
 *
 *	now = skas_answers_now()                then looks at all that they depend on
 *	skas_offer(s, cpu, &answers, now, self, yield)
 *	skas_run(s, cpu, ...)                   without them when they have been revoked meanwhile
 *
 * and who changes what one depends on revokes it: when skas_answers_revoke() returns, no guest gets an old answer any more.
 */
u64 skas_answers_now(void);
/* @self: those; @yield: sched_yield() has nobody to give way to, which a kick revokes. */
void skas_offer(struct space *s, int cpu, const struct answers *a, u64 now, bool self, bool yield);
void skas_answers_revoke(void);

/*
 * Runs guest code of @s on vCPU @cpu with @regs and @fpu until an event. @deadline is on
 * os_clock_mono()'s scale; ~0 for none. On return @regs holds the guest's registers; the FPU state
 * stays live in the runner (fpu->runner). Calls os_ doors; the caller holds no spinlock.
 */
void skas_run(struct space *s, int cpu, struct regs *regs, struct fpu *fpu, u64 deadline,
	struct skas_event *ev);

/* The stay that has just ended took so long. */
void skas_stayed(struct space *s, int cpu, u64 ns);
/*
 * Looks at some spaces, from the one with that number on, for runners that compute while nobody drives them, and ends those: the number to go
 * on with, 0 when that was all. One call at a time. *@active is set where any has computed since the last look, driven or not: while none
 * does, and none is driven, there is nothing to look for.
 */
u32 skas_look(u32 from, bool *active);

/*
 * What the coming stays of @s on vCPU @cpu are to stop at, in the host's own debug registers; EV_SIGNAL says so then, with trapno 1. Addresses
 * are below skas_task_size(). 1: they have been changed, 0: they were so already (or the space is lost, which skas_run() tells), -EAGAIN: the host has no task for the runner now, -errno: it does not let us, or not under ptrace mode; none is set then.
 * Changing them costs some tens of microseconds. skas_debug_hits(): which of them the last trap was about, and whether it was a step: bits of DR6.
 */
int skas_debug(struct space *s, int cpu, const struct debug_regs *d);
int skas_debug_hits(struct space *s, int cpu, u64 *dr6);

/*
 * In the coming stays of @s on vCPU @cpu rdtsc is an event, and may be one on the others. For good: the space goes to no other guest. The first
 * time on a vCPU costs a runner. Where skas_tsc_may_trap(). A space that is lost by it skas_run() tells of.
 */
void skas_trap_tsc(struct space *s, int cpu);

/*
 * Makes the vCPU @cpu's current skas_run return soon (may be spurious). Kicks come from
 * os_cpu_kick() (os-linux/os.h), which sets the vCPU's kicked word and calls the host-world
 * function that os-linux/space.c registered with os_kicker_set(): skas_run() must look at kicked
 * after it has published its runner and before the runner goes on. */
void skas_kick(int cpu);
/*
 * For how long, since it was asked last, the host ran others while vCPU @cpu's thread or the runner in it were ready: ns, 0 when the
 * host does not say. From any vCPU, one call at a time for a @cpu.
 */
u64 skas_stolen(int cpu);

/*
 * What waits for vCPU @cpu waits better there than it runs on @to, or on one that is idle (-1): calls come so often that they want the
 * host's CPU which waits for them (handoff.c). For any vCPU, with locks of runqueues held.
 */
bool skas_shares(int cpu, int to);
/* Of the vCPU @cpu, which asks: the one that its tasks had better join, after which that one shares; -1: none. */
int skas_rests(int cpu);
/* vCPU @cpu, which says so itself, has waited @ns for the host's disk: it may have a better home for that (trial.h). */
void skas_waited_for_disk(int cpu, u64 ns);

/*
 * Fetches a live state into fpu->area (no-op when it is there already). The fpu's task must not be
 * running, except on the calling vCPU; the caller may be another vCPU than the one that ran it last
 * (the task has migrated), so a lock of the runner serialises it with a skas_run() there.
 * skas_run() itself saves the live state of another task before it uses the runner. No spinlock
 * held.
 */
void skas_fpu_save(struct fpu *fpu);
/*
 * The same for the calling vCPU's task, because of its call number @nr. When the runner has to be asked for the state, it
 * will save it on its way with the next calls of that number, until that was for nothing.
 */
void skas_fpu_save_in_call(struct fpu *fpu, u32 nr);
/* It is in a runner's registers, as its task's last patched call has left it. For the vCPU that will run the task. */
bool skas_fpu_live(const struct fpu *fpu);
/* The state of a fresh exec into fpu->area. */
void skas_fpu_init(struct fpu *fpu);
/* Forgets a live state without saving (exit, exec). */
void skas_fpu_drop(struct fpu *fpu);

/* Ends the spaces of the pool. Their host processes are gone when it returns. */
void skas_trim(void);

/* Text for /proc/nestling/handoff: counts of spun, slept, woken. Bytes written. */
int skas_format_stats(char *buf, size_t size);

/*
 * True if the zygote has died, so that no guest can run; the text says how: "was killed by
 * signal 9".
 */
bool skas_zygote_died(char *buf, size_t size);
/*
 * Returns how a mapper or runner of the last lost space died: "a runner was killed by signal 9";
 * "": none did.
 */
const char *skas_why_lost(void);

/* Ends every space and the zygote (power-off). */
void skas_exit(void);

#endif
