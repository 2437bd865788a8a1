/* SPDX-License-Identifier: MIT */
/*
 * os.h: the kernel world's interface to the host. os-linux/ is the only code that makes host system
 * calls.
 *
 * - Every function may be called from the kernel world (through its generated door, on the vCPU's
 *   host stack) and from the host world. Functions for host-world files (drivers/X/X_host.c) only
 *   are in host.h.
 * - An int or long result is >= 0 (0 if the comment names no value) or -errno. Interrupted host
 *   calls are repeated.
 * - "Blocks" means that the host thread waits. No function sleeps in the guest's scheduler.
 * - Strings end with a NUL. Ranges of memory (@addr, @len, and offsets in memory files) are bytes,
 *   in whole host pages of 4096.
 * - A handle is a small integer, an index into os-linux's own table and never a host fd. It stays
 *   valid over a snapshot, because its owner opens it again.
 * - Times are nanoseconds. A deadline is on os_clock_mono()'s scale; OS_FOREVER means no deadline.
 * - No function of os.h calls up into the kernel world, with two exceptions: os_vcpu_start() enters
 *   it at an address that the kernel world gave, and a synchronous fault resumes at such an address
 *   (os_fault_setup()).
 * - This header uses <stdint.h> only, so that both worlds can include it.
 */
#ifndef NESTLING_OS_H
#define NESTLING_OS_H

#include <stddef.h>
#include <stdint.h>

#define OS_FOREVER (~(uint64_t)0)
#define OS_MAX_CPUS 64
#define OS_MAX_IRQS 256

/* ---- files ---- */

#define OS_READ 1
#define OS_WRITE 2
#define OS_CREATE 4 /* makes a missing file, mode 0600 */
#define OS_TRUNC 8
#define OS_EXCL 16
#define OS_APPEND 32

/*
 * Opens a regular file or a block device of the host and returns a handle > 0, or -errno: -EISDIR
 * for a folder, -EINVAL for a file of another kind, -EMFILE without a free handle. @flags: OS_READ
 * to OS_APPEND. Blocks.
 */
int os_file_open(const char *path, unsigned flags);
/*
 * Also closes handles of memory files. No other thread may use @file any more. Ignores a free
 * handle.
 */
void os_file_close(int file);
/*
 * Transfer all @n bytes unless the file ends before. Return the bytes done, fewer than @n only at
 * the end of a file that is read; or -errno, even if a part was transferred. Both block.
 */
long os_file_pread(int file, void *buf, size_t n, uint64_t off);
long os_file_pwrite(int file, const void *buf, size_t n, uint64_t off);
/* Returns the size in bytes, also of a block device, or -errno. */
int64_t os_file_size(int file);
/* Writes the file's data to the host's disk (fdatasync). Blocks. */
int os_file_sync(int file);
/* Returns the text of an errno (positive or negative) for an error message, in static storage. */
const char *os_strerror(int err);

/* ---- reasons for a host's refusal (why.c) ---- */
/*
 * Records for os_why() that the host has refused @call with @err, an errno > 0. @call must stay
 * valid. Returns -@err.
 */
int os_refused(const char *call, int err);
/*
 * Returns a text with the thread's last refused call, if known, the error @err (negative), and the
 * cause as far as it can be read: limits, sysctls, filters. Valid until the thread's next call.
 */
const char *os_why(int err);
/*
 * Writes which limit on processes was reached, cut to @size: "pids.max of the control group /a is
 * 12".
 */
void os_why_no_tasks(char *buf, size_t size);

/* ---- memory ---- */

/* Makes a sparse memory file of @size bytes (a memfd). Returns a handle or -errno. */
int os_mem_create(const char *name, uint64_t size);
/*
 * Opens the regular file at @path as memory of @size bytes: creates it if absent, allocates it
 * whole (-ENOSPC), and sets its size. Its content stays. Returns a handle, or -errno: -EINVAL for a
 * file of another kind. Blocks.
 */
int os_mem_open(const char *path, uint64_t size);

#define OS_PROT_READ 1
#define OS_PROT_WRITE 2
#define OS_PROT_EXEC 4
/* replaces existing mappings; without this flag they cause -EEXIST */
#define OS_MAP_REPLACE 1
#define OS_MAP_POPULATE 2

/*
 * Maps [off, off+len) of @file shared at @addr. @file -1 maps anonymous private memory without
 * reservation of swap (MAP_NORESERVE); with @prot 0 (no OS_PROT_*) that reserves the address range.
 * @flags: OS_MAP_*.
 */
int os_mem_map(void *addr, size_t len, int prot, int file, uint64_t off, unsigned flags);
/*
 * Unmap a range, or set its rights to @prot (OS_PROT_*). For parts without a mapping,
 * os_mem_protect() returns -ENOMEM; os_mem_unmap() ignores them.
 */
int os_mem_unmap(void *addr, size_t len);
int os_mem_protect(void *addr, size_t len, int prot);
/*
 * Copies [addr, addr+len) into @file at @off, except pages of zeros, and maps the file's range
 * there, shared and writable. So the range of the file must be a hole before. @given: bytes at the
 * start that the program's file has initialised (.data); a later page is zero if it was never
 * written. The caller's kernel stack may lie in the range. Blocks.
 */
int os_mem_adopt(void *addr, size_t len, size_t given, int file, uint64_t off);
/* Gives the blocks of a range back to the host; it reads as zeros afterwards. */
int os_mem_punch(int file, uint64_t off, uint64_t len);
/*
 * Backs [addr, addr+len), aligned parts of a shared mapping of a memory file, with large pages.
 * Returns 0 or -errno:
 * -EOPNOTSUPP    never possible: the host has no large pages, or has no call to ask for them
 * -EINVAL        not possible for this memory in its present state or with the host's settings
 * -ENOMEM, ...   the host lacks memory or time for it now
 */
int os_mem_enlarge(void *addr, size_t len);
/*
 * Return the first offset >= @off that has data, or the first that is in a hole; the file's size if
 * there is none; or -errno.
 */
int64_t os_mem_next_data(int file, uint64_t off);
int64_t os_mem_next_hole(int file, uint64_t off);

/*
 * Sets vec[i] to 1 if the host backs page i of [addr, addr+len), a shared mapping of a memory file,
 * or to 0. A page without backing reads as zeros. @vec has a byte for each page.
 */
int os_mem_incore(void *addr, size_t len, unsigned char *vec);
/*
 * True if the host shows the page table of a process, and a resident page of a mapped file enters
 * that table at the process's first access and not earlier.
 */
int os_mem_reports_touched(void);

struct os_mem_info {
	/* bytes; free: what the host reports as available */
	uint64_t host_total, host_free;
	uint64_t max_maps; /* vm.max_map_count */
};
/* Returns 0, or -ENOENT if the host does not report how much memory it has. */
int os_mem_info(struct os_mem_info *info);

/* ---- time, randomness ---- */
/* The host's CLOCK_MONOTONIC, CLOCK_REALTIME and CLOCK_BOOTTIME, plus the shifts below. */
uint64_t os_clock_mono(void);
uint64_t os_clock_real(void);
uint64_t os_clock_boot(void);
/*
 * Return monotonic and real time as of the host's last tick, and monotonic time without NTP's
 * corrections.
 */
uint64_t os_clock_mono_coarse(void);
uint64_t os_clock_real_coarse(void);
uint64_t os_clock_raw(void);
/* Blocks the host thread until @deadline. Returns 0. */
int os_sleep_until(uint64_t deadline);
/*
 * ns that are added to the host's clocks, modulo 2^64, so that the clocks above continue from where
 * a save stopped them (state/save.c). All are 0 in an instance that has booted. Real time is never
 * shifted.
 */
struct os_clock_shifts {
	uint64_t mono, boot, raw;
};
/* Sets *s to the shifts of this process. */
void os_clock_shifts(struct os_clock_shifts *s);
/*
 * os_clock_go_on() sets the monotonic clocks back to their values at os_clock_stand(), so the guest
 * sees no time pass. Boot time is not changed. No guest code may run between the two calls.
 */
void os_clock_stand(void);
void os_clock_go_on(void);
/*
 * Returns the offset of function @name in the host's vdso. -ENOENT if it is missing, or if the
 * host's clock needs system calls.
 */
long os_vdso_function(const char *name);
/*
 * Copies at most @n bytes of the host's vdso from @offset on. Returns how many; 0 if @offset is
 * behind its end or the host has no vdso.
 */
size_t os_vdso_read(uint64_t offset, void *buf, size_t n);
/*
 * Fills the buffer with random bytes; ends the process if the host has none, since no kernel runs
 * without them.
 */
void os_getrandom(void *buf, size_t n);

/* ---- futex ---- */

/*
 * Blocks the host thread while *word == val, until a wake-up or @deadline. Returns 0 (maybe
 * spuriously), -EAGAIN (*word was not @val) or -ETIMEDOUT. The word may lie in memory shared with
 * other processes.
 */
int os_futex_wait(uint32_t *word, uint32_t val, uint64_t deadline);
/* Wakes at most @n sleepers and returns how many. */
int os_futex_wake(uint32_t *word, int n);

/* ---- vCPUs, interrupts, idling ---- */

/*
 * The state of a vCPU that both worlds share. It lies in the arena; the kernel world passes it to
 * os_irq_setup().
 *
 * state   OS_CPU_OFF     has not started
 *         OS_CPU_KERNEL  runs kernel code: it reads the pending mask at its next boundary, so
 *                        nothing is sent
 *         OS_CPU_GUEST   is on its way into, or in, skas_run(): the kicker of os_kicker_set()
 *                        brings it back
 *         OS_CPU_IDLE    is on its way into, or in, os_idle(): os_cpu_kick() wakes it
 * kicked  set by os_cpu_kick(), cleared by the vCPU at a boundary before it looks for work
 *
 * The vCPU writes state, then (full barrier) reads the pending mask and kicked, then enters the
 * guest or sleeps. The thread that raises an interrupt sets the bit, then (full barrier) reads
 * state. So no interrupt is lost.
 *
 * skas_run() reads kicked after it has published which runner it starts, and before it lets that
 * runner run. If kicked is set, it returns EV_KICK.
 */
enum { OS_CPU_OFF, OS_CPU_KERNEL, OS_CPU_GUEST, OS_CPU_IDLE };
struct os_cpu {
	uint32_t state;
	uint32_t kicked;
	uint32_t pad[14];
} __attribute__((aligned(64)));

struct os_irq_page {
	/* set by os_irq_raise(), cleared by irq_poll() */
	uint64_t pending[OS_MAX_IRQS / 64];
	uint64_t pad[4];
	struct os_cpu cpu[OS_MAX_CPUS];
};
/*
 * Makes the event set. Called once, before a vCPU idles. @page stays valid for ever; @ncpus is at
 * most OS_MAX_CPUS.
 */
int os_irq_setup(struct os_irq_page *page, int ncpus);

/*
 * Marks @irq pending and makes a vCPU reach a boundary soon. Does nothing for a number outside [0,
 * OS_MAX_IRQS). Callable from any host thread. Never blocks.
 */
void os_irq_raise(int irq);
/*
 * Makes vCPU @cpu reach a boundary soon. Spurious kicks are allowed. Callable from any host thread.
 * Never blocks.
 */
void os_cpu_kick(int cpu);
/*
 * Blocks until an interrupt, a kick or @deadline, or returns earlier. Called on the thread of vCPU
 * @cpu, which has set its state to OS_CPU_IDLE, then found no work. The first idle vCPU becomes the
 * owner of the event set and waits for events; the others wait on a futex.
 */
void os_idle(int cpu, uint64_t deadline);
/*
 * Polls the event set without sleeping, for a busy vCPU (at most every millisecond or so). If
 * another vCPU idles and the set has no owner, wakes that vCPU to own it. Returns 1 if another vCPU
 * owned the set, else 0.
 */
int os_event_poll(int cpu);

/*
 * os_vcpu_start() starts the host thread of vCPU @cpu, with a stack of 256 KiB and all signals
 * blocked except synchronous faults, SIGPROF and SIGURG. The thread calls entry(arg) in the host
 * world; @entry is the kernel world's assembly that records the host stack and switches to a kernel
 * stack, and does not return. os_vcpu_adopt() makes the calling thread a vCPU (the main thread,
 * vCPU 0).
 */
int os_vcpu_start(int cpu, void (*entry)(void *arg), void *arg);
/*
 * After os_vcpus_hold() new vCPUs wait before they call @entry, until os_vcpus_release(). A restore
 * uses these.
 */
void os_vcpus_hold(void);
void os_vcpus_release(void);
int os_vcpu_adopt(int cpu);
/* Returns how many host CPUs this process may use, at least 1. */
int os_ncpus(void);

/*
 * Synchronous faults (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP) of vCPU threads. A fault whose rip
 * is in @fixups continues at its fixup. Any other fills @frame of that vCPU and continues at
 * @entry, with these registers:
 * rsp  @stack_top of that vCPU, a kernel stack with a valid head
 * rdi  the number of the vCPU
 * rsi  the top of a fresh host stack, for that head
 * A fault in a thread that is no vCPU, or a second fault of one vCPU, ends the process.
 */
struct os_fixup {
	uint64_t from, to; /* rip of the fault, and the new rip */
};
struct os_fault {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t rip, cs, eflags, rsp, ss;
	uint64_t addr, error, trapno;
	int32_t signo, code;
};
struct os_fault_config {
	const struct os_fixup *fixups, *fixups_end;
	void (*entry)(uint64_t cpu, uint64_t host_sp);
	struct os_fault *frame[OS_MAX_CPUS];
	uint64_t stack_top[OS_MAX_CPUS]; /* aligned to 16 */
};
/* Installs the handlers, for all threads. Copies *cfg; what it points to must stay valid. */
int os_fault_setup(const struct os_fault_config *cfg);
/*
 * Guards [addr, addr + len), which maps a file that the host may truncate or fail to read. When an
 * access that has no fixup raises SIGBUS, the page is replaced by zeros, its bit in @lost is set
 * (one bit a page, from bit 0 of byte 0), then *count is incremented. Once *count is 1024, a fault
 * replaces the whole MiB around the page. So a reader of this memory checks *count and the bit
 * after each read. At most 16 guards, for the life of the process. Returns 0 or -ENOSPC. One call
 * at a time.
 */
int os_fault_guard(void *addr, size_t len, uint8_t *lost, uint32_t *count);

/*
 * Sets up the signals to the kernel process, which a host thread of their own receives. SIGTERM,
 * SIGHUP (unless it was ignored at the start), SIGINT, SIGALRM and SIGXCPU raise @shutdown_irq.
 * @grace ns after the first of them the process ends with status 1. A SIGTERM that carries a value
 * (end.h) restarts the period, which is then @grace plus the value's seconds. SIGQUIT ends the
 * process with status 1 at once. SIGTSTP stops and SIGCONT continues everything. Returns 0 or
 * -errno.
 */
int os_signals_setup(int shutdown_irq, uint64_t grace);
int os_end_asked(void); /* true if a signal has asked for the end */
/* Returns the value (end.h) that the last SIGTERM with a value carried, for init, or 0. */
int os_end_value(void);

/* ---- saved states (state/save.c; kernel/state/state.h describes the whole procedure) ---- */

#define OS_STATE_FILES 18
/* A range of addresses: it maps a memory file or (file -1) is reserved without access. */
struct os_state_map {
	uint64_t addr, len; /* bytes */
	int64_t file;       /* an index in os_state.file, or -1 */
	uint64_t off;
};
struct os_state {
	/* handles of the memory files, and their sizes in bytes */
	int file[OS_STATE_FILES];
	uint64_t size[OS_STATE_FILES];
	uint32_t nr_files;
	/* the maps of files into memory, in the order of mapping */
	uint32_t nr_maps;
	const struct os_state_map *map;
	/* a bit for each page of file 0; set if the page's content need not be saved */
	const uint8_t *skip;
	/* where each vCPU continues: stack pointers for arch_unpark() */
	uint32_t ncpus;
	uint64_t sp[OS_MAX_CPUS];
	/* values that must be equal in the restoring process */
	uint64_t stub_base, xfeatures, xstate_size;
	/* results: the bytes written; one line with the cause of a failure */
	uint64_t bytes;
	char why[400];
};
/*
 * Write a new file @dir/memory in steps:
 * - os_state_prepare() is called while the machine runs, until it no longer returns -EINPROGRESS.
 *   @s has the guest's memory as file 0 and map 0, and the maps that are known so far. A thread
 *   opens the files, allocates memory for copies, and brings into the CPU's caches what the stop
 *   will read.
 * - If then os_state_wants_early(), most of a large memory can be written before the stop. The
 *   caller stops the machine, with no request in progress on the host, and lets no guest address
 *   space (os_space.h) map guest memory writable. It calls os_state_early_begin(), and from now on
 *   os_state_note() for ranges of the memory that such a space may write to. os_state_early() is
 *   called while the machine runs, until it no longer returns -EINPROGRESS.
 * - os_state_save() is called while every vCPU but the caller's is stopped. Data that does not fit
 *   into the memory for copies is written at once.
 * - os_state_finish() is called when the machine runs again, until it no longer returns
 *   -EINPROGRESS. A thread writes the rest and closes the file. Syncing it to the disk is left to
 *   the caller.
 * - os_state_drop() is called after a failure of any of them, or to abandon the save. It waits for
 *   a thread that still works for one of them.
 * They return 0 or -errno with @s->why. @dir is a folder of the host. The caller polls what returns
 * -EINPROGRESS, and keeps *@s and what it points to valid until a result is final.
 */
int os_state_prepare(const char *dir, struct os_state *s);
int os_state_wants_early(void);
void os_state_early_begin(void);
int os_state_early(struct os_state *s);
/*
 * @off, @len: bytes in file 0. Any thread. Does nothing except between os_state_early_begin() and
 * the stop of the save.
 */
void os_state_note(uint64_t off, uint64_t len);
int os_state_save(const char *dir, struct os_state *s);
int os_state_finish(struct os_state *s);
void os_state_drop(void);
/*
 * Returning to a mark without exec (put_back.c), while every vCPU but the first is in
 * os_stop_wait():
 * - os_mark() copies what @s describes to host memory, which becomes the base (os_base()). No space
 *   may map the guest's memory during the call. Returns 0, or -errno with @s->why and nothing
 *   changed. If the memory has been copied but cannot be mapped, the process ends with an error
 *   line.
 * - os_put_back(), where os_marked() is true, restores memory and monotonic clocks as of the mark;
 *   the caller continues at @s->sp[0]. If that fails, the process ends with an error line.
 * - os_unmark() drops the mark.
 */
int os_mark(struct os_state *s);
/*
 * Makes the state from which this process continues the mark, before a second vCPU runs. After
 * os_put_back() the caller continues at @sp, and the other vCPUs where the state has them. Returns
 * 0, or -errno (-EINVAL in an instance that has booted or has a mark), and then sets no mark.
 */
int os_mark_restored(uint64_t sp);
/*
 * Makes the state that os_state_save(@s) has written the mark, in the same stop. A later call
 * replaces the mark. Returns 0, or -EBUSY once os_mark() has made a mark, even if that is dropped.
 */
int os_mark_saved(const struct os_state *s);
/*
 * True if os_put_back() would return to the state saved in @dir, and would do it faster than exec.
 * After 1, os_put_back() or os_unmark_states() has to follow.
 */
int os_can_go_back(const char *dir);
/* Removes a mark of os_mark_restored() or os_mark_saved(), if there is one. */
void os_unmark_states(void);
/* True if there is a mark of any kind. */
int os_marked(void);
void os_unmark(void);
void os_put_back(void) __attribute__((noreturn));
/* Returns how many pages the last os_put_back() copied or cleared. */
uint64_t os_put_back_pages(void);
/* Stops of the machine, which vCPU 0 begins and ends. */
/* Begins a stop. Returns its number, which is larger than @after and never 0. */
uint32_t os_stop_begin(uint32_t after);
/*
 * Blocks the calling vCPU until stop @number ends. After os_stop_end_back() it does not return: the
 * vCPU continues where it was at the mark.
 */
void os_stop_wait(uint32_t number);
/*
 * True if all vCPUs but the first are in os_stop_wait() for this stop. *@seen is set for
 * os_stop_await().
 */
int os_stop_all_wait(int ncpus, uint32_t *seen);
/* Blocks until a further vCPU waits, or until @deadline. May return earlier. */
void os_stop_await(uint32_t seen, uint64_t deadline);
/* Ends the stop: the waiting vCPUs return from os_stop_wait(). */
void os_stop_end(void);
/* Ends the stop after os_put_back(): the waiting vCPUs continue where they were at the mark. */
void os_stop_end_back(void);

/* The state that this process continues from. os_restored() returns NULL if it has booted. */
struct os_restored {
	const char *dir;          /* the host's folder of the state */
	int file[OS_STATE_FILES]; /* handles of the memory files */
	uint64_t stub_base, xfeatures, xstate_size;
	/*
	 * 1 if fresh=FD was given, else 0. Then the state is a template, and the instance is to
	 * look freshly booted. Until os_restored_runs(), FD is not used, and standard error gets
	 * only the reason if the state cannot be used.
	 */
	int fresh;
	uint64_t gap; /* ns of real time since the save */
	/* the instance's relation to the saved one */
	enum { OS_IDENTITY_BACK, OS_IDENTITY_MOVED, OS_IDENTITY_NEW } identity;
	/* 1 with hold=console: the instance runs when a client of the console says so; else 0 */
	int waits;
	/* true: the process was another instance before */
	int rolled_back;
	/* parameters that were added for the restore, in the order of the command line */
	int argc;
	char **argv;
};
const struct os_restored *os_restored(void);
/* Tells the starter (ready=) that the instance waits for a client (hold=console). */
void os_restored_waits(void);
/*
 * Called when the instance runs: notifies the starter (ready=), closes files that the previous
 * program left open, and makes the FD of fresh= the standard error.
 */
void os_restored_runs(void);
/*
 * The base: memory of the guest that is still in the file of the state or in the memory of a mark
 * (base.c). Page numbers count from the guest's first page. The functions serialise themselves.
 */
/*
 * Returns a bit for each page, set if the page is in the base; NULL if there is no base. Such a
 * page must be replaced before a space maps it, and before the host gets a request to write to it
 * in the background.
 */
const uint64_t *os_base(void);
/*
 * Gives @n pages from @page on memory of their own, with their content. Returns the approximate
 * number of host maps (VMAs) of the guest's memory, or -errno.
 */
int os_base_take(uint64_t page, uint64_t n);
/*
 * Gives @n pages from @page on, which are not in use, memory of their own that reads as zeros.
 * Returns 0 or -errno.
 */
int os_base_drop(uint64_t page, uint64_t n);
/*
 * Reduces the number of host maps of a block that has many. No other thread may write to the
 * guest's memory meanwhile. Returns as os_base_take(); -ENOENT: there is no such block.
 */
int os_base_merge(void);
/*
 * Executes this program again, as os_restart() does, to continue from the state in the folder @dir.
 * Parameters that place the instance on its host (umid=, consoles, cards, disks) keep their values.
 */
void os_restart_from(const char *dir) __attribute__((noreturn));
/*
 * Replaces such a parameter, for the next process. In a jail the broker does so by itself, since it
 * reads the owner's command, too. Returns 0, -EINVAL for a parameter of another kind, or -ENOMEM.
 */
int os_place(const char *word);

/* ---- the jail (jail/jail.c; docs/security.md) ---- */

/*
 * Closes the jail of jail=on: from now on, this process has only the rights that it needs. With
 * @traces it may trace its children (seccomp=off). Returns 0, or -errno if the process has to end.
 * This function or os_jail_none() is called once, before the guest's first instruction.
 */
int os_jail_close(int traces);
/* Decides that there is no jail. */
void os_jail_none(void);
/*
 * Begins the workers that a restored state has started before the jail was closed, or decided to be
 * absent. Returns 0 or -errno.
 */
int os_workers_release(void);
/*
 * Records, before the jail closes, a parameter that the owner has given. Openers may then be asked
 * for its value.
 */
void os_jail_word(const char *word);
/* Returns why this host cannot jail the process, or NULL. */
const char *os_jail_obstacle(void);
/*
 * True if user= was given and is not ignored (",optional"): the process becomes another user when
 * the jail closes.
 */
int os_jail_has_user(void);
/*
 * Called after the close. Returns the parts of user= that the host has refused, as text, or NULL.
 */
const char *os_jail_user_note(void);
/*
 * Called after the close. Returns what the host has refused of the namespace for hostfs's folders,
 * or NULL.
 */
const char *os_jail_folders_note(void);

/*
 * jail=log: from now on, writes a line when this process makes a call that the table of calls does
 * not admit: one line for each pair of call and address, 4096 at most. Returns 0 or -errno.
 */
int os_jail_log(void);
/*
 * Writes line @n of the table of calls, as `nestling --jail` prints it. Returns 1, or 0 if there is
 * no line @n.
 */
int os_jail_line(unsigned n, char *buf, size_t size);

/* ---- the process ---- */

/* Write all @n bytes to standard error or standard output. Both block; the first ignores errors. */
void os_write_stderr(const char *buf, size_t n);
int os_write_stdout(const char *buf, size_t n);
/*
 * Runs the functions of os_at_exit(), which put terminals back, and ends the process with @status.
 * Callable from any thread; a second caller waits for the end.
 */
void os_exit(int status) __attribute__((noreturn));
/*
 * Records that data of the guest is lost: the process then ends with status OS_EXIT_LOST instead of
 * 0.
 */
#define OS_EXIT_LOST 3
void os_note_lost(void);
/*
 * Ends like os_exit(), but executes this program again with unchanged arguments and pid; under a
 * jail, another process takes the place of this one (jail/again.c). If a signal has asked for the
 * end meanwhile, it does os_exit(1) instead, since after a panic no orderly shutdown is possible.
 */
void os_restart(void) __attribute__((noreturn));
/*
 * Corrects inherited state (inherit.c), ignores SIGPIPE, blocks signals. Ends the process with an
 * error line if that fails. Called once, early.
 */
void os_process_setup(void);

/* ---- the host's CPUs ---- */

struct os_cpuinfo {
	char vendor[16], model_name[64];
	uint32_t family, model, stepping, microcode;
	uint32_t mhz, cache_kb; /* cache_kb in KiB */
	/* the values of AT_HWCAP, AT_HWCAP2 and AT_MINSIGSTKSZ (bytes) */
	uint32_t hwcap, hwcap2, minsigstksz;
	/* flags as /proc/cpuinfo has them, separated by blanks */
	char flags[4000];
	char bugs[400];
};
/*
 * Fills @info with the description of the host's first CPU. Returns 0, or -ENOENT with only hwcap
 * to minsigstksz set.
 */
int os_cpuinfo(struct os_cpuinfo *info);

#endif
