/* SPDX-License-Identifier: MIT */
/*
 * skas.h: a guest address space is a host process.
 *
 * A space holds one guest address space in host processes that share their memory: one mapper task,
 * which applies mapping orders, and for each vCPU that has run the space one runner, which executes
 * guest code. The typical life:
 *
 *    s = space_get();                       from the pool, or a new one from the zygote
 *    space_map(s, ...); space_map(s, ...);  orders are queued
 *    skas_run(s, cpu, &regs, &fpu, ...);    orders are applied, then guest code runs until an event
 *    space_put(s);                          its runners are proved stopped and wiped, it goes to
 *                                           the pool
 *
 * An order is a system call that the mapper makes for the kernel: mmap, munmap, mprotect, clone,
 * modify_ldt, prctl.
 * The vCPU and its runner hand each other the turn: only the side that has it acts. A stay is the
 * time for which the runner has it, from skas_run() to the event.
 *
 * Locks: the caller serialises space_map/unmap/protect/flush of one space (pmap's mutex). Only the
 * vCPU itself calls skas_run for a (space, cpu). skas never calls up: it returns events. What a
 * guest can write (control page, turn word, alt stack) proves nothing; see stub_abi.h.
 *
 * "Blocks on the host" means that the vCPU waits for other processes, so the caller holds no
 * spinlock; nothing sleeps in the guest's scheduler. @va is an address in the space, @len bytes,
 * both whole pages. @cpu is the number of a vCPU. Times are ns.
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
	/* AUTO selects seccomp where the host allows it */
	enum skas_mode mode;
	/* vCPUs that call skas_run: 0 to ncpus-1 */
	int ncpus;
	/* handle (os.h) of region 0's file */
	int physmem;
	/* handoff=auto|spin|sleep: how vCPU and runner wait for each other */
	enum skas_handoff handoff;
	/* patch=on|off: call sites may be patched (seccomp mode only) */
	bool patch;
	/* required address of the stub, to which code of guests jumps; 0: any */
	u64 base;
	/* true: rdtsc shall be an event, if the host can do that */
	bool trap_tsc;
	/*
	 * true: skas_trial() makes the first space, since regions are added before; a host that
	 * allows seccomp but makes no space is then not tried with ptrace
	 */
	bool trial_later;
	/* the page given to os_irq_setup(), for its kicked words */
	struct os_irq_page *irq;
};

/*
 * Starts the zygote and probes the host: seccomp, fsgsbase, xstate size, usable top of the address
 * space. The kernel's main thread, which lives until the end, calls it once. Copies *cfg. Returns
 * 0, or -errno with *why set to one line for the user, in static storage. Blocks on the host.
 */
int skas_init(const struct skas_config *cfg, const char **why);
/*
 * With trial_later, makes the first space, which goes to the pool. Else does nothing. Returns 0, or
 * -errno with *why set as by skas_init(). Blocks on the host.
 */
int skas_trial(const char **why);
const char *skas_mode_name(void); /* "seccomp" or "ptrace" */
/* Returns the mask of XSAVE components in the host's signal frames. */
u64 skas_xfeatures(void);
/* Returns the address of the stub's window, for skas_config.base. */
u64 skas_base(void);
u64 skas_task_size(void); /* first address that a guest may not map */

/* Returns the address of the host's vdso and vvar in every space, for Nestling's vDSO, or 0. */
u64 skas_host_vdso(void);
/* True if rdtsc in guest code is an event: EV_SIGNAL with SIGSEGV and trap 13. */
bool skas_tsc_traps(void);
/* true if skas_trap_tsc() can be used */
bool skas_tsc_may_trap(void);

/*
 * Returns the address in every space to which the thunk of a patched call site jumps, with r11
 * pointing to its record, the call's arguments in their registers and all other state unchanged.
 * Returns 0 if there is no such entry: in ptrace mode, with patch=off, on a CPU without BMI2.
 */
u64 skas_patch_entry(void);
struct skas_thunk {
	/* address behind the call; rcx and rip get it, as after a real call */
	u64 ret;
	u64 resume; /* where guest code continues */
	/* A system call instruction, for threads that use gs base themselves. */
	u64 real_syscall;
};

/*
 * Makes another host file (handle @file of os.h, which stays the caller's) available, as region
 * @region (1 to 15), to every mapper made from now on. Returns 0; -EBUSY if spaces are in use
 * already; -EINVAL for another region; or another -errno. Ends all pooled spaces. Blocks on the
 * host.
 */
int skas_region_add(int region, int file);

/*
 * Returns a space that maps nothing but the stub and is ready to run; the caller owns it until
 * space_put(). ERR_PTR(-EAGAIN) at host limits, ERR_PTR(-ENOMEM). Blocks on the host.
 */
struct space *space_get(void);
/*
 * The mappings of a space below the stub, after its queued orders are applied. The owner fills it
 * in before space_put(); nr 0 means that the mappings are unknown. Other guests read it as a hint
 * (space_kin()).
 */
#define SPACE_RUNS 400
struct space_run {
	u64 va, pfn, rights; /* rights: PTE_RIGHTS of pmap.h */
	u64 pages;           /* number of pages */
};
struct space_image {
	/* spaces with equal keys have similar mappings */
	u64 key;
	u32 nr;                           /* runs */
	struct space_run run[SPACE_RUNS]; /* in ascending order */
};
struct space_image *space_image(struct space *s);
/*
 * Returns a space like space_get(), but with the mappings that its image lists, or with any
 * mappings if the image is empty. Prefers a space with @key and a runner on vCPU @cpu. The caller
 * unmaps what it does not want before anything runs in the space.
 */
struct space *space_get_like(int cpu, u64 key);
/*
 * Copies at most @max runs from the image of the space that space_get_like() would return now, if
 * it has @key. Returns the number of runs. The runs may be stale. Takes a spinlock; never blocks.
 */
u32 space_kin(int cpu, u64 key, struct space_run *run, u32 max);
/*
 * Gives back a space in which no task runs any more. Proves that its runners have stopped and
 * returns the space to the pool, with its image and its queued orders; or else kills it. @s is
 * invalid afterwards. Blocks on the host.
 */
void space_put(struct space *s);

/*
 * Queue an order. @prot is PROT_*, to which OS_PROT_* are equal; @off is the byte offset in
 * @region's file. A full queue is flushed first, which blocks on the host. Return 0; -EIO as
 * space_flush(); or -EINVAL for a range that guests may not map, an @off within a page, or a
 * @region out of range. @populate asks the host to map the pages at once (anonymous faults only).
 */
int space_map(struct space *s, u64 va, u64 len, int prot, int region, u64 off, bool populate);
/* Queues a mapping that guest code may overtake, since nothing is mapped there now. */
int space_map_ahead(struct space *s, u64 va, u64 len, int prot, int region, u64 off, bool populate);
int space_unmap(struct space *s, u64 va, u64 len);
int space_protect(struct space *s, u64 va, u64 len, int prot);
/*
 * Sets an entry of the LDT from a checked struct user_desc. With @now the entry is set when the
 * call returns; -errno means that nothing has changed. Without @now the order is queued. Afterwards
 * the space is given to no other guest, and its threads' selectors are loaded and saved (struct
 * regs). Threads in guest code may keep the gs base that was lent to them (gs_for() in
 * runner.c) until their next event.
 */
struct user_desc;
/* true if the host has modify_ldt(2) */
bool skas_has_ldt(void);
int space_ldt(struct space *s, const struct user_desc *entry, bool now);
/*
 * Applies queued orders and waits for the acknowledgement: afterwards no runner of the space uses
 * an old mapping. Returns 0, or -EIO if the space is dead; the next skas_run then returns EV_DEAD.
 * Blocks on the host.
 */
int space_flush(struct space *s);
/* True if orders are queued that guest code must not overtake. */
bool space_pending(const struct space *s);
/* True if the space has lost its mapper or was killed. It stays dead. */
bool space_dead(const struct space *s);
/*
 * Sets vec[i] to 1 if the host has the i-th page from @va on in the space's page table: it was
 * touched or populated; else to 0. @n is at most 512 pages. Returns 0 or -errno. Blocks on the
 * host.
 */
int space_present(struct space *s, u64 va, u32 n, u8 *vec);
/* Returns an estimate of the number of host VMAs that the space uses. */
u32 space_nr_maps(const struct space *s);

enum skas_event_type {
	/* regs->orig_rax = number; regs->rax = -ENOSYS; rip is behind the call */
	EV_SYSCALL,
	/* page fault: addr, error (x86 bits: 1 present, 2 write, 4 user, 16 exec) */
	EV_FAULT,
	/* synchronous trap: signo, code (si_code), trapno, error, addr */
	EV_SIGNAL,
	EV_KICK, /* the deadline passed, or skas_kick() */
	EV_DEAD, /* the space died or had to be killed */
	/* the host has no task for a runner now; nothing ran or changed */
	EV_SCARCE,
};
struct skas_event {
	enum skas_event_type type;
	/* valid for the types whose comment names them */
	int signo, code, trapno;
	u64 addr, error;
	bool i386; /* EV_SYSCALL by int 0x80, which is refused */
	/* EV_SYSCALL through a patched site; addr is rip */
	bool patched;
};

/*
 * Answers that let the stub complete patched calls without entering the kernel, while the thread
 * runs and until the answers are revoked. The vCPU offers them:
 *
 *      now = skas_answers_now()               then reads all state that the answers depend on
 *      skas_offer(s, cpu, &answers, now, self, yield)
 *      skas_run(s, cpu, ...)                  without answers that were revoked meanwhile
 *
 * A caller that changes this state revokes the answers: when skas_answers_revoke() returns, no
 * guest gets an old answer any more.
 */
u64 skas_answers_now(void);
/*
 * Writes the offered answers. @self: the stub may use those in @a. @yield: the stub may answer
 * sched_yield(), since no other task is ready to run, until a kick revokes that.
 */
void skas_offer(struct space *s, int cpu, const struct answers *a, u64 now, bool self, bool yield);
void skas_answers_revoke(void);

/*
 * Runs guest code of @s on vCPU @cpu with @regs and @fpu until an event. @deadline is on
 * os_clock_mono()'s scale; ~0 means none. On return @regs holds the guest's registers; the FPU
 * state stays live in the runner (fpu->runner). Called on the thread of vCPU @cpu, with its state
 * OS_CPU_GUEST. Blocks on the host.
 */
void skas_run(struct space *s, int cpu, struct regs *regs, struct fpu *fpu, u64 deadline,
	struct skas_event *ev);

/*
 * Allows the runner of @s on vCPU @cpu @ns of CPU time, for the stay that has just ended (watch.c).
 */
void skas_stayed(struct space *s, int cpu, u64 ns);
/*
 * Checks some spaces, from number @from on, for runners that compute while no vCPU drives them, and
 * ends these runners. Returns the number to continue from, or 0 after the last space and in ptrace
 * mode. Calls may not run concurrently. Sets *@active to true if any runner has computed since the
 * last check, driven or not; else leaves it. While no runner computes and none is driven, checks
 * are not needed.
 */
u32 skas_look(u32 from, bool *active);

/*
 * Sets the breakpoints of the coming stays of @s on vCPU @cpu, in the host's own debug registers. A
 * breakpoint that is hit is EV_SIGNAL with trapno 1. Addresses are below skas_task_size(). A change
 * costs some tens of microseconds. Returns:
 *
 *      1         the registers were changed
 *      0         they had these values already, or the space is lost, which skas_run() reports
 *      -EAGAIN   the host has no task for the runner now
 *      -errno    the host, or ptrace mode, does not allow it: no breakpoint is set
 *
 * skas_debug_hits() sets *@dr6 to the bits of DR6: the breakpoints that the last trap was for, and
 * whether it was a single step. It returns 0 or -errno. Both are called by vCPU @cpu and block on
 * the host.
 */
int skas_debug(struct space *s, int cpu, const struct debug_regs *d);
int skas_debug_hits(struct space *s, int cpu, u64 *dr6);

/*
 * Makes rdtsc an event in the coming stays of @s on vCPU @cpu; it may become one on other vCPUs
 * too. This is permanent: the space is given to no other guest. The first call on a vCPU replaces
 * its runner. Requires skas_tsc_may_trap(). If the space is lost meanwhile, skas_run() reports
 * that. Called by vCPU @cpu. Blocks on the host.
 */
void skas_trap_tsc(struct space *s, int cpu);

/*
 * Makes vCPU @cpu's current skas_run() return soon (may be spurious). Kicks come from os_cpu_kick()
 * (os-linux/os.h), which sets the vCPU's kicked word and calls the host-world function that
 * os-linux/space.c registered with os_kicker_set(). So skas_run() must read kicked after it has
 * published its runner and before the runner runs.
 */
void skas_kick(int cpu);
/*
 * Returns for how long, since the last call, the host ran other programs while vCPU @cpu's thread
 * or its runner were ready, in ns; 0 if the host does not report it. Callable from any vCPU, one
 * call at a time for a @cpu.
 */
u64 skas_stolen(int cpu);
/*
 * Returns true if the runner that vCPU @cpu drives has the turn and is awake, so that it runs guest
 * code, or the stub's first or last instructions. For the profiler, while the vCPU's state is
 * OS_CPU_GUEST; true under ptrace. A guess, since the guest can write to the words that are read.
 * Callable from any thread of the process, without locks.
 */
bool skas_guest_has_turn(int cpu);

/*
 * True if it is better for a task that waits for vCPU @cpu to wait there than to run on @to, or on
 * an idle vCPU (-1): system calls come so often that each vCPU needs a second host CPU, which spins
 * for them (placement.c). Callable for any vCPU, with locks of runqueues held.
 */
bool skas_shares(int cpu, int to);
/*
 * Returns the vCPU to which the calling vCPU @cpu should move its tasks, to share it, or -1 if @cpu
 * should keep them.
 */
int skas_rests(int cpu);
/*
 * Records that the calling vCPU @cpu has waited @ns for the host's disk. Another home may be better
 * for such waits (trial.h).
 */
void skas_waited_for_disk(int cpu, u64 ns);

/*
 * Saves a live state into fpu->area, if it is not there already. The fpu's task must not be
 * running, except on the calling vCPU. The task may have migrated since it ran, so a lock of the
 * runner serialises the call with a skas_run() on the other vCPU. skas_run() itself saves the live
 * state of another task before it uses the runner. Blocks on the host. A state that is lost with
 * its runner leaves fpu->area as it was.
 */
void skas_fpu_save(struct fpu *fpu);
/*
 * Saves the state of the calling vCPU's task in its call number @nr. If the state is in the
 * runner's registers, the runner will also save it with each later call of that number, until such
 * a call has not needed it. Blocks on the host.
 */
void skas_fpu_save_in_call(struct fpu *fpu, u32 nr);
/*
 * True if the state is in a runner's registers, as the task's last patched call left it. Called by
 * the vCPU that will run the task.
 */
bool skas_fpu_live(const struct fpu *fpu);
/* Sets fpu->area to the state after exec, dropping a live state. */
void skas_fpu_init(struct fpu *fpu);
/*
 * Forgets a live state without saving (exit, exec). Takes the runner's lock, for which it may wait.
 */
void skas_fpu_drop(struct fpu *fpu);

/* Ends all pooled spaces. Their host processes are dead when it returns. Blocks on the host. */
void skas_trim(void);
/* Lets the next owner of each pooled space drop the mappings that the space still has. */
void skas_forget_images(void);

/*
 * Writes the text of /proc/nestling/handoff: the mode, and the counters of skas, cut to @size.
 * Returns the bytes written, without the NUL.
 */
int skas_format_stats(char *buf, size_t size);

/*
 * True if the zygote has died, so that no guest can run; the text gives the cause: "was killed by
 * signal 9".
 */
bool skas_zygote_died(char *buf, size_t size);
/*
 * Returns how a mapper or runner of the last lost space died, such as "a runner was killed by
 * signal 9", or "" if none did. In static storage, for messages.
 */
const char *skas_why_lost(void);

/* Kills the zygote and all tasks of spaces (power-off), and waits for the zygote's death. */
void skas_exit(void);

#endif
