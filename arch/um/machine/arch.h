/* SPDX-License-Identifier: MIT */
/*
 * arch.h: all that the kernel may ask of the machine it runs on. The kernel's own entry points,
 * which the machine calls, are at the end.
 *
 * A vCPU is a host thread. Each task's kernel side runs on that task's own kernel stack; current is
 * found from the stack pointer (layout.h). Interrupts are taken at boundaries only (Law 3):
 * irq_poll() runs their handlers.
 */
#ifndef NESTLING_ARCH_H
#define NESTLING_ARCH_H

#include "arch/um/layout.h"
#include "kernel/lib/regs.h"
#include "kernel/lib/types.h"

struct task;
struct mm;
struct page;

/* ---- current and vCPUs ---- */

struct kstack_head {
	struct task *task;
	u64 host_sp;
	u64 magic;
	u64 cover; /* the last place (MODE=cover) */
	u64 pad[4];
};
static inline struct kstack_head *arch_kstack_head(void)
{
	u64 sp;

	__asm__("mov %%rsp,%0" : "=r"(sp));
	return (struct kstack_head *)((sp & ~(u64)(KSTACK_ALIGN - 1)) + KSTACK_SIZE);
}
#ifdef __NESTLING_UNIT__
extern struct task *unit_current; /* unit tests run on the host's stack */
#define current unit_current
#else
#define current (arch_kstack_head()->task)
#endif

extern int nr_cpus;         /* vCPUs, fixed at boot */
int smp_processor_id(void); /* changes only when the task schedules */

/* ---- a task's machine state, embedded in struct task ---- */

struct arch_task {
	struct regs regs; /* the guest registers while in the kernel */
	struct fpu fpu;   /* see regs.h */
	/* saved kernel stack pointer while not running */
	u64 ksp;
	void *kstack; /* the stack's block (KSTACK_BASE window) */
	/* of the last synchronous trap, for signal frames */
	u64 trapno, error, cr2;
	/*
	 * Frames of signal handlers that return into the host's vdso. A frame that a handler has
	 * left by a jump counts until the next exec.
	 */
	u32 vdso_frames;
	/* the vCPU whose runner holds the live FPU state */
	int fpu_cpu;
	struct answers answers;
	/* skas_answers_now() when @answers were right, 0: never */
	u64 answers_at;
	/*
	 * ktime_get() of the first and the last of the tries in a row at which the host had no
	 * process for it
	 */
	u64 scarce_since, scarce_last;
	/* user_time() at scarce_since */
	u64 scarce_user;
	struct io_bitmap *ports; /* arch/um/entry/ioport.c's, NULL: none */
	u8 iopl;                 /* iopl(2)'s level */
};

/*
 * Patched call sites (arch/um/patch/patch.c).
 *
 * arch_patch_forget() has the code in the range run as it is written from then on: to be called
 * before what stands there, or its frames, changes, or after it has. May sleep; mmap_lock or
 * i_mmap_sem keeps the areas. arch_patch_fork() returns 0 or -ENOMEM.
 */
void arch_patch_forget(struct mm *mm, u64 start, u64 end);
int arch_patch_fork(struct mm *new, struct mm *old);
void arch_patch_free(struct mm *mm); /* the mm has no other user any more */
/*
 * Segments of a program's own (arch/um/machine/ldt.c): a copy for a fork, 0 or -ENOMEM; and the
 * end.
 */
int arch_ldt_fork(struct mm *new, struct mm *old);
void arch_ldt_free(struct mm *mm);
/*
 * Says whether a frame or a tracer may give a thread of @mm @selector as cs or ss, where @usual is
 * what all programs have.
 */
bool arch_selector_ok(const struct mm *mm, u64 selector, u64 usual);

/* Gives a new task its kernel stack and FPU area. Returns 0 or -ENOMEM. */
int arch_task_alloc(struct task *t);
void arch_task_free(struct task *t); /* not the current one's */
/*
 * Prepares @t so that the first switch to it calls schedule_tail(prev), then fn(arg), on its kernel
 * stack; fn does not return.
 */
void arch_task_start(struct task *t, void (*fn)(void *), void *arg);
/*
 * Gives the child of a fork a copy of the current guest registers and FPU state, with rax 0; it
 * starts in the return path to user mode.
 */
int arch_task_fork(struct task *child);
/*
 * Gives current fresh registers with @entry and @sp, and the initial FPU state; a live FPU state in
 * a runner is forgotten. Exec also calls this with (0, 0) before the old mm goes, and so does exit.
 */
void arch_exec_regs(u64 entry, u64 sp);
/*
 * Sees to it that, when this returns, no getpid(), gettid(), getppid(), getuid() or their kin is
 * answered without the kernel any more as it may have been until now. To be called when something
 * has changed that they say, of whatever task, or when a task that may be running has to come to
 * the kernel with its calls from now on.
 */
void arch_answers_revoke(void);
/* Does the same where only current's own answers have changed: no other vCPU is told. */
void arch_answers_forget(void);
/*
 * Puts the FPU state of a task that does not run, or of current, into arch.fpu.area (XSAVE's
 * standard format, xstate_size bytes), where it may be changed; what the CPU would refuse is made
 * loadable when it goes back. For ptrace and core dumps.
 */
void arch_fpu_sync(struct task *t);
/* Returns the XSAVE components that guests have, 0 without XSAVE. */
u64 arch_xfeatures(void);
/*
 * Switches stacks; returns when @prev runs again, with the task that ran before it on this vCPU.
 * Scheduler only.
 */
struct task *arch_switch(struct task *prev, struct task *next);

/* True for an address of the host's vdso, which is mapped in each space. */
bool arch_in_host_vdso(u64 addr);

/* Returns the end of the addresses that guests may map: a range may end there. */
u64 arch_task_size(void);

/* ---- interrupts, idling, kicking ---- */

/*
 * Registers a numbered interrupt line. Back ends raise it with os_irq_raise(irq) from any host
 * thread; the handler runs at a boundary on some vCPU, never on two at a time, with no lock held,
 * and may not sleep.
 */
int irq_register(const char *name, void (*handler)(void *arg), void *arg);
void irq_unregister(int irq);
u64 irq_count(int irq);
const char *irq_name(int irq); /* NULL: no such line. For /proc/interrupts */
/* Runs pending handlers and expired timers. Called at every boundary. */
void irq_poll(void);
bool irq_pending(void);

/*
 * ---- the machine stands still (stop.c) ----
 *
 * machine_stop() returns when every vCPU but the first, on which the caller runs, waits at a
 * boundary, or -EBUSY. Until machine_go() the caller may not sleep or give way, and may only try to
 * take mutexes.
 */
int machine_stop(void);
void machine_go(void);
/*
 * Does what machine_go() does, in a process that goes on from a saved state. Returns 0 or -errno.
 */
int machine_wake(void);
/* And in a process whose machine was put back in place. */
void machine_go_back(void);
extern u32 machine_stopping;
/* where each vCPU waits: its stack pointer, for arch_unpark() */
extern u64 machine_sp[];
void machine_stop_here(void);
/*
 * ---- saving a state (save.c) ----
 *
 * machine_save_obstacle() says why this instance cannot be saved, or NULL. The order of the rest is
 * in save.c. machine_save_settle() returns -EAGAIN if a sleeping task is in the middle of something
 * that cannot be saved: the machine has to go on for a moment, and @why may name the task.
 * machine_save_prepare() returns 0, or -errno with a line in @why, as machine_save_sync() does.
 * machine_save() returns 0, -errno with a line in @why, or, in the process that goes on from what
 * was written, MACHINE_GOES_ON. machine_save_sync() completes the file, and returns its bytes or
 * -errno; -EINPROGRESS: a thread of the host is at it, ask again.
 */
#define MACHINE_GOES_ON 1
const char *machine_save_obstacle(void);
void machine_save_anew(void);
int machine_save_begin(void);
int machine_save_prepare(const char *dir, char *why, size_t size);
void machine_save_end(void);
int machine_save_settle(char *why, size_t size);
/* Takes, with the machine stopped, the events that the host has for us; waits on the host. */
void machine_look_for_events(void);
void machine_pause(u64 ns);
s64 machine_save(const char *dir, char *why, size_t size);
s64 machine_save_sync(char *why, size_t size);
void machine_save_drop(void); /* instead, after a failure */
/*
 * ---- going back in place (save.c, os-linux/put_back.c) ----
 *
 * machine_mark_begin() gets memory while the machine runs, which machine_save_end() frees. In a
 * stop machine_mark() makes the machine, as it is, what machine_put_back() goes back to. It returns
 * 0; MACHINE_GOES_ON each time that the machine was put back: it is stopped, and machine_go_back()
 * lets it go on; or -errno, -EAGAIN as machine_save_settle(), with a line in @why.
 * machine_put_back_begin() gives all spaces back, in a stop: 0; -EAGAIN as above; -EINVAL: there is
 * no mark. The space of @quiet, an mm whose tasks all sleep in calls that do not change it, keeps
 * its mappings, and so does that of an mm whose tasks all sleep interruptibly. Then
 * machine_put_back() does it, or machine_put_back_undo() lets the machine go on.
 */
int machine_mark_begin(void);
s64 machine_mark(char *why, size_t size);
int machine_put_back_begin(const struct mm *quiet);
void machine_put_back(void) __noreturn;
void machine_put_back_undo(void);
void machine_unmark(void);
/*
 * Marks a machine that was put back to a state by exec, stopped, before machine_wake(): so it can
 * go back there once more in place. Returns as machine_mark(); an error does no harm.
 * machine_can_go_back() is true if machine_put_back() would go back to what is saved in @dir, and
 * quickly. machine_unmark_restored() ends that mark, if there is one.
 */
s64 machine_mark_restored(void);
bool machine_can_go_back(const char *dir);
void machine_unmark_restored(void);
/* Called in that process, in this order; arch_entry.restored() comes between the two. */
void machine_restored(void);
void machine_read_parameters(void);
/*
 * True if the state is a template (fresh=), which becomes an instance that seems to have booted
 * just now: *@gap is the ns of real time since it was saved.
 */
bool machine_is_fresh(u64 *gap);
/* Called when nothing can go wrong any more: standard error is the instance's from now on. */
void machine_runs(void);
/* Returns the folder, or NULL: the instance has booted. */
const char *machine_restored_from(void);

/* Does what jail= says, before the first instruction of the guest (jail.c). */
void arch_jail(void);
/* True if programs may know the saved machine: it neither moved here nor seems to have booted. */
bool machine_is_copy(void);
/*
 * How often this guest has become a new machine, beside the one that was saved: secrets and names
 * that were made for an older one are made anew.
 */
extern u32 machine_boot;
/* Returns 0 if there seems to be a state in @dir, or -errno. */
int machine_save_readable(const char *dir);
/* Ends this machine and goes on from @dir, in the same process. */
void machine_roll_back(const char *dir) __noreturn;

static inline void machine_stop_poll(void)
{
	if (unlikely(__atomic_load_n(&machine_stopping, __ATOMIC_RELAXED)))
		machine_stop_here();
}

/* Sleeps until an interrupt, a kick or @deadline (mono ns; ~0 none). By the idle task only. */
void arch_idle(u64 deadline);
/* Makes vCPU @cpu come to a boundary soon. */
void arch_kick_cpu(int cpu);
/*
 * Says whether fair tasks that wait for vCPU @cpu must not go to vCPU @to, or to an idle one (-1),
 * because they would all be slower there. Locks of runqueues may be held.
 */
bool arch_tasks_share(int cpu, int to);

/* ---- time: nanoseconds ---- */
u64 ktime_get(void);      /* CLOCK_MONOTONIC as the guest sees it */
u64 ktime_get_real(void); /* CLOCK_REALTIME */
u64 ktime_get_tai(void);
u64 ktime_get_boottime(void);
/* Returns CLOCK_MONOTONIC_COARSE, as the vDSO answers. */
u64 ktime_get_coarse(void);
u64 ktime_get_real_coarse(void);
u64 ktime_get_raw(void);
/*
 * the clocks skip when the machine is idle (timetravel.h), so nothing may be under way outside then
 */
extern bool time_travels;
void arch_set_realtime_offset(s64 add_ns); /* clock_settime */
void arch_set_tai_offset(s64 ns);          /* adjtimex: of TAI from real time */
/* Reads a fast monotonic clock for accounting (cpuclock.c). */
u64 arch_cpu_clock(void);
/* Returns the ns that the host took from @cpu since the last call. Under its runqueue's lock. */
u64 arch_cpu_stolen(int cpu);
/*
 * Notes that the thread of vCPU @cpu, which calls this itself, slept in the host for so long
 * (skas/trial.h).
 */
void arch_cpu_waited_for_disk(int cpu, u64 ns);
/* Reads a clock that is to be compared with this vCPU's own readings only. */
u64 arch_cpu_clock_local(void);

/* ---- physmem (region 0), arch/um/machine/physmem.c ---- */
/*
 * Frames of region 0; frame pfn is at KERNEL_MAP_BASE + pfn * PAGE_SIZE, all mapped. The guest
 * boots with the first of them.
 */
extern pfn_t physmem_frames, physmem_boot_frames;
/*
 * Gives frames back to the host; they read as zeros afterwards. Blocks on the host a little: no
 * spinlock held. 0 or -errno.
 */
int physmem_release(pfn_t pfn, u64 n);
/*
 * In an instance that was restored from a state: gives frames that are still in the state's file
 * memory of their own, with their content. To be called before the host is asked to write to them
 * in the background; pmap does so before it maps them. Elsewhere it costs one look. Blocks on the
 * host a little. 0 or -errno.
 */
int physmem_take(pfn_t pfn, u64 n);
/*
 * Each frame that is taken alone costs the host two maps. physmem_in_pieces() names the work that
 * is queued when there are many. It leads, with the machine stopped and no request under way in the
 * host, to calls of physmem_merge() until that returns 0 (enough) or -errno, and then to
 * physmem_merged(). physmem_wait_for_merge() sleeps while there are far too many.
 */
struct work;
void physmem_in_pieces(struct work *w);
int physmem_merge(void);
void physmem_merged(void);
void physmem_wait_for_merge(void);
/*
 * Has the host back @n frames, 2 MiB, with one large page; @pfn is a multiple of @n. What is in
 * them stays, a frame that it did not back reads as zeros. Blocks on the host. 0 or -errno:
 * -EOPNOTSUPP    never, for no frame: memory is a file (physmem=), or the host knows no such
 *                request
 * others         not now: no room or no time (-ENOMEM, -EAGAIN, -EBUSY), or (-EINVAL) not these
 *                frames, or not as the host is set up now
 */
int physmem_enlarge(pfn_t pfn, u64 n);
/*
 * Finds the first frame in [pfn, end) that the host backs (data true) or does not back (data
 * false); returns @end when there is none.
 */
pfn_t physmem_next(pfn_t pfn, pfn_t end, bool data);
/*
 * Finds out which of the frames [pfn, pfn+n) the host backs: vec[i] is 1 or 0. One that it does not
 * back reads as zeros.
 */
void physmem_backed(pfn_t pfn, u64 n, u8 *vec);
/*
 * Returns the bytes that the host says are available, for /proc/meminfo and the watermarks of
 * give-back.
 */
u64 physmem_host_free(void);

/* ---- other regions of frames, arch/um/machine/region.c ---- */
/*
 * Makes the pages of a host file (@file: an os handle, for reading, owned by the region from now
 * on) frames that can only be read: an image that is mapped directly, a snapshot. They are mapped
 * here at pfn_to_virt() and can be mapped by every space that is made later. @frames: whole pages
 * of the file. Returns the first frame's number, or -errno: -EBUSY when there are spaces already,
 * -ENOSPC when there are no numbers left, -EPERM when the host lets nobody execute from that file.
 * To be called at boot, one at a time.
 */
s64 arch_region_add(int file, u64 frames);
/*
 * Maps, in a process that goes on from a saved state, @file, opened anew, where arch_region_add()
 * had mapped it and returned @first. The caller has made sure that it is the same file. Returns 0
 * or -errno.
 */
int arch_region_again(pfn_t first, int file);

/*
 * ---- for kernel/lib's spinlocks: a vCPU that waits for a lock whose holder lost its host CPU ----
 */
void arch_futex_wait(u32 *word, u32 val, u64 timeout_ns); /* may return early */
void arch_futex_wake(u32 *word, int n);

/*
 * An instruction that may fault on memory whose file was cut (SIGBUS): on a fault at label @from
 * the code goes on at label @to.
 * Inside asm: "1: rep movsb\n2:\n" ARCH_FIXUP("1b", "2b").
 */
#define ARCH_FIXUP(from, to)                                                                       \
	".pushsection fixups,\"a\"\n.balign 8\n.quad " from ", " to "\n.popsection\n"

/* Reads the host's monotonic clock, which moves on whatever the guest's does. */
u64 arch_host_ns(void);

/* ---- randomness, power ---- */
void arch_random(void *buf, size_t n); /* the host's getrandom */
/* Writes to the host's stderr: refusals, the reason of a panic. */
void arch_early_write(const char *s, size_t n);
const char *arch_strerror(int err);         /* an errno in words, for refusals */
void arch_power_off(int status) __noreturn; /* flush is the caller's job */
/* Notes that data of the guest is lost: the process ends with OS_EXIT_LOST instead of 0. */
void arch_note_lost(void);
void arch_reboot(void) __noreturn;

/* ---- boot parameters ---- */
/*
 * A parameter of the command line: PARAM("loglevel=", fn). fn gets the text behind the prefix and
 * returns 0, or -errno after it has called refuse_param(). Prefixes that end in '=' match
 * "name=...", others match the whole word. A driver's prefix with a number ("ubd", "con") is
 * PARAM_DEV("ubd", fn): fn gets everything after the prefix ("0r=..."). Collected by a linker
 * section.
 */
struct boot_param {
	const char *prefix;
	int (*set)(const char *value);
	const char *help; /* the line of --help, or NULL */
	bool device;
};
#define PARAM_NAMED(id, pfx, fn, dev, text)                                                        \
	static const struct boot_param boot_param_##id __used                                      \
		__attribute__((section("boot_params"), aligned(8))) = { pfx, fn, text, dev }
#define PARAM_X(id, pfx, fn, text) PARAM_NAMED(id, pfx, fn, false, text)
#define PARAM(pfx, fn, text) PARAM_X(fn, pfx, fn, text)
#define PARAM_DEV(pfx, fn, text) PARAM_NAMED(fn, pfx, fn, true, text)

extern const char *boot_command_line; /* for /proc/cmdline */

/*
 * Unknown parameters, for init: words, and NAME=VALUE. Both end with NULL; the strings live
 * forever.
 */
#define BOOT_MAX_INIT 32
extern const char *boot_init_args[BOOT_MAX_INIT + 1], *boot_init_env[BOOT_MAX_INIT + 1];

/*
 * Maps the archive of initrd= read-only from the host's file; returns NULL when none was given.
 * Refuses what cannot be opened.
 */
const void *arch_initrd(size_t *size);
void arch_initrd_free(void);

/*
 * Functions that boot runs, in the order of their level, on vCPU 0's first kernel thread (may
 * sleep): 1 core tables and slabs, 2 subsystems (vfs, block, tty), 3 file systems, 4 drivers, 5
 * late (needs everything). A non-zero return is a panic that names the function.
 */
struct initcall {
	int (*fn)(void);
	const char *name;
	int level;
};
#define INITCALL(lvl, f)                                                                           \
	static const struct initcall initcall_##f __used                                           \
		__attribute__((section("initcalls"), aligned(8))) = { f, #f, lvl }

/*
 * ---- page tables as the guest sees them, host mappings as their cache: arch/um/machine/pmap.h
 * ----
 */
/* ---- guest memory access: arch/um/machine/uaccess.h ---- */

/* ---- what stands on the kernel: arch/um/entry fills the table ---- */

struct ksignal;
struct arch_entry_ops {
	/* Has a task that began in the kernel go to guest code: process 1, a fork's child. */
	void (*return_to_user)(void) __noreturn;
	/* Builds the frame of a signal: 0 or -EFAULT. */
	int (*setup_frame)(struct ksignal *ks, struct regs *regs, u64 sigmask);
	/*
	 * Restores what a signal's frame holds. 0, or -EFAULT for a bad frame. Where orig_rax says
	 * that this is a call no more, the registers and *sigmask have been taken, though with an
	 * error nothing else has.
	 */
	int (*sigreturn)(struct regs *regs, u64 *sigmask);
	/*
	 * Maps the vDSO into current->mm during exec; *base becomes its address, for
	 * AT_SYSINFO_EHDR.
	 */
	int (*map_vdso)(struct mm *mm, u64 *base);
	/*
	 * Offers that current's guest code takes, without a call, what io_getevents() of this ring
	 * (its address and bytes) could answer at once: from now on, while it is the only thread of
	 * its mm and its calls are not watched. The offer ends whenever it is in doubt.
	 */
	void (*ring_offer)(u64 ring, u64 size);
	/* Has guests forget the keys that they made for random bytes (the vDSO's getrandom). */
	void (*random_renew)(void);
	void (*clock_skipped)(void); /* this vCPU's clock has jumped */
	/* Gives the vDSO the offsets between clocks, which have changed. */
	void (*clock_changed)(void);
	/* Lets other tasks take this vCPU's space, as it has nothing to run. */
	void (*before_idle)(void);
	/* This process goes on from a saved state: makes the zygote, the clocks, the signals. */
	void (*restored)(void);
};
extern const struct arch_entry_ops arch_entry;

/* Values for the auxiliary vector (kernel/task/exec/exec.c). */
/* Returns the value of AT_HWCAP, AT_HWCAP2 or AT_MINSIGSTKSZ; 0 where it is unknown. */
u64 arch_auxv(u32 type);
/*
 * Writes the host CPU's text for /proc/cpuinfo and lscpu: model name, flags, mhz. Returns the bytes
 * written.
 */
int arch_cpuinfo(int cpu, char *buf, size_t size);
/* rdtsc of guests comes to the kernel; constant after boot, as is the next */
extern bool arch_tsc_traps;
/* rdtsc can be made to come here: that of threads with no_tsc does */
extern bool arch_tsc_may_trap;
/*
 * Gives the live part [*sp, *end) of kernel stack number @i: empty when it is unused, all of it
 * when its task runs elsewhere. 0, or -ENOENT: there are no more.
 */
int arch_kstack_live(u64 i, u64 *sp, u64 *end);
bool arch_has_vsyscall(void); /* may guests call the vsyscall page? */
/* Names how calls are intercepted, with "patched" after it, for /proc/nestling/mode. */
const char *arch_mode_name(void);
int arch_handoff_stats(char *buf, size_t size); /* /proc/nestling/handoff; bytes */
/*
 * /proc/nestling/hostcalls (doors.c). arch_host_call_line() writes line i, "CALLS KIND\n"; it
 * returns 0 when there are none of this kind, -1 past the last.
 */
void arch_count_host_calls(bool on);
void arch_reset_host_calls(void);
int arch_host_call_line(int i, char *buf, size_t size);
void arch_dump_stack(void);

#endif
