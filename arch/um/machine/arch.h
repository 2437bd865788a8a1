/* SPDX-License-Identifier: MIT */
/*
 * arch.h: the interface of the machine that the kernel runs on. The table arch_entry, near the end,
 * has the functions of arch/um/entry.
 *
 * A vCPU is a host thread. The kernel code of each task runs on the task's own kernel stack;
 * current is found from the stack pointer (layout.h). Interrupts are taken at boundaries only (Law
 * 3): irq_poll() runs their handlers.
 *
 * "May sleep" means in our scheduler. "Blocks on the host" means that the vCPU waits in a call of
 * the host, so the caller holds no spinlock. Times are ns.
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
	u64 host_sp; /* host stack of the vCPU, for doors */
	u64 magic;   /* KSTACK_MAGIC while the stack is in use */
	/* the last code location reached (MODE=cover) */
	u64 cover;
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
	/* guest registers while in the kernel */
	struct regs regs;
	struct fpu fpu; /* see regs.h */
	/* saved kernel stack pointer while not running */
	u64 ksp;
	void *kstack; /* the stack's block (KSTACK_BASE window) */
	/* trap number, error code and address of the last synchronous trap, for signal frames */
	u64 trapno, error, cr2;
	/*
	 * Number of frames of signal handlers that return into the host's vdso. A frame that a
	 * handler has left by longjmp() is counted until the next exec.
	 */
	u32 vdso_frames;
	/* the vCPU whose runner last held the live FPU state */
	int fpu_cpu;
	struct answers answers;
	/* value of skas_answers_now() when @answers were last filled in; 0: never */
	u64 answers_at;
	/* ktime_get() of the first and the last failed try in a row to get a host process, in ns */
	u64 scarce_since, scarce_last;
	/* user_time() (ns) at scarce_since */
	u64 scarce_user;
	/* I/O ports that the thread may use (arch/um/entry/ioport.c); NULL: none */
	struct io_bitmap *ports;
	u8 iopl; /* iopl(2)'s level */
};

/*
 * Patched call sites (arch/um/patch/patch.c).
 *
 * arch_patch_forget() unpatches the range, so that its code runs as written from then on. It is
 * called before or after the code in the range, or its frames, change. May sleep. The caller holds
 * mmap_lock or i_mmap_sem, so that the areas stay. arch_patch_fork() gives a new mm copies of the
 * sites and arenas, and returns 0 or -ENOMEM; the caller holds old's mmap_lock.
 */
void arch_patch_forget(struct mm *mm, u64 start, u64 end);
int arch_patch_fork(struct mm *new, struct mm *old);
/* Frees all data of patched sites. Called when the mm has no other user. */
void arch_patch_free(struct mm *mm);
/*
 * A program's own segments (arch/um/machine/ldt.c). arch_ldt_fork() copies them to a new mm and
 * returns 0 or -ENOMEM; it may sleep. arch_ldt_free() frees them when the mm has no other user.
 */
int arch_ldt_fork(struct mm *new, struct mm *old);
void arch_ldt_free(struct mm *mm);
/*
 * True if a signal frame or a tracer may set a thread's cs or ss to @selector. @usual is the
 * selector that all programs have.
 */
bool arch_selector_ok(const struct mm *mm, u64 selector, u64 usual);

/* Gives a new task its kernel stack and FPU area. Returns 0 or -ENOMEM. May sleep. */
int arch_task_alloc(struct task *t);
/*
 * Frees both, and drops the reference to the I/O ports. @t has run for the last time and is not
 * current.
 */
void arch_task_free(struct task *t);
/*
 * Prepares @t so that the first switch to it calls schedule_tail(prev), then fn(arg), on its kernel
 * stack; fn does not return.
 */
void arch_task_start(struct task *t, void (*fn)(void *), void *arg);
/*
 * Gives the child of a fork a copy of the current guest registers and FPU state, with rax 0; it
 * starts in the return path to user mode. @child has arch_task_alloc() behind it and is not
 * published. Returns 0.
 */
int arch_task_fork(struct task *child);
/*
 * Gives current fresh registers with @entry and @sp, except for rax and orig_rax, which it keeps,
 * and the initial FPU state; a live FPU state in a runner is dropped. Exec and exit also call this
 * with (0, 0) before they drop the old mm.
 */
void arch_exec_regs(u64 entry, u64 sp);
/*
 * Withdraws all answers that guest code may take without a call. When it returns, guest code gets
 * no getpid(), gettid(), getppid(), getuid() or similar call answered from older values. Called
 * after such a value of any task has changed, or to make a task that may be running enter the
 * kernel with its calls. Does not sleep.
 */
void arch_answers_revoke(void);
/*
 * As arch_answers_revoke(), for a change of current's own answers only: interrupts no other vCPU.
 */
void arch_answers_forget(void);
/*
 * Saves the FPU state of current, or of a task that does not run, to arch.fpu.area (XSAVE's
 * standard format, xstate_size bytes). The caller may change it there. Values that the CPU would
 * refuse are corrected before the state is loaded again. For ptrace and core dumps. Blocks on the
 * host.
 */
void arch_fpu_sync(struct task *t);
/* Returns the mask of XSAVE components that guests have, or 0 without XSAVE. */
u64 arch_xfeatures(void);
/*
 * Switches stacks; returns when @prev runs again, with the task that ran before it on this vCPU.
 * Scheduler only.
 */
struct task *arch_switch(struct task *prev, struct task *next);

/* True for an address of the host's vdso, which is mapped in each space. */
bool arch_in_host_vdso(u64 addr);

/* Returns the end of the addresses that guests may map, exclusive. */
u64 arch_task_size(void);

/* ---- interrupts, idling, kicking ---- */

/*
 * Registers a numbered interrupt line. Back ends raise it with os_irq_raise(irq) from any host
 * thread; the handler runs at a boundary on some vCPU, never on two at a time, with no lock held,
 * and may not sleep. Returns the line's number, or -ENOSPC. @name and @arg stay valid until
 * irq_unregister(), which sleeps until the handler has finished.
 */
int irq_register(const char *name, void (*handler)(void *arg), void *arg);
void irq_unregister(int irq);
/*
 * For /proc/interrupts: how often the handler has run, and the name, or NULL without such a line.
 */
u64 irq_count(int irq);
const char *irq_name(int irq);
/* Runs pending handlers and expired timers. Called at every boundary. */
void irq_poll(void);
/* True if a line is pending that no other vCPU handles now. */
bool irq_pending(void);

/*
 * ---- stopping the machine (stop.c) ----
 *
 * Called on vCPU 0, as are the functions of the next sections, by one task at a time
 * (kernel/state/state.c).
 */
/*
 * Blocks on the host until every vCPU but the first waits at a boundary. Returns 0; or -EBUSY, with
 * the machine running on, if a vCPU does not come to a boundary within 10 s. After 0, until
 * machine_go(), the caller may not sleep or reschedule, and may take a mutex only by trylock.
 */
int machine_stop(void);
/* Ends the stop: all vCPUs run on. */
void machine_go(void);
/*
 * In a process that continues from a saved state: starts the host threads of the other vCPUs, which
 * wait until machine_wake(). Returns 0 or -errno.
 */
int machine_wake_begin(void);
/* Lets the vCPUs run that machine_wake_begin() has started. */
void machine_wake(void);
/* As machine_go(), in a process whose machine was put back in place. */
void machine_go_back(void);
/* number of the present stop; 0: the machine runs */
extern u32 machine_stopping;
/* stack pointer at which each vCPU waits, for arch_unpark() */
extern u64 machine_sp[];
/* Waits until the stop has ended, unless called on vCPU 0. Only machine_stop_poll() calls it. */
void machine_stop_here(void);
/*
 * ---- saving a state (save.c) ----
 *
 * save.c gives the order of the calls. Functions with @why, a buffer of @size bytes, write a line
 * with the reason to it, with a NUL, when they return -errno other than -EAGAIN and -EINPROGRESS.
 */
/* Results of machine_save() and machine_mark() beside 0 and -errno. */
#define MACHINE_GOES_ON 1
#define MACHINE_PUT_BACK 2
/* Returns the reason why this instance cannot be saved, or NULL. */
const char *machine_save_obstacle(void);
/* Begins a save; the calls below may be repeated until they succeed. */
void machine_save_reset(void);
/* Allocates the lists, which machine_save_end() frees. Returns 0 or -ENOMEM. */
int machine_save_begin(void);
/*
 * Prepares the files of the state in @dir while the machine runs. Returns 0 or -errno.
 * -EINPROGRESS: a host thread is still at work, and the caller calls again.
 */
int machine_save_prepare(const char *dir, char *why, size_t size);
void machine_save_end(void);
/*
 * Fetches state that only the spaces have; the machine is stopped. Returns 0 or -errno. -EAGAIN: a
 * sleeping task is in the middle of an operation that cannot be saved, and the machine has to run
 * on for a moment; @why may name the task.
 */
int machine_save_settle(char *why, size_t size);
/*
 * True if most of a large memory can be written before the stop. Valid after
 * machine_save_prepare().
 */
bool machine_save_wants_early(void);
/*
 * Takes all mappings from the spaces, in a short stop. Returns 0 or -errno, -EAGAIN as
 * machine_save_settle() does.
 */
int machine_save_early_begin(char *why, size_t size);
/* Writes memory while the machine runs. Returns as machine_save_prepare() does. */
s64 machine_save_early(char *why, size_t size);
/* Receives the events that the host has ready, with the machine stopped. Blocks on the host. */
void machine_look_for_events(void);
void machine_pause(u64 ns); /* blocks on the host for @ns */
/*
 * Writes the state with the machine stopped. Returns 0 or -errno, -EAGAIN if so many kernel stacks
 * were made since machine_save_begin() that its lists are too small; MACHINE_GOES_ON in the process
 * that continues from the state; MACHINE_PUT_BACK in this process, each time that it was put back
 * to the state (machine_mark_saved()).
 */
s64 machine_save(const char *dir, char *why, size_t size);
/*
 * Completes the file when the machine runs again. Returns its size in bytes, or -errno;
 * -EINPROGRESS: the caller calls again.
 */
s64 machine_save_sync(char *why, size_t size);
/* Abandons the save after one of these functions has failed. */
void machine_save_drop(void);
/*
 * ---- going back to a mark in place, without exec (save.c, os-linux/state/put_back.c) ----
 *
 * The mark is a state to which the machine can return. Unless their comment says otherwise, the
 * functions are called in a stop.
 */
/*
 * Allocates memory for the mark while the machine runs; machine_save_end() frees it. Returns 0 or
 * -ENOMEM.
 */
int machine_mark_begin(void);
/*
 * Records the state that machine_put_back() restores. Returns 0; or -errno with a line in @why,
 * -EAGAIN for the reasons of machine_save_settle() and machine_save(). Returns MACHINE_GOES_ON each
 * time that the machine was put back: it is then stopped, and machine_go_back() starts it.
 */
s64 machine_mark(char *why, size_t size);
/*
 * Gives all spaces back to the pool. The space of @quiet, an mm whose tasks all sleep in calls that
 * do not change it, keeps its mappings, and so does the space of each mm whose tasks all sleep
 * interruptibly. Returns 0, -EAGAIN for the reason of machine_save_settle(), or -EINVAL without a
 * mark. After 0 machine_put_back() or machine_put_back_undo() follows.
 */
int machine_put_back_begin(const struct mm *quiet);
/* Restores the mark. The machine continues in machine_mark() or another function that marked it. */
void machine_put_back(void) __noreturn;
/* Undoes machine_put_back_begin(), so that the machine can run on. */
void machine_put_back_undo(void);
/* Removes the mark of machine_mark(). */
void machine_unmark(void);
/*
 * Marks a machine that exec has put back to a state, before machine_wake(), so that it can return
 * to that state in place. Returns as machine_mark(); an error is harmless.
 */
s64 machine_mark_restored(void);
/*
 * Makes the state of a successful machine_save() the mark, in the stop of that save. Returns false
 * if that is not possible.
 */
bool machine_mark_saved(void);
/*
 * True if machine_put_back() would restore the state saved in @dir quickly. Callable outside stops.
 */
bool machine_can_go_back(const char *dir);
/*
 * Removes a mark of machine_mark_restored() or machine_mark_saved(), if there is one. Callable
 * outside stops.
 */
void machine_unmark_states(void);
/*
 * Called in a process that continues from a saved state, in this order, with arch_entry.restored()
 * between the two.
 */
void machine_restored(void);
void machine_read_parameters(void);
/*
 * True if the state is a template (fresh=), from which the instance is to look newly booted. Then
 * *@gap is the ns of real time since the save.
 */
bool machine_is_fresh(u64 *gap);
/* True if the instance is to wait for a client of the management console (hold=console). */
bool machine_waits(void);
/*
 * Called before and after that wait, between machine_wake_begin() and machine_wake(). The first
 * reports the wait to the starter (ready=); the second sets the monotonic clocks back to the first
 * call. No guest code may run in between.
 */
void machine_wait_begin(void);
void machine_wait_end(void);
/* Called when no step can fail any more. From now on standard error belongs to the instance. */
void machine_runs(void);
/*
 * Returns the folder of the state from which this process continues, or NULL if the instance has
 * booted.
 */
const char *machine_restored_from(void);

/*
 * Applies jail=, before the first instruction of the guest (jail.c). Ends the process with refuse()
 * if the host cannot do what the parameters require.
 */
void arch_jail(void);
/*
 * True if the instance is a copy in which programs may still recognise the saved machine: it has
 * not moved to another host, and does not look newly booted.
 */
bool machine_is_copy(void);
/*
 * Number of times that this guest has become a new machine beside the saved one. Secrets and names
 * made for a lower number are made again.
 */
extern u32 machine_boot;
/* Returns 0 if the host's folder @dir seems to hold a state, or -errno. Blocks on the host. */
int machine_save_readable(const char *dir);
/* Ends this machine and continues from the state in @dir, in this process. */
void machine_roll_back(const char *dir) __noreturn;

static inline void machine_stop_poll(void)
{
	if (unlikely(__atomic_load_n(&machine_stopping, __ATOMIC_RELAXED)))
		machine_stop_here();
}

/*
 * Blocks on the host until an interrupt, a kick or @deadline (of ktime_get(); ~0: none), perhaps
 * for a shorter time. Called by the idle task only.
 */
void arch_idle(u64 deadline);
/* Makes vCPU @cpu come to a boundary soon, unless it is the calling vCPU. Never blocks. */
void arch_kick_cpu(int cpu);
/*
 * True if fair tasks that wait for vCPU @cpu must not move to vCPU @to, or to an idle one (-1),
 * because all of them would run slower there. Runqueue locks may be held.
 */
bool arch_tasks_share(int cpu, int to);

/* ---- time: nanoseconds ---- */
u64 ktime_get(void);      /* CLOCK_MONOTONIC as the guest sees it */
u64 ktime_get_real(void); /* CLOCK_REALTIME */
u64 ktime_get_tai(void);
u64 ktime_get_boottime(void);
/* CLOCK_MONOTONIC_COARSE and CLOCK_REALTIME_COARSE, with the values that the vDSO shows */
u64 ktime_get_coarse(void);
u64 ktime_get_real_coarse(void);
u64 ktime_get_raw(void); /* CLOCK_MONOTONIC_RAW */
/*
 * True if the clocks skip while the machine is idle (timetravel.h). Then no request may be in
 * progress on the host.
 */
extern bool time_travels;
/* Moves CLOCK_REALTIME by @add_ns (negative: back), for clock_settime(2) and adjtimex(2). */
void arch_set_realtime_offset(s64 add_ns);
void arch_set_tai_offset(s64 ns); /* adjtimex(2): TAI - real time */
/*
 * Reads a fast monotonic clock for accounting (cpuclock.c), which may be ahead of ktime_get(). Any
 * lock may be held.
 */
u64 arch_cpu_clock(void);
/*
 * Returns the ns of CPU time that the host has taken from @cpu since the last call. The lock of its
 * runqueue is held.
 */
u64 arch_cpu_stolen(int cpu);
/*
 * Records that the thread of vCPU @cpu slept in the host for @ns (skas/trial.h). Called by that
 * thread.
 */
void arch_cpu_waited_for_disk(int cpu, u64 ns);
/* Reads a clock that may be compared only with earlier readings by this vCPU. */
u64 arch_cpu_clock_local(void);

/* ---- physmem (region 0), arch/um/machine/physmem.c ---- */
/*
 * Numbers of frames of region 0, all mapped: frame pfn is at KERNEL_MAP_BASE + pfn * PAGE_SIZE. The
 * guest boots with the first physmem_boot_frames of them. Below, @n counts frames from @pfn on.
 */
extern pfn_t physmem_frames, physmem_boot_frames;
/*
 * Gives frames back to the host; they read as zeros afterwards. Blocks on the host briefly. Returns
 * 0 or -errno.
 */
int physmem_release(pfn_t pfn, u64 n);
/*
 * Gives frames that are still in the state's file memory of their own with the same content. Needed
 * only in a restored instance, before the host writes to the frames in the background; pmap does it
 * before it maps them. Without a state's file it costs one test. Blocks on the host briefly.
 * Returns 0 or -errno.
 */
int physmem_take(pfn_t pfn, u64 n);
struct work;
/*
 * Sets the work that is queued when region 0 consists of many host maps (VMAs): each frame that is
 * taken alone costs two.
 */
void physmem_in_pieces(struct work *w);
/*
 * Merges some maps, for that work, with the machine stopped and no request in progress on the host.
 * Returns 0 if no more have to be merged, the number of maps if the work is to call again, or
 * -errno.
 */
int physmem_merge(void);
/* Called by the work when it ends. Wakes up the tasks in physmem_wait_for_merge(). */
void physmem_merged(void);
/* Sleeps while the work has yet to merge and there are far too many maps. */
void physmem_wait_for_merge(void);
/*
 * Makes the host back @n frames, 2 MiB, with one large page; @pfn is a multiple of @n. Their
 * content stays; a frame that was not backed reads as zeros. Blocks on the host. Returns 0 or
 * -errno. -EOPNOTSUPP: it is never possible, since memory is a file (physmem=) or the host lacks
 * this request. -EINVAL: it is not possible for these frames, or with the host's present settings.
 * -ENOMEM, -EAGAIN, -EBUSY: the host lacks memory or time now.
 */
int physmem_enlarge(pfn_t pfn, u64 n);
/*
 * Finds the first frame in [pfn, end) that the host backs (data true) or does not back (data
 * false); returns @end if there is none. If the host cannot report it, all frames count as backed.
 */
pfn_t physmem_next(pfn_t pfn, pfn_t end, bool data);
/*
 * Reports which of the frames [pfn, pfn+n) the host backs: vec[i] is 1 or 0. A frame that is not
 * backed reads as zeros. With physmem=, all frames count as backed.
 */
void physmem_backed(pfn_t pfn, u64 n, u8 *vec);
/*
 * Returns the bytes that the host reports as available, for /proc/meminfo and the watermarks of
 * give-back.
 */
u64 physmem_host_free(void);

/* ---- other regions of frames, arch/um/machine/region.c ---- */
/*
 * Makes the pages of a host file read-only frames, for an image that is mapped directly or a
 * snapshot. @file is an os handle for reading, which the region owns from now on; @frames is the
 * number of whole pages. On failure the caller still owns @file. The frames are mapped in the
 * kernel at pfn_to_virt(), and every space that is made later can map them. Returns the first
 * frame's number, or -errno: -EBUSY if there are spaces already, -ENOSPC if there are no numbers
 * left, -EPERM if the host forbids execution from the file. Called at boot only, without
 * concurrency.
 */
s64 arch_region_add(int file, u64 frames);
/*
 * Called in a process that continues from a saved state. Maps @file, opened again, where
 * arch_region_add() had mapped it and returned @first. The caller has verified that it is the
 * region's file. Returns 0 or -errno.
 */
int arch_region_again(pfn_t first, int file);

/* ---- for kernel/lib's spinlocks: a vCPU waits for a holder that lost its host CPU ---- */
/* Blocks the vCPU while *word == val, for at most @timeout_ns from now; may return early. */
void arch_futex_wait(u32 *word, u32 val, u64 timeout_ns);
void arch_futex_wake(u32 *word, int n); /* wakes at most @n */

/*
 * Protects an instruction that may fault (SIGBUS) on memory whose file was truncated: after a fault
 * at label @from execution continues at label @to. Inside asm: "1: rep movsb\n2:\n"
 * ARCH_FIXUP("1b", "2b").
 */
#define ARCH_FIXUP(from, to)                                                                       \
	".pushsection fixups,\"a\"\n.balign 8\n.quad " from ", " to "\n.popsection\n"

/* Reads the host's monotonic clock, which advances even while the guest's clock stands still. */
u64 arch_host_ns(void);

/* ---- randomness, power ---- */
void arch_random(void *buf, size_t n); /* from the host, or from seed= */
/* Writes to the host's stderr: refusals, the reason for a panic. */
void arch_early_write(const char *s, size_t n);
const char *arch_strerror(int err); /* an errno in words, for refusals */
/* Ends the process with @status. The caller has written the file systems back. */
void arch_power_off(int status) __noreturn;
/* Records that data of the guest is lost: the process ends with OS_EXIT_LOST instead of 0. */
void arch_note_lost(void);
/* As arch_power_off(), but executes the program again, unless noreboot or noreboot= was given. */
void arch_reboot(void) __noreturn;

/* ---- boot parameters ---- */
/*
 * A parameter of the command line: PARAM("loglevel=", fn). fn gets the text behind the prefix,
 * which stays valid for ever at boot, but only during the call in a restored instance. It returns
 * 0; or -errno, with which the argument is refused; or does not return (refuse()). A prefix that
 * ends in '=' matches "name=...", one that ends in '*' matches every word that begins with the
 * rest, any other matches only the whole word. A driver's prefix with a number ("con", "eth") is
 * PARAM_DEV("con", fn): fn gets everything after the prefix ("0=..."). Collected in a linker
 * section.
 */
struct boot_param {
	const char *prefix; /* as PARAM() and PARAM_DEV() got it */
	int (*set)(const char *value);
	const char *help; /* the line of --help, or NULL */
	bool device;      /* true: of PARAM_DEV() */
};
#define PARAM_HELP_MAX 240 /* bytes of a text, with its NUL */
#define PARAM_NAMED(id, pfx, fn, dev, text)                                                        \
	_Static_assert(sizeof(text) <= PARAM_HELP_MAX, "the line of --help has room for it");      \
	static const struct boot_param boot_param_##id __used                                      \
		__attribute__((section("boot_params"), aligned(8))) = { pfx, fn, text, dev }
#define PARAM_X(id, pfx, fn, text) PARAM_NAMED(id, pfx, fn, false, text)
#define PARAM(pfx, fn, text) PARAM_X(fn, pfx, fn, text)
#define PARAM_DEV(pfx, fn, text) PARAM_NAMED(fn, pfx, fn, true, text)

extern const char *boot_command_line; /* for /proc/cmdline */

/*
 * Unknown parameters, for init: words, and NAME=VALUE strings. Both arrays end with NULL; the
 * strings stay valid forever.
 */
#define BOOT_MAX_INIT 32
extern const char *boot_init_args[BOOT_MAX_INIT + 1], *boot_init_env[BOOT_MAX_INIT + 1];

/*
 * Maps the archive of initrd= read-only from the host's file, and sets *size to its bytes. Returns
 * NULL, and *size as it was, without initrd=. Ends the process with refuse() if the file cannot be
 * opened. arch_initrd_free() unmaps it, if it is mapped.
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

/* ---- the guest's page tables: arch/um/machine/pmap.h ---- */
/* ---- guest memory access: arch/um/machine/uaccess.h ---- */

/* ---- functions of arch/um/entry, in a table ---- */

struct ksignal;
struct arch_entry_ops {
	/* Enters guest code in a task that began in the kernel: process 1, or a fork's child. */
	void (*return_to_user)(void) __noreturn;
	/*
	 * Builds the frame of a signal on the guest's stack and points @regs to the handler.
	 * Returns 0 or -EFAULT. May sleep, as sigreturn().
	 */
	int (*setup_frame)(struct ksignal *ks, struct regs *regs, u64 sigmask);
	/*
	 * Restores registers and *sigmask from a signal's frame. Returns 0, or -EFAULT for a bad
	 * frame. If orig_rax is -1 after -EFAULT, the registers and *sigmask were restored
	 * nevertheless, but no other part of the frame.
	 */
	int (*sigreturn)(struct regs *regs, u64 *sigmask);
	/*
	 * Maps the vDSO into current->mm during exec; *base becomes its address, for
	 * AT_SYSINFO_EHDR. Returns 0 or -errno.
	 */
	int (*map_vdso)(struct mm *mm, u64 *base);
	/*
	 * Allows current's guest code to take events from the ring at guest address @ring (@size
	 * bytes) without entering the kernel, if io_getevents() could return them at once. The
	 * offer holds while the task is the only thread of its mm and its calls are not traced or
	 * filtered. It may end at any time. May sleep.
	 */
	void (*ring_offer)(u64 ring, u64 size);
	/* Makes guests forget the keys for random bytes (the vDSO's getrandom). */
	void (*random_renew)(void);
	/*
	 * Makes this vCPU poll for events and compare its clocks with the host's at the next
	 * boundary, since the clocks have skipped ahead (time_skip()).
	 */
	void (*clock_skipped)(void);
	/* Writes the offsets between clocks, which have changed, into the vDSO's page. */
	void (*clock_changed)(void);
	/* Called before this vCPU goes idle: lets other tasks take this vCPU's space. */
	void (*before_idle)(void);
	/*
	 * Prepares a process that continues from a saved state: makes the zygote, the clocks, the
	 * signals.
	 */
	void (*restored)(void);
};
extern const struct arch_entry_ops arch_entry;

/* Values for the auxiliary vector (kernel/task/exec/exec.c). */
/* Returns the value of AT_HWCAP, AT_HWCAP2 or AT_MINSIGSTKSZ; 0 where it is unknown. */
u64 arch_auxv(u32 type);
/*
 * Writes the host CPU's text for /proc/cpuinfo and lscpu: model name, flags, mhz, cut to @size.
 * Returns the bytes written, without the NUL.
 */
int arch_cpuinfo(int cpu, char *buf, size_t size);
/* True if rdtsc of guests traps to the kernel; constant after boot. */
extern bool arch_tsc_traps;
/* True if rdtsc can be made to trap, as it does for threads with no_tsc; constant after boot. */
extern bool arch_tsc_may_trap;
/*
 * Finds the live part [*sp, *end) of kernel stack number @i: empty if the stack is unused, all of
 * it if its task runs on another vCPU. Returns 0, or -ENOENT past the last stack. Takes a spinlock;
 * the result may be stale at once.
 */
int arch_kstack_live(u64 i, u64 *sp, u64 *end);
/* true: guests may call the vsyscall page */
bool arch_has_vsyscall(void);
/*
 * Returns the name of the interception method, for /proc/nestling/mode; "patched" follows it if
 * call sites may be patched.
 */
const char *arch_mode_name(void);
/* Writes the text of /proc/nestling/handoff, cut to @size, and returns its length. */
int arch_handoff_stats(char *buf, size_t size);
/*
 * Host calls for /proc/nestling/hostcalls (doors.c). arch_host_call_line() writes line @i, "CALLS
 * DOOR\n", and returns its length, 0 if that door was not called, or -1 past the last line.
 */
void arch_count_host_calls(bool on);
void arch_reset_host_calls(void);
int arch_host_call_line(int i, char *buf, size_t size);
void arch_dump_stack(void); /* logs current's back-trace and locks */

#endif
